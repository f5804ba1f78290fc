"""A `Digits`: a number of a telephone or a ticket, or a query code, keyed or spoken."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ivr.turn import SPEECH_LONGEST
from ivr.words import SPOKEN_DIGITS, digits_in

if TYPE_CHECKING:
    from ivr.events import Heard
    from ivr.flow import Digits, Flow
    from ivr.turn import Turn

_SILENCE = 0.8  # seconds: numbers are said in groups
_LONGEST = 20  # digits
_WHOLE = 180.0  # seconds for one number
# A mobile number (11 digits from 13 on), or a landline with or without its area code.
_TELEPHONE = re.compile(r"1[3-9]\d{9}|[02-9]\d{6,11}")
_FORMS = {"telephone": _TELEPHONE, "ticket": re.compile(r"\d{12,20}"), "code": re.compile(r"\d{6}")}
_MOBILE = re.compile(r"1[3-9]\d{9}")


def enter(turn: Turn, node: Digits) -> None:
    """Ask for it; digits that led here are its beginning."""
    carried = turn.state.carried
    turn.change(typed=digits_in(carried.text) if carried else "", carried=None, until=turn.at + _WHOLE)
    turn.listen(grammar(turn.flow, node), _SILENCE)
    if node.of == "telephone" and _MOBILE.fullmatch(turn.state.typed):
        _take(turn, node)
        return
    if not turn.state.typed:
        turn.queue(node.prompts)
    keys = turn.state.ahead
    while keys and turn.target is None:
        key, keys = keys[0], keys[1:]
        turn.change(ahead=keys)
        press(turn, node, key)
    if turn.target is None:
        wait(turn, node)


def grammar(flow: Flow, node: Digits) -> tuple[str, ...]:
    """What is listened for."""
    classes = [name for name in node.answers if name in flow.words.classes]
    return (*SPOKEN_DIGITS, *flow.words.phrases([*classes, "person", "somebody", "repeat"]))


def wait(turn: Turn, node: Digits) -> None:
    """Play on; when all is said, wait for the next digit."""
    if not turn.play_next():
        quiet = node.gap if turn.state.typed else node.timeout
        turn.wait_until(turn.at + (SPEECH_LONGEST if turn.state.speaking is not None else quiet))


def press(turn: Turn, node: Digits, key: str) -> None:
    """``#`` ends the number, ``*`` begins it again, ``0#`` asks for a person, ``9#`` tells of danger."""
    turn.stop_playing()
    if key == "#":
        _take(turn, node)
    elif key == "*":
        turn.ask_again()
    else:
        _add(turn, node, key)


def hear(turn: Turn, node: Digits, heard: Heard) -> None:
    """Take digits said one by one, or another answer."""
    digits = digits_in(heard.text)
    found = turn.flow.words.find(heard.text, [*node.answers, "repeat"])
    if digits:
        _add(turn, node, digits)
    elif found and found.answer in node.answers:
        turn.go(node.answers[found.answer])
    elif found:
        turn.ask_again()
    else:
        turn.misunderstand()


def elapse(turn: Turn, node: Digits) -> None:
    """No more digits come."""
    if turn.state.typed:
        _take(turn, node)
    else:
        turn.ask_again()


def _add(turn: Turn, node: Digits, digits: str) -> None:
    turn.change(typed=turn.state.typed + digits)
    typed = turn.state.typed
    spoken = node.of == "telephone" and len(digits) > 1 and _MOBILE.fullmatch(typed)
    code = node.of == "code" and _FORMS["code"].fullmatch(typed)
    if len(typed) > _LONGEST or spoken or code:
        _take(turn, node)
    else:
        wait(turn, node)


def _take(turn: Turn, node: Digits) -> None:
    typed = turn.state.typed
    if rescue := turn.rescue(typed):
        turn.go(rescue)
    elif _FORMS[node.of].fullmatch(typed):
        if node.of == "telephone":
            turn.change_matter(contact=typed, contact_confirmed=False)
        else:
            turn.change(**{node.of: typed})
        turn.go(node.next)
    else:
        turn.queue((node.invalid,))
        turn.ask_again()
