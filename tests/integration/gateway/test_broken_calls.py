"""Calls that break off: whatever fails in one, it is hung up, its journal finished, its recording let go of."""

from __future__ import annotations

import asyncio
import errno
import gc
import itertools
import math
import time
import weakref
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from callfolder import told

from asr.client import AsrClient
from asr.transcript import ModelFingerprint
from config.document import embedded
from config.duty import Duty
from gateway.calls.dialogue import Dialogue
from gateway.calls.house import House
from gateway.calls.live import Board
from gateway.calls.outgoing import Outgoing
from gateway.calls.switchboard import Switchboard
from gateway.prompts.book import PromptBook
from gateway.service.flows import read_dialogue
from gateway.sip.channel import Reception
from gateway.sip.ended import Ended
from gateway.sip.fault import SipError
from gateway.sip.incoming import Incoming
from gateway.sip.leg import Leg
from gateway.sip.pump import MediaPump
from gateway.site.probe import ProbeSettings
from gateway.site.settings import DialogueSettings, Settings, SipSettings
from ivr.events import Heard, SpeechStarted
from ivr.hotline import Called
from recordings.entries import DigitEvent, Entry, Interrupted, Matter, PromptEndedEvent
from recordings.folders import spool
from recordings.journal import Journal, JournalError
from recordings.journals import Journals
from tickets.number import NumberBook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.sip.channel import Channel
    from gateway.site.sound import Sound

DIALOGUE = DialogueSettings()
PROBE = "05589990000"
NOBODY = Outgoing(lambda *_: pytest.fail("nobody is called"), 0, 0)


class QuietLine:
    """The SIP stack's half of a leg on which nobody speaks; media runs by the loop's clock."""

    acknowledges = sounds = True

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.leg: Leg
        self.statuses: list[int] = []
        self.began = 0.0
        self.ended = self.buried = False
        self.unplayable = False
        self.plays, self.play_ends = 0, math.inf
        self.play_left: float | None = None  # seconds of what stands still

    def respond(self, status: int, _headers: Any) -> None:
        assert not self.buried  # the stack has destroyed its half
        self.statuses.append(status)
        self.began = self.loop.time()
        if status >= 300:
            self.loop.call_later(0.02, lambda: self.leg.disconnected(status, "refused", ""))
            return
        if self.sounds:
            self.leg.media_began()
        if self.acknowledges:
            self.leg.confirmed()

    def end(self) -> None:
        self.ended = True
        self.loop.call_later(0.02, lambda: self.leg.disconnected(200, "OK", ""))

    def record_to(self, file: Path) -> None:
        pass

    def send_keys(self, keys: str) -> None:
        pass

    def start_playing(self, sound: Sound, *, loop: bool, first: int) -> int:
        assert (loop, first) == (False, 0)
        if self.unplayable:
            raise SipError("play a sound: no more ports")
        self.plays += 1
        self.play_ends = self.seconds() + sound.seconds
        return self.plays

    def pause_playing(self) -> None:
        self.play_left = self.play_ends - self.seconds()
        self.play_ends = math.inf

    def resume_playing(self) -> None:
        if self.play_left is not None:
            self.play_ends, self.play_left = self.seconds() + self.play_left, None

    def alignment(self) -> None:
        """Nobody echoes here."""

    def position(self) -> int:
        return 0

    def stop_playing(self) -> None:
        self.play_ends = math.inf

    def played(self) -> tuple[int, float]:
        return (self.plays, self.play_ends) if self.seconds() >= self.play_ends else (0, 0.0)

    def read(self) -> bytes:
        return b""

    def missed(self) -> float:
        return 0.0

    def seconds(self) -> float:
        return self.loop.time() - self.began

    def trouble(self) -> str:
        return ""

    def signs(self) -> int:
        return 1

    def connect(self, _other: Channel, **_sides: bool) -> None:
        raise AssertionError

    def disconnect(self, _other: Channel) -> None:
        raise AssertionError

    def reception(self) -> Reception:
        return Reception(100, 1, 0.002)

    def bury(self) -> None:
        self.buried = True
        self.leg.closed.set_result(None)


