"""Small files that people change while calls go on: what each said last, without any call waiting for a disk."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from config.fault import Fault
from recordings.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 1.0
_reading: Final = Threads("followed", 1)

T = TypeVar("T")


class Followed(Generic[T]):
    """What one file says. One that cannot be read or understood leaves what it said before in force.

    ``read`` reads it, and raises Fault or OSError; ``value`` is what it would say if there were none. ``tell`` is
    called on the loop with what is new in it.
    """

    def __init__(self, file: Path, read: Callable[[], T], value: T, tell: Callable[[T], None]) -> None:
        self._file, self._read, self._tell = file, read, tell
        self._seen: tuple[int, ...] = ()
        self._turn = asyncio.Lock()
        self.value = value
        """What it said when it could be read last."""
        self.trouble = ""
        """Why it cannot be read now; "" when it can."""

    async def look(self) -> None:
        """Take what the file says now, if it is another one than before."""
        async with self._turn:
            try:
                seen, value = await _reading.run(self._look)
            except (Fault, OSError) as fault:
                if str(fault) != self.trouble:
                    self.trouble = str(fault)
                    log.error("what it said before stays in force: %s", fault)  # noqa: TRY400 - it says why
                return
        self._seen, self.trouble = seen, ""
        if value != self.value:
            self.value = value
            self._tell(value)

    def _look(self) -> tuple[tuple[int, ...], T]:
        """What tells this file from another, and what it says."""
        try:
            stat = self._file.stat()
        except FileNotFoundError:
            return (), self._read()
        seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        return seen, self.value if seen == self._seen else self._read()


async def follow(*files: Followed[Any]) -> None:
    """Look at them every second until cancelled: who changed one may not have reached this gateway."""
    while True:
        for file in files:
            await file.look()
        await asyncio.sleep(_LOOK_SECONDS)
