"""Whether what comes from a caller is our own prompt, come back. Sans-IO: what was played is known, to the sample.

An echo is what was played at most `LONGEST_SECONDS` ago, fainter, and changed by the line as a short filter changes it
(ITU-T G.168). The filter is found where speech would begin, in one look at the last frames: if it explains nearly all
that is in them, they are echo, and the filter is kept. From then on a frame costs one short convolution, and is echo
while what the filter leaves of it is little. A caller who speaks into the echo is what it leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy import fft  # here and now: what is imported when it is needed may find no descriptor left

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_SECONDS: Final = 0.4
"""The longest way of an echo to the caller and back."""

_RATE: Final = 8000
_LONGEST: Final = round(LONGEST_SECONDS * _RATE)
_BEFORE, _TAPS = (
    16,
    64,
)  # samples of the filter, and of them before its strongest: 8 ms in all, as a hybrid spreads
_KEPT: Final = _LONGEST + _TAPS + 2 * 2080  # samples of what was played: as much as a look goes back, twice
_LEFT_OF_LOOK: Final = (
    0.2  # of the power, where nothing is known yet: speech that fits so well by chance is not met
)
_LEFT_OF_FRAME: Final = 0.3  # of the power, by a filter that stands: -5 dB
_FAINTEST, _LOUDEST = (
    10**-4.5,
    10**-0.4,
)  # the filter's gain in power: -45 dB is not heard, above -4 dB is no echo
_LOADING: Final = 1e-3  # of the power of what was played: steadies the filter where that has none
_MOVES: Final = 240  # samples that an echo moves by at once: 30 ms
_FORGET: Final = 0.7  # what is known of the filter counts so much less with every look


class Echo:
    """The echo on one call. Positions are samples of the recording, at 8 kHz."""

    def __init__(self) -> None:
        self._played = bytearray()
        self._until = 0  # where _played ends
        self._lag = 0  # between a sample played and the first one that the filter makes of it
        self._filter: NDArray[np.float32] | None = None
        self._power = self._cross = np.zeros(_TAPS)

    def play(self, at: int, pcm: bytes) -> None:
        """What is heard from us from AT on, s16le; not to be called for silence. AT never goes back."""
        gap = at - self._until
        if 0 <= gap <= _KEPT:
            self._played += bytes(2 * gap)
        else:
            self._played.clear()
        self._played += pcm
        del self._played[: -2 * _KEPT]
        self._until = at + len(pcm) // 2

    def may_be(self, at: int) -> bool:
        """Whether anything was played so lately that an echo of it may come AT that sample."""
        return bool(self._played) and at < self._until + _LONGEST

    @property
    def is_known(self) -> bool:
        """Whether any echo has been found so far."""
        return self._filter is not None

    def has_part_in(self, at: int, frame: bytes) -> bool:
        """Whether much of the FRAME that begins AT that sample is echo, of a kind that is known or of none yet."""
        if self._filter is None:
            return True
        heard = _samples(frame)
        expected = self._expect(at, len(heard), self._filter)
        return bool(expected @ expected > _LEFT_OF_FRAME * (heard @ heard))

    def is_in(self, at: int, frame: bytes) -> bool:
        """Whether the FRAME that begins AT that sample is an echo of the kind that is known.

        It may have come nearer or gone farther: a jitter buffer leaves out, or fills in, some milliseconds.
        """
        if self._filter is None:
            return False
        heard = _samples(frame)
        rest = heard - self._expect(at, len(heard), self._filter)
        most = _LEFT_OF_FRAME * float(heard @ heard)
        return bool(rest @ rest < most) or self._has_moved(at, heard, self._filter, most)

    def _has_moved(self, at: int, heard: NDArray[np.float32], taps: NDArray[np.float32], most: float) -> bool:
        """Whether the known filter leaves less than MOST at another lag near by; if so, that is known from now on."""
        around = self._expect(at - _MOVES, len(heard) + 2 * _MOVES, taps)
        squares = np.cumsum(np.concatenate(([0.0], np.square(around, dtype=np.float64))))
        energy = squares[len(heard) :] - squares[: -len(heard)]
        rests = heard @ heard + energy - 2 * np.correlate(around, heard, "valid")
        best = int(np.argmin(rests))
        if rests[best] >= most or not 0 <= self._lag - (best - _MOVES) < _LONGEST:
            return False
        self._lag -= best - _MOVES
        return True

    def find(self, at: int, pcm: bytes) -> bool:
        """Whether what was heard from AT on is an echo of any kind; if so, it is known from now on.

        Where the whole does not fit, because it has moved meanwhile, its later half has to.
        """
        half = len(pcm) // 4
        return self._fits(at, _samples(pcm)) or self._fits(at + half, _samples(pcm[2 * half :]))

    def _fits(self, at: int, heard: NDArray[np.float32]) -> bool:
        played = self._recall(at - _LONGEST - _TAPS, at + len(heard))
        size = _fast(len(played) + len(heard))
        turned = fft.rfft(played[::-1], size)
        # cross[lag] = sum over t of heard[t] * played[t - lag]
        cross = fft.irfft(turned * fft.rfft(heard, size), size)[len(heard) - 1 :][: _LONGEST + _TAPS]
        squares = np.cumsum(np.concatenate(([0.0], np.square(played, dtype=np.float64))))
        energy = (squares[len(heard) :] - squares[: -len(heard)])[::-1][: len(cross)]
        floor = energy.max() * 1e-3
        if floor <= 0:
            return False
        strongest = int(np.argmax(np.square(cross[:_LONGEST]) / (energy[:_LONGEST] + floor)))
        lag = max(0, strongest - _BEFORE)
        span = self._recall(at - lag - _TAPS + 1, at - lag + len(heard))
        size = _fast(len(span) + _TAPS)
        keep = _FORGET if self._filter is not None and lag == self._lag else 0.0
        power = fft.irfft(np.square(np.abs(fft.rfft(span, size))), size)[:_TAPS] + keep * self._power
        cross = cross[lag : lag + _TAPS] + keep * self._cross
        taps = _solve(power, cross)
        rest = heard - self._expect(at, len(heard), taps, lag)
        gain = float(taps @ taps)
        if rest @ rest >= _LEFT_OF_LOOK * (heard @ heard) or not _FAINTEST < gain < _LOUDEST:
            return False
        self._lag, self._filter, self._power, self._cross = lag, taps, power, cross
        return True

    def _expect(
        self, at: int, count: int, taps: NDArray[np.float32], lag: int | None = None
    ) -> NDArray[np.float32]:
        """The echo that the filter makes in COUNT samples from AT on."""
        end = at - (self._lag if lag is None else lag)
        made: NDArray[np.float32] = np.convolve(self._recall(end - _TAPS + 1, end + count), taps, "valid")
        return made

    def _recall(self, begin: int, end: int) -> NDArray[np.float32]:
        """What was played between two samples; silence where nothing is known of it."""
        first = self._until - len(self._played) // 2
        inside = self._played[2 * max(0, begin - first) : 2 * max(0, end - first)]
        before = bytes(2 * min(end - begin, max(0, first - begin)))
        after = bytes(2 * (end - begin) - len(before) - len(inside))
        return _samples(before + inside + after)


def _samples(pcm: bytes | bytearray) -> NDArray[np.float32]:
    return np.frombuffer(pcm, "<i2").astype(np.float32)


def _solve(power: NDArray[np.float64], cross: NDArray[np.float64]) -> NDArray[np.float32]:
    """The filter that takes what has this autocorrelation to what has this correlation with it (Wiener-Hopf)."""
    index = np.abs(np.subtract.outer(np.arange(_TAPS), np.arange(_TAPS)))
    loaded = power.copy()
    loaded[0] *= 1 + _LOADING
    taps: NDArray[np.float32] = np.linalg.solve(loaded[index], cross).astype(np.float32)
    return taps


def _fast(size: int) -> int:
    """A length at least as large that transforms fast."""
    return -(-size // 512) * 512
