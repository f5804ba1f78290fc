"""G.711 as a channel: what a telephone line leaves of linear samples (ITU-T G.711, A-law and µ-law)."""

import numpy as np
from numpy.typing import NDArray

_SIGN, _SEGMENT, _STEP = 0x80, 0x70, 0x0F
_ALAW_TOGGLE = 0x55
_ALAW_BIAS = 0x108
_ULAW_BIAS = 0x84


def _alaw_levels() -> NDArray[np.int32]:
    levels = []
    for code in range(256):
        bits = code ^ _ALAW_TOGGLE
        segment = (bits & _SEGMENT) >> 4
        value = (bits & _STEP) << 4
        value = value + 8 if segment == 0 else (value + _ALAW_BIAS) << (segment - 1)
        levels.append(value if bits & _SIGN else -value)
    return np.array(sorted(levels), np.int32)


def _ulaw_levels() -> NDArray[np.int32]:
    levels = set()
    for code in range(256):
        bits = ~code & 0xFF
        value = ((((bits & _STEP) << 3) + _ULAW_BIAS) << ((bits & _SEGMENT) >> 4)) - _ULAW_BIAS
        levels.add(-value if bits & _SIGN else value)
    return np.array(sorted(levels), np.int32)


ALAW = _alaw_levels()
ULAW = _ulaw_levels()
"""The levels a decoder can give, ascending, on the 16-bit scale."""


def pass_through(samples: NDArray[np.float64], levels: NDArray[np.int32]) -> NDArray[np.float64]:
    """Encode and decode: every sample (16-bit scale) becomes the nearest level of the codec."""
    middles = (levels[1:] + levels[:-1]) / 2
    return levels[np.searchsorted(middles, samples)].astype(np.float64)
