"""Where the boxes of a chart stand: bands of a few columns, each a tree, its main way along the top.

What an answer leads to stands to its right, where it is met first; every further answer that leads there names it by
its number. So no line crosses another, however much a dialogue comes back to what was asked before.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.cli.drawing.chart import Box, Chart

COLUMNS: Final = 5
"""Boxes beside one another in a band; what follows them begins another."""

WIDTH, GAP = 268, 58
LINE, HEAD, PAD = 20, 26, 6
"""The heights of a line of text and of a box's head, and the room around what stands below one another."""

_UNDER, _BETWEEN = 18, 44
_TEXT_WIDTH, _TEXT_LINES = 34, 3  # in half characters
_EXIT_WIDTH, _EXIT_LINES = 31, 3
_HANGING: Final = "。,、;:?!”)〕，；：？！）"  # never begin a line
_MARGIN: Final = 24
_TITLE: Final = 34


@dataclass(frozen=True, slots=True)
class Placed:
    """A box in its place: its upper left corner, its number, its text in lines, its exits each in lines.

    ``drawn`` are the exits with a line to what they lead to.
    """

    box: Box
    number: int
    x: int
    y: int
    lines: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    drawn: frozenset[str]

    @property
    def height(self) -> int:
        """From its upper to its lower edge."""
        return self.top(len(self.rows)) - self.y

    def top(self, index: int) -> int:
        """The upper edge of the row of that exit, from the picture's."""
        text = HEAD + LINE * len(self.lines) + PAD
        return self.y + text + sum(LINE * len(row) + PAD for row in self.rows[:index])


@dataclass(frozen=True, slots=True)
class Band:
    """Where a band begins, in words, and how far down."""

    title: str
    y: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole picture."""

    placed: Mapping[str, Placed]
    bands: tuple[Band, ...]
    width: int
    height: int


def lay_out(chart: Chart) -> Layout:
    """Put every box in its place."""
    laying = _Laying(chart)
    for root, title in chart.beginnings.items():
        laying.todo.append((root, title))
    while laying.todo:
        laying.lay_band(*laying.todo.popleft())
    right = max(one.x + WIDTH for one in laying.placed.values())
    return Layout(laying.placed, tuple(laying.bands), right + _MARGIN, laying.bottom)


class _Laying:
    """A picture while it is made."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self.placed: dict[str, Placed] = {}
        self.bands: list[Band] = []
        self.bottom = _MARGIN
        self.todo: deque[tuple[str, str]] = deque()

    def lay_band(self, root: str, title: str) -> None:
        """Place ``root`` and what is met first from there, in a band of its own below what is there already."""
        if root in self.placed:
            return
        children, beyond = self._grow(root)
        numbers = {name: len(self.placed) + n for n, name in enumerate(children, 1)}
        self.bands.append(Band(title, self.bottom))
        self.bottom = self._place(root, 0, self.bottom + _TITLE, children, numbers) + _BETWEEN
        # What goes on from here comes next, so that the picture is read from above to below.
        self.todo.extendleft((name, f"接 {self._number_of(origin)}") for name, origin in reversed(beyond))

    def _number_of(self, name: str) -> str:
        return f"{self.placed[name].number} {abbreviate(self._chart.boxes[name].text, 16)}"

    def _grow(self, root: str) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
        """The tree of what is met first: the children of each box; and what lies beyond the last column, and whence."""
        children: dict[str, list[str]] = {root: []}
        beyond: list[tuple[str, str]] = []
        level = [root]
        for column in range(COLUMNS):
            following: list[str] = []
            for name in level:
                for target in self._new(name, children):
                    if column + 1 == COLUMNS:
                        beyond.append((target, name))
                        continue
                    children[name].append(target)
                    children[target] = []
                    following.append(target)
            level = following
        return children, beyond

    def _new(self, name: str, children: Mapping[str, list[str]]) -> Iterator[str]:
        for each in self._chart.boxes[name].exits:
            target = each.target
            if target not in children and target not in self.placed and target not in self._chart.beginnings:
                yield target

    def _place(
        self, name: str, column: int, y: int, children: Mapping[str, list[str]], numbers: Mapping[str, int]
    ) -> int:
        """Place a box and all to its right; how far down that reaches."""
        box = self._chart.boxes[name]
        placed = Placed(
            box,
            numbers[name],
            _MARGIN + column * (WIDTH + GAP),
            y,
            wrap(box.text, _TEXT_WIDTH, _TEXT_LINES),
            tuple(wrap(each.label or "然后", _EXIT_WIDTH, _EXIT_LINES) for each in box.exits),
            frozenset(children[name]),
        )
        self.placed[name] = placed
        bottom = y
        for child in children[name]:
            bottom = self._place(child, column + 1, bottom, children, numbers)
        return max(bottom, y + placed.height + _UNDER)


def wrap(text: str, width: int, most: int) -> tuple[str, ...]:
    """The text in lines of so many half characters, ``most`` at most, the last one cut short if need be."""
    lines: list[str] = []
    while text and len(lines) < most:
        cut = _fitting(text, width)
        cut += sum(1 for _ in itertools.takewhile(_HANGING.__contains__, text[cut : cut + 2]))
        lines.append(text[:cut])
        text = text[cut:]
    if text:
        lines[-1] = abbreviate(f"{lines[-1]}{text}", width)
    return tuple(lines)


def abbreviate(text: str, width: int) -> str:
    """The text, or as much of its beginning as fits into so many half characters with an ellipsis."""
    return text if _fitting(text, width) == len(text) else f"{text[: _fitting(text, width - 2)]}…"


def _fitting(text: str, width: int) -> int:
    """How many characters fit into so many half ones."""
    for count, character in enumerate(text):
        width -= 2 if unicodedata.east_asian_width(character) in "WFA" else 1
        if width < 0:
            return count
    return len(text)
