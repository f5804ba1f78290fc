"""Telephone numbers, identity numbers and number plates in a caller's words: personal data, in figures."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tickets.numerals import DIGIT, LINK, read_digits

RUN = re.compile(f"{DIGIT}(?:{DIGIT}|[腰妖](?={DIGIT}))*")
"""Digits that were said one by one."""
_IN_PARTS = re.compile(f"{DIGIT}(?:(?:{LINK})*(?:{DIGIT}|[腰妖](?={DIGIT})))*")
"""A number that is said part by part: 幺五六, 后面是零零二八, 再八七六五."""
_CORRECTED = re.compile(f"(?:不对|错了|说错了|搞错了|哦不|啊不)+[啊哦呃]?(?:应该)?是?({DIGIT}{{2,11}})")
_ONE = str.maketrans("腰妖", "幺幺")
_CHECK = re.compile("(?:X|叉|艾克斯|爱克斯|埃克斯)(?!子)")
_MOBILE = re.compile("1[3-9][0-9]{9}")
_LANDLINE = re.compile("0[1-9][0-9]{8,10}")
_LOCAL = re.compile("[2-8][0-9]{6,7}")
_LOCAL_SAID = re.compile("(?:电话|座机|号码|打)(?:是|号码|号|为)*$")
_BORN = re.compile("[1-9][0-9]{5}(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}")
_ID_DIGITS = 17
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
# 皖 is heard as other characters; then only with the city's own letters is it a plate.
PLATE = re.compile(f"(?:([{_PROVINCES}])([A-Z])|[万晚碗完弯玩](K|S))((?:[A-Z]|{DIGIT}){{5,6}})")
"""A number plate, the letters capital."""


@dataclass(frozen=True, slots=True)
class Personal:
    """What was said, in figures, "" where nothing was; ``spans`` are where in the plain text it stood."""

    phone: str = ""
    identity: str = ""
    plate: str = ""
    spans: tuple[tuple[int, int], ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """What of it there is, as an agent reads it."""
        named = (("电话号码", self.phone), ("身份证号", self.identity), ("车牌号", self.plate))
        return tuple(name for name, value in named if value)


def find_personal(text: str) -> Personal:
    """The first of each in ``text`` (plain); a number is believed when its form fits."""
    text = text.upper()
    spans: list[tuple[int, int]] = []
    plate = ""
    if found := PLATE.search(text):
        plate = write_plate(found)
        spans.append(found.span())
    phone = identity = ""
    for run in RUN.finditer(text):
        if any(start < run.end() and run.start() < end for start, end in spans):
            continue
        digits, end = _correct(text, run)
        if not identity and (number := _read_identity(text, digits, end)):
            identity = number
            spans.append((run.start(), end + (len(number) > _ID_DIGITS and number.endswith("X"))))
        elif not phone and (number := _read_phone(digits, text[: run.start()])):
            phone = number
            spans.append((run.start(), end))
    for run in () if phone else _IN_PARTS.finditer(text):
        digits = read_digits("".join(RUN.findall(run[0])).translate(_ONE))
        if _MOBILE.fullmatch(digits) or _LANDLINE.fullmatch(digits):
            phone = digits
            spans.append(run.span())
            break
    return Personal(phone, identity, plate, tuple(sorted(spans)))


def write_plate(found: re.Match[str]) -> str:
    """A plate that matches `PLATE`, in figures."""
    return (found[1] or "皖") + (found[2] or found[3]) + read_digits(found[4])


def _correct(text: str, run: re.Match[str]) -> tuple[str, int]:
    """The digits of a run, its end said anew if the caller corrected it; and where it ends."""
    digits = read_digits(run[0].translate(_ONE))
    again = _CORRECTED.match(text, run.end())
    if again is None:
        return digits, run.end()
    new = read_digits(again[1])
    return digits[: -len(new)] + new if len(new) < len(digits) else new, again.end()


def _read_identity(text: str, digits: str, end: int) -> str:
    for start in range(len(digits) - _ID_DIGITS + 1):
        born = _BORN.match(digits, start)
        if born is None:
            continue
        rest = digits[born.end() :]
        if rest:
            return born[0] + rest[0]
        if _CHECK.match(text, end):
            return born[0] + "X"
    return ""


def _read_phone(digits: str, before: str) -> str:
    for pattern in (_MOBILE, _LANDLINE):
        if found := pattern.fullmatch(digits) or pattern.search(digits):
            return found[0]
    return digits if _LOCAL.fullmatch(digits) and _LOCAL_SAID.search(before) else ""
