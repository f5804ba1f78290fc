"""Numbers of identity cards and residence permits: 18 characters, by GB 11643-1999. Pure."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

_FORM: Final = re.compile("([1-9][0-9])[0-9]{4}([0-9]{4})([0-9]{2})([0-9]{2})[0-9]{3}[0-9X]")
# GB/T 2260, by the first two digits; 9: a foreigner's permanent residence permit.
_PROVINCES: Final = frozenset(
    map(
        str,
        (
            *range(11, 16),
            *range(21, 24),
            *range(31, 38),
            *range(41, 47),
            *range(50, 55),
            *range(61, 66),
            71,
            81,
            82,
            83,
        ),
    )
)
_FOREIGN: Final = "9"
_OLDEST: Final = 130  # years
_WEIGHTS: Final = tuple(2**power % 11 for power in range(17, 0, -1))
_CHECKS: Final = "10X98765432"


def is_identity(number: str, today: date) -> bool:
    """Whether NUMBER can be somebody's TODAY: region, date of birth, and check character (ISO 7064, MOD 11-2)."""
    found = _FORM.fullmatch(number)
    if found is None or not (found[1] in _PROVINCES or number.startswith(_FOREIGN)):
        return False
    try:
        born = date(int(found[2]), int(found[3]), int(found[4]))
    except ValueError:
        return False
    return 0 <= today.year - born.year <= _OLDEST and born <= today and number[-1] == find_check(number)


def find_check(number: str) -> str:
    """The last character that goes with the 17 digits before it."""
    weighed = sum(int(digit) * weight for digit, weight in zip(number, _WEIGHTS, strict=False))
    return _CHECKS[weighed % 11]
