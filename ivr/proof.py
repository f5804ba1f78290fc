"""What must hold for a flow before it may talk to a citizen.

Every name exists; every node is reached and reaches an end; every wait has a timeout and an exit; no question has more
than four keys (GB/T 33358: menus are to be avoided); a person and help in danger are always in reach (`ivr.rescue`);
every prompt can be filled; what passes on by itself never runs in a circle, so that the bounded tries bound the call.
"""

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
from ivr.rescue import ROOTS, check_rescue, closure
from ivr.words import EMPTY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from config.document import ConfigError, Document
    from ivr.document import FlowFile

SLOTS = frozenset(
    {"place", "brief", "tail", "contact", "number", "target", "first", "second", "third"}
    | {"ticket", "status", "answer", "identity", "day"}
)
"""What the dialogue can fill into a prompt."""

_KEYS = frozenset("123456789*#")
_CHOICES = 4
_PICKS = frozenset("123")
_OWN_WORDS = ("person", "somebody", "help", "repeat", "no", "more", *EMPTY)
_WAITS = (Ask, Dictate, Digits)


def prove(
    document: Document[FlowFile], nodes: Mapping[str, Node], slots: Mapping[str, frozenset[str]]
) -> tuple[list[ConfigError], tuple[str, ...]]:
    """The faults found and, a line each, what was proved. ``slots`` are the prompts that exist, with their slots."""
    faults = [*_unknown_names(document, nodes), *_prompts(document, nodes, slots)]
    if any(True for _ in _unknown_names(document, nodes)):
        return faults, ()  # the graph is not one: nothing further can be said
    edges = {n: {t for _, t in edges_of(node)} for n, node in nodes.items()}
    faults += [
        *_keys(document, nodes),
        *_paths(document, nodes, edges),
        *check_rescue(document, nodes, edges),
    ]
    waits = [n for n in nodes.values() if isinstance(n, _WAITS)]
    keys = max((_choices(n) for n in nodes.values() if isinstance(n, Ask)), default=0)
    tries = sum(n.tries for n in waits) * document.value.matters
    return faults, (
        f"{len(nodes)} nodes, all reached from {document.value.start!r}, all lead to an end",
        f"{len(waits)} questions, each with a timeout and an exit; at most {tries} are asked in one call",
        f"at most {keys} keys a question, 0 among them: it leads to {document.value.person!r} from everywhere",
        f"key {DANGER_KEY} leads to {document.value.danger!r} from everywhere once it was offered"
        + ("" if document.value.neutral else ", as it is to silence"),
        "danger, told by key or by words, is passed on and filed at once",
        "who needs a person is passed on, or leaves a message: every way there does one or the other",
        f"{len({p for n in nodes.values() for p in prompts_of(n)})} prompts, all written and all can be filled",
    )


def check_words(document: Document[FlowFile]) -> list[ConfigError]:
    """Faults of the words section."""
    words = document.value.words
    faults = [
        document.error(("words",), f"the class {name!r} is missing", f"add `{name}: [...]` with its words")
        for name in _OWN_WORDS
        if not words.get(name)
    ]
    for name, listed in words.items():
        faults += [
            document.error(
                ("words", name), f"{word!r} is not spoken text", "write words without spaces and signs"
            )
            for word in listed
            if not word.isalnum()
        ]
    return faults


def prompts_of(node: Node) -> tuple[str, ...]:
    """The names of all prompts a node may say."""
    match node:
        case Step() | Ask() | End():
            return node.prompts
        case Dictate():
            return (*node.prompts, *filter(None, (node.tone, node.check)))
        case Digits():
            return (*node.prompts, node.invalid)
        case Connect():
            return (*node.prompts, *filter(None, (node.waiting,)))
        case _:
            return ()


