"""From a hotlines file to proved `Hotlines`. A file with a fault is refused, every fault at its line."""

from __future__ import annotations

from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, get_args

from pydantic import BaseModel, ConfigDict, Field

from config.calendar import Calendar
from config.document import ConfigError, Document, embedded, read
from ivr.actions import Prompt
from ivr.compile import compile_flow
from ivr.flow import Ask, Connect, Dictate, Digits, LookUp
from ivr.hotline import Hotline, Hotlines, Mode
from ivr.matter import AppealType, AskedFor
from ivr.target import THIRD
from ivr.targets import TargetsPart, make_targets

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from config.categories import Category
    from config.prompts import PromptTexts
    from ivr.flow import Flow
    from ivr.target import Target

OPENING_SLOTS = frozenset({"hotline", "department"})
"""What an opening may be filled with: the line's name as it is said, and its department."""

_LEVELS = 3


class _Part(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True)


class ModePart(_Part):
    """What the lines of one mode share, unless a line says otherwise."""

    opening: str | None = None
    opening_by_keys: str | None = None
    flow: str | None = None
    targets: TargetsPart | None = None


class HotlinePart(ModePart):
    """One line of the hotlines file, or one time in the life of a line: a number may be listed once a time.

    ``say`` is the name for the ear, where ``name`` is written for the eye.
    """

    number: Annotated[str, Field(pattern=r"^[0-9]{3,8}$")]
    name: str = Field(min_length=1)
    say: str | None = Field(default=None, min_length=1)
    department: str = Field(min_length=1)
    mode: Mode
    since: date | None = Field(default=None, alias="from")
    until: date | None = None
    appeal: AppealType | None = None
    category: str | None = Field(default=None, min_length=1)
    anonymous: bool = False


class HotlinesFile(_Part):
    """The hotlines file: ``area_code`` and ``front`` door, what modes share, the lines."""

    area_code: Annotated[str, Field(pattern=r"^0[0-9]{2,3}$")]
    front: str
    modes: dict[Mode, ModePart] = {}
    hotlines: tuple[HotlinePart, ...] = Field(min_length=1)


def read_hotlines(
    file: Path,
    texts: PromptTexts,
    flow: Flow,
    categories: Collection[Category],
    calendar: Calendar | None = None,
    *,
    own_flows: bool = True,
) -> Hotlines:
    """The lines of that file, proved; raises ConfigError with every fault found.

    ``flow`` is the dialogue of the lines that name none. A flow that a line names is found beside the hotlines file,
    else among the embedded ones; without ``own_flows`` only there, and where there is none, it is ``flow``.
    ``categories`` is the catalogue that a line's category must be of, ``calendar`` what targets' working days are of
    (None: the embedded one).
    """
    folder = file.parent if own_flows else None
    return _Reader(read(HotlinesFile, file), folder, texts, flow, categories, calendar or Calendar()).read()


