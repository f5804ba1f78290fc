"""Surges in a made-up month: how many of those planted are found and how soon, and what is taken for one and is none.

The month lies in the real table, and the real detector looks at it as the worker does, every few minutes of its time.
Besides, what a look costs over many matters, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from dataclasses import astuple
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg

from bench.month import Month, Plant, make_month, to_rows
from recordings.database import migrate, open_database
from recordings.matters import MatterRow, matters, store
from tests.postgres import Postgres
from tickets.hotwords import find_hot_words
from tickets.surges import register

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recordings.database import Database

FOUND, IN_TIME, FALSE_A_DAY = 0.9, timedelta(minutes=30), 1.0
_WRITES = 100
_MATTERS = tuple(column.name for column in matters.columns)
_TEXT = "%Y-%m-%dT%H:%M:%S.%fZ"


class Found(NamedTuple):
    """A surge that was found, and when."""

    topic: str
    county: str
    township: str
    at: datetime
    reason: str


async def measure(
    seeds: Sequence[int], every_min: int, sizes: Sequence[int], **smaller: int
) -> dict[str, Any]:
    """Months of these seeds, looked at every so many minutes; and looks at tables of these sizes."""
    months = [await _measure_month(make_month(seed, **smaller), seed, every_min) for seed in seeds]
    return {
        "every_min": every_min,
        "months": months,
        "costs": [cost for size in sizes for cost in await _measure_costs(size)],
        "within": all(month["within"] for month in months),
    }


async def find_in(month: Month, url: str, every_min: int) -> list[Found]:
    """The surges of the month, each when it was found, of an empty database at ``url`` (SQLite)."""
    await migrate(url)
    db = open_database(url)
    try:
        load_sqlite(url.removeprefix("sqlite:///"), list(to_rows(month)))
        return [found async for found in _watch(db, month, timedelta(minutes=every_min))]
    finally:
        await db.close()


async def _watch(db: Database, month: Month, every: timedelta) -> Any:
    now = month.begin
    while now < month.end:
        now += every
        async with db.read() as connection:
            seen, grown = await register.look(connection, now)
        if not (seen or grown):
            continue
        async with db.write() as connection:
            changes = await register.update(connection, seen, now)
        for change in changes:
            if change.new:
                surge = change.surge
                yield Found(surge.topic, surge.county, surge.township, now, surge.reason)


async def _measure_month(month: Month, seed: int, every_min: int) -> dict[str, Any]:
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
        found = await find_in(month, f"sqlite:///{folder}/hotline.db", every_min)
    return judge(month, found) | {"seed": seed, "took_s": round(time.perf_counter() - began, 1)}


def judge(month: Month, found: Sequence[Found]) -> dict[str, Any]:
    """What was found of what was planted, and how soon after its fourth call; and what else was."""
    delays = [_find_delay(plant, found) for plant in month.plants]
    in_time = [delay is not None and delay <= IN_TIME for delay in delays]
    peaks = [good for good, plant in zip(in_time, month.plants, strict=True) if plant.in_peak]
    false = [one for one in found if not any(_is_of(one, plant) for plant in month.plants)]
    days = (month.end - month.begin) / timedelta(days=1)
    minutes = sorted(delay / timedelta(minutes=1) for delay in delays if delay is not None)
    return {
        "matters": len(month.rows),
        "planted": len(month.plants),
        "found": sum(in_time),
        "found_later": sum(delay is not None for delay in delays) - sum(in_time),
        "in_peak": len(peaks),
        "found_in_peak": sum(peaks),
        "delay_min": {"p50": round(minutes[len(minutes) // 2], 1), "max": round(minutes[-1], 1)}
        if minutes
        else {},
        "false": len(false),
        "false_a_day": round(len(false) / days, 3),
        "false_at": [
            f"{one.at:%m-%d %H:%M} {one.county}{one.township}{one.topic}: {one.reason}" for one in false
        ],
        "decoys": list(month.decoys),
        "within": sum(in_time) >= FOUND * len(month.plants) and len(false) / days <= FALSE_A_DAY,
    }


def _is_of(found: Found, plant: Plant) -> bool:
    same = (found.topic, found.county, found.township) == (plant.topic, *plant.place)
    return same and plant.ats[0] <= found.at <= plant.ats[-1] + timedelta(hours=3)


def _find_delay(plant: Plant, found: Sequence[Found]) -> timedelta | None:
    """From the fourth call to when the surge was found; none before it counts for less than nothing."""
    first = next((one.at for one in found if _is_of(one, plant)), None)
    return None if first is None else max(first - plant.ats[3], timedelta())


async def _measure_costs(size: int) -> list[dict[str, Any]]:
    """What a look costs, and what it is to write meanwhile."""
    days = max(size // 3200, 1)
    month = make_month(7, before=max(days - 30, 0), days=min(days, 30))
    rows = list(to_rows(month))
    costs = []
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
        url = f"sqlite:///{folder}/hotline.db"
        await migrate(url)
        await asyncio.to_thread(load_sqlite, f"{folder}/hotline.db", rows)
        costs.append(await _time_looks(url, month, rows))
    postgres = await asyncio.to_thread(Postgres)
    try:
        url = postgres.url(await asyncio.to_thread(postgres.create))
        await migrate(url)
        await _load_postgresql(url, rows)
        costs.append(await _time_looks(url, month, rows))
    finally:
        await asyncio.to_thread(postgres.stop)
    return costs


async def _time_looks(url: str, month: Month, rows: Sequence[MatterRow]) -> dict[str, Any]:
    """Looks at the month's last four days, every half hour; writes of matters, alone and beside look upon look."""
    db = open_database(url)
    try:
        looks, cpu, seen = [], [], 0
        now = month.end - timedelta(hours=100)
        while now < month.end:
            now += timedelta(minutes=30)
            began, used = time.perf_counter(), time.thread_time()
            async with db.read() as connection:
                sightings, _ = await register.look(connection, now)
            looks.append((time.perf_counter() - began) * 1000)
            cpu.append((time.thread_time() - used) * 1000)
            seen += len(sightings)
        alone = await _time_writes(db, rows[-_WRITES:])
        looking = asyncio.create_task(_look_on(db, month.end))
        beside = await _time_writes(db, rows[-_WRITES:])
        looking.cancel()
        await asyncio.wait({looking})
        began = time.perf_counter()
        async with db.read() as connection:
            await find_hot_words(connection, month.end, 24, 20)
        words_ms = (time.perf_counter() - began) * 1000
    finally:
        await db.close()
    return {
        "database": db.dialect,
        "matters": len(month.rows),
        "looks": len(looks),
        "seen": seen,
        "look_ms": _summarise(looks),
        "loop_ms": _summarise(cpu),  # of the event loop's thread
        "write_ms": {"alone": _summarise(alone), "beside_looks": _summarise(beside)},
        "words_ms": round(words_ms, 1),
    }


