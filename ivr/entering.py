"""Where a dialogue stands: the node that waits, entering the one that was chosen, going on with what is queued."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ivr import asking, collecting, connecting, dictating, inquiring, passing
from ivr.flow import Ask, Choose, Connect, Dictate, Digits, End, Inquire, LookUp, Step, Submit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ivr.flow import Node
    from ivr.turn import Turn

WAITING: Mapping[type, Any] = MappingProxyType(
    {Ask: asking, Dictate: dictating, Digits: collecting, Connect: connecting}
)
"""The nodes that wait for the caller; each module knows enter, wait, press, hear and elapse of its kind."""


def enter(turn: Turn) -> None:  # noqa: C901 - one case for each kind of node
    """Enter the node that was chosen, and those it leads to, until one waits."""
    left = turn.state.question
    while turn.target is not None:
        name, turn.target = turn.target, None
        _leave(turn)
        turn.change(question=name, until=None)
        match turn.flow.nodes[name]:
            case Step() as node:
                passing.take_step(turn, node)
            case Choose() as node:
                passing.choose(turn, node)
            case LookUp() as node:
                passing.look_up(turn, node)
            case Inquire() as node:
                inquiring.inquire(turn, node)
            case Submit() as node:
                passing.submit(turn, node)
            case End() as node:
                passing.end(turn, node)
            case node:
                if node.name != left:
                    _try_to_hear(turn)
                if not (isinstance(node, Ask | Digits) and node.ahead):
                    turn.change(ahead="")  # he hears what is asked here, and answers it anew
                if isinstance(node, Connect):
                    connecting.enter(turn, node)
                else:
                    _enter_waiting(turn, node)


def _leave(turn: Turn) -> None:
    node = question(turn)
    if isinstance(node, Dictate):
        dictating.leave(turn)
    elif isinstance(node, Connect):
        connecting.leave(turn)


def _try_to_hear(turn: Turn) -> None:
    """Another question may be heard though the last one was not; what replaces a question by keys is none."""
    if turn.deafened or turn.state.hears == turn.state.ear:
        return
    if turn.state.hears:
        turn.stop_listening()
    turn.change(hears=turn.state.ear)


def _enter_waiting(turn: Turn, node: Ask | Dictate | Digits) -> None:
    state = turn.state
    if node.deaf and not state.hears:
        turn.go(node.deaf, state.carried)
        return
    # A phrase that leads here has cost a try where it was heard; it must never be lost to this node's.
    free = state.carried is not None or (isinstance(node, Dictate) and state.speaking is not None)
    if not free and not turn.spend_try(node.name, node.tries):
        turn.go(node.then)
        return
    WAITING[type(node)].enter(turn, node)


def question(turn: Turn) -> Node | None:
    """The node that waits."""
    return turn.flow.nodes.get(turn.state.question)


def wait(turn: Turn) -> None:
    """Play what is queued; when all is said, wait, or do what was to be done then."""
    node = question(turn)
    if isinstance(node, End):
        passing.hang_up(turn)
    elif type(node) in WAITING:
        WAITING[type(node)].wait(turn, node)
    else:
        turn.play_next()
