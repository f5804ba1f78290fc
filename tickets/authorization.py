"""Bearer tokens for the intake: one that lasts, or one of OAuth 2.0 client credentials, renewed before its end."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import quote_plus

import aiohttp
from pydantic import BaseModel, Field, ValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tickets.access import Access, ClientCredentials

_LIFE_S: Final = 300.0
"""How long a token is used whose server does not say."""

_ANSWER_BYTES: Final = 64 * 1024
_EARLY_SHARE: Final = 0.1
_EARLY_MAX_S: Final = 30.0
_CLIENTS_FAULT: Final = range(400, 500)
_LATER: Final = {408, 425, 429}


class NoTokenError(Exception):
    """No token could be had; ``status`` is that of a server that refuses us one, None when it may later give one."""

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class _Grant(BaseModel):
    """The answer of RFC 6749, 5.1."""

    access_token: str = Field(min_length=1, max_length=16_384, pattern=r"^[\x21-\x7e]+$")
    token_type: str = Field(pattern="^(?i:bearer)$")
    expires_in: float | None = Field(default=None, gt=0)


class Authorization:
    """The Authorization header of posts by ``access``, through ``session``."""

    def __init__(self, access: Access, session: aiohttp.ClientSession) -> None:
        self._access = access
        self._session = session
        self._lock = asyncio.Lock()
        self._token = access.token
        self._good_until = float("inf") if access.token else 0.0

    async def head(self) -> dict[str, str]:
        """The header, with a token that was good a moment ago. Raises NoTokenError, TimeoutError or ClientError."""
        client = self._access.oauth
        if client is None:
            return {"Authorization": f"Bearer {self._token}"} if self._token else {}
        async with self._lock:  # one asks, the others take what it gets
            if time.monotonic() >= self._good_until:
                self._token, self._good_until = await self._ask(client)
            return {"Authorization": f"Bearer {self._token}"}

    def forget(self, head: Mapping[str, str]) -> bool:
        """Drop the token of ``head``, which was refused before its time; whether another can be had."""
        if self._access.oauth is None:
            return False
        if head.get("Authorization") == f"Bearer {self._token}":
            self._good_until = 0.0
        return True

    async def _ask(self, client: ClientCredentials) -> tuple[str, float]:
        form = {"grant_type": "client_credentials"} | ({"scope": client.scope} if client.scope else {})
        began = time.monotonic()
        async with self._session.post(
            client.token_url,
            data=form,
            headers={
                "Accept": "application/json",
                # Each as in a form (2.3.1), that a colon in one of them is none of the header's.
                "Authorization": aiohttp.encode_basic_auth(
                    quote_plus(client.client), quote_plus(client.secret)
                ),
            },
            allow_redirects=False,
        ) as response:
            answer = await read_answer(response)
        if response.status in _CLIENTS_FAULT and response.status not in _LATER:
            # Its words may repeat the secret: the code of RFC 6749, 5.2 is enough.
            raise NoTokenError(f"oauth.token_url refuses us a token: HTTP {response.status}", response.status)
        try:
            grant = _Grant.model_validate_json(answer)
        except ValidationError:
            raise NoTokenError(f"oauth.token_url gave no bearer token: HTTP {response.status}") from None
        life = _LIFE_S if grant.expires_in is None else grant.expires_in
        return grant.access_token, began + life - min(life * _EARLY_SHARE, _EARLY_MAX_S)


async def read_answer(response: aiohttp.ClientResponse) -> bytes:
    """The body of an answer, in however many pieces it comes, no more than a piece beyond 64 KiB of it."""
    answer = bytearray()
    async for chunk in response.content.iter_any():
        answer += chunk
        if len(answer) > _ANSWER_BYTES:
            break
    return bytes(answer)
