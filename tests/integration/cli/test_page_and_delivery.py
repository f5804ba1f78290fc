"""``hotline intake-map``, ``reconcile`` and ``console …``, as an operator runs them: the real command, what it says."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
import yaml
from callfolder import CallFolder, heard, silence, stated

from console import factor
from console.passwords import check_password
from console.policy import Policy
from console.sessions import open_session
from gateway.cli import main
from recordings import schema, users
from recordings.database import open_database
from tickets.filing import file_call
from tickets.number import CITY_TIME, NumberBook

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from recordings.database import Database

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SECRET = "whsec_dGhlIHRlc3RzJyBvd24gc2VjcmV0LCAzMiBieXRlcyE="
MAPPING = """
version: 1
fields:
  gdbh: {{from: number}}
  bt: {{from: appeal.title}}
answer: {{number: id}}
lookup:
  url: {address}/orders?gdbh={{number}}
  answer: {{number: id}}
"""
GOOD, BETTER = "correct horse battery", "another good password"


class Desk:
    """An operator at the machine."""

    def __init__(self, folder: Path, url: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        self.folder, self.url, self._patch, self._capsys = folder, url, monkeypatch, capsys
        self.settings: dict[str, Any] = {"database": {"url": url}}

    def type(self, *words: str, answer: str = "") -> tuple[int, str, str]:
        """Run ``hotline`` with these words: how it ended, what it printed, and what beside."""
        config = self.folder / "gateway.yaml"
        config.write_text(yaml.safe_dump(self.settings))
        where = ["--config", str(config), "--data", str(self.folder / "data")]
        self._patch.setattr(sys, "argv", ["hotline", *where, *words])
        self._patch.setattr(sys, "stdin", io.StringIO(f"{answer}\n"))
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        told = self._capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    def do(self, work: Callable[[Database], Awaitable[Any]]) -> Any:
        async def run() -> Any:
            db = open_database(self.url)
            try:
                return await work(db)
            finally:
                await db.close()

        return asyncio.run(run())

    def write(self, *statements: Any) -> None:
        async def run(db: Database) -> None:
            async with db.write() as connection:
                for statement in statements:
                    await connection.execute(statement)

        self.do(run)

    def read(self, query: Any) -> list[Any]:
        async def run(db: Database) -> list[Any]:
            async with db.read() as connection:
                return list((await connection.execute(query)).all())

        return list(self.do(run))

    def file(self, *texts: str) -> list[str]:
        """A ticket of a call of its own for each; their numbers."""

        async def run(db: Database) -> list[str]:
            book, numbers = NumberBook(self.folder / "numbers", 1), []
            for n, text in enumerate(texts):
                phrase = heard(text, 1.0, 3.0)
                call = CallFolder(self.folder, f"20260701T08{n:02}00-{n:08x}").begin().hear(phrase)
                call.state(stated(0, phrase, until=3.5, complete=True)).record(silence(4))
                call.hang_up(seconds=4.0)
                numbers += (await file_call(db, book, call.folder)).numbers
            return numbers

        return list(self.do(run))


@pytest.fixture
def desk(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    monkeypatch.delenv("HOTLINE_USER", raising=False)
    return Desk(tmp_path, database_url, monkeypatch, capsys)


def test_a_mapping_is_proved_and_a_ticket_shown_in_their_fields(desk, tmp_path):
    file = tmp_path / "city.yaml"
    file.write_text(MAPPING.format(address="https://city.example"))
    (number,) = desk.file("颍上县慎城镇房子漏雨")
    code, said, _ = desk.type("intake-map", "check", str(file))
    assert (code, "the mapping is good" in said, "2 个字段" in said) == (0, True, True)
    assert "transcript" in said.partition("go nowhere:")[2]
    code, said, _ = desk.type("intake-map", "check", str(file), "--number", number)
    shown = json.loads(said[said.index("{") :])
    assert (code, shown) == (0, {"gdbh": number, "bt": shown["bt"]})
    assert "漏雨" in shown["bt"]
    code, _, wrong = desk.type("intake-map", "check", str(file), "--number", "900000000001")
    assert (code, "no such ticket: 900000000001" in wrong) == (1, True)
    file.write_text(file.read_text().replace("appeal.title", "appeal.titel"))
    code, said, wrong = desk.type("intake-map", "check", str(file))
    assert code != 0
    assert not said
    assert "appeal.titel" in wrong
    assert str(file) in wrong
    assert "Traceback" not in wrong


@pytest.fixture
def city() -> Iterator[tuple[str, dict[str, str]]]:
    """Another city's intake, which tells what it has: its numbers by ours."""
    held: dict[str, str] = {}

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = held.get(self.path.rpartition("=")[2])
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(json.dumps({"id": found}).encode() if found else b"")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", held
    server.shutdown()
    server.server_close()


