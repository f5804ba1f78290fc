from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from callfolder import BIG, DEMO, CallFolder, heard, stated

from asr.transcript import Transcript
from ivr.matter import Matter, Window
from recordings import entries, journal
from tickets.draft import draft
from tickets.missed import name_missed
from tickets.papers import list_call
from tickets.record import CallRecord, fold
from tickets.ticket import Ticket

if TYPE_CHECKING:
    from pathlib import Path

LEAK = heard("颍上县慎城镇房子漏雨", 4.0, 7.0)
WATER = heard("我家停水三天了没人管", 12.0, 15.0)


def read(
    call: CallFolder, late: Transcript | None = None, *, seconds: float = 30.0, voiced: Any = None
) -> CallRecord:
    return fold(call.call_id, journal.read(call.folder), late, seconds, voiced)


def found(*utterances) -> Transcript:
    return Transcript(BIG, utterances)


def issue(record: CallRecord) -> list[Ticket]:
    return [Ticket.model_validate_json(d.issue("261820700014", 1)) for d in draft(record)]


@pytest.fixture
def call(tmp_path: Path) -> CallFolder:
    return CallFolder(tmp_path).begin()


def test_a_call_from_answer_to_hang_up(call):
    matter = stated(0, LEAK, until=8.0, place="颍上县慎城镇", place_name="颍上县慎城镇", brief="房子漏雨")
    call.hear(LEAK).state(stated(0, LEAK)).state(matter)
    call.state(Matter(**{**_fields(matter), "confirmed": True, "complete": True}))
    call.note(entries.Number(matter=0, number="261820700014")).hang_up(seconds=29.5)
    record = read(call)
    assert (record.caller, record.called, record.hotline, record.node) == (
        "13855812345",
        "055812345",
        "12345",
        1,
    )
    assert (record.duration_s, record.hung_up_by, record.cause) == (29.5, "caller", "200 OK")
    assert (record.interrupted, record.reason, record.transcription) == (False, None, "none")
    assert record.started_at <= record.answered_at <= record.ended_at
    assert record.numbers == {0: "261820700014"}
    (ticket,) = issue(record)
    assert ticket.appeal.content == "颍上县慎城镇房子漏雨"
    assert ticket.appeal.title == "房子漏雨"
    assert (ticket.place.code, ticket.place.county, ticket.place.township) == ("341226", "颍上县", "慎城镇")
    assert (ticket.caller.number, ticket.caller.contact, ticket.caller.anonymous) == (
        "13855812345",
        "13855812345",
        False,
    )
    assert ticket.recording.path == "calls/2026/07/01/20260701T083015-0a1b2c3d/audio.wav"
    assert (ticket.recording.seconds, ticket.recording.channels) == (30.0, 2)
    assert ticket.transcript.complete
    assert [u.text for u in ticket.transcript.utterances] == ["颍上县慎城镇房子漏雨"]
    assert ticket.notes == ("演示模型转写,文字仅供测试",)


def test_while_the_call_lasts_only_numbered_matters_are_filed(call):
    call.hear(LEAK).state(stated(0, LEAK, until=8.0, complete=True))
    assert read(call).matters == ()
    call.note(entries.Number(matter=0, number="261820700014")).state(stated(1, WATER))
    record = read(call)
    assert [t.matter.index for t in record.matters] == [0]
    (ticket,) = issue(record)
    assert (ticket.call.ended_at, ticket.call.duration_s, ticket.recording) == (None, None, None)
    call.note(entries.HungUp(by="caller", cause="", media_seconds=20.0))
    assert read(call).ended_at is None  # the last words may still be on their way
    call.note(entries.Finished())
    assert [t.matter.index for t in read(call).matters] == [0, 1]


def test_the_first_number_of_a_matter_counts(call):
    call.state(stated(0, LEAK)).note(entries.Number(matter=0, number="261820700014")).note(
        entries.Number(matter=0, number="261820700022")
    )
    assert read(call.hang_up()).numbers == {0: "261820700014"}


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda c: c.hang_up(), "caller hung up before speaking"),
        (lambda c: c.hang_up(by="gateway"), "the caller said nothing"),
        (lambda c: c.die(), "interrupted before the caller said anything"),
    ],
)
def test_a_call_without_a_matter_has_its_reason(call, end, reason):
    end(call)
    record = read(call, voiced=())
    assert (record.matters, record.reason, draft(record)) == ((), reason, ())