def _by_itself(node: Node) -> Iterator[tuple[str, str]]:
    """(key in the file, target) of the edges that cost no try."""
    match node:
        case Step() | LookUp() | Inquire():
            yield "next", node.next
        case Submit():
            yield "next", node.next
            yield "failed", node.failed
        case Choose():
            # What was told beside is taken up, one matter each time: as often as the call may have matters.
            yield from (("choose", target) for condition, target in node.cases if condition != "told_more")
            yield "otherwise", node.otherwise
        case Ask() | Dictate() | Digits():
            yield "then", node.then
            if node.deaf:
                yield "deaf", node.deaf
            if isinstance(node, Ask) and node.blank:
                yield "blank", node.blank
        case Connect():
            yield "refused", node.refused
            yield "nobody", node.nobody
        case End():
            return


def edges_of(node: Node) -> Iterator[tuple[str, str]]:
    """(key in the file, target) of all edges."""
    yield from _by_itself(node)
    match node:
        case Choose():
            yield from (("choose", target) for condition, target in node.cases if condition == "told_more")
        case Ask():
            yield from (("on", target) for target in node.answers.values())
            yield from (("after", target) for target in node.after.values())
            more = (("hear", node.hear), ("silence", node.silence), ("pick", node.pick))
            yield from ((k, t) for k, t in more if t)
        case Dictate():
            yield from (
                (k, t) for k, t in (("next", node.next), ("empty", node.empty), ("back", node.back)) if t
            )
        case Digits():
            yield "next", node.next
            yield from (("on", target) for target in node.answers.values())
        case Connect():
            yield from (("parted", node.parted), ("broken", node.broken))
            yield from (("on", target) for target in node.answers.values())


def _roots(document: Document[FlowFile]) -> dict[str, str]:
    roots = {key: target for key in ROOTS if (target := getattr(document.value, key))}
    return roots | {"duty": document.value.at_once}


def _unknown_names(document: Document[FlowFile], nodes: Mapping[str, Node]) -> Iterator[ConfigError]:
    remedy = "name a node of this file"
    for key, target in _roots(document).items():
        if target not in nodes:
            yield document.error((key,), f"{key} leads to {target!r}, which is no node", remedy)
    for name, node in nodes.items():
        for key, target in edges_of(node):
            if target not in nodes:
                yield document.error(
                    ("nodes", name, key), f"{name}: {key} leads to {target!r}, which is no node", remedy
                )


def _prompts(
    document: Document[FlowFile], nodes: Mapping[str, Node], slots: Mapping[str, frozenset[str]]
) -> Iterator[ConfigError]:
    named = [
        *(
            ((key,), prompt, True)
            for key in ("speak_up", "not_heard", "offer_person")
            if (prompt := getattr(document.value, key)) is not None
        ),
        *(
            (("nodes", n), p, isinstance(v, Dictate | Digits | End))
            for n, v in nodes.items()
            for p in prompts_of(v)
        ),
    ]
    for path, prompt, plain in named:
        if prompt not in slots:
            yield document.error(path, f"the prompt {prompt!r} does not exist", "add it to prompts.yaml")
        elif unknown := sorted(slots[prompt] - SLOTS):
            yield document.error(
                path, f"the prompt {prompt!r} has the slot {unknown[0]!r}", f"use {', '.join(sorted(SLOTS))}"
            )
        elif plain and slots[prompt]:
            yield document.error(
                path, f"the prompt {prompt!r} has slots, which may be empty here", "use a prompt without"
            )
    for name, node in nodes.items():
        if isinstance(node, Ask) and not node.prompts:
            yield document.error(("nodes", name), f"{name} asks nothing", "name a prompt")
        elif isinstance(node, Ask) and node.blank is None and slots.get(node.prompts[-1]):
            yield document.error(
                ("nodes", name),
                f"the prompt {node.prompts[-1]!r} has slots that may be empty",
                "add `blank:` with the node to go to then, or a last prompt without slots",
            )


def _choices(node: Ask | Connect) -> int:
    picks = _PICKS if isinstance(node, Ask) and node.pick else frozenset()
    return 1 + len(_KEYS & {*node.answers, *picks})