async def _look_on(db: Database, now: datetime) -> None:
    """One look after the other; the worker looks every 15 s."""
    while True:
        async with db.read() as connection:
            await register.look(connection, now)


async def _time_writes(db: Database, rows: Sequence[MatterRow]) -> list[float]:
    """What a filing writes of a matter, each in a transaction of its own."""
    times = []
    for row in rows:
        began = time.perf_counter()
        async with db.write() as connection:
            await store(connection, [row])
        times.append((time.perf_counter() - began) * 1000)
    return times


def _summarise(times: list[float]) -> dict[str, float]:
    ordered = sorted(times)
    at = {"p50": 0.50, "p99": 0.99, "max": 1.0}
    return {name: round(ordered[round(share * (len(ordered) - 1))], 1) for name, share in at.items()}


def load_sqlite(file: str, rows: Sequence[MatterRow]) -> None:
    """Store matters, and a call for each, in bulk."""
    connection = sqlite3.connect(file)
    try:
        for table, columns, values in (
            ("calls", _CALL, map(_call_text, rows)),
            ("matters", _MATTERS, map(_matter_text, rows)),
        ):
            marks = ", ".join("?" * len(columns))
            statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names of ours
            connection.executemany(statement, values)
        connection.execute("ANALYZE")
        connection.commit()
    finally:
        connection.close()


async def _load_postgresql(url: str, rows: Sequence[MatterRow]) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.copy_records_to_table("calls", records=map(_call, rows), columns=_CALL)
        await connection.copy_records_to_table("matters", records=map(astuple, rows), columns=_MATTERS)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


_CALL = (
    "call_id", "sip_call_id", "caller", "called", "hotline", "flow", "node", "started_at", "cause", "interrupted",
    "folder", "late",
)  # fmt: skip


def _call(row: MatterRow) -> tuple[Any, ...]:
    return (
        row.call_id, row.call_id, row.caller, row.hotline, row.hotline, "default", 1, row.at, "200 OK", False,
        f"calls/{row.call_id}", "none",
    )  # fmt: skip


def _call_text(row: MatterRow) -> tuple[Any, ...]:
    return tuple(_text(value) for value in _call(row))


def _matter_text(row: MatterRow) -> tuple[Any, ...]:
    return tuple(_text(value) for value in astuple(row))


def _text(value: Any) -> Any:
    return value.astimezone(UTC).strftime(_TEXT) if isinstance(value, datetime) else value
