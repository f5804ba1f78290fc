"""From a recording of any kind to a prompt beside the others: telephone sound, silence cut off, levelled."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import soxr
from pydub import AudioSegment

from gateway.prompts.sounds import SoundError, convert
from gateway.prompts.voice import SPEECH_LEVEL, level, measure_level, trim
from gateway.site.sound import SAMPLE_RATE, Sound

if TYPE_CHECKING:
    from pathlib import Path

_SHORTEST: Final = 0.1  # seconds
_LONGEST: Final = 300.0
_RATE: Final = 48000  # Hz: no recording of speech has more to give
_ROOM: Final = 35.0  # dB below the speech: what a room sounds like in which nobody speaks
_LOWEST: Final = -90.0  # dBFS; of nothing at all there is no level
_FAINT: Final = -50.0  # dBFS: what is fainter than that in its speech is no recording of anybody
_NEAR: Final = 2.0  # dB below the level aimed at that nobody notices


@dataclass(frozen=True, slots=True)
class Finished:
    """A prompt's sound; ``level`` is that of its speech in dBFS."""

    sound: Sound
    level: float

    @property
    def is_faint(self) -> bool:
        """Whether single peaks have kept it below the level of the others."""
        return self.level < SPEECH_LEVEL - _NEAR


def read(file: Path) -> AudioSegment:
    """The sound of a file of any format that ffmpeg reads, of one that is too long a little more than is allowed.

    Raises SoundError, and KilledError.
    """
    if not file.is_file():
        raise SoundError(f"{file}: 没有这个文件 / no such file")
    return of_pcm(asyncio.run(convert(file, _RATE, _LONGEST + 1.0)), _RATE)


def of_pcm(pcm: bytes, rate: int) -> AudioSegment:
    """Mono s16le at that rate as `finish` takes it."""
    return AudioSegment(pcm, sample_width=2, frame_rate=rate, channels=1)


def finish(recorded: AudioSegment, what: str) -> Finished:
    """Make a prompt of it, as the machine's voice is made.

    One channel, 8 kHz; silence at both ends cut to 20 ms; speech at −20 dBFS (the mean power of its 20 ms frames
    without the pauses), peaks below −3 dBFS at the cost of that level. Raises SoundError, which names ``what`` it is
    of, for what is silent, too short or longer than five minutes.
    """
    mono = recorded.set_channels(1).set_sample_width(2)
    if mono.duration_seconds > _LONGEST:
        raise SoundError(f"{what}: 长于五分钟 / longer than five minutes: {mono.duration_seconds:.0f} s")
    samples = np.frombuffer(mono.raw_data, "<i2")
    narrow = soxr.resample(samples, mono.frame_rate, SAMPLE_RATE, "HQ")
    whole = of_pcm(narrow.astype("<i2").tobytes(), SAMPLE_RATE)
    segment = trim(whole, max(measure_level(whole) - _ROOM, _LOWEST))
    if segment.duration_seconds < _SHORTEST or measure_level(segment) < _FAINT:
        raise SoundError(
            f"{what}: 里面没有声音,或声音太小 / nothing in it, or too faint: 请靠近麦克风重录 / record it again, closer"
        )
    levelled = level(segment)
    return Finished(Sound(bytes(levelled.raw_data)), measure_level(levelled))
