"""The agents' page over many calls: how long it takes to list, filter, search and count them all, per database.

The calls are made up, but stored as filing stores them: the same rows, texts and terms. They are loaded in bulk, for
filing them one by one would take an hour; PostgreSQL is then analysed, as its autovacuum would have done.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg

from asr.transcript import Transcript, Utterance
from bench.complaints import Complaint, make_complaint
from bench.served import make_rest, store_rest
from config.citymap import read_map
from config.document import embedded, load
from console.app import make_app, serve
from console.asking import list_counties
from console.policy import Policy, Role
from console.sessions import open_session
from console.users import add_user
from ivr.hotlines import HotlinesFile
from recordings import worklist
from recordings.database import migrate, open_database
from recordings.schema import calls
from recordings.search import list_terms, split
from recordings.worklist import State, WorkRow
from tests.postgres import Postgres
from tickets.worklist import summarise

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from recordings.database import Database

LIMITS_MS = {"list": 200.0, "filter": 200.0, "search": 200.0, "overview": 800.0}
_LAST = datetime(2026, 11, 24, 12, tzinfo=UTC)
_APART = timedelta(minutes=5)  # so that a year has 100,000
_WAITING = 0.04  # the share of calls that nobody has reviewed yet
_BATCH = 5000
_ASKED = {
    "list": (
        "/",
        "/?state=全部",
        "/?state=已审核",
        "/?state=已退回",
        "/?behind=3.20260901T000000-00000000",
        "/?state=全部&behind=0.20260401T000000-00000000",
    ),
    "filter": (
        "/?state=全部&county=颍州区",
        "/?county=界首市",
        "/?state=全部&hotline=12333",
        "/?state=全部&hotline=12345&county=太和县",
        "/?state=全部&since=2026-06-01&until=2026-06-30",
        "/?since=2026-11-01",
        "/?state=已退回&hotline=12345&county=界首市",
        "/?state=已审核&hotline=12315&county=阜南县&since=2026-03-01&until=2026-10-31",
        "/?state=全部&category=城乡建设&since=2026-01-01&until=2026-11-24",
        "/?state=全部&category=科技与信息产业&hour=3",
    ),
    "overview": (
        "/overview?since=2025-11-25&until=2026-11-24",
        "/overview?since=2026-10-26&until=2026-11-24",
        "/overview?since=2026-11-24&until=2026-11-24",
        "/overview?since=2025-11-25&until=2026-11-24&hotline=12345",
        "/overview/csv?since=2025-11-25&until=2026-11-24",
    ),
    "search": (
        "/?state=全部&q=漏水",
        "/?q=漏水",
        "/?state=全部&q=小区",
        "/?state=全部&q=没有人",
        "/?state=全部&q=人民西路",
        "/?state=全部&q=燃气 味道",
        "/?state=已审核&county=临泉县&q=噪音",
        "/?state=全部&q=扰民 人民西路",
        "/?state=全部&q=水",
        "/?state=全部&q=一",
        "/?state=已退回&hotline=12360&q=没有人",
        "/?state=全部&q=孔雀",
        "/?state=全部&q=拖欠工资 一直没有人来管",
    ),
}


@dataclass(frozen=True, slots=True)
class _Call:
    row: WorkRow
    text: str


async def measure(count: int, rounds: int) -> dict[str, Any]:
    """Time each request ``rounds`` times over ``count`` calls, on SQLite and on PostgreSQL."""
    results = []
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
        file = Path(folder) / "hotline.db"
        results.append(await _measure_one(f"sqlite:///{file}", count, rounds))
    postgres = await asyncio.to_thread(Postgres)
    try:
        url = postgres.url(await asyncio.to_thread(postgres.create))
        results.append(await _measure_one(url, count, rounds))
    finally:
        await asyncio.to_thread(postgres.stop)
    return {"calls": count, "rounds": rounds, "limits_ms": LIMITS_MS, "databases": results}


async def _measure_one(url: str, count: int, rounds: int) -> dict[str, Any]:
    await migrate(url)
    db = open_database(url)
    try:
        began = time.perf_counter()
        terms = await _fill(db, url, count)
        filled_s = time.perf_counter() - began
        async with _page(db) as (client, address):
            times = await _ask_all(client, address, rounds)
        kinds = {
            kind: _summarise([ms for path in paths for ms in times[path]]) for kind, paths in _ASKED.items()
        }
        return {
            "database": db.dialect,
            "terms": terms,
            "filled_s": round(filled_s, 1),
            "ms": kinds,
            "requests_ms": {path: _summarise(found) for path, found in times.items()},
            "within": all(times["p95"] <= LIMITS_MS[kind] for kind, times in kinds.items()),
        }
    finally:
        await db.close()


async def _ask_all(client: aiohttp.ClientSession, address: str, rounds: int) -> dict[str, list[float]]:
    paths = [path for some in _ASKED.values() for path in some]
    times: dict[str, list[float]] = defaultdict(list)
    dice = random.Random(7)
    for _ in range(rounds):
        for path in dice.sample(paths, len(paths)):
            began = time.perf_counter()
            async with client.get(address.rstrip("/") + path) as answer:
                answer.raise_for_status()
                await answer.read()
            times[path].append((time.perf_counter() - began) * 1000)
    return times


def _summarise(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    at = {"p50": 0.50, "p95": 0.95, "max": 1.0}
    return {name: round(ordered[round(share * (len(ordered) - 1))], 1) for name, share in at.items()}


@asynccontextmanager
async def _page(db: Database) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """The console over ``db``, and a client who is logged in."""
    now = datetime.now(UTC)
    async with db.write() as connection:
        await add_user(connection, "bench", "no password", [Role.LEAD], now)
    token = await open_session(db, "bench", now, Policy())
    names = {line.number: line.name for line in _hotlines().hotlines}
    nowhere = Path("/nonexistent")  # the list needs no call's folder
    app = make_app(db, Policy(), lambda: names, (), nowhere, nowhere, (), {"12356"}, read_map())
    cookies = {"Cookie": f"hotline-session={token}", "Accept": "text/html"}
    async with serve(app, "127.0.0.1", 0) as address, aiohttp.ClientSession(headers=cookies) as client:
        yield client, address


async def _fill(db: Database, url: str, count: int) -> int:
    """Store the calls; how many index terms they have."""
    made, dice = list(_make_calls(count)), random.Random(54321)
    for start in range(0, count, _BATCH):
        some = made[start : start + _BATCH]
        async with db.write() as connection:
            await connection.execute(calls.insert(), [_describe(call.row) for call in some])
            await worklist.store(connection, [call.row for call in some])
            await store_rest(connection, make_rest((call.row for call in some), dice))
    postings: dict[str, list[str]] = defaultdict(list)
    texts = []
    for call in made:
        runs = split(call.text)
        texts.append((call.row.call_id, "\n".join(runs)))
        for term in list_terms(runs):
            postings[term].append(call.row.call_id)
    terms = ((term, call_id) for term in sorted(postings) for call_id in postings[term])
    if db.dialect == "sqlite":
        await asyncio.to_thread(_load_sqlite, url.removeprefix("sqlite:///"), texts, terms)
    else:
        await _load_postgresql(url, texts, terms)
    return sum(map(len, postings.values()))


def _load_sqlite(file: str, texts: list[tuple[str, str]], terms: Iterator[tuple[str, str]]) -> None:
    connection = sqlite3.connect(file)
    try:
        connection.executemany("INSERT INTO search_texts VALUES (?, ?)", texts)
        connection.executemany("INSERT INTO search_terms VALUES (?, ?)", terms)
        connection.commit()
    finally:
        connection.close()


async def _load_postgresql(url: str, texts: list[tuple[str, str]], terms: Iterator[tuple[str, str]]) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.copy_records_to_table("search_texts", records=texts)
        await connection.copy_records_to_table("search_terms", records=terms)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


def _make_calls(count: int) -> Iterator[_Call]:
    """Made-up calls, the oldest first; the same ones each time."""
    dice = random.Random(12345)
    lines, counties = [line.number for line in _hotlines().hotlines], list_counties()
    for n in range(count):
        moment = _LAST - (count - n) * _APART
        complaint = make_complaint(dice, counties)
        phrase = Utterance(complaint.text, (), 1.0, 20.0, dice.betavariate(9, 1.5), -20.0)
        row = summarise(
            f"{moment:%Y%m%dT%H%M%S}-{n:08x}",
            "12345" if dice.random() < 0.6 else dice.choice(lines),  # noqa: PLR2004 - most dial the front door
            moment,
            dice.uniform(20, 300),
            interrupted=dice.random() < 0.01,  # noqa: PLR2004 - some calls break off
            documents=[_draft(complaint)],
            transcript=Transcript(None, (phrase,)),
        )
        yield _Call(_decide(row, dice), complaint.text)


def _decide(row: WorkRow, dice: random.Random) -> WorkRow:
    """Most calls have been reviewed."""
    if dice.random() < _WAITING:
        return row
    state = dice.choices((State.ACCEPTED, State.RETURNED, State.EMPTY), (90, 5, 5))[0]
    return WorkRow(**{name: getattr(row, name) for name in row.__slots__} | {"state": state})


def _draft(complaint: Complaint) -> dict[str, Any]:
    return {
        "appeal": {
            "type": complaint.kind,
            "title": complaint.title,
            "urgency": complaint.urgency,
            "text_pending": False,
        },
        "place": {"county": complaint.county, "township": complaint.township},
        "caller": {"call_back": "" if complaint.urgency == "一般" else "来电人要求回电", "anonymous": False},
    }


def _describe(row: WorkRow) -> dict[str, Any]:
    return {
        "call_id": row.call_id,
        "sip_call_id": row.call_id,
        "caller": "13855812345",
        "called": row.hotline,
        "hotline": row.hotline,
        "flow": "default",
        "node": 1,
        "started_at": row.started_at,
        "answered_at": row.started_at,
        "ended_at": row.started_at + timedelta(seconds=row.duration_s or 0),
        "duration_s": row.duration_s,
        "hung_up_by": "caller",
        "cause": "200 OK",
        "interrupted": row.interrupted,
        "folder": f"calls/{row.call_id}",
        "late": "none",
    }


def _hotlines() -> HotlinesFile:
    return load(HotlinesFile, embedded("hotlines.yaml"))
