from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ivr.actions import (
    Alert,
    Finish,
    Hangup,
    Listen,
    LookUp,
    PausePlaying,
    Play,
    Prompt,
    ResumePlaying,
    StopListening,
    StopPlaying,
    Submit,
)
from ivr.events import (
    Answered,
    Digit,
    EarChecked,
    EarLost,
    Elapsed,
    Heard,
    HungUp,
    LookedUp,
    PromptEnded,
    Resumed,
    SpeechStarted,
    Submitted,
    WordsBegan,
)
from ivr.flow import Ask, Dictate, End
from ivr.flow import LookUp as LookUpNode
from ivr.flow import Submit as SubmitNode
from ivr.machine import advance, start
from ivr.matter import Candidate, Spoken, Window

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

    def says(self, text: str, level: float = -20.0, confidence: float = 0.9, *, seconds: float = 1.5) -> Call:
        begin = self.now = self.now + 0.5
        self.take(SpeechStarted(begin))
        self.now += 2
        return self.take(Heard(self.now, text, confidence, begin, begin + seconds, level))

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
    assert call.actions == (PausePlaying(),)
    call.take(Heard(4.0, "你好,房子漏雨", 0.9, 1.2, 3.0, -20.0))
    assert call.state.matter.spoken == (Spoken("你好,房子漏雨", 1.2, 3.0, 0.9),)
    assert call.state.matter.windows == (Window(1.2),)
    assert call.actions == (StopPlaying(),)  # it goes on being listened to as it is
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
    assert call.actions == (LookUp("房子漏雨路灯不亮", several=True),)


def test_a_yes_that_goes_on_is_more_dictation(flow):
    call = Call(flow).says("房子漏雨").quiet().says("对的,在颍上县慎城镇")
    assert call.state.question == "dictation"
    assert call.state.matter.text == "房子漏雨颍上县慎城镇"


def test_silence_after_being_asked_ends_the_dictation(flow):
    call = Call(flow).says(TOLD).quiet().quiet()
    assert call.actions == (LookUp(TOLD, several=True),)
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
    call = Call(flow).to_confirm().says("不是,是颍州区").quiet()
    assert call.actions[-1] == LookUp("颍州区")
    call.found("颍州区", "颍州区")
    assert (call.state.matter.place, call.state.matter.place_name) == ("颍州区", "颍州区")
    assert call.state.matter.brief == "房子漏雨"
    assert call.state.matter.text == TOLD
    assert call.said[-1] == "confirm"
    assert call.press("1").state.matter.confirmed


@pytest.mark.parametrize(
    "said", ["不对我说的是下水道堵塞", "不对不对是下水道堵塞", "我说的是下水道堵塞", "嗯不对应该是下水道堵塞"]
)
def test_a_correction_of_the_matter_is_added_with_its_window(flow, said):
    call = Call(flow).to_confirm().says(said).quiet().found("", "下水道堵塞")
    matter = call.state.matter
    assert matter.text == TOLD + "下水道堵塞"
    assert (matter.place_name, matter.brief) == ("颍上县慎城镇", "下水道堵塞")
    assert len(matter.windows) == 2
    assert matter.windows[1].start >= (matter.windows[0].end or 0)


@pytest.mark.parametrize("said", ["停水", "水管破了"])
def test_a_short_correction_corrects(flow, said):
    call = Call(flow).to_confirm().says("不对是" + said).quiet().found("", said)
    assert (call.state.matter.brief, call.state.matter.text) == (said, TOLD + said)
    play = next(a for a in call.actions if isinstance(a, Play))
    assert play.prompt.slots == {"place": "颍上县慎城镇", "brief": said}


def test_a_correction_may_take_several_phrases(flow):
    call = Call(flow).to_confirm().says("不对").says("是颍东区").says("插花镇街上").says("水管破了")
    assert call.state.deadline == call.now + 2
    call.quiet()
    assert call.actions == (LookUp("是颍东区插花镇街上水管破了"),)
    call.found("颍东区插花镇", "水管破了")
    assert (call.state.matter.place_name, call.state.matter.brief) == ("颍东区插花镇", "水管破了")
    assert call.said[-2:] == ["correct", "confirm"]


def test_a_correction_that_does_not_come_changes_nothing(flow):
    call = Call(flow).to_confirm().press("2").quiet()
    assert (call.state.question, call.state.matter.text) == ("contact", TOLD)
    call = Call(flow).to_confirm().press("2").says("就这样吧")
    assert (call.state.question, call.state.matter.text) == ("contact", TOLD)
    assert call.state.matter.brief == "房子漏雨"
    call = Call(flow).to_confirm().press("2").says("是的").quiet()
    assert (call.state.question, call.state.matter.text) == ("contact", TOLD)


