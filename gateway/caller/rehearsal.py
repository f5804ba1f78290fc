"""A script made ready to be spoken: every sound exists before the call begins."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from config.script import Cough, Say, SayFile
from gateway.caller.cough import cough
from gateway.prompts import sounds
from gateway.prompts.voice import VOICE_VERSION, speak
from gateway.site.sound import Sound

if TYPE_CHECKING:
    from pathlib import Path

    from config.script import Script, Step


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """``sounds`` has for each step of ``script`` what it says, or None."""

    script: Script
    sounds: tuple[Sound | None, ...]

    @property
    def seconds(self) -> tuple[float, ...]:
        """How long each step speaks."""
        return tuple(sound.seconds if sound else 0.0 for sound in self.sounds)


async def rehearse(script: Script, *, folder: Path, base: Path) -> Rehearsal:
    """Make what the script says. What has to be spoken is kept in ``folder`` and used again.

    The script's own sound files are found from the folder ``base``. Raises VoiceError or SoundError for a step that
    cannot be said.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    made = [await _make(step, folder, base) for step in script.steps]
    return Rehearsal(script, tuple(made))


async def _make(step: Step, folder: Path, base: Path) -> Sound | None:
    if isinstance(step, SayFile):
        return Sound(await sounds.convert(base / step.say_file))
    if isinstance(step, Cough):
        return Sound(cough(step.cough, step.level))
    if not isinstance(step, Say):
        return None
    key = f"{VOICE_VERSION} {step.level} {step.say}"
    file = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.wav"
    if await asyncio.to_thread(file.exists):
        return Sound(await asyncio.to_thread(sounds.read_wav, file))
    pcm = await speak(step.say, level=step.level)
    await asyncio.to_thread(sounds.write_wav, file, pcm)
    return Sound(pcm)
