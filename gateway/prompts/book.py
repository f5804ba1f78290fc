"""What a caller hears: prompts by name, each played as one sound from memory.

Fixed words are spoken once and kept on disk (or are the operator's own recordings), and in memory from the start
on; slots are spoken when the prompt is asked for, and the parts are joined. What is joined for one caller tells his
number or his place: it is nowhere but in memory, and no longer than somebody plays it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from config.document import load
from config.prompts import Melody, PromptTexts, Tone
from gateway.prompts import sounds
from gateway.prompts.melody import MELODY_VERSION, make_melody
from gateway.prompts.pronounce import is_sayable
from gateway.prompts.voice import VOICE_VERSION, speak
from gateway.prompts.wording import Fixed, Part, PromptError, Slot, cut, find_recordings, label
from gateway.site.sound import Sound
from recordings.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from ivr.actions import Prompt

Made = Fixed | Tone | Melody
"""A part that is always the same, made once."""

_working: Final = Threads("prompts", 8)
_PAUSES: Final = {"": 0.0, **dict.fromkeys("。.!?!?…", 0.35), **dict.fromkeys(",,、;;::", 0.18)}


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt ready to be played, and the words in it ("" for a tone)."""

    sound: Sound
    text: str


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
        self._places: dict[Made, Path] = {}
        self._parts: dict[Made, Sound] = {}
        self._joined: dict[tuple[str, frozenset[tuple[str, str]]], Sound] = {}
        self._fixed.mkdir(parents=True, exist_ok=True)
        self._openings.mkdir(exist_ok=True)

    async def prepare(
        self,
        openings: Iterable[Prompt] = (),
        progress: Callable[[int, int], None] = lambda _made, _wanted: None,
        at_once: int = os.cpu_count() or 1,
    ) -> None:
        """Take every fixed part and every one of these openings into memory, so that no caller waits for them.

        What the cache lacks is made first; what an earlier version has left there of callers' prompts is removed.

        ``at_once`` of them are made at a time; ``progress`` is told (made so far, how many in all). Raises SoundError
        naming a recording that cannot be read, VoiceError when there is no voice, KilledError when what makes it was
        killed, PromptError for an opening that is no prompt.
        """
        await _working.run(_remove_left, self._cache / "joined")
        parts = {part for prompt in self._prompts.values() for part in prompt if isinstance(part, Made)}
        missing = [part for part in parts if not sounds.is_whole(await self._find(part))]
        joined = {self._openings / await self._name(self._cut(o), o.slots): o for o in openings if o.slots}
        unmade = [place for place in joined if not sounds.is_whole(place)]
        gate = asyncio.Semaphore(at_once)
        made = 0

        async def make(one: Callable[[], Awaitable[None]]) -> None:
            nonlocal made
            async with gate:
                await one()
            made += 1
            progress(made, len(missing) + len(unmade))

        try:
            async with asyncio.TaskGroup() as group:
                for part in missing:
                    group.create_task(make(partial(self._make, part)))
            for part in parts:
                await self._take(part)
            async with asyncio.TaskGroup() as group:
                for place in unmade:
                    group.create_task(make(partial(self._keep, joined[place], place)))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        for place, opening in joined.items():
            self._joined[_key(opening)] = Sound(await _working.run(sounds.read_wav, place))

    async def export(self, folder: Path) -> int:
        """Copy each part into FOLDER under the name of a recording that would replace it; how many there are.

        Parts not made yet are made. Raises what ``prepare`` does, and OSError when the folder cannot be written.
        """
        named = {
            name: part for key, parts in self._prompts.items() for name, part in label(key, parts).items()
        }
        copies = {name: await self._take(part) for name, part in named.items()}

        def copy() -> None:
            folder.mkdir(parents=True, exist_ok=True)
            for name, sound in copies.items():
                sounds.write_wav(folder / f"{name}.wav", sound.pcm)

        await _working.run(copy)
        return len(copies)

    async def render(self, prompt: Prompt) -> Rendered:
        """Give the prompt as one sound, its slots filled.

        What `prepare` has taken into memory is given at once: without a wait, a thread or a look at a disk. A slot's
        value that cannot be said (signs only) is left out. Raises PromptError for an unknown prompt or a slot without
        a value.
        """
        parts = self._cut(prompt)
        text = "".join(_words(part, prompt.slots) for part in parts)
        if len(parts) == 1 and isinstance(parts[0], Made):
            return Rendered(await self._take(parts[0]), text)
        sound = self._joined.get(_key(prompt))
        if sound is None:
            sound = Sound(await self._join(parts, prompt.slots))
        return Rendered(sound, text)

    def _cut(self, prompt: Prompt) -> tuple[Part, ...]:
        parts = self._prompts.get(prompt.name)
        if parts is None:
            raise PromptError(f"there is no prompt {prompt.name!r}: add it to the prompts file")
        for part in parts:
            if isinstance(part, Slot) and part.name not in prompt.slots:
                raise PromptError(f"prompt {prompt.name!r} needs a value for {{{part.name}}}")
        return parts

    def _place(self, part: Made) -> Path:
        """Where a fixed part is kept: by what it says and by which voice, or by the recording's own bytes."""
        if isinstance(part, Tone):
            key = f"tone {part.tone} {part.seconds}".encode()
        elif isinstance(part, Melody):
            key = f"melody {MELODY_VERSION} {part.melody} {part.seconds}".encode()
        elif part.recording is None:
            key = f"{VOICE_VERSION} {part.text}".encode()
        else:
            key = _read_recording(part.recording)
        return self._fixed / f"{_digest(key)}.wav"

    async def _find(self, part: Made) -> Path:
        place = self._places.get(part)
        if place is None:
            place = self._places[part] = await _working.run(self._place, part)
        return place

    async def _take(self, part: Made) -> Sound:
        """The part from memory; it is brought there first if need be, and made before that."""
        sound = self._parts.get(part)
        if sound is None:
            place = await self._find(part)
            if not sounds.is_whole(place):
                await self._make(part)
            pcm = await _working.run(sounds.read_wav, place)
            sound = self._parts.setdefault(part, Sound(pcm))
        return sound

    async def _make(self, part: Made) -> None:
        if isinstance(part, Tone):
            pcm = sounds.make_tone(part.tone, part.seconds)
        elif isinstance(part, Melody):
            pcm = await _working.run(make_melody, part.melody, part.seconds)
        elif part.recording is None:
            pcm = await speak(part.text)
        else:
            pcm = await sounds.convert(part.recording)
        await _working.run(sounds.write_wav, await self._find(part), pcm)

    async def _name(self, parts: Sequence[Part], slots: Mapping[str, str]) -> str:
        """What a joined file is called: by its fixed parts and by what its slots say."""
        said = [
            (await self._find(part)).stem if isinstance(part, Fixed) else _words(part, slots)
            for part in parts
        ]
        return f"{_digest(repr((VOICE_VERSION, said)).encode())}.wav"

    async def _keep(self, opening: Prompt, place: Path) -> None:
        pcm = await self._join(self._cut(opening), opening.slots)
        await _working.run(sounds.write_wav, place, pcm)

    async def _join(self, parts: Sequence[Part], slots: Mapping[str, str]) -> bytes:
        fixed = {part: await self._take(part) for part in parts if isinstance(part, Fixed)}
        values = {slots[part.name] for part in parts if isinstance(part, Slot)}
        sayable = [value for value in values if is_sayable(value)]
        spoken = dict(zip(sayable, await asyncio.gather(*map(speak, sayable)), strict=True))
        joined = bytearray()
        for part in parts:
            words = _words(part, slots)
            joined += sounds.make_silence(_PAUSES.get(words[:1], 0.0))
            joined += fixed[part].pcm if isinstance(part, Fixed) else spoken.get(words, b"")
            joined += sounds.make_silence(_PAUSES.get(words[1:][-1:], 0.0))
        return bytes(joined)


def _words(part: Part, slots: Mapping[str, str]) -> str:
    match part:
        case Tone() | Melody():
            return ""
        case Slot(name):
            return slots[name]
        case _:
            return part.text


def _key(prompt: Prompt) -> tuple[str, frozenset[tuple[str, str]]]:
    return prompt.name, frozenset(prompt.slots.items())


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