def test_a_second_correction_counts_and_is_not_asked_about_again(flow):
    call = Call(flow).to_confirm().says("不对是停水").quiet().found("", "停水").says("不对是停电").quiet()
    assert call.found("", "停电").state.question == "contact"
    assert (call.state.matter.brief, call.state.matter.confirmed) == ("停电", False)


def test_after_the_second_no_the_call_goes_on_unconfirmed(flow):
    call = Call(flow).to_confirm().says("不对").says("路灯不亮了呀").quiet().found().says("不对")
    assert call.state.question == "contact"
    assert not call.state.matter.confirmed


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("对", ""),
        ("对对", ""),
        ("对啊", ""),
        ("是啊", ""),
        ("嗯对", ""),
        ("对就是这个", ""),
        ("嗯对就这个事", ""),
        ("行就这样吧", ""),
        ("对啊你们赶紧派人来", "你们赶紧派人来"),
        ("对对对你们快一点", "你们快一点"),
        ("是啊都三天了没人管", "都三天了没人管"),
        ("对还有颍泉区那边也不亮", "还有颍泉区那边也不亮"),
        ("是的还有颍泉区那边也不亮", "还有颍泉区那边也不亮"),
    ],
)
def test_an_assent_confirms_and_what_follows_is_kept(flow, said, kept):
    matter = Call(flow).to_confirm().says(said).state.matter
    assert matter.confirmed
    assert matter.text == TOLD + kept
    assert (matter.place_name, matter.brief) == ("颍上县慎城镇", "房子漏雨")
    assert len(matter.windows) == (2 if kept else 1)


@pytest.mark.parametrize("said", ["对面那家也停水了", "颍泉区那边也不亮", "好像还有噪音"])
def test_what_is_no_answer_is_kept_and_the_question_asked_again(flow, said):
    call = Call(flow).to_confirm().says(said)
    assert (call.state.question, call.said[-2:]) == ("confirm", ["confirm", "confirm"])
    assert (call.state.matter.text, call.state.matter.confirmed) == (TOLD + said, False)
    assert (call.state.matter.place_name, call.state.matter.brief) == ("颍上县慎城镇", "房子漏雨")
    assert call.state.misunderstood == 0
    assert call.says("对").state.matter.confirmed


def test_only_a_denial_corrects_and_not_what_comes_before_it(flow):
    call = Call(flow).to_confirm().says("地方不对")
    assert (call.state.question, call.said[-1]) == ("correct", "correct")
    assert call.says("颍东区").quiet().actions == (LookUp("颍东区"),)


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


@pytest.mark.parametrize(
    "said",
    [
        "谢谢",
        "好的谢谢",
        "没别的了",
        "没别的事了",
        "知道了",
        "再见",
        "不用了谢谢",
        "好",
        "嗯好",
        "没有别的事了谢谢你啊",
        "没了",
        "行了",
        "就这个",
        "就这事儿",
        "暂时没有",
        "没有",
        "好的没有了",
        "没事了再见",
    ],
)
def test_a_polite_ending_is_no_other_matter(flow, said):
    call = Call(flow).to_more().says(said)
    assert call.said[-1] == "goodbye"
    assert [m.text for m in call.state.matters] == [TOLD]
    call = Call(flow).to_more().press("1").says(said)  # and not when another one was to come
    while not isinstance(flow.nodes[call.state.question], End):
        call.quiet()
    assert call.said[-2:] == ["tell", "goodbye"]
    assert [m.text for m in call.state.matters] == [TOLD]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("有", None),
        ("有的", None),
        ("还有", None),
        ("是的", None),
        ("还有一件事", None),
        ("没有了就是路灯不亮", "路灯不亮"),
        ("好的还有我家停水", "还有我家停水"),
        ("谢谢路灯坏了", "路灯坏了"),
        ("我家停水就这些", "我家停水就这些"),
        ("知道了路灯的事还没修", "路灯的事还没修"),
        ("物业重复收费", "物业重复收费"),
        ("停水", "停水"),
    ],
)
def test_another_matter_is_never_taken_for_an_ending(flow, said, kept):
    call = Call(flow).to_more().says(said)
    assert call.state.question == "dictation"
    assert call.state.matter.index == 1
    assert call.state.matter.text == (kept or "")