@pytest.mark.parametrize(
    ("begin", "tell", "missed"),
    [
        ({}, lambda c: c.hang_up(), "开场挂断"),
        ({}, lambda c: c.hang_up(by="gateway"), "无声"),
        ({}, lambda c: c.hang_up(by="lost"), "中断"),
        ({}, lambda c: c.die(), "中断"),
        ({}, lambda c: c.hear(LEAK).state(stated(0, LEAK)).hang_up(by="lost"), "中断"),
        ({}, lambda c: c.hear(LEAK).state(stated(0, LEAK)).hang_up(), ""),
        ({}, lambda c: c.hear(LEAK).state(stated(0, LEAK, complete=True)).hang_up(by="lost"), ""),
        ({}, lambda c: c.note(entries.InformedEvent(4.0, 1, "found")).hang_up(), ""),
        ({}, lambda c: c.note(entries.Incoming(caller="13855812345", barred=True)).hang_up(), "骚扰名单"),
        ({"caller": ""}, lambda c: c.hang_up(), ""),
        ({"anonymous": True}, lambda c: c.hang_up(), ""),
    ],
)
def test_who_was_not_heard_was_missed(tmp_path, begin, tell, missed):
    call = CallFolder(tmp_path).begin(**begin)
    tell(call)
    assert name_missed(read(call, seconds=0.0, voiced=())) == missed


@pytest.mark.parametrize("by", ["caller", "gateway"])
def test_an_unanswered_call_has_its_reason(tmp_path, by):
    call = CallFolder(tmp_path)
    call.note(
        entries.Incoming(
            sip_call_id="a\0b", caller="", called="12345", hotline="12345", flow="default", node=1
        )
    )
    call.note(entries.HungUp(by=by, cause="487", media_seconds=0.0)).note(entries.Finished())
    record = read(call, seconds=0.0)
    expected = "caller hung up before the answer" if by == "caller" else "the call was never answered"
    assert (record.reason, record.duration_s, record.sip_call_id) == (expected, None, "ab")


def test_an_empty_journal_is_a_call_that_was_never_answered(tmp_path):
    record = read(CallFolder(tmp_path), seconds=0.0)
    assert record.reason == "the call was never answered"
    assert record.started_at.isoformat() == "2026-07-01T08:30:15+00:00"


def test_a_matter_of_nothing_is_no_matter(call):
    call.state(stated(0, begin=4.0, until=9.0)).hang_up()
    assert read(call).reason == "caller hung up before speaking"


@pytest.mark.parametrize("fields", [{"danger": True}, {"call_back": "来电人要求人工"}, {"complete": True}])
def test_a_matter_without_words_is_one_when_the_caller_did_something(call, fields):
    call.state(stated(0, begin=4.0, until=9.0, **fields)).hang_up()
    (ticket,) = issue(read(call))
    assert ticket.appeal.content == "(来电人未留言)"
    assert ticket.appeal.title
    assert not ticket.appeal.text_pending


def test_danger_is_extremely_urgent(call):
    call.state(stated(0, begin=4.0, danger=True, call_back="来电人未出声")).hang_up()
    (ticket,) = issue(read(call))
    assert ticket.appeal.urgency == "特急"
    assert ticket.caller.call_back == "来电人未出声"
    assert "来电人未出声,须回电" in ticket.notes


def test_speech_that_nobody_understood_is_a_ticket_to_listen_to(call):
    call.hear(heard("", 5.0, 8.0)).state(stated(0, begin=4.0, until=9.0)).hang_up()
    record = read(call)
    (ticket,) = issue(record)
    assert ticket.appeal.content == "(语音未能识别,请听录音)"
    assert (ticket.appeal.text_pending, record.transcription) == (False, "none")


def test_an_interrupted_call_is_marked_and_transcribed_again(call):
    call.hear(LEAK).state(stated(0, LEAK)).die()
    record = read(call, seconds=10.0, voiced=(Window(4.0, 9.5),))
    assert (record.interrupted, record.transcription, record.duration_s) == (True, "wanted", 10.0)
    assert (record.ended_at - record.answered_at).total_seconds() == 10.0
    (ticket,) = issue(record)
    assert ticket.call.interrupted
    assert not ticket.transcript.complete
    assert ticket.appeal.content == "颍上县慎城镇房子漏雨"
    assert ticket.appeal.text_pending
    assert "通话中断,内容可能不完整" in ticket.notes
    again = read(call, found(LEAK, heard("墙也裂了", 8.0, 9.5)), seconds=10.0, voiced=(Window(4.0, 9.5),))
    (ticket,) = issue(again)
    assert ticket.appeal.content == "颍上县慎城镇房子漏雨墙也裂了"
    assert (ticket.appeal.text_pending, ticket.transcript.complete, ticket.call.interrupted) == (
        False,
        True,
        True,
    )
    assert again.transcription == "done"


