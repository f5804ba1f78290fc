"""The called line as a call's record keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recordings.entries import Line

if TYPE_CHECKING:
    from ivr.hotline import Found


def describe(found: Found) -> Line:
    """What the call's record keeps of its line, for the hotlines file may be another one tomorrow."""
    hotline, called = found.hotline, found.called
    return Line(
        name=hotline.name,
        department=hotline.department,
        mode=hotline.mode,
        appeal=hotline.appeal or "",
        category=hotline.category,
        anonymous=hotline.anonymous,
        found_by=called.source if called else None,
        found_as=called.number if called else "",
    )
