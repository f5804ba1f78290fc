"""Whether a model knows the words that the flows listen for: what it does not know it can never hear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from asr.grammar import segment
from ivr.flow import Ask, Connect, Digits
from tickets.meaning.sound import sound

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from ivr.flow import Flow

_EVERYWHERE: Final = ("person", "somebody", "repeat")
_SHOWN: Final = 3
_LONGEST: Final = 8  # characters of a vocabulary's words


@dataclass(frozen=True, slots=True)
class Unknown:
    """A word that a flow listens for and a model does not know, at ``place`` (FILE:LINE), of the class ``answer``.

    ``piece`` is what of it is unknown, ``others`` are those of the class that it knows. Without any, speech is free
    wherever the class is asked for, and ``alike`` are words of the model that sound like the piece.
    """

    place: str
    answer: str
    word: str
    piece: str
    alike: tuple[str, ...]
    others: tuple[str, ...]

    def __str__(self) -> str:
        told = (
            f"{self.place}: “{self.word}”({self.answer}): 模型没有“{self.piece}”这个词 / "
            f"the model has no word {self.piece!r}"
        )
        if self.others:
            return f"{told} — 可用同类的 / use others of the class: {'、'.join(self.others[:_SHOWN])}"
        if self.alike:
            like = "、".join(self.word.replace(self.piece, one) for one in self.alike)
            return f"{told} — 可改写为同音的 / write what sounds like it: {like}"
        return (
            f"{told} — 这一类一个也不认识,提问时改为自由识别;请换常用的说法 / "
            "it knows none of this class, so that speech is free where it is asked for: write what people commonly say"
        )


def list_classes(flows: Iterable[Flow]) -> tuple[frozenset[str], ...]:
    """The words of each class that a question of these flows listens for."""
    return tuple({frozenset(flow.words.classes[name]) for flow in flows for name in _asked(flow)})


def find_unknown(flows: Iterable[Flow], vocabulary: Collection[str]) -> tuple[Unknown, ...]:
    """What of the flows' words a model of this VOCABULARY does not know, each line once."""
    found: dict[tuple[str, str], Unknown] = {}
    alike: dict[tuple[str, ...], list[str]] | None = None
    for flow in flows:
        for name in _asked(flow):
            words = flow.words.classes[name]
            lost = [word for word in words if segment(word, vocabulary.__contains__) is None]
            others = tuple(word for word in words if word not in lost)
            if not others and alike is None:
                alike = _by_sound(vocabulary)
            for word in lost:
                place, piece = flow.places.get((name, word), flow.name), _unknown_piece(word, vocabulary)
                like = tuple((alike or {}).get(sound(piece), ())[:_SHOWN])
                found.setdefault((place, word), Unknown(place, name, word, piece, like, others))
    return tuple(found.values())


def _asked(flow: Flow) -> tuple[str, ...]:
    answers = [
        name
        for node in flow.nodes.values()
        if isinstance(node, Ask | Digits | Connect)
        for name in node.answers
    ]
    return tuple(name for name in dict.fromkeys((*answers, *_EVERYWHERE)) if flow.words.classes.get(name))


def _unknown_piece(word: str, vocabulary: Collection[str]) -> str:
    """The part of WORD that is left when the longest known words are taken from both ends."""
    start, end = 0, len(word)
    while head := next(
        (n for n in range(end - start - 1, 0, -1) if word[start : start + n] in vocabulary), 0
    ):
        start += head
    while tail := next((n for n in range(end - start - 1, 0, -1) if word[end - n : end] in vocabulary), 0):
        end -= tail
    return word[start:end]


def _by_sound(vocabulary: Collection[str]) -> dict[tuple[str, ...], list[str]]:
    found: dict[tuple[str, ...], list[str]] = {}
    for word in sorted(_han(vocabulary)):
        found.setdefault(sound(word), []).append(word)
    return found


def _han(vocabulary: Collection[str]) -> Iterator[str]:
    return (
        word for word in vocabulary if len(word) <= _LONGEST and all("\u4e00" <= c <= "\u9fff" for c in word)
    )