def _keys(document: Document[FlowFile], nodes: Mapping[str, Node]) -> Iterator[ConfigError]:
    for name, node in nodes.items():
        if not isinstance(node, Ask | Digits | Connect):
            continue
        for answer in node.answers:
            path = ("nodes", name, "on", answer)
            if isinstance(node, Ask) and node.pick and answer in _PICKS:
                yield document.error(path, f"key {answer} picks a place here", "use another key")
            if answer == "0":
                yield document.error(path, "key 0 belongs to the person", "use another key")
            elif answer in _KEYS and isinstance(node, Digits):
                yield document.error(
                    path, f"key {answer} is a digit to be taken here", "use a class of words"
                )
            elif answer not in _KEYS and answer not in document.value.words:
                yield document.error(
                    path,
                    f"{answer!r} is neither a key nor a class of words",
                    "use 1 to 9, * or a class of `words:`",
                )
        if isinstance(node, Ask | Connect) and _choices(node) > _CHOICES:
            yield document.error(
                ("nodes", name, "on"), f"{_choices(node)} keys, with 0 for a person", f"keep to {_CHOICES}"
            )
        if isinstance(node, Ask):
            yield from _speech(document, node, nodes)


def _speech(document: Document[FlowFile], node: Ask, nodes: Mapping[str, Node]) -> Iterator[ConfigError]:
    for name in sorted(node.after.keys() - document.value.words.keys()):
        yield document.error(
            ("nodes", node.name, "after", name), f"{name!r} is no class of words", "use a class of `words:`"
        )
    for key, target in (*((("after", c), t) for c, t in node.after.items()), (("hear",), node.hear)):
        if target and not _takes_speech(target, nodes):
            yield document.error(
                ("nodes", node.name, *key),
                f"{target!r} does not take what was said",
                "lead to a dictate, digits, or look_up of a place, by steps at most",
            )


def _takes_speech(name: str, nodes: Mapping[str, Node]) -> bool:
    seen: set[str] = set()
    node = nodes[name]
    while isinstance(node, Step) and node.name not in seen:
        seen.add(node.name)
        node = nodes[node.next]
    return isinstance(node, Dictate | Digits) or (isinstance(node, LookUp) and node.of in ("place", "which"))


def _paths(
    document: Document[FlowFile], nodes: Mapping[str, Node], everywhere: Mapping[str, set[str]]
) -> Iterator[ConfigError]:
    reached = closure(set(_roots(document).values()), everywhere)
    for name in sorted(nodes.keys() - reached):
        yield document.error(("nodes", name), f"{name} is never reached", "lead to it, or delete it")
    backwards: dict[str, set[str]] = {n: set() for n in nodes}
    for name, targets in everywhere.items():
        for target in targets:
            backwards[target].add(name)
    ending = closure({n for n, node in nodes.items() if isinstance(node, End)}, backwards)
    for name in sorted(reached - ending):
        yield document.error(("nodes", name), f"{name} never leads to an end", "give it a way to an `end:`")
    free = {n: {t for _, t in _by_itself(node)} for n, node in nodes.items()}
    centre = nodes.get(document.value.centre or "")
    if centre is not None and not isinstance(centre, Connect):
        what = f"{centre.name!r} passes nobody on"
        yield document.error(("centre",), what, "name a `connect:` node")
    for name, node in nodes.items():
        ahead = [nodes[t] for c, t in node.cases if c == "told_more"] if isinstance(node, Choose) else []
        if any(not (isinstance(taker, Step) and taker.change.told_matter) for taker in ahead):
            yield document.error(
                ("nodes", name, "choose"),
                f"{name}: told_more leads to what does not take that matter up",
                "lead to a step with `set: {matter: told}`",
            )
        if name in closure(free[name], free):
            yield document.error(
                ("nodes", name),
                f"{name} leads back to itself without asking the caller anything",
                "break the circle: `next`, `then`, `otherwise`, `blank`, `deaf`, `refused`, `nobody` must lead onwards",
            )
