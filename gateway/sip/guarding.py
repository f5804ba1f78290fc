"""What keeps one callback's trouble from a leg's end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)


def guard(callback: Callable[[], None]) -> None:
    """Call it; what it raises is logged."""
    try:
        callback()
    except Exception:  # boundary, SIP callback: what fails above must not keep the line from its end
        log.exception("what follows from a SIP event has failed")
