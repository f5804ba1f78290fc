"""A call and the line it called, as the record and the log keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recordings.entries import Line

if TYPE_CHECKING:
    from gateway.sip.incoming import Incoming
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


def tell_call(incoming: Incoming, hotline: str) -> dict[str, object]:
    """A call for the log, which holds no number of a citizen."""
    told: dict[str, object] = {"hotline": hotline, "source": incoming.source}
    if incoming.trunk:
        told["trunk"] = incoming.trunk
    if incoming.claims:
        told["not_believed"] = sorted({claim.header for claim in incoming.claims})
    return told