def test_a_call_whose_journal_was_lost_was_answered_at_the_front_door(tmp_path):
    call = CallFolder(tmp_path).die()
    waiting = read(call, seconds=9.0, voiced=(Window(2.0, 6.0),))
    assert (waiting.caller, waiting.hotline, waiting.node) == ("", "12345", None)
    assert waiting.answered_at == waiting.started_at
    assert (waiting.answered_at.isoformat(), waiting.duration_s) == ("2026-07-01T08:30:15+00:00", 9.0)
    assert (waiting.interrupted, waiting.transcription) == (True, "wanted")
    assert waiting.reason == "speech in the recording waits to be transcribed"
    (ticket,) = issue(read(call, found(LEAK), seconds=9.0, voiced=(Window(2.0, 6.0),)))
    assert (ticket.hotline, ticket.appeal.content) == ("12345", "颍上县慎城镇房子漏雨")
    assert (ticket.caller.anonymous, ticket.call.interrupted) == (True, True)
    assert read(call, seconds=9.0, voiced=()).reason == "interrupted before the caller said anything"


def test_a_gateway_that_died_after_the_hang_up_interrupted_no_call(call):
    call.hear(LEAK).state(stated(0, LEAK)).note(
        entries.HungUp(by="caller", cause="", media_seconds=9.0)
    ).die()
    record = read(call)
    assert (record.interrupted, record.duration_s, record.transcription) == (False, 9.0, "wanted")


def test_without_a_recogniser_the_words_follow_from_the_recording(tmp_path):
    call = CallFolder(tmp_path).begin(model=None)
    call.state(stated(0, begin=4.0, until=9.0, complete=True, contact="05582222222")).hang_up()
    record = read(call, voiced=(Window(4.5, 8.0),))
    (ticket,) = issue(record)
    assert ticket.appeal.content == "(录音待转写)"
    assert (ticket.appeal.text_pending, ticket.transcript.model, record.transcription) == (
        True,
        None,
        "wanted",
    )
    assert ticket.caller.contact == "05582222222"
    late = found(heard("喂", 0.5, 0.9), heard("我要投诉小区夜间施工噪音扰民", 4.5, 8.0))
    (ticket,) = issue(read(call, late, voiced=(Window(4.5, 8.0),)))
    assert ticket.appeal.content == "我要投诉小区夜间施工噪音扰民"
    assert (ticket.appeal.type, ticket.appeal.title) == ("投诉", "小区夜间施工噪音扰民")
    assert ticket.transcript.model.name == "big"


def test_a_deaf_call_in_which_nobody_spoke_waits_for_nothing(tmp_path):
    call = CallFolder(tmp_path).begin(model=None)
    call.state(stated(0, begin=4.0, until=9.0, complete=True)).hang_up()
    record = read(call, voiced=())
    (ticket,) = issue(record)
    assert (ticket.appeal.text_pending, record.transcription) == (False, "none")


def test_while_a_deaf_call_lasts_speech_is_supposed_where_it_was_asked_for(tmp_path):
    call = CallFolder(tmp_path).begin(model=None)
    call.state(stated(0, begin=4.0, until=9.0, complete=True)).note(
        entries.Number(matter=0, number="261820700014")
    )
    (ticket,) = issue(read(call))
    assert ticket.appeal.text_pending


def test_the_late_pass_keeps_what_was_heard_well(call):
    call.hear(LEAK).state(stated(0, LEAK, until=8.0, complete=True))
    call.note(entries.EarLostEvent(at=11.0))
    call.state(stated(1, begin=12.0, until=16.0, complete=True)).hang_up()
    late = found(heard("颍上县慎城镇房子漏鱼", 4.0, 7.0), WATER)
    first, second = issue(read(call, late, voiced=(Window(4.0, 7.0), Window(12.0, 15.0))))
    assert first.appeal.content == "颍上县慎城镇房子漏雨"
    assert second.appeal.content == "我家停水三天了没人管"
    assert [u.text for u in second.transcript.utterances] == ["颍上县慎城镇房子漏雨", "我家停水三天了没人管"]


