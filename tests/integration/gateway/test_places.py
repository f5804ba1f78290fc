"""Places: who has one, when it is free again, and what bounds a call, whatever fails above the line."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from integration.gateway.test_broken_calls import PROBE, Desk, QuietLine, desk, kinds, prompts, until

from config.duty import Duty, Order
from gateway.calls.bounds import Bounds
from gateway.sip.fault import SipError
from gateway.sip.leg import Leg
from recordings.entries import HungUp, Incoming, Interrupted
from recordings.journal import Journal, JournalError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["desk", "prompts"]  # fixtures

_FREE_SECONDS = 0.5  # from the caller's BYE to the next caller's place


def cap(desk: Desk, monkeypatch: pytest.MonkeyPatch, calls: int) -> None:
    monkeypatch.setattr(type(desk.switchboard), "cap", calls)


def admit(desk: Desk, line: QuietLine) -> tuple[int, Mapping[str, str]] | None:
    assert line.leg.incoming is not None
    return desk.switchboard.admit(line.leg.incoming)


async def test_a_place_is_free_when_the_line_is_down_though_the_disk_hangs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QuietLine, "bury", lambda _line: None)  # its recording is never closed
    monkeypatch.setattr("gateway.calls.call._CLOSE_SECONDS", 3.0)
    cap(desk, monkeypatch, 1)
    line = desk.ring()
    await desk.reach("played")
    assert admit(desk, line) == (503, {"Retry-After": "20"})
    line.leg.disconnected(200, "OK", "")
    async with asyncio.timeout(_FREE_SECONDS):
        await until(lambda: not desk.switchboard.calls)
    assert (desk.switchboard.unfinished, desk.switchboard.trouble) == (1, "")

    other = desk.ring()
    await until(lambda: other.statuses == [200])
    other.leg.disconnected(200, "OK", "")
    await until(lambda: not desk.switchboard.calls)
    assert "not finished" in desk.switchboard.trouble  # so much and no more goes on beside the next calls
    assert admit(desk, other) == (503, {"Retry-After": "20"})
    await until(lambda: not desk.switchboard.unfinished)
    assert desk.switchboard.trouble == ""
    assert kinds(await desk.over())[-2:] == ["recording_trouble", "finished"]


async def test_a_call_let_in_before_the_drain_is_never_answered_in_it(desk: Desk) -> None:
    talking = desk.ring()
    await desk.reach("played")
    late = QuietLine()
    late.leg = Leg(late, talking.leg.incoming, late.loop.call_soon, late.loop.create_future())
    assert admit(desk, late) is None
    draining = asyncio.create_task(desk.switchboard.drain())
    await asyncio.sleep(0)  # it has begun
    assert desk.switchboard.is_draining
    desk.switchboard.take(late.leg)
    await until(lambda: late.leg.ended)
    assert late.statuses == [503]
    assert not draining.done()
    talking.leg.disconnected(200, "OK", "")
    await draining
    assert (desk.switchboard.calls, desk.switchboard.unfinished) == (0, 0)


async def test_a_drain_waits_for_a_call_that_is_still_on_its_way_to_the_loop(desk: Desk) -> None:
    ringing = QuietLine()
    talking = desk.ring()
    ringing.leg = Leg(ringing, talking.leg.incoming, ringing.loop.call_soon, ringing.loop.create_future())
    talking.leg.disconnected(200, "OK", "")
    await desk.over()
    assert admit(desk, ringing) is None
    draining = asyncio.create_task(desk.switchboard.drain())
    await asyncio.sleep(0.05)
    assert not draining.done()
    desk.switchboard.take(ringing.leg)
    await draining
    assert ringing.statuses == [503]


@pytest.mark.parametrize(
    ("bounds", "lacks", "reason"),
    [
        (Bounds(acknowledged=0.3), "acknowledges", "did not acknowledge the answer within 0.3 s"),
        (Bounds(media=0.3), "sounds", "no audio was agreed on within 0.3 s"),
        (Bounds(longest=0.3), "", "it had lasted 0.3 s"),
    ],
)
async def test_a_call_that_lacks_what_it_needs_ends_as_any_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, bounds: Bounds, lacks: str, reason: str
) -> None:
    monkeypatch.setattr(desk.switchboard, "_house", replace(desk.house, bounds=bounds))
    if lacks:
        monkeypatch.setattr(QuietLine, lacks, False)
    line = desk.ring()
    entries = await desk.over()
    assert [reason in e.reason for e in entries if isinstance(e, Interrupted)] == [True]
    assert [e.by for e in entries if isinstance(e, HungUp)] == ["gateway"]
    assert kinds(entries)[-1] == "finished"
    assert line.buried


async def test_an_answer_that_the_stack_gave_up_says_that_nobody_acknowledged_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QuietLine, "acknowledges", False)
    line = desk.ring()
    await desk.reach("played")
    line.leg.disconnected(408, "Request Timeout", "")
    entries = await desk.over()
    assert [e.reason for e in entries if isinstance(e, Interrupted)] == [
        "the caller's side never acknowledged the answer"
    ]
    assert [(e.by, e.cause) for e in entries if isinstance(e, HungUp)] == [("lost", "408 Request Timeout")]


async def test_a_hang_up_that_the_journal_does_not_take_at_once_ends_the_call_with_its_reason(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, failed = Journal.write, []

    def full(self: Journal, line: bytes) -> None:
        if b'"hungup"' in line and not failed:
            failed.append("hungup")
            raise JournalError(errno.ENOSPC, "No space left on device", str(self.folder))
        write(self, line)

    line = desk.ring()
    await desk.reach("played")
    monkeypatch.setattr(Journal, "write", full)
    line.leg.disconnected(200, "OK", "")
    async with asyncio.timeout(_FREE_SECONDS):
        await until(lambda: not desk.switchboard.calls)
    entries = await desk.over()
    assert failed == ["hungup"]
    assert line.buried
    assert [e.by for e in entries if isinstance(e, HungUp)] == ["caller"]
    assert kinds(entries)[-1] == "finished"


async def test_a_call_whose_recording_never_closes_is_let_go_of(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that was never answered."""
    monkeypatch.setattr(QuietLine, "bury", lambda _line: None)
    monkeypatch.setattr("gateway.calls.call._CLOSE_SECONDS", 0.2)

    def gone(line: QuietLine, status: int, _headers: Any) -> None:
        line.statuses.append(status)
        raise SipError(f"answer {status}: INVITE session already terminated")

    monkeypatch.setattr(QuietLine, "respond", gone)
    desk.ring()
    entries = await desk.over()
    assert kinds(entries) == ["incoming", "deaf", "hungup", "finished"]
    await until(lambda: not desk.switchboard.unfinished)


@pytest.mark.parametrize(("caller", "at_once"), [(PROBE, ""), ("13855812345", "duty")])
async def test_a_probe_gets_the_dialogue_though_all_are_passed_to_a_person(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caller: str, at_once: str
) -> None:
    duty = Duty(orders=(Order(since=datetime.now(UTC)),))
    monkeypatch.setattr(desk.switchboard, "_duty", lambda: duty)
    line = desk.ring(caller=caller)
    await desk.reach("played")
    line.leg.disconnected(200, "OK", "")
    (incoming,) = [entry for entry in await desk.over() if isinstance(entry, Incoming)]
    assert (incoming.test, incoming.at_once) == (caller == PROBE, at_once)
