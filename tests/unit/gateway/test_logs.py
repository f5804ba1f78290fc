from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import re
import select
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pjsua2
import pytest
import sqlalchemy as sa
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.service.discretion import mask, tell
from gateway.service.logs import configure_logs
from gateway.sip.fault import SipError
from gateway.sip.pj import endpoint
from gateway.site.settings import LogSettings
from recordings.database import open_database
from tickets.ticket import CallerPart

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBER, WORDS = "13855812345", "颍上县慎城镇房子漏雨"
log = logging.getLogger("test")


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_says_when_how_grave_who_what_and_which_call(capsys):
    configure_logs("gateway")
    structlog.contextvars.bind_contextvars(call_id="20260701T083015-0a1b2c3d")
    log.info("call", extra={"hotline": "12345"})
    structlog.get_logger("x").warning("ticket accepted", number="261820100014")
    first, second = lines(capsys)
    assert list(first)[:5] == list(second)[:5] == ["time", "level", "process", "event", "call_id"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", first["time"])
    assert (first["level"], first["process"], first["event"]) == ("info", "gateway", "call")
    assert first["call_id"] == second["call_id"] == "20260701T083015-0a1b2c3d"
    assert first["hotline"] == "12345"
    assert (second["level"], second["number"]) == ("warning", "261820100014")


WRITER = """
import logging, sys
from gateway.service.logs import configure_logs

configure_logs("gateway")
for number in range(3000):
    logging.getLogger().warning("line %d %s", number, "x" * (number % 3 * 3000))
print("done", flush=True)
sys.stdin.readline()
logging.getLogger().warning("afterwards")
"""


def test_a_log_that_is_a_file_is_whole_when_the_process_ends(tmp_path: Path) -> None:
    file = tmp_path / "log"
    told = "from gateway.service.logs import configure_logs\nimport logging\nconfigure_logs('gateway')\n"
    told += "for number in range(2000): logging.getLogger('test').info('line %d', number)\n"
    with file.open("wb") as stderr:
        subprocess.run([sys.executable, "-c", told], stderr=stderr, check=True)
    assert [json.loads(line)["event"] for line in file.read_text().splitlines()] == [
        f"line {number}" for number in range(2000)
    ]


def test_a_log_that_nobody_reads_stops_no_process_and_says_later_what_is_lost() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        try:
            assert select.select([process.stdout], [], [], 30)[0], "it waits for its log to be read"
            assert process.stdout.readline() == b"done\n"
            kept = os.read(process.stderr.fileno(), 1_000_000)
            process.stdin.write(b"\n")
            process.stdin.close()
            told = [json.loads(line)["event"] for line in (process.stderr.read()).splitlines()[-2:]]
        finally:
            process.kill()
    assert kept.count(b"line") > 3
    assert re.fullmatch(r"\d+ lines of this log are lost: nobody read them in time", told[0])
    assert told[1] == "afterwards"


def test_a_line_that_cannot_be_made_harms_nobody(capsys):
    configure_logs("gateway")
    log.warning("%d", "no number")
    log.warning("afterwards")
    assert "afterwards" in capsys.readouterr().err


def test_text_where_it_is_asked_for(capsys):
    configure_logs("gateway", LogSettings(format="text"))
    structlog.contextvars.bind_contextvars(call_id="20260701T083015-0a1b2c3d")
    try:
        int(WORDS)
    except ValueError:
        log.exception("broke off for %s", NUMBER)
    told = capsys.readouterr().err
    assert not told.startswith("{")
    assert "20260701T083015-0a1b2c3d" in told
    assert "ValueError" in told
    assert NUMBER not in told
    assert WORDS not in told


def test_the_level_is_kept(capsys):
    configure_logs("gateway", LogSettings(format="json", level="warning"))
    log.info("small")
    log.warning("great")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["great"]


def fail_deep_inside() -> None:
    contact = NUMBER
    try:
        int(contact + WORDS)
    except ValueError as error:
        raise KeyError(WORDS) from error


def test_a_traceback_holds_no_words_and_no_numbers(capsys):
    configure_logs("gateway")
    try:
        fail_deep_inside()
    except KeyError:
        log.exception("the call broke off")
    (line,) = lines(capsys)
    assert "fail_deep_inside" in line["exception"]
    assert "ValueError" in line["exception"]
    assert "KeyError" in line["exception"]
    assert NUMBER not in json.dumps(line, ensure_ascii=False)
    assert WORDS not in json.dumps(line, ensure_ascii=False)


def test_what_an_exception_may_say_is_said(capsys):
    configure_logs("gateway")
    try:
        Path("/nowhere/spool").read_bytes()
    except OSError:
        log.exception("filing failed")
    (line,) = lines(capsys)
    assert "No such file or directory: '/nowhere/spool'" in line["exception"]
    told = tell(ExceptionGroup("two", [SipError(f"call sip:{NUMBER}@192.0.2.1: 404"), ValueError(NUMBER)]))
    assert "gateway.sip.fault.SipError: call sip:…@192.0.2.1: 404" in told
    assert "ValueError (message withheld)" in told
    assert NUMBER not in told


def test_what_the_validator_the_database_and_asyncio_bring(capsys, tmp_path):
    configure_logs("gateway")
    with pytest.raises(ValidationError) as refused:
        CallerPart(number=WORDS, contact=NUMBER)
    assert WORDS not in str(refused.value)

    async def insert() -> None:
        db = open_database(f"sqlite:///{tmp_path / 'a.db'}")
        async with db.write() as connection:
            await connection.execute(sa.text("INSERT INTO nowhere VALUES (:a)"), {"a": NUMBER})

    with pytest.raises(sa.exc.OperationalError) as failed:
        asyncio.run(insert())
    assert NUMBER not in str(failed.value)

    async def forget() -> None:
        async def die() -> None:
            raise ValueError(WORDS + NUMBER)

        task = asyncio.create_task(die())
        await asyncio.wait({task})
        del task
        gc.collect()

    asyncio.run(forget())
    told = lines(capsys)
    assert [line["event"] for line in told] == ["Task exception was never retrieved"]
    assert NUMBER not in json.dumps(told, ensure_ascii=False)
    assert WORDS not in json.dumps(told, ensure_ascii=False)


def test_the_sip_stacks_own_lines(capsys):
    configure_logs("gateway")
    entry = pjsua2.LogEntry()
    entry.msg = f"sip_x.c  Error processing INVITE sip:12345@192.0.2.9 from <sip:{NUMBER}@192.0.2.1>:\nFrom: {NUMBER}\n"
    endpoint.StackLog().write(entry)
    (line,) = lines(capsys)
    assert line["event"].startswith("pjsip: sip_x.c  Error processing INVITE")
    assert "192.0.2.1" in line["event"]
    assert NUMBER not in line["event"]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call 13855812345 now", "call … now"),
        ("+86-138-5581-2345", "…"),
        ("0558-2345678", "…"),
        ("tel:+8613855812345", "tel:…"),
        ("caller13855812345x", "caller…x"),
        ("sip:13855812345@192.0.2.1:5060", "sip:…@192.0.2.1:5060"),
        ("SIPS:anna@example.org", "SIPS:…@example.org"),
        ("http://a.example/v1/tickets?caller=1385&x=1 failed", "http://a.example/v1/tickets?… failed"),
        ("postgresql://user:secret@db/hotline", "postgresql://…@db/hotline"),
        ("call 20260701T083015-0a1b2c3d", "call 20260701T083015-0a1b2c3d"),
        ("calls/2026/07/01/20260701T083015-01234567/audio.wav", None),
        ("192.168.100.200:50600", None),
        ("fixed/0123456789abcdef0123456789abcdef.wav", None),
        ("hotline 12345", None),
    ],
)
def test_masking(text: str, masked: str | None):
    assert mask(text) == (text if masked is None else masked)


@given(
    st.text("ab 颍:(<;=\"'"),
    st.sampled_from(["", "+86", "0086", "+86-"]),
    st.from_regex(r"1[3-9][0-9]-?[0-9]{4}-?[0-9]{4}", fullmatch=True),
    st.text("漏雨 :)>;,\"'"),
)
def test_no_mobile_number_passes(before: str, prefix: str, number: str, after: str):
    if before[-1:] in {"a", "b"}:
        before += " "
    assert number not in mask(before + prefix + number + after)