def test_a_phrase_lost_with_the_recogniser_joins_the_matter_asked_for_next(call):
    call.note(entries.EarLostEvent(at=5.0)).state(stated(0, begin=12.0, until=16.0, complete=True)).hang_up()
    late = found(heard("颍上县慎城镇房子漏雨", 2.0, 6.0), heard("对", 9.0, 9.4), heard("没有了", 13.0, 13.6))
    (ticket,) = issue(read(call, late, voiced=(Window(2.0, 6.0), Window(13.0, 13.6))))
    assert ticket.appeal.content == "颍上县慎城镇房子漏雨没有了"


def test_only_the_window_that_was_deaf_is_pending(call):
    call.hear(LEAK).state(stated(0, LEAK, until=8.0, complete=True)).note(entries.EarLostEvent(at=11.0))
    call.state(stated(1, begin=12.0, until=16.0, complete=True)).hang_up()
    voiced = (Window(4.0, 7.0), Window(12.0, 15.0))
    assert [t.pending for t in read(call, voiced=voiced).matters] == [False, True]


def test_what_was_heard_before_and_after_a_deaf_question_is_not_asked_of_the_recording(call):
    call.hear(LEAK).state(stated(0, LEAK, until=8.0, complete=True))
    call.note(entries.Deaf("busy", 11.0), entries.EarLostEvent(at=15.5))
    call.state(stated(1, begin=10.0, until=16.0, complete=True)).note(entries.Hearing(16.2))
    rubbish = heard("路灯不亮", 18.0, 21.0)
    call.hear(rubbish).state(stated(2, rubbish, until=22.0, complete=True)).hang_up()
    voiced = (Window(4.0, 7.0), Window(12.0, 15.0), Window(18.0, 21.0))
    record = read(call, voiced=voiced)
    assert [t.pending for t in record.matters] == [False, True, False]
    assert (record.transcription, record.live.complete) == ("wanted", False)
    late = found(heard("颍上县慎城镇房子漏鱼", 4.0, 7.0), WATER, heard("路灯不量", 18.0, 21.0))
    record = read(call, late, voiced=voiced)
    assert [t.appeal.content for t in issue(record)] == [
        "颍上县慎城镇房子漏雨",
        "我家停水三天了没人管",
        "路灯不亮",
    ]
    assert record.transcript.complete


def test_a_phrase_that_was_never_finished_is_replaced(call):
    torn = heard("我家停水三", 12.0, 15.0, confirmed=False)
    call.hear(torn).state(stated(0, torn, until=15.0)).hang_up()
    record = read(call, voiced=(Window(12.0, 15.0),))
    assert (record.transcription, issue(record)[0].appeal.content) == ("wanted", "我家停水三")
    (ticket,) = issue(read(call, found(WATER), voiced=(Window(12.0, 15.0),)))
    assert ticket.appeal.content == "我家停水三天了没人管"
    assert [u.text for u in ticket.transcript.utterances] == ["我家停水三天了没人管"]
    (ticket,) = issue(read(call, found(), voiced=(Window(12.0, 15.0),)))
    assert ticket.appeal.content == "我家停水三"  # better than nothing


def test_words_the_dialogue_knew_no_matter_for_become_one(tmp_path):
    call = CallFolder(tmp_path).begin(model=None).hang_up()
    waiting = read(call, voiced=(Window(4.0, 8.0),))
    assert (waiting.matters, waiting.reason) == ((), "speech in the recording waits to be transcribed")
    record = read(call, found(heard("喂你好", 1.0, 2.0), LEAK), voiced=(Window(4.0, 8.0),))
    (ticket,) = issue(record)
    assert record.reason is None
    assert ticket.appeal.content == "喂你好颍上县慎城镇房子漏雨"
    assert ticket.place.township == "慎城镇"


@pytest.mark.parametrize(("preset", "kind"), [("举报", "举报"), ("", "求助"), ("of a newer version", "求助")])
def test_a_matter_nobody_heard_is_of_the_kind_that_the_line_presets(tmp_path, preset, kind):
    call = CallFolder(tmp_path).begin(model=None, appeal=preset).hang_up()
    (ticket,) = issue(read(call, found(LEAK), voiced=(Window(4.0, 8.0),)))
    assert ticket.appeal.type == kind


