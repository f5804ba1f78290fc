"""Posting a ticket, or an alert, to the city's intake API: one attempt, and what came of it."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import aiohttp
from pydantic import ValidationError

from tickets.access import Access, read_url
from tickets.authorization import Authorization, NoTokenError, read_answer
from tickets.signature import read_secret, sign
from tickets.ticket import Receipt

if TYPE_CHECKING:
    from yarl import URL

    from tickets.outbox import Kind

CONCURRENCY: Final = 16
"""Posts under way at once, each on a kept connection."""

_DETAIL_CHARACTERS: Final = 500
_HOLD_MAX_S: Final = 600.0
# Less than the five seconds after which some HTTP servers close an idle connection: no post meets its end.
_KEEPALIVE_S: Final = 4.0
_LATER: Final = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,  # another attempt with the same key is still being handled
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}
_BUSY: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
BARRED: Final = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
}
"""Who is answered so has not shown who he is."""

_NOBODY: Final = Access()


@dataclass(frozen=True, slots=True)
class Accepted:
    """The intake has the ticket."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Rejected:
    """The intake will never take this ticket.

    ``status`` is a 4xx, ``detail`` the intake's own words, at most 500 characters.
    """

    status: int
    detail: str


@dataclass(frozen=True, slots=True)
class Barred:
    """The intake, or a proxy before it, does not let this gateway in: its operator has to act, the ticket can wait.

    ``status`` is 401, 403 or 407, or what a token was refused with; ``detail`` says more, at most 500 characters.
    """

    status: int
    detail: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Nobody knows whether the intake has the ticket: try again, with the same key.

    ``hold_s`` is how long the intake asked to be left alone (Retry-After, RFC 9110 10.2.3), 0..600; ``busy``: by
    everybody, not for this ticket alone.
    """

    reason: str
    hold_s: float | None = None
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """Nobody knows whether it was taken, and whoever takes it would take it twice: it is not tried again."""

    reason: str


Outcome = Accepted | Rejected | Barred | Unavailable | Lost


class Reply(NamedTuple):
    """What an intake answered, ``status`` 0 when it did not, and what that says of a post."""

    outcome: Outcome
    status: int = 0
    answer: bytes = b""


class IntakeClient:
    """The intake that takes tickets at ``url``, and alerts at ``alerts_url``, else beside them: …/alerts.

    Make it in the event loop that uses it, and ``close`` it there. ``secret`` is a Standard Webhooks secret;
    ``timeout_s`` bounds one whole post, that for a token included. Raises ValueError for a bad URL, secret or access.
    """

    def __init__(
        self, url: str, secret: str, timeout_s: float, alerts_url: str = "", access: Access = _NOBODY
    ) -> None:
        tickets = read_url("the intake's url", url)
        alerts = (
            read_url("the intake's url", alerts_url)
            if alerts_url
            else tickets.with_path(f"{tickets.parent.path}/alerts")
        )
        self._urls: dict[Kind, URL] = {"ticket": tickets, "alert": alerts}
        self._access, self._home = access, tickets
        self._key = read_secret(secret)
        self.timeout_s = timeout_s
        self._session = aiohttp.ClientSession(
            # Alerts never wait for tickets: as many again.
            connector=aiohttp.TCPConnector(
                limit=2 * CONCURRENCY, keepalive_timeout=_KEEPALIVE_S, ssl=access.make_context()
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=access.proxy or None,
        )
        self._authorization = Authorization(access, self._session)

    @property
    def longest_s(self) -> float:
        """How long one post can take at the most."""
        return self.timeout_s

    async def post(
        self,
        document: str,
        key: str,
        kind: Kind = "ticket",
        *,
        again: bool = False,  # noqa: ARG002 - this intake knows the key; `tickets.mapped` has others
    ) -> Outcome:
        """Post one revision of a ticket, or an alert, a JSON text, byte for byte as given.

        ``key`` is the Idempotency-Key and the webhook-id: the same for every attempt with the same document. ``again``:
        nobody knows what came of an attempt before this. Never raises for what the other side does.
        """
        return (await self._exchange("POST", self._urls[kind], document.encode(), key)).outcome

    async def _exchange(self, method: str, url: URL, body: bytes, key: str) -> Reply:
        """Ask, with what shows who we are; what came back, and what that says of a post."""
        shown = self._access.may_show_token(url, self._home)
        try:
            async with asyncio.timeout(self.timeout_s):
                head = await self._authorization.head() if shown else {}
                reply = await self._send(method, url, body, key, head)
                if shown and _is_unknown(reply.outcome) and self._authorization.forget(head):
                    reply = await self._send(method, url, body, key, await self._authorization.head())
        except TimeoutError:
            return Reply(Unavailable(f"no answer within {self.timeout_s:g} s"))
        except NoTokenError as error:
            barred = Unavailable(str(error)) if error.status is None else Barred(error.status, str(error))
            return Reply(barred)
        except aiohttp.ClientHttpProxyError as error:
            if error.status in BARRED:
                return Reply(Barred(error.status, "the proxy does not let us through"))
            return Reply(Unavailable(f"the proxy answers HTTP {error.status}"))
        except aiohttp.ClientError as error:
            return Reply(Unavailable(clean(f"{type(error).__name__}: {error}")))
        return reply

    async def _send(self, method: str, url: URL, body: bytes, key: str, head: dict[str, str]) -> Reply:
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            **sign(self._key, key, int(time.time()), body),
            **head,
        }
        async with self._session.request(
            method, url, data=body, headers=headers, allow_redirects=False
        ) as response:
            answer = await read_answer(response)
            hold = read_hold(response.headers.get("Retry-After"), datetime.now(UTC))
            return Reply(_judge(response.status, answer, hold), response.status, answer)

    async def close(self) -> None:
        """Close the kept connections."""
        await self._session.close()


def _judge(status: int, answer: bytes, hold_s: float | None) -> Outcome:
    if status in {HTTPStatus.OK, HTTPStatus.CREATED}:
        try:
            return Accepted(Receipt.model_validate_json(answer))
        except ValidationError as error:
            return Unavailable(f"HTTP {status} without a receipt: {error.error_count()} faults in the answer")
    if status in _LATER or not HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(f"HTTP {status}", hold_s, busy=hold_s is not None and status in _BUSY)
    if status in BARRED:
        return Barred(status, _describe(answer))
    return Rejected(status, _describe(answer))


def _is_unknown(outcome: Outcome) -> bool:
    return isinstance(outcome, Barred) and outcome.status == HTTPStatus.UNAUTHORIZED


def _describe(answer: bytes) -> str:
    """What a refusal says, from problem+json (RFC 9457) or whatever text it is."""
    text = answer.decode(errors="replace")
    try:
        problem: Any = json.loads(text)
        if isinstance(problem, dict):
            parts = [str(problem[name]) for name in ("title", "detail", "errors") if problem.get(name)]
            text = ": ".join(parts) or text
    except (ValueError, RecursionError):  # no JSON, or nested beyond all sense: as text then
        pass
    return clean(text)


def clean(text: str) -> str:
    """Text that any database keeps: no NUL, no half of a surrogate pair, at most 500 characters."""
    whole = text.encode(errors="replace").decode().replace("\0", "")
    return whole.strip()[:_DETAIL_CHARACTERS]


def read_hold(value: str | None, now: datetime) -> float | None:
    """Seconds asked for by Retry-After, as a number or an HTTP date; None when absent or senseless."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return min(float(value), _HOLD_MAX_S)
    try:
        seconds = (parsedate_to_datetime(value) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):  # not a date, one without a zone, or beyond the year 9999
        return None
    return min(max(seconds, 0.0), _HOLD_MAX_S)
