"""Who may do what, and for how long: roles, and how long a login lasts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Role(StrEnum):
    """What a user is. Who leads a shift may do whatever an agent may, an administrator whatever a lead may."""

    AGENT = "坐席"
    LEAD = "班长"
    ADMIN = "管理员"

    def permits(self, wanted: Role) -> bool:
        """Whether who has this role may do what ``wanted`` is asked for."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(wanted)


@dataclass(frozen=True, slots=True)
class Policy:
    """How the page guards itself.

    A session ends ``idle`` after its last request, and ``lifetime`` after the login whatever happens. ``secure``:
    the page is reached over TLS alone, so cookies are too. ``behind_proxy``: requests come through a reverse
    proxy of ours, whose last ``X-Forwarded-For`` entry is the client's address.
    """

    idle: timedelta = timedelta(minutes=30)
    lifetime: timedelta = timedelta(hours=12)
    secure: bool = False
    behind_proxy: bool = False
