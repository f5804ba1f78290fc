from __future__ import annotations

import numpy as np
import pytest

from asr.fax import Fax


def cries(tones, silence, frequency: float, on: float = 0.5, off: float = 3.0) -> bytes:
    return silence(0.7) + (tones(on, -15, frequency) + silence(off)) * 3


@pytest.mark.parametrize("frequency", [1062, 1100, 1138])
@pytest.mark.parametrize(("on", "off"), [(0.5, 3.0), (0.43, 2.6), (0.57, 3.4)])
def test_a_fax_is_known_by_its_second_cry(tones, silence, noise, frequency, on, off):
    pcm = np.frombuffer(cries(tones, silence, frequency, on, off), "<i2").astype(int)
    pcm = (
        (pcm + np.frombuffer(noise(len(pcm) / 8000, -50), "<i2")).clip(-32768, 32767).astype("<i2").tobytes()
    )
    fax = Fax()
    known = next(at for at in range(0, len(pcm), 1000) if fax.take(pcm[at : at + 1000]))
    assert known / 16000 == pytest.approx(0.7 + 2 * on + off, abs=0.15)


@pytest.mark.parametrize(
    ("frequency", "on", "off"),
    [
        (1100, 0.2, 3.0),
        (1100, 0.5, 1.0),
        (1100, 5.0, 3.0),
        (1000, 0.5, 3.0),
        (1300, 0.5, 3.0),
        (450, 1.0, 4.0),
    ],
)
def test_other_tones_are_no_fax(tones, silence, frequency, on, off):
    assert not Fax().take(cries(tones, silence, frequency, on, off))


def test_a_voice_is_no_fax(voice, silence):
    assert not Fax().take((voice(0.5, -20) + silence(3)) * 4)
