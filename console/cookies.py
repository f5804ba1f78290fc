"""The two cookies: the session's, and the one that ties a login form to the browser it was sent to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from console.keys import POLICY

if TYPE_CHECKING:
    from aiohttp import web

_SESSION: Final = "session"
_VISITOR: Final = "visitor"
_TOKEN: Final = re.compile(r"[\w-]{43}", re.ASCII)  # as secrets.token_urlsafe(32) gives them


def read_session(request: web.Request) -> str:
    """The session's token, "" without one."""
    return _read(request, _SESSION)


def read_visitor(request: web.Request) -> str:
    """The login form's token, "" without one."""
    return _read(request, _VISITOR)


def set_session(request: web.Request, response: web.StreamResponse, token: str) -> None:
    """Log the browser in; the form's own cookie has done its work."""
    _set(request, response, _SESSION, token)
    _drop(request, response, _VISITOR)


def set_pending(request: web.Request, response: web.StreamResponse, token: str) -> None:
    """Half log the browser in; the form for the other half still needs its own cookie."""
    _set(request, response, _SESSION, token)


def set_visitor(request: web.Request, response: web.StreamResponse, token: str) -> None:
    """Tie a login form to the browser."""
    _set(request, response, _VISITOR, token)


def drop_session(request: web.Request, response: web.StreamResponse) -> None:
    """Log the browser out."""
    _drop(request, response, _SESSION)


def _read(request: web.Request, name: str) -> str:
    # Only what we may have set: a login page repeats its cookie, and must not repeat anything else.
    value = request.cookies.get(_name(request, name), "")
    return value if _TOKEN.fullmatch(value) else ""


def _name(request: web.Request, name: str) -> str:
    # The prefix makes browsers refuse the cookie from anywhere but this very host, over TLS (RFC 6265bis, 4.1.3.2).
    return f"__Host-{name}" if request.app[POLICY].secure else f"hotline-{name}"


def _set(request: web.Request, response: web.StreamResponse, name: str, value: str) -> None:
    # Lax, not Strict: who opens a link to a call from the city's messenger is logged in there too.
    response.set_cookie(
        _name(request, name),
        value,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=request.app[POLICY].secure,
    )


def _drop(request: web.Request, response: web.StreamResponse, name: str) -> None:
    response.del_cookie(
        _name(request, name),
        path="/",
        httponly=True,
        samesite="Lax",
        secure=request.app[POLICY].secure,
    )
