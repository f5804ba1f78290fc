"""Sentences of callers, drawn from a small weighted grammar (`sentences.yaml`).

The language model counts these sentences and the acoustic corpus speaks them. Every draw comes from the caller's
`random.Random`, so that a seed names its sentences.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Literal

import yaml

from asr.demo_model.dice import happens
from asr.demo_model.vocabulary import Vocabulary

SENTENCES = Path(__file__).with_name("sentences.yaml")

_TOKEN = re.compile(r"<([^<>]*)>|\(([^()]*)\)|([^\s<>()]+)")
_WEIGHT = re.compile(r"(\d+)\| *")
_DIGITS = "零一二三四五六七八九"
_SPOKEN_ONE = "幺"
_MOBILE_DIGITS = 11
_MAX_DEPTH = 12


class GrammarError(ValueError):
    """The grammar file names a rule, group or word that does not exist, or is written wrongly."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of an alternative: what stands there and how often (0 to 1)."""

    kind: Literal["word", "rule", "any", "digits", "number", "mobile"]
    name: str = ""
    low: int = 0
    high: int = 0
    chance: float = 1.0


@dataclass(frozen=True, slots=True)
class Rule:
    """The alternatives of one rule with their cumulative weights."""

    alternatives: tuple[tuple[Slot, ...], ...]
    cumulative: tuple[int, ...]


def spell_number(value: int) -> list[str]:
    """Say 1 to 9999 in words: 128 → 一 百 二 十 八."""
    words: list[str] = []
    gap = False
    for size, unit in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = value // size % 10
        if digit == 0:
            gap = bool(words)
            continue
        if gap:
            words.append("零")
            gap = False
        if not (size == 10 and digit == 1 and not words):  # noqa: PLR2004 - 十二, not 一十二
            words.append(_DIGITS[digit])
        if unit:
            words.append(unit)
    return words


def spell_digits(rng: random.Random, count: int) -> list[str]:
    """Say `count` random digits one by one; in most numbers 1 is said 幺."""
    one = _SPOKEN_ONE if count > 1 and happens(rng, 0.8) else _DIGITS[1]
    return [one if digit == 1 else _DIGITS[digit] for digit in (rng.randrange(10) for _ in range(count))]


def spell_mobile(rng: random.Random) -> list[str]:
    """Say a random mobile number of 11 digits beginning with 13 to 19."""
    rest = "".join(spell_digits(rng, _MOBILE_DIGITS - 2))
    one = _DIGITS[1] if _DIGITS[1] in rest else _SPOKEN_ONE
    return [one, _DIGITS[rng.randint(3, 9)], *rest]


class Grammar:
    """Draws sentences; made by `load_grammar`, which has checked every name in it."""

    def __init__(self, rules: Mapping[str, Rule], vocabulary: Vocabulary) -> None:
        self._rules = rules
        self._vocabulary = vocabulary

    def draw(self, rng: random.Random, rule: str = "sentence") -> list[str]:
        """Draw one sentence as a list of vocabulary words, at least one."""
        while True:
            words = self._expand(rng, rule, 0)
            if words:
                return words

    def _expand(self, rng: random.Random, name: str, depth: int) -> list[str]:
        if depth > _MAX_DEPTH:
            raise GrammarError(f"rule {name!r} goes more than {_MAX_DEPTH} rules deep: is it recursive?")
        rule = self._rules[name]
        (alternative,) = rng.choices(rule.alternatives, cum_weights=rule.cumulative)
        words: list[str] = []
        for slot in alternative:
            if slot.chance < 1 and not happens(rng, slot.chance):
                continue
            words += self._fill(rng, slot, depth)
        return words

    def _fill(self, rng: random.Random, slot: Slot, depth: int) -> list[str]:
        match slot.kind:
            case "word":
                return [slot.name]
            case "any":
                return [rng.choice(self._vocabulary.groups[slot.name])]
            case "digits":
                return spell_digits(rng, rng.randint(slot.low, slot.high))
            case "number":
                return spell_number(rng.randint(slot.low, slot.high))
            case "mobile":
                return spell_mobile(rng)
            case _:
                return self._expand(rng, slot.name, depth + 1)


def _parse_slot(token: re.Match[str], where: str) -> Slot:
    always, maybe, word = token.groups()
    if word is not None:
        return Slot("word", name=word)
    if maybe is not None:
        name, _, percent = maybe.partition(" ")
        return Slot("rule", name=name, chance=int(percent or 50) / 100)
    slot: Slot | None = None
    match always.split():
        case ["any", group]:
            slot = Slot("any", name=group)
        case ["digits", low, high]:
            slot = Slot("digits", low=int(low), high=int(high))
        case ["number", high]:
            slot = Slot("number", low=1, high=int(high))
        case ["mobile"]:
            slot = Slot("mobile")
        case [name]:
            slot = Slot("rule", name=name)
    if slot is None:
        raise GrammarError(
            f"{where}: <{always}> is none of <rule>, <any G>, <digits A B>, <number N>, <mobile>"
        )
    return slot


def _check(slot: Slot, rules: Mapping[str, object], vocabulary: Vocabulary, where: str) -> None:
    if slot.kind == "word" and slot.name not in vocabulary.pinyin:
        raise GrammarError(
            f"{where}: the word {slot.name!r} is not in vocabulary.yaml; add it to a group there"
        )
    if slot.kind == "any" and slot.name not in vocabulary.groups:
        raise GrammarError(f"{where}: vocabulary.yaml has no group {slot.name!r}")
    if slot.kind == "rule" and slot.name not in rules:
        raise GrammarError(f"{where}: there is no rule {slot.name!r}; write it or mend its name")


def load_grammar(vocabulary: Vocabulary, path: Path = SENTENCES) -> Grammar:
    """Read and check the grammar.

    Raises:
        GrammarError: naming the rule and the alternative, for anything the vocabulary or the file does not have.
    """
    texts: dict[str, list[str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    rules: dict[str, Rule] = {}
    for name, alternatives in texts.items():
        parsed: list[tuple[Slot, ...]] = []
        weights: list[int] = []
        for text in map(str, alternatives):
            where = f"{path.name}: {name}: {text!r}"
            weight = _WEIGHT.match(text)
            weights.append(int(weight[1]) if weight else 1)
            body = text[weight.end() :] if weight else text
            slots = tuple(_parse_slot(token, where) for token in _TOKEN.finditer(body))
            for slot in slots:
                _check(slot, texts, vocabulary, where)
            parsed.append(slots)
        rules[name] = Rule(tuple(parsed), tuple(accumulate(weights)))
    return Grammar(rules, vocabulary)
