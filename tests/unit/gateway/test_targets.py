"""What a target is told, which lines it is called on, and what its leg tells of it; without a SIP stack."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import replace
from datetime import time
from typing import TYPE_CHECKING, Any

import pytest

from asr.client import AsrClient
from config.document import embedded
from gateway.calls.attempt import Party
from gateway.calls.beside import Beside
from gateway.calls.errand import Errand
from gateway.calls.house import House
from gateway.calls.live import Board
from gateway.calls.numbering import Numbering
from gateway.calls.outgoing import Outgoing
from gateway.calls.passing import Passing
from gateway.calls.redirecting import redirect
from gateway.calls.scribe import Scribe
from gateway.calls.speaker import Speaker
from gateway.calls.target_line import TargetLine
from gateway.prompts.book import PromptBook
from gateway.service.flows import read_dialogue
from gateway.sip.fault import SipError
from gateway.sip.incoming import Incoming
from gateway.sip.leg import Leg
from gateway.sip.pump import MediaPump
from gateway.site.settings import DialogueSettings
from ivr.actions import Connect, Part, Prompt
from ivr.events import Calling, Refused
from ivr.matter import Matter
from ivr.target import Hours, Target
from recordings import journal
from recordings.entries import Dialled, Finished, HungUp, LegEnded
from recordings.journals import Journals
from tickets.number import NumberBook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gateway.site.sound import Sound
    from ivr.events import Event
    from ivr.hotline import Hotline

AGENT = Target("坐席", "sip:801@192.0.2.7")
CALL = "20261127T101010-0a1b2c3d"


class Quiet:
    """A line that gives so many signs of life, and ends when it is hung up."""

    def __init__(self) -> None:
        self.leg: Leg
        self.told = 0
        self.keys = ""
        self.answered: tuple[int, dict[str, str]] | None = None
        self.plays: list[bool] = []  # whether each goes on for ever; none while it is silent

    def start_playing(self, _sound: Sound, *, loop: bool, first: int) -> int:
        self.plays.append(loop)
        return len(self.plays) + first

    def stop_playing(self) -> None:
        self.plays.clear()

    def send_keys(self, keys: str) -> None:
        self.keys += keys

    def signs(self) -> int:
        return self.told

    def end(self) -> None:
        self.leg.disconnected(200, "OK", "")

    def respond(self, status: int, headers: Mapping[str, str]) -> None:
        self.answered = (status, dict(headers))
        self.leg.disconnected(status, "", "")

    def bury(self) -> None:
        self.leg.closed.set_result(None)

    def seconds(self) -> float:
        return 1.0

    def __getattr__(self, _name: str) -> Callable[..., Any]:
        return lambda *_args, **_more: None


def make_leg(line: Quiet | None = None) -> Leg:
    line = line or Quiet()
    line.leg = Leg(line, None, lambda function: function(), asyncio.get_running_loop().create_future())
    return line.leg


@pytest.fixture(scope="module")
def front() -> Hotline:
    return read_dialogue(DialogueSettings()).front


def errand(hotline: Hotline, **matter: Any) -> Errand:
    return Errand(CALL, "13855812345", hotline, Matter(0, **matter), "263310100013")


def test_a_target_is_told_who_calls_and_which_call_it_is(front: Hotline) -> None:
    headers = errand(front).headers()
    content, *parameters = headers["User-to-User"].split(";")
    assert bytes.fromhex(content) == f"\x04call={CALL};line=12345;ticket=263310100013".encode()
    assert len(bytes.fromhex(content)) <= 128
    assert parameters[0] == "encoding=hex"
    assert headers["X-Hotline-Ticket"] == "263310100013"
    assert errand(front).shown_caller == "13855812345"
    unnumbered = replace(errand(front), number="").headers()
    assert "X-Hotline-Ticket" not in unnumbered


def test_of_an_anonymous_line_it_is_told_nothing(front: Hotline) -> None:
    of_nobody = errand(replace(front, anonymous=True), place_name="颍泉区", brief="路灯不亮", danger=True)
    assert of_nobody.headers() == {}
    assert of_nobody.shown_caller == ""
    assert of_nobody.whisper() == Prompt("whisper_line", {"line": front.name})


def test_what_is_whispered(front: Hotline) -> None:
    told = errand(front, place_name="颍泉区", brief="路灯不亮").whisper()
    assert told == Prompt("whisper", {"line": front.name, "matter": "颍泉区,路灯不亮".replace(",", "\uff0c")})
    assert errand(front).whisper() == Prompt("whisper_line", {"line": front.name})
    assert errand(front, danger=True).whisper() == Prompt("whisper_danger")


async def test_the_last_lines_are_for_danger() -> None:
    legs: list[Leg] = []

    def dial(*_asked: object) -> Leg:
        legs.append(make_leg())
        return legs[-1]

    outgoing = Outgoing(dial, 23, 20)
    for _ in range(3):
        assert not outgoing.is_full
        outgoing.call(AGENT, caller="", headers={}, danger=False)
    assert outgoing.is_full
    with pytest.raises(SipError, match="lines to people are in use"):
        outgoing.call(AGENT, caller="", headers={}, danger=False)
    for _ in range(20):
        outgoing.call(AGENT, caller="", headers={}, danger=True)
    with pytest.raises(SipError):
        outgoing.call(AGENT, caller="", headers={}, danger=True)
    for leg in legs:
        leg.hang_up()
        leg.hang_up()
    assert outgoing.lines == 0


async def test_a_target_that_cannot_be_dialled_takes_no_line() -> None:
    def dial(*_asked: object) -> Leg:
        raise SipError("no such host")

    outgoing = Outgoing(dial, 23, 20)
    with pytest.raises(SipError, match="no such host"):
        outgoing.call(AGENT, caller="", headers={}, danger=True)
    assert outgoing.lines == 0


@pytest.mark.parametrize(
    ("status", "why"),
    [
        *((status, "busy") for status in (486, 600, 603)),
        *((status, "no_answer") for status in (408, 480)),
        *((status, "failed") for status in (302, 404, 500, 503)),
    ],
)
async def test_why_nobody_answered(status: int, why: str) -> None:
    leg = make_leg()
    line = TargetLine(leg)
    leg.disconnected(status, "because", "")
    assert not await line.is_answered(5)
    assert line.refusal() == why
    assert line.ending() == ("target", f"{status} because")


@pytest.mark.parametrize(("status", "why"), [(200, "no_answer"), (415, "failed")])
async def test_why_it_came_to_no_talk_after_the_answer(status: int, why: str) -> None:
    leg = make_leg()
    line = TargetLine(leg)
    leg.confirmed()
    leg.disconnected(status, "SDP negotiation failed", "")
    assert not await line.is_answered(5)
    assert line.refusal() == why


async def test_a_target_that_rings_for_too_long_is_given_up() -> None:
    line = TargetLine(make_leg())
    assert not await line.is_answered(0.01)
    line.hang_up("gateway")
    assert line.refusal() == "no_answer"
    assert line.ending()[0] == "gateway"


async def test_a_telephone_is_taken_by_its_key_and_by_no_other() -> None:
    leg = make_leg()
    line = TargetLine(leg)
    leg.confirmed()
    for key in "5#":
        leg.key_told(key)
    assert not await line.presses("1", 0.05)
    leg.key_told("1")
    assert await line.presses("1", 5)


async def test_keys_without_end_do_not_fill_the_stack() -> None:
    channel = Quiet()
    line = TargetLine(make_leg(channel))
    for _ in range(1000):
        line.press("5")
    assert 20 <= len(channel.keys) <= 32  # what the stack has room for


async def test_a_line_from_which_nothing_comes_is_given_up_and_one_on_hold_is_not() -> None:
    leg = make_leg()
    line = TargetLine(leg)
    leg.confirmed()
    held = asyncio.create_task(line.talks(0.5, 60))
    leg.media_changed(held=True)
    await asyncio.sleep(2.2)
    assert not held.done()
    leg.media_changed(held=False)
    async with asyncio.timeout(10):
        await held
    assert line.ending()[0] == "lost"


@pytest.mark.parametrize(
    ("lives", "held", "by"), [(True, False, "caller"), (False, True, "caller"), (False, False, "lost")]
)
async def test_a_caller_who_hung_up_because_he_heard_nothing_has_not_ended_a_talk(
    monkeypatch: pytest.MonkeyPatch, *, lives: bool, held: bool, by: str
) -> None:
    monkeypatch.setattr("gateway.calls.target_line._LOOK_SECONDS", 0.01)
    monkeypatch.setattr("gateway.calls.target_line._DEAD_SECONDS", 0.2)
    channel = Quiet()
    leg = make_leg(channel)
    line = TargetLine(leg)
    leg.confirmed()
    leg.media_changed(held=held)
    talk = asyncio.create_task(line.talks(60, 60))
    for _ in range(30):
        channel.told += lives
        await asyncio.sleep(0.01)
    line.hang_up("caller")
    assert line.ending()[0] == by
    await talk


async def test_a_line_that_is_held_for_too_long_is_ended() -> None:
    leg = make_leg()
    line = TargetLine(leg)
    leg.confirmed()
    leg.media_changed(held=True)
    async with asyncio.timeout(10):
        await line.talks(60, 0.5)
    assert line.ending()[0] == "gateway"


async def test_a_wish_ends_before_the_next_begins_and_the_music_is_that_of_the_next(
    tmp_path: Path, front: Hotline
) -> None:
    texts = tmp_path / "prompts.yaml"
    texts.write_text("prompts:\n  hold_music: {melody: [[262, 330]], seconds: 0.3}\n")
    prompts, caller = PromptBook(texts, None, tmp_path / "prompts"), Quiet()
    events: list[Event] = []
    failures: list[BaseException] = []
    leg = make_leg(caller)
    written = Journals(tmp_path).begin(CALL)
    scribe = Scribe(written, Board(), anonymous=False)
    party = Party(leg, Speaker(leg, prompts, scribe), prompts, scribe, events.append, lambda: 1.0)
    outgoing, book = Outgoing(lambda *_asked: make_leg(), 40, 20), NumberBook(tmp_path, 1)
    nobody = AsrClient(f"unix:{tmp_path / 'nobody.sock'}")
    house = House(nobody, lambda: None, MediaPump(), Board(), book, lambda _folder: None, outgoing)
    line = replace(front, targets={"person": (AGENT,), "danger": (AGENT,)})
    passing = Passing(house, line, party, Numbering(book, scribe), Beside(), failures.append)

    async def until(look: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not look():  # noqa: ASYNC110 - there is nothing to be woken by: what is looked at is the effect
                await asyncio.sleep(0.01)

    passing.perform(Connect(0, "person", Matter(0, danger=True)))
    await until(lambda: caller.plays == [True])
    passing.perform(Part(0))
    passing.perform(Connect(1, "danger", Matter(0, danger=True)))
    await until(lambda: len(events) == 2 and caller.plays)
    await asyncio.sleep(0.05)
    assert caller.plays == [True]
    assert [type(event) for event in events] == [Calling, Calling]
    assert outgoing.lines == 1
    await written.caught_up()
    told = [w.entry for w in journal.read(written.folder).entries if isinstance(w.entry, Dialled | LegEnded)]
    assert [(entry.kind, entry.leg) for entry in told] == [
        ("leg.dialled", 1),
        ("leg.ended", 1),
        ("leg.dialled", 2),
    ]
    passing.perform(Part(1))
    passing.perform(Connect(2, "nobody", Matter(0)))
    await until(lambda: isinstance(events[-1], Refused))
    assert caller.plays == []
    passing.end("caller")
    await passing.close()
    assert (outgoing.lines, failures) == (0, [])
    await nobody.close()
    written.close()
    await written.caught_up()


@pytest.mark.parametrize("disk", ["full", "hung"])
async def test_a_number_that_cannot_be_given_keeps_nobody_from_a_person(
    tmp_path: Path,
    front: Hotline,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    disk: str,
) -> None:
    async def take(*_asked: object) -> str:
        if disk == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        return str(await asyncio.get_running_loop().create_future())

    monkeypatch.setattr("gateway.calls.numbering.take_next", take)
    monkeypatch.setattr("gateway.calls.passing._NUMBER_SECONDS", 0.05)
    leg, events, failures = make_leg(Quiet()), asyncio.Queue[Any](), list[BaseException]()
    prompts = PromptBook(embedded("prompts.yaml"), None, tmp_path / "prompts")
    scribe = Scribe(Journals(tmp_path).begin(CALL), Board(), anonymous=False)
    party = Party(leg, Speaker(leg, prompts, scribe), prompts, scribe, events.put_nowait, lambda: 1.0)
    outgoing, book, beside = Outgoing(lambda *_asked: make_leg(), 40, 20), NumberBook(tmp_path, 1), Beside()
    nobody = AsrClient(f"unix:{tmp_path / 'nobody.sock'}")
    house = House(nobody, lambda: None, MediaPump(), Board(), book, lambda _folder: None, outgoing)
    line = replace(front, targets={"person": (AGENT,)})
    passing = Passing(house, line, party, Numbering(book, scribe), beside, failures.append)
    passing.perform(Connect(0, "person", Matter(0)))
    async with asyncio.timeout(10):
        assert isinstance(await events.get(), Calling)
    passing.end("caller")
    await passing.close()
    assert (outgoing.lines, failures) == (0, [])
    assert len(beside.working) == (disk == "hung")  # it is the call's close that waits for it, for a while
    assert ("the disk fails" in caplog.text) == (disk == "full")
    for work in beside.working:
        work.cancel()
    await nobody.close()


COLD = Target("税务热线", "sip:12366@192.0.2.7", trunk="pbx", transfer="cold", ticket="theirs")
CLOSED = Hours(frozenset(), time(0), time(1))


async def redirected(
    folder: Path, front: Hotline, *, trunk: str = "pbx", at_once: bool = False, **named: Any
) -> Quiet:
    """The line of a call that came by a trunk which takes 302, to a line with these targets."""
    line = Quiet()
    leg = make_leg(line)
    leg.incoming = Incoming("sip-1", "13855812345", "12366", (), "192.0.2.7:5060", trunk)
    leg.transfers = frozenset({"redirect"})
    begun = Journals(folder).begin(CALL)
    hotline = replace(front, targets=named)
    outcome = await redirect(leg, begun, Board(), hotline, at_once=at_once)
    begun.close()
    await begun.caught_up()
    told = [written.entry for written in journal.read(begun.folder).entries]
    assert outcome == ("redirected" if line.answered else "")
    assert bool(told) == bool(line.answered)
    if line.answered:
        assert [type(entry) for entry in told] == [Dialled, LegEnded, HungUp, Finished]
    return line


@pytest.mark.parametrize("how", [{"centre": (COLD,)}, {"person": (COLD,), "at_once": True}])
async def test_a_call_that_begins_with_somebody_else_is_sent_there(
    tmp_path: Path, front: Hotline, how: dict[str, Any]
) -> None:
    line = await redirected(tmp_path, front, **how)
    assert line.answered == (302, {"Contact": f"<{COLD.uri}>"})


@pytest.mark.parametrize(
    "how",
    [
        {"person": (COLD,)},
        {"centre": (replace(COLD, ticket="ours"),)},
        {"centre": (replace(COLD, transfer="warm"),)},
        {"centre": (replace(COLD, transfer="warm"), COLD)},
        {"centre": (replace(COLD, hours=(CLOSED,)),)},
        {"centre": (COLD,), "trunk": "other"},
        {"centre": (replace(COLD, trunk=""),), "trunk": ""},
        {"danger": (COLD,), "third": (COLD,)},
    ],
)
async def test_any_other_is_answered(tmp_path: Path, front: Hotline, how: dict[str, Any]) -> None:
    assert (await redirected(tmp_path, front, **how)).answered is None


async def test_who_is_closed_now_is_passed_over(tmp_path: Path, front: Hotline) -> None:
    closed = replace(COLD, uri="sip:1@192.0.2.7", hours=(CLOSED,))
    line = await redirected(tmp_path, front, centre=(closed, COLD))
    assert line.answered
    assert line.answered[1] == {"Contact": f"<{COLD.uri}>"}
