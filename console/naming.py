"""What a call's line is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tickets.story import CallStory


def name_line(story: CallStory, today: Mapping[str, str]) -> str:
    """The name the line had when it was called, as a ticket tells it; else its name ``today``, "" without one."""
    lines = [ticket.revisions[-1].document["line"] for ticket in story.tickets]
    return next((line["name"] for line in lines if line), today.get(story.call.hotline, ""))
