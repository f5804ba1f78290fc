"""Late transcription: what could not be heard in the call is heard in its recording, and the tickets amended."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from asr.client import AsrUnavailable
from asr.offline import transcribe
from asr.transcript import Transcript
from recordings import catalogue, folders, journal, wav
from tickets.filing import file_call

if TYPE_CHECKING:
    from pathlib import Path

    from asr.client import AsrClient
    from recordings.database import Database
    from tickets.number import NumberBook

_POLL_S = 2.0
_BACKOFF_FIRST_S = 1.0
_BACKOFF_MAX_S = 30.0
_BATCH = 20

_log = structlog.get_logger(__name__)


class LateTranscriber:
    """Transcribes this node's calls that are marked for it, one at a time, the oldest first.

    While the recogniser, the database or the disk refuses, it tries again at growing intervals, 30 s at most. A
    call whose own files are at fault does not hold up the others.
    """

    def __init__(self, db: Database, client: AsrClient, numbers: NumberBook, data: Path, node: int) -> None:
        self._db, self._client, self._numbers, self._data, self._node = db, client, numbers, data, node

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; the call in hand is then left as it was, and taken up again next time."""
        stopping = asyncio.create_task(stop.wait())
        delay = _BACKOFF_FIRST_S
        while not stop.is_set():
            work = asyncio.create_task(self.work())
            try:
                await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if not work.done():
                    break
                pause, delay = 0.0 if work.result() else _POLL_S, _BACKOFF_FIRST_S
            except (AsrUnavailable, SQLAlchemyError, OSError) as error:
                # The driver's own words may quote a value.
                reason = type(error).__name__ if isinstance(error, SQLAlchemyError) else str(error)
                _log.warning("late transcription waits", again_in_s=delay, reason=reason)
                pause, delay = delay, min(delay * 2, _BACKOFF_MAX_S)
            finally:
                work.cancel()
            await asyncio.wait({stopping}, timeout=pause)
        stopping.cancel()

    async def work(self) -> int:
        """Transcribe the calls that wait now (a batch of them); returns how many were done.

        Raises AsrUnavailable, SQLAlchemyError or OSError; the rest of the batch waits on.
        """
        async with self._db.read() as connection:
            wanted = await catalogue.read_wanted(connection, self._node, _BATCH)
        for call_id in wanted:
            with structlog.contextvars.bound_contextvars(call_id=call_id):
                await self._amend(call_id)
        return len(wanted)

    async def _amend(self, call_id: str) -> None:
        folder = folders.locate(self._data, call_id)
        if folder is None:
            _log.error("the recording is gone, its words are lost", data=str(self._data))
            async with self._db.write() as connection:
                await catalogue.give_up(connection, call_id)
            return
        if not (folder / folders.LATE).exists():
            await self._transcribe(folder)
        filed = await file_call(self._db, self._numbers, folder)
        _log.info("transcribed from the recording", tickets=filed.numbers)

    async def _transcribe(self, folder: Path) -> None:
        audio = folder / folders.AUDIO
        try:
            pcm = await asyncio.to_thread(wav.read_channel, audio, 0, 0.0, wav.duration(audio))
        except (FileNotFoundError, wav.NotARecordingError) as error:
            _log.error("nothing to transcribe", reason=str(error))
            return  # filing finds the same, and stops asking for it
        model = await self._client.fingerprint()
        utterances = await transcribe(self._client, pcm)
        await asyncio.to_thread(_write, folder, Transcript(model, utterances))


def _write(folder: Path, transcript: Transcript) -> None:
    """Whole or not at all, and durable."""
    draft = folder / f"{folders.LATE}.new"
    with draft.open("w") as file:
        json.dump(transcript.to_json(), file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(folder / folders.LATE)
    journal.sync_folder(folder)
