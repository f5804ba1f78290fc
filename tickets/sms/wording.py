"""What the messages say: the city's templates, and how long what becomes of them is on the air. Without I/O."""

# No `from __future__ import annotations` here: pydantic reads the annotations at run time.

import re
from collections.abc import Mapping
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, model_validator

What = Literal["ticket", "missed", "form"]
"""What a message is for: the number of an accepted ticket, a call that came to nothing, a way to write instead."""

ONE_PART: Final = 70
"""UTF-16 units that a message in UCS-2 holds (3GPP TS 23.038); in one of several parts there is room for 67."""

_OF_SEVERAL: Final = 67
_LONGEST_PARTS: Final = 10
_PLACE: Final = re.compile(r"\{(\w+)\}")
_KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "ticket": frozenset({"number"}),
    "missed": frozenset(),
    "form": frozenset(),
}
_LONGEST_NUMBER: Final = "8" * 15


class Templates(BaseModel):
    """A text for each message; an empty one is not sent.

    ``ticket`` has ``{number}`` for the ticket's number. None has a place for what the caller said: his telephone may be
    others' too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ticket: str = "您反映的事项已受理，工单编号{number}。查询进度请拨12345，说“查进度”。"
    missed: str = "刚才您拨打12345没有接通，我们会尽快给您回电。如遇危险，请直接拨打110、119、120。"
    form: str = ""

    @model_validator(mode="after")
    def _check(self) -> "Templates":
        for what, known in _KNOWN.items():
            text = getattr(self, what)
            unknown = set(_PLACE.findall(text)) - known
            if unknown:
                takes = ", ".join(f"{{{name}}}" for name in sorted(known)) or "no place in braces"
                raise ValueError(f"{what}: {{{min(unknown)}}} is nothing that it is told: it takes {takes}")
            if text and count_parts(self.write(what, "", number=_LONGEST_NUMBER)) > _LONGEST_PARTS:
                raise ValueError(
                    f"{what}: it is longer than {_LONGEST_PARTS} parts of {_OF_SEVERAL} characters"
                )
        return self

    def write(self, what: str, signature: str, **told: str) -> str:
        """The whole text of a message, its ``signature`` (签名) first; "" when there is none of this kind."""
        text: str = getattr(self, what)
        return signature + _PLACE.sub(lambda place: told[place[1]], text) if text else ""

    def measure(self, what: What, signature: str) -> int:
        """How many parts the longest message of this kind has; 0 when it is not sent."""
        return count_parts(self.write(what, signature, number=_LONGEST_NUMBER))


def count_parts(text: str) -> int:
    """In how many parts a text is sent: 70 characters alone, 67 each in several; one beyond the BMP is two."""
    units = len(text.encode("utf-16-le")) // 2
    return -(-units // _OF_SEVERAL) if units > ONE_PART else min(units, 1)
