"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gateway.site.settings import Paths, Settings

Level = Literal["ok", "warning", "failure"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about this installation, and for a bad one how to mend it; both in Chinese and in English."""

    check: str
    level: Level
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """The installation that is looked at.

    ``running`` are the SIP ports whose gateways answer now, ``answering`` the other processes: console, worker.
    """

    settings: Settings
    paths: Paths
    running: frozenset[int] = frozenset()
    answering: frozenset[str] = frozenset()
