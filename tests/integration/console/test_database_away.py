"""The page while its database is away: said in Chinese, as something that passes, and in one line of the log."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from console import streaming
from console.pages import recording
from console.problem import answer_problems
from recordings.database import open_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

TITLE = "数据库暂时连不上"


@pytest.fixture(
    params=["sqlite:///{}/gone/x.db", "postgresql://x@/x?host={}", "postgresql://x:word@127.0.0.1:1/x"]
)
async def lose(
    request: pytest.FixtureRequest, tmp_path: Path, site: Any, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[], None]]:
    """Takes the page's database away from under it."""
    away = open_database(request.param.format(tmp_path))

    def take() -> None:
        for name in ("_reader", "_writer"):
            monkeypatch.setattr(site.db, name, getattr(away, name))

    yield take
    await away.close()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert not [record for record in caplog.records if record.exc_info], caplog.text
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@on_sqlite
async def test_a_page_says_so_in_chinese(site, lose, caplog):
    client = await site.logged_in("王芳")
    lose()
    answer = await client.get("/?q=漏水")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
    assert TITLE in answer.text
    assert '<html lang="zh-CN">' in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    (line,) = lines(caplog)
    assert "the database is out of reach: GET /: " in line
    assert "漏水" not in line
    assert "SELECT" not in line


@on_sqlite
async def test_a_script_gets_a_problem(site, call, lose, caplog):
    call_id = await call("房子漏雨")
    client = await site.logged_in("王芳")
    lose()
    headers = {"Accept": "application/json", "X-CSRF-Token": client.csrf}
    answer = await client.ask("POST", f"/calls/{call_id}/claim", headers=headers)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert json.loads(answer.text) == {
        "title": TITLE,
        "status": 503,
        "detail": "刚才的操作可能没有保存,请稍后重试。",
    }
    (line,) = lines(caplog)
    assert "POST /calls/{call_id}/claim" in line


@on_sqlite
async def test_a_stream_ends_and_its_page_can_come_back(site, lose, caplog, monkeypatch):
    monkeypatch.setattr(streaming, "_SIGN_OF_LIFE_S", 0.2)
    client = await site.logged_in("王芳")
    async with client.http.get(f"{client.address}/live/events") as answer:
        assert answer.status == 200
        lose()
        with pytest.raises(aiohttp.ClientError):  # broken off, and not at its end
            await asyncio.wait_for(answer.read(), 10)
    (line,) = lines(caplog)
    assert "the database is out of reach" in line


@on_sqlite
async def test_a_client_that_goes_is_no_database_that_is_away(site, call, caplog, monkeypatch):
    call_id = await call("房子漏雨")
    client = await site.logged_in("王芳")
    taken = 0

    def endless(_audio: Path) -> Any:
        nonlocal taken
        for taken in itertools.count(1):  # noqa: B007 - it is looked at outside
            yield b"x" * 65536

    monkeypatch.setattr(recording, "stream_peaks", endless)
    answer = await client.http.get(f"{client.address}/calls/{call_id}/peaks")
    assert answer.status == 200
    await answer.content.readexactly(65536)
    answer.close()
    seen = 0
    while seen < taken:  # until the page has noticed
        seen = taken
        await asyncio.sleep(0.3)
    assert "database" not in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(13, "Permission denied", "/data/calls/audio.wav"),
        sa.exc.IntegrityError("INSERT", None, Exception("UNIQUE")),
    ],
)
async def test_faults_of_ours_stay_faults(error: Exception):
    async def fail(_request: web.Request) -> web.Response:
        raise error

    app = web.Application(middlewares=[answer_problems])
    app.router.add_get("/", fail)
    async with TestClient(TestServer(app)) as client:
        assert (await client.get("/")).status == HTTPStatus.INTERNAL_SERVER_ERROR
