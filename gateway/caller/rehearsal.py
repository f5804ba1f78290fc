"""A script made ready to be spoken: every sound exists before the call begins."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.script import Say, SayFile
from gateway.prompts import sounds
from gateway.prompts.voice import VOICE_VERSION, speak

if TYPE_CHECKING:
    from pathlib import Path

    from config.script import Script, Step


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """``sounds`` has for each step of ``script`` the WAV file (mono s16le, 8 kHz) it says, or None."""

    script: Script
    sounds: tuple[Path | None, ...]

    @property
    def seconds(self) -> tuple[float, ...]:
        """How long each step speaks."""
        return tuple(sounds.measure_seconds(sound) if sound else 0.0 for sound in self.sounds)


async def rehearse(script: Script, *, folder: Path, base: Path) -> Rehearsal:
    """Make what the script says, as files in ``folder`` (kept by their content and used again).

    The script's own sound files are found from the folder ``base``. Raises VoiceError or SoundError for a step that
    cannot be said.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    made = [await _make(step, folder, base) for step in script.steps]
    return Rehearsal(script, tuple(made))


async def _make(step: Step, folder: Path, base: Path) -> Path | None:
    if isinstance(step, SayFile):
        pcm = await sounds.convert(base / step.say_file)
        file = folder / f"{hashlib.sha256(pcm).hexdigest()[:32]}.wav"
    elif isinstance(step, Say):
        key = f"{VOICE_VERSION} {step.level} {step.say}"
        file = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.wav"
        if await asyncio.to_thread(file.exists):
            return file
        pcm = await speak(step.say, level=step.level)
    else:
        return None
    await asyncio.to_thread(sounds.write_wav, file, pcm)
    return file
