"""That a caller who needs a person gets one, and one in danger is heard: proved of a flow before it may talk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.flow import (
    DANGER_KEY,
    Ask,
    Choose,
    Connect,
    Dictate,
    Digits,
    End,
    Inquire,
    LookUp,
    Node,
    Step,
    Submit,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from config.document import ConfigError, Document
    from ivr.document import FlowFile

ROOTS = ("start", "person", "danger", "danger_said", "self_harm_said", "lost", "faint", "centre", "recall")
"""The keys of a flow that name the nodes where something begins."""


def check_rescue(
    document: Document[FlowFile], nodes: Mapping[str, Node], edges: Mapping[str, set[str]]
) -> Iterator[ConfigError]:
    """Faults in the ways to a person and out of danger. ``edges`` are all the targets of each node."""
    file = document.value
    for key in ("person", "danger", "danger_said", "self_harm_said", "lost", "faint"):
        name = getattr(file, key)
        if not name:
            continue
        node = nodes[name]
        if not isinstance(node, Step) or not node.change.call_back:
            yield document.error(
                ("nodes", name),
                f"{key} leads here, but no call back is noted",
                "add `set: {call_back: REASON}`",
            )
        if not any(isinstance(nodes[n], Submit) for n in closure({name}, edges)):
            yield document.error(
                ("nodes", name), f"{key} leads here, but nothing is filed", "lead to a submit"
            )
        if (end := _unheard_end(name, nodes)) is not None:
            yield document.error(
                ("nodes", name),
                f"{key} leads here, and on to {end!r} without a person or a message",
                "lead every way to a `connect`, a `dictate` or a `submit`",
            )
    at_once, person = (_past_steps(nodes[name], nodes) for name in (file.at_once, file.person))
    if file.at_once != file.start and at_once is not person:
        yield document.error(
            ("duty",),
            f"duty leads to {file.at_once!r}, and not where {file.person!r} does",
            f"lead it there by steps alone, or to {file.start!r} where that calls a person without being asked",
        )
    yield from _danger(document, nodes)
    yield from _ahead(document, nodes)
    for hears in (
        () if file.neutral is not None else (True, None)
    ):  # whom we call has not asked for help by it
        if not _offered_in_silence(file.start, nodes, hears=hears):
            yield document.error(
                ("danger",),
                f"key {DANGER_KEY} is not offered to a caller who stays silent"
                + ("" if hears else ", while speech recognition is out of reach"),
                f"lead from {file.start!r}, by `silence`, `empty` and `deaf`, to a question that offers it",
            )


def closure(start: Collection[str], edges: Mapping[str, set[str]]) -> set[str]:
    """All that is reached from START by EDGES, START among it."""
    reached, todo = set(start), list(start)
    while todo:
        for target in edges[todo.pop()] - reached:
            reached.add(target)
            todo.append(target)
    return reached


def _unheard_end(name: str, nodes: Mapping[str, Node]) -> str | None:
    """An end that a silent caller comes to from here, whom nobody was called for and who could leave no message."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        node = nodes[todo.pop()]
        if isinstance(node, End):
            return node.name
        if node.name not in seen and not isinstance(node, Connect | Dictate | Submit):
            seen.add(node.name)
            todo += _in_silence(node, hears=True)
    return None


def _danger(document: Document[FlowFile], nodes: Mapping[str, Node]) -> Iterator[ConfigError]:
    name = document.value.danger
    for noted in sorted({name, document.value.said or name, document.value.self_harm_said or name}):
        node = nodes[noted]
        if isinstance(node, Step) and not node.change.danger:
            yield document.error(("nodes", noted), "no danger is noted", "add `set: {danger: true}`")
        reached = _past_steps(node, nodes)
        if not (isinstance(reached, Connect) and reached.file):
            yield document.error(
                ("nodes", noted),
                "danger is not passed on and filed at once",
                "lead to a `connect:` with `submit: matter`, by steps at most",
            )
    for asking in nodes.values():
        if isinstance(asking, Ask | Connect) and asking.answers.get(DANGER_KEY, name) != name:
            yield document.error(
                ("nodes", asking.name, "on", DANGER_KEY),
                f"key {DANGER_KEY} belongs to danger",
                f"lead it to {name!r}, or use another key",
            )


def _ahead(document: Document[FlowFile], nodes: Mapping[str, Node]) -> Iterator[ConfigError]:
    """A key pressed before its question was heard tells of no danger, and agrees to nothing that is read back."""
    for asking in nodes.values():
        if not (isinstance(asking, Ask) and asking.ahead):
            continue
        for key, target in asking.answers.items():
            noted = [node.change for node in _steps(nodes[target], nodes)]
            if key == DANGER_KEY or any(n.danger or n.confirmed or n.contact == "agreed" for n in noted):
                yield document.error(
                    ("nodes", asking.name, "ahead"),
                    f"{key!r} must not be answered before {asking.name} was heard",
                    "leave out `ahead`: danger, and what is read back, are answered once they were asked",
                )


def _steps(node: Node, nodes: Mapping[str, Node]) -> Iterator[Step]:
    """The steps from here to the node that is met."""
    seen: set[str] = set()
    while isinstance(node, Step) and node.name not in seen:
        yield node
        seen.add(node.name)
        node = nodes[node.next]


def _past_steps(node: Node, nodes: Mapping[str, Node]) -> Node:
    for step in _steps(node, nodes):
        node = nodes[step.next]
    return node


def _offered_in_silence(name: str, nodes: Mapping[str, Node], *, hears: bool | None) -> bool:
    """Whether every way of a silent caller from here meets a question that offers the danger key.

    ``hears`` None: speech recognition comes and goes from question to question.
    """
    seen: set[str] = set()
    todo = [name]
    while todo:
        node = nodes[todo.pop()]
        if node.name in seen:
            continue
        seen.add(node.name)
        if isinstance(node, End | Submit):
            return False
        replaced = isinstance(node, Ask | Dictate | Digits) and node.deaf
        if replaced and not hears:
            todo.append(replaced)
        if not isinstance(node, Ask) or DANGER_KEY not in node.answers:
            todo += _in_silence(node, hears=True)
            todo += () if hears or replaced else _in_silence(node, hears=False)
    return True


def _in_silence(
    node: Step | Choose | Ask | Dictate | Digits | Connect | LookUp | Inquire, *, hears: bool
) -> tuple[str, ...]:
    """Where silence leads; of what is asked again, where it leads in the end."""
    match node:
        case Ask():
            return (node.silence or node.then,)
        case Dictate():
            return (node.empty, node.then) if hears else (node.next,)
        case Digits():
            return (node.then,)
        case Connect():
            return (node.refused, node.nobody, node.broken)
        case Choose():
            return (*(target for _, target in node.cases), node.otherwise)
        case _:
            return (node.next,)
