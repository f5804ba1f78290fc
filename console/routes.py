"""The one table of what the page answers to: method, path, handler, and the right it needs.

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
    dialling,
    duty,
    factors,
    live,
    login,
    logins,
    overview,
    recording,
    review,
    story,
    surges,
    users,
    watch,
    worklist,
)
from console.policy import Right

if TYPE_CHECKING:
    from collections.abc import Sequence

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. ``right`` None: anyone, logged in or not. ``path`` may have plain ``{parts}``, no patterns.

    ``background``: an open page asks for it by itself, so it keeps no login alive.
    """

    method: str
    path: str
    handler: Handler
    right: Right | None
    background: bool = False


ROUTES: Final[Sequence[Route]] = (
    Route("GET", "/static/{name}", bundles.show, None),
    Route("GET", "/login", login.show, None),
    Route("POST", "/login", login.enter, None),
    Route("GET", "/login/code", login.show_code, None),
    Route("POST", "/login/code", login.enter_code, None),
    Route("POST", "/logout", login.leave, Right.OWN),
    Route("GET", "/", worklist.show, Right.READ),
    Route("GET", "/events", watch.stream, Right.OWN, background=True),
    Route("POST", "/stay", watch.stay, Right.OWN),
    Route("GET", "/next", worklist.look_ahead, Right.REVIEW),
    Route("POST", "/next", worklist.go_on, Right.REVIEW),
    Route("POST", "/calls/{call_id}/claim", worklist.take, Right.REVIEW),
    Route("POST", "/calls/{call_id}/release", worklist.give_back, Right.REVIEW),
    Route("POST", "/calls/{call_id}/assign", worklist.assign_to, Right.LEAD),
    Route("GET", "/calls/{call_id}/number", callbacks.tell_number, Right.NUMBERS),
    Route("POST", "/calls/{call_id}/call-back", callbacks.note, Right.REVIEW),
    Route("POST", "/calls/{call_id}/dial", dialling.dial, Right.DIAL),
    Route("GET", "/calls/{call_id}", review.show, Right.READ),
    Route("GET", "/calls/{call_id}/sheet", review.show_sheet, Right.READ),
    Route("PUT", "/calls/{call_id}/worksheet", review.save, Right.REVIEW),
    Route("POST", "/calls/{call_id}/tickets/{number}/decision", review.conclude, Right.REVIEW),
    Route("POST", "/calls/{call_id}/tickets/{number}/take-back", review.undo, Right.REVIEW),
    Route("GET", "/calls/{call_id}/audio", recording.play, Right.READ),
    Route("GET", "/calls/{call_id}/peaks", recording.show_peaks, Right.READ),
    Route("GET", "/calls/{call_id}/story", story.show, Right.READ),
    Route("GET", "/live", live.show, Right.READ),
    Route("GET", "/live/events", live.stream, Right.READ, background=True),
    Route("GET", "/surges", surges.show, Right.READ),
    Route("POST", "/surges/{surge}/seen", surges.acknowledge_one, Right.REVIEW),
    Route("GET", "/overview", overview.show, Right.OVERVIEW),
    Route("GET", "/overview/words", overview.show_words, Right.OVERVIEW),
    Route("GET", "/overview/map", overview.show_map, Right.OVERVIEW),
    Route("GET", "/overview/csv", overview.export, Right.EXPORT),
    Route("GET", "/account", users.show_own, Right.OWN),
    Route("POST", "/account", users.change_own, Right.OWN),
    Route("POST", "/account/logins", users.end_own, Right.OWN),
    Route("POST", "/account/extension", dialling.set_own, Right.OWN),
    Route("GET", "/account/factor", factors.show, Right.OWN),
    Route("POST", "/account/factor", factors.change, Right.OWN),
    Route("GET", "/logins", logins.show, Right.LOGINS),
    Route("POST", "/logins/end", logins.end, Right.LOGINS),
    Route("POST", "/logins/unlock", logins.unlock, Right.LOGINS),
    Route("GET", "/users", users.show, Right.ACCOUNTS),
    Route("POST", "/users", users.add, Right.USERS),
    Route("POST", "/users/{name}/active", users.switch, Right.USERS),
    Route("POST", "/users/{name}/extension", dialling.set_of, Right.USERS),
    Route("POST", "/users/{name}/password", users.reset, Right.USERS),
    Route("POST", "/users/{name}/factor", factors.reset, Right.GRANT),
    Route("POST", "/users/{name}/roles", users.grant, Right.GRANT),
    Route("GET", "/duty", duty.show, Right.DUTY),
    Route("POST", "/duty", duty.switch_on, Right.DUTY),
    Route("POST", "/duty/off", duty.switch_off, Right.DUTY),
    Route("GET", "/audit", audit.show, Right.AUDIT),
)
