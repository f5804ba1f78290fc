"""A small file that some programs change while others read it: one change at a time, and never half of one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold the lock file while every other change waits."""
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def write(file: Path, content: bytes) -> None:
    """Put the content in the file's place at once, so that it survives a power failure. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    scratch = Path(name)
    try:
        with os.fdopen(handle, "wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        scratch.chmod(0o640)
        scratch.replace(file)
    except BaseException:  # whatever it was goes on its way, the scratch file does not stay
        scratch.unlink(missing_ok=True)
        raise
