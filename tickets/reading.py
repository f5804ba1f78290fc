"""A call's folder read into its record: journal, late transcript, and, where words are missing, the voice in it."""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from asr.endpoint import Ended, Endpointer
from asr.transcript import Transcript
from ivr.matter import Window
from recordings import folders, journal, wav
from recordings.syncing import sync_folder
from recordings.threads import Threads
from tickets.record import fold

if TYPE_CHECKING:
    from pathlib import Path

    from recordings.entries import Reading
    from tickets.record import CallRecord

_PAUSE_S = 1.0
_CHUNK_S = 10
_reading = Threads("filing", 2)
_looking = Threads("voice", 1)  # it computes: many at once would crowd the live calls out of the interpreter

_log = logging.getLogger(__name__)


async def read_record(folder: Path) -> CallRecord:
    """The record of the call in ``folder``; looks for voice in the recording only where words are missing.

    One recording is looked through at a time, whoever asks. Raises OSError.
    """
    reading, late, second, seconds = await _reading.run(_read, folder)
    record = fold(folder.name, reading, late, seconds, None, second)
    if record.ended_at is None or record.live.complete:
        return record
    voiced: tuple[Window, ...] = ()
    if seconds:
        voiced = await _looking.run(_find_voice, folder / folders.AUDIO, seconds)
    return fold(folder.name, reading, late, seconds, voiced, second)


def _read(folder: Path) -> tuple[Reading, Transcript | None, Transcript | None, float]:
    reading = journal.read(folder)
    try:
        seconds = wav.duration(folder / folders.AUDIO)
    except wav.NotARecordingError as error:
        _log.error("filed without its recording: %s", error)
        seconds = 0.0
    return reading, read_transcript(folder, folders.LATE), read_transcript(folder, folders.SECOND), seconds


def read_transcript(folder: Path, name: str) -> Transcript | None:
    """The transcript made from the recording, if there is one by now that can be read. Raises OSError.

    ``name`` is ``folders.LATE`` or ``folders.SECOND``.
    """
    file = folder / name
    try:
        return Transcript.from_json(json.loads(file.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        _log.error("%s cannot be read, the recording is to be transcribed again: %s", file, error)
        return None


def write_transcript(folder: Path, name: str, transcript: Transcript) -> None:
    """Whole or not at all, and durable; one that could not be read is set aside. Raises OSError."""
    draft = folder / f"{name}.new"
    with draft.open("w") as file:
        json.dump(transcript.to_json(), file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileNotFoundError):
        (folder / name).rename(folder / f"{name}.unreadable")
    draft.rename(folder / name)
    sync_folder(folder)


def _find_voice(audio: Path, seconds: float) -> tuple[Window, ...]:
    endpointer = Endpointer(_PAUSE_S)
    found = []
    for start in range(0, int(seconds) + 1, _CHUNK_S):
        found += endpointer.feed(wav.read_channel(audio, 0, start, start + _CHUNK_S))
    found += endpointer.finish()
    return tuple(Window(event.start, event.end) for event in found if isinstance(event, Ended))
