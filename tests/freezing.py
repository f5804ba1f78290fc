"""Hang one thread of a living process, and no other: ptrace(2) stops a thread, not a process."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEIZE, _INTERRUPT = 0x4206, 0x4207
_ALL_THREADS = 0x40000000  # __WALL of waitpid(2)


def _trace(request: int, thread: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(request, thread, None, None):
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of thread {thread}")


@contextlib.contextmanager
def frozen(thread: int) -> Iterator[None]:
    """Thread number THREAD does not move while the block runs, unless its process is ended.

    A child holds it: a traced thread's end has to be waited for by its tracer, or its process would stay a zombie.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _trace(_SEIZE, thread)
            _trace(_INTERRUPT, thread)
            os.waitpid(thread, _ALL_THREADS)
            os.write(writer, b"frozen")
            while True:
                _, status = os.waitpid(thread, _ALL_THREADS)
                if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                    break
        except OSError as error:
            print(error, file=sys.stderr)
        os._exit(0)
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as told:
            if told.read(6) != b"frozen":
                raise AssertionError(f"thread {thread} could not be frozen")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, 9)  # a tracer that ends lets go of what it traced
        os.waitpid(child, 0)
