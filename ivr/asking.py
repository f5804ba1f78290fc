"""An `Ask`: a key, a class of words, other speech, or silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.flow import Ask, Dictate, Digits, LookUp, Step
from ivr.turn import SPEECH_LONGEST, spoken
from ivr.words import SPOKEN_DIGITS, digits_in, normalise

if TYPE_CHECKING:
    from ivr.events import Heard
    from ivr.turn import Turn

_ANSWER_SILENCE = 0.6  # seconds after an answer; a telling pauses longer between its phrases
_TELLING_SILENCE = 1.0
_CONTENT = 2  # characters: less is no statement
_NUMBER = 3  # digits: fewer are no beginning of a telephone number
_NOISE = 60.0  # seconds that speech which says nothing may hold a question up


def enter(turn: Turn, node: Ask) -> None:
    """Ask it."""
    own = turn.state.openings.get(node.name)
    if own is not None:
        turn.change(queue=(*turn.state.queue, own))
    elif not turn.queue(node.prompts):
        turn.go(node.blank or node.then)
        return
    turn.listen(*_ear(turn, node))
    wait(turn, node)


def wait(turn: Turn, node: Ask) -> None:
    """Play on; when all is said, wait for the answer."""
    if not turn.play_next():
        if turn.state.until is None:
            turn.change(until=turn.at + node.timeout + _NOISE)
        turn.wait_until(turn.at + (SPEECH_LONGEST if turn.state.speaking is not None else node.timeout))


def press(turn: Turn, node: Ask, key: str) -> None:
    """Take a key."""
    if key in node.answers:
        turn.go(node.answers[key])
    elif key == "*":
        turn.ask_again()
    else:
        turn.misunderstand()


def hear(turn: Turn, node: Ask, heard: Heard) -> None:
    """Take a phrase."""
    text, words = normalise(heard.text), turn.flow.words
    classes = [name for name in node.answers if name in words.classes and name != "greeting"]
    found = words.find(text, [*classes, *(() if "repeat" in classes else ("repeat",))])
    if found and node.hear and found.answer in node.prefixes and _is_content(turn, node, found.rest):
        turn.go(node.hear, spoken(heard, found.rest))
    elif found and found.answer in node.answers:
        turn.go(node.answers[found.answer])
    elif words.is_only(text, "greeting"):
        turn.go(node.answers.get("greeting", node.name))
    elif found:
        turn.ask_again()
    elif node.hear and _is_content(turn, node, text):
        turn.go(node.hear, spoken(heard))
    else:
        turn.misunderstand()


def elapse(turn: Turn, node: Ask) -> None:
    """Nothing came; or the caller has been speaking without a pause, and is let speak on."""
    if turn.state.speaking is not None and node.hear:
        turn.go(node.hear)
    else:
        turn.go(node.silence or node.name)


def _is_content(turn: Turn, node: Ask, text: str) -> bool:
    if isinstance(_taker(turn, node), Digits):
        return len(digits_in(text)) >= _NUMBER
    return len(text) >= _CONTENT


def _ear(turn: Turn, node: Ask) -> tuple[tuple[str, ...] | None, float]:
    """How to listen: freely where statements are taken, else for the words that answer."""
    taker = _taker(turn, node)
    if isinstance(taker, Dictate):
        return None, _TELLING_SILENCE
    if isinstance(taker, LookUp):
        return None, _ANSWER_SILENCE
    classes = [name for name in node.answers if name in turn.flow.words.classes]
    phrases = turn.flow.words.phrases([*classes, "person", "repeat"])
    return phrases + (SPOKEN_DIGITS if isinstance(taker, Digits) else ()), _ANSWER_SILENCE


def _taker(turn: Turn, node: Ask) -> object:
    """The node that takes other speech, past the steps before it."""
    if node.hear is None:
        return None
    taker = turn.flow.nodes[node.hear]
    while isinstance(taker, Step):
        taker = turn.flow.nodes[taker.next]
    return taker
