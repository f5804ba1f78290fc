"""A gateway's server-sent events out of the bytes they come in. What cannot be read is skipped and counted. No I/O."""

from __future__ import annotations

import json
from typing import Any, Final

LINE_BYTES: Final = 1024 * 1024
"""A longer line is no event of ours."""

_DATA = b"data: "


class EventStream:
    """Reads one stream from its beginning; ``skipped`` counts what was no event."""

    def __init__(self) -> None:
        self.skipped = 0
        self._begun = bytearray()  # of a line whose end has not come yet
        self._overlong = False

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """The events that end in these bytes: JSON objects with the ``call_id`` and the ``kind`` of each."""
        *ends, rest = data.split(b"\n")
        events = []
        for end in ends:
            self._grow(end)
            event = self._read(bytes(self._begun))
            self._begun.clear()
            self._overlong = False
            if event is not None:
                events.append(event)
        self._grow(rest)
        return events

    def _grow(self, part: bytes) -> None:
        if len(self._begun) + len(part) > LINE_BYTES and not self._overlong:
            self._overlong = True
            self.skipped += 1
        if self._overlong:
            self._begun.clear()
        else:
            self._begun += part

    def _read(self, line: bytes) -> dict[str, Any] | None:
        if not line.startswith(_DATA):
            return None  # an empty line ends an event, a colon begins a sign of life
        try:
            event = json.loads(line.removeprefix(_DATA))
        except (ValueError, RecursionError):
            event = None
        match event:
            case {"call_id": str(), "kind": str()}:
                found: dict[str, Any] = event
                return found
        self.skipped += 1
        return None
