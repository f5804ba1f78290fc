from __future__ import annotations

import asyncio
import socket
import sys

import pytest

from gateway.settings import IntakeSettings, Paths, Settings, SipSettings
from gateway.supervisor import Supervisor, UpError, settle


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
