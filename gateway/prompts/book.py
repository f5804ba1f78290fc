"""What a caller hears: prompts by name, each played as one WAV file (mono s16le, 8 kHz).

Fixed words are spoken once and kept (or are the operator's own recordings); slots are spoken when the prompt
is asked for, and the parts are joined into one file. What is joined for one caller tells his number or his place:
that file is in memory only.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from config.document import load
from config.prompts import PromptTexts, Tone
from gateway.prompts import sounds
from gateway.prompts.pronounce import pronounce
from gateway.prompts.voice import VOICE_VERSION, speak
from gateway.prompts.wording import Fixed, Part, PromptError, Slot, cut, find_recordings, label

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from ivr.actions import Prompt

_PAUSES: Final = {"": 0.0, **dict.fromkeys("。.!?!?…", 0.35), **dict.fromkeys(",,、;;::", 0.18)}


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt ready to be played: the WAV file, its length, and the words in it ("" for a tone).

    ``memory`` is the file when it is in memory only. ``path`` leads there until `close`; who has opened it by then
    reads on.
    """

    path: Path
    seconds: float
    text: str
    memory: BinaryIO | None = None

    def close(self) -> None:
        """Let go of what was made for this caller; nothing of it is left."""
        if self.memory is not None:
            self.memory.close()


