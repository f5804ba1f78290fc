"""What the start-up sweep makes of folders that a crash or a power failure left behind."""

from __future__ import annotations

import shutil
import wave

import pytest
import sqlalchemy as sa
from callfolder import CallFolder, heard, kinds, silence, stated

from gateway.calls.sweep import sweep
from gateway.prompts.voice import speak
from recordings import entries, folders, journal
from recordings.schema import calls, outbox
from tickets.filing import file_call
from tickets.number import NumberBook

LEAK = heard("颍上县慎城镇房子漏雨", 1.0, 3.0)


@pytest.fixture
def call(tmp_path):
    """A call of which the gateway knew everything until it died."""
    call = CallFolder(tmp_path).begin().hear(LEAK).state(stated(0, LEAK)).record(silence(4.0))
    call.journal.close()
    return call


def test_an_interrupted_call_is_closed_once(call, tmp_path):
    audio = call.folder / folders.AUDIO
    whole = audio.read_bytes()
    audio.write_bytes(whole[:4] + bytes(4) + whole[8:40] + bytes(4) + whole[44:] + b"\1")
    assert list(sweep(tmp_path)) == [call.folder]
    assert kinds(call.folder)[-2:] == ["interrupted", "finished"]
    assert audio.read_bytes() == whole
    written = (call.folder / journal.NAME).read_bytes()
    assert list(sweep(tmp_path)) == [call.folder]
    assert (call.folder / journal.NAME).read_bytes() == written


async def test_an_alarm_that_a_gateway_only_wrote_down_before_it_died_is_told_once(database, tmp_path):
    call = CallFolder(tmp_path).begin().note(entries.Alarm(0, "fire", "我家着火了"))
    call.journal.close()
    for _ in range(2):
        (folder,) = sweep(tmp_path)
        await file_call(database, NumberBook(tmp_path / "numbers", 1), folder)
    async with database.read() as connection:
        rows = (await connection.execute(sa.select(outbox).where(outbox.c.kind == "alert"))).all()
    assert [row.idempotency_key for row in rows] == [f"danger-{call.call_id}-0"]


def test_a_call_that_was_never_answered_was_not_interrupted(tmp_path):
    call = CallFolder(tmp_path).note(
        entries.Incoming(caller="", called="12345", hotline="12345", flow="", node=1)
    )
    call.journal.close()
    assert list(sweep(tmp_path)) == [call.folder]
    assert kinds(call.folder) == ["incoming", "finished"]


def test_a_caller_who_hung_up_before_the_answer_was_not_interrupted(tmp_path):
    call = CallFolder(tmp_path).note(
        entries.Incoming(caller="", called="12345", hotline="12345", flow="", node=1)
    )
    call.record(silence(0.1)).note(entries.HungUp(by="caller", cause="487", media_seconds=0.0))
    call.journal.close()
    list(sweep(tmp_path))
    assert kinds(call.folder) == ["incoming", "hungup", "finished"]


def test_a_journal_that_cannot_be_opened_holds_up_no_other(call, tmp_path, caplog):
    spoilt = folders.spool(tmp_path) / "20260701T083010-00000000"
    spoilt.mkdir()
    (spoilt / journal.NAME).symlink_to(journal.NAME)  # as a bad sector would: an OSError at every look
    assert list(sweep(tmp_path)) == [call.folder]
    assert [record.call_id for record in caplog.records if "not taken up" in record.message] == [spoilt.name]


def test_a_living_gateways_call_is_left_alone(tmp_path):
    CallFolder(tmp_path).begin().record(silence(1.0))
    assert list(sweep(tmp_path)) == []


def test_an_orphan_that_cannot_be_worked_on_for_whatever_reason_holds_up_no_other(tmp_path, caplog):
    odd, good = (CallFolder(tmp_path, f"20260701T08301{n}-0a1b2c3d").begin() for n in range(2))
    for call in (odd, good):
        call.record(silence(1.0)).journal.close()
    with (odd.folder / folders.AUDIO).open("r+b") as audio:
        audio.truncate(5 << 30)  # a hole; its length is more than a WAV's header can say
    assert list(sweep(tmp_path)) == [good.folder]
    assert kinds(good.folder)[-2:] == ["interrupted", "finished"]
    (said,) = (record for record in caplog.records if record.exc_info)
    assert (said.message, said.call_id) == ("orphaned call not taken up", odd.folder.name)
    assert odd.folder.is_dir()


@pytest.mark.parametrize("audio", [None, b""])
def test_a_folder_that_holds_no_call_stays(call, tmp_path, audio, caplog):
    (call.folder / journal.NAME).unlink()
    (call.folder / folders.AUDIO).unlink()
    if audio is not None:
        (call.folder / folders.AUDIO).write_bytes(audio)
    assert list(sweep(tmp_path)) == []
    assert "neither journal nor recording" in caplog.text
    assert call.folder.is_dir()


@pytest.mark.parametrize("lost", ["gone", "empty", "zeros", "beginning"])
async def test_a_recording_without_its_journal_is_an_interrupted_call(database, call, tmp_path, lost):
    spoken = CallFolder(tmp_path, "20260701T083016-0a1b2c3d")
    spoken.record(silence(1.0) + await speak("颍上县慎城镇房子漏雨"))
    spoken.journal.close()
    shutil.copy(spoken.folder / folders.AUDIO, call.folder / folders.AUDIO)
    shutil.rmtree(spoken.folder)
    file = call.folder / journal.NAME
    written = file.read_bytes()
    if lost == "gone":
        file.unlink()
    else:
        lines = written.splitlines(keepends=True)
        end = b"".join(line for line in lines if b'"incoming"' not in line and b'"answered"' not in line)
        file.write_bytes({"empty": b"", "zeros": bytes(len(written)), "beginning": end}[lost])
    assert list(sweep(tmp_path)) == [call.folder]
    assert kinds(call.folder)[-2:] == ["interrupted", "finished"]
    with wave.open(str(call.folder / folders.AUDIO)) as sound:
        assert sound.getnframes() > 8000
    filed = await file_call(database, NumberBook(tmp_path / "numbers", 7), call.folder)
    async with database.read() as connection:
        (row,) = (await connection.execute(sa.select(calls))).all()
    assert (row.late, row.interrupted, row.node, row.hotline, row.caller) == ("wanted", True, 7, "12345", "")
    assert row.answered_at == row.started_at
    if lost != "beginning":
        assert filed.reason == "speech in the recording waits to be transcribed"