@pytest.mark.parametrize("said", ["喂", "你好转人工", "人工人工", "喂喂喂听得到吗", "没有了谢谢再见", ""])
def test_greetings_and_menu_words_make_no_matter(tmp_path, said):
    call = CallFolder(tmp_path).begin(model=None).hang_up()
    record = read(call, found(heard(said, 4.0, 7.0)), voiced=(Window(4.0, 7.0),))
    assert record.matters == ()
    assert record.reason == (
        "only greetings and answers to the menu were said" if said else "caller hung up before speaking"
    )


def test_an_interrupted_second_matter_is_found_in_the_recording(call):
    call.hear(LEAK).state(stated(0, LEAK, until=8.0, complete=True)).die()
    voiced = (Window(4.0, 7.0), Window(12.0, 15.0))
    assert len(read(call, voiced=voiced).matters) == 1
    first, second = issue(read(call, found(LEAK, WATER), voiced=voiced))
    assert (first.appeal.content, second.appeal.content) == ("颍上县慎城镇房子漏雨", "我家停水三天了没人管")


def test_words_said_before_the_gateway_died_are_kept_even_if_no_matter_was(call):
    call.hear(LEAK).die()
    (ticket,) = issue(read(call, voiced=(Window(4.0, 7.0),)))
    assert ticket.appeal.content == "颍上县慎城镇房子漏雨"


def test_what_the_dialogue_heard_and_made_nothing_of_is_nothing(call):
    call.hear(heard("打错了不好意思", 4.0, 6.0), question="opening").hang_up()
    assert read(call).matters == ()


@pytest.mark.parametrize(
    ("caller", "contact", "expected"),
    [
        ("13855812345", "", ("13855812345", "13855812345", False)),
        ("13855812345", "05582222222", ("13855812345", "05582222222", False)),
        ("", "05582222222", ("", "05582222222", False)),
        ("", "", ("", "", True)),
        ("１３８５５８１２３４５", "", ("", "", True)),
        ("１３８５５８１２３４５", "１３８５５８１２３４５", ("", "", True)),
        ("١٣٨٥٥٨", "05582222222", ("", "05582222222", False)),
    ],
)
def test_the_contact_is_the_keyed_number_else_the_calling_one(tmp_path, caller, contact, expected):
    call = CallFolder(tmp_path).begin(caller=caller)
    call.hear(WATER).state(stated(0, WATER, until=16.0, contact=contact)).hang_up()
    (ticket,) = issue(read(call))
    assert (ticket.caller.number, ticket.caller.contact, ticket.caller.anonymous) == expected


@pytest.mark.parametrize(
    ("text", "preset", "kind"),
    [
        ("我要投诉小区夜间施工", None, "投诉"),
        ("喂你好我想表扬公交车司机", None, "表扬"),
        ("我要举报饭店", None, "举报"),
        ("我要举报饭店", "投诉", "投诉"),
        ("我家停水三天了", None, "求助"),
        ("上次投诉没人理", None, "投诉"),
    ],
)
def test_the_kind_of_appeal_is_what_was_chosen_else_what_was_said(call, text, preset, kind):
    call.state(stated(0, heard(text, 4.0, 7.0), until=8.0, appeal=preset)).hang_up()
    assert issue(read(call))[0].appeal.type == kind


def test_a_road_said_as_the_place_lies_in_the_county_said_with_the_matter(call):
    phrase = heard("颍州区下水道堵塞", 4.0, 7.0)
    call.state(stated(0, phrase, until=8.0, place="人民西路一百二十八号")).hang_up()
    (ticket,) = issue(read(call))
    assert (ticket.place.code, ticket.place.county, ticket.place.address) == (
        "341202",
        "颍州区",
        "人民西路128号",
    )
    assert ticket.place.said == "人民西路一百二十八号"


def test_a_place_the_gazetteer_does_not_know_is_kept_as_said(call):
    call.state(stated(0, WATER, until=16.0, place="老火车站后头")).hang_up()
    (ticket,) = issue(read(call))
    assert (ticket.place.said, ticket.place.code) == ("老火车站后头", "")