class Desk:
    """A switchboard with all that its calls need, but the SIP stack."""

    def __init__(self, data: Path, prompts: Path) -> None:
        self.data = data
        self.hotlines = read_dialogue(DIALOGUE)
        self.closed: list[Path] = []
        self.model: ModelFingerprint | None = None
        self.pump = MediaPump()
        self.journals = Journals(spool(data))
        self.numbers = NumberBook(data / "numbers", 1)
        book = PromptBook(embedded("prompts.yaml"), None, prompts)
        client = AsrClient(f"unix:{data / 'nobody.sock'}")
        self.house = House(
            client, lambda: self.model, self.pump, Board(), self.numbers, lambda _folder: None, NOBODY
        )
        settings = Settings(sip=SipSettings(drain_seconds=0.2), probe=ProbeSettings(caller=PROBE))
        self.switchboard = Switchboard(
            settings,
            self.journals,
            self.house,
            Dialogue(self.hotlines, book, 600, datetime.now(UTC)),
            Duty,
            self.closed.append,
        )

    def ring(self, called: str = "12345", caller: str = "13855812345") -> QuietLine:
        line = QuietLine()
        loop = asyncio.get_running_loop()
        dialled = (Called(called, "request-uri"),)
        incoming = Incoming("abc@192.0.2.1", caller, called, dialled, "192.0.2.1:5060")
        line.leg = Leg(line, incoming, loop.call_soon, loop.create_future())
        assert self.switchboard.admit(incoming) is None
        self.switchboard.take(line.leg)
        return line

    async def over(self) -> list[Entry]:
        """The journal of the call that ends next."""
        await until(lambda: self.closed and not self.switchboard.calls)
        await self.journals.written(self.closed[-1])
        return told(self.closed[-1])

    def entries(self) -> list[Entry]:
        """The journals of all calls in progress."""
        return [entry for folder in spool(self.data).glob("2*") for entry in told(folder)]

    async def reach(self, kind: str) -> None:
        """Until a journal has an entry of that kind."""
        await until(lambda: kind in kinds(self.entries()))


@pytest.fixture(scope="session")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prompts")


@pytest.fixture
async def desk(tmp_path: Path, prompts: Path) -> Any:
    desk = Desk(tmp_path, prompts)
    pump = asyncio.create_task(desk.pump.run())
    yield desk
    pump.cancel()


async def until(look: Callable[[], Any]) -> None:
    async with asyncio.timeout(15):
        while not look():  # noqa: ASYNC110 - there is nothing to be woken by: what is looked at is the effect
            await asyncio.sleep(0.01)


def kinds(entries: list[Entry]) -> list[str]:
    return [entry.kind for entry in entries]


@pytest.mark.parametrize("draining", [False, True])
async def test_a_caller_who_has_gone_before_the_loop_came_to_him(desk: Desk, *, draining: bool) -> None:
    line = desk.ring()
    line.leg.disconnected(487, "Request Terminated", "")
    line.leg._release(Ended("caller", 487, "Request Terminated", 0.0))
    assert line.buried
    if draining:
        await desk.switchboard.drain()
    else:
        entries = await desk.over()
        assert [kind for kind in kinds(entries) if kind != "deaf"] == ["incoming", "hungup", "finished"]
    assert line.statuses == []
    assert desk.switchboard.unfinished == 0


async def test_a_call_that_outlasts_the_drain_is_cut_short_and_finished(desk: Desk) -> None:
    line = desk.ring()
    await desk.reach("played")
    await desk.switchboard.drain()
    entries = await desk.over()
    assert line.buried
    assert kinds(entries)[-1] == "finished"
    assert kinds(entries).index("interrupted") < kinds(entries).index("hungup")
    assert desk.switchboard.admit(line.leg.incoming) == (503, {"Retry-After": "20"})


async def test_a_fax_that_calls_is_hung_up_and_its_journal_says_why(desk: Desk) -> None:
    time_ = np.arange(4000) / 8000
    cry = (np.sin(2 * np.pi * 1100 * time_) * 8000).astype("<i2").tobytes() + bytes(48000)
    line = desk.ring()
    await desk.reach("played")
    sends = iter([cry * 2])
    line.read = lambda: next(sends, b"")  # type: ignore[method-assign]
    entries = await desk.over()
    assert line.buried
    assert kinds(entries)[-1] == "finished"
    assert [e.reason for e in entries if isinstance(e, Interrupted)] == ["a fax machine called"]


