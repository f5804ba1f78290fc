"""The second factor of one's own account: begin, confirm, new recovery codes, end; and another's reset."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import segno
from markupsafe import Markup

from console import audit, factor, lockout, users
from console.audit import Action
from console.forms import read_form
from console.keys import DATABASE, POLICY, TURNS, address_of, session_of
from console.pages.login import try_code
from console.pages.users import find, refuse_to_reset, show_all
from console.passwords import LONGEST, check_password
from console.problem import Problem
from console.rendering import render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import web

_GROUP: Final = 4


async def show(request: web.Request) -> web.StreamResponse:
    """How one's second factor stands."""
    return await _show(request)


async def change(request: web.Request) -> web.StreamResponse:
    """Do what the form says (field ``do``): begin, with the password; confirm, codes or end, with a code."""
    form, user, db = await read_form(request), session_of(request).user, request.app[DATABASE]
    deed = form.get("do", "")
    if deed == "begin":
        return await _begin(request, form)
    async with db.read() as connection:
        found = await factor.read_factor(connection, user)
    if deed not in ({"codes", "end"} if found and found.confirmed else {"confirm"}) or found is None:
        return await _show(request, wrong="请重新操作。")
    now = datetime.now(UTC)
    right = await try_code(request, user, form.get("code", ""), now)
    if wrong := await _tell_fault(request, right, "动态码"):
        return await _show(request, wrong=wrong)
    if deed == "end":
        return await _end(request)
    async with db.write() as connection:
        if deed == "confirm":
            await factor.confirm(connection, user, now)
            await users.end_sessions(connection, user, but=session_of(request).token_sha256)
        codes = await factor.renew_codes(connection, user)
        detail = "" if deed == "confirm" else "更换恢复码"
        await audit.record(connection, request, Action.ENROL, user, detail)
    return await _show(request, done="已开通。" if deed == "confirm" else "恢复码已更换。", codes=codes)


async def reset(request: web.Request) -> web.StreamResponse:
    """Take away another's second factor, who has lost it; he logs in anew, by his password alone."""
    user = await find(request)
    if user.name == session_of(request).user:
        raise Problem(HTTPStatus.CONFLICT, "不能重置自己", "请在“动态码”里停用,或由运维在服务器上重置。")
    refuse_to_reset(user, "reset-second-factor")
    async with request.app[DATABASE].write() as connection:
        if not await factor.drop(connection, user.name):
            raise Problem(HTTPStatus.NOT_FOUND, "没有动态码", f"{user.name} 没有开通动态码。")
        await users.end_sessions(connection, user.name)
        await lockout.unlock(connection, factor.name_of(user.name))
        await audit.record(connection, request, Action.RESET_FACTOR, user.name)
    return await show_all(request, done=f"{user.name} 的动态码已重置。")


async def _begin(request: web.Request, form: Mapping[str, str]) -> web.StreamResponse:
    name, password, db = session_of(request).user, form.get("password", ""), request.app[DATABASE]
    user = await users.find_user(db, name)

    async def check() -> bool:
        return user is not None and len(password) <= LONGEST and await check_password(password, user.password)

    now, address = datetime.now(UTC), address_of(request)
    right = await lockout.attempt(db, request.app[TURNS], name, address, now, check)
    if wrong := await _tell_fault(request, right, "密码"):
        return await _show(request, wrong=wrong)
    async with db.write() as connection:
        await factor.begin(connection, name)
    return await _show(request)


async def _end(request: web.Request) -> web.StreamResponse:
    session = session_of(request)
    user = await users.find_user(request.app[DATABASE], session.user)
    if user and not request.app[POLICY].second_factor_for.isdisjoint(user.roles):
        return await _show(request, wrong="您的身份须用动态码登录,不能停用。")
    async with request.app[DATABASE].write() as connection:
        await factor.drop(connection, session.user)
        await audit.record(connection, request, Action.END_FACTOR, session.user)
    return await _show(request, done="已停用。")


async def _tell_fault(request: web.Request, right: bool | datetime, what: str) -> str:
    """What is wrong, "" when nothing is; who guesses at an open page is in the trail, as at the login."""
    if isinstance(right, datetime):
        return lockout.tell_wait(right)
    if right:
        return ""
    async with request.app[DATABASE].write() as connection:
        await audit.record(
            connection, request, Action.FAIL, session_of(request).user, f"{what}不正确,在“动态码”页"
        )
    return f"{what}不正确。"


async def _show(
    request: web.Request, *, wrong: str = "", done: str = "", codes: Sequence[str] = ()
) -> web.Response:
    user = session_of(request).user
    async with request.app[DATABASE].read() as connection:
        found = await factor.read_factor(connection, user)
    context = {"factor": found, "wrong": wrong, "done": done, "codes": codes, "picture": "", "secret": ""}
    if found and not found.confirmed:
        address = found.tell_address(user)
        context["picture"] = Markup(  # noqa: S704 - a drawing of ours, in which the address is modules
            segno.make(address).svg_inline(scale=4, border=2, svgclass=None, lineclass=None)
        )
        context["secret"] = " ".join(
            found.secret[at : at + _GROUP] for at in range(0, len(found.secret), _GROUP)
        )
    status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
    return render(request, "factor.html", context, status)
