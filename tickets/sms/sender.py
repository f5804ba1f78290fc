"""Giving a message to the operator's gateway: one attempt, and what came of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, unquote_plus

import aiohttp

from tickets.access import Access
from tickets.authorization import Authorization, NoTokenError, read_answer
from tickets.client import BARRED, Accepted, Barred, Lost, Outcome, Rejected, Unavailable, clean, read_hold
from tickets.sms.message import Message
from tickets.ticket import Receipt

if TYPE_CHECKING:
    from tickets.outbox import Kind
    from tickets.sms.provider import Provider, Request

AT_ONCE: Final = 4
"""Messages under way at once."""

_LOST: Final = "nobody knows whether it was sent, and it would be sent twice: not tried again"
_NOBODY: Final = Access()


class SmsClient:
    """The gateway of ``provider``. Make it in the event loop that uses it, and ``close`` it there.

    ``secret`` stands for ``{secret}`` in the provider's file, ``timeout_s`` bounds one whole attempt. Raises ValueError
    for a bad access.
    """

    def __init__(self, provider: Provider, secret: str, timeout_s: float, access: Access = _NOBODY) -> None:
        self._provider, self._secret, self.timeout_s = provider, secret, timeout_s
        tracing = aiohttp.TraceConfig()
        tracing.on_request_headers_sent.append(_note_sent)
        self._session = aiohttp.ClientSession(
            # No connection is used twice: a GET over one that has been closed meanwhile would be repeated unasked.
            connector=aiohttp.TCPConnector(limit=AT_ONCE, force_close=True, ssl=access.make_context()),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=access.proxy or None,
            trace_configs=[tracing],
        )
        self._authorization = Authorization(access, self._session)

    @property
    def longest_s(self) -> float:
        """How long one attempt can take at the most."""
        return self.timeout_s

    async def post(self, document: str, key: str, kind: Kind = "sms", *, again: bool = False) -> Outcome:  # noqa: ARG002 - one signature for all that the courier posts
        """Give one `Message`, a JSON text, to the gateway under our id ``key``.

        ``again``: nobody knows what came of an attempt before this. A gateway that does not know a message by its id
        is not asked again then: better no message than two. Never raises for what the other side does. Reasons go to
        the log: the secret, the number and the text are left out of them.
        """
        if again and not self._provider.file.idempotent:
            return Lost(f"this program stopped in the middle: {_LOST}")
        message = Message.model_validate_json(document)
        outcome = await self._try(message, key)
        return _blot(outcome, (self._secret, message.to, message.text))

    async def _try(self, message: Message, key: str) -> Outcome:
        request = self._provider.compose(message.to, message.text, key, self._secret)
        progress = SimpleNamespace(sent=False)
        try:
            async with asyncio.timeout(self.timeout_s):
                head = await self._authorization.head()
                outcome = await self._send(request, key, head, progress)
                if isinstance(outcome, Barred) and self._authorization.forget(head):
                    outcome = await self._send(request, key, await self._authorization.head(), progress)
                return outcome
        except NoTokenError as error:
            return Unavailable(str(error)) if error.status is None else Barred(error.status, str(error))
        except aiohttp.ClientHttpProxyError as error:
            return Unavailable(f"the proxy answers HTTP {error.status}")
        except TimeoutError:
            return self._wonder(f"no answer within {self.timeout_s:g} s", progress)
        except aiohttp.ClientResponseError as error:  # it tells the whole URL
            return self._wonder(clean(f"{type(error).__name__}: {error.message}"), progress)
        except aiohttp.ClientError as error:
            return self._wonder(clean(f"{type(error).__name__}: {error}"), progress)

    async def _send(
        self, request: Request, key: str, head: dict[str, str], progress: SimpleNamespace
    ) -> Outcome:
        progress.sent = False
        async with self._session.request(
            request.method,
            request.url,
            data=request.body,
            headers={**request.headers, **head},
            allow_redirects=False,
            trace_request_ctx=progress,
        ) as response:
            answer = await read_answer(response)
            hold = read_hold(response.headers.get("Retry-After"), datetime.now(UTC))
        status, told = response.status, clean(answer.decode(errors="replace"))
        match self._provider.judge(status, answer):
            case "taken" | "duplicate" as verdict:
                word = "已提交" if verdict == "taken" else "重复提交"
                number = self._provider.read_number(answer, key)
                return Accepted(Receipt(number=number, status=word, accepted_at=datetime.now(UTC)))
            case "busy":
                return Unavailable(f"HTTP {status}: {told}", hold, busy=hold is not None)
            case "refused":
                return Barred(status, told) if status in BARRED else Rejected(status, told)
            case "unknown":
                return self._wonder(f"HTTP {status} that the provider's file does not know: {told}", progress)

    def _wonder(self, reason: str, progress: SimpleNamespace) -> Outcome:
        """What becomes of a message of which nobody knows whether it was taken."""
        if not progress.sent or self._provider.file.idempotent:
            return Unavailable(reason)
        return Lost(f"{reason}: {_LOST}")

    async def close(self) -> None:
        """Close what is open."""
        await self._session.close()


def _blot(outcome: Outcome, private: tuple[str, ...]) -> Outcome:
    """The outcome without these words in what it tells: the other side may repeat what it was sent."""

    def blot(told: str) -> str:
        for word in filter(None, private):
            for read in (str, unquote, unquote_plus):  # as it stands in a body, in a URL, in a form
                if word in read(told):
                    told = read(told).replace(word, "…")
        return told

    match outcome:
        case Rejected() | Barred():
            return replace(outcome, detail=blot(outcome.detail))
        case Unavailable() | Lost():
            return replace(outcome, reason=blot(outcome.reason))
        case Accepted():
            return outcome


async def _note_sent(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _sent: aiohttp.TraceRequestHeadersSentParams
) -> None:
    if context.trace_request_ctx is not None:  # None: a token is asked for
        context.trace_request_ctx.sent = True
