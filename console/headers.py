"""The headers of every answer: what the browser may load and from where, and that nothing personal is kept."""

from __future__ import annotations

import secrets
from typing import Final

from aiohttp import web

from console.keys import POLICY

_NONCE: Final = web.RequestKey("NONCE", str)
_YEAR_S: Final = 31_536_000


def nonce_of(request: web.Request) -> str:
    """The answer's nonce, for a style sheet that a script of ours makes (a web component's own)."""
    if _NONCE not in request:
        request[_NONCE] = secrets.token_urlsafe(16)
    return request[_NONCE]


async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
    """A signal of the application (``on_response_prepare``): errors and files pass through it too."""
    headers = response.headers
    headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; "
        f"style-src 'self' 'nonce-{nonce_of(request)}'; "
        "img-src 'self' data:; font-src 'self'; media-src 'self' blob:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"  # for what is too old to know frame-ancestors
    headers["Referrer-Policy"] = "same-origin"  # never to others; the guard reads it at home
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
    headers["Server"] = "hotline"
    headers.setdefault("Cache-Control", "no-store")
    if request.app[POLICY].secure:
        headers["Strict-Transport-Security"] = f"max-age={_YEAR_S}"