def test_a_days_books_are_compared(desk, city, tmp_path):
    address, held = city
    taken, lost, waits = desk.file("颍上县慎城镇房子漏雨", "颍上县慎城镇路灯不亮", "颍上县慎城镇停水")
    box, now = schema.outbox, datetime.now(UTC)
    settled = sa.update(box).values(state="accepted", settled_at=now)
    desk.write(
        *(settled.where(box.c.number == n).values(receipt={"number": f"C-{n}"}) for n in (taken, lost))
    )
    ((put, *_),) = desk.read(sa.select(sa.func.min(box.c.created_at).label("put")))
    day = ("reconcile", "--day", str(put.astimezone(CITY_TIME).date()))
    code, said, beside = desk.type(*day)
    rows = {row["number"]: row for row in csv.DictReader(io.StringIO(said))}
    assert (code, set(rows)) == (1, {taken, lost, waits})
    assert (rows[taken]["accepted"], rows[taken]["intake_number"]) == ("1", f"C-{taken}")
    assert (rows[waits]["waiting"], rows[waits]["accepted"]) == ("1", "0")
    assert "3 件 / tickets, 未了 / owed 1" in beside
    desk.write(settled.where(box.c.number == waits).values(receipt={"number": f"C-{waits}"}))
    assert desk.type(*day)[0] == 0
    code, said, _ = desk.type("reconcile", "--day", "2026-01-01")
    assert (code, list(csv.DictReader(io.StringIO(said)))) == (0, [])

    desk.settings["intake"] = {"url": f"{address}/orders", "secret": SECRET}
    code, _, wrong = desk.type(*day, "--ask")
    assert (code, "lookup" in wrong) == (2, True)
    file = tmp_path / "city.yaml"
    file.write_text(MAPPING.format(address=address))
    desk.settings["intake"] |= {"mapping": str(file), "alerts": False}
    held |= {taken: f"C-{taken}", waits: "C-another"}
    code, said, beside = desk.type(*day, "--ask")
    theirs = {row["number"]: row["theirs"] for row in csv.DictReader(io.StringIO(said))}
    assert (code, theirs) == (1, {taken: "same", lost: "missing", waits: "other: C-another"})
    assert "不符 / differing 2" in beside
    code, _, wrong = desk.type("reconcile", "--day", "gestern")
    assert (code, "YYYY-MM-DD" in wrong) == (2, True)


def test_who_watches_over_others_is_let_in_again_by_the_machine(desk):
    code, said, _ = desk.type("console", "add-user", "王芳", "--role", "安全管理员", answer=GOOD)
    assert (code, "已添加 / added: 王芳" in said) == (0, True)

    async def enrol(db: Database) -> str:
        async with db.write() as connection:
            await factor.begin(connection, "王芳")
            await factor.confirm(connection, "王芳", datetime.now(UTC))
            await factor.renew_codes(connection, "王芳")
        return await open_session(db, "王芳", datetime.now(UTC), Policy())

    desk.do(enrol)
    code, said, _ = desk.type("console", "reset-second-factor", "王芳")
    assert (code, "may enrol again: 王芳" in said) == (0, True)
    assert desk.read(sa.select(users.second_factors)) == desk.read(sa.select(users.recovery_codes)) == []
    assert desk.read(sa.select(users.sessions)) == []
    assert "has no second factor: 王芳" in desk.type("console", "reset-second-factor", "王芳")[1]

    desk.do(enrol)
    for name, password, told in (("王芳", "short", "too weak"), ("李强", BETTER, "there is no user 李强")):
        code, _, wrong = desk.type("console", "reset-password", name, answer=password)
        assert (code, told in wrong, "Traceback" in wrong) == (1, True, False)
    assert len(desk.read(sa.select(users.sessions))) == 1
    code, said, _ = desk.type("console", "reset-password", "王芳", answer=BETTER)
    assert (code, "face to face: 王芳" in said) == (0, True)
    ((kept, must_change),) = desk.read(sa.select(users.users.c.password, users.users.c.must_change))
    assert (asyncio.run(check_password(BETTER, kept)), must_change) == (True, True)
    assert desk.read(sa.select(users.sessions)) == []
    trail = desk.read(sa.select(schema.audit.c.user_name, schema.audit.c.action, schema.audit.c.subject))
    assert [tuple(row) for row in trail] == [
        ("(命令)", action, "王芳") for action in ("添加用户", "重置动态码", "重置密码")
    ]
