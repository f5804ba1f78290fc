"""How a leg ended, as the stack's last word on it tells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from gateway.sip.header import printable

HungUpBy = Literal["caller", "gateway", "lost"]

_ENDED_BY_PEER = {200, 487}  # BYE, CANCEL; anything else is a broken session
_RETRY_AFTER = re.compile(r"^Retry-After:\s*([^\r\n]+)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a leg ended: by whom, the last SIP status and reason, and its length in recording time (seconds).

    ``retry_after`` is the Retry-After header of a refusal, "" without one.
    """

    by: HungUpBy
    status: int
    reason: str
    media_seconds: float
    retry_after: str = ""


def read_end(status: int, reason: str, message: str, media_seconds: float, *, ours: bool) -> Ended:
    """The end of a leg.

    ``message`` is the SIP message that ended it, "" if it was not the peer's: a refusal may say when to try again.
    ``ours``: this side has ended the leg. Of the reason only what can be printed is kept.
    """
    by: HungUpBy = "gateway" if ours else "caller" if status in _ENDED_BY_PEER else "lost"
    retry_after = _RETRY_AFTER.search(message)
    again = retry_after[1].strip() if retry_after else ""
    return Ended(by, status, printable(reason), media_seconds, again)
