"""The agents' page over many calls: how long it takes to list, filter, search and count them all, per database.

The calls are made up, but stored as filing stores them: the same rows, texts and terms. They are loaded in bulk, for
filing them one by one would take an hour; PostgreSQL is then vacuumed and analysed, as its autovacuum would have done.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg

from bench.deciding import accept_all, file_waiting
from bench.madeup import Call, Made, describe, read_hotlines
from bench.painting import paint_while_recognising
from bench.served import caller_of, make_rest, number_of, store_rest
from config.citymap import read_map
from console.app import make_app, serve
from console.policy import Policy, Role
from console.sessions import open_session
from console.users import add_user
from recordings import worklist
from recordings.database import migrate, open_database
from recordings.schema import calls
from recordings.worklist import State
from tests.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from recordings.database import Database

LIMITS_MS = {
    "list": 200.0,
    "filter": 200.0,
    "search": 200.0,
    "title": 200.0,
    "number": 200.0,
    "overview": 800.0,
    "accept": 500.0,
    "paint": 300.0,
}
_AFTER = date(2026, 11, 26)  # of calls that are filed as the gateway does, and decided on
_BATCH = 5000
_PAINTING_S = 30.0
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
    "title": (
        "/?state=全部&q=下水道堵了污水流到路面上",
        "/?q=物业不作为电梯坏了半个月",
        "/?state=已审核&county=太和县&q=路口红绿灯不亮",
    ),
}


async def measure(count: int, rounds: int, callers: int) -> dict[str, Any]:
    """Time each request ``rounds`` times over ``count`` calls, on SQLite and on PostgreSQL.

    Then a browser opens the list while so many callers are recognised beside it; 0: it does not.
    """
    results, made = [], Made.make(count)
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
        file = Path(folder) / "hotline.db"
        results.append(await _measure_one(f"sqlite:///{file}", made, rounds, callers))
    postgres = await asyncio.to_thread(Postgres)
    try:
        url = postgres.url(await asyncio.to_thread(postgres.create))
        results.append(await _measure_one(url, made, rounds, callers))
    finally:
        await asyncio.to_thread(postgres.stop)
    limits = {kind: limit for kind, limit in LIMITS_MS.items() if kind in results[0]["ms"]}
    return {"calls": count, "rounds": rounds, "callers": callers, "limits_ms": limits, "databases": results}


async def _measure_one(url: str, made: Made, rounds: int, callers: int) -> dict[str, Any]:
    await migrate(url)
    db = open_database(url)
    asked = {**_ASKED, "number": _ask_numbers(made.calls)}
    try:
        began = time.perf_counter()
        await _fill(db, url, made)
        filled_s = time.perf_counter() - began
        with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
            await file_waiting(db, Path(folder), _AFTER, rounds + 1)
            async with _page(db, Path(folder)) as (client, address, token):
                times = await _ask_all(client, address, rounds, [p for some in asked.values() for p in some])
                accepted = await accept_all(client, address, _AFTER)
                painting = callers and await paint_while_recognising(address, token, callers, _PAINTING_S)
        kinds = {
            kind: _summarise([ms for path in some for ms in times[path]]) for kind, some in asked.items()
        }
        kinds["accept"] = _summarise(accepted)
        requests = {path: _summarise(found) for path, found in times.items()}
        if painting:
            kinds["paint"] = _summarise(painting.fresh + painting.known)
            requests |= {"fresh": _summarise(painting.fresh), "known": _summarise(painting.known)}
        found = {
            "database": db.dialect,
            "terms": made.terms,
            "filled_s": round(filled_s, 1),
            "ms": kinds,
            "requests_ms": requests,
            "heard": painting.heard if painting else 0,
            "within": all(times["p95"] <= LIMITS_MS[kind] for kind, times in kinds.items()),
        }
        print(json.dumps(found, ensure_ascii=False), file=sys.stderr)
        return found
    finally:
        await db.close()


def _ask_numbers(made: Sequence[Call]) -> tuple[str, ...]:
    """A ticket's number, its beginning, a telephone's, and its last four digits."""
    row = next(call.row for call in made[len(made) // 2 :] if call.row.state is State.ACCEPTED)
    number, caller = number_of(row.call_id), caller_of(row.call_id)
    return tuple(f"/?state=全部&q={told}" for told in (number, number[:9], caller, caller[-4:]))


async def _ask_all(
    client: aiohttp.ClientSession, address: str, rounds: int, paths: Sequence[str]
) -> dict[str, list[float]]:
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
async def _page(db: Database, data: Path) -> AsyncIterator[tuple[aiohttp.ClientSession, str, str]]:
    """The console over ``db`` and the calls' folders in ``data``: a client, its address, the login's token."""
    now = datetime.now(UTC)
    async with db.write() as connection:
        await add_user(connection, "bench", "no password", [Role.LEAD], now)
    token = await open_session(db, "bench", now, Policy())
    names = {line.number: line.name for line in read_hotlines().hotlines}
    app = make_app(db, Policy(), lambda: names, (), data, data, (), {"12356"}, read_map())
    cookies = {"Cookie": f"hotline-session={token}", "Accept": "text/html"}
    async with serve(app, "127.0.0.1", 0) as address, aiohttp.ClientSession(headers=cookies) as client:
        yield client, address, token


async def _fill(db: Database, url: str, made: Made) -> None:
    """Store the calls."""
    dice = random.Random(54321)
    for start in range(0, len(made.calls), _BATCH):
        some = made.calls[start : start + _BATCH]
        async with db.write() as connection:
            await connection.execute(calls.insert(), [describe(call.row) for call in some])
            await worklist.store(connection, [call.row for call in some])
            await store_rest(connection, make_rest((call.row for call in some), dice))
    terms = ((term, call_id) for term in sorted(made.postings) for call_id in made.postings[term])
    if db.dialect == "sqlite":
        await asyncio.to_thread(_load_sqlite, url.removeprefix("sqlite:///"), made.texts, terms)
    else:
        await _load_postgresql(url, made.texts, terms)


def _load_sqlite(file: str, texts: Sequence[tuple[str, str, str]], terms: Iterator[tuple[str, str]]) -> None:
    connection = sqlite3.connect(file)
    try:
        connection.executemany("INSERT INTO search_texts VALUES (?, ?, ?)", texts)
        connection.executemany("INSERT INTO search_terms VALUES (?, ?)", terms)
        connection.commit()
    finally:
        connection.close()


async def _load_postgresql(
    url: str, texts: Sequence[tuple[str, str, str]], terms: Iterator[tuple[str, str]]
) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.copy_records_to_table("search_texts", records=texts)
        await connection.copy_records_to_table("search_terms", records=terms)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
