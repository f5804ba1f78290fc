"""Spoken Chinese numbers to figures: the one place that reads them. Names are never read as numbers (六十铺镇)."""

from __future__ import annotations

import re

SPOKEN = "[零〇一二两三四五六七八九十百千幺]"

_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "幺": 1, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万": 10_000, "亿": 100_000_000}
_ONE_BY_ONE = str.maketrans("零〇一二三四五六七八九幺洞", "0012345678910")
_ARABIC = re.compile("[0-9]+")

DIGIT = "[0-9零〇一二三四五六七八九幺洞]"
"""A digit that is said by itself, as those of a telephone number are."""
LINK = "[嗯啊呃哦对是再]|然后|后面|后头|接着"
"""What a caller says between the parts of such a number."""
AMOUNT_WORDS = "零〇一二两三四五六七八九十百千万亿"
"""What a number that is said as a whole is made of."""
AMOUNT = (
    "(?:[0-9零〇一二两三四五六七八九十百千]{1,12}(?:[万亿][0-9零〇一二两三四五六七八九十百千]{0,12}){0,2})"
)
"""A number that is said as a whole."""


def read_number(spoken: str) -> str:
    """A number in figures: ``一百二十八`` → ``128``, ``一百二`` → ``120``, ``幺零二`` → ``102`` (digit by digit).

    ``spoken`` matches ``SPOKEN`` throughout.
    """
    if not any(c in _UNITS for c in spoken):
        return "".join(str(_DIGITS[c]) for c in spoken)
    total, digit, unit = 0, 0, 10
    for c in spoken:
        if c in _UNITS:
            unit = _UNITS[c]
            total += (digit or 1) * unit
            digit = 0
        else:
            digit = _DIGITS[c]
            if digit == 0:
                unit = 10  # 一百零二: what follows counts ones
    return str(total + digit * unit // 10)  # 一百二: the last unit goes without saying


def read_amount(spoken: str) -> int:
    """A number that matches ``AMOUNT``: ``八万六`` → 86000, ``两千三`` → 2300, ``30`` → 30."""
    total, rest = 0, spoken
    for name, unit in sorted(_MYRIADS.items(), key=lambda named: -named[1]):
        head, found, tail = rest.partition(name)
        if found:
            total += _read_small(head or "一") * unit
            rest = tail
            if len(rest) == 1 and rest in _DIGITS:  # 八万六
                return total + _DIGITS[rest] * unit // 10
    return total + (_read_small(rest) if rest else 0)


def read_digits(spoken: str) -> str:
    """Digits that were said one by one, each matching ``DIGIT``, in figures."""
    return spoken.translate(_ONE_BY_ONE)


def write_digits(text: str, before: str) -> str:
    """``text`` with the spoken numbers that stand before one of the words of ``before`` (a pattern) in figures."""
    return re.sub(rf"{SPOKEN}+(?={before})", lambda match: read_number(match[0]), text)


def _read_small(spoken: str) -> int:
    """A number below 10,000, in figures or words or both."""
    words = "".join(c for c in spoken if c in _DIGITS or c in _UNITS)
    figures = _ARABIC.search(spoken)
    return int(figures[0]) if figures else int(read_number(words)) if words else 0
