"""What the journal of an anonymous line's call may hold: how the dialogue went, but not who called or what was said."""

from __future__ import annotations

from typing import Any

_TELLING = {"caller": "", "key": "", "text": "", "words": ()}


def withhold(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a journal entry without the caller's number, keys and words.

    A matter keeps its contact once the caller has agreed to be called back there. What was played is our own words.
    """
    if kind == "played":
        return fields
    if kind == "matter":
        return fields if fields["contact_confirmed"] else fields | {"contact": ""}
    return {name: _TELLING.get(name, value) for name, value in fields.items()}
