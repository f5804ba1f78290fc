"""When an answer to a closed question is none: who says something else is asked again, not taken at a word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asr.grammar import segment
from gateway.site import metrics
from ivr.words import CHECK_NAMES, SPOKEN_DIGITS
from tickets.meaning.risk_rules import phrases as dangers
from tickets.meaning.sound import sound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asr.again import HeardAgain
    from asr.transcript import Utterance
    from ivr.words import Words
    from tickets.meaning.watch import Watch

_SIGNS: Final = frozenset((*SPOKEN_DIGITS, *CHECK_NAMES))
_NUMBER: Final = 3  # digits: fewer beside an answer are no number, but what other speech became


def is_doubtful(text: str, confidence: float, least: float, phrases: Sequence[str], words: Words) -> bool:
    """Whether TEXT, heard for PHRASES as sure as CONFIDENCE, is no answer: too unsure, or several answers at once.

    A recogniser that listens for phrases has only their words for whatever is said: of other speech it makes answers
    in a row, and bits of them, and may be sure of each. Text of other words was heard freely, and is not doubted for
    what it consists of.
    """
    if not text:
        return False
    if confidence < least:
        return True
    pieces = segment(text, set(phrases).__contains__)
    if pieces is None:
        return set(text) <= {char for phrase in (*phrases, *dangers()) for char in phrase}
    return not _agree(pieces, words)


def believe(told: HeardAgain, watch: Watch) -> Utterance:
    """What was said in a phrase that was heard twice.

    That is what was heard freely; but where that is nothing, or sounds the same as what tells of danger (和农药了,
    喝农药了), the other.
    """
    freely, among = told.freely, told.among
    said = freely if freely and freely.text else among
    if freely is None:
        result = "lost"
    elif watch.suspects(among.text) and sound(freely.text) == sound(among.text):
        said, result = among, "danger"
    elif watch.suspects(said.text):
        result = "danger"
    else:
        result = "refuted" if watch.suspects(among.text) else "words"
    metrics.HEARD_AGAIN.labels(result).inc()
    return said


def _agree(pieces: Sequence[str], words: Words) -> bool:
    """Whether these are one answer: the same or of one class, whatever number (不对, 幺三八…) stands beside it.

    A digit or two beside it are no number: of 暖气不热 a grammar makes 七不可以. All that asks for a person is one
    answer: 人工,转人工.
    """
    said = set(pieces) - _SIGNS
    if said and 0 < sum(piece in _SIGNS for piece in pieces) < _NUMBER:
        return False
    asking = {word for name in ("person", "somebody") for word in words.classes.get(name, ())}
    return len(said) <= 1 or any(said <= set(meaning) for meaning in (*words.classes.values(), asking))
