from __future__ import annotations

import pytest

from config.document import ConfigError, load
from config.prompts import PromptTexts
from ivr.compile import compile_flow

TEXTS = load(
    PromptTexts,
    "prompts: {hello: 您好, again: 没听清, louder: 大声, place: '在{place}?', strange: '{weather}', bye: 再见}",
)
WORDS = """words:
  "yes": [是]
  "no": [不是]
  person: [人工]
  repeat: [重复]
  filler: [在]
"""
HEAD = """name: small
start: hello
person: person
danger: danger
lost: person
faint: person
patience: 2
matters: 2
speak_up: louder
not_heard: again
"""
NODES = """nodes:
  hello: {ask: hello, timeout: 5, on: {1: bye, 9: danger, "yes": bye}, hear: tell, tries: 2, then: bye}
  tell: {dictate: hello, wait: 5, pause: 4, longest: 60, next: file, empty: bye, tries: 1, then: bye}
  danger: {set: {danger: true, call_back: 有危险}, next: alarm}
  alarm: {connect: danger, submit: matter, longest: 60, parted: bye, broken: file, refused: file, tries: 1}
  person: {set: {call_back: 要人工}, next: file}
  file: {submit: matter, next: bye, failed: bye}
  bye: {end: bye}
"""
GOOD = HEAD + WORDS + NODES


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_a_small_flow_is_proved():
    flow = compile_flow(GOOD, TEXTS)
    assert flow.proof[0] == "7 nodes, all reached from 'hello', all lead to an end"
    assert flow.proof[1].endswith("at most 6 are asked in one call")


def test_a_flow_shares_the_words_it_does_not_list():
    words = compile_flow(GOOD, TEXTS).words.classes
    assert "救命" in words["help"]
    assert words["repeat"] == ("重复",)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("then: bye}\n  tell", "then: by}\n  tell", "then leads to 'by', which is no node"),
        ("start: hello", "start: helo", "start leads to 'helo'"),
        ("on: {1: bye", "on: {0: bye", "key 0 belongs to the person"),
        ("on: {1: bye", "on: {perhaps: bye", "neither a key nor a class of words"),
        ("on: {1: bye", "on: {1: bye, 2: bye, 3: bye", "5 keys, with 0 for a person"),
        ("hear: tell", "hear: bye", "'bye' does not take what was said"),
        ("ask: hello", "ask: nowhere", "the prompt 'nowhere' does not exist"),
        ("ask: hello", "ask: strange", "has the slot 'weather'"),
        ("ask: hello", "ask: place", "has slots that may be empty"),
        ("ask: hello", "ask: []", "asks nothing"),
        ("dictate: hello", "dictate: place", "which may be empty here"),
        ("  bye: {end: bye}", "  bye: {end: bye}\n  lost: {end: bye}", "lost is never reached"),
        (
            "hear: tell, tries: 2",
            "hear: tell, after: {maybe: tell}, tries: 2",
            "'maybe' is no class of words",
        ),
        ("hear: tell, tries: 2", "after: {more: bye}, tries: 2", "'bye' does not take what was said"),
        ("hear: tell, tries: 2", "after: {more: by}, tries: 2", "after leads to 'by', which is no node"),
        ("{call_back: 要人工}", "{danger: true}", "no call back is noted"),
        ("next: file}\n  file", "next: bye}\n  file", "nothing is filed"),
        ("9: danger", "9: bye", "key 9 belongs to danger"),
        ("9: danger, ", "", "key 9 is not offered to a caller who stays silent"),
        ("{danger: true, call_back: 有危险}", "{call_back: 有危险}", "no danger is noted"),
        ("call_back: 有危险}, next: alarm", "call_back: 有危险}, next: tell", "danger is not passed on"),
        ("connect: danger, submit: matter", "connect: danger", "danger is not passed on and filed at once"),
        ("danger: danger\nlost", "danger: danger\ndanger_said: person\nlost", "no danger is noted"),
        (
            "danger: danger\nlost",
            "danger: danger\nself_harm_said: person\nlost",
            "not passed on and filed at",
        ),
        ("danger: danger\nlost", "danger: danger\ndanger_said: all\nlost", "danger_said leads to 'all'"),
        ("longest: 60, parted", "longest: 60, on: {9: bye}, parted", "key 9 belongs to danger"),
        ("longest: 60, parted", "longest: 60, on: {0: bye}, parted", "key 0 belongs to the person"),
        ("refused: file, tries", "refused: fil, tries", "refused leads to 'fil', which is no node"),
        ("refused: file, tries", "refused: file, nobody: alarm, tries", "alarm leads back to itself"),
        (
            "{call_back: 要人工}, next: file",
            "{call_back: 要人工}, next: hello",
            "and on to 'bye' without a person",
        ),
        ("then: bye}\n  tell", "then: bye, deaf: tell}\n  tell", "while speech recognition is out of reach"),
        (
            "on: {1: bye, 9: danger",
            "ahead: true, on: {1: bye, 9: danger",
            "'9' must not be answered before hello",
        ),
        ("on: {1: bye, 9", "ahead: true, on: {1: danger, 9", "'1' must not be answered before hello"),
        ("empty: bye, tries", "empty: bye, back: by, tries", "back leads to 'by', which is no node"),
        ("tries: 1, then: bye", "tries: 1, then: tell", "tell leads back to itself"),
        ("failed: bye", "failed: file", "file leads back to itself"),
        ("tries: 2", "tries: 0", "greater than or equal to 1"),
        ("timeout: 5", "timeout: 0", "greater than 0"),
        ("timeout: 5, ", "", "timeout is missing"),
        ("ask: hello", "aks: hello", "unknown key 'aks'"),
        ('  "no": [不是]\n', "", "the class 'no' is missing"),
        ("  repeat: [重复]\n", "  repeat: []\n", "the class 'repeat' is missing"),
        ("filler: [在]", "filler: ['在 ']", "is not spoken text"),
        ("{submit: matter", "{submit: everything", "'matter'"),
    ],
)
def test_a_flow_that_cannot_be_proved_is_refused_at_its_line(old, new, what):
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        compile_flow(GOOD.replace(old, new, 1), TEXTS)
    faults = [caught.value, *caught.value.more]
    assert what in str(caught.value)
    assert all(f.line > 0 and f.remedy for f in faults)


def test_the_fault_is_told_at_its_line():
    text = GOOD.replace("then: bye}\n  tell", "then: by}\n  tell")
    with pytest.raises(ConfigError) as caught:
        compile_flow(text, TEXTS)
    assert caught.value.line == line_of(text, "  hello:")


def test_a_node_that_never_ends_is_refused():
    endless = GOOD.replace(
        "next: file, empty: bye, tries: 1, then: bye", "next: a, empty: a, tries: 1, then: a"
    )
    endless += "  a: {ask: hello, timeout: 5, on: {1: b}, tries: 1, then: b}\n"
    endless += "  b: {ask: hello, timeout: 5, on: {1: a}, tries: 1, then: c}\n  c: {set: {}, next: b}\n"
    with pytest.raises(ConfigError) as caught:
        compile_flow(endless, TEXTS)
    assert "a never leads to an end" in str(caught.value)
    assert "b leads back to itself" in str(caught.value)


def test_every_fault_is_told():
    with pytest.raises(ConfigError) as caught:
        compile_flow(GOOD.replace("ask: hello", "ask: nowhere").replace("start: hello", "start: helo"), TEXTS)
    assert len(str(caught.value).splitlines()) == 2
