"""Waiting for other processes, and ports for them."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# Below what the system gives out by itself (from 32768): no socket of another test takes them before their time.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
_FIRST = 10_000 + 1_000 * _WORKER
_BEGIN = os.getpid() % 1_000  # who runs two test runs at once is helped as well
_PORTS = itertools.cycle([*range(_FIRST + _BEGIN, _FIRST + 1_000), *range(_FIRST, _FIRST + _BEGIN)])
RTP_PORTS = 20_000 + 1_500 * _WORKER
"""Where this worker's calls have their media from."""


def free_port() -> int:
    """A port of the loopback interface that nobody uses, UDP or TCP; each worker of a run has a range of its own."""
    for port in _PORTS:
        with (
            contextlib.suppress(OSError),
            socket.socket() as stream,
            socket.socket(type=socket.SOCK_DGRAM) as datagram,
        ):
            stream.bind(("127.0.0.1", port))
            datagram.bind(("127.0.0.1", port))
            return port
    raise AssertionError("the range has no end")


def eventually(look: Callable[[], Any], seconds: float = 30.0, what: str = "it") -> Any:
    """What `look` returns once that is true; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if found := look():
                return found
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {seconds} s")
