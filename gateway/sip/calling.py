"""The number a call comes from, as it is dialled here: P-Asserted-Identity, From and Privacy (RFC 3325, RFC 3323)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gateway.sip.header import is_tel, read_subscriber, split_entries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WITHHELD = {"anonymous", "unavailable", "restricted", "private", "unknown"}
_SEPARATORS = re.compile(r"[-.() ]")  # RFC 3966, 5.1.1
_NUMBER = re.compile(r"\+?[0-9]{3,20}")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
# Area code without its 0, and number: 10 and 2x stand before eight digits. 400, 800, 950 and 96 are no areas.
_LANDLINE = re.compile(r"10[0-9]{8}|2[0-9]{9}|(?!400|800|950|96)[3-9][0-9]{9,10}")
_ABROAD_TO_HERE = re.compile(r"(?:\+|00)860*([0-9]+)")
_COUNTRY_FIRST = re.compile(rf"860?({_MOBILE.pattern}|{_LANDLINE.pattern}|[48]00[0-9]{{7}})")
_LOCAL_DIGITS = (7, 8)  # of a landline within its area


def read_caller(headers: Mapping[str, Sequence[str]]) -> str:
    """The calling number as dialled within the country, digits only; "" when it is withheld or none is named.

    ``headers`` gives the values of each header by its long name in lower case. A network's word counts more than the
    caller's own, and of two asserted identities the telephone number (RFC 3325, 9.1); an identity that is no number
    is passed over.
    """
    privacy = re.split(r"[\s;,]+", " ".join(headers.get("privacy", ())).lower())
    if "id" in privacy:
        return ""
    asserted = split_entries(headers.get("p-asserted-identity", ()))
    numbers = [_read_number(entry) for entry in sorted(asserted, key=is_tel, reverse=True)]
    if not any(numbers) and any(read_subscriber(entry)[0].lower() in _WITHHELD for entry in asserted):
        return ""
    numbers += [_read_number(entry) for entry in split_entries(headers.get("from", ()))]
    return next((number for number in numbers if number), "")


def read_number(text: str) -> str:
    """A number as somebody writes it, as dialled within the country; "" when it is none."""
    number = _SEPARATORS.sub("", text)
    return _dial(number) if _NUMBER.fullmatch(number) else ""


def _read_number(entry: str) -> str:
    user, context = read_subscriber(entry)
    number, prefix = _SEPARATORS.sub("", user), _SEPARATORS.sub("", context)
    if prefix.startswith("+") and (not prefix.startswith("+86") or len(number) in _LOCAL_DIGITS):
        number = number if number.startswith("+") else prefix + number
    return _dial(number) if _NUMBER.fullmatch(number) else ""


def _dial(number: str) -> str:
    """What is dialled within the country for a number with or without its country code.

    An area code has a 0 before it, a mobile or service number has none, and another country is reached by 00.
    """
    here = _ABROAD_TO_HERE.fullmatch(number) or _COUNTRY_FIRST.fullmatch(number)
    if here:
        return f"0{here[1]}" if _LANDLINE.fullmatch(here[1]) else here[1]
    if number.startswith("0") and _MOBILE.fullmatch(number[1:]):
        return number[1:]
    return f"00{number[1:]}" if number.startswith("+") else number
