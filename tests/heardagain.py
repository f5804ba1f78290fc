"""A site whose calls were heard live by a small model, or not at all, and are heard again once they are over."""

from __future__ import annotations

import asyncio
import json
import shutil
import warnings
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from callfolder import CallFolder, silence, stated

from asr.catalogue import DEMO_MODEL, open_model
from asr.client import AsrClient, AsrUnavailable
from asr.demo_model.grammar import load_grammar
from asr.demo_model.texts import hold_out
from asr.demo_model.vocabulary import load_vocabulary
from asr.offline import transcribe
from asr.server import serve
from gateway.prompts.voice import speak
from recordings import folders
from recordings.schema import tickets, transcripts
from tickets.filing import file_call
from tickets.jobs import JobRunner
from tickets.number import NumberBook
from tickets.second import SecondPass

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from asr.transcript import ModelFingerprint
    from recordings.database import Database

TEXTS = ["".join(words) for words in hold_out(load_grammar(load_vocabulary()))]


@asynccontextmanager
async def serving(model: Path | None, socket: Path) -> AsyncIterator[AsrClient]:
    stop = asyncio.Event()
    async with AsrClient(f"unix:{socket}") as client:
        server = asyncio.create_task(serve(f"unix:{socket}", open_model(model), 2, stop))
        async with asyncio.timeout(60):
            while not await answers(client) and not server.done():  # noqa: ASYNC110 - seen from outside
                await asyncio.sleep(0.05)
        yield client
        stop.set()
        await server


async def answers(client: AsrClient) -> bool:
    try:
        await client.fingerprint()
    except AsrUnavailable:
        return False
    return True


def make_small_model(folder: Path) -> Path:
    """Our own model, minding little of what it hears: it says what is often said."""
    shutil.copytree(DEMO_MODEL, folder)
    options = folder / "conf" / "model.conf"
    text = options.read_text()
    for before, after in (
        ("--acoustic-scale=0.5", "--acoustic-scale=0.05"),
        ("--beam=12.0", "--beam=6.0"),
        ("--max-active=3000", "--max-active=300"),
    ):
        assert before in text
        text = text.replace(before, after)
    options.write_text(text)
    return folder


class Site:
    """A data folder whose calls were heard live by the small model."""

    def __init__(self, data: Path, db: Database) -> None:
        self.data, self.db = data, db
        self.numbers = NumberBook(data / "numbers", 1)

    async def call(self, small: AsrClient, number: int, text: str) -> CallFolder:
        """A call that SMALL has heard live."""
        call, sound = self._begin(number, await small.fingerprint()), await _say(text)
        phrases = await transcribe(small, sound)
        call.hear(*phrases)
        if phrases:
            call.state(stated(0, *phrases, until=len(sound) / 16000, complete=True, confirmed=True))
        return await self._end(call, sound)

    async def deaf_call(self, number: int, text: str) -> CallFolder:
        """A call that went by keys, since nobody could hear it: all that was said is in the recording."""
        call, sound = self._begin(number, None), await _say(text)
        call.state(stated(0, begin=0.5, until=len(sound) / 16000, complete=True))
        return await self._end(call, sound)

    def _begin(self, number: int, model: ModelFingerprint | None) -> CallFolder:
        began = datetime.now(UTC) - timedelta(hours=1)
        return CallFolder(self.data, f"{began:%Y%m%dT%H%M%S}-{number:08x}").begin(model=model)

    async def _end(self, call: CallFolder, sound: bytes) -> CallFolder:
        call.record(sound).hang_up(seconds=len(sound) / 16000)
        await file_call(self.db, self.numbers, call.folder)
        folders.archive(call.folder, self.data)
        return call

    def runner(self, large: AsrClient) -> JobRunner:
        second = SecondPass(self.db, large, self.numbers, self.data, [1])
        return JobRunner(self.db, "second", [1], second.amend, second.find)

    async def revisions(self, call: CallFolder) -> list[dict[str, Any]]:
        query = (
            sa.select(tickets.c.document)
            .where(tickets.c.call_id == call.call_id)
            .order_by(tickets.c.revision)
        )
        async with self.db.read() as connection:
            return [json.loads(document) for document in await connection.scalars(query)]

    async def kept(self, call: CallFolder) -> dict[str, str]:
        """The name of the model that heard it, by source."""
        query = sa.select(transcripts.c.source, transcripts.c.document).where(
            transcripts.c.call_id == call.call_id
        )
        async with self.db.read() as connection:
            return {
                source: model["name"]
                for source, told in await connection.execute(query)
                if (model := json.loads(told)["model"])
            }


async def _say(text: str) -> bytes:
    speech = audioop.alaw2lin(audioop.lin2alaw(await speak(text), 2), 2)
    return silence(1.0) + speech + silence(1.5)


def said(document: dict[str, Any]) -> str:
    return "".join(u["text"] for u in document["transcript"]["utterances"])


def times(document: dict[str, Any]) -> list[tuple[float, float]]:
    return [(u["start"], u["end"]) for u in document["transcript"]["utterances"]]
