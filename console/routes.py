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
from console.pages import (
    audit,
    callbacks,
    duty,
    live,
    login,
    recording,
    review,
    story,
    surges,
    users,
    watch,
    worklist,
)
from console.policy import Role

if TYPE_CHECKING:
    from collections.abc import Sequence

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. ``role`` None: anyone, logged in or not. ``path`` may have plain ``{parts}``, no patterns.

    ``background``: an open page asks for it by itself, so it keeps no login alive.
    """

    method: str
    path: str
    handler: Handler
    role: Role | None
    background: bool = False


ROUTES: Final[Sequence[Route]] = (
    Route("GET", "/static/{name}", bundles.show, None),
    Route("GET", "/login", login.show, None),
    Route("POST", "/login", login.enter, None),
    Route("POST", "/logout", login.leave, Role.AGENT),
    Route("GET", "/", worklist.show, Role.AGENT),
    Route("GET", "/events", watch.stream, Role.AGENT, background=True),
    Route("POST", "/stay", watch.stay, Role.AGENT),
    Route("GET", "/next", worklist.look_ahead, Role.AGENT),
    Route("POST", "/next", worklist.go_on, Role.AGENT),
    Route("POST", "/calls/{call_id}/claim", worklist.take, Role.AGENT),
    Route("POST", "/calls/{call_id}/release", worklist.give_back, Role.AGENT),
    Route("POST", "/calls/{call_id}/assign", worklist.assign_to, Role.LEAD),
    Route("GET", "/calls/{call_id}/number", callbacks.tell_number, Role.AGENT),
    Route("POST", "/calls/{call_id}/call-back", callbacks.note, Role.AGENT),
    Route("GET", "/calls/{call_id}", review.show, Role.AGENT),
    Route("GET", "/calls/{call_id}/sheet", review.show_sheet, Role.AGENT),
    Route("PUT", "/calls/{call_id}/worksheet", review.save, Role.AGENT),
    Route("POST", "/calls/{call_id}/tickets/{number}/decision", review.conclude, Role.AGENT),
    Route("GET", "/calls/{call_id}/audio", recording.play, Role.AGENT),
    Route("GET", "/calls/{call_id}/peaks", recording.show_peaks, Role.AGENT),
    Route("GET", "/calls/{call_id}/story", story.show, Role.AGENT),
    Route("GET", "/live", live.show, Role.AGENT),
    Route("GET", "/live/events", live.stream, Role.AGENT, background=True),
    Route("GET", "/surges", surges.show, Role.AGENT),
    Route("POST", "/surges/{surge}/seen", surges.acknowledge_one, Role.AGENT),
    Route("GET", "/account", users.show_own, Role.AGENT),
    Route("POST", "/account", users.change_own, Role.AGENT),
    Route("GET", "/users", users.show, Role.ADMIN),
    Route("POST", "/users", users.add, Role.ADMIN),
    Route("POST", "/users/{name}/active", users.switch, Role.ADMIN),
    Route("POST", "/users/{name}/password", users.reset, Role.ADMIN),
    Route("GET", "/duty", duty.show, Role.ADMIN),
    Route("POST", "/duty", duty.switch_on, Role.ADMIN),
    Route("POST", "/duty/off", duty.switch_off, Role.ADMIN),
    Route("GET", "/audit", audit.show, Role.ADMIN),
)
