"""Who may do what, and for how long: rights, roles as sets of them, and how long a login lasts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


class Right(StrEnum):
    """What a route asks for; every route but the public ones asks for one."""

    OWN = "使用本人账号"
    READ = "查看来电"
    REVIEW = "审核来电"
    NUMBERS = "查看完整号码"
    DIAL = "回拨市民"
    AID = "查看匿名热线的来电"
    LEAD = "转派来电"
    OVERVIEW = "查看概览"
    EXPORT = "导出概览"
    DUTY = "切换转人工"
    ACCOUNTS = "查看用户"
    USERS = "管理用户"
    GRANT = "授予身份"
    LOGINS = "管理登录"
    AUDIT = "查看审计"


class Role(StrEnum):
    """What somebody is here; a user may be several."""

    AGENT = "坐席"
    LEAD = "班长"
    QUALITY = "质检"
    SYSTEM = "系统管理员"
    SECURITY = "安全管理员"
    AUDITOR = "审计员"


ROLES: Final[Mapping[Role, frozenset[Right]]] = MappingProxyType(
    {
        Role.AGENT: frozenset({Right.OWN, Right.READ, Right.REVIEW, Right.NUMBERS, Right.DIAL}),
        Role.LEAD: frozenset(
            {
                *(Right.OWN, Right.READ, Right.REVIEW, Right.NUMBERS, Right.AID, Right.LEAD, Right.DUTY),
                *(Right.DIAL, Right.OVERVIEW, Right.EXPORT),
            }
        ),
        Role.QUALITY: frozenset({Right.OWN, Right.READ, Right.OVERVIEW, Right.EXPORT}),
        Role.SYSTEM: frozenset({Right.OWN, Right.DUTY, Right.ACCOUNTS, Right.USERS}),
        Role.SECURITY: frozenset({Right.OWN, Right.ACCOUNTS, Right.GRANT, Right.LOGINS}),
        Role.AUDITOR: frozenset({Right.OWN, Right.AUDIT}),
    }
)
APART: Final = frozenset({Role.SYSTEM, Role.SECURITY, Role.AUDITOR})
"""Nobody is two of these: who makes users, who says what they may, and who reads what all of them did."""


def rights_of(roles: Collection[Role], *, alone: bool = False) -> frozenset[Right]:
    """What these roles come to. ``alone``: the first one here, as long as there is no other 安全管理员, may do all."""
    return frozenset(Right) if alone else frozenset().union(*(ROLES[role] for role in roles))


def find_role_fault(roles: Collection[Role]) -> str:
    """Why nobody can be all of these, in Chinese; "" when somebody can."""
    if not roles:
        return "至少要有一种身份。"
    if len(APART.intersection(roles)) > 1:
        return "系统管理员、安全管理员和审计员须由不同的人担任。"
    return ""


@dataclass(frozen=True, slots=True)
class Policy:
    """How the page guards itself.

    A session ends ``idle`` after its last request, and ``lifetime`` after the login whatever happens. ``secure``:
    the page is reached over TLS alone, so cookies are too. ``behind_proxy``: requests come through a reverse
    proxy of ours, whose last ``X-Forwarded-For`` entry is the client's address. What a request sends must have come
    within ``body_s`` seconds, its head within ``head_s``; ``half_open`` requests of one address may be on their way at
    once, of more the oldest is ended. A decision can be taken back for ``take_back``. ``shifts`` are the times of the
    day, in the city, at which shifts begin, one at least. Whoever is one of ``second_factor_for`` has to have a second
    factor.
    """

    idle: timedelta = timedelta(minutes=30)
    lifetime: timedelta = timedelta(hours=12)
    secure: bool = False
    behind_proxy: bool = False
    body_s: float = 30.0
    head_s: float = 15.0
    half_open: int = 100
    take_back: timedelta = timedelta(seconds=10)
    shifts: Sequence[time] = (time(0), time(8), time(16))
    second_factor_for: frozenset[Role] = frozenset()

    def find_shift(self, now: datetime) -> datetime:
        """When the shift that works ``now`` began."""
        there = now.astimezone(CITY_TIME)
        begun = (
            datetime.combine(day, start, CITY_TIME)
            for day in (there.date(), there.date() - timedelta(days=1))
            for start in self.shifts
        )
        return max(moment for moment in begun if moment <= there)
