from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ivr.actions import Finish, Hangup, Listen, LookUp, Play, Prompt, StopListening, StopPlaying, Submit
from ivr.events import (
    Answered,
    Digit,
    EarLost,
    Elapsed,
    Heard,
    HungUp,
    LookedUp,
    PromptEnded,
    SpeechStarted,
    Submitted,
)
from ivr.machine import advance, start
from ivr.matter import Spoken, Window

if TYPE_CHECKING:
    from ivr.actions import Action
    from ivr.events import Event
    from ivr.flow import Flow
    from ivr.state import State

TOLD = "颍上县慎城镇房子漏雨"


class Call:
    """A call driven by hand: each step a few events, the prompts' names kept."""

    def __init__(self, flow: Flow, *, caller: str = "13855812345", hears: bool = True, **line: Any) -> None:
        self.flow, self.now = flow, 0.0
        self.state: State = start(flow, **line)
        self.said: list[str] = []
        self.actions: tuple[Action, ...] = ()
        self.take(Answered(0.0, caller, "12345", hears))

    def take(self, event: Event) -> Call:
        self.state, self.actions = advance(self.flow, self.state, event)
        self.said += [a.prompt.name for a in self.actions if isinstance(a, Play)]
        return self

    def prompts_end(self) -> Call:
        while self.state.playing is not None:
            self.now += 2
            self.take(PromptEnded(self.now, self.state.playing))
        return self

    def quiet(self) -> Call:
        """All prompts end, then the wait is over."""
        self.prompts_end()
        assert self.state.deadline is not None
        self.now = self.state.deadline
        return self.take(Elapsed(self.now))

    def says(self, text: str, level: float = -20.0, confidence: float = 0.9) -> Call:
        begin = self.now = self.now + 0.5
        self.take(SpeechStarted(begin))
        self.now += 2
        return self.take(Heard(self.now, text, confidence, begin, begin + 1, level))

    def press(self, keys: str) -> Call:
        for key in keys:
            self.now += 0.2
            self.take(Digit(self.now, key))
        return self

    def found(self, place: str = "颍上县慎城镇", brief: str = "房子漏雨") -> Call:
        return self.take(LookedUp(self.now, place, brief))

    def numbered(self, number: str = "263270100014") -> Call:
        return self.take(Submitted(self.now, self.state.matter.index, number))

    def to_confirm(self) -> Call:
        return self.says(TOLD).press("#").found()

    def to_more(self) -> Call:
        return self.to_confirm().press("11").numbered().prompts_end()


def test_the_opening_is_heard_over_and_its_answer_is_the_dictation(flow):
    call = Call(flow)
    assert call.actions == (Listen(None, 1.0), Play(0, call.actions[1].prompt))
    call.take(SpeechStarted(1.0))
    assert call.actions == (StopPlaying(),)
    call.take(Heard(4.0, "你好,房子漏雨", 0.9, 1.2, 3.0, -20.0))
    assert call.state.matter.spoken == (Spoken("你好,房子漏雨", 1.2, 3.0, 0.9),)
    assert call.state.matter.windows == (Window(1.2),)
    assert call.actions == ()  # it goes on being listened to as it is
    assert call.state.deadline == 8.0  # four seconds of silence


@pytest.mark.parametrize(
    ("key", "words", "kind"),
    [
        ("1", "小区施工噪音", "投诉"),
        ("1", "我要举报噪音", "举报"),
        ("2", "医保怎么报销", "咨询"),
        ("2", "我要求助", "求助"),
        ("3", "多种点树", "建议"),
        ("3", "我想表扬公交车司机", "表扬"),
        ("", "我要投诉噪音", "投诉"),
        ("", "我咨询一下举报的事", "咨询"),
        ("", "小区施工噪音", None),
        ("", "上个月我打过电话你们说给我答复这个投诉没有下文", None),
    ],
)
def test_the_kind_of_appeal_comes_from_the_key_and_the_words(flow, key, words, kind):
    call = Call(flow).press(key).says(words).press("#")
    assert call.state.matter.appeal == kind


def test_the_line_may_have_its_own_opening_and_kind(flow):
    own = Prompt("opening_merged", {"hotline": "价格举报"})
    call = Call(flow, openings={"opening": own}, appeal="举报")
    assert call.actions[-1] == Play(0, own)
    assert call.said == ["opening_merged"]
    assert call.state.matter.appeal == "举报"
    assert call.says("我要表扬司机").press("#").state.matter.appeal == "表扬"
    with pytest.raises(ValueError, match="nothing"):
        start(flow, openings={"opening": Prompt("nothing")})
    with pytest.raises(ValueError, match="slots"):
        start(flow, openings={"opening": Prompt("confirm")})


