"""The courier's bell: whoever has put something into the outbox rings it, and loads nothing of the courier for that."""

from __future__ import annotations

import socket
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

SOCKET: Final = "courier.sock"
"""The courier's socket in the runtime folder."""


def wake(run_dir: Path) -> None:
    """Tell the courier that the outbox has something; never raises, never blocks, and may go unheard."""
    kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
    # No courier, or one with a full queue: the poll finds the row.
    with suppress(OSError), closing(socket.socket(socket.AF_UNIX, kind)) as sender:
        sender.sendto(b"!", str(run_dir / SOCKET))
