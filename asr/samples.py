"""Arithmetic on s16le samples, in C."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

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


def crossings(pcm: bytes) -> int:
    """How often the samples change their sign."""
    return audioop.cross(pcm, 2)


def to_floats(pcm: bytes) -> NDArray[np.float64]:
    """The samples, as numbers that can be computed with."""
    return np.frombuffer(pcm, "<i2").astype(np.float64)
