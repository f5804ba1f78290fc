"""What every process begins and waits with."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import resource
import signal
from typing import TYPE_CHECKING, Final

from config.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A call has two RTP sockets and a recording open, a line to a person two sockets; a browser six connections.
_FILES: Final = 16384


class AlreadyRunningError(Fault):
    """Another process of the same kind works on the same data."""


@contextlib.contextmanager
def alone(data: Path, name: str) -> Iterator[None]:
    """Hold the lock ``data/NAME.lock``; raises AlreadyRunningError naming the holder's process number."""
    with (data / f"{name}.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunningError(
                f"`hotline {name}` already works on {data} (process {file.read().strip() or 'unknown'}): "
                "stop it first, or give this one its own --data. 该数据目录已有实例在运行。"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def open_many_files() -> None:
    """Let this process open more than the thousand files that are usual, as many as the machine allows it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, hard), hard))


def stop_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop
