"""Posting a ticket, or an alert, to the city's intake API: one attempt, and what came of it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from pydantic import ValidationError
from yarl import URL

from tickets.signature import read_secret, sign
from tickets.ticket import Receipt

if TYPE_CHECKING:
    from tickets.outbox import Kind

CONCURRENCY: Final = 16
"""Posts under way at once, each on a kept connection."""

_ANSWER_BYTES: Final = 64 * 1024
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
class Unavailable:
    """Nobody knows whether the intake has the ticket: try again, with the same key.

    ``hold_s`` is how long the intake asked to be left alone (Retry-After, RFC 9110 10.2.3), 0..600.
    """

    reason: str
    hold_s: float | None = None


Outcome = Accepted | Rejected | Unavailable


class IntakeClient:
    """The intake that takes tickets at ``url``, and alerts at ``alerts_url``, else beside them: …/alerts.

    Make it in the event loop that uses it, and ``close`` it there. ``secret`` is a Standard Webhooks secret;
    ``timeout_s`` bounds one whole post. Raises ValueError for a bad URL or secret.
    """

    def __init__(self, url: str, secret: str, timeout_s: float, alerts_url: str = "") -> None:
        tickets = _read_url(url)
        alerts = _read_url(alerts_url) if alerts_url else tickets.with_path(f"{tickets.parent.path}/alerts")
        self._urls: dict[Kind, URL] = {"ticket": tickets, "alert": alerts}
        self._key = read_secret(secret)
        self.timeout_s = timeout_s
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONCURRENCY, keepalive_timeout=_KEEPALIVE_S),
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def post(self, document: str, key: str, kind: Kind = "ticket") -> Outcome:
        """Post one revision of a ticket, or an alert, a JSON text, byte for byte as given.

        ``key`` is the Idempotency-Key and the webhook-id: the same for every attempt with the same document.
        Never raises for what the other side does.
        """
        body = document.encode()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            **sign(self._key, key, int(time.time()), body),
        }
        try:
            async with self._session.post(
                self._urls[kind], data=body, headers=headers, allow_redirects=False
            ) as response:
                answer = await _read_bounded(response)
                hold = _read_hold(response.headers.get("Retry-After"), datetime.now(UTC))
                return _judge(response.status, answer, hold)
        except TimeoutError:
            return Unavailable(f"no answer within {self.timeout_s:g} s")
        except aiohttp.ClientError as error:
            return Unavailable(_clean(f"{type(error).__name__}: {error}"))

    async def close(self) -> None:
        """Close the kept connections."""
        await self._session.close()


def _read_url(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError as error:
        raise ValueError(f"the intake's url {text!r} is not a URL ({error})") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise ValueError(f"the intake's url {text!r} is not of the form http(s)://host[:port]/path")
    return url


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    answer = bytearray()
    async for chunk in response.content.iter_any():
        answer += chunk
        if len(answer) > _ANSWER_BYTES:
            break
    return bytes(answer)


def _judge(status: int, answer: bytes, hold_s: float | None) -> Outcome:
    if status in {HTTPStatus.OK, HTTPStatus.CREATED}:
        try:
            return Accepted(Receipt.model_validate_json(answer))
        except ValidationError as error:
            return Unavailable(f"HTTP {status} without a receipt: {error.error_count()} faults in the answer")
    if status in _LATER or not HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(f"HTTP {status}", hold_s)
    return Rejected(status, _describe(answer))


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
    return _clean(text)


def _clean(text: str) -> str:
    """Text that any database keeps: no NUL, no half of a surrogate pair, at most 500 characters."""
    whole = text.encode(errors="replace").decode().replace("\0", "")
    return whole.strip()[:_DETAIL_CHARACTERS]


def _read_hold(value: str | None, now: datetime) -> float | None:
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
