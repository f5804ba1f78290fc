"""How a caller was missed: he was not heard, or his call broke off before he was heard to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recordings.callbacks import Missed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tickets.record import CallRecord

GONE: Final = "caller hung up before the answer"
UNANSWERED: Final = "the call was never answered"
GREETINGS: Final = "only greetings and answers to the menu were said"
BROKEN: Final = "interrupted before the caller said anything"
LEFT: Final = "caller hung up before speaking"
QUIET: Final = "the caller said nothing"
ASKED: Final = "only how a ticket stands was asked"

_HOW: Final[Mapping[str, Missed]] = {
    GONE: Missed.OPENING,
    UNANSWERED: Missed.DROPPED,
    GREETINGS: Missed.OPENING,
    BROKEN: Missed.DROPPED,
    LEFT: Missed.OPENING,
    QUIET: Missed.SILENT,
}


def name_missed(record: CallRecord) -> str:
    """How the caller was missed, of a call that has ended; "" when he was not, or nobody knows whom to call back."""
    if not record.caller or (record.line is not None and record.line.anonymous):
        return ""
    broken = record.interrupted or record.hung_up_by == "lost"
    if record.matters:
        unfinished = not all(told.matter.complete for told in record.matters)
        how = Missed.DROPPED if broken and unfinished else None
    else:
        how = _HOW.get(record.reason or "")
        if how is Missed.SILENT and broken:
            how = Missed.DROPPED
    if how is None:
        return ""
    return Missed.BARRED if record.barred else how