@pytest.mark.parametrize(
    "said", ["没有别的了", "说完", "就这个事", "嗯说完了谢谢", "好了", "没了", "我说完了", "谢谢"]
)
def test_an_ending_is_no_part_of_the_matter(flow, said):
    call = Call(flow).says(TOLD).quiet().says(said)
    assert call.actions == (StopPlaying(), LookUp(TOLD, several=True))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("没有了就是路灯不亮", "路灯不亮"),
        ("完了完了房子塌了", "房子塌了"),
        ("没说完", ""),
        ("还有", ""),
        ("等我说完", "等我说完"),
        ("房子完了", "房子完了"),
    ],
)
def test_what_is_said_when_asked_whether_that_was_all_goes_on(flow, said, kept):
    call = Call(flow).says(TOLD).quiet().says(said)
    assert call.state.question == "dictation"
    assert call.state.matter.text == TOLD + kept


def test_an_ending_with_a_last_word_ends_and_keeps_it(flow):
    call = Call(flow).says(TOLD).quiet().says("说完了快点来")
    assert call.actions == (StopPlaying(), LookUp(TOLD + "快点来", several=True))


def test_silence_in_a_later_matter_says_goodbye(flow):
    call = Call(flow).to_more().press("1").quiet()
    assert call.said[-2:] == ["tell", "goodbye"]
    assert [m.text for m in call.state.matters] == [TOLD]
    call = Call(flow).to_more().press("1").says("", -30.0, seconds=0.4).quiet()
    assert [m.text for m in call.state.matters] == [TOLD]


def test_speech_without_words_in_a_later_matter_is_a_matter(flow):
    call = Call(flow).to_more().press("1").says("").quiet().take(HungUp(99.0, "caller"))
    assert [bool(m.windows) for m in call.state.matters] == [True, True]


def test_no_more_says_goodbye_and_hangs_up(flow):
    call = Call(flow).to_more().says("没有了谢谢")
    assert call.said[-1] == "goodbye"
    call.prompts_end()
    assert call.state.deadline == call.now + 1
    call.quiet()
    assert call.actions == (StopListening(), Hangup())
    assert not call.state.ended
    call.take(Digit(call.now, "1"))
    assert call.actions == ()
    call.take(HungUp(call.now, "gateway"))
    assert call.state.ended


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("哎对了还有我家停水三天了", "我家停水三天了"),
        ("路灯也坏了", "路灯也坏了"),
        ("谢谢路灯坏了", "路灯坏了"),
    ],
)
def test_what_is_said_into_the_goodbye_is_another_matter(flow, said, kept):
    call = Call(flow).to_more().press("2")
    assert call.state.playing is not None
    call.says(said)
    assert [m.text for m in call.state.matters] == [TOLD, kept]
    call.press("#").found("", kept)
    assert call.state.question == "ask_place"
    call.take(HungUp(call.now, "caller"))
    assert call.actions == (Finish(call.state.matters),)


@pytest.mark.parametrize("said", ["哎对了", "还有"])
def test_who_only_begins_to_speak_into_the_goodbye_is_asked(flow, said):
    assert Call(flow).to_more().press("2").says(said).said[-1] == "tell"


@pytest.mark.parametrize("said", ["再见", "好的谢谢", "嗯", "好", "没有了再见"])
def test_a_polite_word_into_the_goodbye_ends_the_call(flow, said):
    call = Call(flow).to_more().press("2").says(said)
    assert call.actions[-1] == Hangup()
    assert [m.text for m in call.state.matters] == [TOLD]


def test_a_noise_in_the_goodbye_opens_no_matter(flow):
    call = Call(flow).to_more().press("2").says("", -30.0, seconds=0.4).prompts_end().quiet()
    assert call.actions[-1] == Hangup()
    assert [m.text for m in call.state.matters] == [TOLD]


def test_a_line_that_does_not_go_down_ends_all_the_same(flow):
    call = Call(flow).to_more().press("2").quiet().quiet()
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
    assert [type(a) for a in call.actions] == [StopPlaying, Alert, Submit, Play]
    assert call.state.matter.danger
    assert call.numbered().press("0").state.matter.call_back == reason


def at_every_question(flow: Flow, *, hears: bool = True) -> list[Call]:
    """A call at each question that takes no digits, its caller knowing of the danger key."""
    calls = []
    for node in flow.nodes.values():
        if isinstance(node, Ask | Dictate | LookUpNode | SubmitNode | End):
            call = Call(flow)
            call.state = replace(call.state, question=node.name, offered=True, hears=hears)
            calls.append(call)
    return calls


@pytest.mark.parametrize("hears", [True, False])
def test_nine_tells_of_danger_from_everywhere_once_it_was_offered(flow, hears):
    for call in at_every_question(flow, hears=hears):
        question = call.state.question
        call.press("9")
        assert call.state.matter.danger, question
        assert any(isinstance(a, Submit) and a.matter.danger for a in call.actions), question
        assert call.said[-1] == "danger", question


