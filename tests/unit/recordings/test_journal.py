from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from callfolder import kinds
from hypothesis import given
from hypothesis import strategies as st

from recordings import folders, journal
from recordings.entries import Answered, HungUp, Incoming, Interrupted, Number, Played
from recordings.journal import Journal, JournalError

CALL = "20260701T083015-0a1b2c3d"


def test_entries_come_back_in_order(tmp_path):
    written = Journal.create(tmp_path, CALL)
    told = (Incoming(caller="13855812345", called="055812345"), Played(1, "opening", "您好,阜阳12345", 0.02))
    for entry in told:
        written.append(entry)
    reading = journal.read(tmp_path / CALL)
    assert tuple(one.entry for one in reading.entries) == told
    assert reading.strange == {}
    assert all(one.wall.tzinfo for one in reading.entries)
    assert [json.loads(line)["n"] for line in journal.load(tmp_path / CALL)] == [0, 1]
    written.close()
    written.close()


def test_a_folder_without_a_journal_has_no_entries(tmp_path):
    assert journal.read(tmp_path).entries == ()


def test_a_second_call_of_the_same_name_is_refused(tmp_path):
    Journal.create(tmp_path, CALL).append(Incoming())
    with pytest.raises(JournalError, match=r"call ids must be unique.*events\.jsonl"):
        Journal.create(tmp_path, CALL)


def test_what_is_not_unicode_is_written_readably(tmp_path):
    written = Journal.create(tmp_path, CALL)
    written.append(Incoming(sip_call_id=b"\xff\xfe".decode(errors="surrogateescape")))
    written.append(Answered())
    assert kinds(tmp_path / CALL) == ["incoming", "answered"]


@given(cut=st.integers(0, 200))
def test_after_a_torn_line_reading_and_writing_go_on(tmp_path_factory, cut: int):
    folder = tmp_path_factory.mktemp("torn")
    written = Journal.create(folder, CALL)
    for entry in (Incoming(called="停水三天了"), Answered(), HungUp(cause="停水三天了")):
        written.append(entry)
    written.close()
    file = folder / CALL / "events.jsonl"
    whole = file.read_bytes()
    left = whole[: max(len(whole) - cut, 0)]
    file.write_bytes(left)
    kept = kinds(folder / CALL)
    assert kept == ["incoming", "answered", "hungup"][: len(kept)]
    assert len(kept) >= left.count(b"\n")
    again = Journal.reopen(folder / CALL)
    again.append(Interrupted("the gateway died"))
    again.append(Number(0, "1"))
    again.close()
    assert kinds(folder / CALL) == [*kept, "interrupted", "number"]


def test_writers_mix_line_by_line(tmp_path):
    gateway = Journal.create(tmp_path, CALL)
    filing = Journal.reopen(tmp_path / CALL)
    for _ in range(50):
        gateway.append(Played(text="x" * 3000))
        filing.append(Number(0, "1"))
    assert kinds(tmp_path / CALL) == ["played", "number"] * 50


def test_what_was_appended_survives_kill_9(tmp_path):
    program = (
        "import pathlib, sys, os\n"
        "from recordings.entries import Played\n"
        "from recordings.journal import Journal\n"
        f"j = Journal.create(pathlib.Path(sys.argv[1]), {CALL!r})\n"
        "for i in range(100): j.append(Played(i))\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [one.entry.id for one in journal.read(tmp_path / CALL).entries] == list(range(100))


def test_a_full_disk_says_so_and_the_journal_stays_readable(tmp_path):
    written = Journal.create(tmp_path, CALL)
    written.append(Incoming())
    size = (tmp_path / CALL / "events.jsonl").stat().st_size
    previous = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, previous[1]))
        with pytest.raises(JournalError, match="free space"):
            written.append(Answered())
        with pytest.raises(JournalError, match="check the disk"):
            written.append(Answered())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, previous)
        signal.signal(signal.SIGXFSZ, handler)
    written.append(HungUp())
    assert kinds(tmp_path / CALL) == ["incoming", "hungup"]


async def test_sync_reaches_the_disk_and_complains_by_name(tmp_path):
    written = Journal.create(tmp_path, CALL)
    written.append(Incoming())
    await written.sync()
    await written.sync()
    os.close(written._descriptor)
    with pytest.raises(JournalError, match=r"events\.jsonl"):
        await written.sync()


def test_orphans_are_those_no_process_holds(tmp_path):
    assert folders.orphans(tmp_path) == []
    spool = folders.spool(tmp_path)
    running = Journal.create(spool, "20260701T083015-00000001")
    ended = Journal.create(spool, "20260701T083015-00000002")
    ended.close()
    (spool / "20260701T083015-00000003").mkdir()
    (spool / "a file").touch()
    assert [f.name[-1] for f in folders.orphans(tmp_path)] == ["2", "3"]
    assert folders.orphans(tmp_path) == folders.orphans(tmp_path)
    filing = Journal.reopen(running.folder)
    running.close()  # the filing's own descriptor keeps no call alive
    assert [f.name[-1] for f in folders.orphans(tmp_path)] == ["1", "2", "3"]
    filing.close()


def test_what_is_archived_is_on_the_disk_before_it_moves(tmp_path, monkeypatch):
    folder = folders.spool(tmp_path) / CALL
    Journal.create(folders.spool(tmp_path), CALL).append(Incoming())
    (folder / folders.AUDIO).write_bytes(b"RIFF")
    synced = []

    def sync(descriptor: int, fsync=os.fsync) -> None:
        fsync(descriptor)
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    monkeypatch.setattr(os, "fsync", sync)
    target = folders.archive(folder, tmp_path)
    assert synced[:2] == [f"{folder}/audio.wav", f"{folder}/events.jsonl"]
    assert str(target.parent) in synced[2:]


def test_a_lost_journal_is_begun_anew(tmp_path):
    begun = Journal.reopen(tmp_path)
    begun.append(Interrupted())
    begun.close()
    assert [(e["n"], e["kind"]) for e in map(json.loads, journal.load(tmp_path))] == [(0, "interrupted")]
    with pytest.raises(JournalError, match=r"events\.jsonl"):
        Journal.reopen(tmp_path / "gone")


def test_archiving_moves_once(tmp_path):
    folder = folders.spool(tmp_path) / CALL
    Journal.create(folders.spool(tmp_path), CALL).append(Incoming())
    assert folders.locate(tmp_path, CALL) == folder
    target = folders.archive(folder, tmp_path)
    assert target == tmp_path / "calls/2026/07/01" / CALL
    assert json.loads((target / "events.jsonl").read_text())["kind"] == "incoming"
    assert folders.archive(folder, tmp_path) == target  # moved already, by one who then died
    assert folders.archive(target, tmp_path) == target
    assert folders.locate(tmp_path, CALL) == target
    assert folders.locate(tmp_path, "20260701T083015-ffffffff") is None
    with pytest.raises(FileNotFoundError):
        folders.archive(Path(f"{folder}x"), tmp_path)
    assert list(folders.spool(tmp_path).iterdir()) == []


def test_a_folder_that_is_archived_while_it_is_looked_for_is_found(tmp_path, monkeypatch):
    folder = folders.spool(tmp_path) / CALL
    Journal.create(folders.spool(tmp_path), CALL).close()
    look = Path.is_dir

    def look_and_archive(path: Path) -> bool:
        found = look(path)
        if look(folder):
            folders.archive(folder, tmp_path)
        return found

    monkeypatch.setattr(Path, "is_dir", look_and_archive)
    assert folders.locate(tmp_path, CALL) is not None
    assert folders.locate(tmp_path, CALL) == tmp_path / folders.archived(CALL)