class PromptBook:
    """All prompts of a gateway.

    ``texts`` is the prompts file. ``replacements`` is a folder of the operator's recordings, named as
    ``gateway.prompts.wording.cut`` tells. ``cache`` is a folder of ours, made when missing. Raises ConfigError when
    the file is wrong, PromptError when a text or a recording is.
    """

    def __init__(self, texts: Path, replacements: Path | None, cache: Path) -> None:
        prompts = load(PromptTexts, texts).prompts
        self._prompts = cut(prompts, find_recordings(replacements) if replacements else {})
        self.recordings = sum(
            isinstance(part, Fixed) and part.recording is not None
            for parts in self._prompts.values()
            for part in parts
        )
        """How many parts are the operator's own recordings."""
        self._fixed, self._openings, self._cache = cache / "fixed", cache / "openings", cache
        self._places: dict[Fixed | Tone, Path] = {}
        self._fixed.mkdir(parents=True, exist_ok=True)
        self._openings.mkdir(exist_ok=True)

    async def prepare(
        self,
        openings: Iterable[Prompt] = (),
        progress: Callable[[int, int], None] = lambda _made, _wanted: None,
    ) -> None:
        """Make every fixed part and every one of these openings that the cache lacks, so that no caller waits for it.

        What an earlier version has left of callers' prompts is removed.

        ``progress`` is told (made so far, how many in all). Raises SoundError naming a recording that cannot be read,
        VoiceError when there is no voice, KilledError when what makes it was killed, PromptError for an opening that is
        no prompt.
        """
        await asyncio.to_thread(_remove_left, self._cache / "joined")
        parts = {
            part for prompt in self._prompts.values() for part in prompt if isinstance(part, Fixed | Tone)
        }
        missing = [part for part in parts if not (await self._find(part)).exists()]
        joined = {self._openings / await self._name(self._cut(o), o.slots): o for o in openings if o.slots}
        unmade = {place: opening for place, opening in joined.items() if not place.exists()}
        gate = asyncio.Semaphore(os.cpu_count() or 1)
        made = 0

        async def make(one: Callable[[], Awaitable[Path]]) -> None:
            nonlocal made
            async with gate:
                await one()
            made += 1
            progress(made, len(missing) + len(unmade))

        try:
            async with asyncio.TaskGroup() as group:
                for part in missing:
                    group.create_task(make(partial(self._ensure, part)))
            async with asyncio.TaskGroup() as group:
                for place, opening in unmade.items():
                    group.create_task(make(partial(self._keep, opening, place)))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def export(self, folder: Path) -> int:
        """Copy each part into FOLDER under the name of a recording that would replace it; how many there are.

        Parts not made yet are made. Raises what ``prepare`` does, and OSError when the folder cannot be written.
        """
        named = {
            name: part for key, parts in self._prompts.items() for name, part in label(key, parts).items()
        }
        files = {name: await self._ensure(part) for name, part in named.items()}

        def copy() -> None:
            folder.mkdir(parents=True, exist_ok=True)
            for name, file in files.items():
                shutil.copyfile(file, folder / f"{name}.wav")

        await asyncio.to_thread(copy)
        return len(files)

    async def render(self, prompt: Prompt) -> Rendered:
        """Give the prompt as one file, its slots filled; whoever asks for it closes it.

        A slot's value that cannot be said (signs only) is left out. Raises PromptError for an unknown
        prompt or a slot without a value.
        """
        parts = self._cut(prompt)
        if len(parts) == 1 and isinstance(parts[0], Fixed | Tone):
            path = await self._ensure(parts[0])
        else:
            path = self._openings / await self._name(parts, prompt.slots)
        text = "".join(_words(part, prompt.slots) for part in parts)
        if await asyncio.to_thread(path.exists):
            return Rendered(path, await asyncio.to_thread(sounds.measure_seconds, path), text)
        pcm = await self._join(parts, prompt.slots)
        # Nothing is waited for from here on: who gives up waiting would leave the file open.
        memory = sounds.hold_wav(pcm)
        return Rendered(Path(f"/proc/self/fd/{memory.fileno()}"), sounds.count_seconds(pcm), text, memory)

    def _cut(self, prompt: Prompt) -> tuple[Part, ...]:
        parts = self._prompts.get(prompt.name)
        if parts is None:
            raise PromptError(f"there is no prompt {prompt.name!r}: add it to the prompts file")
        for part in parts:
            if isinstance(part, Slot) and part.name not in prompt.slots:
                raise PromptError(f"prompt {prompt.name!r} needs a value for {{{part.name}}}")
        return parts

    def _place(self, part: Fixed | Tone) -> Path:
        """Where a fixed part is kept: by what it says and by which voice, or by the recording's own bytes."""
        if isinstance(part, Tone):
            key = f"tone {part.tone} {part.seconds}".encode()
        elif part.recording is None:
            key = f"{VOICE_VERSION} {part.text}".encode()
        else:
            key = _read_recording(part.recording)
        return self._fixed / f"{_digest(key)}.wav"

    async def _find(self, part: Fixed | Tone) -> Path:
        place = self._places.get(part)
        if place is None:
            place = self._places[part] = await asyncio.to_thread(self._place, part)
        return place

    async def _ensure(self, part: Fixed | Tone) -> Path:
        place = await self._find(part)
        if place.exists():
            return place
        if isinstance(part, Tone):
            pcm = sounds.make_tone(part.tone, part.seconds)
        elif part.recording is None:
            pcm = await speak(part.text)
        else:
            pcm = await sounds.convert(part.recording)
        await asyncio.to_thread(sounds.write_wav, place, pcm)
        return place

    async def _name(self, parts: Sequence[Part], slots: Mapping[str, str]) -> str:
        """What a joined file is called: by its fixed parts and by what its slots say."""
        said = [
            (await self._find(part)).stem if isinstance(part, Fixed) else _words(part, slots)
            for part in parts
        ]
        return f"{_digest(repr((VOICE_VERSION, said)).encode())}.wav"

    async def _keep(self, opening: Prompt, place: Path) -> Path:
        pcm = await self._join(self._cut(opening), opening.slots)
        await asyncio.to_thread(sounds.write_wav, place, pcm)
        return place

    async def _join(self, parts: Sequence[Part], slots: Mapping[str, str]) -> bytes:
        fixed = {part: await self._ensure(part) for part in parts if isinstance(part, Fixed)}
        values = {slots[part.name] for part in parts if isinstance(part, Slot)}
        sayable = [value for value in values if pronounce(value)]
        spoken = dict(zip(sayable, await asyncio.gather(*map(speak, sayable)), strict=True))

        def join() -> bytes:
            sound = bytearray()
            for part in parts:
                words = _words(part, slots)
                sound += sounds.make_silence(_PAUSES.get(words[:1], 0.0))
                sound += sounds.read_wav(fixed[part]) if isinstance(part, Fixed) else spoken.get(words, b"")
                sound += sounds.make_silence(_PAUSES.get(words[1:][-1:], 0.0))
            return bytes(sound)

        return await asyncio.to_thread(join)


def _words(part: Part, slots: Mapping[str, str]) -> str:
    match part:
        case Tone():
            return ""
        case Slot(name):
            return slots[name]
        case _:
            return part.text


def _digest(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:32]


def _read_recording(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise sounds.SoundError(f"{file}: {error.strerror}: make it readable for this program") from error


def _remove_left(folder: Path) -> None:
    # The folder itself stays: a gateway of that version may still be draining beside this one.
    for file in folder.glob("*"):
        file.unlink(missing_ok=True)
