"""A ticket's title as an agent would write it: the phrase that says most, without place, courtesy and numbers. Pure."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from tickets.meaning.address import GAP, mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ivr.matter import AppealType
    from tickets.meaning.address import Span
    from tickets.meaning.words import Words

LONGEST = 30
"""Characters."""

_COURTESY = re.compile(
    "^(?:喂|哎|唉|你好|您好|同志|那个|这个|就是|嗯|啊|呃|哦|俺|对|是一二三四五吗|我跟你(?:们)?(?:说|反映)(?:一?个|一下)?(?:事儿?|情况)?"
    "|我说一?个事儿?啊?|我打电话是|打电话|我想要|我想|我要|我来|想要|要(?!求|生|债|钱)|麻烦|帮我|请问|请教|问一下|问问|问下|咨询(?:一下|个事儿?|个事情|下)?"
    "|了解一下|知道|反映(?:一下|个情况)?|投诉(?:一下|一个|啊)?|举报(?:一下)?(?:一个)?(?=.{4})|跟领导|给你们?|提个(?:意见|建议|醒)|说一下|说"
    "|还有(?:就是|一?[个件]事儿?)|另外(?:还有)?(?:一?[个件]事儿?)?|再一?[个件](?:事儿?)?|再就是|第[二三四][个件]事?儿?|顺便"
    "|能不能帮(?:我|忙)?|你们能不能|的|了|呢|吧|呀|这边|那边|这儿|这里|在|是|他|住|们)+"
)
_TAIL = re.compile("(?:啊|呀|呢|吧|嘛|哈|了吧|怎么办|你们?管管吧?|谢谢|在|的|是|位于|到底|这边|那边)+$")
_JOINT = re.compile(
    "(?<=.{6})(?=但是|可是|然后|而且|所以|因为|现在|到现在|请你|希望|麻烦|能不能|有没有|想问|请问|要求)"
)
_WEIGHTY = re.compile(
    "坏|停|漏|堵|断|塌|裂|欠|拖|骗|偷|不给|不退|没人|不管|乱|收费|扰民|噪|臭|污|烟|火|晕|打|撞|补|办|申请|保|金|钱|证|户口|路|灯|水|电"
    "|房|学|医|药|车|地|建议|表扬|感谢|举报|投诉|多少|怎么|什么|哪"
)
_ME_ONLY = re.compile("^我?(?:家|叫|姓|是|们|电话|手机|号码|名字|今年|住).{0,8}$")
_OUTRIGHT: dict[AppealType, str] = {"咨询": "咨询", "举报": "举报", "建议": "建议", "表扬": "表扬"}
_SHORTEST = 4


def entitle(words: Words, appeal: AppealType | None, hidden: Sequence[Span], key: Sequence[str]) -> str:
    """The title of what ``words`` say; "" for none.

    ``hidden`` are stretches that do not belong there (places, personal numbers), ``key`` are words that led to a
    decision: the phrase that has them is the one.
    """
    masked = mask(words.text, hidden)
    cuts = [0, *words.ends, len(masked)]
    phrases = [_strip(part) for a, b in pairwise(cuts) for part in _JOINT.split(masked[a:b])]
    told = [phrase for phrase in phrases if phrase]
    if not told:
        return ""
    best = max(range(len(told)), key=lambda index: (_weigh(told[index], key), -index))
    title = told[best]
    for phrase in told[best + 1 :]:
        if len(title) >= _SHORTEST * 2 or len(title) + len(phrase) >= LONGEST:
            break
        title += "," + phrase
    prefix = _OUTRIGHT.get(appeal, "") if appeal else ""
    if prefix and prefix not in title and not (appeal == "表扬" and "感谢" in title):
        title = prefix + title
    return title[:LONGEST].rstrip(",")


def _strip(phrase: str) -> str:
    rest = _TAIL.sub("", _COURTESY.sub("", phrase.replace(GAP, "")))
    return _COURTESY.sub("", rest) if len(rest) >= _SHORTEST else rest


def _weigh(phrase: str, key: Sequence[str]) -> float:
    if len(phrase) < _SHORTEST or _ME_ONLY.match(phrase):
        return len(phrase) / 100
    found = len(set(_WEIGHTY.findall(phrase))) + 3 * sum(word in phrase for word in key if len(word) > 1)
    return found + min(len(phrase), 16) / 16
