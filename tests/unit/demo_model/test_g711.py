import warnings

import numpy as np
import pytest

from asr.demo_model.g711 import ALAW, ULAW, pass_through

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

CODES = bytes(range(256))
REFERENCE = {
    "alaw": (audioop.alaw2lin, audioop.lin2alaw, ALAW),
    "ulaw": (audioop.ulaw2lin, audioop.lin2ulaw, ULAW),
}


@pytest.mark.parametrize("law", REFERENCE)
def test_levels_are_those_of_a_decoder(law: str) -> None:
    decode, _, levels = REFERENCE[law]
    assert set(np.frombuffer(decode(CODES, 2), "<i2").tolist()) == set(levels.tolist())


@pytest.mark.parametrize("law", REFERENCE)
def test_coding_is_as_good_as_an_encoder(law: str) -> None:
    decode, encode, levels = REFERENCE[law]
    samples = np.arange(-32000, 32000, 7).astype("<i2")
    theirs = np.frombuffer(decode(encode(samples.tobytes(), 2), 2), "<i2").astype(float)
    ours = pass_through(samples.astype(float), levels)
    assert np.abs(ours - samples).max() <= np.abs(theirs - samples).max()
    assert np.array_equal(pass_through(ours, levels), ours)
