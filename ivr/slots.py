"""What prompts are filled with, ready to be said."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ivr.state import State

_PAUSE = "\uff0c"  # the Chinese comma
_TAIL = 4
_MOBILE = 11
_ORDER = ("first", "second", "third")
_FIGURES = "零一二三四五六七八九"
_WEEK = "一二三四五六日"


def fill(slots: Iterable[str], state: State) -> Mapping[str, str] | None:
    """The values of these slots; None if one of them is not known."""
    values = {slot: _value(slot, state) for slot in slots}
    return values if all(values.values()) else None


def _value(slot: str, state: State) -> str:  # noqa: C901, PLR0911 - one for each slot
    matter = state.matter
    match slot:
        case "place":
            return matter.place_name or matter.place
        case "brief":
            return matter.brief
        case "tail":
            return state.caller[-_TAIL:] if len(state.caller) >= _TAIL else ""
        case "first" | "second" | "third":
            names = [candidate.name for candidate in state.offers]
            return dict(zip(_ORDER, names, strict=False)).get(slot, "")
        case "target":
            return state.target
        case "ticket":
            return _PAUSE.join(state.informed.ticket[-_TAIL:]) if state.informed else ""
        case "status":
            return state.informed.status if state.informed else ""
        case "answer":
            return state.informed.text if state.informed else ""
        case "contact":
            return _grouped(matter.contact)
        case "identity":
            number = state.identity
            return _PAUSE.join(filter(None, (number[:6], number[6:10], number[10:14], number[14:])))
        case "day":
            return _say_day(date.fromisoformat(state.day)) if state.day else ""
        case _:
            return _grouped(state.number)


def _say_day(day: date) -> str:
    """``二零二六年十一月二十四日，星期二``: figures would be read one by one."""
    year = "".join(_FIGURES[int(digit)] for digit in str(day.year))
    return f"{year}年{_say_number(day.month)}月{_say_number(day.day)}日{_PAUSE}星期{_WEEK[day.weekday()]}"


def _say_number(number: int) -> str:
    """From 1 to 99."""
    tens, ones = divmod(number, 10)
    ten = ("" if tens == 1 else _FIGURES[tens]) + "十" if tens else ""
    return ten + (_FIGURES[ones] if ones else "")


def _grouped(digits: str) -> str:
    """Digits in threes, a mobile number as 3-4-4, with a pause between."""
    if len(digits) == _MOBILE:
        return _PAUSE.join((digits[:3], digits[3:7], digits[7:]))
    return _PAUSE.join(digits[i : i + 3] for i in range(0, len(digits), 3))
