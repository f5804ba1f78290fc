"""Late transcription: what could not be heard in the call is heard in its recording, and the tickets amended."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
_TROUBLE_MAX_S = 600.0
_BATCH = 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A call that could not be amended: when it is due again on the loop's clock, and the wait after that."""

    due: float
    next_delay: float


class LateTranscriber:
    """Transcribes this node's calls that are marked for it, one at a time, the oldest first.

    While the recogniser or the database is away, it tries again at growing intervals, 30 s at most. A call that
    cannot be amended, whatever the reason, does not hold up the others: it waits by itself, ten minutes at most.
    """

    def __init__(self, db: Database, client: AsrClient, numbers: NumberBook, data: Path, node: int) -> None:
        self._db, self._client, self._numbers, self._data, self._node = db, client, numbers, data, node
        self._troubles: dict[str, _Trouble] = {}

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
                _log.warning("late transcription waits %.0f s: %s", delay, error)
                pause, delay = delay, min(delay * 2, _BACKOFF_MAX_S)
            finally:
                work.cancel()
                await asyncio.wait({work})  # a database closed under a running query would hold the process
            await asyncio.wait({stopping}, timeout=pause)
        stopping.cancel()

    async def work(self) -> int:
        """Transcribe the calls that wait now (a batch of them); returns how many were done.

        Raises AsrUnavailable, and SQLAlchemyError or OSError when the database is away: the rest waits on.
        """
        now = asyncio.get_running_loop().time()
        waiting = [call_id for call_id, trouble in self._troubles.items() if trouble.due > now]
        async with self._db.read() as connection:
            wanted = await catalogue.read_wanted(connection, self._node, _BATCH, but=waiting)
        return sum([await self._try(call_id) for call_id in wanted])

    async def _try(self, call_id: str) -> bool:
        """Amend one call; whether that succeeded. Raises AsrUnavailable."""
        try:
            await self._amend(call_id)
        except AsrUnavailable:
            raise
        except (SQLAlchemyError, OSError) as error:
            delay = self._postpone(call_id)
            _log.warning("%s: not transcribed, next try in %.0f s: %s", call_id, delay, error)
            return False
        except Exception:  # noqa: BLE001 - boundary, worker job: one call's trouble must not become the others'
            _log.exception("%s: not transcribed, next try in %.0f s", call_id, self._postpone(call_id))
            return False
        self._troubles.pop(call_id, None)
        return True

    def _postpone(self, call_id: str) -> float:
        known = self._troubles.get(call_id)
        delay = known.next_delay if known else _BACKOFF_FIRST_S
        now = asyncio.get_running_loop().time()
        self._troubles[call_id] = _Trouble(now + delay, min(delay * 2, _TROUBLE_MAX_S))
        return delay

    async def _amend(self, call_id: str) -> None:
        folder = folders.locate(self._data, call_id)
        if folder is None:
            _log.error("%s: the recording is gone from %s, its words are lost", call_id, self._data)
            async with self._db.write() as connection:
                await catalogue.give_up(connection, call_id)
            return
        if not (folder / folders.LATE).exists():
            await self._transcribe(folder)
        filed = await file_call(self._db, self._numbers, folder)
        _log.info(
            "%s: transcribed from the recording, tickets %s", call_id, ", ".join(filed.numbers) or "none"
        )

    async def _transcribe(self, folder: Path) -> None:
        audio = folder / folders.AUDIO
        try:
            pcm = await asyncio.to_thread(wav.read_channel, audio, 0, 0.0, wav.duration(audio))
        except (FileNotFoundError, wav.NotARecordingError) as error:
            _log.error("nothing to transcribe: %s", error)
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
