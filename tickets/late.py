"""Late transcription: what could not be heard in the call is heard in its recording, and the tickets amended."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import SQLAlchemyError

from asr.client import AsrBusy, AsrUnavailable
from asr.offline import transcribe
from asr.transcript import Transcript
from recordings import catalogue, folders, journal, wav
from recordings.threads import Threads
from tickets.filing import file_call
from tickets.gathered import Gathered
from tickets.legs import fold_legs
from tickets.reading import read_late

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from asr.client import AsrClient
    from recordings.database import Database
    from tickets.number import NumberBook

_POLL_S = 2.0
_BACKOFF_FIRST_S = 1.0
_BACKOFF_MAX_S = 30.0
_TROUBLE_MAX_S = 600.0
_BATCH = 20
_AROUND_S = 0.3  # a talk's times are those of its journal, not of the audio clock
_reading = Threads("late", 1)

_log = structlog.get_logger(__name__)


class _Refused(Exception):  # noqa: N818 - what has happened to one recording, not a mistake
    """The recogniser is there, and has not transcribed this recording; the message says why."""


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A call that could not be amended: when it is due again on the loop's clock, and the wait after that."""

    due: float
    next_delay: float


class LateTranscriber:
    """Transcribes the calls of the gateways on this data folder that are marked for it, the oldest first.

    ``nodes`` are those gateways'; ``numbers`` gives a number to a ticket that has none yet.
    While the recogniser or the database is away, it tries again at growing intervals, 30 s at most. A call that
    cannot be amended, whatever the reason, does not hold up the others: it waits by itself, ten minutes at most.
    """

    def __init__(
        self, db: Database, client: AsrClient, numbers: NumberBook, data: Path, nodes: Collection[int]
    ) -> None:
        self._db, self._client, self._numbers, self._data, self._nodes = db, client, numbers, data, nodes
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
                _log.warning("late transcription waits", again_in_s=delay, reason=_name(error))
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
            wanted = await catalogue.read_wanted(connection, self._nodes, _BATCH, but=waiting)
        done = 0
        for call_id in wanted:
            with structlog.contextvars.bound_contextvars(call_id=call_id):
                done += await self._try(call_id)
        return done

    async def _try(self, call_id: str) -> bool:
        """Amend one call; whether that succeeded. Raises AsrUnavailable."""
        try:
            await self._amend(call_id)
        except AsrUnavailable:
            raise
        except (SQLAlchemyError, OSError, _Refused) as error:
            _log.warning("not transcribed", again_in_s=self._postpone(call_id), reason=_name(error))
            return False
        except Exception:  # noqa: BLE001 - boundary, worker job: one call's trouble must not become the others'
            _log.exception("not transcribed", again_in_s=self._postpone(call_id))
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
            _log.error("the recording is gone, its words are lost", data=str(self._data))
            async with self._db.write() as connection:
                await catalogue.give_up(connection, call_id)
            return
        if await _reading.run(read_late, folder) is None:
            await self._transcribe(folder)
        filed = await file_call(self._db, self._numbers, folder)
        _log.info("transcribed from the recording", tickets=filed.numbers)

    async def _transcribe(self, folder: Path) -> None:
        audio = folder / folders.AUDIO
        try:
            pcm = await _reading.run(wav.read_channel, audio, 0, 0.0, wav.duration(audio))
        except (FileNotFoundError, wav.NotARecordingError) as error:
            _log.error("nothing to transcribe", reason=str(error))
            return  # filing finds the same, and stops asking for it
        talks = (await _reading.run(_find_talks, folder)) if pcm else []
        model = await self._client.fingerprint()
        try:
            utterances = list(await transcribe(self._client, pcm))
            for start, end in talks:
                heard = await _reading.run(wav.read_channel, audio, 1, start, end)
                utterances += [
                    replace(u, speaker="target") for u in await transcribe(self._client, heard, start)
                ]
        except AsrBusy:
            raise
        except AsrUnavailable as error:  # it may be this recording that it cannot take: the next finds out
            raise _Refused(str(error)) from error
        await _reading.run(_write, folder, Transcript(model, tuple(utterances)))


def _find_talks(folder: Path) -> list[tuple[float, float]]:
    """From when to when, in seconds of the recording, the caller heard whom he was passed on to."""
    legs = fold_legs(Gathered.gather(journal.read(folder).entries).passing, None)
    longest = wav.duration(folder / folders.AUDIO)
    return [
        (max(0.0, talk.start - _AROUND_S), min(longest, (talk.end or longest) + _AROUND_S))
        for talk in (leg.window for leg in legs)
        if talk is not None
    ]


def _name(error: Exception) -> str:
    """What an error says; of the database only its kind, for the driver's own words may quote a value."""
    return type(error).__name__ if isinstance(error, SQLAlchemyError) else str(error)


def _write(folder: Path, transcript: Transcript) -> None:
    """Whole or not at all, and durable; one that could not be read is set aside."""
    draft = folder / f"{folders.LATE}.new"
    with draft.open("w") as file:
        json.dump(transcript.to_json(), file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileNotFoundError):
        (folder / folders.LATE).rename(folder / f"{folders.LATE}.unreadable")
    draft.rename(folder / folders.LATE)
    journal.sync_folder(folder)
