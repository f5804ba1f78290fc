"""Telephone sounds made and converted (mono s16le PCM at 8 kHz), and kept as WAV files, whole or not at all."""

from __future__ import annotations

import asyncio
import os
import tempfile
import wave
from pathlib import Path

from pydub.generators import Sine

from config.fault import LastingFault
from gateway.prompts.voice import KilledError
from gateway.site.sound import SAMPLE_RATE
from recordings.syncing import sync_file, sync_folder

_TONE_LEVEL = -16.0
_HEADER_BYTES = 44  # of what `wave` writes
_FADE_MS = 10  # without it a tone begins and ends with a click


class SoundError(LastingFault):
    """A sound file cannot be used; the message names it and says what to do."""


async def convert(file: Path, rate: int = SAMPLE_RATE, longest: float | None = None) -> bytes:
    """Read a sound file of any format and rate that ffmpeg knows as mono s16le PCM at ``rate`` Hz.

    Of one longer than ``longest`` seconds only so much is read. Raises SoundError when it is unreadable or empty, or
    when ffmpeg is missing, KilledError when it was killed.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *("ffmpeg", "-v", "error", "-nostdin"),
            *(() if longest is None else ("-t", str(longest))),
            *("-i", f"file:{file}", "-vn", "-ac", "1", "-ar", str(rate), "-f", "s16le", "-"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise SoundError("没有安装 ffmpeg / ffmpeg is not installed: apt install ffmpeg") from error
    pcm, complaint = await process.communicate()
    if process.returncode is not None and process.returncode < 0:
        raise KilledError("ffmpeg", -process.returncode)
    if process.returncode or not pcm:
        reason = complaint.decode(errors="replace").strip().splitlines()
        raise SoundError(
            f"{file}: 不是可用的声音文件 / not a usable sound file ({reason[-1] if reason else 'no audio in it'})"
        )
    return pcm


def make_tone(hertz: float, seconds: float) -> bytes:
    """Make a sine tone at −16 dBFS as mono s16le PCM at 8 kHz; 0 < ``hertz`` < 4000."""
    sine = Sine(hertz, sample_rate=SAMPLE_RATE, bit_depth=16)
    tone = sine.to_audio_segment(duration=1000 * seconds, volume=_TONE_LEVEL)
    return bytes(tone.fade_in(_FADE_MS).fade_out(_FADE_MS).raw_data)


def make_silence(seconds: float) -> bytes:
    """Make silence as mono s16le PCM at 8 kHz."""
    return bytes(2 * round(seconds * SAMPLE_RATE))


def write_wav(file: Path, pcm: bytes, *, durable: bool = False) -> None:
    """Write mono s16le PCM at 8 kHz as a WAV file; a reader sees the whole file or none.

    ``durable``: after a power failure, too. What is not, `is_whole` tells from what was cut short, and is made again.
    """
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".wav")
    scratch = Path(name)
    try:
        with os.fdopen(handle, "wb") as raw, wave.open(raw, "wb") as target:
            target.setnchannels(1)
            target.setsampwidth(2)
            target.setframerate(SAMPLE_RATE)
            target.writeframes(pcm)
        if durable:
            sync_file(scratch)
        scratch.chmod(0o644)  # a scratch file is its maker's alone
        scratch.replace(file)
        if durable:
            sync_folder(file.parent)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def is_whole(file: Path) -> bool:
    """Whether ``write_wav`` wrote it, and nothing of it is missing."""
    try:
        with wave.open(str(file), "rb") as source:
            return file.stat().st_size == _HEADER_BYTES + source.getnframes() * source.getsampwidth()
    except (FileNotFoundError, EOFError, wave.Error):
        return False


def read_wav(file: Path) -> bytes:
    """Read back what ``write_wav`` wrote."""
    with wave.open(str(file), "rb") as source:
        return source.readframes(source.getnframes())
