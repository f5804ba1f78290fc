"""The form in which two texts are compared: what is only a way of writing makes no difference. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from tickets.text.numbers import find_numbers

STATED: Final = (
    "比较之前两边同样处理:全角转半角、大写转小写、数字写成阿拉伯数字、去掉标点、空格和嗯、呃、唔、欸、诶。"
    " Both sides alike before they are compared: narrow and lower-case letters, numbers in figures, without marks, "
    "blanks and the fillers 嗯, 呃, 唔, 欸, 诶."
)
_DROPPED = re.compile(r"[^\w%]|_|[嗯呃唔欸诶]")
_POINT = re.compile(r"(?<=\d)[.点](?=\d)")


def normalise(text: str) -> str:
    """The text in the form that `STATED` states."""
    text = _DROPPED.sub("", unicodedata.normalize("NFKC", text).lower())
    for start, end, figures in reversed(find_numbers(text)):
        text = text[:start] + figures + text[end:]
    return _POINT.sub("", text).lower()
