"""That a call which we place discloses nothing to whom has not confirmed who he is: proved before a flow may call.

Who answers a citizen's telephone may be anybody, or a machine. Until he has said by a key that he is the one we call,
he hears nothing but the flow's ``neutral`` prompts, nothing is asked about a ticket, and none is judged. Words confirm
nothing: an answering machine speaks, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.flow import Ask, Inquire, Step
from ivr.proof import edges_of, prompts_of
from ivr.rescue import ROOTS, closure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from config.document import ConfigError, Document
    from ivr.document import FlowFile
    from ivr.flow import Node

_KEYS = frozenset("123456789*#")
_SLOTS = frozenset({"target"})
"""What a neutral prompt may be filled with: whom an agent's call goes to is no citizen's secret."""


def check_discretion(
    document: Document[FlowFile], nodes: Mapping[str, Node], slots: Mapping[str, frozenset[str]]
) -> Iterator[ConfigError]:
    """Faults of a flow for calls that we place, whose names are all known; of any other flow what only these may do."""
    file = document.value
    if file.neutral is None:
        for name, node in nodes.items():
            if isinstance(node, Step) and (node.change.concluded or node.change.solved is not None):
                what = f"{name} concludes a call that we place, and this flow is not for such calls"
                yield document.error(
                    ("nodes", name, "set"), what, "delete it, or name the prompts of `neutral:`"
                )
        return
    confirming = {n for n, node in nodes.items() if _concludes(node, "confirmed")}
    roots = {name for key in ROOTS if (name := getattr(file, key))} | {file.at_once}
    edges = {
        n: set() if n in confirming else {target for _, target in edges_of(node)} for n, node in nodes.items()
    }
    before = closure(roots, edges)
    if not confirming & before:
        what = "nobody ever confirms who he is"
        yield document.error(("start",), what, "lead a key to a step with `set: {concluded: confirmed}`")
    said = {file.speak_up, file.not_heard, *filter(None, [file.offer_person])}
    yield from _say(document, ("neutral",), said, slots)
    for name in sorted(before - confirming):
        node = nodes[name]
        yield from _say(document, ("nodes", name), set(prompts_of(node)), slots)
        if isinstance(node, Inquire) or (isinstance(node, Step) and _tells(node)):
            what = f"{name} comes to who has not confirmed that he is the one we call"
            yield document.error(("nodes", name), what, "lead to it only past the step that confirms")
        for target in sorted({t for _, t in edges_of(node)} & confirming):
            if not _by_key(node, target):
                what = f"{name} leads to {target!r} without a key"
                remedy = "lead there from a question, by a key alone: an answering machine speaks, too"
                yield document.error(("nodes", name), what, remedy)


def _say(
    document: Document[FlowFile],
    path: tuple[str, ...],
    prompts: set[str],
    slots: Mapping[str, frozenset[str]],
) -> Iterator[ConfigError]:
    for prompt in sorted(prompts):
        if prompt not in (document.value.neutral or ()):
            what = f"{prompt!r} may be said to who has not confirmed that he is the one we call"
            remedy = "lead to it only past the step that confirms, or name it in `neutral:` if it discloses nothing"
            yield document.error(path, what, remedy)
        elif slots[prompt] - _SLOTS:
            what = f"{prompt!r} is named as neutral, and has the slot {min(slots[prompt] - _SLOTS)!r}"
            yield document.error(("neutral",), what, "use a prompt without slots")


def _by_key(node: Node, target: str) -> bool:
    """Whether nothing but a key leads from this node to that one."""
    if not isinstance(node, Ask):
        return False
    others = [t for key, t in edges_of(node) if key != "on"]
    return target not in others and all(k in _KEYS for k, t in node.answers.items() if t == target)


def _concludes(node: Node, concluded: str) -> bool:
    return isinstance(node, Step) and node.change.concluded == concluded


def _tells(step: Step) -> bool:
    """Whether it judges the ticket, or takes the call as made."""
    change = step.change
    return bool(change.rating) or change.solved is not None or change.concluded == "done"
