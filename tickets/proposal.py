"""Who should handle a matter, and where it is, by the city's files: proposed to the agent, decided by nobody yet."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from config.categories import read_categories
from config.dispatch import Dispatch, read_dispatch
from config.places import Points, read_points
from tickets.meaning.files import RuleFiles, chosen
from tickets.ticket import ProposalPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.dispatch import Assignment
    from config.places import Point
    from recordings.entries import Understood


def assign(category: Sequence[str], county: str, township: str) -> Assignment | None:
    """Who handles a matter of this category there by the 派单目录; None where it says nothing. Raises ConfigError."""
    return _open_dispatch(chosen()).assign(category, county, township)


def locate(county: str, township: str, village: str, address: str) -> Point | None:
    """The coordinates of a place by the file of points; None without one. Raises ConfigError."""
    return _open_points(chosen()).find(county, township, village, address)


def propose(meant: Understood | None) -> ProposalPart | None:
    """What was understood of it, for the ticket."""
    if meant is None or not meant.lead_unit or meant.days < 1:
        return None
    return ProposalPart(
        lead_unit=meant.lead_unit,
        support_units=meant.support_units,
        days=meant.days,
        reason=meant.assigned_by,
    )


def propose_anew(category: Sequence[str], county: str, township: str) -> ProposalPart | None:
    """The same for what an agent has found it to be."""
    assigned = assign(category, county, township)
    if assigned is None:
        return None
    return ProposalPart(
        lead_unit=assigned.department,
        support_units=assigned.assisting,
        days=assigned.days,
        reason=assigned.reason,
    )


def count_points() -> int:
    """How many points there are."""
    return len(_open_points(chosen()))


def prove(files: RuleFiles) -> None:
    """Read the files that proposals are made by, and keep them. Raises ConfigError."""
    _open_dispatch(files)
    _open_points(files)


@lru_cache(maxsize=2)
def _open_dispatch(files: RuleFiles) -> Dispatch:
    return read_dispatch(read_categories(files.categories), files.dispatch)


@lru_cache(maxsize=2)
def _open_points(files: RuleFiles) -> Points:
    return read_points(files.points) if files.points else Points()
