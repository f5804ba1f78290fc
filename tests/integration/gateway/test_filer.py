from __future__ import annotations

import asyncio
import json
import logging
import shutil
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from callfolder import CallFolder, heard, stated

from gateway.calls import filer
from gateway.calls.filer import Filer
from gateway.calls.sweep import sweep, take_up
from gateway.site import metrics
from gateway.site.settings import Paths
from recordings import entries, journal
from recordings.database import open_database
from recordings.folders import archive, archived, spool
from recordings.journals import Journals
from recordings.nodes import claim_node, claim_nodes, take_node
from recordings.schema import tickets
from tickets.number import NumberBook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from recordings.database import Database
    from tickets.filing import Filed

NUMBER = "261820700014"
PHRASE = heard("我要投诉小区夜间施工噪音扰民", 0.5, 3.0)


class Desk:
    """A filer over a data folder and a database."""

    def __init__(self, data: Path, url: str) -> None:
        self.paths = Paths(data, {"RUNTIME_DIRECTORY": str(data / "run")})
        self.paths.make()
        self.db: Database = open_database(url)
        claim = partial(claim_nodes, self.db, {1}, data)
        self.filer = Filer(self.db, NumberBook(data / "numbers", 1), self.paths, claim, Journals(spool(data)))

    def call(self, number: int = 0) -> CallFolder:
        folder = CallFolder(self.paths.data, f"20260701T0830{number:02d}-0a1b2c3d")
        return folder.begin().hear(PHRASE).state(stated(0, PHRASE, until=4.0))

    def home(self, call: CallFolder) -> Path:
        return self.paths.data / archived(call.call_id)

    async def filed(self) -> int:
        async with self.db.read() as connection:
            return (await connection.execute(sa.select(sa.func.count()).select_from(tickets))).scalar_one()

    async def idle(self, seconds: float = 10.0) -> None:
        await asyncio.wait(self.filer._tasks.values(), timeout=seconds)
        assert not self.filer._tasks


@pytest.fixture
async def open_desk(tmp_path: Path) -> AsyncIterator[Callable[[str], Desk]]:
    desks: list[Desk] = []

    def make(url: str) -> Desk:
        desks.append(Desk(tmp_path / "data", url))
        return desks[-1]

    yield make
    for desk in desks:
        await desk.filer.drain(0)
        await desk.db.close()


@pytest.fixture
def desk(open_desk: Callable[[str], Desk], database_url: str) -> Desk:
    return open_desk(database_url)


@pytest.fixture
def absent(database_url: str, tmp_path: Path) -> tuple[str, Callable[[], None]]:
    """The address of a migrated database that is away, and what brings it back."""
    place = tmp_path / "place"
    if database_url.startswith("sqlite"):
        file = tmp_path / "hotline.db"
        return f"sqlite:///{place / file.name}", lambda: (place.mkdir(), shutil.move(file, place))  # type: ignore[return-value]
    server, _, folder = database_url.partition("?host=")
    return f"{server}?host={quote(str(place))}", lambda: place.symlink_to(folder)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert not [r for r in caplog.records if r.exc_info], "a traceback"
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


async def test_a_database_away_is_asked_for_by_one_call_on_behalf_of_all(open_desk, absent, caplog) -> None:
    url, bring_back = absent
    desk = open_desk(url)
    calls = [desk.call(n).hang_up() for n in range(20)]
    for call in calls:
        desk.filer.file(call.folder, final=True)
    await asyncio.sleep(1.2)
    assert 1 <= len(lines(caplog)) <= 2, lines(caplog)
    bring_back()
    await desk.idle()
    assert await desk.filed() == len(calls)
    assert all(desk.home(call).is_dir() for call in calls)
    assert len(lines(caplog)) <= 3


async def test_other_tables_are_waited_for(desk, caplog) -> None:
    async with desk.db.write() as connection:
        ours = (await connection.execute(sa.text("SELECT version_num FROM alembic_version"))).scalar_one()
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    call = desk.call().hang_up()
    desk.filer.file(call.folder, final=True)
    async with asyncio.timeout(30):
        while "newer version" not in "".join(lines(caplog)):  # noqa: ASYNC110 - a log
            await asyncio.sleep(0.02)
    assert await desk.filed() == 0
    async with desk.db.write() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = :ours"), {"ours": ours})
    await desk.idle()
    assert (await desk.filed(), desk.home(call).is_dir()) == (1, True)


async def test_calls_of_anothers_node_wait_until_it_is_ours(desk, tmp_path, caplog) -> None:
    other = tmp_path / "other"
    other.mkdir()
    await claim_node(desk.db, 1, other)  # while this gateway was answering without a database
    call = desk.call().hang_up()
    desk.filer.file(call.folder, final=True)
    async with asyncio.timeout(30):
        while "node 1 belongs to another data folder" not in "".join(lines(caplog)):  # noqa: ASYNC110 - a log
            await asyncio.sleep(0.05)
    assert await desk.filed() == 0
    await take_node(desk.db, 1, desk.paths.data)
    await desk.idle()
    assert (await desk.filed(), desk.home(call).is_dir()) == (1, True)


