"""What another city's intake answers, as JSON: read, and looked into by the names of a mapping file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class AnswerError(ValueError):
    """Their answer says that it was not taken, or does not say that it was."""


class UnreadableError(AnswerError):
    """Their answer is no JSON: it may come from something before them, and says nothing."""


def spell(value: Any) -> str:
    """A value as a word of the file: true and false as JSON and YAML have them."""
    return json.dumps(value) if isinstance(value, bool) else str(value)


def look(document: Any, name: str) -> Any:
    """What stands in ``document`` at ``name`` (``person.phone``, of a list the first); None where the way ends."""
    for step in name.split("."):
        if isinstance(document, list):
            document = document[0] if document else None
        if not isinstance(document, Mapping):
            return None
        document = document.get(step)
    return document


def parse(answer: bytes) -> Any:
    """An answer as JSON; raises UnreadableError."""
    try:
        return json.loads(answer.decode())
    except (ValueError, RecursionError) as error:
        raise UnreadableError("it is no JSON") from error
