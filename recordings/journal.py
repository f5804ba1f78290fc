"""The journal of a call: append-only JSON lines, written before the effect they tell of.

A process may die anywhere, so a line may be torn. Readers skip such a line; the next writer starts a fresh
one. What the lines say is the entries' own (``recordings.entries``).
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from recordings.entries import Reading, encode, read_lines
from recordings.syncing import sync_folder
from recordings.threads import Threads

if TYPE_CHECKING:
    from pathlib import Path

    from recordings.entries import Entry

NAME = "events.jsonl"
"""The journal's file in a call's folder."""

_syncing = Threads("journal-sync", 8)


class JournalError(OSError):
    """The journal cannot be written; the message names the file and the remedy."""


class Journal:
    """The open journal in a call's folder. Make it by ``create`` or ``reopen``; ``close`` it.

    Who creates a journal holds a lock on it until ``close`` or death, by which ``is_live`` tells a running
    call from an orphan. Who reopens one (a filing that adds a number) holds none: appends of several writers
    mix line by line, and the order in the file is the order of the events.
    """

    def __init__(self, folder: Path, descriptor: int, lines: int, *, torn: bool) -> None:
        self.folder = folder
        self._descriptor = descriptor
        self._next = lines
        self._torn = torn
        self._anchored = False

    @classmethod
    def create(cls, spool: Path, call_id: str) -> Self:
        """Make the call's folder with its empty journal; raises JournalError, also when it exists."""
        folder = spool / call_id
        # Under its name only once it is locked: a sweep of another process must never take it for an orphan.
        draft = spool / f".{call_id}"
        try:
            draft.mkdir(parents=True)
            try:
                descriptor = _lock_new(draft / NAME)
                draft.rename(folder)
            except OSError:
                with suppress(OSError):  # so that it can be tried again
                    (draft / NAME).unlink(missing_ok=True)
                    draft.rmdir()
                raise
        except OSError as error:
            raise _explain(error, folder / NAME) from error
        return cls(folder, descriptor, 0, torn=False)

    @classmethod
    def reopen(cls, folder: Path) -> Self:
        """Open a call's journal to append to it, made anew when it was lost; raises JournalError."""
        file = folder / NAME
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
            written = file.read_bytes()
        except OSError as error:
            raise _explain(error, file) from error
        torn = bool(written) and not written.endswith(b"\n")
        return cls(folder, descriptor, len(written.splitlines()), torn=torn)

    def append(self, entry: Entry) -> None:
        """Write one entry in one system call; it survives the death of this process from then on.

        The line's ``n`` counts this writer's entries on from those it found, ``wall`` is now. Raises JournalError.
        """
        self.write(compose(entry, self._next))
        self._next += 1

    def write(self, line: bytes) -> None:
        """Write one line, as `compose` makes it, in one system call; raises JournalError, and may be called again."""
        if self._torn:
            line = b"\n" + line
        try:
            written = os.write(self._descriptor, line)
        except OSError as error:
            raise _explain(error, self.folder / NAME) from error
        self._torn = written < len(line)
        if self._torn:
            raise JournalError(f"{self.folder / NAME}: the disk is full: free space on it")

    async def sync(self) -> None:
        """Make what was appended survive a power failure; off the loop. Raises JournalError."""
        try:
            await _syncing.run(self._sync)
        except OSError as error:
            raise _explain(error, self.folder / NAME) from error

    def _sync(self) -> None:
        os.fdatasync(self._descriptor)
        if not self._anchored:  # the names that lead to the file need it once
            sync_folder(self.folder)
            sync_folder(self.folder.parent)
            self._anchored = True

    def close(self) -> None:
        """Let go of the file and of its lock; harmless a second time."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _lock_new(file: Path) -> int:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def compose(entry: Entry, number: int) -> bytes:
    """The line that says an entry now, as the one of this number of its writer's."""
    told = {"n": number, "wall": datetime.now(UTC).isoformat(), **encode(entry)}
    # What SIP brings may not be Unicode: better a replaced character than a lost call.
    return json.dumps(told, ensure_ascii=False).encode(errors="replace") + b"\n"


def read(folder: Path) -> Reading:
    """All entries in order, as far as they are known; none when there is no journal. Torn lines are skipped."""
    return read_lines(map(_parse, load(folder)), _began(folder))


def load(folder: Path) -> list[bytes]:
    """The journal's lines as they stand there, torn ones among them; empty when there is no journal."""
    try:
        return [line for line in (folder / NAME).read_bytes().splitlines() if line]
    except FileNotFoundError:
        return []


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def _began(folder: Path) -> datetime:
    """When the call came, by the name of its folder."""
    try:
        return datetime.strptime(folder.name[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def is_live(folder: Path) -> bool:
    """Whether a living process is in the call: it holds the lock of the journal it created."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _explain(error: OSError, file: Path) -> JournalError:
    if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
        remedy = "a call of this name was recorded already: call ids must be unique"
    elif isinstance(error, PermissionError):
        remedy = "let this user write there, or choose another --data"
    else:
        remedy = "check the disk (space, mount, errors) under --data"
    return JournalError(error.errno, f"{error.strerror}; {remedy}", str(file))
