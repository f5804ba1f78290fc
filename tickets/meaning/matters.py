"""Several matters in one dictation: where a caller turns to the next one. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tickets.meaning.words import Words

_TURN = re.compile(
    "还有(?:就是)?(?:另外)?(?:一个|一件|个|件|一桩|一点|第二件)(?:事儿?|问题|情况|事情)?|还有就是说?|还想(?:再)?(?:反映|问|说|投诉|举报)"
    "|另外(?:还有)?(?:一个|一件|个|就是)?(?:事儿?|问题|情况|呢)?|第[二三四](?:个|件|点|桩)(?:事儿?|问题|情况)?(?:呢|是|就是)?"
    "|再(?:就是|有就是|一个|一件|说一个|说一件|反映一个|反映一件|问一个|问一下)(?:事儿?|问题|情况)?(?:呢|是|就是)?"
    "|顺便(?:再)?(?:问|说|反映|投诉)(?:一下|一个|个)?|除了这个(?:事儿?)?(?:之外|以外)?"
)
_SHORTEST = 6  # characters that make a matter


def split(words: Words) -> tuple[str, ...]:
    """The matters of a dictation in the caller's words, in their order; one when he tells of one, none for no words."""
    text = words.text
    parts: list[str] = []
    begin = 0
    for turn in _TURN.finditer(text):
        head, rest = text[begin : turn.start()], text[turn.end() :]
        if len(head) < _SHORTEST or len(rest) < _SHORTEST or text[turn.start() - 1] in "的没":
            continue
        parts.append(head)
        begin = turn.end()
    if text[begin:]:
        parts.append(text[begin:])
    return tuple(parts)
