"""The alert (预警) as it travels to the city's intake: schema version 1. What it tells of cannot wait for a ticket.

The committed JSON Schema ``tickets/schema/alert-v1.json`` is generated from these models by
``python -m tickets.alert > tickets/schema/alert-v1.json``; a test holds the two together.
"""

# No `from __future__ import annotations` here: pydantic reads the annotations at run time.

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from tickets.described import Described
from tickets.meaning.risk_rules import RiskKind
from tickets.parts import Digits, Part, Timestamp

SCHEMA_FILE = Path(__file__).parent / "schema" / "alert-v1.json"

Number = Annotated[str, Field(pattern=r"^[0-9]{12,}$")]


class _Alert(Part):
    version: Literal[1] = 1
    id: Annotated[str, Field(min_length=1, max_length=200)]
    """Names the alert, always the same however often it is posted: its Idempotency-Key.

    That of a surge's further revision is ``<id>-r<revision>``.
    """
    at: Timestamp
    """When it was noticed."""


class DangerAlert(_Alert):
    """险情预警: a caller tells, now, that somebody is in danger. His ticket (特急) follows."""

    kind: Literal["danger"] = "danger"
    call_id: Annotated[str, Field(min_length=1)]
    """Our own id of the call; the ticket of its matter has the same."""
    hotline: Digits
    """The line that was called."""
    line: str
    """Its name; empty when no line of ours was named."""
    caller: Digits
    """来电号码; empty when withheld, and on an anonymous line."""
    risk: RiskKind | None = None
    """What danger; null when it was told by a key."""
    words: str = ""
    """What the caller said of it, as far as it was understood then; empty when it was told by a key."""

    @property
    def key(self) -> str:
        """The Idempotency-Key."""
        return self.id


class SurgeAlert(_Alert):
    """热点预警: one topic comes from one place more often than its own rhythm has it."""

    kind: Literal["surge"] = "surge"
    revision: Annotated[int, Field(ge=1)] = 1
    """Rises as the surge grows; what a later one says replaces what the earlier said. None is the first."""
    topic: Annotated[str, Field(min_length=1)]
    """What they are about: the topic that they speak of most; where they name none, their category."""
    county: str = ""
    township: str = ""
    since: Timestamp
    """When the first of them came."""
    count: Annotated[int, Field(ge=1)]
    """How many there are since then."""
    expected: Annotated[float, Field(ge=0)]
    """How many there usually are in the hours in which it was found."""
    words: tuple[str, ...] = ()
    """What they have in common."""
    tickets: tuple[Number, ...]
    """工单编号 of those behind it, oldest first."""

    @property
    def key(self) -> str:
        """The Idempotency-Key of this revision."""
        return self.id if self.revision == 1 else f"{self.id}-r{self.revision}"


Alert = DangerAlert | SurgeAlert


def make_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a posted alert: no field is allowed but its kind's.

    All are required but a surge's ``revision``, which the houses of before it do not tell.
    """
    adapter: TypeAdapter[Alert] = TypeAdapter(Annotated[Alert, Field(discriminator="kind")])
    schema = adapter.json_schema(mode="serialization", schema_generator=Described)
    # OpenAPI's keyword: JSON Schema knows it not, and each kind's constant says the same.
    schema.pop("discriminator", None)
    schema["$defs"]["SurgeAlert"]["required"].remove("revision")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:minsheng-hotline:alert:1",
        **schema,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(make_schema(), ensure_ascii=False, indent=2) + "\n")
