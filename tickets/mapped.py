"""Posting to an intake that another city built, in its own fields, by its mapping file.

It may know no idempotency key: what was posted before is asked for before it is posted again. It may know no revisions:
what follows the first is posted as a supplement (补充). Alerts it takes none.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from yarl import URL

from tickets.answers import AnswerError, UnreadableError
from tickets.client import Accepted, Barred, IntakeClient, Outcome, Rejected, Unavailable

if TYPE_CHECKING:
    from tickets.access import Access
    from tickets.mapping import IntakeMapping, LookupPart
    from tickets.outbox import Kind


class MappedClient(IntakeClient):
    """The client of an intake at ``url`` that takes tickets by ``mapping``; the rest is `IntakeClient`."""

    def __init__(
        self, url: str, secret: str, timeout_s: float, access: Access, mapping: IntakeMapping
    ) -> None:
        super().__init__(url, secret, timeout_s, access=access)
        self._mapping = mapping
        self._tickets = URL(url)

    @property
    def lookup(self) -> LookupPart | None:
        """How it is asked what it has; None: it cannot be asked."""
        return self._mapping.file.lookup

    @property
    def longest_s(self) -> float:
        """As long as a question and a post, one after the other."""
        return 2 * self.timeout_s

    async def post(self, document: str, key: str, kind: Kind = "ticket", *, again: bool = False) -> Outcome:
        """Post one revision in their fields; ``again``: asked for first, for an attempt may have come through."""
        if kind == "alert":
            return Rejected(
                HTTPStatus.NOT_IMPLEMENTED, "this intake takes no alerts: set intake.alerts: false"
            )
        ticket = json.loads(document)
        if again and self.lookup is not None:
            found = await self.ask(ticket["number"], ticket["revision"], key)
            if found is not None:
                return found
        supplement = self._mapping.file.supplement
        url = URL(supplement.url) if supplement and self._mapping.is_supplement(ticket) else self._tickets
        body = json.dumps(self._mapping.translate(ticket), ensure_ascii=False).encode()
        reply = await self._exchange("POST", url, body, key)
        if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
            return reply.outcome
        try:
            return Accepted(self._mapping.read_receipt(reply.answer, datetime.now(UTC)))
        except AnswerError as error:
            why = f"their answer: {error}"
            # A page of something before them tells nothing, but they can be asked. Nobody else is posted to twice.
            unsure = isinstance(error, UnreadableError) and self.lookup is not None
            return Unavailable(why) if unsure else Rejected(reply.status, why)

    async def ask(self, number: str, revision: int, key: str) -> Outcome | None:
        """What they have of this revision: Accepted, None for nothing, anything else when that could not be known.

        Raises ValueError when the mapping has no ``lookup``.
        """
        lookup = self.lookup
        if lookup is None:
            raise ValueError("the mapping has no lookup: nobody can be asked what the intake has")
        reply = await self._exchange("GET", URL(lookup.url.replace("{number}", number)), b"", key)
        if reply.status == HTTPStatus.NOT_FOUND:
            return None
        if reply.status != HTTPStatus.OK:
            return (
                reply.outcome
                if reply.status == 0 or isinstance(reply.outcome, Barred)
                else Unavailable(f"asked for what it has: HTTP {reply.status}")
            )
        try:
            held = self._mapping.read_found(reply.answer, revision, datetime.now(UTC))
        except UnreadableError as error:
            return Unavailable(f"asked for what it has: {error}")
        return None if held is None else Accepted(held)
