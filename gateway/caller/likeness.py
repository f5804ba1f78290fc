"""Whether what was heard is a sound that is known: by the course of its loudness, whatever a codec has made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FRAME: Final = 160  # samples: 20 ms at 8 kHz
_LATEST: Final = 500  # frames: 10 s in which it has to have begun
_PIECE: Final = 100  # frames: 2 s
_DRIFT: Final = (
    25  # frames by which a piece may come too soon or late after the one before: lines swallow, and stutter
)
_SWALLOWED: Final = 50  # frames that may be lacking in all
_FULL_SCALE: Final = 32768.0


def compare(heard: bytes, wanted: bytes) -> float:
    """How much of ``wanted`` stands in ``heard`` (both mono s16le at 8 kHz), 0..1: 1 is the same, 0 has nothing of it.

    The correlation of their loudness, frame by frame: of each piece where it is greatest, not far from where the piece
    before has ended, and the mean of all, the lively ones weighing more.
    """
    here, there = _measure(heard), _measure(wanted)
    if not here.any() or not there.any():
        return 0.0
    begins = _SWALLOWED + _LATEST  # places
    here = np.pad(here, (_SWALLOWED, len(there) + _LATEST))
    best, whole = np.zeros(begins), 0.0
    for at in range(0, len(there), _PIECE):
        piece = there[at : at + _PIECE]
        places = sliding_window_view(here[at : at + begins + len(piece) - 1], len(piece))
        alike, weight = _correlate(places, piece)
        nearby = sliding_window_view(np.pad(best, _DRIFT), 2 * _DRIFT + 1).max(axis=1)
        best, whole = nearby + weight * alike, whole + weight
    return max(float(best.max()) / whole, 0.0) if whole else 0.0


def _correlate(places: NDArray[np.float64], piece: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """How alike the piece is to each of the places, -1..1, and how lively it is."""
    places, piece = places - places.mean(axis=1, keepdims=True), piece - piece.mean()
    weight = float(np.linalg.norm(piece))
    scale = np.linalg.norm(places, axis=1) * weight
    return np.divide(places @ piece, scale, out=np.zeros(len(places)), where=scale > 0), weight


def _measure(pcm: bytes) -> NDArray[np.float64]:
    samples = np.frombuffer(pcm[: len(pcm) - len(pcm) % (2 * _FRAME)], "<i2").astype(np.float64)
    loudness: NDArray[np.float64] = np.sqrt((samples.reshape(-1, _FRAME) ** 2).mean(axis=1)) / _FULL_SCALE
    return loudness