def test_the_line_has_its_own_opening_out_of_hearing_too(flow):
    keys = Prompt("opening_merged_by_keys", {"hotline": "价格举报"})
    assert Call(flow, hears=False, openings={"opening_by_keys": keys}).said == ["opening_merged_by_keys"]


def test_a_greeting_is_no_matter(flow):
    call = Call(flow).says("喂,你好")
    assert call.said == ["opening", "tell"]
    assert call.state.matters == ()


def test_the_caller_is_asked_twice_whether_that_was_all(flow):
    call = Call(flow).says("房子漏雨").quiet().says("还有路灯不亮").quiet().says("还没说完").quiet()
    assert call.said == ["opening", "said_everything", "said_everything"]
    assert call.actions == (LookUp("房子漏雨路灯不亮"),)


def test_a_yes_that_goes_on_is_more_dictation(flow):
    call = Call(flow).says("房子漏雨").quiet().says("对的,在颍上县慎城镇")
    assert call.state.question == "dictation"
    assert call.state.matter.text == "房子漏雨颍上县慎城镇"


def test_silence_after_being_asked_ends_the_dictation(flow):
    call = Call(flow).says(TOLD).quiet().quiet()
    assert call.actions == (LookUp(TOLD),)
    assert call.state.matter.windows[0].end == call.now


def test_a_dictation_without_a_pause_ends(flow):
    call = Call(flow).says(TOLD)
    call.take(SpeechStarted(call.now))
    for _ in range(2):
        assert call.state.deadline is not None
        call.take(Elapsed(call.state.deadline))
    assert call.state.question == "look_up"


def test_a_tone_taken_for_speech_does_not_silence_the_prompt(flow):
    call = Call(flow).prompts_end().take(SpeechStarted(9.0)).press("1")
    assert call.said[-1] == "tell"


def test_a_correction_of_the_place_replaces_it(flow):
    call = Call(flow).to_confirm().says("不是,是颍州区")
    assert call.actions[-1] == LookUp("颍州区")
    call.found("颍州区", "颍州区")
    assert (call.state.matter.place, call.state.matter.place_name) == ("颍州区", "颍州区")
    assert call.state.matter.brief == "房子漏雨"
    assert call.state.matter.text == TOLD
    assert call.said[-1] == "confirm"
    assert call.press("1").state.matter.confirmed


def test_a_correction_of_the_matter_is_added_with_its_window(flow):
    call = Call(flow).to_confirm().says("不对我说的是下水道堵塞").found("", "下水道堵塞")
    matter = call.state.matter
    assert matter.text == TOLD + "下水道堵塞"
    assert (matter.place_name, matter.brief) == ("颍上县慎城镇", "下水道堵塞")
    assert len(matter.windows) == 2
    assert matter.windows[1].start >= (matter.windows[0].end or 0)


def test_after_the_second_no_the_call_goes_on_unconfirmed(flow):
    call = Call(flow).to_confirm().says("不对").says("路灯不亮了呀").found().says("不对")
    assert call.state.question == "contact"
    assert not call.state.matter.confirmed


def test_a_place_that_is_not_in_the_gazetteer_is_kept_as_said(flow):
    call = Call(flow).says("电梯坏了").press("#").found("", "电梯坏了")
    assert call.said[-1] == "ask_place"
    call.says("幸福花园三号楼")
    assert call.actions[-1] == LookUp("幸福花园三号楼")
    call.found("", "幸福花园三号楼")
    assert (call.state.matter.place, call.state.matter.place_name) == ("幸福花园三号楼", "")
    assert next(a for a in call.actions if isinstance(a, Play)).prompt.slots == {
        "place": "幸福花园三号楼",
        "brief": "电梯坏了",
    }


def test_a_spoken_number_is_taken_in_groups_and_read_back(flow):
    call = Call(flow, caller="").to_confirm().press("1").says("幺三八").says("五五八幺").says("二三四五")
    play = next(a for a in call.actions if isinstance(a, Play))
    assert play.prompt.name == "read_back"
    assert play.prompt.slots["contact"].replace("\uff0c", "-") == "138-5581-2345"
    assert not call.state.matter.contact_confirmed
    call.says("对")
    assert call.state.matter.contact == "13855812345"
    assert call.state.matter.contact_confirmed


@pytest.mark.parametrize(
    ("keys", "valid"),
    [
        ("13855812345", True),
        ("12855812345", False),
        ("1385581234", False),
        ("2345678", True),
        ("05582345678", True),
        ("055823456789", True),
        ("0558234567890", False),
        ("234567", False),
    ],
)
def test_what_is_a_telephone_number(flow, keys, valid):
    call = Call(flow, caller="").to_confirm().press("1" + keys + "#")
    assert (call.state.matter.contact == keys) == valid
    assert call.state.question == ("read_back" if valid else "ask_number")


