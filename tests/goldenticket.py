"""What a golden call expects of a ticket, looked up in the ticket as it is posted."""

from __future__ import annotations

import re
from typing import Any


def look(ticket: dict[str, Any], field: str) -> Any:
    place = ticket["place"]
    return {
        "text": lambda: re.sub(
            r"^\(.*\)$", "", ticket["appeal"]["content"]
        ),  # a remark in brackets: nothing was said
        "appeal": lambda: ticket["appeal"]["type"],
        "category": lambda: "_".join(filter(None, (ticket["appeal"][f"category_{n}"] for n in (1, 2, 3)))),
        "place_name": lambda: place["county"] + place["township"],
        "village": lambda: place["village"],
        "rivals": lambda: any("有同名" in note for note in ticket["notes"]),
        "several": lambda: any("含多个诉求" in note for note in ticket["notes"]),
        "related": lambda: bool(ticket["appeal"]["related"]),
        "joins": lambda: any(note.startswith("接续") for note in ticket["notes"]),
        "repeats": lambda: ticket["appeal"]["repeats"],
        "contact": lambda: ticket["caller"]["contact"],
        "call_back": lambda: bool(ticket["caller"]["call_back"]),
        "danger": lambda: ticket["appeal"]["urgency"] == "特急",
        "text_pending": lambda: ticket["appeal"]["text_pending"],
        "confirmed": lambda: not any("未经来电人确认" in note for note in ticket["notes"]),
        "passed_to": lambda: (ticket["passed"] or {"target": ""})["target"],
    }[field]()
