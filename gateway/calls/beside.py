"""What is done beside a call's dialogue, because it waits for a disk."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")

log = logging.getLogger(__name__)


class Beside:
    """The work of one call that its dialogue does not wait for; a disk that fails is logged, and ends nothing."""

    def __init__(self) -> None:
        self._working: set[asyncio.Task[Any]] = set()

    @property
    def working(self) -> tuple[asyncio.Task[Any], ...]:
        """What is not done yet."""
        return tuple(self._working)

    def do(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T | None]:
        """Begin this, and come back at once; the task gives what comes of it, None where the disk fails."""

        async def guarded() -> T | None:
            try:
                return await work
            except OSError as error:  # JournalError among them
                log.error("the disk fails: %s", error)  # noqa: TRY400
                return None

        task = asyncio.create_task(guarded())
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return task

    async def end(self, seconds: float, other: asyncio.Future[None]) -> None:
        """Wait so long at most until all of it is done, and the other, too; cancel what is not."""
        await asyncio.wait((other, *self._working), timeout=seconds)
        for work in self._working:
            work.cancel()
