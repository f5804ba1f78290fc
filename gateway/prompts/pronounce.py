"""Chinese text to what espeak-ng's ``cmn-latn-pinyin`` voice reads: pinyin syllables with tone digits.

Debian's ``cmn`` voice reads most Hanzi as English, the pinyin voice reads them right. It wants ``ü``
spelled ü and the neutral tone as 5.
"""

from __future__ import annotations

import re
import unicodedata

_DIGIT_NAMES = "0:ling2 1:yi1 2:er4 3:san1 4:si4 5:wu3 6:liu4 7:qi1 8:ba1 9:jiu3"
_LETTER_NAMES = (
    "A:ei1 B:bi4 C:xi1 D:di4 E:yi4 F:ai2fu5 G:ji4 H:ai2chi5 I:ai4 J:zhei4 K:kei4 L:ai2er5 M:ai2mu5 "
    "N:en1 O:ou1 P:pi4 Q:kiu4 R:a4er5 S:ai2si5 T:ti4 U:you4 V:wei4 W:da2bu5liu5 X:ai2kesi5 Y:wai4 Z:zei4"
)
_DIGITS: dict[str, str] = dict(entry.split(":") for entry in _DIGIT_NAMES.split())
_LETTERS: dict[str, str] = dict(entry.split(":") for entry in _LETTER_NAMES.split())
_YAO = "yao1"  # how 1 is said inside a number that is read digit by digit
_KEYS = {"#": "jing3 hao4", "*": "xing1 hao4"}
_SHORT_PAUSES = frozenset(",、;:()—–…~")
_LONG_PAUSES = frozenset("。.!?\n")
_READINGS = {"嗯": "en4"}  # the dictionary's bare nasal is no syllable to the voice
_TOKEN = re.compile(r"[㐀-鿿]+|[0-9]+(?:\.[0-9]+)?|[A-Za-z]|[#*]号?|\S|\n")


def pronounce(text: str) -> str:
    """Give the pinyin of ``text``: ``"按12"`` → ``"an4 yao1 er4"``; empty when nothing in it can be said.

    A single digit is read as a number, two or more one by one with 1 as 幺; Latin letters by their names;
    ``#`` and ``*`` as 井号 and 星号; punctuation becomes a pause. Signs without a reading are left out.
    """
    spoken: list[str] = []
    for token in _TOKEN.findall(unicodedata.normalize("NFKC", text).replace("〇", "零")):
        if token in _SHORT_PAUSES or token in _LONG_PAUSES:
            _pause(spoken, "," if token in _SHORT_PAUSES else ".")
        else:
            spoken.extend(_read(token))
    _drop_pause(spoken)
    return " ".join(spoken)


def is_sayable(text: str) -> bool:
    """Whether `pronounce` finds anything in it that can be said; mostly told without the dictionary."""
    plain = unicodedata.normalize("NFKC", text)
    return any((c.isascii() and c.isalnum()) or _is_common(c) for c in plain) or bool(pronounce(text))


def _is_common(character: str) -> bool:
    """Whether it is a Chinese character of GB 2312, all of which have a reading."""
    try:
        return "一" <= character <= "龥" and bool(character.encode("gb2312"))
    except UnicodeEncodeError:
        return False


def _read(token: str) -> list[str]:
    first = token[0]
    if first.isascii() and first.isdigit():
        return _number(token)
    if first.upper() in _LETTERS:
        return [_LETTERS[first.upper()]]
    if first in _KEYS:
        return [_KEYS[first]]
    from pypinyin import Style, lazy_pinyin  # noqa: PLC0415 - its dictionary takes half a second, most commands say nothing

    syllables = lazy_pinyin(
        token, style=Style.TONE3, neutral_tone_with_five=True, v_to_u=True, errors="ignore"
    )
    if len(syllables) != len(token):  # a character without a reading was left out: nothing to line up with
        return syllables
    return [_READINGS.get(sign, syllable) for sign, syllable in zip(token, syllables, strict=True)]


def _number(token: str) -> list[str]:
    whole, _, decimals = token.partition(".")
    syllables = [_DIGITS[whole]] if len(whole) == 1 else [_YAO if d == "1" else _DIGITS[d] for d in whole]
    return [*syllables, "dian3", *(_DIGITS[d] for d in decimals)] if decimals else syllables


def _pause(spoken: list[str], mark: str) -> None:
    # The mark hangs on the syllable before it; a pause at the start of a text is no pause.
    if spoken and spoken[-1][-1] not in ",.":
        spoken[-1] += mark


def _drop_pause(spoken: list[str]) -> None:
    if spoken:
        spoken[-1] = spoken[-1].rstrip(",.")
