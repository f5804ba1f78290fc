"""Whose requests the stack takes, and whose it left without an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Why = Literal["strangers", "floods"]
"""Sources outside of the networks that may send; sources that send more than they may."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may begin a conversation: networks in CIDR notation, and requests a second from any that is no peer.

    ``allow`` empty: everybody. ``peers`` may, and are not limited. ``per_second`` 0: no limit; ``burst`` at once.
    """

    allow: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    per_second: float = 0.0
    burst: int = 1


@dataclass(frozen=True, slots=True)
class Told:
    """A source, why it got no answer, and to how many requests since it was told of last."""

    address: str
    why: Why
    requests: int


@dataclass(frozen=True, slots=True)
class Unwelcome:
    """Requests without an answer since the start, and the sources of which the log is to tell now.

    A source is told of once a minute at most.
    """

    strangers: int
    floods: int
    told: tuple[Told, ...] = ()
