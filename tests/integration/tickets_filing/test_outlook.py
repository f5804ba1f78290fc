"""What is near is told beforehand; on both databases."""

from __future__ import annotations

import json
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from callfolder import CallFolder, heard, stated

from gateway.doctor.finding import Patient
from gateway.doctor.outlook import look_ahead
from gateway.service import outlook
from gateway.service.outlook import Outlook
from gateway.site.settings import Paths, Settings
from recordings import growth, refused
from recordings.callbacks import Missed, Owed
from recordings.growth import forecast, read_growth
from recordings.refused import Refused
from recordings.schema import calls, outbox, recordings, tickets
from tickets import metrics
from tickets.filing import file_call
from tickets.number import NumberBook
from tickets.past import find_discreet
from tickets.sms.message import Message, Writer
from tickets.sms.missed import MissedWatch
from tickets.sms.wording import Templates

if TYPE_CHECKING:
    from pathlib import Path

    from recordings.database import Database

NOW = datetime.now(UTC).replace(microsecond=0)
LEAK = heard("颍上县慎城镇房子漏雨", 1.0, 4.0)
MIB = 1 << 20


def begin(data: Path, minutes_ago: int, caller: str = "13855812345", **line: object) -> CallFolder:
    at = NOW - timedelta(minutes=minutes_ago)
    return CallFolder(data, f"{at:%Y%m%dT%H%M%S}-0a1b2c3d").begin(caller=caller, **line)


