"""The demonstration model with its two automata composed beforehand, as official large models have them: `HCLG.fst`."""

from __future__ import annotations

import itertools
import shutil
import struct
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from asr.catalogue import DEMO_MODEL
from asr.demo_model.wfst import Arc, Automaton, write_const

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_MAGIC: Final = struct.pack("<i", 2125659606)
_CONST: Final = struct.pack("<i", 5) + b"const"
_STATE: Final = np.dtype([("cost", "<f4"), ("first", "<u4"), ("arcs", "<u4"), ("silent", "<u4", 2)])
_ARC: Final = np.dtype([("reads", "<i4"), ("writes", "<i4"), ("cost", "<f4"), ("target", "<i4")])


def make_static_model(folder: Path) -> Path:
    """Copy the demonstration model to FOLDER, its graph static."""
    shutil.copytree(DEMO_MODEL, folder)
    graph = folder / "graph"
    hcl, g = _read(graph / "HCLr.fst"), _read(graph / "Gr.fst")
    (graph / "HCLG.fst").write_bytes(write_const(_Composition(hcl, g).build(), sort_by_output=False))
    for name in ("HCLr.fst", "Gr.fst", "disambig_tid.int"):
        (graph / name).unlink()
    return folder


def _read(file: Path) -> Automaton:
    """The `const` automaton in FILE, which may have the tables of a lookahead around it; it begins in state 0."""
    data = file.read_bytes()
    at = data.index(_MAGIC + _CONST) + len(_MAGIC + _CONST)
    at += 4 + len(b"standard") + 4 + 4 + 8  # the kind of arcs, version, flags, properties
    start, states, count = struct.unpack_from("<qqq", data, at)
    assert start == 0
    states = np.frombuffer(data, _STATE, states, at + 24)
    arcs = np.frombuffer(data, _ARC, count, at + 24 + states.nbytes).tolist()
    leaving = [
        Arc(source, target, reads, writes, cost)
        for source, (_, first, number, _) in enumerate(states.tolist())
        for reads, writes, cost, target in arcs[first : first + number]
    ]
    final = {n: float(cost) for n, cost in enumerate(states["cost"]) if np.isfinite(cost)}
    return Automaton(len(states), leaving, final)


class _Composition:
    """The automaton of both: a state is one of the spelling, and one of the words before it, the history.

    Words are looked ahead to, and what they cost comes as early as it can. Between words, and nowhere else, a history
    is shortened (a label of 0 in G): so no path is there twice.
    """

    def __init__(self, hcl: Automaton, g: Automaton) -> None:
        (self._between,) = hcl.final
        self._spelling, self._following = _by_source(hcl), _by_source(g)
        before = dict(_paths(self._spelling, self._between))
        self._ahead = {history: _cheapest(arcs, before) for history, arcs in self._following.items()}
        self._undecided = {self._between, *itertools.chain.from_iterable(before.values())}
        self._ends = g.final

    def build(self) -> Automaton:
        numbers = {(0, 0): 0}
        arcs: list[Arc] = []
        todo = [(0, 0)]
        while todo:
            at = todo.pop()
            for target, reads, writes, cost in self._leave(*at):
                if target not in numbers:
                    numbers[target] = len(numbers)
                    todo.append(target)
                arcs.append(Arc(numbers[at], numbers[target], reads, writes, cost))
        ends = {
            number: self._ends[history]
            for (spelled, history), number in numbers.items()
            if spelled == self._between and history in self._ends
        }
        return Automaton(len(numbers), arcs, ends)

    def _leave(self, spelled: int, history: int) -> Iterator[tuple[tuple[int, int], int, int, float]]:
        """Where to, what is read and written, at what cost."""
        words = {arc.reads: arc for arc in self._following[history]}
        ahead = self._ahead.get(history, {})
        paid = ahead.get(spelled, 0.0)
        if spelled == self._between and 0 in words:
            yield (spelled, words[0].target), 0, 0, words[0].cost
        for arc in self._spelling[spelled]:
            if arc.writes in words and arc.writes:
                word = words[arc.writes]
                yield (arc.target, word.target), arc.reads, arc.writes, arc.cost + word.cost - paid
            elif not arc.writes and arc.target in ahead and arc.target != spelled:
                yield (arc.target, history), arc.reads, 0, arc.cost + ahead[arc.target] - paid
            elif not arc.writes and (arc.target == spelled or spelled not in self._undecided):
                yield (arc.target, history), arc.reads, 0, arc.cost


def _by_source(automaton: Automaton) -> dict[int, list[Arc]]:
    leaving: dict[int, list[Arc]] = defaultdict(list)
    for arc in automaton.arcs:
        leaving[arc.source].append(arc)
    return leaving


def _paths(spelling: Mapping[int, list[Arc]], between: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Each word, and the states in which it is spelled, but not yet the only one."""
    todo: list[tuple[int, tuple[int, ...]]] = [(between, ())]
    while todo:
        state, path = todo.pop()
        for arc in spelling[state]:
            if arc.writes:
                yield arc.writes, path
            elif arc.target != state:
                todo.append((arc.target, (*path, arc.target)))


def _cheapest(words: Sequence[Arc], before: Mapping[int, tuple[int, ...]]) -> dict[int, float]:
    """What the cheapest of the words costs that may still be spelled, by the state of the spelling."""
    found: dict[int, float] = {}
    for arc in words:
        for state in before.get(arc.reads, ()):
            found[state] = min(found.get(state, arc.cost), arc.cost)
    return found