async def test_an_anonymous_call_that_breaks_off_keeps_nothing_of_its_caller(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Path] = []
    monkeypatch.setattr(QuietLine, "record_to", lambda _line, file: kept.append(file))
    line = desk.ring("12356")
    await desk.reach("played")
    line.leg.digit((1, "7"), repeat=False)
    await asyncio.sleep(0.1)

    def fail() -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    line.read = fail  # type: ignore[method-assign]
    entries = await desk.over()
    assert kinds(entries)[-1] == "finished"
    assert line.buried
    assert kept == []
    assert "13855812345" not in str(entries)
    assert [e.key for e in entries if isinstance(e, DigitEvent)] == [""]


@pytest.mark.parametrize("unplayable", [False, True])
async def test_a_number_read_back_on_the_anonymous_line_is_on_no_disk_and_let_go_of(
    desk: Desk, prompts: Path, monkeypatch: pytest.MonkeyPatch, *, unplayable: bool
) -> None:
    played: list[weakref.ref[Sound]] = []
    play = QuietLine.start_playing

    def note(line: QuietLine, sound: Sound, *, loop: bool, first: int) -> int:
        played.append(weakref.ref(sound))
        line.unplayable = unplayable and sound not in desk.switchboard.dialogue.prompts._parts.values()
        return play(line, sound, loop=loop, first=first)

    monkeypatch.setattr(QuietLine, "start_playing", note)
    line = desk.ring("12356", caller="")
    await desk.reach("played")
    line.leg.digit((0, "1"), repeat=False)
    await until(lambda: "aid_number" in {getattr(e, "name", "") for e in desk.entries()})
    for at, key in enumerate("13900000356#", start=1):
        line.leg.digit((at, key), repeat=False)
    await until(lambda: "read_back_by_keys" in {getattr(e, "name", "") for e in desk.entries()})
    line.leg.disconnected(200, "OK", "")
    await desk.over()
    gc.collect()
    assert [sound() for sound in played].count(None) == 1  # what was read back; all others serve other calls
    assert not (prompts / "joined").exists()
    assert {file.parent.name for file in prompts.rglob("*.wav")} <= {"fixed", "openings"}


@pytest.mark.parametrize("killed", [False, True])
async def test_prompts_that_cannot_be_made_leave_the_dialogue_going(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, killed: bool
) -> None:
    if killed:
        voice = tmp_path / "espeak-ng"
        voice.write_text("#!/bin/sh\nkill -9 $$\n")
        voice.chmod(0o755)
    desk.switchboard.dialogue.prompts._fixed = tmp_path  # an empty cache
    monkeypatch.setenv("PATH", str(tmp_path))  # and no espeak-ng, or one that does not live
    line = desk.ring()
    await desk.reach("unplayed")
    line.leg.digit((1, "1"), repeat=False)
    await asyncio.sleep(0.2)
    assert not line.ended
    line.leg.disconnected(200, "OK", "")
    entries = await desk.over()
    assert kinds(entries)[-1] == "finished"
    assert [e for e in entries if isinstance(e, DigitEvent)]
    assert line.buried


