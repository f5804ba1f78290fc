"""Logging in and out."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aiohttp import web

from console import audit, cookies, factor, lockout
from console.audit import Action
from console.forms import read_form
from console.keys import DATABASE, POLICY, SESSION, TURNS, address_of, session_of
from console.passwords import LONGEST, check_password, hash_password, is_outdated
from console.rendering import render
from console.sessions import close_pending, close_session, find_pending, open_session
from console.users import find_user, is_name, set_password
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from recordings.database import Database

_LONGEST_CODE: Final = 40


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
        await _note_wait(request, name, "", right)
        return _ask(request, wanted, name, lockout.tell_wait(right), HTTPStatus.TOO_MANY_REQUESTS)
    if not right or user is None:
        await _note(request, name, "")
        return _ask(request, wanted, name, "用户名或密码不正确。", HTTPStatus.UNAUTHORIZED)
    if is_outdated(user.password):
        await _renew(db, name, password)
    async with db.read() as connection:
        found = await factor.read_factor(connection, name)
    if found is not None and found.confirmed:
        return await _ask_further(request, name, wanted, now)
    return await _let_in(request, name, wanted, now)


async def show_code(request: web.Request) -> web.StreamResponse:
    """The form for the second factor, of who has just given his password."""
    wanted = _local(request.query.get("next", ""))
    token = cookies.read_session(request)
    if not (token and await find_pending(request.app[DATABASE], token, datetime.now(UTC))):
        return web.Response(
            status=HTTPStatus.SEE_OTHER, headers={"Location": f"/login?next={quote(wanted, safe='')}"}
        )
    return _ask(request, wanted, template="code.html")


async def enter_code(request: web.Request) -> web.StreamResponse:
    """Check the second factor (form field ``code``); wrong ones slow down as wrong passwords do."""
    form = await read_form(request)
    typed, wanted = form.get("code", "").strip(), _local(form.get("next", ""))
    db, now, token = request.app[DATABASE], datetime.now(UTC), cookies.read_session(request)
    name = await find_pending(db, token, now) if token else ""
    if not name:
        return _ask(request, wanted, told="请重新输入用户名和密码。", status=HTTPStatus.UNAUTHORIZED)
    right = await try_code(request, name, typed, now)
    if isinstance(right, datetime):
        await _note_wait(request, name, "动态码", right)
        told = lockout.tell_wait(right)
        return _ask(request, wanted, told=told, status=HTTPStatus.TOO_MANY_REQUESTS, template="code.html")
    if not right:
        await _note(request, name, "动态码不正确")
        told = "动态码不正确,或已经用过。"
        return _ask(request, wanted, told=told, status=HTTPStatus.UNAUTHORIZED, template="code.html")
    async with db.write() as connection:
        await close_pending(connection, token)
        found = await factor.read_factor(connection, name)
    by_clock = factor.is_clocks(factor.read_typed(typed))
    left = "" if by_clock or found is None else f",恢复码还剩 {found.left} 个"
    return await _let_in(request, name, wanted, now, f"动态码{left}")


async def try_code(request: web.Request, name: str, typed: str, now: datetime) -> bool | datetime:
    """Whether the code is right and unused, or until when he who tries has to wait."""

    async def check() -> bool:
        async with request.app[DATABASE].write() as connection:
            return await factor.check(connection, name, typed[:_LONGEST_CODE], now)

    db, counted = request.app[DATABASE], factor.name_of(name)
    return await lockout.attempt(
        db, request.app[TURNS], counted, address_of(request), now, check, anywhere=True
    )


async def _ask_further(request: web.Request, name: str, wanted: str, now: datetime) -> web.StreamResponse:
    token = await _open(request, name, now, pending=True)
    where = f"/login/code?next={quote(wanted, safe='')}"
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": where})
    cookies.set_pending(request, response, token)
    return response


async def _let_in(
    request: web.Request, name: str, wanted: str, now: datetime, detail: str = ""
) -> web.StreamResponse:
    token = await _open(request, name, now)
    async with request.app[DATABASE].write() as connection:
        await audit.record(connection, request, Action.LOG_IN, detail=detail, user=name)
    response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": wanted})
    cookies.set_session(request, response, token)
    return response


async def _open(request: web.Request, name: str, now: datetime, *, pending: bool = False) -> str:
    address = address_of(request)
    # Bytes that are no text come as half characters, which no database keeps.
    browser = request.headers.get("User-Agent", "").encode(errors="replace").decode()
    db, policy = request.app[DATABASE], request.app[POLICY]
    return await open_session(db, name, now, policy, address, browser, pending=pending)


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
    request: web.Request,
    wanted: str,
    name: str = "",
    told: str = "",
    status: HTTPStatus = HTTPStatus.OK,
    *,
    template: str = "login.html",
) -> web.Response:
    token = cookies.read_visitor(request) or secrets.token_urlsafe(32)
    context = {"next": wanted, "name": name, "told": told, "csrf": token}
    response = render(request, template, context, status)
    cookies.set_visitor(request, response, token)
    return response


async def _note(request: web.Request, name: str, detail: str) -> None:
    async with request.app[DATABASE].write() as connection:
        await audit.record(connection, request, Action.FAIL, detail=detail, user=name or "(空)")


async def _note_wait(request: web.Request, name: str, what: str, until: datetime) -> None:
    seconds = (until - datetime.now(UTC)).total_seconds()
    if request.app[TURNS].is_news(address_of(request), seconds):
        await _note(request, name, f"{what}须等到 {until.astimezone(CITY_TIME):%H:%M:%S}")


async def _renew(db: Database, name: str, password: str) -> None:
    kept = await hash_password(password)
    async with db.write() as connection:
        await set_password(connection, name, kept)


def _local(wanted: str) -> str:
    """Where to go after the login: a path of ours, never another site."""
    plain = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if plain and not wanted.startswith("/login") else "/"