class _Reader:
    """Checks the parts of one file and makes lines of them, collecting the faults."""

    def __init__(
        self,
        document: Document[HotlinesFile],
        folder: Path | None,
        texts: PromptTexts,
        flow: Flow,
        categories: Collection[Category],
        calendar: Calendar,
    ) -> None:
        self._document, self._folder, self._texts, self._categories = document, folder, texts, categories
        self._calendar = calendar
        self._flows: dict[str | None, Flow] = {None: flow}
        self._faults: list[ConfigError] = []

    def read(self) -> Hotlines:
        value = self._document.value
        self._check_front()
        lines: dict[str, tuple[Hotline, ...]] = {}
        for i, part in enumerate(value.hotlines):
            entries = (*lines.get(part.number, ()), self._make(i, part))
            lines[part.number] = tuple(sorted(entries, key=lambda line: line.since or date.min))
        self._check_times(value.hotlines)
        if self._faults:
            first, *more = sorted(self._faults, key=lambda fault: fault.line)
            raise ConfigError(first.file, first.line, first.what, first.remedy, (*first.more, *more))
        return Hotlines(value.area_code, lines[value.front][0], MappingProxyType(lines))

    def _fault(self, i: int, key: str, what: str, remedy: str) -> None:
        """A fault of line ``i``, told where ``key`` stands: with the line, or once with what its mode shares."""
        part = self._document.value.hotlines[i]
        own = key not in ModePart.model_fields or getattr(part, key) is not None
        path, name = (("hotlines", i, key), part.number) if own else (("modes", part.mode, key), part.mode)
        fault = self._document.error(path, f"{name}: {what}", remedy)
        if str(fault) not in map(str, self._faults):
            self._faults.append(fault)

    def _check_front(self) -> None:
        value = self._document.value
        doors = [i for i, part in enumerate(value.hotlines) if part.number == value.front]
        if not doors:
            what = f"the front door {value.front!r} is not among the hotlines"
            self._faults.append(self._document.error(("front",), what, "list it, or name one that is listed"))
        for i, part in enumerate(value.hotlines):
            if (part.mode == "总线") != (part.number == value.front):
                self._fault(i, "mode", "only the front door is a 总线", "correct `mode` or `front`")
            if part.number == value.front and (part.since or part.until or part.anonymous):
                remedy = "delete its `from`, `until` and `anonymous`"
                self._fault(i, "number", "the front door is always open, to everybody", remedy)

    def _check_times(self, parts: tuple[HotlinePart, ...]) -> None:
        for i, part in enumerate(parts):
            if part.since and part.until and part.since > part.until:
                self._fault(i, "until", "it ends before it begins", "correct `from` or `until`")
            for other in parts[:i]:
                if other.number == part.number and _overlap(other, part):
                    what = "this number is listed twice for the same days"
                    self._fault(i, "number", what, "keep one, or part them by `from` and `until`")

    def _make(self, i: int, part: HotlinePart) -> Hotline:
        shared = self._document.value.modes.get(part.mode, ModePart())
        flow = self._find_flow(i, part.flow or shared.flow)
        if part.anonymous:
            self._check_anonymous(i, part.flow or shared.flow, flow)
        if part.mode == "转接" and not any((part.flow, shared.flow, part.opening, shared.opening)):
            what = "a line that is passed on would be answered as the front door"
            self._fault(i, "mode", what, "give it a `flow` or an `opening` of its own")
        openings = dict(self._openings(i, part, shared, flow))
        targets = self._targets(i, part, flow)
        return Hotline(
            number=part.number,
            name=part.name,
            department=part.department,
            mode=part.mode,
            flow=flow,
            appeal=part.appeal,
            category=self._split_category(i, part.category),
            openings=MappingProxyType(openings),
            anonymous=part.anonymous,
            targets=MappingProxyType(targets),
            since=part.since,
            until=part.until,
        )

    def _targets(self, i: int, part: HotlinePart, flow: Flow) -> dict[str, tuple[Target, ...]]:
        """Whom the line's calls are passed on to; what it does not say itself, its mode or the front door does.

        An anonymous line's calls reach nobody whom it does not name itself, and no line is another's centre.
        """
        value = self._document.value
        known = {node.reason for node in flow.nodes.values() if isinstance(node, Connect)}
        own = (value.modes.get(part.mode, ModePart()).targets or {}) | (part.targets or {})
        for reason in sorted(own.keys() - known - {THIRD}):
            what = f"nothing in the flow {flow.name!r} passes a call on for the reason {reason!r}"
            self._fault(i, "targets", what, f"use {', '.join(sorted(known)) or 'another flow'}")
        door = next((p for p in value.hotlines if p.number == value.front), None)
        shared = {} if part.anonymous or door is None else door.targets or {}
        inherited = {reason: listed for reason, listed in shared.items() if reason != "centre"}
        targets = make_targets((inherited if part is not door else {}) | own, self._calendar)
        if THIRD not in targets and any(t.three_way for listed in targets.values() for t in listed):
            what = f"a target may bring in somebody third (three_way), and nobody is named for {THIRD!r}"
            self._fault(i, "targets", what, f"list whom it may bring in as `{THIRD}`, or delete three_way")
        if any(t.three_way or t.transfer == "cold" for t in targets.get(THIRD, ())):
            what = f"who is brought in as {THIRD!r} is called by the gateway, and brings in nobody"
            self._fault(i, "targets", what, "delete its three_way and transfer")
        return targets

    def _find_flow(self, i: int, name: str | None) -> Flow:
        if name not in self._flows:
            self._flows[name] = self._flows[None]  # for the sake of what is still to be checked
            place = embedded(str(name))
            beside = place if self._folder is None else self._folder / str(name)
            if beside.exists():
                place = beside
            if not place.is_file():
                if self._folder is None:
                    return self._flows[name]
                what = f"the flow {name!r} is neither beside this file nor among the embedded ones"
                self._fault(i, "flow", what, f"write {beside}, or name another")
            else:
                try:
                    self._flows[name] = compile_flow(place, self._texts)
                except ConfigError as fault:
                    self._faults.append(fault)
        return self._flows[name]

    def _check_anonymous(self, i: int, name: str | None, flow: Flow) -> None:
        if name is None:
            self._fault(i, "anonymous", "an anonymous line needs a flow of its own", "add `flow:`")
            return
        if flow is self._flows[None] and self._folder is not None:
            return  # instead of one with a fault, which is told
        taking = [
            n.name
            for n in flow.nodes.values()
            if isinstance(n, Dictate | LookUp) or (isinstance(n, Connect) and n.keep_words)
        ]
        if taking:
            what = f"the flow {name!r} takes down what the caller says: {', '.join(taking)}"
            self._fault(i, "anonymous", what, "use `ask` and `digits` only")
        for node in flow.nodes.values():
            if isinstance(node, Digits) and node.of in get_args(AskedFor):
                what = f"the flow {name!r} asks for {node.of!r}, of which nothing may be kept: {node.name}"
                remedy = f"delete {node.name} and what leads to it, or name another flow"
                self._fault(i, "anonymous", what, remedy)

    def _openings(
        self, i: int, part: HotlinePart, shared: ModePart, flow: Flow
    ) -> Iterator[tuple[str, Prompt]]:
        start = flow.nodes[flow.start]
        deaf = start.deaf if isinstance(start, Ask) else None
        by_keys = flow.nodes[deaf] if deaf else None
        values = {"hotline": part.say or part.name, "department": part.department}
        for key, question in (("opening", start), ("opening_by_keys", by_keys)):
            name = getattr(part, key) or getattr(shared, key)
            if name is None:
                continue
            slots = self._texts.slots(name) if name in self._texts.prompts else None
            if slots is None:
                self._fault(i, key, f"the {key} {name!r} is no prompt", "name a prompt of prompts.yaml")
            elif unknown := sorted(slots - OPENING_SLOTS):
                what = f"the {key} {name!r} has the slot {unknown[0]!r}, which nothing can fill so early"
                self._fault(i, key, what, f"use {', '.join(sorted(OPENING_SLOTS))}")
            elif not isinstance(question, Ask):
                what = f"the flow {flow.name!r} has no question for the {key}"
                self._fault(i, key, what, "delete it, or let the flow start with an `ask` (with `deaf`)")
            else:
                yield question.name, Prompt(name, _only(values, slots))

    def _split_category(self, i: int, category: str | None) -> tuple[str, ...]:
        if category is None:
            return ()
        levels = tuple(category.split("_"))
        if len(levels) > _LEVELS or not all(level.strip() for level in levels):
            what = f"the category {category!r} has not one to three levels"
            self._fault(i, "category", what, "write 一级, 一级_二级 or 一级_二级_三级")
        elif (*levels, "", "")[:_LEVELS] not in self._categories:
            what = f"the category {category!r} is not in the catalogue"
            self._fault(i, "category", what, "correct it, or add it to the file of categories")
        return levels


def _overlap(one: HotlinePart, other: HotlinePart) -> bool:
    return not (
        (one.until and other.since and one.until < other.since)
        or (other.until and one.since and other.until < one.since)
    )


def _only(values: Mapping[str, str], slots: frozenset[str]) -> Mapping[str, str]:
    return {slot: values[slot] for slot in sorted(slots)}
