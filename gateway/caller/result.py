"""What came of a scripted call."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from gateway.caller.conversation import Pressed, Said
    from gateway.caller.hearing import Span

_REFUSED = 300


@dataclass(frozen=True, slots=True)
class CallResult:
    """One call as the caller lived it.

    ``status`` is the final SIP status of the INVITE or BYE (503 …), ``retry_after`` its Retry-After ("" without).
    ``answered_ms`` is from the INVITE to the 200 OK, None when there was none. ``hung_up_by`` is "caller" (us),
    "gateway", or "lost"; ``ended_at`` the moment of the BYE: sent, or received. ``said``, ``heard`` and ``pressed``
    are in seconds of the call's media clock, which begins with the answer. ``failure`` is empty, or why the call did
    not go as scripted.
    """

    script: str
    target: str
    sip_call_id: str
    dialled_at: datetime
    answered_ms: float | None
    status: int
    reason: str
    retry_after: str
    hung_up_by: Literal["caller", "gateway", "lost"]
    ended_at: datetime
    media_seconds: float
    said: tuple[Said, ...]
    heard: tuple[Span, ...]
    pressed: tuple[Pressed, ...]
    failure: str

    @property
    def refused(self) -> bool:
        """Whether the other side never took the call."""
        return self.answered_ms is None and self.status >= _REFUSED

    @property
    def exit_code(self) -> int:
        """0: as scripted, 1: refused, 2: not as scripted."""
        return 1 if self.refused else 2 if self.failure else 0

    @property
    def summary(self) -> str:
        """The call in one line, for people."""
        if self.failure:
            return f"{self.script}: {self.failure}"
        said = "".join(said.text for said in self.said)
        return (
            f"{self.script}: answered after {self.answered_ms:.0f} ms, {self.media_seconds:.1f} s, "
            f"said “{said}”, pressed “{''.join(p.key for p in self.pressed)}”, "
            f"heard {len(self.heard)} prompts, hung up by the {self.hung_up_by}"
        )

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON data; times in ISO 8601, UTC, with microseconds."""
        return {
            **asdict(self),
            "dialled_at": self.dialled_at.isoformat(timespec="microseconds"),
            "ended_at": self.ended_at.isoformat(timespec="microseconds"),
            "exit_code": self.exit_code,
        }
