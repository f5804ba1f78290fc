"""Whom a call was passed on to, and what came of it: the legs of a call, folded from its journal."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, cast, get_args

from ivr.matter import Window
from ivr.target import TALKED_SECONDS, Keeper
from recordings import entries

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ivr.matter import Matter

EndedBy = Literal["caller", "target", "gateway", "lost"]

HANDED_OVER: Final = "handed over to "
"""How the reason begins of a call that its caller's own side has put through to somebody: see `CallRecord.reason`."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg by which a call was passed on; times are seconds since the answer.

    ``number`` counts from 1 within the call. ``ticket`` says whose it was to become, ``call_id`` is the leg's SIP
    Call-ID, ``their_id`` what the call is called in the target's own system, "" when it has not told. ``answered_at``
    is None when nobody took it. Without ``ended_at`` the leg is still up.
    """

    number: int
    target: str
    uri: str
    reason: str
    matter: int
    ticket: Keeper
    call_id: str
    dialled_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    ended_by: EndedBy = "lost"
    cause: str = ""
    talked: float = 0.0
    their_id: str = ""
    handed_over: bool = False
    """The caller's own side has put him through to it; how long they have talked, nobody here knows."""

    @property
    def known_as(self) -> str:
        """By what the target's side finds the call."""
        return self.their_id or self.call_id

    @property
    def counts(self) -> bool:
        """Whether they have talked for so long that something was settled; to whom he was handed over, he is with."""
        return self.handed_over or self.talked >= TALKED_SECONDS

    @property
    def settled(self) -> bool:
        """Whether the talk counts, and came to its end."""
        return self.counts and self.ended_at is not None and self.ended_by != "lost"

    @property
    def window(self) -> Window | None:
        """Where in the recording they talk, None when they never did."""
        if self.answered_at is None:
            return None
        end = self.ended_at
        return Window(self.answered_at, None if end is None else max(self.answered_at, end))


def fold_legs(told: Iterable[entries.Entry], end: float | None) -> tuple[Leg, ...]:
    """The legs that the journal tells of. ``end`` is when the call did, in seconds, None while it lasts.

    A leg of which no end was written, ended with the call: the gateway had died, and who talked was cut off.
    """
    legs: dict[int, Leg] = {}
    for entry in told:
        match entry:
            case entries.Dialled(leg=number) if number > 0:
                legs[number] = _read(entry)
            case entries.LegAnswered(leg=number, at=at) if number in legs:
                legs[number] = replace(legs[number], answered_at=max(0.0, at), their_id=entry.their_id)
            case entries.LegEnded(leg=number) if number in legs:
                legs[number] = replace(
                    legs[number],
                    ended_at=max(0.0, entry.at),
                    ended_by=cast("EndedBy", entry.by) if entry.by in get_args(EndedBy) else "lost",
                    cause=entry.cause,
                    talked=0.0 if legs[number].answered_at is None else max(0.0, entry.talked),
                    their_id=entry.their_id or legs[number].their_id,
                    handed_over=entry.handed_over,
                )
            case _:
                pass
    return tuple(_end(leg, end) if leg.ended_at is None and end is not None else leg for leg in legs.values())


def add_talks(matter: Matter, legs: Iterable[Leg]) -> Matter:
    """The matter, the talks about it being stretches of the recording in which the caller speaks of it."""
    talks = [leg.window for leg in legs if leg.matter == matter.index and leg.window is not None]
    windows = sorted((*matter.windows, *_join(talks)), key=lambda window: window.start)
    return replace(matter, windows=tuple(windows)) if talks else matter


def _join(talks: Iterable[Window]) -> list[Window]:
    """Those of which one begins before another has ended are one: three have talked."""
    joined: list[Window] = []
    for talk in sorted(talks, key=lambda window: window.start):
        last = joined[-1] if joined else None
        if last is None or (last.end is not None and last.end < talk.start):
            joined.append(talk)
        else:
            ends = (last.end, talk.end)
            joined[-1] = Window(
                last.start, None if None in ends else max(end for end in ends if end is not None)
            )
    return joined


def is_theirs(matter: Matter, legs: Iterable[Leg], *, numbered: bool) -> bool:
    """Whether the matter is in another's hands: settled in a talk whose ticket is theirs, and nothing was left here.

    What has a number, was filed, or was told after the talk, is ours.
    """
    theirs = [leg for leg in legs if leg.matter == matter.index and leg.settled and leg.ticket == "theirs"]
    if not theirs or numbered or matter.complete:
        return False
    last = theirs[-1]
    return not any(s.start >= (last.ended_at or 0.0) for s in matter.spoken)


def name_keeper(legs: Iterable[Leg]) -> str | None:
    """Who has the ticket of a call that makes none here; None when nobody has."""
    settled = [leg for leg in legs if leg.settled]
    if not settled:
        return None
    last = next((leg for leg in reversed(settled) if leg.ticket == "theirs"), settled[-1])
    known = f", there {last.known_as}" if last.known_as else ""
    if last.handed_over:
        return f"{HANDED_OVER}{last.target}{known}: its own side has put him through, the ticket is theirs"
    return f"passed on to {last.target}{known}: they talked for {round(last.talked)} s, the ticket is theirs"


def _read(entry: entries.Dialled) -> Leg:
    return Leg(
        number=entry.leg,
        target=entry.target,
        uri=entry.uri,
        reason=entry.reason,
        matter=entry.matter,
        ticket="theirs" if entry.ticket == "theirs" else "ours",
        call_id=entry.sip_call_id,
        dialled_at=max(0.0, entry.at),
    )


def _end(leg: Leg, end: float) -> Leg:
    talked = 0.0 if leg.answered_at is None else max(0.0, end - leg.answered_at)
    return replace(leg, ended_at=max(end, leg.answered_at or leg.dialled_at), talked=talked)
