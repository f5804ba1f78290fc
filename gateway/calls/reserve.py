"""Room on the disk that recordings leave to the journals and tickets: they end before these cannot be written."""

from __future__ import annotations

import asyncio
import logging
import shutil
from typing import TYPE_CHECKING, Final

from ivr.actions import Prompt
from recordings.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.calls.speaker import Speaker
    from gateway.sip.leg import Leg

log = logging.getLogger(__name__)

ENDED: Final = "ended: the disk is nearly full, what is left is the journals' and tickets'"
"""Why a recording lacks the rest of a call, or all of it."""

NOTICE: Final = Prompt("not_recorded")
"""What a caller is told then, who was promised a recording."""

_EVERY_SECONDS: Final = 1.0  # 600 calls write 20 MB in it
_SHARE: Final = 20  # of a small disk not more than this part is kept back
_ABOVE: Final = 1.25  # times the reserve have to be free before calls are recorded again

_measuring: Final = Threads("measuring", 1)


class Reserve:
    """Looks every second at the disk of ``folder``: ``is_short`` while fewer than ``size`` bytes are left there.

    ``size`` is at most a twentieth of the disk. On a disk that stands still nothing changes.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._folder, self._size = folder, size
        self.is_short = False

    @property
    def limits(self) -> tuple[str, ...]:
        """What callers must do without now, in plain words."""
        return (f"the disk of {self._folder} is nearly full: no call is recorded",) if self.is_short else ()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_EVERY_SECONDS)

    async def look(self) -> None:
        """Look once."""
        try:
            disk = await _measuring.run(shutil.disk_usage, self._folder)
        except OSError:  # the next journal will say what is wrong
            return
        kept = min(self._size, disk.total // _SHARE)
        short = disk.free < (kept * _ABOVE if self.is_short else kept)
        if short and not self.is_short:
            log.critical(
                "%d MiB left on the disk of %s: no call is recorded until there is room, journals and tickets go on. "
                "磁盘将满,停止录音,记录和工单照常。",
                disk.free >> 20,
                self._folder,
            )
        elif self.is_short and not short:
            log.warning("there is room on the disk of %s again: calls are recorded", self._folder)
        self.is_short = short


class Taping:
    """Whether one call is recorded: not when the line is ``anonymous``, nor while there is no room for it."""

    def __init__(self, leg: Leg, speaker: Speaker, is_short: Callable[[], bool], *, anonymous: bool) -> None:
        self._leg, self._speaker, self._is_short = leg, speaker, is_short
        self._ended = anonymous

    def place(self, file: Path) -> Path | None:
        """Where the recording goes; None: nowhere."""
        self.look()
        return None if self._ended else file

    def look(self) -> None:
        """End the recording once there is no room; the caller is told with what he is told next."""
        if not self._ended and self._is_short():
            self._ended = True
            self._leg.channel.stop_recording(ENDED)
            self._speaker.notice = NOTICE
