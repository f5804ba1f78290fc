"""An answer that is not sure enough is none: the caller is asked again. What he says freely is taken as it comes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asr.again import HeardAgain
from asr.calibration import LEAST, Calibration, Question
from asr.client import AsrClient
from asr.ear import PartialText
from asr.transcript import ModelFingerprint, Utterance, Word
from gateway.calls.doubt import is_doubtful
from gateway.calls.house import House
from gateway.calls.listener import Listener
from ivr.actions import Listen
from ivr.events import Alarmed, Heard
from ivr.words import CHECK_NAMES, SPOKEN_DIGITS, Words
from tickets.lookup import look_up

WORDS = Words(
    {
        "yes": ("是的", "对", "没错"),
        "no": ("不是", "不对"),
        "person": ("转人工",),
        "somebody": ("人工", "找人"),
    }
)
CHOICES = ("是的", "对", "没错", "不是", "不对", "转人工", "人工", "找人")
MODEL = ModelFingerprint("some", "x", demo=False)


class Notes:
    anonymous = False

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []

    def take_down(self, utterance: Utterance, question: str) -> None:
        self.taken.append((utterance.text, question))


def hear(
    listener: Listener, text: str, confidence: float, *, confirmed: bool = True, words: bool = True
) -> list[Alarmed | Heard]:
    told = (Word(text, 1.0, 3.0, confidence),) if words else ()
    return listener._hear(Utterance(text, told, 1.0, 3.0, confidence, -20.0, confirmed))


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def listener(notes: Notes) -> Listener:
    def never(error: BaseException) -> None:
        raise error

    client = AsrClient("unix:/nowhere")
    return Listener(
        client,
        notes,
        lambda _: None,
        never,
        lambda: 0.0,
        lambda: "confirm",
        lambda *_: b"",
        lambda question: 0.6 if question == "confirm" else 0.0,
        WORDS,
    )


def test_a_doubtful_answer_is_taken_down_and_not_taken(listener: Listener, notes: Notes) -> None:
    listener.listen(Listen(("是的", "不是"), 0.6))
    (told,) = hear(listener, "是的", 0.59)
    assert (told.text, told.confidence) == ("", 0.59)
    assert notes.taken == [("是的", "confirm")]
    (told,) = hear(listener, "是的", 0.6)
    assert told.text == "是的"


def test_a_server_that_tells_no_words_is_believed(listener: Listener) -> None:
    listener.listen(Listen(("是的", "不是"), 0.6))
    assert hear(listener, "是的", 0.0, words=False)[-1].text == "是的"
    assert hear(listener, "是的不是", 0.0, words=False)[-1].text == ""


def test_what_is_said_freely_or_cut_off_is_taken_as_it_comes(listener: Listener) -> None:
    listener.listen(Listen(("是的", "不是"), 0.6))
    assert hear(listener, "是的", 0.0, confirmed=False, words=False)[-1].text == "是的"
    listener.listen(Listen(None, 0.6))
    assert hear(listener, "路灯不亮", 0.1)[-1].text == "路灯不亮"


@pytest.mark.parametrize(("text", "confidence"), [("是的不是", 0.9), ("是的", 0.1)])
def test_what_was_in_doubt_is_no_answer_when_a_key_or_a_dying_server_cut_its_second_hearing_off(
    listener: Listener, notes: Notes, text: str, confidence: float
) -> None:
    listener.listen(Listen(("是的", "不是"), 0.6))
    (told,) = hear(listener, text, confidence, confirmed=False)
    assert (told.text, told.confirmed) == ("", False)
    assert notes.taken == [(text, "confirm")]


def test_danger_is_told_of_however_unsure(listener: Listener) -> None:
    listener.listen(Listen(("是的", "不是"), 0.6))
    alarmed, told = hear(listener, "着火了救命", 0.2)
    assert isinstance(alarmed, Alarmed)
    assert told.text == "着火了救命"


def twice(listener: Listener, among: str, freely: str | None) -> list[Alarmed | Heard]:
    one, other = (
        Utterance(text or "", (Word(text or "", 1.0, 3.0, 0.9),), 1.0, 3.0, 0.9, -20.0)
        for text in (among, freely)
    )
    return listener._hear(HeardAgain(one, None if freely is None else other))


@pytest.mark.parametrize(
    ("among", "freely", "danger", "stands"),
    [
        ("一爆炸嗯没爆炸", "医保怎么报销", False, "医保怎么报销"),
        ("我家着火了", "我家着火了", True, "我家着火了"),
        ("还没自杀落水了", "孩子落水了", True, "孩子落水了"),
        ("不是不对", "没有着火", False, "没有着火"),
        ("着火了", "没有着火", False, "没有着火"),
        ("喝农药了", "和农药了", True, "喝农药了"),  # the same sounds
        ("着火了", None, True, "着火了"),  # nobody can say: he is believed
        ("着火了", "", True, "着火了"),
        ("不是是的", None, False, "不是是的"),
    ],
)
def test_what_is_heard_freely_decides_what_an_answer_in_doubt_was(
    listener: Listener, notes: Notes, among: str, freely: str | None, danger: bool, stands: str
) -> None:
    listener.listen(Listen(("是的", "不是"), 0.6))
    *alarms, told = twice(listener, among, freely)
    assert [a.words for a in alarms if isinstance(a, Alarmed)] == [stands] * danger
    assert isinstance(told, Heard)
    assert told.text == (stands if danger else "")
    assert notes.taken == [(stands, "confirm")]


def test_who_asks_for_a_person_in_a_phrase_in_doubt_gets_one(listener: Listener) -> None:
    listener.listen(Listen(("是的", "不是"), 0.6))
    assert twice(listener, "不对转人工", "不对转人工")[-1].text == "不对转人工"
    assert twice(listener, "不对人是的", "不对人少")[-1].text == ""


def test_only_what_may_be_something_else_is_heard_twice(listener: Listener) -> None:
    listener.listen(Listen(("是的", "不是"), 0.6))

    def said(text: str, seconds: float = 2.0, *, pitched: bool = True, confidence: float = 0.9) -> Utterance:
        words = (Word(text, 1.0, 3.0, confidence),) if text else ()
        return Utterance(text, words, 1.0, 1.0 + seconds, confidence, -20.0, pitched=pitched)

    assert not listener._doubts(said("是的"))
    assert listener._doubts(said("是的", confidence=0.3))
    assert listener._doubts(said("是的不是"))
    assert listener._doubts(said("着火了"))
    assert listener._doubts(said(""))
    assert not listener._doubts(said("", 0.3))
    assert not listener._doubts(said("", pitched=False))
    partial = PartialText(2.0, "着火了", 1.0, pitched=True, level=-20.0, settled=True)
    assert listener._doubts(partial)
    assert not listener._doubts(replace(partial, settled=False))
    assert not listener._doubts(replace(partial, level=-60.0))
    assert not listener._doubts(replace(partial, text="是的"))


@pytest.mark.parametrize(
    ("text", "doubtful"),
    [
        ("是的", False),
        ("对对对", False),
        ("对没错", False),
        ("不是不对", False),
        ("不是是的", True),  # what other speech becomes
        ("不对转人工", True),
        ("人工转人工", False),
        ("找人转人工", False),
        ("找人是的", True),
        ("人是的", True),
        ("是的谢谢你啊", False),  # heard freely
        ("三八五", False),
        ("不对幺三八", False),
        ("不对三四幺二叉", False),
        ("七不对", True),  # 暖气不热
        ("不是一", True),
        ("一二不对", True),
        ("七", False),
        ("不是不是", False),
        ("不对吧", False),
        ("", False),
    ],
)
def test_several_answers_at_once_are_none(text: str, doubtful: bool) -> None:
    assert is_doubtful(text, 1.0, 0.15, (*CHOICES, *SPOKEN_DIGITS, *CHECK_NAMES), WORDS) is doubtful
    assert is_doubtful(text, 0.1, 0.15, CHOICES, WORDS) is bool(text)


def test_a_place_is_named_in_one_breath_with_the_county_it_lies_in() -> None:
    phrases = [phrase for place in look_up("张庄村路灯不亮").candidates for phrase in place.phrases]
    assert not is_doubtful("太和县清浅镇", 1.0, LEAST, phrases, WORDS)
    assert is_doubtful("太和县黄桥镇", 1.0, LEAST, phrases, WORDS)


def test_the_house_goes_by_the_model_that_listens() -> None:
    calibration = Calibration({"x": {"confirm": Question(40, 30, 0.7)}})
    model: list[ModelFingerprint | None] = [MODEL]
    nothing = (None,) * 5
    house = House(AsrClient("unix:/nowhere"), lambda: model[0], *nothing, calibration=calibration)
    assert (house.least("confirm"), house.least("menu")) == (0.7, LEAST)
    model[0] = None
    assert house.least("confirm") == LEAST
