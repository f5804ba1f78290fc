"""The legs by which a call was passed on: one is dialled, answered, and ends. Times are seconds since the answer.

``leg`` counts from 1 within the call; 0: unknown, of no use. The caller's own leg is told by the kinds in ``call``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recordings.entries.entry import Entry, kept, withheld


@dataclass(frozen=True, slots=True)
class Dialled(Entry):
    """A target is called, for the dialogue's ``Connect.id`` (``attempt``), about the matter of that index.

    ``ticket`` says whose it becomes once they have talked, ``ours`` or ``theirs``; ``sip_call_id`` is the leg's own
    Call-ID, by which the target's side knows it.
    """

    kind: ClassVar = "leg.dialled"

    leg: int = kept(0)
    at: float = kept(0.0)
    attempt: int = kept(0)
    matter: int = kept(-1)
    reason: str = kept("")
    target: str = kept("")
    uri: str = kept("")
    ticket: str = kept("ours")
    sip_call_id: str = withheld("")


@dataclass(frozen=True, slots=True)
class LegAnswered(Entry):
    """The target and the caller hear each other from ``at`` on; a person's telephone that asks for a key: after it.

    ``their_id`` is what the call is called in the target's own system, "" when it has not told.
    """

    kind: ClassVar = "leg.answered"

    leg: int = kept(0)
    at: float = kept(0.0)
    their_id: str = withheld("")


@dataclass(frozen=True, slots=True)
class LegEnded(Entry):
    """The leg is over, ended ``by`` caller, target, gateway or lost, after ``talked`` seconds with the caller.

    Of one that was never answered ``by`` tells who gave up. ``cause`` is SIP's word for it. ``their_id`` is as above.
    ``handed_over``: the caller's own side was asked to call the target and has put him through (REFER), or was told to
    call it instead of us (302): what came of that nobody knows here.
    """

    kind: ClassVar = "leg.ended"

    leg: int = kept(0)
    at: float = kept(0.0)
    by: str = kept("lost")
    cause: str = kept("")
    talked: float = kept(0.0)
    their_id: str = withheld("")
    handed_over: bool = kept(default=False)
