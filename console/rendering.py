"""Templates into answers: what every page knows, and how times and lengths are written."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import aiohttp_jinja2
import jinja2

from console.duty import orders_in_force
from console.headers import nonce_of
from console.keys import ASSETS, DIALLING, SESSION
from console.masking import mask
from console.policy import Right
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from aiohttp import web

    from console.sessions import Session

_MINUTE: Final = 60
_NAVIGATION: Final = (
    ("/", "工作列表", Right.READ),
    ("/live", "正在通话", Right.READ),
    ("/surges", "热点", Right.READ),
    ("/overview", "概览", Right.OVERVIEW),
    ("/duty", "转人工", Right.DUTY),
    ("/users", "用户", Right.ACCOUNTS),
    ("/logins", "登录", Right.LOGINS),
    ("/audit", "审计", Right.AUDIT),
    ("/account", "本人账号", Right.OWN),
)


def find_home(session: Session) -> str:
    """The first page that somebody of these rights has."""
    return next(path for path, _, right in _NAVIGATION if session.may(right))


def set_up_templates(app: web.Application) -> None:
    """Make the templates known; a name a template does not know is an error, and every value is escaped."""
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.PackageLoader("console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(moment=show_moment, short=show_short, length=show_length, mask=mask)


def render(
    request: web.Request,
    template: str,
    context: dict[str, Any] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> web.Response:
    """The template as a page.

    Besides ``context`` it knows ``session`` (or None), ``csrf``,
    ``asset``, ``nonce``, ``here`` (the path), ``navigation``, ``duty`` (the orders that pass callers to people)
    and ``dialling`` (whether agents call from the page).
    """
    session = request.get(SESSION)
    assets = request.app[ASSETS]
    common = {
        "session": session,
        "csrf": session.csrf if session else "",
        "asset": lambda name: f"/static/{name}?v={assets[name]}",
        "nonce": nonce_of(request),
        "here": request.path,
        "navigation": [(path, name) for path, name, right in _NAVIGATION if session and session.may(right)],
        "rights": {right.name: right for right in Right},
        "dialling": request.app[DIALLING] is not None,
        "duty": orders_in_force(request.app, datetime.now(UTC)) if session else (),
    }
    return aiohttp_jinja2.render_template(template, request, {**common, **(context or {})}, status=status)


def show_moment(moment: datetime | None) -> str:
    """A moment in the city's time, to the second; a dash for none."""
    return f"{moment.astimezone(CITY_TIME):%Y-%m-%d %H:%M:%S}" if moment else "—"


def show_short(moment: datetime) -> str:
    """A moment in the city's time, as a list has room for."""
    return f"{moment.astimezone(CITY_TIME):%m-%d %H:%M}"


def show_length(seconds: float | None) -> str:
    """A length of time as m:ss; a dash for none."""
    if seconds is None:
        return "—"
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes}:{rest:02}"
