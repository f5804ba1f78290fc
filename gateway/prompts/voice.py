"""The synthetic voice: Chinese text to telephone audio by espeak-ng.

Everything is mono s16le at 8 kHz, levelled, and made off the event loop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import numpy as np
import soxr
from pydub import AudioSegment
from pydub.silence import detect_leading_silence

from config.fault import Fault, LastingFault
from gateway.prompts.pronounce import pronounce
from gateway.site.sound import SAMPLE_RATE
from recordings.threads import Threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

VOICE_VERSION: Final = "espeak-ng cmn-latn-pinyin 1"
"""Part of every cache key: raise it when the same text would sound different."""

SPEECH_LEVEL: Final = -20.0
_PEAK: Final = -3.5
_SYLLABLE_RATE: Final = 180  # espeak's "words a minute": about 3.3 syllables a second
_ESPEAK_RATE: Final = 22050
_FRAME_MS: Final = 20
_ACTIVE_RANGE: Final = 30.0  # frames this far below the loudest one are pauses, not speech
_SILENCE: Final = -55.0
_EDGE_MS: Final = 20
_finishing: Final = Threads("voice", 2)


class VoiceError(LastingFault):
    """The text could not be spoken; the message says why and what to do."""


class KilledError(Fault):
    """A program that makes sound was killed, as when memory is short: the next try may succeed."""

    def __init__(self, program: str, number: int) -> None:
        super().__init__(
            f"{program} was killed by signal {number}: if this comes again, see whether memory is short. "
            f"{program} 被信号 {number} 终止:若反复出现,请检查内存是否不足。"
        )


async def speak(text: str, voice: str = "cmn-latn-pinyin", level: float = SPEECH_LEVEL) -> bytes:
    """Say ``text`` and return mono s16le PCM at 8 kHz, the silence at both ends cut to 20 ms.

    ``level`` is the active speech level in dBFS; peaks stay below −3 dBFS, at the cost of the level.
    Raises VoiceError when nothing in the text can be said, or when espeak-ng is missing or fails,
    KilledError when it was killed.
    """
    pinyin = pronounce(text)
    if not pinyin:
        raise VoiceError(f"nothing in {text!r} can be said: give Chinese text, digits or letters")
    wave = await _run_espeak(pinyin, voice)
    return await _finishing.run(_finish, wave, level)


async def _run_espeak(pinyin: str, voice: str) -> bytes:
    try:
        process = await asyncio.create_subprocess_exec(
            *("espeak-ng", "-v", voice, "-s", str(_SYLLABLE_RATE), "--stdin", "--stdout"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise VoiceError("espeak-ng is not installed: run `apt install espeak-ng`") from error
    wave, complaint = await process.communicate(pinyin.encode())
    if process.returncode is not None and process.returncode < 0:
        raise KilledError("espeak-ng", -process.returncode)
    if process.returncode or b"data" not in wave[:64]:
        reason = complaint.decode(errors="replace").strip() or f"exit status {process.returncode}"
        raise VoiceError(f"espeak-ng failed with voice {voice!r}: {reason}")
    return wave


def _finish(wave: bytes, to: float) -> bytes:
    # The sizes in the header of a WAV written to a pipe mean nothing: the samples run to the end.
    start = wave.index(b"data") + 8
    samples: NDArray[np.int16] = np.frombuffer(wave, "<i2", (len(wave) - start) // 2, start)
    narrow = soxr.resample(samples, _ESPEAK_RATE, SAMPLE_RATE, "HQ")
    segment = AudioSegment(narrow.astype("<i2").tobytes(), sample_width=2, frame_rate=SAMPLE_RATE, channels=1)
    return bytes(level(trim(segment), to).raw_data)


def trim(segment: AudioSegment, silence: float = _SILENCE) -> AudioSegment:
    """Cut what is below so many dBFS at both ends, but for 20 ms of it."""
    lead = detect_leading_silence(segment, silence_threshold=silence, chunk_size=5)
    tail = detect_leading_silence(segment.reverse(), silence_threshold=silence, chunk_size=5)
    return segment[max(0, lead - _EDGE_MS) : len(segment) - max(0, tail - _EDGE_MS)]


def level(segment: AudioSegment, to: float = SPEECH_LEVEL) -> AudioSegment:
    """Bring the active speech level to so many dBFS, or as near as peaks below −3 dBFS allow."""
    return segment.apply_gain(min(to - measure_level(segment), _PEAK - segment.max_dBFS))


def measure_level(segment: AudioSegment) -> float:
    """Give the active speech level in dBFS: the mean power of the 20 ms frames that are not pauses."""
    frames = [frame for frame in segment[::_FRAME_MS] if frame.rms]
    if not frames:
        return float("-inf")
    loudest = max(frame.dBFS for frame in frames)
    active = [frame.rms**2 for frame in frames if frame.dBFS > loudest - _ACTIVE_RANGE]
    return float(10 * np.log10(np.mean(active) / 32768**2))
