"""By what rules agents call citizens from the page (回拨)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from recordings.agentcalls import Progress


@dataclass(frozen=True, slots=True)
class Dialling:
    """``allows`` says whether a citizen's number may be called, ``allows_extension`` whether this may be an agent's.

    Without one of these nobody calls from the page: there is no trunk for it.
    """

    allows: Callable[[str], bool]
    allows_extension: Callable[[str], bool]


def tell_progress(one: Progress) -> dict[str, Any]:
    """How a call stands, as JSON; no number is in it."""
    talked = round(one.talked_s)
    return {"about": one.about, "stage": one.stage, "outcome": one.outcome, "talked_s": talked}
