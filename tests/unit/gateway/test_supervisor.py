from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from gateway.service import supervisor as module
from gateway.service.ports import settle
from gateway.service.supervisor import Supervisor, UpError
from gateway.site.settings import IntakeSettings, Paths, Settings, SipSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def test_a_demonstration_moves_taken_ports_and_says_so(caplog) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sip, socket.socket() as intake:
        sip.bind(("127.0.0.1", 0))
        intake.bind(("127.0.0.1", 0))
        taken = sip.getsockname()[1], intake.getsockname()[1]
        settings = Settings(
            sip=SipSettings(host="127.0.0.1", port=taken[0]), intake=IntakeSettings(reference_port=taken[1])
        )
        settled = settle(settings)
    assert settled.sip.port > taken[0]
    assert settled.intake.reference_port > taken[1]
    for port in taken:
        assert f"port {port} on 127.0.0.1 is taken" in caplog.text


async def test_a_child_that_is_no_longer_looked_after_ends_the_house(tmp_path, monkeypatch, caplog) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    paths = Paths(tmp_path / "data", {"RUNTIME_DIRECTORY": str(tmp_path / "run")})
    paths.make()
    supervisor = Supervisor(Settings(), paths)
    await supervisor.start()
    with pytest.raises(UpError, match=r"the keeper of \w+ ended unexpectedly"):
        await asyncio.wait_for(supervisor.ready(), 5)
    await supervisor.stop()
    assert "FileNotFoundError" in caplog.text


CHILD = """#!{python}
import json, os, sys, threading, time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer

folder, name = Path({folder!r}), sys.argv[7]

class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({{"pid": os.getpid(), "asr": "up"}}).encode())

    def log_message(self, *_):
        pass

if name == "gateway" and (folder / "answer").exists():
    server = UnixStreamServer(os.environ["RUNTIME_DIRECTORY"] + "/gateway.sock", Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
while not (folder / name).exists():
    time.sleep(0.02)
sys.exit(78)
"""
"""A child that ends with a lasting fault once a file has its name; a gateway answers if there is a file ``answer``."""


@pytest.fixture
async def house(tmp_path, monkeypatch) -> AsyncIterator[Supervisor]:
    child = tmp_path / "child"
    child.write_text(CHILD.format(python=sys.executable, folder=str(tmp_path)))
    child.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(child))
    paths = Paths(tmp_path / "data", {"RUNTIME_DIRECTORY": str(tmp_path / "run")})
    paths.make()
    supervisor = Supervisor(Settings(), paths)
    yield supervisor
    await supervisor.stop()


@pytest.mark.parametrize("name", ["asr", "intake", "worker", "console", "gateway"])
async def test_at_the_start_every_lasting_fault_is_told_at_once(house, tmp_path, name) -> None:
    (tmp_path / name).touch()
    await house.start()
    with pytest.raises(UpError, match=f"{name} cannot run; the reason stands in its log"):
        await asyncio.wait_for(house.ready(), 10)


async def test_a_demonstration_does_not_wait_for_a_page_that_cannot_come(house, tmp_path) -> None:
    (tmp_path / "answer").touch()
    await house.start()
    hearing = asyncio.create_task(house.hears(60))
    await asyncio.sleep(1)
    (tmp_path / "console").touch()
    with pytest.raises(UpError, match="console cannot run"):
        await asyncio.wait_for(hearing, 10)


@pytest.mark.parametrize("name", ["asr", "intake", "console"])
async def test_later_the_telephone_outlives_a_lasting_fault_beside_it(house, tmp_path, caplog, name) -> None:
    (tmp_path / "answer").touch()
    await house.start()
    await asyncio.wait_for(house.ready(), 10)
    (tmp_path / name).touch()
    await asyncio.sleep(1.5)  # it would have been started again by then
    (told,) = [record for record in caplog.records if record.levelname == "CRITICAL"]
    assert f"{name} cannot run; the reason stands in its log" in told.getMessage()
    assert not house.failed.done()
    assert "starting it again" not in caplog.text
    await asyncio.wait_for(house.ready(), 10)


@pytest.mark.parametrize("name", ["gateway", "worker"])
async def test_later_too_the_house_ends_with_its_gateway_or_worker(house, tmp_path, name) -> None:
    (tmp_path / "answer").touch()
    await house.start()
    await asyncio.wait_for(house.ready(), 10)
    (tmp_path / name).touch()
    assert f"{name} cannot run" in await asyncio.wait_for(house.failed, 10)


async def test_a_database_that_takes_its_time_or_is_silent_keeps_no_caller_waiting(
    house, tmp_path, monkeypatch, caplog
) -> None:
    asked = []

    async def migrate(url: str) -> None:
        asked.append(url)
        await asyncio.Event().wait()

    monkeypatch.setattr(module, "migrate", migrate)
    monkeypatch.setattr(module, "_MIGRATION_SECONDS", 0.2)
    (tmp_path / "answer").touch()
    await asyncio.wait_for(house.start(), 5)
    await asyncio.wait_for(house.ready(), 10)
    assert "not ready yet" in caplog.text
    assert len(asked) == 2  # it goes on beside the calls


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM, errno.EMFILE])
async def test_a_machine_that_can_make_no_process_just_now_is_asked_again(
    house, tmp_path, monkeypatch, caplog, number
) -> None:
    real, refused = asyncio.create_subprocess_exec, []

    async def start(*command, **options):
        if command[-1] == "gateway" and not refused:
            refused.append(command)
            raise OSError(number, os.strerror(number))
        return await real(*command, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    (tmp_path / "answer").touch()
    await house.start()
    await asyncio.wait_for(house.ready(), 10)
    assert f"gateway ended ({os.strerror(number)}), starting it again in 0.5 s" in caplog.text
