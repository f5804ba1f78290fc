"""Houses of earlier commits, each with fifty calls, are taken over: numbers, revisions and page stay as they were.

`build.py` made them, and says how the next one is made.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import tarfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import aiohttp
import pytest
import sqlalchemy as sa
from callfolder import kinds
from pagerows import read_rows

from config.categories import read_categories
from console.app import make_app, serve
from console.policy import Policy
from console.sessions import open_session
from gateway.calls.filer import Filer
from gateway.calls.sweep import take_up
from gateway.site.settings import Paths
from recordings.database import migrate, open_database, require_current
from recordings.folders import archived, orphans, spool
from recordings.journals import Journals
from recordings.nodes import claim_nodes, take_node
from recordings.search import list_terms, search_terms, search_texts, split
from tickets.filing import file_call
from tickets.number import NumberBook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from postgres import Postgres

    from recordings.database import Database

ARCHIVES = sorted(Path(__file__).parent.glob("*.tar.xz"))
AGENT = "张敏"
TABLES = ("calls", "recordings", "transcripts", "tickets", "outbox", "reviews", "worklist")


class House(NamedTuple):
    """A kept house: its data folder, its database's address, and what was known of it when it was kept."""

    data: Path
    url: str
    page: dict[str, list[str]]
    cut_off: str


