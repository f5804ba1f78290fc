"""What commands print for machines, and tables for people."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

from rich.console import Console

from tickets.number import CITY_TIME

_PIPE_COLUMNS = 200

console = Console(highlight=False, soft_wrap=True)
"""For people."""

tables = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPE_COLUMNS)
"""As wide as the terminal, and wide enough in a pipe."""


def print_json(document: Any) -> None:
    """Write the document, times after ISO 8601, as one line on standard output."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, default=_to_text) + "\n")


def tell_moment(moment: datetime) -> str:
    """The city's time, to the second."""
    return f"{moment.astimezone(CITY_TIME):%Y-%m-%d %H:%M:%S}"


def _to_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