def test_nine_means_nothing_before_it_was_offered(flow):
    assert not Call(flow).press("9").state.matter.danger
    assert not Call(flow).prompts_end().press("9").state.matter.danger
    assert not Call(flow).says("房子漏雨").press("9").state.matter.danger


@pytest.mark.parametrize("hears", [True, False])
def test_danger_is_offered_in_silence_and_stays_offered(flow, hears):
    call = Call(flow, hears=hears).quiet()
    assert call.said[-1] == "safety"
    assert call.quiet().press("9").state.matter.danger
    call = Call(flow, hears=hears).quiet().press("1")
    assert call.numbered().press("9").state.matter.danger  # while help_coming plays, and goodbye would follow
    assert call.state.matter.call_back.startswith("来电人按键示意有危险")


def test_danger_pressed_among_digits_is_told_by_nine_and_hash(flow):
    call = Call(flow, caller="").quiet().says(TOLD).press("#").found().press("1")
    assert call.press("9").state.question == "ask_number"
    assert call.press("#").state.matter.danger


@pytest.mark.parametrize("keys", ["9", "99", "#", "1", "5"])
def test_no_key_silences_the_answer_to_danger(flow, keys):
    call = Call(flow).quiet().press("9").numbered()
    playing = call.state.playing
    call.press(keys)
    assert playing is not None
    assert call.state.playing == playing


@pytest.mark.parametrize("key", ["5", "8"])
def test_a_key_that_means_nothing_lets_the_prompt_go_on(flow, key):
    for call in (
        Call(flow),
        Call(flow).press("1"),
        Call(flow).to_confirm(),
        Call(flow).to_confirm().press("11").numbered(),
        Call(flow).to_more().press("2"),
    ):
        playing = call.state.playing
        call.press(key)
        assert playing is not None
        assert call.state.playing == playing
        assert call.state.misunderstood == 0


def looked_up(flow: Flow, **more: Any) -> Call:
    """A call whose message is looked at: nothing is asked yet, and a call back is noted."""
    call = Call(flow, **more).says("转人工我家水管破了").prompts_end()
    assert call.state.question == "look_up_message"
    return call


def test_keys_pressed_while_something_is_looked_up_answer_the_question_that_follows(flow):
    call = looked_up(flow).press("1")
    assert (call.actions, call.state.ahead) == ((), "1")
    call.found()
    assert call.state.matter.contact == "13855812345"
    assert isinstance(call.actions[-1], Submit)
    assert "contact" not in call.said
    assert call.numbered().state.ahead == ""


def test_a_number_may_be_keyed_in_before_it_is_asked_for(flow):
    call = looked_up(flow).press("213800138")
    assert call.state.ahead == "213800138"
    call.found()
    assert (call.state.question, call.state.typed, call.state.playing) == ("ask_number", "13800138", None)
    call.press("000#")
    assert (call.state.question, call.state.matter.contact) == ("read_back", "13800138000")
    call = looked_up(flow, caller="").press("13800138000#1").found()
    assert (call.state.question, call.state.ahead) == ("read_back", "")
    assert call.said[-1] == "read_back"
    assert not call.state.matter.contact_confirmed  # he has not heard what is read back


def test_what_is_read_back_is_not_agreed_to_ahead(flow):
    call = Call(flow).says(TOLD).press("#1")
    assert call.state.ahead == "1"
    call.found()
    assert (call.state.question, call.state.ahead, call.said[-1]) == ("confirm", "", "confirm")
    assert not call.state.matter.confirmed
    assert call.press("1").state.matter.confirmed


@pytest.mark.parametrize("keys", ["5", "*", "#", "51", "3"])
def test_keys_that_do_not_answer_it_leave_the_question_asked(flow, keys):
    call = looked_up(flow).press(keys).found()
    assert (call.state.question, call.state.ahead, call.said[-1]) == ("contact", "", "contact")
    assert call.state.misunderstood == 0


def test_keys_pressed_while_it_is_filed_leave_the_number_said(flow):
    call = Call(flow).to_confirm().press("11")
    assert call.state.question == "submit"
    call.press("1#").numbered()
    assert (call.state.question, call.state.ahead, call.said[-1]) == ("more", "", "number")


def test_so_many_keys_are_kept_and_the_first_of_them(flow):
    call = looked_up(flow).press("2" + "137" * 40)
    assert call.state.ahead == ("2" + "137" * 40)[:32]


