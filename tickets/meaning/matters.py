"""Several matters in one dictation: where a caller turns to the next one, and whether they surely are several. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tickets.meaning.risk import spot_all
from tickets.meaning.topics import name_topics
from tickets.meaning.words import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tickets.meaning.address import Span
    from tickets.meaning.words import Words

_TURN = re.compile(
    "还有(?:就是)?(?:另外)?(?:一个|一件|个|件|一桩|一点|第二件)(?:事儿?|问题|情况|事情)?|还有就是说?|还想(?:再)?(?:反映|问|说|投诉|举报)(?:一下|下)?"
    "|另外(?:还有)?(?:一个|一件|个|就是)?(?:事儿?|问题|情况|呢)?|第[二三四](?:个|件|点|桩)(?:事儿?|问题|情况)?(?:呢|是|就是)?"
    "|(?:完了)?再(?:就是|有就是|一个|一件|[说讲]一?[个件](?=事)|反映一?[个件]|问一个|问一下)(?:事儿?|问题|情况)?(?:呢|是|就是)?"
    "|(?<![十周拜期月老第百千零〇幺两一二三四五六七八九0-9])二(?:呢|来呢?|是)(?:就?是)?"
    "|顺便(?:再)?(?:问|说|反映|投诉)(?:一下|一个|下|个)?|除了这个(?:事儿?)?(?:之外|以外)?"
)
_COURTESY = re.compile(
    "(?:那|就是|这个|这事儿?|咱们?|你们?|您|大概|到底)*(?:(?:啥|什么)时候|多久|多长时间|几天|哪天)(?:能|会|才|可以|给|有人)*"
    "(?:修|处理|解决|弄|办|来|派|回复|答复|恢复|通知|完|到|好)|您?你?贵姓|您?你?(?:的)?工号"
)
"""What is asked of the matter just told, or of who listens."""
_SHORTEST = 4  # characters that make a matter
_SEVERAL = 2


def split(words: Words) -> tuple[str, ...]:
    """The matters of a dictation in the caller's words, in their order; one when he tells of one, none for no words."""
    begins, text = [0, *(turn[1] for turn in _turn(words.text))], words.text
    ends = [*(turn[0] for turn in _turn(words.text)), len(text)]
    return tuple(text[begin:end] for begin, end in zip(begins, ends, strict=True) if begin < end)


def find_further(text: str) -> tuple[int, ...]:
    """Where in ``text``, as it was said, further matters begin that surely are matters of their own; () if not so.

    Surely are they when each speaks of something, and none of what another speaks of. Of danger nothing is split off.
    """
    words = plain(text)
    parts = split(words)
    topics = [set(name_topics(part)) for part in parts]
    apart = all(topics) and sum(map(len, topics)) == len(set().union(*topics))
    if len(parts) < _SEVERAL or not apart or spot_all(words):
        return ()
    return _place(text, [begin for begin, _ in _turn(words.text)])


def _turn(text: str) -> Iterator[Span]:
    """The words by which the caller turns to the next matter, from one that is long enough to another."""
    begin = 0
    for turn in _TURN.finditer(text):
        head, rest = text[begin : turn.start()], text[turn.end() :]
        short = len(head) < _SHORTEST or len(rest) < _SHORTEST
        if short or text[turn.start() - 1] in "的没" or _COURTESY.match(rest):
            continue
        yield turn.span()
        begin = turn.end()


def _place(text: str, offsets: list[int]) -> tuple[int, ...]:
    """Offsets in the plain text as offsets in the text; () where the two do not run side by side."""
    places: list[int] = []
    length = 0
    for position, character in enumerate(text):
        told = len(plain(character).text)
        if told and len(places) < len(offsets) and length >= offsets[len(places)]:
            places.append(position)
        length += told
    return tuple(places) if len(places) == len(offsets) else ()
