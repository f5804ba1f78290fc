"""Spoken Chinese numbers to figures."""

from __future__ import annotations

import re

SPOKEN = "[零〇一二两三四五六七八九十百千幺]"

_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "幺": 1, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}


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


def write_digits(text: str, before: str) -> str:
    """``text`` with the spoken numbers that stand before one of the words of ``before`` (a pattern) in figures."""
    return re.sub(rf"{SPOKEN}+(?={before})", lambda match: read_number(match[0]), text)
