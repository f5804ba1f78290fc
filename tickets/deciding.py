"""What a sheet must hold to be decided on: nothing an intake could not use, nothing that reads other than it is.

Apart from the sheet's own model, for what was decided before these rules is still read by it. Pure.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final

from tickets.gazetteer import open_gazetteer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tickets.review import Decision, Fields, Sheet

PLACELESS: Final = frozenset({"咨询", "建议", "表扬"})
"""Kinds of appeal that are handled without a place."""

_TURNS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LAID_OUT: Final = frozenset("\t\n\r")


def is_plain(text: str) -> bool:
    """Whether the text shows what it holds: no control characters, and none that turn the direction of others."""
    return not any(c in _TURNS or (unicodedata.category(c) == "Cc" and c not in _LAID_OUT) for c in text)


def find_fault(sheet: Sheet, decision: Decision, before: Mapping[str, Any]) -> str:
    """Why the ticket ``before`` (its document) cannot be decided like this, in Chinese; "" when it can."""
    fields = sheet.fields
    written = [value for value in fields.model_dump().values() if isinstance(value, str)]
    if not all(map(is_plain, [*written, sheet.reason, *(c.text for c in sheet.corrections)])):
        return "文字中有不可见的控制字符,请删去后重新输入。"
    place = before["place"]
    if (fields.county, fields.township) != (place["county"], place["township"]) and (
        fault := _find_place_fault(fields)
    ):
        return fault
    lacking = _list_lacking(fields, before) if decision == "accepted" else []
    return f"接受前请填写{'、'.join(lacking)}。" if lacking else ""


def _find_place_fault(fields: Fields) -> str:
    counties = open_gazetteer().township_counties
    if not fields.township or counties.get(fields.township) == fields.county:
        return ""
    if fields.township not in counties:
        return f"“{fields.township}”不在地名表中,请从列表里选乡镇街道;没有的写在详细地址里。"
    return f"{fields.township}属于{counties[fields.township]},不属于{fields.county or '空着的区县'},请改正。"


def _list_lacking(fields: Fields, before: Mapping[str, Any]) -> list[str]:
    if before["caller"]["anonymous"]:
        return []  # of whom nothing is written down
    lacking = []
    if fields.type is None:
        lacking.append("诉求类型")
    if not fields.category_1:
        lacking.append("一级分类")
    placed = fields.county or fields.township or fields.village or fields.address
    if not placed and fields.type not in PLACELESS:
        lacking.append("地点(没有地点时,在详细地址写明原因)")
    return lacking
