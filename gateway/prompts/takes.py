"""The operator's recordings as they lie in their folder: which part each stands for, and what it says.

Beside a recording that came by `hotline prompts`, ``NAME.json`` notes its text: so a text that has been changed
since is noticed. What a new recording replaces goes to the folder ``previous``, one a part, with its note.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from config.fault import LastingFault
from gateway.prompts.sounds import write_wav
from gateway.prompts.wording import Fixed, cut, find_recordings, label

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from config.prompts import Melody, PromptTexts, Tone
    from gateway.site.sound import Sound

PREVIOUS: Final = "previous"
"""The folder of what was replaced, within that of the recordings."""

State = Literal["recorded", "stale", "unnoted", "made"]
"""By a person and of the text in use; of another text; put there by hand, so that nobody knows; by the machine."""


class TakeError(LastingFault):
    """A recording cannot be put in its place; the message says why and what to do."""


class Note(BaseModel):
    """What a recording says: ``text`` as it stood then, of the sound file with this SHA-256; ``source``: where from."""

    model_config = ConfigDict(frozen=True)

    text: str
    sha256: str
    at: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a prompt that a recording may stand for, by the name of such a recording, and who is heard now."""

    name: str
    prompt: str
    part: Fixed | Tone | Melody
    state: State

    @property
    def text(self) -> str:
        """What it says; "" for a tone or music."""
        return self.part.text.strip() if isinstance(self.part, Fixed) else ""


def list_pieces(texts: PromptTexts, folder: Path | None) -> dict[str, Piece]:
    """All parts by name, in the order of the prompts file. Raises PromptError for a recording of no part."""
    recordings = find_recordings(folder) if folder else {}
    return {
        name: Piece(name, prompt, part, _judge(part))
        for prompt, parts in cut(texts.prompts, recordings).items()
        for name, part in label(prompt, parts).items()
    }


def list_names(texts: PromptTexts) -> Mapping[str, str]:
    """What each part says, by its name, whatever lies in the folder."""
    return {piece.name: piece.text for piece in list_pieces(texts, None).values()}


def _judge(part: Fixed | Tone | Melody) -> State:
    if not isinstance(part, Fixed) or part.recording is None:
        return "made"
    note = read_note(part.recording)
    if note is None:
        return "unnoted"
    # What stands in a tone's place says nothing, and does not grow old.
    return "recorded" if not part.text or note.text == part.text.strip() else "stale"


def read_note(recording: Path) -> Note | None:
    """What is noted of it; None where there is no note, or it is of another sound than lies there now."""
    with suppress(FileNotFoundError, ValidationError):
        note = Note.model_validate_json(recording.with_suffix(".json").read_bytes())
        if note.sha256 == hashlib.sha256(recording.read_bytes()).hexdigest():
            return note
    return None


def keep(folder: Path, name: str, sound: Sound, note_of: tuple[str, datetime, str]) -> bool:
    """Put a recording in the place of that part: a reader sees the old one or the new, whole. Whether there was one.

    ``note_of`` is its text, when it was made, and where it is from. Raises OSError.
    """
    target = folder / f"{name}.wav"
    before = find_recordings(folder).get(name)
    if before is not None:
        _set_aside(before, target)
    write_wav(target, sound.pcm, durable=True)
    text, at, source = note_of
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    _write(
        target.with_suffix(".json"), Note(text=text, sha256=digest, at=at, source=source).model_dump_json()
    )
    return before is not None


def _set_aside(recording: Path, successor: Path) -> None:
    """Keep what is about to be replaced, in the place of what was kept before."""
    folder = recording.parent / PREVIOUS
    folder.mkdir(exist_ok=True)
    for old in folder.glob(f"{recording.stem}.*"):
        if old.stem == recording.stem:
            old.unlink()
    note = recording.with_suffix(".json")
    for file in (recording, note):
        with suppress(FileNotFoundError):
            (folder / file.name).hardlink_to(file)
    if recording != successor:  # of another format: two files of one name would stop the next start
        recording.unlink()


def _write(file: Path, text: str) -> None:
    draft = file.with_name(f".{file.name}")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o644)
    draft.replace(file)
