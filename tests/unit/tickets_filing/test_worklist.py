from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from callfolder import heard

from asr.transcript import Transcript
from recordings.worklist import State
from tickets.worklist import RANKS, summarise

NOW = datetime(2026, 7, 1, tzinfo=UTC)
SURE = Transcript(None, (heard("颍上县慎城镇房子漏雨", 0, 3),))


def ticket(**changes: Any) -> dict[str, Any]:
    fields = {
        "type": "投诉",
        "title": "漏雨",
        "urgency": "一般",
        "text_pending": False,
        "county": "颍上县",
        "call_back": "",
        "anonymous": False,
        "recorded": True,
    }
    fields |= {"township": "慎城镇", **changes}
    return {
        "appeal": {name: fields[name] for name in ("type", "title", "urgency", "text_pending")},
        "place": {name: fields[name] for name in ("county", "township")},
        "caller": {"call_back": fields["call_back"], "anonymous": fields["anonymous"]},
        "recording": {"path": "calls/audio.wav"} if fields["recorded"] else None,
        "transcript": {"utterances": []},
    }


def row(*documents: dict[str, Any], transcript: Transcript = SURE, interrupted: bool = False) -> Any:
    return summarise(
        "c", "12345", NOW, 3.0, interrupted=interrupted, documents=documents, transcript=transcript
    )


@pytest.mark.parametrize(
    ("documents", "more", "rank"),
    [
        ([ticket(urgency="特急")], {"interrupted": True}, "特急"),
        ([ticket(), ticket(urgency="特急")], {}, "特急"),
        ([ticket(urgency="紧急")], {}, "紧急"),
        ([ticket(call_back="来电人要求人工")], {"interrupted": True}, "通话中断"),
        ([ticket(call_back="来电人要求人工", text_pending=True)], {}, "须回电"),
        ([ticket(text_pending=True)], {}, "识别存疑"),
        ([ticket()], {"transcript": Transcript(None, (), complete=False)}, "识别存疑"),
        ([ticket()], {"transcript": Transcript(None, (heard("啊", 0, 1, confidence=0.5),))}, "识别存疑"),
        ([ticket(county="", township="")], {}, "缺地点"),
        ([ticket(), ticket(county="", township="", type=None)], {}, "缺地点"),
        ([ticket(county="", township="", anonymous=True)], {}, "缺地点"),
        ([ticket(county="", township="", recorded=False)], {}, "缺地点"),
        ([ticket(county="", township="", anonymous=True, recorded=False)], {}, "一般"),
        ([ticket(county="", township="", type="咨询")], {}, "一般"),
        ([ticket(county="")], {}, "一般"),
        ([ticket()], {}, "一般"),
    ],
)
def test_what_needs_a_look_first_stands_first(documents, more, rank):
    assert RANKS[row(*documents, **more).rank] == rank


def test_doubt_is_weighed_by_characters():
    long_and_sure = heard("颍上县慎城镇房子漏雨好几天了", 0, 3, confidence=0.95)
    assert not row(
        ticket(), transcript=Transcript(None, (long_and_sure, heard("嗯", 4, 5, confidence=0.1)))
    ).low_confidence


def test_a_call_of_two_matters_shows_both():
    got = row(ticket(), ticket(title="停水", county="颍州区", township="", type="求助"))
    assert (got.title, got.appeal, got.county, got.township) == (
        "漏雨;停水",
        "投诉、求助",
        "颍上县、颍州区",
        "慎城镇",
    )


def test_a_call_without_a_ticket_waits_for_nobody():
    assert row().state is State.EMPTY
    assert row(ticket()).state is State.OPEN
