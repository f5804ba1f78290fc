"""Writes weighted automata as OpenFst's binary files, with no OpenFst at hand.

Two kinds: `const` (OpenFst `const-fst.h`, file version 2) and `olabel_lookahead`, a `const` automaton with, for each
state, the intervals of output labels that can come next (`label-reachable.h`, `add-on.h`). Vosk composes the two while
decoding. Weights are in the tropical semiring: negative natural logarithms.
"""

import math
import struct
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_FST_MAGIC = 2125659606
_ADD_ON_MAGIC = 446681434
_CONST_VERSION, _ADD_ON_VERSION = 2, 1
_EXPANDED = 1


@dataclass(frozen=True, slots=True)
class Arc:
    """From `source` to `target`, reading `reads` and writing `writes` (0 is nothing), at a cost."""

    source: int
    target: int
    reads: int
    writes: int
    cost: float


@dataclass(frozen=True, slots=True)
class Automaton:
    """`states` states, of which 0 is the start; `final` maps the final ones to their cost."""

    states: int
    arcs: Sequence[Arc]
    final: Mapping[int, float]


def _header(kind: str, version: int, start: int, states: int, arcs: int) -> bytes:
    def text(value: str) -> bytes:
        return struct.pack("<i", len(value)) + value.encode()

    numbers = struct.pack("<iiQqqq", version, 0, _EXPANDED, start, states, arcs)
    return struct.pack("<i", _FST_MAGIC) + text(kind) + text("standard") + numbers


def write_const(automaton: Automaton, *, sort_by_output: bool) -> bytes:
    """Give the bytes of a `const` file; arcs are sorted by input or by output label."""
    leaving: dict[int, list[Arc]] = defaultdict(list)
    for arc in automaton.arcs:
        leaving[arc.source].append(arc)
    states: list[bytes] = []
    arcs: list[bytes] = []
    for state in range(automaton.states):
        ordered = sorted(
            leaving[state],
            key=lambda a: (a.writes if sort_by_output else a.reads, a.writes, a.reads, a.target),
        )
        cost = automaton.final.get(state, math.inf)
        silent_in = sum(arc.reads == 0 for arc in ordered)
        silent_out = sum(arc.writes == 0 for arc in ordered)
        states.append(struct.pack("<fIIII", cost, len(arcs), len(ordered), silent_in, silent_out))
        arcs += [struct.pack("<iifi", arc.reads, arc.writes, arc.cost, arc.target) for arc in ordered]
    header = _header("const", _CONST_VERSION, 0, automaton.states, len(arcs))
    return header + b"".join(states) + b"".join(arcs)


def write_lookahead(automaton: Automaton, words: int) -> bytes:
    """Give the bytes of an `olabel_lookahead` file.

    Args:
        automaton: writes the labels 1 to `words`.
        words: the label after the last, `words + 1`, stands for "may end here".
    """
    final_label = words + 1
    parts = [
        _header("olabel_lookahead", _ADD_ON_VERSION, -1, 0, 0),
        struct.pack("<i", _ADD_ON_MAGIC),
        write_const(automaton, sort_by_output=True),
        # the add-on is a pair of which only the second half, the output labels, is there
        struct.pack("<???", True, False, True),  # noqa: FBT003 - three flags of the file format
        # reads input labels: no; keeps a relabelling: no
        struct.pack("<??i", False, False, final_label),  # noqa: FBT003
        struct.pack("<q", automaton.states),
    ]
    for intervals in _reachable(automaton, final_label):
        parts.append(struct.pack("<q", len(intervals)))
        parts += [struct.pack("<ii", first, last) for first, last in intervals]
        parts.append(struct.pack("<i", sum(last - first for first, last in intervals)))
    return b"".join(parts)


def _reachable(automaton: Automaton, final_label: int) -> list[list[tuple[int, int]]]:
    """For each state, the labels that can be the next one written, as half-open intervals.

    Sets of labels are bits of an integer: most states of a pronunciation tree can be followed by every word.
    """
    onward: dict[int, set[int]] = defaultdict(set)
    labels = [0] * automaton.states
    for arc in automaton.arcs:
        if arc.writes:
            labels[arc.source] |= 1 << arc.writes
        elif arc.source != arc.target:
            onward[arc.source].add(arc.target)
    for state in automaton.final:
        labels[state] |= 1 << final_label
    changed = True
    while changed:
        changed = False
        for state in reversed(range(automaton.states)):
            before = labels[state]
            for target in onward[state]:
                labels[state] |= labels[target]
            changed |= labels[state] != before
    return [_intervals(found) for found in labels]


def _intervals(labels: int) -> list[tuple[int, int]]:
    """Runs of ones, lowest first."""
    intervals: list[tuple[int, int]] = []
    while labels:
        first = _lowest(labels)
        last = first + _lowest(~(labels >> first))
        intervals.append((first, last))
        labels &= -1 << last
    return intervals


def _lowest(bits: int) -> int:
    """Position of the lowest one."""
    return (bits & -bits).bit_length() - 1
