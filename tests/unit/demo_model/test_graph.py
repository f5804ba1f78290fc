"""The committed graph is what the builder makes, bit for bit; and what it means."""

import math
import struct
from collections import defaultdict

import pytest

from asr.demo_model.graph import build_language, build_pronunciations, number_words
from asr.demo_model.phones import PhoneTable
from asr.demo_model.source import MODEL, Settings, export_graph, load_source
from asr.demo_model.vocabulary import Pronunciation
from asr.demo_model.wfst import Arc, Automaton, write_const, write_lookahead

SMALL = {
    "好": Pronunciation(("hao3",), ("h", "ao")),
    "好的": Pronunciation(("hao3", "de5"), ("h", "ao", "d", "e")),
    "对": Pronunciation(("dui4",), ("d",)),
}
TABLE = PhoneTable(("SIL", "GBG", "ao", "d", "e", "h"))


def test_the_committed_graph_is_reproduced_bit_for_bit() -> None:
    made = export_graph(load_source(), Settings())
    committed = {p.relative_to(MODEL).as_posix() for p in MODEL.glob("graph/**/*") if p.is_file()}
    assert set(made) == committed
    for name, data in made.items():
        assert (MODEL / name).read_bytes() == data, name


def test_words_below_any_node_of_the_tree_are_numbered_without_a_gap() -> None:
    spelled = number_words(SMALL, TABLE)
    below: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, ids in enumerate(spelled.values(), 1):
        for end in range(len(ids) + 1):
            below[ids[:end]].append(number)
    for numbers in below.values():
        assert numbers == list(range(numbers[0], numbers[-1] + 1))


@pytest.mark.parametrize("word", ["好", "好的", "对", "[unk]"])
def test_every_word_can_be_read_with_and_without_a_pause(word: str) -> None:
    spelled = number_words(SMALL, TABLE)
    automaton = build_pronunciations(spelled)
    number = list(spelled).index(word) + 1
    reads = [2 * phone for phone in spelled[word]]
    for silence in ([], [2]):
        written, cost = _follow(automaton, silence + reads + silence)
        assert written == {(number,)}
        assert cost == pytest.approx(2 * math.log(2))


def _follow(automaton: Automaton, reads: list[int]) -> tuple[set[tuple[int, ...]], float]:
    """Every way to read the labels from the start to a final state: what it writes, and the cheapest cost."""
    found: dict[tuple[int, ...], float] = {}
    open_ways = [(0, 0, (), 0.0)]
    while open_ways:
        state, position, written, cost = open_ways.pop()
        if position == len(reads) and state in automaton.final:
            found[written] = min(cost, found.get(written, math.inf))
        for arc in automaton.arcs:
            if arc.source != state or arc.source == arc.target:
                continue
            if arc.reads == 0:
                step = 0
            elif position < len(reads) and arc.reads == reads[position]:
                step = 1
            else:
                continue
            more = (arc.writes,) if arc.writes else ()
            open_ways.append((arc.target, position + step, written + more, cost + arc.cost))
    return set(found), min(found.values())


def test_language_is_a_distribution_over_what_may_follow() -> None:
    ids = {word: n for n, word in enumerate(number_words(SMALL, TABLE), 1)}
    automaton = build_language([("好", "对"), ("好的",), ("好",), ("对", "对")], ids)
    leaving: dict[int, list[Arc]] = defaultdict(list)
    for arc in automaton.arcs:
        assert arc.reads == arc.writes
        leaving[arc.source].append(arc)
    # "any word before": its words and its end sum to 1
    assert sum(math.exp(-a.cost) for a in leaving[1]) + math.exp(-automaton.final[1]) == pytest.approx(1)
    # a sentence may be empty, and seen pairs are likelier than backing off
    assert 0 in automaton.final
    backing_off = [a for state in range(automaton.states) for a in leaving[state] if a.reads == 0]
    assert {a.target for a in backing_off} == {1}
    assert {a.source for a in backing_off} == set(range(automaton.states)) - {1}
    assert all(a.cost > 0 for a in backing_off)


def test_const_file_is_laid_out_as_openfst_reads_it() -> None:
    automaton = Automaton(2, [Arc(0, 1, 7, 0, 0.5), Arc(0, 1, 3, 9, 1.5)], {1: 0.25})
    data = write_const(automaton, sort_by_output=False)
    header = struct.unpack_from("<i i5s i8s iiQqqq", data)
    assert header == (2125659606, 5, b"const", 8, b"standard", 2, 0, 1, 0, 2, 2)
    body = struct.calcsize("<i i5s i8s iiQqqq")
    assert struct.unpack_from("<fIIII", data, body) == (math.inf, 0, 2, 0, 1)
    assert struct.unpack_from("<fIIII", data, body + 20) == (0.25, 2, 0, 0, 0)
    assert struct.unpack_from("<iifi", data, body + 40) == (3, 9, 1.5, 1)
    assert struct.unpack_from("<iifi", data, body + 56) == (7, 0, 0.5, 1)
    assert len(data) == body + 72


def test_lookahead_file_ends_with_the_words_that_may_follow_each_state() -> None:
    # 0 -eps-> 1 -writes 1-> 2 ; 1 -writes 3-> 2 ; 2 final
    automaton = Automaton(3, [Arc(0, 1, 5, 0, 0), Arc(1, 2, 6, 1, 0), Arc(1, 2, 7, 3, 0)], {2: 0.0})
    data = write_lookahead(automaton, words=3)
    tail = b"\1\0\1" + b"\0\0" + struct.pack("<iq", 4, 3)
    for intervals in ([(1, 2), (3, 4)], [(1, 2), (3, 4)], [(4, 5)]):
        tail += struct.pack("<q", len(intervals)) + b"".join(struct.pack("<ii", *i) for i in intervals)
        tail += struct.pack("<i", sum(b - a for a, b in intervals))
    assert data.endswith(write_const(automaton, sort_by_output=True) + tail)
