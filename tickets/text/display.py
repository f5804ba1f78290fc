"""A phrase as an agent reads it: no fillers, numbers in figures, marks. Each word keeps its time and its confidence.

The words as they were heard stay what all else goes by: rules, search, corrections, figures of recognition. Pure.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from asr.joining import part
from asr.transcript import Utterance, Word
from tickets.meaning.files import chosen
from tickets.text.numbers import find_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asr.transcript import Transcript
    from ivr.matter import Matter
    from tickets.meaning.files import RuleFiles

_FILLERS: Final = frozenset("嗯呃唔额欸诶")
_HESITATIONS: Final = frozenset(
    ["啊", "哎", "那个", "这个", "就是", "就是说"]
)  # said with nothing behind them
_STUTTERED: Final = frozenset("我你他她这那就在把")
_HESITATION_S: Final = 0.25
_PAUSE_S: Final = 0.3
_LONG_PAUSE_S: Final = 0.6
_LEAST_PAUSE_S: Final = 0.1
_PARTICLE = re.compile("(?:[吗吧啦嘛呀啊呢]|(?<![为除])了)$")
_UNFINISHED = re.compile("[的在和跟与把被给对从到向就不很因为]$|因为$|但是$|所以$|如果$|还有$")
_JOINT = re.compile("但是|可是|所以|因为|而且|如果|要是|然后|另外|还有|结果|不过")
_ASKS = re.compile(
    "什么|怎么|为啥|咋|多少|哪[里儿个家些]|谁|几[点号天]|能不能|是不是|有没有|可不可以|会不会|要不要|行不行|该不该|对不对"
)
_TELLS = re.compile(
    "不知道|没什么|不管|无论|什么都|谁都|怎么都|怎么也|多少次|多少年|为什么事|(?<!请)问一下|想问|想知道|没有什么"
)
_QUESTION = re.compile("(?:吗|(?<![什这那怎要多])么)$")
_CLAUSE: Final = 4  # characters before which no comma stands unless the pause is long
_SENTENCE: Final = 12


def write_phrase(utterance: Utterance) -> tuple[Word, ...]:
    """The words of a phrase to be read, with marks and, between Latin ones, a blank. One that is all fillers stays.

    Without words of its own it is written as a whole, its pauses unknown.
    """
    return _write(utterance, chosen()) if utterance.text.strip() else ()


@lru_cache(maxsize=1024)  # a call is filed more than once
def _write(utterance: Utterance, _files: RuleFiles) -> tuple[Word, ...]:
    words: Sequence[Word] = [word for word in utterance.words if word.text]
    if "".join(w.text for w in words) != utterance.text.replace(" ", ""):
        words = (Word(utterance.text, utterance.start, utterance.end, utterance.confidence),)
    return _punctuate(_write_numbers(_drop_fillers(words)), confirmed=utterance.confirmed)


def read_phrase(utterance: Utterance) -> str:
    """The text of `write_phrase`."""
    return "".join(word.text for word in write_phrase(utterance))


def read_matter(matter: Matter, words: Transcript) -> str:
    """A dictation to be read; phrases that ``words`` have not, as those that were parted, without their pauses."""
    known = {(u.start, u.end, u.text): u for u in words.utterances}
    return "".join(
        read_phrase(
            known.get(
                (said.start, said.end, said.text),
                Utterance(said.text, (), said.start, said.end, said.confidence, 0.0, said.confirmed),
            )
        )
        for said in matter.spoken
    )


def _drop_fillers(words: Sequence[Word]) -> Sequence[Word]:
    kept: list[Word] = []
    for index, word in enumerate(words):
        after = words[index + 1] if index + 1 < len(words) else None
        if word.text in _FILLERS or (after is not None and _hesitates(word, after)):
            continue
        kept.append(word)
    return kept or words


def _hesitates(word: Word, after: Word) -> bool:
    """Whether WORD is said for want of a better one, or begun and said again."""
    pause = after.start - word.end
    if word.text in _HESITATIONS:
        return pause >= _HESITATION_S or after.text == word.text
    return word.text in _STUTTERED and after.text.startswith(word.text)


def _write_numbers(words: Sequence[Word]) -> tuple[Word, ...]:
    """The words with each number one word in figures, in its time, as sure as the least sure part of it."""
    chars = [char for index, word in enumerate(words) for char in _spread(word, index)]
    text = "".join(char.text for char, _ in chars)
    written: list[Word] = []
    at = 0
    for start, end, figures in find_numbers(text):
        written += _regroup(chars[at:start])
        part = [char for char, _ in chars[start:end]]
        written.append(Word(figures, part[0].start, part[-1].end, min(c.confidence for c in part)))
        at = end
    return (*written, *_regroup(chars[at:]))


def _spread(word: Word, index: int) -> Iterator[tuple[Word, int]]:
    """Its characters, each with its share of the time, and which word they are of."""
    share = (word.end - word.start) / len(word.text)
    for place, char in enumerate(word.text):
        start = word.start + share * place
        yield Word(char, start, start + share, word.confidence), index


def _regroup(chars: Sequence[tuple[Word, int]]) -> Iterator[Word]:
    """Characters of one word as that word, or what is left of it."""
    held: Word | None = None
    of = -1
    for char, index in chars:
        if held is not None and index == of:
            held = replace(held, text=held.text + char.text, end=char.end)
            continue
        if held is not None:
            yield _round(held)
        held, of = char, index
    if held is not None:
        yield _round(held)


def _round(word: Word) -> Word:
    return replace(word, start=round(word.start, 3), end=round(word.end, 3))


def _punctuate(words: Sequence[Word], *, confirmed: bool) -> tuple[Word, ...]:
    """The words, the last before each mark with it."""
    marked: list[Word] = []
    sentence = clause = ""
    for word, after in zip(words, (*words[1:], None), strict=True):
        sentence, clause = sentence + word.text, clause + word.text
        if after is None:
            mark = _end(sentence) if confirmed else "……"
        else:
            mark = _pause(sentence, clause, after.start - word.end, after.text)
        marked.append(
            replace(word, text=part(marked[-1].text if marked else "", word.text) + word.text + mark)
        )
        clause = "" if mark else clause
        sentence = "" if mark in ("。", "？") else sentence
    return tuple(marked)


def _pause(sentence: str, clause: str, pause: float, after: str) -> str:
    """The mark where the speaker pauses so long before AFTER, and where he does not."""
    if _UNFINISHED.search(clause):
        return ""
    if _QUESTION.search(clause) and pause >= _LEAST_PAUSE_S:
        return "？"
    particle = _PARTICLE.search(clause) is not None
    if pause >= _LONG_PAUSE_S and len(sentence) >= _SENTENCE and (particle or _asks(sentence)):
        return _end(sentence)
    if len(clause) < _CLAUSE:
        return "，" if pause >= _LONG_PAUSE_S else ""
    joint = particle or _JOINT.match(after) is not None
    return "，" if pause >= (_LEAST_PAUSE_S if joint else _PAUSE_S) else ""


def _end(sentence: str) -> str:
    if _UNFINISHED.search(sentence) and len(sentence) > _CLAUSE:
        return "，"
    return "？" if _asks(sentence) else "。"


def _asks(sentence: str) -> bool:
    return _QUESTION.search(sentence) is not None or (
        _ASKS.search(sentence) is not None and _TELLS.search(sentence) is None
    )
