"""Work of one kind that is stuck, and the other kinds, which go on."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from datetime import date
from typing import TYPE_CHECKING

import pytest

from recordings.entries import Finished
from recordings.folders import archive
from recordings.journal import Journal, read
from recordings.threads import Threads
from tickets.number import NumberBook, take_next

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CALLS = 40
DAY = date(2026, 11, 27)
SOON = 5.0


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[int]]:
    """Descriptors whose writes the disk does not take until the test is over."""
    descriptors: set[int] = set()
    over, real = threading.Event(), os.fdatasync

    def fdatasync(descriptor: int) -> None:
        if descriptor in descriptors:
            over.wait()
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    yield descriptors
    over.set()


async def test_journals_that_wait_for_the_disk_keep_nothing_else_waiting(
    tmp_path: Path, stuck: set[int]
) -> None:
    journals = [Journal.create(tmp_path / "spool", f"20261127T0102{n:02d}-0badcafe") for n in range(CALLS)]
    stuck |= {journal._descriptor for journal in journals}
    syncing = [asyncio.create_task(journal.sync()) for journal in journals]
    ended = Journal.create(tmp_path / "spool", "20261127T010300-0badcafe")
    ended.append(Finished())
    ended.close()
    async with asyncio.timeout(SOON):
        assert await take_next(NumberBook(tmp_path / "numbers", 1), DAY)
        assert await Threads("filing", 2).run(read, ended.folder)
        assert (await Threads("archive", 2).run(archive, ended.folder, tmp_path)).is_dir()
        assert await asyncio.to_thread(lambda: "asyncio's own: prompts, names") != ""
        await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80)
    assert not any(task.done() for task in syncing)
    stuck.clear()
    for task in syncing:
        task.cancel()
    for journal in journals:
        journal.close()


async def test_what_work_raises_and_returns_comes_back_and_it_keeps_its_context() -> None:
    threads, bound = Threads("tests", 1), contextvars.ContextVar("bound", default="")
    bound.set("here")
    assert await threads.run(bound.get) == "here"
    assert await threads.run(int, "ff", base=16) == 255
    assert (await threads.run(threading.current_thread)).name.startswith("tests")
    with pytest.raises(ValueError, match="invalid literal"):
        await threads.run(int, "g")
