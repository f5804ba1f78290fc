"""Logging in and out."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from console import audit, cookies, lockout
from console.audit import Action
from console.forms import read_form
from console.keys import DATABASE, POLICY, SESSION, TURNS, address_of, session_of
from console.passwords import LONGEST, check_password, hash_password, is_outdated
from console.rendering import render
from console.sessions import close_session, open_session
from console.users import find_user, is_name, set_password
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from recordings.database import Database


async def show(request: web.Request) -> web.StreamResponse:
    """The form; who is logged in already goes on."""
    wanted = _local(request.query.get("next", ""))
    if SESSION in request:
        return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": wanted})
    return _ask(request, wanted)


async def enter(request: web.Request) -> web.StreamResponse:
    """Check name and password; one message for whatever is wrong with them."""
    form = await read_form(request)
    name, password = form.get("name", "").strip(), form.get("password", "")
    wanted, db, address = _local(form.get("next", "")), request.app[DATABASE], address_of(request)
    now = datetime.now(UTC)
    user = await find_user(db, name)

    async def check() -> bool:
        kept = user.password if user and user.active else None
        return len(password) <= LONGEST and await check_password(password, kept)

    # What is no name is nobody's; kept as it is, it may be longer than an index takes.
    right = await lockout.attempt(db, request.app[TURNS], name if is_name(name) else "", address, now, check)
    if isinstance(right, datetime):
        await _note(request, name, f"须等到 {right.astimezone(CITY_TIME):%H:%M:%S}")
        return _ask(request, wanted, name, lockout.tell_wait(right), HTTPStatus.TOO_MANY_REQUESTS)
    if not right or user is None:
        await _note(request, name, "")
        return _ask(request, wanted, name, "用户名或密码不正确。", HTTPStatus.UNAUTHORIZED)
    if is_outdated(user.password):
        await _renew(db, name, password)
    browser = request.headers.get("User-Agent", "")
    token = await open_session(db, name, now, request.app[POLICY], address, browser)
    async with db.write() as connection:
        await audit.record(connection, request, Action.LOG_IN, user=name)
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": wanted})
    cookies.set_session(request, response, token)
    return response


async def leave(request: web.Request) -> web.StreamResponse:
    """End the session, here and in the database."""
    db, session = request.app[DATABASE], session_of(request)
    async with db.write() as connection:
        await audit.record(connection, request, Action.LOG_OUT)
    await close_session(db, session)
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/login"})
    cookies.drop_session(request, response)
    return response


def _ask(
    request: web.Request, wanted: str, name: str = "", told: str = "", status: HTTPStatus = HTTPStatus.OK
) -> web.Response:
    token = cookies.read_visitor(request) or secrets.token_urlsafe(32)
    context = {"next": wanted, "name": name, "told": told, "csrf": token}
    response = render(request, "login.html", context, status)
    cookies.set_visitor(request, response, token)
    return response


async def _note(request: web.Request, name: str, detail: str) -> None:
    async with request.app[DATABASE].write() as connection:
        await audit.record(connection, request, Action.FAIL, detail=detail, user=name or "(空)")


async def _renew(db: Database, name: str, password: str) -> None:
    kept = await hash_password(password)
    async with db.write() as connection:
        await set_password(connection, name, kept)


def _local(wanted: str) -> str:
    """Where to go after the login: a path of ours, never another site."""
    plain = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if plain and not wanted.startswith("/login") else "/"
