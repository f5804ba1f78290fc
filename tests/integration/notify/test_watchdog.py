"""What each process tells the service manager, with the test in systemd's place."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
import yaml
from freezing import frozen
from waiting import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PERIOD = 4.0


class Manager:
    """Starts one process and hears what it tells."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.ear.bind(str(folder / "notify"))
        self.processes: list[subprocess.Popen[bytes]] = []
        settings = {
            "sip": {"host": "127.0.0.1", "port": free_port(), "rtp_first_port": 0, "drain_seconds": 500},
            "intake": {
                "url": "http://127.0.0.1:9/v1/tickets",
                "secret": "whsec_bm90aGluZyBpcyBldmVyIHBvc3RlZCB3aXRoIGl0",
            },
        }
        (folder / "gateway.yaml").write_text(yaml.safe_dump(settings))

    def run(self, *command: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": str(self.folder / "notify"),
            "WATCHDOG_USEC": str(int(PERIOD * 1e6)),
            "RUNTIME_DIRECTORY": str(self.folder),
        }
        base = [sys.executable, "-m", "gateway", "--config", str(self.folder / "gateway.yaml")]
        log = (self.folder / "log").open("ab")
        process = subprocess.Popen(
            [*base, "--data", str(self.folder / "data"), *command],
            env=environment,
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[3],
        )
        self.processes.append(process)
        return process

    def hears(self, wanted: str, seconds: float) -> bool:
        """Whether exactly this is told within so many seconds."""
        deadline = time.monotonic() + seconds
        assert self.processes[-1].poll() is None, self.log()
        while (left := deadline - time.monotonic()) > 0:
            self.ear.settimeout(min(left, 1.0))
            with contextlib.suppress(TimeoutError):
                if self.ear.recv(4096).decode() == wanted:
                    return True
            if self.processes[-1].poll() is not None:
                return False
        return False

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path)
    yield made
    for process in made.processes:
        process.kill()
        process.wait()


def turns(process: subprocess.Popen[bytes]) -> Callable[[], set[int]]:
    """Which threads of the process have used the processor since."""

    def look() -> dict[int, float]:
        return {t.id: t.user_time + t.system_time for t in psutil.Process(process.pid).threads()}

    before = look()
    return lambda: {number for number, spent in look().items() if spent > before.get(number, 0.0)}


def sip_worker(process: subprocess.Popen[bytes]) -> int:
    """The thread that waits on the SIP sockets, by its name."""
    names = {
        int(task.name): (task / "comm").read_text().strip()
        for task in Path(f"/proc/{process.pid}/task").iterdir()
    }
    (found,) = [number for number, name in names.items() if name.startswith("pjsua_")]
    return found


@pytest.mark.parametrize("name", ["asr", "worker", "gateway", "intake"])
def test_ready_and_alive_until_stopped(manager: Manager, name: str) -> None:
    assert manager.run("migrate").wait(60) == 0
    process = manager.run(name)
    assert manager.hears("READY=1", 90), manager.log()
    for _ in range(3):
        assert manager.hears("WATCHDOG=1", PERIOD), manager.log()  # later, and systemd would end it
    process.terminate()
    if name == "gateway":  # which drains for sip.drain_seconds, and closes the records
        assert manager.hears(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={(500 + 30) * 1_000_000}", 10)
    assert process.wait(30) == 0, manager.log()


def test_a_stopped_event_loop_starves_the_watchdog(manager: Manager) -> None:
    process = manager.run("asr")
    assert manager.hears("READY=1", 90), manager.log()
    assert manager.hears("WATCHDOG=1", PERIOD)
    with frozen(process.pid):  # the main thread's number is the process's
        manager.hears("WATCHDOG=1", PERIOD / 2)  # one may be under way
        assert not manager.hears("WATCHDOG=1", PERIOD)
    assert manager.hears("WATCHDOG=1", PERIOD), manager.log()


def test_a_hung_sip_thread_starves_the_watchdog_though_the_event_loop_turns(manager: Manager) -> None:
    assert manager.run("migrate").wait(60) == 0
    process = manager.run("gateway")
    assert manager.hears("READY=1", 90), manager.log()
    assert manager.hears("WATCHDOG=1", PERIOD)
    with frozen(sip_worker(process)):
        manager.hears("WATCHDOG=1", PERIOD / 2)  # the last beat may still be told
        moved = turns(process)
        assert not manager.hears("WATCHDOG=1", PERIOD)
        assert process.pid in moved(), "the event loop should have turned"
    assert manager.hears("WATCHDOG=1", PERIOD), manager.log()
    process.terminate()
    assert process.wait(30) == 0, manager.log()


def test_the_watchdogs_signal_leaves_every_threads_stack_in_the_log(manager: Manager) -> None:
    process = manager.run("asr")
    assert manager.hears("READY=1", 90), manager.log()
    process.send_signal(6)  # SIGABRT, WatchdogSignal's default
    assert process.wait(30) == -6
    assert "Fatal Python error: Aborted" in manager.log()
    assert "most recent call first" in manager.log()