def test_zero_and_nine_wait_for_no_question(flow):
    call = Call(flow).says(TOLD).press("#10")
    assert (call.state.question, call.state.ahead) == ("look_up_message", "")
    assert call.state.matter.call_back
    call = Call(flow).quiet().says(TOLD).press("#").press("19")
    assert call.state.matter.danger
    assert any(isinstance(action, Submit) for action in call.actions)


def test_star_leads_from_a_dictation_back_to_the_menu_until_something_is_said(flow):
    call = Call(flow).press("1*")
    assert (call.state.question, call.said) == ("opening", ["opening", "tell", "opening"])
    assert call.press("3").state.matter.appeal == "建议"
    assert call.state.matter.windows == (Window(call.now),)
    playing = call.says(TOLD).press("*").state.playing
    assert (call.state.question, call.state.matter.text, playing) == ("dictation", TOLD, None)
    call = Call(flow, hears=False).press("1").prompts_end().press("*")
    assert call.state.question == "opening_by_keys"


def test_danger_leaves_the_line_open(flow):
    call = Call(flow).quiet().press("9").numbered().prompts_end()
    assert call.state.question == "danger_message"
    assert (call.state.deadline or 0) - call.now == pytest.approx(30)
    call.says("有人打我").quiet()
    assert call.actions == (Submit(call.state.matter),)
    assert call.state.matter.text == "有人打我"


@pytest.mark.parametrize(
    ("text", "seconds", "pitched"),
    [("", 0.5, False), ("", 0.5, True), ("", 2.0, True), ("是的", 0.5, False)],
    ids=["a cough", "a grunt", "what nobody understands", "a word made out in a cough"],
)
def test_what_says_nothing_lets_the_prompt_go_on(flow, text: str, seconds: float, pitched: bool):
    call = Call(flow).to_confirm()
    asked = call.state
    call.take(SpeechStarted(20.0, 19.8))
    assert call.actions == (PausePlaying(),)
    call.take(Heard(22.8, text, 0.9, 19.8, 19.8 + seconds, -30.0, pitched=pitched))
    assert call.actions == (ResumePlaying(),)
    assert (call.state.question, call.state.playing) == ("confirm", asked.playing)
    assert call.state.misunderstood == 0


def test_after_the_prompt_what_nobody_understands_is_a_misunderstanding(flow):
    call = Call(flow).to_confirm().prompts_end().says("", -30.0, seconds=2.0)
    assert call.state.misunderstood == 1


def test_a_noise_that_brings_no_word_in_time_does_not_hold_the_prompt_up(flow):
    call = Call(flow)
    call.take(SpeechStarted(1.0, 0.9))
    call.take(Elapsed(1.0 + flow.first_word - 0.1))
    assert call.actions == ()
    call.take(Elapsed(1.0 + flow.first_word))
    assert call.actions == (ResumePlaying(),)
    call.take(Heard(9.0, "", 0.0, 0.9, 8.0, -20.0))
    assert call.actions == ()
    assert call.state.misunderstood == 0


def test_whose_words_begin_is_let_speak_to_his_end(flow):
    call = Call(flow)
    call.take(SpeechStarted(1.0, 0.9)).take(WordsBegan(1.6, 0.9)).take(Elapsed(10.0))
    assert call.actions == ()
    assert call.state.paused
    call.take(Heard(20.0, "颍上县慎城镇房子漏雨", 0.9, 0.9, 19.0, -20.0))
    assert call.actions == (StopPlaying(),)
    assert call.state.question == "dictation"


def test_words_that_come_late_pause_the_prompt_again(flow):
    call = Call(flow)
    call.take(SpeechStarted(1.0, 0.9)).take(Elapsed(1.0 + flow.first_word)).take(WordsBegan(5.0, 0.9))
    assert call.actions == (PausePlaying(),)
    call.take(WordsBegan(5.5, 0.2))  # of a phrase that is over
    assert call.actions == ()


def test_who_coughs_on_and_on_hears_the_prompt_all_the_same(flow):
    call = Call(flow)
    for n in range(3):
        call.take(SpeechStarted(n + 0.1, n + 0.1)).take(Heard(n + 0.9, "", 0.0, n + 0.1, n + 0.4, -20.0))
        assert call.actions == (ResumePlaying(),)
    call.take(SpeechStarted(4.0, 4.0))
    assert call.actions == ()
    call.take(WordsBegan(4.6, 4.0))
    assert call.actions == (PausePlaying(),)
    call.take(Heard(6.0, "房子漏雨", 0.9, 4.0, 5.0, -20.0))
    assert call.actions == (StopPlaying(),)


