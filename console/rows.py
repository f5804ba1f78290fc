"""A row of the work list as it is shown."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

from console.masking import mask, mask_text
from recordings.worklist import State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import sqlalchemy as sa

_BEFORE: Final = 12  # characters shown before what was searched, and behind it
_BEHIND: Final = 28
_MINUTES: Final = 60
_HOURS: Final = 48
_DUE: Final = {"特急": timedelta(minutes=10), "紧急": timedelta(hours=2)}
_DUE_ELSE: Final = timedelta(hours=24)
"""How long after its call a ticket is to have been looked at."""


def describe(
    row: sa.Row[Any], runs: Sequence[str], numbers: Sequence[str], now: datetime, *, masked: bool = False
) -> dict[str, Any]:
    """What the templates show of a row of ``console.listing``; ``numbers`` are its tickets'.

    ``masked``: without what somebody could be called at.
    """
    title, text = row.title or _tell_missed(row) or "(没有工单)", row.text or ""
    if masked:
        title, text = mask_text(title), mask_text(text)
    flags = {
        "通话中断": row.interrupted,
        _tell_owed(row): row.call_back or row.missed,
        "识别存疑": row.low_confidence,
        "缺地点": row.place_missing,
    }
    waits = row.state == State.OPEN
    due = row.started_at + _DUE.get(row.urgency, _DUE_ELSE)
    return {
        "call_id": row.call_id,
        "started_at": row.started_at,
        "duration_s": row.duration_s,
        "hotline": row.hotline,
        "caller": mask(row.caller) or "未显示号码",
        "numbers": list(numbers),
        "title": title,
        "appeal": row.appeal,
        "place": " ".join(filter(None, (row.county, row.township))),
        "urgency": row.urgency,
        "flags": [name for name, holds in flags.items() if holds],
        "state": row.state,
        "owed": bool(row.owed),
        "holder": row.holder,
        "waited": _tell_length(now - row.started_at) if waits or row.owed else "",
        "due": due if waits else None,
        "overdue": waits and due < now,
        "excerpt": _excerpt(text, runs) if text else "",
    }


def _tell_missed(row: sa.Row[Any]) -> str:
    """How the caller was missed, and how often since he was last heard; "" when he was not."""
    often = f"(来电 {row.tried} 次)" if row.tried > 1 else ""
    return f"{row.missed}{often}" if row.missed else ""


def _tell_owed(row: sa.Row[Any]) -> str:
    """待回电; else what there is instead: he was called back, or, of one who was missed, need not be."""
    if row.owed:
        return "待回电"
    return "已回电" if row.call_back else "未接通"


def _tell_length(waited: timedelta) -> str:
    minutes = max(0, int(waited.total_seconds() // 60))
    if minutes < _MINUTES:
        return f"{minutes} 分钟"
    hours = minutes // _MINUTES
    return f"{hours} 小时" if hours < _HOURS else f"{hours // 24} 天"


def _excerpt(text: str, runs: Sequence[str]) -> Markup:
    """The words around the first thing found, it marked."""
    line = text.replace("\n", " ")
    found = min(((at, run) for run in runs if (at := line.find(run)) >= 0), default=None)
    if found is None:
        return escape(line[: _BEFORE + _BEHIND])
    at, run = found
    begin, end = max(0, at - _BEFORE), at + len(run)
    return Markup("{}{}<mark>{}</mark>{}{}").format(
        "…" if begin else "",
        line[begin:at],
        run,
        line[end : end + _BEHIND],
        "…" if end + _BEHIND < len(line) else "",
    )