def test_the_same_record_drafts_the_same_ticket(call):
    call.hear(LEAK).state(stated(0, LEAK, until=8.0)).hang_up()
    once, twice = draft(read(call)), draft(read(call))
    assert once == twice
    assert re.fullmatch("[0-9a-f]{64}", once[0].sha256)
    assert draft(read(call, seconds=30.02))[0].sha256 != once[0].sha256


TAX = {
    "hotline": "12366",
    "name": "税务",
    "department": "税务局",
    "mode": "设分中心",
    "category": ("经济管理",),
}
AID = {"hotline": "12356", "name": "心理援助", "department": "卫健委", "mode": "转接", "anonymous": True}


def test_the_ticket_tells_the_line_and_its_opening(tmp_path):
    forwarded = {"found_by": "diversion", "found_as": "+8655812358"}
    line = {"hotline": "12358", "name": "价格举报", "department": "市场监管局", "mode": "整体并入"}
    call = CallFolder(tmp_path).begin(**line, **forwarded, category=("经济管理", "价格"))
    call.note(entries.Played(id=0, name="opening_merged", text="您好，价格举报热线已经并入……", start=0.0))
    call.note(entries.Played(id=1, name="tell", text="您请说", start=9.0))
    call.hear(WATER).state(stated(0, WATER, until=16.0)).hang_up()
    (ticket,) = issue(read(call))
    assert (ticket.hotline, ticket.call.called) == ("12358", "055812345")
    assert ticket.line.model_dump() == {
        "name": "价格举报",
        "department": "市场监管局",
        "mode": "整体并入",
        "found_by": "diversion",
        "found_as": "+8655812358",
        "opening": "您好，价格举报热线已经并入……",
    }
    assert ticket.appeal.category_1 == "城乡建设"  # what was said counts for more than what the line presets
    assert ticket.caller.call_back == ""


def test_a_matter_without_words_has_the_category_that_the_line_presets(tmp_path):
    call = CallFolder(tmp_path).begin(hotline="12358", category=("经济管理", "价格"))
    call.state(stated(0, begin=4.0, until=9.0, complete=True)).hang_up()
    (ticket,) = issue(read(call))
    assert (ticket.appeal.category_1, ticket.appeal.category_2, ticket.appeal.type) == (
        "经济管理",
        "价格",
        None,
    )


def test_danger_in_the_words_is_extremely_urgent_and_told_to_the_agent(call):
    call.state(stated(0, heard("我家厨房着火了在插花镇", 4.0, 7.0), until=8.0)).hang_up()
    (ticket,) = issue(read(call))
    assert (ticket.appeal.urgency, ticket.place.township) == ("特急", "插花镇")
    assert any(note.startswith("听到危险(火灾)") for note in ticket.notes)


def test_what_was_understood_once_stays_whatever_the_rules_become(call):
    call.state(stated(0, LEAK, until=8.0)).hang_up()
    record = read(call)
    (first,) = draft(record)
    kept = first.understood
    assert kept.rules
    former = replace(kept, rules="0-former", title="按旧规则写的标题", urgency="紧急")
    (again,) = draft(replace(record, understood={0: former}))
    assert again.understood is None
    assert (again.content["appeal"]["title"], again.content["appeal"]["urgency"]) == (
        "按旧规则写的标题",
        "紧急",
    )
    assert draft(replace(record, understood={0: kept}))[0].sha256 == first.sha256


def test_other_words_are_understood_anew(call):
    call.hear(LEAK).state(stated(0, LEAK)).die()
    voiced = (Window(4.0, 9.5),)
    (first,) = draft(read(call, seconds=10.0, voiced=voiced))
    record = read(call, found(LEAK, heard("墙也裂了", 8.0, 9.5)), seconds=10.0, voiced=voiced)
    (again,) = draft(replace(record, understood={0: first.understood}))
    assert again.understood is not None
    assert again.understood.of != first.understood.of


def test_a_journal_of_before_the_lines_still_makes_its_ticket(tmp_path):
    call = CallFolder(tmp_path)
    call.note(
        entries.Incoming(sip_call_id="a", caller="", called="12345", hotline="12345", flow="default", node=1)
    )
    call.note(entries.Answered()).hear(WATER).state(stated(0, WATER, until=16.0)).hang_up()
    (ticket,) = issue(read(call))
    assert (ticket.line, ticket.appeal.category_1, ticket.hotline) == (None, "城乡建设", "12345")