def test_star_begins_the_number_again_and_zero_calls_for_a_person(flow):
    call = Call(flow, caller="").to_confirm().press("1" + "123*" + "13855812345#")
    assert call.state.matter.contact == "13855812345"
    call = Call(flow, caller="").to_confirm().press("1" + "0#")
    assert call.state.matter.call_back


def test_another_number_said_to_the_contact_question_is_taken(flow):
    call = Call(flow).to_confirm().press("1").says("不行打幺三八零零幺三八零零零")
    assert call.state.matter.contact == "13800138000"
    assert call.state.question == "read_back"


def test_a_number_that_is_denied_twice_is_dropped(flow):
    call = Call(flow, caller="").to_confirm().press("1").press("13855812345#2").press("13855812345#2")
    assert call.state.question == "submit"
    assert call.state.matter.contact == ""


def test_the_ticket_number_is_read_in_threes(flow):
    call = Call(flow).to_confirm().press("11")
    assert isinstance(call.actions[-1], Submit)
    assert call.actions[-1].matter.complete
    call.numbered("263270100014")
    play = next(a for a in call.actions if isinstance(a, Play))
    assert play.prompt.name == "number"
    assert play.prompt.slots["number"].split("\uff0c") == ["263", "270", "100", "014"]


def test_without_a_number_the_call_goes_on_and_a_late_one_can_be_repeated(flow):
    call = Call(flow).to_confirm().press("11").quiet().prompts_end()
    assert call.said[-2:] == ["no_number", "more"]
    call.numbered().press("*")
    assert call.said[-1] == "number"


def test_a_look_up_that_does_not_answer_does_not_hold_the_call(flow):
    call = Call(flow).says(TOLD).press("#").quiet()
    assert call.state.question == "ask_place"


def test_the_next_matter_may_simply_be_said(flow):
    call = Call(flow).to_more().says("还有我家停水三天了没人管")
    assert [m.text for m in call.state.matters] == [TOLD, "我家停水三天了没人管"]
    assert call.state.matters[0].complete
    assert not call.state.matters[1].complete
    call.take(HungUp(call.now, "caller"))
    assert call.actions == (Finish(call.state.matters),)
    assert call.state.matters[1].windows[0].end == call.now


def test_no_more_says_goodbye_and_hangs_up(flow):
    call = Call(flow).to_more().says("没有了谢谢")
    assert isinstance(call.actions[0], StopListening)
    assert call.said[-1] == "goodbye"
    call.prompts_end()
    assert call.actions == (Hangup(),)
    assert not call.state.ended
    call.take(Digit(call.now, "1"))
    assert call.actions == ()
    call.take(HungUp(call.now, "gateway"))
    assert call.state.ended


def test_a_line_that_does_not_go_down_ends_all_the_same(flow):
    call = Call(flow).to_more().press("2").quiet()
    assert isinstance(call.actions[0], Finish)


def test_zero_calls_for_a_person_from_everywhere_that_waits(flow):
    for node in flow.nodes.values():
        if type(node).__name__ not in {"Ask", "Dictate"}:
            continue
        call = Call(flow)
        call.state = replace(call.state, question=node.name, hears=False, everything=call.state.everything)
        call.press("0")
        assert call.state.matter.call_back, node.name


def test_zero_after_the_ticket_adds_the_call_back_to_it(flow):
    call = Call(flow).to_more().press("0").found()
    assert isinstance(call.actions[-1], Submit)
    assert call.actions[-1].matter.index == 0
    assert call.actions[-1].matter.call_back


def test_the_first_reason_for_a_call_back_stands(flow):
    call = Call(flow).quiet().press("9")
    reason = call.state.matter.call_back
    assert [type(a) for a in call.actions] == [StopPlaying, Submit, Play]
    assert call.state.matter.danger
    assert call.numbered().press("0").state.matter.call_back == reason


def test_danger_leaves_the_line_open(flow):
    call = Call(flow).quiet().press("9").numbered().prompts_end()
    assert call.state.question == "danger_message"
    assert (call.state.deadline or 0) - call.now == pytest.approx(30)
    call.says("有人打我").quiet()
    assert call.actions == (Submit(call.state.matter),)
    assert call.state.matter.text == "有人打我"


