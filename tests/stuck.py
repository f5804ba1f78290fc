"""Threads that wait for a disk that hangs."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MANY = 40  # more than the loop's own executor has threads on any machine: 32


@contextlib.contextmanager
def stuck_threads() -> Iterator[None]:
    """Every thread of the running loop's default executor is busy until the block ends, and others wait in line."""
    loop, over = asyncio.get_running_loop(), threading.Event()
    waiting = [loop.run_in_executor(None, over.wait) for _ in range(_MANY)]
    try:
        yield
        assert not any(job.done() for job in waiting)
    finally:
        over.set()
