"""Telephone numbers as they are shown: enough of one to know it again, not enough to call it."""

from __future__ import annotations

from typing import Final

_SHORT: Final = 7  # digits; a shorter one is a service's or an extension, and nobody's own


def mask(number: str) -> str:
    """138****0001 for 13800000001; what is too short to be a person's own stays as it is."""
    if len(number) < _SHORT or not number.isdigit():
        return number
    return f"{number[:3]}****{number[-4:]}" if len(number) > _SHORT else f"****{number[-3:]}"