def test_another_sound_before_the_first_is_understood_keeps_the_prompt_paused(flow):
    call = Call(flow)
    call.take(SpeechStarted(1.0, 0.9)).take(SpeechStarted(2.0, 1.9)).take(
        Heard(2.1, "", 0.0, 0.9, 1.2, -20.0)
    )
    assert call.actions == ()
    assert call.state.paused
    call.take(Heard(3.2, "", 0.0, 1.9, 2.2, -20.0))
    assert call.actions == (ResumePlaying(),)


def test_who_loses_his_ear_hears_the_rest_of_the_question(flow):
    call = Call(flow).to_confirm().press("1")
    call.take(SpeechStarted(30.0, 29.8)).take(EarLost(31.0))
    assert not call.state.paused
    assert StopPlaying() in call.actions or ResumePlaying() in call.actions


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


def test_speech_without_words_is_misunderstood_not_silence(flow):
    for call in (
        Call(flow),
        Call(flow).to_confirm(),
        Call(flow).to_confirm().press("1"),
        Call(flow, caller="").to_confirm().press("1"),
        Call(flow, caller="").to_confirm().press("113855812345#"),
    ):
        question = call.state.question
        assert call.prompts_end().says("").said[-1] == "not_heard", question
        assert call.prompts_end().says("").said[-1] == "not_understood", question
        assert call.state.matter.call_back, question


def test_who_ends_his_answer_by_hash_is_not_misunderstood(flow):
    call = Call(flow).to_confirm().prompts_end().press("#")
    assert (call.state.misunderstood, call.state.question, call.actions) == (0, "confirm", ())


def test_noise_is_no_misunderstanding(flow):
    call = Call(flow).to_confirm().press("1").prompts_end()
    call.says("", -30.0, seconds=0.6).says("", -55.0).says("", -55.0)
    assert call.state.misunderstood == 0
    assert call.state.question == "contact"


def test_speech_without_words_in_a_dictation_is_left_to_the_recording(flow):
    call = Call(flow).press("1").says("")
    assert (call.state.question, call.state.misunderstood) == ("dictation", 0)
    call.take(HungUp(call.now, "caller"))
    assert [m.windows[0].end for m in call.state.matters] == [call.now]


def test_what_is_said_with_a_request_for_a_person_is_kept(flow):
    call = Call(flow).says("转人工我家着火")
    assert call.state.matter.call_back
    assert call.state.matter.spoken == (Spoken("我家着火", 0.5, 2.0, 0.9),)
    assert call.state.matter.windows == (Window(0.5, 2.0),)
    assert call.said == ["opening", "person"]
    assert LookUp("我家着火") in call.actions
    call = Call(flow).says("房子漏雨").says("你们给我转人工吧")
    assert call.state.matter.text == "房子漏雨"
    assert call.state.question == "look_up_message"


def test_a_phrase_on_its_way_is_kept_when_the_call_goes_elsewhere(flow):
    call = Call(flow).says("电梯坏了").press("#").found("", "电梯坏了").says("幸福花园三号楼")
    assert call.state.question == "look_up_place"
    left = Call(flow)
    left.state, left.now = call.state, call.now
    left.take(HungUp(call.now, "caller"))
    assert left.state.matters[0].text == "电梯坏了幸福花园三号楼"
    call.press("0")
    assert call.state.matter.text == "电梯坏了幸福花园三号楼"
    assert LookUp("电梯坏了幸福花园三号楼") in call.actions
    call.found("", "幸福花园三号楼")  # the answer to what was asked before
    assert call.state.question == "look_up_message"
    assert call.found("", "电梯坏了").state.matter.brief == "电梯坏了"


def test_an_answer_over_the_prompt_before_the_question_counts(flow):
    call = Call(flow).to_confirm().press("1").press("1").numbered()
    assert call.state.playing is not None
    call.says("没有了")
    assert call.said[-2:] == ["number", "goodbye"]


def test_losing_the_ear_in_a_dictation_goes_on_looked_up(flow):
    call = Call(flow).says("房子漏雨").take(EarLost(4.0))
    assert call.actions == (StopListening(), Listen(None, 1.0, words=False)), "he is let speak on"
    call.take(EarChecked(4.1, there=False))
    call.press("#").found("", "").prompts_end()
    assert call.said[-1] == "contact_by_keys"
    assert not any(isinstance(a, Listen) for a in call.actions)
    assert call.state.listening is None
    assert all(w.end is not None for w in call.state.matter.windows)


def test_losing_the_ear_before_a_word_asks_for_a_message(flow):
    call = Call(flow).press("1").take(EarLost(4.0))
    assert call.said[-1] == "leave_message"
    call.prompts_end()
    assert call.said[-1] == "beep"
    call.press("#").found("", "").prompts_end()
    assert call.said[-1] == "contact"


