from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from asr.transcript import Transcript, Utterance
from tickets.draft import draft_transcript
from tickets.review import Correction, Fields, Review, Sheet, hash_words, lay_over
from tickets.ticket import Ticket

NOW = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
MOMENT = "2026-11-24T01:02:03.250000Z"
WORDS = Transcript(
    None,
    (
        Utterance("慎城真房子漏雨", (), 1.0, 3.0, 0.5, -20.0),
        Utterance("是的", (), 6.0, 6.5, 0.9, -20.0),
    ),
)
FIELDS: dict[str, Any] = {
    "type": "求助",
    "title": "房子漏雨",
    "content": "慎城镇房子漏雨",
    "category_1": "城乡建设",
    "category_2": "",
    "category_3": "",
    "urgency": "紧急",
    "county": "颍上县",
    "township": "慎城镇",
    "village": "",
    "address": "",
    "contact": "13900001111",
    "confidential": True,
}


def make_content() -> dict[str, Any]:
    return {
        "hotline": "12345",
        "call": {
            "call_id": "20261124T010203-0badcafe",
            "sip_call_id": "a84b4c76e66710",
            "caller": "13855812345",
            "called": "055812345",
            "started_at": MOMENT,
            "answered_at": MOMENT,
        },
        "caller": {"number": "13855812345", "contact": "13855812345", "call_back": "来电人要求人工"},
        "appeal": {"type": None, "title": "慎城真", "content": "慎城真房子漏雨", "text_pending": True},
        "place": {"said": "慎城真"},
        "transcript": draft_transcript(WORDS).model_dump(mode="json"),
        "notes": ["内容未经来电人确认"],
    }


def make_review(decision: Any = "accepted", **changes: Any) -> Review:
    sheet = Sheet(
        fields=Fields.model_validate({**FIELDS, **changes.pop("fields", {})}),
        corrections=(Correction(start=1.0, end=3.0, text="慎城镇房子漏雨"),),
        reason=changes.pop("reason", ""),
    )
    return Review(
        "263280700013", 1, "20261124T010203-0badcafe", 3, "张敏", decision, sheet, hash_words(WORDS), NOW
    )


def issue(content: dict[str, Any]) -> Ticket:
    return Ticket.model_validate({**content, "number": "263280700013", "revision": 3})


def test_the_agents_fields_stand_and_the_facts_of_the_call_stay():
    before = make_content()
    ticket = issue(lay_over(before, make_review(), WORDS))
    assert before == make_content()
    assert ticket.status == "已审核"
    assert ticket.review is not None
    assert (ticket.review.agent, ticket.review.at) == ("张敏", NOW)
    assert (ticket.review.reason, ticket.review.later_words) == ("", False)
    assert (ticket.appeal.type, ticket.appeal.title, ticket.appeal.urgency) == ("求助", "房子漏雨", "紧急")
    assert ticket.appeal.text_pending
    assert (ticket.place.code, ticket.place.county, ticket.place.said) == ("341226", "颍上县", "慎城真")
    assert (ticket.caller.number, ticket.caller.contact) == ("13855812345", "13900001111")
    assert ticket.caller.confidential
    assert ticket.caller.call_back == "来电人要求人工"
    assert ticket.notes == ("内容未经来电人确认",)


def test_corrected_phrases_say_so_and_the_others_are_as_heard():
    first, second = issue(lay_over(make_content(), make_review(), WORDS)).transcript.utterances
    assert (first.text, first.corrected, first.confidence, first.reading) == ("慎城镇房子漏雨", True, 0.5, "")
    assert (second.text, second.corrected, second.reading) == ("是的", False, "是的。")


def test_a_ticket_sent_back_says_why():
    ticket = issue(lay_over(make_content(), make_review("returned", reason="不属于本市"), WORDS))
    assert ticket.review is not None
    assert (ticket.status, ticket.review.reason) == ("已退回", "不属于本市")


def test_words_the_agent_has_not_seen_are_told():
    more = Transcript(None, (*WORDS.utterances, Utterance("还有停水", (), 8.0, 9.0, 0.9, -20.0)))
    content = {**make_content(), "transcript": draft_transcript(more).model_dump(mode="json")}
    ticket = issue(lay_over(content, make_review(), more))
    assert ticket.review is not None
    assert ticket.review.later_words
    assert ticket.appeal.content == "慎城镇房子漏雨"
    assert [u.text for u in ticket.transcript.utterances] == ["慎城镇房子漏雨", "是的", "还有停水"]


def test_no_county_has_no_code():
    ticket = issue(lay_over(make_content(), make_review(fields={"county": ""}), WORDS))
    assert (ticket.place.code, ticket.place.county) == ("", "")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"title": "  "}, "title"),
        ({"content": ""}, "content"),
        ({"type": "闲聊"}, "type"),
        ({"urgency": "加急"}, "urgency"),
        ({"contact": "139-0000"}, "contact"),
        ({"address": "人民路\0"}, "不可见字符"),
        ({"county": "合肥市"}, "不在地名表中"),
        ({"number": "1"}, "number"),
    ],
)
def test_what_no_ticket_may_hold_is_refused(changes: dict[str, Any], told: str):
    with pytest.raises(ValidationError, match=told):
        Fields.model_validate({**FIELDS, **changes})
