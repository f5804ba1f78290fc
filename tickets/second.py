"""The second pass: once a call is over, each of its phrases is heard again by the large model, and the tickets amended.

The phrases stay those that were heard live (or late): the same pieces of the recording, between the same times. So an
agent's corrections, which are known by them, hold, and what has changed can be shown phrase by phrase.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

import structlog

from asr.client import AsrBusy, AsrUnavailable
from asr.endpoint import PRE_ROLL_SECONDS, TAIL_SECONDS
from asr.offline import transcribe_phrases
from asr.transcript import Transcript
from recordings import folders, jobs, wav
from recordings.threads import Threads
from tickets.filing import file_call
from tickets.jobs import Hopeless, Refused
from tickets.reading import read_record, read_transcript, write_transcript

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from asr.client import AsrClient
    from asr.transcript import Utterance
    from recordings.database import Database
    from tickets.number import NumberBook

_SINCE: Final = timedelta(days=1)  # what is older is left as it is: agents have looked at it
_LOOK_EVERY: Final = timedelta(seconds=10)
_reading = Threads("second", 1)

_log = structlog.get_logger(__name__)


class SecondPass:
    """Hears the calls of ``nodes`` on this data folder again by the server of ``client``, and files them anew.

    ``numbers`` gives a number to a ticket that has none yet.
    """

    def __init__(
        self, db: Database, client: AsrClient, numbers: NumberBook, data: Path, nodes: Collection[int]
    ) -> None:
        self._db, self._client, self._numbers, self._data, self._nodes = db, client, numbers, data, nodes
        self._looked = datetime.min.replace(tzinfo=UTC)

    async def find(self) -> None:
        """Enter a job for each call of the last day that is over; looks every ten seconds at most."""
        now = datetime.now(UTC)
        if now - self._looked < _LOOK_EVERY:
            return
        async with self._db.read() as connection:
            wanted = await jobs.find_for_second(connection, self._nodes, now - _SINCE)
        if wanted:
            async with self._db.write() as connection:
                await jobs.enqueue(connection, "second", wanted, now)
        self._looked = now

    async def amend(self, call_id: str) -> None:
        """Amend the call's tickets; repeatable. Raises AsrUnavailable, AWAY, Hopeless, Refused."""
        folder = folders.locate(self._data, call_id)
        if folder is None:
            raise Hopeless(f"the recording is gone from {self._data}")
        if await _reading.run(read_transcript, folder, folders.SECOND) is None:
            record = await read_record(folder)
            if not record.transcript.utterances or not record.seconds:
                return
            model = await self._client.fingerprint()
            if record.transcript.model is not None and model.sha256 == record.transcript.model.sha256:
                return  # it has heard them already
            heard = await self._hear(folder / folders.AUDIO, record.transcript.utterances)
            second = Transcript(model, heard, record.transcript.complete)
            await _reading.run(write_transcript, folder, folders.SECOND, second)
        filed = await file_call(self._db, self._numbers, folder)
        _log.info("heard again", tickets=filed.numbers, changed=filed.changed)

    async def _hear(self, audio: Path, phrases: Sequence[Utterance]) -> tuple[Utterance, ...]:
        """The same phrases, each in the words of the large model; "" where it understands nothing."""
        try:
            cut = [await _reading.run(_cut, audio, phrase) for phrase in phrases]
        except (FileNotFoundError, wav.NotARecordingError) as error:
            raise Hopeless(str(error)) from error
        try:
            heard = await transcribe_phrases(self._client, cut)
        except AsrBusy:
            raise
        except AsrUnavailable as error:  # it may be this recording that it cannot take: the next finds out
            raise Refused(str(error)) from error
        return tuple(
            replace(
                phrase,
                text=text,
                words=words,
                confidence=round(sum(w.confidence for w in words) / len(words), 4) if words else 0.0,
                confirmed=True,
            )
            for phrase, (text, words) in zip(phrases, heard, strict=True)
        )


def _cut(audio: Path, phrase: Utterance) -> tuple[bytes, float]:
    """A phrase's audio with as much around it as it was given live, and where that begins.

    Raises NotARecordingError.
    """
    begin = max(0.0, phrase.start - PRE_ROLL_SECONDS)
    side: Literal[0, 1] = 0 if phrase.speaker == "caller" else 1
    return wav.read_channel(audio, side, begin, phrase.end + TAIL_SECONDS), begin