def test_a_message_that_nobody_understands_ends_when_he_has_done(flow):
    call = Call(flow).press("1").take(EarLost(4.0)).prompts_end()
    call.take(SpeechStarted(9.0))
    assert call.state.deadline > 100, "he speaks on"
    call.take(Heard(70.0, "", 0.0, 9.0, 69.0, -20.0, confirmed=False))
    assert call.state.deadline == 78.0
    call.take(Elapsed(78.0)).found("", "")
    assert call.said[-1] == "contact"
    assert call.state.matter.windows[-1].end == 78.0, "the recording is looked through to here"


def test_a_message_of_which_nobody_hears_a_sound_is_not_waited_for_long(flow):
    call = Call(flow).press("1").take(EarLost(4.0)).prompts_end()
    assert call.state.deadline == call.now + 8
    call.quiet().found("", "")
    assert call.said[-1] == "contact"
    assert call.state.matter.windows, "it may still be in the recording"


def test_losing_the_ear_at_a_question_asks_for_keys(flow):
    call = Call(flow).to_confirm().press("1").take(EarLost(20.0))
    assert [type(a) for a in call.actions] == [StopListening, StopPlaying, Play]
    assert call.said[-1] == "contact_by_keys"


def test_after_a_question_that_was_not_heard_the_next_one_listens(flow):
    call = Call(flow).says("房子漏雨").take(EarLost(4.0)).prompts_end()
    assert not call.state.hears
    call.press("#").found("", "")
    assert call.said[-1] == "contact"
    assert isinstance(call.actions[0], Listen)
    assert call.state.hears
    assert call.state.matter.windows[-1].end is not None, "what was not heard is looked for in the recording"


def test_a_question_that_was_lost_stays_by_keys_however_often_it_is_asked(flow):
    call = Call(flow).to_confirm().press("1").take(EarLost(20.0))
    call.press("*")
    assert call.said[-2:] == ["contact_by_keys"] * 2
    assert not call.state.hears
    call.prompts_end().press("2")
    assert call.said[-1] == "ask_number"
    assert isinstance(call.actions[0], Listen)


def test_where_nobody_listens_the_next_question_goes_by_keys_at_once(flow):
    call = Call(flow).to_confirm().take(EarChecked(20.0, there=False))
    assert call.actions == (), "the question that is being asked goes on"
    assert call.state.hears
    call.press("1")
    assert call.said[-1] == "contact_by_keys"
    assert not any(isinstance(a, Listen) for a in call.actions)
    assert call.state.listening is None
    call.take(EarChecked(25.0, there=True)).prompts_end().press("2")
    assert call.said[-1] == "ask_number"
    assert call.state.listening is not None


def test_a_call_that_began_by_keys_is_heard_once_the_recogniser_is_there(flow):
    call = Call(flow, hears=False)
    assert call.said == ["opening_by_keys"]
    call.take(EarChecked(1.0, there=True)).press("1")
    assert call.said[-1] == "tell"
    assert call.state.listening == Listen(None, 1.0)


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


def test_a_line_on_hold_costs_the_caller_none_of_his_time(flow):
    call = Call(flow).says("房子漏雨").prompts_end()
    before = call.state
    assert before.deadline is not None
    held = call.take(Resumed(before.deadline + 70.0, 80.0)).state
    assert held == replace(
        before,
        deadline=before.deadline + 80.0,
        until=None if before.until is None else before.until + 80.0,
    )
    assert call.actions == ()
    assert call.take(Elapsed(before.deadline + 79.9)).state == held
    assert call.take(Elapsed(before.deadline + 80.0)).state != held


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
    assert call.state.listening == Listen(None, 1.0)  # a correction may be anything


def test_what_is_said_last_is_said_to_its_end(flow):
    call = Call(flow).to_more().take(EarLost(40.0)).take(EarChecked(40.0, there=False)).press("2")
    assert isinstance(flow.nodes[call.state.question], End)
    assert call.said[-1] == "goodbye"
    for key in "1*#":
        assert call.press(key).actions == ()
        assert call.state.playing is not None
    assert call.press("0").said[-1] == "person"  # reached from everywhere


def test_the_words_of_a_phrase_that_come_late_do_not_end_the_next(flow):
    call = Call(flow)
    call.take(SpeechStarted(1.0, 0.9)).take(Heard(4.2, "路灯坏了", 0.9, 0.9, 3.0, -20.0))
    call.take(SpeechStarted(5.0, 4.9)).take(SpeechStarted(10.3, 10.2))
    call.take(Heard(10.5, "我家在颍州区", 0.9, 4.9, 9.0, -20.0))  # he is in his third phrase by now
    assert call.state.speaking == 10.3
    assert call.state.deadline is not None
    assert call.state.deadline > 60, "nobody may ask him whether that was all"
    call.take(Heard(22.5, "楼上天天半夜砸墙", 0.9, 10.2, 21.8, -20.0))
    assert call.state.speaking is None
    assert call.state.matter.text == "路灯坏了我家在颍州区楼上天天半夜砸墙"


