"""A `Connect`: somebody is reached, and the caller is passed on; or nobody is, and the dialogue goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.actions import Connect as ConnectAction
from ivr.actions import Hangup, Part
from ivr.passing import HANGUP_SECONDS, file_beside
from ivr.target import TALKED_SECONDS
from ivr.turn import spoken
from ivr.words import normalise

if TYPE_CHECKING:
    from ivr.events import Calling, Connected, HandedOver, Heard, Parted, Refused
    from ivr.flow import Connect
    from ivr.turn import Turn

_SILENCE = 1.0  # seconds that end a phrase of a caller who waits
_TALK_LONGEST = 7200.0  # seconds; the driver's own bounds come before
_EARLY = 0.001  # seconds that a timer may come early by rounding


def enter(turn: Turn, node: Connect) -> None:
    """Have somebody reached, if there is anybody for this reason; the matter is filed beside it, whoever comes."""
    turn.keep(turn.state.carried)
    turn.change(carried=None)
    if node.reason in turn.state.reasons and turn.spend_try(node.name, node.tries):
        number = turn.state.attempts
        turn.actions.append(ConnectAction(number, node.reason, turn.state.matter))
        turn.change(attempts=number + 1, reaching=number, calling=False, until=turn.at + node.longest)
        if node.file:
            file_beside(turn)
        _listen(turn, node)
        wait(turn, node)
        return
    if node.file:
        file_beside(turn)
    turn.go(node.refused if node.reason in turn.state.reasons else node.nobody)


def leave(turn: Turn) -> None:
    """Give up whom the caller no longer waits for."""
    if turn.state.reaching is not None:
        turn.actions.append(Part(turn.state.reaching))
        forget(turn)


def hang_up(turn: Turn, node: Connect) -> None:
    """The caller has gone; before anybody came, he is owed a call."""
    if turn.state.phase == "talking" and node.given_up and not turn.state.matter.call_back:
        turn.change_matter(call_back=node.given_up)
    forget(turn)


def forget(turn: Turn) -> None:
    """Nobody is being reached any more, nor talked with."""
    phase = "talking" if turn.state.phase == "connected" else turn.state.phase
    turn.change(reaching=None, calling=False, phase=phase)


def wait(turn: Turn, node: Connect) -> None:
    """Play on; when all is said, there is music."""
    if turn.state.phase == "connected":
        turn.wait_until(turn.at + _TALK_LONGEST)
    elif not turn.play_next():
        turn.wait_until(turn.at + node.every)


def press(turn: Turn, node: Connect, key: str) -> None:
    """Take a key; one that means nothing here changes nothing."""
    if key in node.answers:
        turn.stop_playing()
        turn.go(node.answers[key])
    else:
        wait(turn, node)


def hear(turn: Turn, node: Connect, heard: Heard) -> None:
    """Take a phrase: an answer, or what the matter is about."""
    text, words = normalise(heard.text), turn.flow.words
    found = words.find(text, [name for name in node.answers if name in words.classes])
    told = found.beside if found else text
    turn.keep(spoken(heard, told) if node.keep_words and words.is_content(told) else None)
    if found:
        turn.go(node.answers[found.answer])
    else:
        wait(turn, node)


def elapse(turn: Turn, node: Connect) -> None:
    """Nobody has come yet: say so, or give it up; or the talk has lasted too long."""
    until = turn.state.until
    if until is not None and turn.at >= until - _EARLY:
        turn.go(node.parted if turn.state.phase == "connected" else node.refused)
        return
    if turn.state.calling and node.waiting:
        turn.queue((node.waiting,))
    wait(turn, node)


def calling(turn: Turn, node: Connect, event: Calling) -> None:
    """A target is being called; say so at the first one."""
    first = not turn.state.calling
    turn.change(calling=True, target=event.target)
    if first:
        turn.queue(node.prompts)
    wait(turn, node)


def connected(turn: Turn, node: Connect, event: Connected) -> None:
    """The two talk; the dialogue says nothing and hears nothing."""
    turn.stop_playing()
    turn.stop_listening()
    turn.change(phase="connected", target=event.target, until=turn.at + _TALK_LONGEST)
    wait(turn, node)


def refused(turn: Turn, node: Connect, _event: Refused) -> None:
    """Nobody was reached."""
    called = turn.state.calling
    forget(turn)
    if called:
        turn.stop_playing()
    turn.go(node.refused if called else node.nobody)


def parted(turn: Turn, node: Connect, event: Parted) -> None:
    """The target is gone: after a talk, or before it could become one."""
    forget(turn)
    turn.change(until=None)
    turn.go(node.parted if event.talked >= TALKED_SECONDS and event.by != "lost" else node.broken)


def handed_over(turn: Turn, event: HandedOver) -> None:
    """He talks with the target, and no more with us: hang up."""
    forget(turn)
    turn.stop_playing()
    turn.stop_listening()
    turn.actions.append(Hangup())
    turn.change(phase="leaving", target=event.target, until=None)
    turn.wait_until(turn.at + HANGUP_SECONDS)


def _listen(turn: Turn, node: Connect) -> None:
    classes = [name for name in node.answers if name in turn.flow.words.classes]
    if node.keep_words:
        turn.listen(None, _SILENCE)
    elif classes:
        turn.listen(turn.flow.words.phrases([*classes, "person", "somebody"]), _SILENCE)
    else:
        turn.stop_listening()
