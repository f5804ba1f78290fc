"""A table as CSV (RFC 4180) that a spreadsheet opens as text and numbers, whatever was said or written."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FORMULA: Final = re.compile(r"[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""What a spreadsheet takes for the beginning of a formula, wide characters in East Asia too (OWASP, CSV injection)."""


def write_csv(rows: Iterable[Sequence[str | int]]) -> bytes:
    """The rows in UTF-8, with the mark by which Excel knows it; a text that would be a formula begins with '."""
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet)
    writer.writerows([_disarm(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return sheet.getvalue().encode("utf-8-sig", errors="replace")


def _disarm(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) else text
