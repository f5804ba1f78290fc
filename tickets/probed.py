"""What a ticket says of a probe's call (`hotline probe`): it is no citizen's, and nobody is to act on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARK: Final = "【拨测】"
_NOTE: Final = "拨测来电,不是市民诉求,请勿派单"


def mark_title(title: str, *, test: bool) -> str:
    """The title as the ticket has it."""
    return f"{_MARK}{title}" if test else title


def tell_probed(*, test: bool) -> list[str]:
    """What its notes begin with."""
    return [_NOTE] if test else []


def is_probed(document: Mapping[str, Any]) -> bool:
    """Whether a ticket (``Ticket.to_json``, or a draft's content) is marked so."""
    return str(document["appeal"]["title"]).startswith(_MARK)
