"""Watching over a child process: whether it says in time that it lives, and how one that does not is ended.

A child is told by its environment to feed a watchdog, in systemd's own words (sd_notify(3)), so that it needs to know
nothing of who watches: `gateway.service.notify` is its half.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

log = logging.getLogger(__name__)

PERIOD_SECONDS: Final = 7.0
"""How long a child that serves may be silent."""

START_SECONDS: Final = 300.0
"""How long it may take to begin to serve, as the units give it: a large model loads, every prompt is spoken."""

_LOOK_SECONDS = 0.5
_ABORT_SECONDS = 2.0  # to write the stacks
_KILL_SECONDS = 10.0  # after which the kernel is holding it, and somebody should know
_MESSAGE_BYTES = 4096


class Watch:
    """A child's signs of life, heard on a socket of its own. ``close`` it in the end.

    The silence of a child is counted in this process's own looks: while this process or the whole machine stands
    still, nobody can be heard, and nobody is blamed for it. Nor is who waits for a processor: that passes, and to end
    him would end his calls.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(path))
        self._silent = 0.0
        self._allowed = START_SECONDS

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes a child give signs of life here, and write its stacks when it is aborted."""
        return {
            "NOTIFY_SOCKET": str(self._path),
            "WATCHDOG_USEC": str(round(PERIOD_SECONDS * 1e6)),
            "PYTHONFAULTHANDLER": "1",
        }

    def begin(self) -> None:
        """A child is about to be started: whatever its predecessor said is forgotten."""
        self._listen()
        self._silent, self._allowed = 0.0, START_SECONDS

    async def overdue(self, pid: int) -> float:
        """Wait until the child, process ``pid``, has been silent for longer than it may; for how many seconds."""
        loop = asyncio.get_running_loop()
        looked, queued = loop.time(), dict[str, float]()
        while self._silent <= self._allowed:
            await asyncio.sleep(_LOOK_SECONDS)
            since, looked = looked, loop.time()
            before, queued = queued, _queued(pid) if self._silent else {}
            starved = max((queued[one] - before[one] for one in queued.keys() & before.keys()), default=0.0)
            self._silent = max(0.0, self._silent + min(looked - since, 2 * _LOOK_SECONDS) - starved)
            self._listen()
        return self._silent

    def _listen(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while message := self._socket.recv(_MESSAGE_BYTES):
                self._take(
                    dict(
                        line.split("=", 1)
                        for line in message.decode(errors="replace").splitlines()
                        if "=" in line
                    )
                )

    def _take(self, told: Mapping[str, str]) -> None:
        """Who is stopping says how long that may take, and feeds no more."""
        extended = told.get("EXTEND_TIMEOUT_USEC", "")
        if extended.isdecimal():
            self._silent, self._allowed = 0.0, int(extended) / 1e6
        elif "READY" in told or "WATCHDOG" in told:
            self._silent, self._allowed = 0.0, PERIOD_SECONDS

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()
        self._path.unlink(missing_ok=True)


def _queued(pid: int) -> dict[str, float]:
    """Seconds that each thread has waited for a processor so far (schedstat, counted when it gets one); or nothing."""
    seconds = {}
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):  # a thread that has just ended
                seconds[task.name] = int((task / "schedstat").read_text().split()[1]) / 1e9
    return seconds


def send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Signal a child that has not ended, as far as asyncio knows by now.

    Its own ``send_signal`` looks first whether the child has ended, and so takes the exit status from under asyncio.
    """
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


async def end_hung(process: asyncio.subprocess.Process, name: str) -> None:
    """Abort a process that hangs, so that every thread's stack is in its log, and kill it if that is not its end."""
    for number in (signal.SIGABRT, signal.SIGCONT):  # a stopped process takes its signals when it goes on
        send(process, number)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _ABORT_SECONDS)
        return
    send(process, signal.SIGKILL)
    try:
        await asyncio.wait_for(process.wait(), _KILL_SECONDS)
    except TimeoutError:
        log.critical(
            "%s does not even end when it is killed: the kernel holds it, probably for a disk; look at the machine",
            name,
        )
