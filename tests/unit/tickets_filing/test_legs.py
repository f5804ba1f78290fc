"""What becomes of a call that was passed on, from its journal to its ticket."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from callfolder import CallFolder, heard, stated

from asr.transcript import Transcript
from ivr.matter import Matter
from recordings import entries, journal
from tickets.draft import draft
from tickets.legs import fold_legs
from tickets.record import fold

if TYPE_CHECKING:
    from pathlib import Path

    from tickets.record import CallRecord

ASKED = Matter(0, call_back="来电人要求人工，须回电")
DIALLED = entries.Dialled(
    leg=1,
    at=8.0,
    attempt=0,
    matter=0,
    reason="person",
    target="人工坐席",
    uri="sip:9000@127.0.0.1",
    ticket="theirs",
    sip_call_id="pbx-1",
)


def talk(start: float, talked: float, by: str = "target") -> tuple[entries.Entry, ...]:
    return entries.LegAnswered(1, start), entries.LegEnded(1, start + talked, by, "200 OK", talked)


def read(call: CallFolder, late: Transcript | None = None, seconds: float = 60.0) -> CallRecord:
    return fold(call.call_id, journal.read(call.folder), late, seconds, None)


def tickets(record: CallRecord) -> list[dict[str, Any]]:
    return [json.loads(drafted.issue("263297000014", 1)) for drafted in draft(record)]


def test_a_talk_that_their_side_keeps_makes_no_ticket_and_a_reason_that_names_it(tmp_path: Path):
    call = CallFolder(tmp_path).begin().state(ASKED).note(DIALLED, *talk(12.0, 30.0)).hang_up(seconds=60)
    record = read(call)
    assert tickets(record) == []
    assert record.reason == "passed on to 人工坐席, there pbx-1: they talked for 30 s, the ticket is theirs"
    assert record.transcription == "wanted"
    late = Transcript(None, (heard("我家电梯坏了三天没人修", 20, 25),), complete=True)
    assert tickets(read(call, late)) == []
    assert read(call, late).transcript.text == "我家电梯坏了三天没人修"


@pytest.mark.parametrize(("at_answer", "at_end"), [("Q-17", ""), ("", "Q-17"), ("Q-1", "Q-17")])
def test_the_id_that_their_system_tells_is_the_one_it_is_found_by(
    tmp_path: Path, at_answer: str, at_end: str
):
    told = (entries.LegAnswered(1, 12.0, at_answer), entries.LegEnded(1, 42.0, "target", "", 30.0, at_end))
    theirs = CallFolder(tmp_path, "20260701T083015-0a1b2c01").begin().state(ASKED).note(DIALLED, *told)
    record = read(theirs.hang_up(seconds=60))
    assert record.reason == "passed on to 人工坐席, there Q-17: they talked for 30 s, the ticket is theirs"
    numbered = CallFolder(tmp_path, "20260701T083015-0a1b2c02").begin().state(ASKED)
    (ticket,) = tickets(
        read(numbered.note(entries.Number(0, "263297000014"), DIALLED, *told).hang_up(seconds=60))
    )
    assert ticket["passed"]["call_id"] == "Q-17"


@pytest.mark.parametrize(
    ("ended", "passed"),
    [
        (talk(12.0, 9.0), None),
        (talk(12.0, 30.0, "lost"), "人工坐席"),
        ((entries.LegEnded(1, 30.0, "gateway", "408 Request Timeout", 0.0),), None),
        ((), None),
    ],
    ids=["too short", "cut off", "never answered", "the end is not told"],
)
def test_what_was_not_settled_is_ours_and_asks_for_the_call_back(tmp_path: Path, ended, passed):
    record = read(CallFolder(tmp_path).begin().state(ASKED).note(DIALLED, *ended).hang_up(seconds=60))
    (ticket,) = tickets(record)
    assert ticket["caller"]["call_back"] == ASKED.call_back
    assert (ticket["passed"] or {}).get("target") == passed
    assert record.reason is None


def test_a_gateway_that_dies_in_the_talk_leaves_a_ticket_that_says_it_was_cut_off(tmp_path: Path):
    call = CallFolder(tmp_path).begin().state(ASKED).note(DIALLED, entries.LegAnswered(1, 12.0)).die()
    (ticket,) = tickets(read(call))
    assert ticket["passed"]["cut_off"]
    assert ticket["passed"]["talked_s"] == 48.0
    assert ticket["caller"]["call_back"]
    assert ticket["call"]["interrupted"]


def test_what_has_a_number_or_was_filed_or_said_afterwards_stays_ours(tmp_path: Path):
    begun = lambda name: CallFolder(tmp_path, name).begin()  # noqa: E731 - one call for each
    talked = (DIALLED, *talk(12.0, 30.0))
    numbered = begun("20260701T083015-0a1b2c01").state(ASKED).note(entries.Number(0, "263297000014"), *talked)
    filed = begun("20260701T083015-0a1b2c02").state(Matter(0, danger=True, complete=True)).note(*talked)
    said = heard("电梯坏了", 45, 48)
    after = begun("20260701T083015-0a1b2c03").note(*talked).hear(said).state(stated(0, said, until=50))
    for call in (numbered, filed, after):
        (ticket,) = tickets(read(call.hang_up(seconds=60)))
        assert ticket["passed"]["handled_by"] == "人工"
        assert ticket["passed"]["call_id"] == "pbx-1"


def test_a_ticket_of_ours_says_who_took_the_call_and_gets_the_words_of_the_talk_later(tmp_path: Path):
    ours = entries.Dialled(**{**{f: getattr(DIALLED, f) for f in DIALLED.__slots__}, "ticket": "ours"})
    call = CallFolder(tmp_path).begin().state(ASKED).note(ours, *talk(12.0, 30.0)).hang_up(seconds=60)
    (before,) = tickets(read(call))
    assert before["appeal"]["text_pending"]
    assert before["caller"]["call_back"] == ""
    late = Transcript(None, (heard("我家电梯坏了", 20, 25), heard("没有了", 55, 56)), complete=True)
    (after,) = tickets(read(call, late))
    assert after["appeal"]["content"] == "我家电梯坏了"
    assert not after["appeal"]["text_pending"]
    assert after["passed"] == before["passed"]


def test_who_hangs_up_before_anybody_came_is_called_back_though_the_dialogue_knew_no_matter(tmp_path: Path):
    call = CallFolder(tmp_path).begin(hotline="12366", name="税务", mode="设分中心", department="税务局")
    call.note(DIALLED, entries.LegEnded(1, 20.0, "caller", "", 0.0))
    (ticket,) = tickets(read(call.hang_up()))
    assert ticket["caller"]["call_back"] == "来电人在转接时挂机，须回电;12366税务热线未能转接,须由税务局回电"


def test_while_the_call_lasts_only_what_has_a_number_is_a_ticket(tmp_path: Path):
    call = CallFolder(tmp_path).begin().state(ASKED).note(DIALLED, entries.LegAnswered(1, 12.0))
    assert read(call).matters == ()
    (ticket,) = tickets(read(call.note(entries.Number(0, "263297000014"))))
    assert ticket["passed"] is None
    assert "已转人工坐席,正在通话" in ticket["notes"]


def test_legs_are_read_from_whatever_the_journal_says():
    told = (
        entries.LegEnded(7, 3.0, "caller", "", 1.0),
        entries.Dialled(),
        entries.Dialled(leg=2, at=-1.0, ticket="whose"),
        entries.LegEnded(2, 5.0, "nobody", "x", 99.0),
    )
    (leg,) = fold_legs(told, 60.0)
    assert (leg.number, leg.dialled_at, leg.ticket, leg.ended_by, leg.talked) == (2, 0.0, "ours", "lost", 0.0)


HANDED_OVER = entries.LegEnded(1, 20.0, "gateway", "REFER: 200", handed_over=True)


def test_who_was_handed_over_is_with_the_target_and_owed_no_call(tmp_path: Path):
    call = CallFolder(tmp_path).begin().state(ASKED).note(DIALLED, HANDED_OVER).hang_up(seconds=20)
    record = read(call)
    assert tickets(record) == []
    wanted = "handed over to 人工坐席, there pbx-1: its own side has put him through, the ticket is theirs"
    assert record.reason == wanted
    assert record.legs[0].window is None


def test_who_was_handed_over_and_whose_ticket_is_ours_has_one_that_says_so(tmp_path: Path):
    dialled = replace(DIALLED, ticket="ours")
    call = CallFolder(tmp_path).begin().state(ASKED).note(dialled, HANDED_OVER).hang_up(seconds=20)
    (ticket,) = tickets(read(call))
    assert (ticket["passed"]["target"], ticket["passed"]["talked_s"]) == ("人工坐席", 0)
    assert "call_back" not in ticket["caller"] or not ticket["caller"]["call_back"]
    assert "已由来电方交换机转至人工坐席" in ticket["appeal"]["content"] + str(ticket)


def test_a_call_that_was_redirected_has_a_reason_and_never_was_answered(tmp_path: Path):
    call = CallFolder(tmp_path).note(
        entries.Incoming(call_id="20260701T083015-0a1b2c3d"),
        DIALLED,
        entries.LegEnded(1, 0.0, "gateway", "302", handed_over=True),
        entries.HungUp("gateway", "302 Moved Temporarily"),
        entries.Finished(),
    )
    record = read(call, seconds=0.0)
    assert (record.answered_at, tickets(record)) == (None, [])
    assert record.reason
    assert record.reason.startswith("handed over to 人工坐席")


def test_of_three_the_one_whom_the_dialogue_called_has_the_ticket_and_their_words_are_heard_once(
    tmp_path: Path,
):
    third = replace(
        DIALLED, leg=2, at=30.0, reason="third", target="专家", ticket="ours", sip_call_id="pbx-2"
    )
    three = (
        DIALLED,
        entries.LegAnswered(1, 12.0),
        third,
        entries.LegAnswered(2, 33.0),
        entries.LegEnded(1, 42.0, "target", "200 OK", 30.0),
        entries.LegEnded(2, 50.0, "caller", "200 OK", 17.0),
    )
    call = CallFolder(tmp_path).begin().state(ASKED).note(*three).hang_up(seconds=50)
    record = read(call)
    assert tickets(record) == []
    assert record.reason
    assert record.reason.startswith("passed on to 人工坐席, there pbx-1")
    own = CallFolder(tmp_path, "20260701T083015-0a1b2c3e").begin().state(ASKED)
    own.note(replace(DIALLED, ticket="ours"), *three[1:]).hang_up(seconds=50)
    late = Transcript(None, (heard("我家电梯坏了三天没人修", 34, 40),), complete=True)
    (ticket,) = tickets(read(own, late))
    assert ticket["passed"]["target"] == "人工坐席"
    assert ticket["appeal"]["content"].count("电梯坏了") == 1
