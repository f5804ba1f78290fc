"""The one table of what the page answers to: method, path, handler, and the role it needs.

Nothing is reachable that is not here, and ``console.guard`` refuses whatever a row does not allow; the tests
make their access matrix from it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

from console import bundles
from console.pages import login
from console.policy import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. ``role`` None: anyone, logged in or not. ``path`` may have plain ``{parts}``, no patterns."""

    method: str
    path: str
    handler: Handler
    role: Role | None


ROUTES: Final[Sequence[Route]] = (
    Route("GET", "/static/{name}", bundles.show, None),
    Route("GET", "/login", login.show, None),
    Route("POST", "/login", login.enter, None),
    Route("POST", "/logout", login.leave, Role.AGENT),
)
