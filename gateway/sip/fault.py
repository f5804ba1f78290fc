"""What the SIP stack refuses."""

from __future__ import annotations

from config.fault import Fault


class SipError(Fault):
    """The SIP stack refused: says what was tried and the stack's reason."""