async def file(database: Database, data: Path, call: CallFolder) -> None:
    """File it as begun when its id says: the journal is of this moment."""
    await file_call(database, NumberBook(data / "numbers", 1), call.folder)
    began = datetime.strptime(call.call_id[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    async with database.write() as connection:
        which = calls.c.call_id == call.call_id
        ended = sa.case((calls.c.ended_at.is_not(None), sa.literal(began, calls.c.ended_at.type)))
        await connection.execute(sa.update(calls).where(which).values(started_at=began, ended_at=ended))


async def record(database: Database, data: Path, minutes_ago: int) -> None:
    """A call of 75 minutes, 144 MB."""
    call = begin(data, minutes_ago).hang_up()
    await file(database, data, call)
    row = {"call_id": call.call_id, "path": "x", "seconds": 4500.0, "channels": 2}
    async with database.write() as connection:
        await connection.execute(sa.delete(recordings).where(recordings.c.call_id == call.call_id))
        await connection.execute(sa.insert(recordings).values(row))


@pytest.mark.parametrize(
    ("freed", "net"),
    [
        ([144, 144, 144], 0.0),  # each day as much as the day has brought
        ([144, 72, 144], 0.0),
        ([72, 72, 72], 0.5),
        ([900, 0, 0], 1.0),  # once, when the disk was nearly full
        ([900], 1.0),
        ([], 1.0),
    ],
)
async def test_what_is_deleted_each_day_does_not_fill_the_disk(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, freed: list[int], net: float
) -> None:
    free = 4000
    look = Outlook(Settings(), tmp_path, database)
    write, by = growth._write, set[threading.Thread]()
    monkeypatch.setattr(growth, "_write", lambda *told: (by.add(threading.current_thread()), write(*told)))
    monkeypatch.setattr(outlook, "free_bytes", lambda _folder: free * 1_000_000)
    days = len(freed)
    for day, gone in enumerate([0, *freed]):
        if day:
            await record(database, tmp_path, 60 * 24 * (days - day) + 60 * 23)
            free += gone - 144
        await look.look(NOW - timedelta(days=days - day))
    if not freed:
        await record(database, tmp_path, 60 * 23)
    async with database.read() as connection:
        rate = await read_growth(connection, {1}, tmp_path, NOW)
    assert rate == pytest.approx(net * 144e6 / (23 * 3600), rel=0.05, abs=100)
    assert by
    assert threading.current_thread() not in by, "no message waits for the disk"


async def test_the_disk_lasts_for_as_long_as_the_last_day_says(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings, paths = Settings(), Paths(tmp_path, {})
    async with database.read() as connection:
        assert await read_growth(connection, {1}, tmp_path, NOW) == 0.0
    for minutes in (60 * 5, 60 * 30):  # the latter of yesterday
        await record(database, tmp_path, minutes)
    async with database.read() as connection:
        rate = await read_growth(connection, {1}, tmp_path, NOW)
        assert await read_growth(connection, {2}, tmp_path, NOW) == 0.0
    assert rate == pytest.approx(4500 * 32_000 / (5 * 3600))
    assert forecast(int(rate * 60), rate) == pytest.approx(60, abs=0.1)

    files = {"file": tmp_path / "c.pem", "key": tmp_path / "key"}
    new = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        str(files["key"]),
    ]
    command = ["openssl", "req", "-x509", *new, "-subj", "/CN=x", "-days", "20", "-out", str(files["file"])]
    subprocess.run(command, check=True, capture_output=True)
    told = {"certificate": str(files["file"]), "key": str(files["key"])}
    settings = Settings.model_validate({"console": told})
    look = Outlook(settings, tmp_path, database)
    for free, near in ((int(rate * 86400 * 8), 0), (int(rate * 86400 * 4), 1)):
        for module in (outlook, "gateway.doctor.outlook"):
            name = f"{module}.free_bytes" if isinstance(module, str) else f"{module.__name__}.free_bytes"
            monkeypatch.setattr(name, lambda _folder, free=free: free)
        for _ in range(3):
            await look.look(NOW)
        lines = [record.message for record in caplog.records if "is full in" in record.message]
        assert len(lines) == near, "once a day"
        (finding,) = [one async for one in look_ahead(Patient(settings, paths), database)]
        assert finding.level == ("warning" if near else "ok")
        assert ("天后就满" in finding.what) == bool(near)
        assert metrics.DISK_FULL_IN.collect()[0].samples[0].value == pytest.approx(free / rate)
    assert "is full in 4 days" in lines[0]
    ends = [record.message for record in caplog.records if "certificate of console ends" in record.message]
    assert len(ends) == 1
    await look.look(NOW + timedelta(days=1))
    assert sum("certificate of console ends" in record.message for record in caplog.records) == 2
    await look.look(NOW + timedelta(days=30))
    assert "certificate of console ended" in caplog.text


async def test_who_was_cut_off_is_told_once_and_nobody_who_was_silent(
    database: Database, tmp_path: Path
) -> None:
    cut = begin(tmp_path, 5).hear(LEAK).state(stated(0, LEAK)).hang_up(by="lost")
    confidential = begin(tmp_path, 10, "13900006666").hear(LEAK).state(stated(0, LEAK)).hang_up()
    for call in (
        cut,
        confidential,
        begin(tmp_path, 9, "13900006666").hear(LEAK).state(stated(0, LEAK)).hang_up(by="lost"),
        begin(tmp_path, 11, "13900005555").hang_up(by="lost"),  # said nothing either
        begin(tmp_path, 6, "13900001111").hang_up(by="gateway"),  # said nothing
        begin(tmp_path, 7, "13900002222").hang_up(),  # hung up in the opening
        begin(tmp_path, 8, "13900003333", anonymous=True)
        .hear(LEAK)
        .state(stated(0, LEAK))
        .hang_up(by="lost"),
        begin(tmp_path, 90, "13900004444").hang_up(by="lost"),  # no news any more
    ):
        await file(database, tmp_path, call)
    async with database.write() as connection:
        which = tickets.c.call_id == confidential.call_id
        ticket = json.loads(await connection.scalar(sa.select(tickets.c.document).where(which)) or "")
        ticket["caller"]["confidential"] = True
        await connection.execute(sa.update(tickets).where(which).values(document=json.dumps(ticket)))
    assert await tell(database, NOW, NOW) == [
        Message(to="13855812345", text=Templates().missed, what="missed")
    ]


async def tell(database: Database, *looks: datetime) -> list[Message]:
    """What is there to be sent when a worker has started at each of these moments and looked."""
    for now in looks:
        await MissedWatch(database, Writer(Templates(), "")).look(now)
    async with database.read() as connection:
        rows = (await connection.scalars(sa.select(outbox.c.document).where(outbox.c.kind == "sms"))).all()
    return [Message.model_validate_json(row) for row in rows]


def refuse(number: int, at: datetime) -> Refused:
    caller = f"139{number:08}"
    return Refused(f"{at:%Y%m%dT%H%M%S}-{number:08x}", "s", caller, "12345", "12345", at, 1, barred=False)


async def test_who_redials_at_once_and_is_heard_or_talks_still_is_told_nothing(
    database: Database, tmp_path: Path
) -> None:
    at = NOW - timedelta(minutes=6)
    async with database.write() as connection:
        await refused.store(connection, [refuse(number, at) for number in (1, 2, 3)], 1)
        await refused.store(connection, [refuse(4, NOW - timedelta(minutes=4))], 1)
    await file(
        database, tmp_path, begin(tmp_path, 5, "13900000001").hear(LEAK).state(stated(0, LEAK)).hang_up()
    )
    await file(database, tmp_path, begin(tmp_path, 4, "13900000002").hear(LEAK).state(stated(0, LEAK)))
    assert [message.to for message in await tell(database, NOW)] == ["13900000003"]
    async with database.read() as connection:
        (name,) = await connection.scalars(sa.select(outbox.c.number).where(outbox.c.kind == "sms"))
    assert name == f"sms-missed-{refuse(3, at).call_id}", "no digest of his number"
    later = NOW + timedelta(minutes=2)
    assert [message.to for message in await tell(database, later)] == ["13900000003", "13900000004"]


async def test_a_call_before_midnight_is_told_of_once_though_the_day_has_changed(database: Database) -> None:
    at = datetime(2026, 7, 1, 15, 50, tzinfo=UTC)  # 23:50 in the city
    async with database.write() as connection:
        await refused.store(connection, [refuse(1, at)], 1)
    assert len(await tell(database, at + timedelta(minutes=6), at + timedelta(minutes=20))) == 1


async def test_who_is_missed_now_is_told_however_many_wait_for_longer(database: Database) -> None:
    waiting = [refuse(number, NOW - timedelta(hours=2)) for number in range(1001)]
    async with database.write() as connection:
        await refused.store(connection, [*waiting, refuse(2000, NOW - timedelta(minutes=6))], 1)
    assert [message.to for message in await tell(database, NOW)] == ["13900002000"]


async def test_a_flood_of_refused_callers_hides_nobody_who_must_not_be_told(
    database: Database, tmp_path: Path
) -> None:
    call = begin(tmp_path, 10, "13900006666").hear(LEAK)
    call.state(stated(0, LEAK, danger=True)).hang_up()
    await file(database, tmp_path, call)
    flood = {f"1380{number:07}" for number in range(40_000)}
    async with database.read() as connection:
        assert await find_discreet(connection, flood | {"13900006666"}, NOW) == {"13900006666"}


async def test_who_was_told_already_is_found_without_reading_the_whole_outbox(database: Database) -> None:
    if database.dialect != "sqlite":
        pytest.skip("PostgreSQL reads whole what is as small as this")
    asked: list[tuple[str, Any]] = []
    async with database.write() as connection:
        sa.event.listen(
            connection.sync_connection,
            "before_cursor_execute",
            lambda _connection, _cursor, text, values, *_: asked.append((text, values)),
        )
        owed = Owed("20261128T020000-0000000a", "13855812345", "12345", NOW, Missed.REFUSED, 1, NOW)
        await Writer(Templates(), "").tell_missed(connection, [owed])
        plan = [
            row.detail
            for text, values in tuple(asked)
            for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        ]
    assert plan
    assert not [step for step in plan if step.startswith("SCAN")]
