"""Late transcription: what could not be heard in the call is heard in its recording, and the tickets amended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from asr.client import AsrBusy, AsrUnavailable
from asr.offline import transcribe
from asr.transcript import Transcript
from recordings import catalogue, folders, journal, wav
from recordings.threads import Threads
from tickets.filing import file_call
from tickets.gathered import Gathered
from tickets.jobs import Hopeless, Refused
from tickets.legs import fold_legs
from tickets.reading import read_transcript, write_transcript

if TYPE_CHECKING:
    from pathlib import Path

    from asr.client import AsrClient
    from recordings.database import Database
    from tickets.number import NumberBook

_AROUND_S = 0.3  # a talk's times are those of its journal, not of the audio clock
_reading = Threads("late", 1)

_log = structlog.get_logger(__name__)


class LateTranscriber:
    """Transcribes a call of the gateways on this data folder from its recording, and files it anew.

    ``numbers`` gives a number to a ticket that has none yet.
    """

    def __init__(self, db: Database, client: AsrClient, numbers: NumberBook, data: Path) -> None:
        self._db, self._client, self._numbers, self._data = db, client, numbers, data

    async def amend(self, call_id: str) -> None:
        """Amend the call's tickets; repeatable. Raises AsrUnavailable, AWAY, Hopeless, Refused."""
        folder = folders.locate(self._data, call_id)
        if folder is None:
            async with self._db.write() as connection:
                await catalogue.give_up(connection, call_id)
            raise Hopeless(f"the recording is gone from {self._data}, its words are lost")
        if await _reading.run(read_transcript, folder, folders.LATE) is None:
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
            raise Refused(str(error)) from error
        await _reading.run(write_transcript, folder, folders.LATE, Transcript(model, tuple(utterances)))


def _find_talks(folder: Path) -> list[tuple[float, float]]:
    """From when to when, in seconds of the recording, the caller heard whom he was passed on to."""
    legs = fold_legs(Gathered.gather(journal.read(folder).entries).passing, None)
    longest = wav.duration(folder / folders.AUDIO)
    return [
        (max(0.0, talk.start - _AROUND_S), min(longest, (talk.end or longest) + _AROUND_S))
        for talk in (leg.window for leg in legs)
        if talk is not None
    ]
