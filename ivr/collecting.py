"""A `Digits`: a number of a telephone or a ticket, or a query code, or what else is asked for, keyed or spoken."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ivr.actions import LookUp
from ivr.turn import SPEECH_LONGEST
from ivr.words import CHECK_NAMES, SPOKEN_DIGITS, digits_in, normalise

if TYPE_CHECKING:
    from ivr.events import Heard, LookedUp
    from ivr.flow import Digits, Flow
    from ivr.turn import Turn

_SILENCE = 0.8  # seconds: numbers are said in groups
_LONGEST = 20  # digits
_WHOLE_SECONDS = 180.0  # for one number
# A mobile number (11 digits from 13 on), or a landline with or without its area code.
_TELEPHONE = re.compile(r"1[3-9]\d{9}|[02-9]\d{6,11}")
_FORMS = {"telephone": _TELEPHONE, "ticket": re.compile(r"\d{12,20}"), "code": re.compile(r"\d{6}")}
_MOBILE = re.compile(r"1[3-9]\d{9}")
# To which nothing can be added; of a telephone number only when it was said.
_WHOLE = {
    "telephone": _MOBILE,
    "code": _FORMS["code"],
    "identity": re.compile(r"\d{17}[\dX]"),
    "day": re.compile(r"\d{8}|(?!19|20)\d{4}"),
}
_BUT_CHECK = 17  # digits of an identity number before the last, which * can be
_LOOKING = 10.0  # seconds


def enter(turn: Turn, node: Digits) -> None:
    """Ask for it; what led here is its beginning, or is it."""
    carried = turn.state.carried
    typed = _read(turn.flow, node, carried.text) if carried else ""
    turn.change(typed=typed, carried=None, until=turn.at + _WHOLE_SECONDS)
    turn.listen(grammar(turn.flow, node), _SILENCE)
    if typed and (node.of == "day" or _is_whole(node, typed)):
        _take(turn, node)
        return
    if not typed:
        turn.queue(node.prompts)
    keys = turn.state.ahead
    while keys and turn.target is None:
        key, keys = keys[0], keys[1:]
        turn.change(ahead=keys)
        press(turn, node, key)
    if turn.target is None:
        wait(turn, node)


def grammar(flow: Flow, node: Digits) -> tuple[str, ...] | None:
    """What is listened for; None: a day is told in too many ways."""
    if node.of == "day":
        return None
    classes = [name for name in node.answers if name in flow.words.classes]
    return (*signs(node), *flow.words.phrases([*classes, "person", "somebody", "repeat"]))


def signs(node: Digits) -> tuple[str, ...]:
    """The words of which it is made, said one by one."""
    return (*SPOKEN_DIGITS, *(CHECK_NAMES if node.of == "identity" else ()))


def wait(turn: Turn, node: Digits) -> None:
    """Play on; when all is said, wait for the next digit, or for what was looked up."""
    if not turn.play_next():
        quiet = node.gap if turn.state.typed else node.timeout
        quiet = _LOOKING if _is_looking(turn, node) else quiet
        turn.wait_until(turn.at + (SPEECH_LONGEST if turn.state.speaking is not None else quiet))


def press(turn: Turn, node: Digits, key: str) -> None:
    """``#`` ends the number, ``*`` begins it again, ``0#`` asks for a person, ``9#`` tells of danger.

    The last of an identity number may be an X: ``*``. A ``#`` over the question, before any digit, ended one that was
    taken already.
    """
    if key == "#" and not turn.state.typed and turn.state.playing is not None:
        wait(turn, node)
        return
    turn.stop_playing()
    if key == "#":
        _take(turn, node)
    elif key == "*" and node.of == "identity" and len(turn.state.typed) == _BUT_CHECK:
        _add(turn, node, "X")
    elif key == "*":
        turn.ask_again()
    else:
        _add(turn, node, key)


def hear(turn: Turn, node: Digits, heard: Heard) -> None:
    """Take digits said one by one, or words that tell a day, or another answer."""
    read = _read(turn.flow, node, heard.text)
    found = turn.flow.words.find(heard.text, [*node.answers, "repeat"])
    if read and not (found and node.of == "day" and not found.beside):
        _add(turn, node, read)
    elif found and found.answer in node.answers:
        turn.go(node.answers[found.answer])
    elif found:
        turn.ask_again()
    else:
        turn.misunderstand()


def elapse(turn: Turn, node: Digits) -> None:
    """No more digits come; or no answer of what was looked up."""
    if _is_looking(turn, node):
        _refuse(turn, node)
    elif turn.state.typed:
        _take(turn, node)
    else:
        turn.ask_again()


def looked_up(turn: Turn, node: Digits, found: LookedUp) -> None:
    """What was said or keyed is what was asked for, and is read back; or it is not."""
    if found.answer:
        turn.change(**{node.of: found.answer})
        turn.go(node.next)
    else:
        _refuse(turn, node)


def _read(flow: Flow, node: Digits, text: str) -> str:
    """What of the words belongs to it."""
    if node.of == "day":
        return normalise(text) if flow.words.is_content(text) else ""
    if node.of == "identity":
        for name in CHECK_NAMES:
            text = text.replace(name, "X")
        return "".join("X" if char == "X" else digits_in(char) for char in text.upper())
    return digits_in(text)


def _is_looking(turn: Turn, node: Digits) -> bool:
    return node.of in ("identity", "day") and turn.state.lookups > 0


def _is_whole(node: Digits, typed: str) -> bool:
    return node.of in _WHOLE and _WHOLE[node.of].fullmatch(typed) is not None


def _add(turn: Turn, node: Digits, more: str) -> None:
    told = node.of == "day" and not more.isdigit()  # a day in words is whole, whatever was keyed before
    turn.change(typed=more if told else turn.state.typed + more)
    typed = turn.state.typed
    keyed = node.of == "telephone" and len(more) == 1
    if told or len(typed) > _LONGEST or (_is_whole(node, typed) and not keyed):
        _take(turn, node)
    else:
        wait(turn, node)


def _take(turn: Turn, node: Digits) -> None:
    typed = turn.state.typed
    if rescue := turn.rescue(typed):
        turn.go(rescue)
    elif node.of in ("identity", "day") and typed:
        turn.actions.append(LookUp(typed, asked=node.of))
        turn.change(lookups=turn.state.lookups + 1)
        wait(turn, node)
    elif node.of in _FORMS and _FORMS[node.of].fullmatch(typed):
        if node.of == "telephone":
            turn.change_matter(contact=typed, contact_confirmed=False)
        else:
            turn.change(**{node.of: typed})
        turn.go(node.next)
    else:
        _refuse(turn, node)


def _refuse(turn: Turn, node: Digits) -> None:
    turn.queue((node.invalid,))
    turn.ask_again()
