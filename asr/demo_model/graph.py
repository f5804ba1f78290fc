"""Makes the decoding graph from the lexicon and the sentences: `words.txt`, `HCLr.fst`, `Gr.fst` and phone tables.

Needs neither torch nor espeak-ng. Words are numbered in the order of their phone ids: then the words below any node of
the pronunciation tree are a contiguous interval, which is what a lookahead automaton needs, and nothing is relabelled.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from asr.demo_model.phones import SILENCE_ID, PhoneTable, forward_transition, loop_transition
from asr.demo_model.texts import Text
from asr.demo_model.vocabulary import GARBAGE, UNKNOWN, Pronunciation
from asr.demo_model.wfst import Arc, Automaton, write_const, write_lookahead

_START, _ROOT, _PAUSE = 0, 1, 2
_LN2 = math.log(2)
_DISCOUNT = 0.6
_FLOOR = 3.0
"""Added to every word's count, so that a word no sentence uses can still be recognised."""
_EMPTY_SHARE = 4
"""One empty sentence for four spoken: or Vosk hears a word in the silence after each end point."""
_BEGIN, _END = "<s>", "</s>"


def number_words(lexicon: Mapping[str, Pronunciation], table: PhoneTable) -> dict[str, tuple[int, ...]]:
    """Spell every word, `[unk]` too, in the order in which their ids count from 1."""
    spelled = {word: table.spell(entry.phones) for word, entry in lexicon.items()}
    spelled[UNKNOWN] = table.spell([GARBAGE])
    return dict(sorted(spelled.items(), key=lambda item: (item[1], item[0])))


def build_pronunciations(spelled: Mapping[str, tuple[int, ...]]) -> Automaton:
    """Build the automaton from transition ids to words: a tree of phones, an optional pause after each word.

    A word is written as soon as only it can follow.
    """
    sharing = Counter(ids[:end] for ids in spelled.values() for end in range(1, len(ids) + 1))
    arcs = [
        Arc(_START, _ROOT, 0, 0, _LN2),
        Arc(_START, _PAUSE, forward_transition(SILENCE_ID), 0, _LN2),
        Arc(_PAUSE, _PAUSE, loop_transition(SILENCE_ID), 0, 0.0),
        Arc(_PAUSE, _ROOT, 0, 0, 0.0),
    ]
    nodes: dict[tuple[int, ...], int] = {}
    for word, ids in enumerate(spelled.values(), 1):
        at, written = _ROOT, False
        for end in range(1, len(ids) + 1):
            prefix = ids[:end]
            label = word if sharing[prefix] == 1 and not written else 0
            written |= label != 0
            if prefix not in nodes:
                nodes[prefix] = _PAUSE + 1 + len(nodes)
                arcs.append(Arc(at, nodes[prefix], forward_transition(ids[end - 1]), label, 0.0))
                arcs.append(Arc(nodes[prefix], nodes[prefix], loop_transition(ids[end - 1]), 0, 0.0))
            at = nodes[prefix]
        label = 0 if written else word
        arcs.append(Arc(at, _ROOT, 0, label, _LN2))
        arcs.append(Arc(at, _PAUSE, forward_transition(SILENCE_ID), label, _LN2))
    return Automaton(_PAUSE + 1 + len(nodes), arcs, {_ROOT: 0.0})


def build_language(texts: Sequence[Text], ids: Mapping[str, int]) -> Automaton:
    """Build the bigram acceptor with absolute discounting; backing off reads nothing (label 0).

    State 0 is the beginning of a sentence, 1 is "any word before".
    """
    single: Counter[str] = Counter()
    pairs: dict[str, Counter[str]] = defaultdict(Counter)
    pairs[_BEGIN][_END] = len(texts) // _EMPTY_SHARE
    for text in texts:
        for before, word in zip((_BEGIN, *text), (*text, _END), strict=True):
            single[word] += 1
            pairs[before][word] += 1
    total = sum(single.values()) + _FLOOR * (len(ids) + 1)
    chance = {word: (single[word] + _FLOOR) / total for word in (*ids, _END)}
    states = {_BEGIN: 0} | {word: state for state, word in enumerate((w for w in pairs if w != _BEGIN), 2)}
    arcs = [Arc(1, states.get(w, 1), ids[w], ids[w], -math.log(p)) for w, p in chance.items() if w != _END]
    final = {1: -math.log(chance[_END])}
    for before, following in pairs.items():
        state, seen = states[before], sum(following.values())
        backing_off = _DISCOUNT * len(following) / seen
        arcs.append(Arc(state, 1, 0, 0, -math.log(backing_off)))
        for word, count in following.items():
            cost = -math.log((count - _DISCOUNT) / seen + backing_off * chance[word])
            if word == _END:
                final[state] = cost
            else:
                arcs.append(Arc(state, states.get(word, 1), ids[word], ids[word], cost))
    return Automaton(len(states) + 1, arcs, final)


def build_graph(
    lexicon: Mapping[str, Pronunciation], texts: Sequence[Text], table: PhoneTable
) -> dict[str, bytes]:
    """Give every file under `graph/` as path → bytes."""
    spelled = number_words(lexicon, table)
    ids = {word: number for number, word in enumerate(spelled, 1)}
    return {
        "graph/words.txt": _format_words(ids).encode(),
        "graph/HCLr.fst": write_lookahead(build_pronunciations(spelled), len(ids)),
        "graph/Gr.fst": write_const(build_language(texts, ids), sort_by_output=False),
        "graph/disambig_tid.int": b"",  # Vosk opens it; this graph has no disambiguation symbols
        "graph/phones.txt": table.format_names().encode(),
        "graph/phones/word_boundary.int": table.format_boundaries().encode(),
    }


def _format_words(ids: Mapping[str, int]) -> str:
    lines: Iterable[str] = (f"{word} {number}\n" for word, number in ids.items())
    return "<eps> 0\n" + "".join(lines)