async def test_keys_without_end_do_not_hold_up_the_loop(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """A storm of them is neither queued nor answered key by key: the next call, and the hang-up, are taken at once."""
    line = desk.ring()
    await desk.reach("played")
    for timestamp in range(20_000):
        line.leg.digit((timestamp, "0123456789"[timestamp % 10]), repeat=False)
        line.leg.on_digit("5")  # whatever tells them
    began = time.monotonic()
    await asyncio.sleep(0)
    other = desk.ring()
    await until(lambda: other.statuses == [200])
    line.leg.disconnected(200, "OK", "")
    await until(lambda: desk.closed)
    entries = told(desk.closed[-1])
    assert time.monotonic() - began < 2
    assert 0 < sum(isinstance(e, DigitEvent) for e in entries) <= 100
    assert caplog.text.count("keys come faster") == 1


async def test_a_player_that_fails_leaves_the_dialogue_going(desk: Desk) -> None:
    line = desk.ring()
    line.unplayable = True
    await desk.reach("unplayed")
    line.leg.digit((1, "0"), repeat=False)
    await asyncio.sleep(0.2)
    line.leg.disconnected(200, "OK", "")
    entries = await desk.over()
    assert [e.call_back for e in entries if isinstance(e, Matter)][-1]


async def test_a_number_that_does_not_come_in_time_is_not_waited_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk that holds the number book hangs; the caller is told so, and his hang-up is taken at once."""
    monkeypatch.setattr("ivr.passing._ANSWER_LONGEST", 0.3)
    monkeypatch.setattr("gateway.calls.call._CLOSE_SECONDS", 0.3)
    wait = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hang(_day: Any) -> str:
        asyncio.run_coroutine_threadsafe(wait.wait(), loop).result(20)
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(desk.numbers, "next", hang)
    line = desk.ring()
    await desk.reach("played")
    keys = enumerate(itertools.chain("0", itertools.cycle("#1")))  # a person, whatever ends a message, yes
    async with asyncio.timeout(40):
        while "no_number" not in {getattr(e, "name", "") for e in desk.entries()}:
            line.leg.digit(next(keys), repeat=False)
            await asyncio.sleep(0.3)
    line.leg.disconnected(200, "OK", "")
    entries = await desk.over()
    wait.set()
    assert "number" not in kinds(entries)
    assert kinds(entries)[-1] == "finished"


async def test_a_journal_that_cannot_be_begun_refuses_the_call(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Journal, _line: bytes) -> None:
        raise JournalError(errno.ENOSPC, "No space left on device", str(self.folder))

    monkeypatch.setattr(Journal, "write", full)
    line = desk.ring()
    await until(lambda: not desk.switchboard.calls)
    assert line.statuses == [503]


async def test_a_journal_that_fails_in_the_call_hangs_up_and_lets_go(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, other = desk.ring(), desk.ring()
    await desk.reach("played")
    write = Journal.write

    def full(self: Journal, line: bytes) -> None:
        if desk.closed or self.folder == min(spool(desk.data).glob("2*")):
            raise JournalError(errno.ENOSPC, "No space left on device", str(self.folder))
        write(self, line)

    monkeypatch.setattr(Journal, "write", full)
    line.leg.digit((1, "1"), repeat=False)
    other.leg.digit((1, "1"), repeat=False)
    await until(lambda: line.buried or other.buried)
    monkeypatch.setattr(Journal, "write", write)
    (left,) = [each for each in (line, other) if not each.buried]
    left.leg.disconnected(200, "OK", "")
    await desk.over()
    assert line.buried
    assert other.buried


async def test_a_prompt_ended_when_it_did_and_not_when_the_loop_came_to_look(desk: Desk) -> None:
    line = desk.ring()
    await desk.reach("played")
    line.play_ends = line.seconds() + 0.1
    time.sleep(0.5)  # noqa: ASYNC251 - the loop stands still
    await until(lambda: any(isinstance(e, PromptEndedEvent) for e in desk.entries()))
    (at,) = [e.at for e in desk.entries() if isinstance(e, PromptEndedEvent)]
    assert at == pytest.approx(line.play_ends, abs=0.05)
    line.leg.disconnected(200, "OK", "")
    await desk.over()


async def test_one_call_whose_audio_fails_leaves_the_others_heard(desk: Desk) -> None:
    line, other = desk.ring(), desk.ring()
    await desk.reach("played")

    def fail() -> bytes:
        raise JournalError(errno.ENOSPC, "No space left on device", "journal")

    line.read = fail  # type: ignore[method-assign]
    await until(lambda: line.ended)
    reads = []
    other.read = lambda: reads.append(1) or b""  # type: ignore[method-assign,func-returns-value]
    await asyncio.sleep(0.3)
    assert len(reads) >= 3
    other.leg.disconnected(200, "OK", "")
    await desk.over()


async def test_what_was_said_last_is_looked_up_before_the_hang_up_is_taken(desk: Desk) -> None:
    desk.model = ModelFingerprint("demo", "00" * 32, demo=True)
    line = desk.ring()
    await desk.reach("played")
    (call,) = desk.pump._members

    async def say(text: str) -> None:
        now = call._now()
        call._events.put_nowait(SpeechStarted(now, now))
        call._events.put_nowait(Heard(now, text, 0.9, now, now + 0.5, -20.0))
        await asyncio.sleep(0.05)

    await say("路灯不亮")
    line.leg.digit((1, "#"), repeat=False)
    await asyncio.sleep(0.1)
    assert call._state.question == "ask_place"
    now = call._now()
    call._events.put_nowait(Heard(now, "颍上县慎城镇", 0.9, now, now + 0.5, -20.0))
    line.leg.disconnected(200, "OK", "")
    entries = await desk.over()
    assert [e.place_name for e in entries if isinstance(e, Matter)][-1] == "颍上县慎城镇"