async def test_a_refused_archiving_is_tried_again(desk, caplog) -> None:
    obstacle = desk.paths.data / "calls"
    obstacle.write_text("")
    call = desk.call().hang_up()
    desk.filer.file(call.folder, final=True)
    async with asyncio.timeout(30):
        while not lines(caplog):  # noqa: ASYNC110 - a log
            await asyncio.sleep(0.02)
    assert call.folder.is_dir()
    assert len(lines(caplog)) == 1
    obstacle.unlink()
    await desk.idle()
    assert (await desk.filed(), desk.home(call).is_dir()) == (1, True)


async def test_a_call_that_another_gateway_archived_is_filed_where_it_is(desk, caplog) -> None:
    call = desk.call().hang_up()
    archive(call.folder, desk.paths.data)
    desk.filer.file(call.folder, final=True)
    await desk.idle()
    assert (await desk.filed(), lines(caplog)) == (1, [])


async def test_a_call_whose_folder_was_removed_is_let_go(desk, caplog) -> None:
    call = desk.call().hang_up()
    shutil.rmtree(call.folder)
    desk.filer.file(call.folder, final=True)
    await desk.idle()
    assert len(lines(caplog)) == 1


async def test_an_unfinished_call_stays_for_the_next_sweep(desk, caplog) -> None:
    call = desk.call()
    call.journal.close()  # as when its task broke off
    desk.filer.file(call.folder, final=True)
    await desk.idle()
    assert call.folder.is_dir()
    assert "not finished" in "".join(lines(caplog))
    assert await desk.filed() == 0
    for folder in sweep(desk.paths.data):
        desk.filer.file(folder, final=True)
    await desk.idle()
    assert (await desk.filed(), desk.home(call).is_dir()) == (1, True)


async def test_a_journal_of_a_newer_version_is_filed_with_what_is_known_and_says_so_once(
    desk, caplog
) -> None:
    """After a rollback: a kind, a field and a version that this program has never heard of."""
    call = desk.call()
    call.note(entries.Number(0, NUMBER))
    desk.filer.file(call.folder)
    await desk.idle()
    call.hang_up()
    file = call.folder / journal.NAME
    newer = []
    for line in map(json.loads, file.read_text().splitlines()):
        if line["kind"] == "matter":
            line |= {
                "v": 7,
                "mood": "calm",
                "windows": [{**window, "of": "left"} for window in line["windows"]],
            }
        newer.append(line)
    newer[3:3] = [{"n": 3, "wall": newer[3]["wall"], "kind": "transferred", "to": "110", "v": 2}]
    file.write_text("".join(json.dumps(line) + "\n" for line in newer))
    before = metrics.JOURNAL_UNKNOWN.labels("kind")._value.get()
    desk.filer.file(call.folder)
    desk.filer.file(call.folder, final=True)
    await desk.idle()
    assert (await desk.filed(), desk.home(call).is_dir()) == (2, True)
    async with desk.db.read() as connection:
        documents = [json.loads(d) for d in await connection.scalars(sa.select(tickets.c.document))]
    assert {(d["number"], d["appeal"]["content"]) for d in documents} == {(NUMBER, PHRASE.text)}
    (said,) = lines(caplog)
    for name in (
        "kind transferred (1)",
        "field matter.mood (1)",
        "version matter 7 (1)",
        "field matter.windows.of (1)",
    ):
        assert name in said
    assert metrics.JOURNAL_UNKNOWN.labels("kind")._value.get() == before + 1


async def test_orphans_are_filed_one_at_a_time_and_a_call_of_now_does_not_wait_for_them(
    desk, monkeypatch
) -> None:
    """A crash of 600 calls leaves 600 recordings to be looked through for voice."""
    begun, let_go, at_once = [], asyncio.Event(), 0
    file_call = filer.file_call

    async def slow(db: Database, numbers: NumberBook, folder: Path) -> Filed:
        nonlocal at_once
        if folder.name.endswith("b"):
            begun.append(folder)
            at_once += 1
            assert at_once == 1
            await let_go.wait()
            at_once -= 1
        return await file_call(db, numbers, folder)

    monkeypatch.setattr(filer, "file_call", slow)
    for number in range(5):
        orphan = CallFolder(desk.paths.data, f"20260701T0829{number:02d}-0a1b2c3b").begin().hear(PHRASE)
        orphan.state(stated(0, PHRASE, until=4.0)).journal.close()
    await take_up(desk.paths.data, partial(desk.filer.file, final=True, orphan=True))
    call = desk.call().hang_up()
    desk.filer.file(call.folder, final=True)
    while not desk.home(call).is_dir():  # noqa: ASYNC110 - what is looked at is the effect
        await asyncio.sleep(0.01)
    assert len(begun) == 1
    let_go.set()
    await desk.idle()
    assert (await desk.filed(), len(begun)) == (6, 5)