def test_a_line_that_cannot_be_passed_on_asks_for_a_call_back_by_its_department(tmp_path):
    call = CallFolder(tmp_path).begin(**TAX)
    call.hear(WATER).state(stated(0, WATER, until=16.0))
    call.state(stated(1, LEAK, until=20.0, call_back="来电人要求人工，须回电")).hang_up()
    first, second = issue(read(call))
    promise = "12366税务热线未能转接,须由税务局回电"
    assert first.caller.call_back == promise
    assert promise in first.notes
    assert second.caller.call_back == f"来电人要求人工，须回电;{promise}"


def test_nothing_said_on_such_a_line_is_still_no_ticket(tmp_path):
    assert read(CallFolder(tmp_path).begin(**TAX).hang_up()).reason == "caller hung up before speaking"


def test_an_unknown_number_is_remarked_on(tmp_path):
    call = CallFolder(tmp_path).begin(found_by=None, found_as="")
    call.hear(WATER).state(stated(0, WATER, until=16.0)).hang_up()
    (ticket,) = issue(read(call))
    assert ticket.line.found_by is None
    assert "所拨号码“055812345”不是登记的热线,按12345受理" in ticket.notes


def test_an_anonymous_line_leaves_no_number_and_no_word_in_the_ticket(tmp_path):
    call = CallFolder(tmp_path).begin(caller="", **AID)
    agreed = {"call_back": "来电人同意回电", "contact": "13855812345", "contact_confirmed": True}
    call.state(Matter(0, complete=True, **agreed)).hang_up()
    record = read(call, seconds=0.0)
    assert record.caller == "13855812345"  # this house must know whom to call
    (drafted,) = draft(record)
    ticket = Ticket.model_validate_json(drafted.issue("261820700014", 1))
    assert "13855812345" not in drafted.issue("261820700014", 1)
    assert (ticket.caller.anonymous, ticket.caller.confidential, ticket.appeal.urgency) == (
        True,
        True,
        "特急",
    )
    assert (ticket.caller.call_back, ticket.recording, ticket.transcript.utterances) == (
        "来电人同意回电",
        None,
        (),
    )


@pytest.mark.parametrize("model", [DEMO, None])
def test_an_anonymous_call_has_no_transcript_and_waits_for_none(tmp_path, model):
    call = CallFolder(tmp_path).begin(caller="", model=model, **AID)
    call.hear(heard("", 4.0, 6.0, confidence=0.2, confirmed=False))
    call.state(Matter(0, complete=True, contact="13855812345", contact_confirmed=True)).die()
    record = read(call, seconds=0.0)
    nothing = Transcript(None, ())
    assert (record.live, record.late, record.transcript) == (nothing, None, nothing)
    assert record.transcription == "none"
    assert len(record.matters) == 1


@pytest.mark.parametrize("number", ["13855812345", ""])
def test_who_is_in_danger_on_an_anonymous_line_is_told_of_also_without_a_number(tmp_path, number):
    call = CallFolder(tmp_path).begin(caller="", **AID)
    reason = "来电人按键示意有危险，须立即联系"
    danger = {"danger": True, "call_back": reason, "contact": number, "contact_confirmed": bool(number)}
    call.state(Matter(0, complete=True, **danger)).hang_up()
    record = read(call, seconds=0.0)
    assert record.caller == number
    (ticket,) = issue(record)
    assert (ticket.appeal.urgency, ticket.caller.call_back, ticket.caller.contact) == ("特急", reason, "")
    assert ticket.notes[0] == "来电人按了求助键,可能有危险"
    assert ("来电人没有留下可以回电的号码" in ticket.notes) == (number == "")


@pytest.mark.parametrize("end", [lambda c: c.hang_up(), lambda c: c.die()])
def test_an_anonymous_line_keeps_nothing_of_who_did_not_agree(tmp_path, end):
    call = CallFolder(tmp_path).begin(caller="", **AID).hear(heard("真人真人", 4.0, 6.0))
    end(call.state(Matter(0, call_back="来电人想找人说话", contact="13855812345")))
    record = read(call, found(LEAK), seconds=0.0)
    assert (record.caller, record.matters, draft(record)) == ("", (), ())
    assert record.reason == "an anonymous line, and the caller asked for no call back"


def _fields(matter: Matter) -> dict[str, Any]:
    return {name: getattr(matter, name) for name in matter.__slots__}


