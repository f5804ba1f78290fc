"""How messages go to callers: who sends them, and who writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tickets.sms.message import Writer
    from tickets.sms.sender import SmsClient


@dataclass(frozen=True, slots=True)
class Texting:
    """How messages go to callers: ``client`` sends what ``writer`` has written, ``per_second`` on average (0: all)."""

    client: SmsClient
    writer: Writer
    per_second: float = 0.0
