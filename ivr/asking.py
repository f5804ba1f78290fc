"""An `Ask`: a key, a class of words, other speech, or silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr import collecting
from ivr.flow import DANGER_KEY, Ask, Dictate, Digits, LookUp, Step
from ivr.turn import SPEECH_LONGEST, spoken
from ivr.words import digits_in, normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ivr.events import Heard
    from ivr.flow import Flow, Node
    from ivr.matter import Candidate
    from ivr.turn import Turn
    from ivr.words import Match

_ANSWER_SILENCE = 0.6  # seconds after an answer; a telling pauses longer between its phrases
_TELLING_SILENCE = 1.0
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
    if DANGER_KEY in node.answers:
        turn.change(offered=True)
    turn.listen(*ear(turn.flow, node, turn.state.candidates))
    if not _is_answered(turn, node):
        wait(turn, node)


def _is_answered(turn: Turn, node: Ask) -> bool:
    """Whether the first of the keys pressed ahead answers it; if not, none of them was meant for it."""
    keys = turn.state.ahead.lstrip("#")  # ended an answer before it
    answered = keys[:1] in node.answers
    turn.change(ahead=keys[1:] if answered else "")
    if answered:
        press(turn, node, keys[0])
    return answered


def wait(turn: Turn, node: Ask) -> None:
    """Play on; when all is said, wait for the answer."""
    if not turn.play_next():
        if turn.state.until is None:
            turn.change(until=turn.at + node.timeout + _NOISE)
        turn.wait_until(turn.at + (SPEECH_LONGEST if turn.state.speaking is not None else node.timeout))


def press(turn: Turn, node: Ask, key: str) -> None:
    """Take a key; one that means nothing here lets the prompt go on. ``#`` ends an answer that was heard already."""
    if key in node.answers:
        turn.stop_playing()
        turn.go(node.answers[key])
    elif node.pick and (picked := _pick(turn, key)):
        turn.stop_playing()
        turn.change_matter(place=picked.place, place_name=picked.place_name)
        turn.change(candidates=())
        turn.go(node.pick)
    elif key == "*":
        turn.stop_playing()
        turn.ask_again()
    elif key != "#" and turn.state.playing is None:
        turn.misunderstand()


def hear(turn: Turn, node: Ask, heard: Heard) -> None:
    """Take a phrase: an answer, and what is said beside it; or a statement."""
    text, words = normalise(heard.text), turn.flow.words
    found = _find(turn.flow, node, text)
    beside = found.beside if found else text
    taker = _takes(turn.flow, node, found, beside)
    if taker:
        turn.go(taker, spoken(heard, beside if found else None))
    elif found and found.answer in node.answers:
        _keep(turn, heard, beside)
        turn.go(node.answers[found.answer])
    elif "greeting" in node.answers and not words.is_content(text):
        turn.go(node.answers["greeting"])
    elif _keep(turn, heard, beside) or found or words.is_only(text, "greeting"):
        turn.ask_again()
    else:
        turn.misunderstand()


def elapse(turn: Turn, node: Ask) -> None:
    """Nothing came; or the caller has been speaking without a pause, and is let speak on."""
    if turn.state.speaking is not None and node.hear:
        turn.go(node.hear)
    else:
        turn.go(node.silence or node.name)


def ear(flow: Flow, node: Ask, candidates: Sequence[Candidate] = ()) -> tuple[tuple[str, ...] | None, float]:
    """How to listen: freely (None) where statements are taken, else for the words that answer; and the pause.

    Asked which of the ``candidates`` is meant, their names are such words.
    """
    nodes = [_taker(flow, name) for name in (*node.after.values(), *filter(None, [node.hear]))]
    takers = {type(taker) for taker in nodes}
    if Dictate in takers:
        return None, _TELLING_SILENCE
    if any(
        (isinstance(taker, LookUp) and taker.of == "place")
        or (isinstance(taker, Digits) and collecting.grammar(flow, taker) is None)
        for taker in nodes
    ):
        return None, _ANSWER_SILENCE
    phrases = flow.words.phrases([*_classes(flow, node), "person", "somebody", "repeat"])
    named = tuple(phrase for candidate in candidates for phrase in candidate.phrases)
    numbers = tuple(word for taker in nodes if isinstance(taker, Digits) for word in collecting.signs(taker))
    return tuple(dict.fromkeys(phrases + numbers + named)), _ANSWER_SILENCE


def _pick(turn: Turn, key: str) -> Candidate | None:
    """The place that was offered by this key."""
    offers = {str(number): candidate for number, candidate in enumerate(turn.state.offers, start=1)}
    return offers.get(key)


def _find(flow: Flow, node: Ask, text: str) -> Match | None:
    """The answer in what was said; a word that only matters by what follows it needs something to follow."""
    classes = [name for name in _classes(flow, node) if name != "greeting"]
    answers = [*classes, *(() if "repeat" in classes else ("repeat",))]
    found = flow.words.find(text, [*answers, *(name for name in node.after if name not in answers)])
    if found and found.answer not in answers and not found.rest:
        return flow.words.find(text, answers)
    return found


def _takes(flow: Flow, node: Ask, found: Match | None, beside: str) -> str | None:
    """The node that takes what was said: after an answer, or as a statement."""
    after = node.after.get(found.answer) if found else None
    if found and after:
        return after if _is_content(flow, after, found.rest) else None
    if node.hear is None or (found and isinstance(_taker(flow, node.hear), Digits)):
        return None
    return node.hear if _is_content(flow, node.hear, beside) else None


def _keep(turn: Turn, heard: Heard, text: str) -> bool:
    """Keep in the matter what no node takes, if it says something; not where only answers can be told apart."""
    listening = turn.state.listening
    said = listening is not None and listening.phrases is None and turn.flow.words.is_content(text)
    turn.keep(spoken(heard, text) if said else None)
    return said


def _is_content(flow: Flow, name: str, text: str) -> bool:
    taker = _taker(flow, name)
    if isinstance(taker, Digits) and taker.of != "day":
        return len(digits_in(text)) >= _NUMBER
    return flow.words.is_content(text)


def _classes(flow: Flow, node: Ask) -> list[str]:
    return [name for name in node.answers if name in flow.words.classes]


def _taker(flow: Flow, name: str) -> Node:
    """The node that takes speech which leads to NAME, past the steps before it."""
    node = flow.nodes[name]
    while isinstance(node, Step):
        node = flow.nodes[node.next]
    return node