def test_a_talk_is_transcribed_afterwards_and_what_the_caller_said_in_it_belongs_to_its_matter(call):
    call.hear(LEAK).state(stated(0, LEAK, until=8.0))
    call.note(entries.Dialled(leg=1, at=9.0, matter=0, target="坐席"), entries.LegAnswered(leg=1, at=10.0))
    call.note(entries.LegEnded(leg=1, at=25.0, by="target", talked=15.0)).hang_up(seconds=29.5)
    voiced = (Window(4.0, 7.0), Window(12.0, 15.0))
    record = read(call, voiced=voiced)
    assert (record.transcription, record.transcript.complete) == ("wanted", False)
    answer = replace(heard("请问您家住哪里", 14.0, 16.0), speaker="target")
    record = read(call, found(LEAK, WATER, answer), voiced=voiced)
    assert (record.transcription, record.transcript.complete) == ("done", True)
    (ticket,) = issue(record)
    assert ticket.appeal.content == LEAK.text + WATER.text
    assert [(u.text, u.speaker) for u in ticket.transcript.utterances] == [
        (LEAK.text, "caller"),
        (WATER.text, "caller"),
        (answer.text, "target"),
    ]


def test_a_phrase_that_is_heard_again_changes_the_words_and_no_danger(call):
    fire = heard("颍上县慎城镇房子着火了", 4.0, 7.0)
    call.hear(fire).state(stated(0, fire, until=8.0, complete=True)).hang_up()
    first = read(call)
    (before,) = issue(first)
    assert before.appeal.urgency == "特急"
    (drafted,) = draft(first)
    opened = journal.Journal.reopen(call.folder)
    opened.append(drafted.understood)
    opened.close()
    second = Transcript(BIG, (replace(fire, text="颍上县慎城镇房子漏水了"),))
    again = fold(call.call_id, journal.read(call.folder), None, 30.0, None, second)
    (after,) = issue(again)
    assert (after.appeal.content, after.appeal.urgency) == ("颍上县慎城镇房子漏水了", "特急")
    assert after.transcript.model.name == BIG.name
    assert [note for note in after.notes if note.startswith("听到危险")] == [
        note for note in before.notes if note.startswith("听到危险")
    ]
    assert (again.live, again.second) == (first.live, second)


def test_a_second_pass_that_hears_the_same_or_nothing_is_no_news(call):
    call.hear(LEAK, WATER).state(stated(0, LEAK, WATER, until=16.0, complete=True)).hang_up()
    first = read(call)
    same = Transcript(BIG, (replace(LEAK, confidence=0.99), replace(WATER, text="", words=())))
    again = fold(call.call_id, journal.read(call.folder), None, 30.0, None, same)
    assert again.transcript == first.transcript
    assert [d.sha256 for d in draft(again)] == [d.sha256 for d in draft(first)]


def test_a_phrase_that_was_parted_between_matters_stays_as_it_was_told(call):
    both = heard("路灯不亮还有我家停水", 4.0, 8.0)
    one, other = heard("路灯不亮", 4.0, 8.0), heard("还有我家停水", 4.0, 8.0)
    call.hear(both).state(stated(0, one, until=8.0, complete=True)).state(
        stated(1, other, until=8.0, complete=True)
    )
    call.hang_up()
    second = Transcript(BIG, (replace(both, text="路灯不亮还有我家停电"),))
    told = fold(call.call_id, journal.read(call.folder), None, 30.0, None, second).matters
    assert [t.matter.text for t in told] == ["路灯不亮", "还有我家停水"]


def test_a_probes_ticket_says_so_and_is_in_no_agents_list(tmp_path: Path) -> None:
    agreed = Matter(
        0, complete=True, call_back="来电人同意回电", contact="13855812345", contact_confirmed=True
    )
    for test in (False, True):
        call = CallFolder(tmp_path / str(test)).begin(test=test).hear(LEAK).state(stated(0, LEAK)).hang_up()
        hidden = CallFolder(tmp_path / f"{test} hidden").begin(caller="", test=test, anonymous=True)
        for record in (read(call), read(hidden.state(agreed).hang_up())):
            (ticket,) = issue(record)
            assert ticket.appeal.title.startswith("【拨测】") == test
            assert ("拨测来电,不是市民诉求,请勿派单" in ticket.notes) == test
            assert (list_call(record, draft(record)) is None) == test
