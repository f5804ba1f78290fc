"""The parts of a prompt: fixed words, slots and pauses, and which of them the operator has recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from config import prompts
from config.fault import LastingFault
from config.prompts import Melody, Tone
from gateway.prompts.pronounce import is_sayable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

SOUND_FILES: Final = frozenset({".wav", ".mp3", ".ogg", ".opus", ".flac", ".m4a"})


class PromptError(LastingFault):
    """A prompt cannot be played as asked; the message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Words that are always the same; ``recording`` is the operator's own file for them, if there is one."""

    text: str
    recording: Path | None


@dataclass(frozen=True, slots=True)
class Slot:
    """A place to be filled when the prompt is played."""

    name: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Punctuation alone between two slots."""

    text: str


Part = Fixed | Slot | Pause | Tone | Melody


def find_recordings(folder: Path) -> dict[str, Path]:
    """List the operator's sound files by the part they stand for: ``NAME`` or ``NAME.1``, ``NAME.2`` ….

    Raises PromptError when the folder is missing or two files stand for the same part.
    """
    if not folder.is_dir():
        raise PromptError(f"{folder}: no such folder: create it or correct dialogue.replacements")
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.name.startswith(".") or file.suffix.lower() not in SOUND_FILES:
            continue
        other = found.setdefault(file.stem, file)
        if other != file:
            raise PromptError(f"{file} and {other} replace the same prompt: remove one of them")
    return found


def cut(
    texts: Mapping[str, str | Tone | Melody], recordings: Mapping[str, Path]
) -> dict[str, tuple[Part, ...]]:
    """Cut every prompt into its parts.

    A prompt without slots takes the recording ``NAME``; in one with slots the fixed words, counted from 1,
    take ``NAME.1``, ``NAME.2`` …. Raises PromptError for a text that says nothing and for a recording that no
    part takes.
    """
    unused = dict(recordings)
    parts = {name: tuple(_cut(name, text, unused)) for name, text in texts.items()}
    if unused:
        strays = ", ".join(str(file) for file in unused.values())
        raise PromptError(f"no prompt to replace by {strays}: name a file NAME.wav or NAME.1.wav")
    return parts


def label(name: str, parts: Sequence[Part]) -> dict[str, Fixed | Tone | Melody]:
    """The parts of prompt NAME that a recording may stand for, by the name such a recording has."""
    single = not any(isinstance(part, Slot) for part in parts)
    own = [part for part in parts if isinstance(part, Fixed | Tone | Melody)]
    return {name if single else f"{name}.{number}": part for number, part in enumerate(own, start=1)}


def _cut(name: str, text: str | Tone | Melody, recordings: dict[str, Path]) -> Iterator[Part]:
    if not isinstance(text, str):
        # An operator's own sound may stand for a tone or music as well; it says nothing.
        yield Fixed("", recordings.pop(name)) if name in recordings else text
        return
    pieces = prompts.split(text)
    if not any(slot or is_sayable(words) for words, slot in pieces):
        raise PromptError(f"prompt {name!r} says nothing: give it Chinese text")
    single = not any(slot for _, slot in pieces)
    number = 0
    for words, slot in pieces:
        if is_sayable(words):
            number += 1
            yield Fixed(words, recordings.pop(name if single else f"{name}.{number}", None))
        elif words.strip():
            yield Pause(words)
        if slot:
            yield Slot(slot)