def load(postgres: Postgres, dump: Path) -> str:
    name = postgres.create("template0")
    psql = max(Path("/usr/lib/postgresql").glob("*/bin/psql"))
    subprocess.run(
        [str(psql), "-q", "-v", "ON_ERROR_STOP=1", "-f", str(dump), postgres.url(name)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return name


@pytest.fixture(params=ARCHIVES, ids=lambda archive: archive.name.removesuffix(".tar.xz"))
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    with tarfile.open(request.param) as packed:
        packed.extractall(tmp_path, filter="data")
    kept, cut_off = json.loads((tmp_path / "page.json").read_text()), (tmp_path / "cut_off").read_text()
    page = {call_id: cells[:-1] for call_id, cells in kept.items()}
    data, dump = tmp_path / "data", tmp_path / "dump.sql"
    if not dump.exists():
        yield House(data, f"sqlite:///{data / 'hotline.db'}", page, cut_off)
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    name = load(postgres, dump)
    yield House(data, postgres.url(name), page, cut_off)
    postgres.drop(name)


@pytest.fixture
async def opened(house: House) -> AsyncIterator[Database]:
    db = open_database(house.url)
    yield db
    await db.close()


async def look(db: Database) -> dict[str, list[dict[str, Any]]]:
    """Every row of what tells of calls, its columns by name."""
    found = {}
    async with db.read() as connection:
        for table in TABLES:
            rows = await connection.execute(sa.text(f"SELECT * FROM {table}"))  # noqa: S608 - the names are ours
            found[table] = sorted((dict(row) for row in rows.mappings()), key=str)
    return found


def of(rows: list[dict[str, Any]], known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """These rows with the columns that there were before: a migration may add some."""
    return [{name: row[name] for name in known[0]} for row in rows]


def lay_out(cells: list[str]) -> list[str]:
    """A row of today's list as the list was when the data was kept: its columns, and 须回电 for what is owed.

    Without the last one, its buttons.
    """
    when, _, flags, told, kind, place, line, state, _ = cells
    parts = re.fullmatch(r"(.*?)(?:\d{3}\*{4}\d{4}|未显示号码)(?: · \d+)* · (\S+)", told)
    assert parts, told
    owed = re.sub("[待已]回电", "须回电", flags)
    return [when, owed, parts[1], kind, place, line, parts[2], state]


async def read_page(db: Database, house: House) -> dict[str, list[str]]:
    token = await open_session(db, AGENT, datetime.now(UTC), Policy())
    app = make_app(db, Policy(), dict, read_categories(), house.data, house.data, ())
    found: dict[str, list[str]] = {}
    async with (
        serve(app, "127.0.0.1", 0) as address,
        aiohttp.ClientSession(cookies={"hotline-session": token}) as browser,
    ):
        path = "/?" + urlencode({"state": "全部"})
        while path:
            async with browser.get(address.rstrip("/") + path) as answer:
                assert answer.status == 200
                rows, path = read_rows(await answer.text())
                found |= {call_id: lay_out(cells) for call_id, cells in rows.items()}
        for call_id in found:
            for path_of_call in (f"/calls/{call_id}", f"/calls/{call_id}/story"):
                async with browser.get(address.rstrip("/") + path_of_call) as answer:
                    assert answer.status == 200, path_of_call
    return found


async def test_everything_on_file_stays_as_it_was(house: House, opened: Database) -> None:
    before = await look(opened)
    assert len(before["calls"]) == 50
    await (
        opened.close()
    )  # PostgreSQL answers no connection that remembers `SELECT *` of tables that have changed since
    await migrate(house.url)
    await require_current(opened)
    after = await look(opened)
    assert {table: of(after[table], rows) for table, rows in before.items()} == before
    titles = {row["call_id"]: split(row["title"]) for row in after["worklist"] if row["title"]}
    assert titles
    async with opened.read() as connection:  # they are found by their words, as what is filed from now on
        for call_id, runs in titles.items():
            told = sa.select(search_texts.c.title).where(search_texts.c.call_id == call_id)
            assert await connection.scalar(told) == "\n".join(runs)
            terms = sa.select(search_terms.c.term).where(search_terms.c.call_id == call_id)
            assert list_terms(runs) <= set(await connection.scalars(terms))
    page = await read_page(opened, house)
    assert list(page.items()) == list(house.page.items())


async def test_filing_every_call_again_makes_no_number_and_no_revision(
    house: House, opened: Database
) -> None:
    await migrate(house.url)
    before = await look(opened)
    numbers = NumberBook(house.data / "numbers", 1)
    for folder in sorted(house.data.glob("calls/*/*/*/*")):
        filed = await file_call(opened, numbers, folder)
        assert (filed.changed, filed.ended, filed.strange) == (False, True, {})
    after = await look(opened)
    assert {row["missed"] for row in after["worklist"]} == {"", "开场挂断"}
    for row in after["worklist"]:  # nobody looked for them when these calls were filed
        row["missed"] = ""
    assert after == before


async def test_the_call_that_was_cut_off_is_finished(house: House, opened: Database) -> None:
    await migrate(house.url)
    before = await look(opened)
    paths = Paths(house.data, {"RUNTIME_DIRECTORY": str(house.data / "run")})
    paths.make()
    await take_node(opened, 1, house.data)  # the folder lies elsewhere than when it was kept
    claim = partial(claim_nodes, opened, {1}, house.data)
    filer = Filer(opened, NumberBook(house.data / "numbers", 1), paths, claim, Journals(spool(house.data)))
    await take_up(house.data, partial(filer.file, final=True, orphan=True))
    while filer._tasks:
        await asyncio.wait(filer._tasks.values())
    assert orphans(house.data) == []
    assert kinds(house.data / archived(house.cut_off)).count("interrupted") == 1
    after = await look(opened)
    (call,) = [row for row in after["calls"] if row["call_id"] == house.cut_off]
    assert (bool(call["interrupted"]), call["ended_at"] is None) == (True, False)
    for table in ("tickets", "worklist", "calls"):
        others = [[row for row in rows[table] if row["call_id"] != house.cut_off] for rows in (before, after)]
        assert others[0] == others[1]
    mine = [row for row in after["tickets"] if row["call_id"] == house.cut_off]
    told = [row for row in before["tickets"] if row["call_id"] == house.cut_off]
    assert {row["number"] for row in mine if row["matter"] == 0} == {row["number"] for row in told}
    # A node that was taken goes on above what may have been lost.
    last = [json.loads(row["document"]) for row in mine if row["revision"] > 1]
    assert [document["call"]["interrupted"] for document in last] == [True]
    page = await read_page(opened, house)
    assert list(page) != list(house.page)
    assert {call_id: page[call_id] for call_id in house.page} == house.page
    assert "通话中断" in page[house.cut_off][1]