def test_a_cough_repeats_the_question_it_cut_short_once(flow):
    call = Call(flow).to_confirm()
    call.says("", -30.0)
    assert call.said[-2:] == ["confirm", "confirm"]
    call.says("", -30.0)
    assert call.said[-1] == "confirm"
    assert call.said.count("confirm") == 2
    assert call.state.misunderstood == 0


def test_an_echo_is_nothing(flow):
    call = Call(flow).prompts_end()
    before = call.state
    call.take(Heard(call.now, "", 0.0, 1.0, 2.0, -55.0))
    assert call.actions == ()
    assert (call.state.question, call.state.asked_louder) == (before.question, False)


def test_quiet_speech_that_was_understood_is_fine(flow):
    assert Call(flow).says(TOLD, -45.0, 0.9).state.matter.text == TOLD
    assert Call(flow).says(TOLD, -45.0, 0.3).said[-1] == "speak_up"


def test_two_misunderstandings_call_for_a_person(flow):
    call = Call(flow).to_confirm().press("1").says("什么呀").says("哪个呀")
    assert call.said[-1] == "not_understood"
    assert call.state.matter.call_back


def test_an_answer_over_the_prompt_before_the_question_counts(flow):
    call = Call(flow).to_confirm().press("1").press("1").numbered()
    assert call.state.playing is not None
    call.says("没有了")
    assert call.said[-2:] == ["number", "goodbye"]


def test_losing_the_ear_in_a_dictation_goes_on_by_keys(flow):
    call = Call(flow).says("房子漏雨").take(EarLost(4.0))
    assert call.actions[0] == StopListening()
    assert call.said[-1] == "leave_message"
    call.prompts_end()
    assert call.said[-1] == "beep"
    call.press("#").found("", "").prompts_end()
    assert call.said[-1] == "contact_by_keys"
    assert not any(isinstance(a, Listen) for a in call.actions)
    assert all(w.end is not None for w in call.state.matter.windows)


def test_losing_the_ear_at_a_question_asks_for_keys(flow):
    call = Call(flow).to_confirm().press("1").take(EarLost(20.0))
    assert [type(a) for a in call.actions] == [StopListening, StopPlaying, Play]
    assert call.said[-1] == "contact_by_keys"


def test_a_message_nobody_could_hear_is_kept_for_later(flow):
    call = Call(flow, hears=False).press("1").prompts_end()
    call.now += 20
    call.take(HungUp(call.now, "caller"))
    (matter,) = call.state.matters
    assert matter.appeal == "投诉"
    assert matter.windows[0].end == call.now


def test_a_hang_up_while_the_first_words_are_spoken_keeps_them(flow):
    call = Call(flow).prompts_end().take(SpeechStarted(9.0)).take(HungUp(12.0, "caller"))
    assert call.state.matters[0].windows == (Window(9.0, 12.0),)
    call = Call(flow).prompts_end().take(HungUp(12.0, "caller"))
    assert call.state.matters == ()


def test_an_unfinished_last_phrase_is_kept_as_such(flow):
    call = Call(flow).prompts_end().take(SpeechStarted(9.0))
    call.take(Heard(10.0, "房子", 0.4, 9.0, 10.0, -48.0, confirmed=False)).take(HungUp(10.0, "caller"))
    assert call.state.matters[0].spoken == (Spoken("房子", 9.0, 10.0, 0.4, confirmed=False),)


def test_an_early_or_stray_event_changes_nothing(flow):
    call = Call(flow).prompts_end()
    before = call.state
    for stray in (
        Elapsed(call.now),
        PromptEnded(call.now, 99),
        LookedUp(call.now, "x", "y"),
        Submitted(call.now, 7, "1"),
        Answered(call.now, "1", "12345"),
    ):
        call.take(stray)
        assert (call.state, call.actions) == (before, ())


def test_a_prompt_that_never_ends_does_not_hold_the_call(flow):
    call = Call(flow)
    call.take(Elapsed(60.0))
    assert call.actions == (StopPlaying(),)
    assert call.state.deadline == 66.0


def test_a_question_listens_for_its_answers(flow):
    call = Call(flow).to_confirm().press("1")
    listen = call.state.listening
    assert listen is not None
    assert listen.end_silence == 0.6
    assert listen.phrases is not None
    assert {"行", "不行", "转人工", "再说一遍", "幺"} <= set(listen.phrases)
    call = Call(flow).to_confirm()
    assert call.state.listening == Listen(None, 0.6)  # a correction may be anything


def test_what_is_said_last_is_said_to_its_end(flow):
    call = Call(flow).to_more().press("2")
    assert call.said[-1] == "goodbye"
    assert call.press("1").actions == ()
    assert call.state.playing is not None
    assert call.press("0").said[-1] == "person"  # reached from everywhere
