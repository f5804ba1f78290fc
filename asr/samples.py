"""Arithmetic on s16le samples, in C."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # Python 3.13 drops audioop; this program runs on 3.11 and 3.12, where nothing else in the library sums samples.
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop


def rms(pcm: bytes) -> int:
    """Root mean square of the samples, 0..32768."""
    return audioop.rms(pcm, 2)


def amplify(pcm: bytes, factor: float) -> bytes:
    """Every sample times FACTOR, clipped to 16 bits."""
    return audioop.mul(pcm, 2, factor)


def project(pcm: bytes, reference: bytes) -> float:
    """How much of REFERENCE (as long as PCM) is in PCM: their scalar product over the reference's own energy."""
    return audioop.findfactor(pcm, reference)
