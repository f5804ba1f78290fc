"""Keys of this machine's keyboard, as they are pressed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import termios
import tty
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_END: Final = "\x04"
"""What a terminal sends for Ctrl-D."""


@contextlib.contextmanager
def keys(pressed: Callable[[str], None]) -> Iterator[None]:
    """While the block runs, tell of each character typed, at once and unseen; on a pipe of each that comes.

    Ctrl-D is told as "q", which is how a call is ended here. The terminal is left as it was.
    """
    source = sys.stdin.fileno()
    loop = asyncio.get_running_loop()

    def come() -> None:
        typed = os.read(source, 64).decode(errors="ignore")
        if not typed:  # the pipe has ended; the call goes on
            loop.remove_reader(source)
        for each in typed:
            pressed("q" if each == _END else each)

    before = termios.tcgetattr(source) if os.isatty(source) else None
    try:
        if before is not None:
            tty.setcbreak(source)
        with contextlib.suppress(PermissionError):  # /dev/null, or a file: nobody types there
            loop.add_reader(source, come)
        yield
    finally:
        loop.remove_reader(source)
        if before is not None:
            termios.tcsetattr(source, termios.TCSADRAIN, before)
