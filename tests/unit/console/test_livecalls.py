from __future__ import annotations

from typing import Any

from console.livecalls import LINES, LiveCall


def make_call(*events: dict[str, Any]) -> LiveCall:
    call = LiveCall("20261124T010203-0badcafe", "gateway")
    for event in events:
        call.take({"call_id": call.call_id, **event})
    return call


def matter(**fields: Any) -> dict[str, Any]:
    plain = {"index": 0, "brief": "", "place": "", "place_name": "", "danger": False, "call_back": ""}
    return {"kind": "matter", **plain, **fields}


INCOMING = {
    "kind": "incoming",
    "wall": "2026-11-24T01:02:03+00:00",
    "caller": "13855812345",
    "called": "055812345",
    "hotline": "12345",
}


def test_what_is_being_said_gives_way_to_what_was_heard():
    call = make_call(INCOMING, {"kind": "partial", "text": "我要投"})
    assert (call.partial, list(call.lines)) == ("我要投", [])
    call.take({"kind": "heard", "text": "我要投诉噪音"})
    assert (call.partial, list(call.lines)) == ("", [{"who": "caller", "text": "我要投诉噪音"}])


def test_a_phrase_nobody_understood_leaves_no_line():
    call = make_call(INCOMING, {"kind": "partial", "text": "啊"}, {"kind": "heard", "text": ""})
    assert (call.partial, list(call.lines)) == ("", [])


def test_danger_stays_when_a_later_matter_knows_of_none():
    call = make_call(INCOMING, matter(danger=True), matter(index=1, brief="路灯不亮", place_name="颍州区"))
    assert (call.danger, call.brief, call.place) == (True, "路灯不亮", "颍州区")


def test_an_alarm_is_shown_at_once_with_its_words():
    alarm = {"kind": "alarm", "matter": 0, "risk": "fire", "words": "我家着火了"}
    call = make_call(INCOMING, alarm)
    assert (call.danger, call.show()["alarm"]) == (True, "火灾:“我家着火了”")
    by_key = make_call(INCOMING, {"kind": "alarm", "matter": 0})
    assert (by_key.danger, by_key.show()["alarm"]) == (True, "")
    unknown = make_call(INCOMING, {**alarm, "risk": "of another program"})
    assert (unknown.danger, unknown.alarm) == (True, "")


def test_what_changes_nothing_to_be_seen_is_not_told():
    call = make_call(INCOMING)
    assert not call.take({"kind": "event", "name": "Elapsed", "at": 1.0})
    assert not call.take({"kind": "answered"})
    assert call.take({"kind": "number", "matter": 0, "number": "263280700013"})
    assert call.show()["numbers"] == ["263280700013"]


def test_of_a_long_call_the_newest_lines_are_shown():
    call = make_call(INCOMING, *({"kind": "played", "text": str(n)} for n in range(LINES + 5)))
    assert [line["text"] for line in call.lines] == [str(n) for n in range(5, LINES + 5)]


def test_a_call_that_listens_again_is_deaf_no_more():
    call = make_call(INCOMING, {"kind": "deaf", "reason": "busy", "at": 3.0})
    assert call.deaf
    assert call.take({"kind": "hearing", "at": 9.0})
    assert not call.deaf


def test_after_the_hang_up_nothing_is_being_said():
    call = make_call(INCOMING, {"kind": "partial", "text": "喂"}, {"kind": "deaf", "reason": "lost"})
    call.take({"kind": "hungup", "by": "caller", "cause": "", "media_seconds": 3.0})
    assert (call.hung_up, call.partial, call.deaf) == (True, "", True)


def test_who_may_see_no_numbers_is_told_no_part_of_one_that_is_being_said():
    call = make_call(INCOMING, {"kind": "heard", "text": "我的电话是幺三八"})
    seen = set()
    for partial in ("五", "五五", "五五八幺", "五五八幺二三四五"):
        call.take({"kind": "partial", "text": partial})
        told = call.show(masked=True)
        seen |= {told["partial"], *(line["text"] for line in told["lines"])}
    call.take({"kind": "heard", "text": "五五八幺二三四五"})
    call.take(
        {
            "kind": "played",
            "id": 1,
            "name": "contact",
            "text": "您的电话是1 3 8 5 5 8 1 2 3 4 5",
            "start": 1.0,
        }
    )
    told = call.show(masked=True)
    seen |= {line["text"] for line in told["lines"]}
    assert seen == {"我的电话是****", "****", "您的电话是****"}
    assert call.show()["lines"][1]["text"] == "五五八幺二三四五"


def test_what_is_no_number_of_anybodys_is_shown_to_all():
    call = make_call(INCOMING, {"kind": "heard", "text": "3号楼12楼漏水两天了"})
    assert call.show(masked=True)["lines"][0]["text"] == "3号楼12楼漏水两天了"