OF_TWO = (
    Candidate("太和县", "太和县肖口镇", "太和县肖口镇王寨村", ("太和县", "肖口镇")),
    Candidate("临泉县", "临泉县谭棚镇", "临泉县谭棚镇王寨村", ("临泉县", "谭棚镇")),
)


def ask_which(flow, candidates=OF_TWO):
    call = Call(flow).says("王寨村路灯不亮").press("#")
    return call.take(LookedUp(call.now, "王寨村", "路灯不亮", candidates))


def test_which_of_two_places_is_meant_is_told_by_key(flow):
    call = ask_which(flow)
    assert call.said[-1] == "which_of_two"
    assert call.prompts_end().press("2").said[-1] == "confirm"
    assert call.state.matter.place == "临泉县谭棚镇"
    assert call.state.matter.place_name == "临泉县谭棚镇王寨村"
    assert call.state.candidates == ()


def test_a_place_that_was_not_offered_is_picked_by_no_key(flow):
    call = ask_which(flow).prompts_end().press("3")
    assert call.said[-2:] == ["not_heard", "confirm"] or call.prompts_end().said[-2:] == [
        "not_heard",
        "confirm",
    ]
    assert (call.state.matter.place, call.state.matter.place_name) == ("", "王寨村")


def test_which_of_many_places_is_meant_is_told_by_words_that_the_ear_knows(flow):
    call = ask_which(flow, OF_TWO * 2)
    assert call.said[-1] == "which"
    listening = call.state.listening
    assert listening is not None
    assert listening.phrases is not None
    assert {"太和县", "肖口镇", "谭棚镇", "不知道", "人工"} <= {*listening.phrases}
    call.says("谭棚镇")
    assert call.actions[-1] == LookUp("谭棚镇", "王寨村")
    call.found("临泉县谭棚镇王寨村", "")
    assert (call.state.matter.place, call.state.matter.brief) == ("谭棚镇", "路灯不亮")
    assert call.said[-1] == "confirm"


def test_an_answer_that_settles_nothing_is_kept_and_not_asked_for_again(flow):
    call = ask_which(flow, OF_TWO * 2).says("镇上")
    call.take(LookedUp(call.now, "", "", ()))
    assert (call.state.matter.place, call.state.matter.place_name) == ("镇上", "王寨村")
    assert call.said[-1] == "confirm"
    assert ask_which(flow).quiet().said[-1] == "confirm"


def told_two(flow):
    call = Call(flow).says("清河街道路灯不亮还有物业乱收费").press("#")
    assert call.actions[-1] == LookUp("清河街道路灯不亮还有物业乱收费", several=True)
    return call.take(LookedUp(call.now, "颍州区清河街道", "路灯不亮", (), (8,)))


def test_matters_told_at_once_are_filed_one_after_the_other(flow):
    call = told_two(flow)
    assert [m.text for m in call.state.matters] == ["清河街道路灯不亮", "还有物业乱收费"]
    first, second = call.state.matters
    assert first.windows[-1].end == second.windows[0].start == second.spoken[0].start
    assert call.prompts_end().said[-2:] == ["one_by_one", "confirm"]
    call.press("11").numbered().prompts_end().found("", "物业乱收费").prompts_end()
    assert call.said[-3:] == ["number", "told_next", "confirm"]
    matter = call.state.matter
    assert (matter.index, matter.told_with, matter.place_name) == (1, 0, "颍州区清河街道")
    assert matter.contact_confirmed
    call.press("1").numbered("263270100015").prompts_end()
    assert call.said[-2:] == ["number", "more"]
    assert [m.complete for m in call.state.matters] == [True, True]


def test_what_was_told_at_once_is_a_matter_though_the_caller_is_gone(flow):
    call = told_two(flow).take(HungUp(99.0, "caller"))
    assert call.actions == (Finish(call.state.matters),)
    assert [(m.text, m.index) for m in call.state.matters] == [("清河街道路灯不亮", 0), ("还有物业乱收费", 1)]


def test_no_more_matters_are_parted_than_a_call_may_have(flow):
    call = Call(flow).says("清河街道路灯不亮还有物业乱收费").press("#")
    call.take(LookedUp(call.now, "", "路灯不亮", (), tuple(range(1, 8))))
    assert len(call.state.matters) == 1
