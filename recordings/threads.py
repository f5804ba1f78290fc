"""Threads for work that blocks. Each kind of work has its own, so that what is stuck holds up only its like.

asyncio's own pool is one for all: six calls' fsyncs that wait for a disk would keep a prompt, a name lookup and the
other calls' numbers waiting with them.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")

_at_work: set[tuple[str, int]] = set()  # names and threads; each adds and discards its own


def at_work() -> list[str]:
    """The kinds of work that a thread of this process is doing at this moment."""
    return sorted({name for name, _ in _at_work.copy()})


class Threads:
    """``count`` threads, named, made when they are needed; work that finds none free waits its turn."""

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._pool = ThreadPoolExecutor(count, name)

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """What ``function`` returns or raises, run in one of the threads; the log lines it writes keep their context.

        Who is cancelled meanwhile leaves it running.
        """
        work = partial(copy_context().run, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._do, work)

    def _do(self, work: Callable[[], R]) -> R:
        this = self._name, get_ident()
        _at_work.add(this)
        try:
            return work()
        finally:
            _at_work.discard(this)
