"""Journals written beside the calls that tell them: in order, also while a disk stands still or refuses."""

from __future__ import annotations

import asyncio
import errno
import threading
from typing import TYPE_CHECKING

import pytest

from recordings.entries import Answered, Finished, Held
from recordings.journal import NAME, Journal, JournalError, is_live, read
from recordings.journals import Journals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CALL = "20261127T010203-0badcafe"
SOON = 10.0


class Disk:
    """What journals are written to; stands still until it goes on."""

    def __init__(self) -> None:
        self.goes, self.reached = threading.Event(), threading.Event()
        self.refusals = 0
        self.goes.set()

    def freeze(self) -> None:
        self.reached.clear()
        self.goes.clear()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk, write = Disk(), Journal.write

    def slow(self: Journal, line: bytes) -> None:
        disk.reached.set()
        disk.goes.wait()
        if disk.refusals:
            disk.refusals -= 1
            raise JournalError(errno.ENOSPC, "No space left on device", "journal")
        write(self, line)

    monkeypatch.setattr(Journal, "write", slow)
    yield disk
    disk.goes.set()


async def until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(SOON):
        while not look():  # noqa: ASYNC110 - there is nothing to be woken by: what is looked at is the effect
            await asyncio.sleep(0.01)


def told(folder: Path) -> list[float]:
    return [w.entry.at for w in read(folder).entries if isinstance(w.entry, Held)]


async def test_what_is_told_stands_in_the_file_when_it_is_settled(tmp_path: Path, disk: Disk) -> None:
    journals = Journals(tmp_path)
    journal = journals.begin(CALL)
    journal.append(Answered())
    await journal.settle()
    assert is_live(journal.folder)
    assert disk.reached.is_set()
    assert [type(w.entry) for w in read(journal.folder).entries] == [Answered]
    assert (journals.waiting_bytes, journals.standstill, list(journals.unwritten)) == (0, 0.0, [])
    await journal.sync()
    journal.close()
    await journals.written(journal.folder)
    assert not is_live(journal.folder)


async def test_a_disk_that_stands_still_keeps_nobody_waiting_and_loses_nothing(
    tmp_path: Path, disk: Disk
) -> None:
    journals = Journals(tmp_path)
    journal = journals.begin(CALL)
    disk.freeze()
    for at in range(200):
        journal.append(Held(float(at)))
        await journal.settle()  # the first one waits, for a while; 199 more would take 40 s
    assert journals.waiting_bytes > 0
    assert journals.standstill > 0
    assert list(journals.unwritten) == [CALL]
    durable = asyncio.create_task(journal.sync())
    journal.append(Held(200.0))
    filing = asyncio.create_task(journals.written(journal.folder))
    await until(disk.reached.is_set)
    assert not durable.done()
    assert not filing.done()
    assert told(journal.folder) == []
    disk.goes.set()
    async with asyncio.timeout(SOON):
        await filing
        await durable
        journal.close()
        await journals.written(journal.folder)
    assert told(journal.folder) == [float(at) for at in range(201)]
    assert (journals.waiting_bytes, journals.standstill, list(journals.unwritten)) == (0, 0.0, [])


async def test_what_a_disk_refuses_is_told_and_written_before_what_comes_after(
    tmp_path: Path, disk: Disk
) -> None:
    journal = Journals(tmp_path).begin(CALL)
    errors: list[JournalError] = []
    journal.on_error = errors.append
    journal.append(Held(0.0))
    await journal.settle()
    disk.refusals = 1
    journal.append(Held(1.0))
    with pytest.raises(JournalError, match="No space left"):
        await journal.settle()
    assert len(errors) == 1
    assert told(journal.folder) == [0.0]
    journal.append(Held(2.0))
    await journal.sync()
    assert told(journal.folder) == [0.0, 1.0, 2.0]
    assert [line.number for line in _lines(journal.folder)] == [0, 1, 2]


class _Line:
    def __init__(self, line: bytes) -> None:
        self.number = int(line.split(b'"n": ')[1].split(b",")[0])


def _lines(folder: Path) -> list[_Line]:
    return [_Line(line) for line in (folder / NAME).read_bytes().splitlines()]


async def test_a_folder_that_cannot_be_made_is_an_error_and_can_be_tried_again(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.write_text("in the way")
    journal = Journals(spool).begin(CALL)
    journal.append(Answered())
    with pytest.raises(JournalError):
        await journal.settle()
    spool.unlink()
    journal.append(Finished())
    await journal.sync()
    assert [type(w.entry) for w in read(journal.folder).entries] == [Answered, Finished]


async def test_so_much_waits_and_no_more(tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recordings.journals._MOST_BYTES", 1000)
    journals = Journals(tmp_path)
    journal, other = journals.begin(CALL), journals.begin(CALL.replace("babe", "cafe") + "0")
    disk.freeze()
    with pytest.raises(JournalError, match="wait for the disk"):  # noqa: PT012 - how many fit is not the point
        for _ in range(100):
            journal.append(Answered())
    with pytest.raises(JournalError, match="wait for the disk"):
        other.append(Answered())
    disk.goes.set()
    await journal.sync()
    other.append(Answered())
    await other.sync()
    assert journals.waiting_bytes == 0


async def test_a_disk_that_answers_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journals, goes = Journals(tmp_path), threading.Event()
    assert await journals.moves(SOON)
    assert await Journals(tmp_path / "none").moves(SOON)  # what is wrong with it is said elsewhere
    monkeypatch.setattr("os.utime", lambda _path: goes.wait())
    assert not await journals.moves(0.05)
    goes.set()
    assert await journals.moves(SOON)
