"""The users: add one, let one no longer in, give one a new password, say what each is; and one's own password."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from console import audit, lockout, users
from console.audit import Action
from console.factor import list_guarded
from console.forms import read_form
from console.keys import DATABASE, POLICY, TURNS, address_of, session_of
from console.passwords import LONGEST, SHORTEST, check_password, find_fault, hash_password
from console.policy import Right, Role, find_role_fault, rights_of
from console.problem import Problem
from console.rendering import render
from console.sessions import end_session, list_sessions
from console.users import rights_among

if TYPE_CHECKING:
    from collections.abc import Collection

    from aiohttp import web

    from console.users import User


async def show(request: web.Request) -> web.StreamResponse:
    """All users."""
    return await show_all(request)


async def add(request: web.Request) -> web.StreamResponse:
    """Add a user with a first password."""
    form = await read_form(request)
    name, password, role = (form.get(field, "") for field in ("name", "password", "role"))
    if role not in _list_grantable(request):
        told = f"身份只能是{'、'.join(_list_grantable(request))}。其他身份由安全管理员授予。"
        raise Problem(HTTPStatus.BAD_REQUEST, "身份不对", told)
    if not users.is_name(name):
        return await show_all(request, wrong="用户名须为 2–40 个汉字、字母、数字或 . _ @ - 。")
    if fault := find_fault(password, name):
        return await show_all(request, wrong=fault)
    kept = await hash_password(password)
    try:
        async with request.app[DATABASE].write() as connection:
            before = await users.read_users(connection, lock=True)
            await users.add_user(connection, name, kept, [Role(role)], datetime.now(UTC), must_change=True)
            _refuse_change(request, before, await users.read_users(connection))
            await audit.record(connection, request, Action.ADD_USER, name, role)
    except users.UserExistsError:
        return await show_all(request, wrong=f"用户 {name} 已存在。")
    return await show_all(request, done=f"已添加{role} {name}。")


async def switch(request: web.Request) -> web.StreamResponse:
    """Disable a user, which logs him out at once, or enable him again."""
    user = await find(request)
    active = (await read_form(request)).get("active") == "1"
    async with request.app[DATABASE].write() as connection:
        before = await users.read_users(connection, lock=True)
        await users.set_active(connection, user.name, active=active)
        _refuse_change(request, before, await users.read_users(connection))
        if not active:
            await users.end_sessions(connection, user.name)
            await users.drop_claims(connection, user.name)
        action = Action.ENABLE_USER if active else Action.DISABLE_USER
        await audit.record(connection, request, action, user.name)
    return await show_all(request, done=f"{user.name} 已{'启用' if active else '停用'}。")


async def grant(request: web.Request) -> web.StreamResponse:
    """Say what a user is; nobody says it of himself. Form fields: each role, ``1``."""
    user, form = await find(request), await read_form(request)
    roles = [role for role in Role if form.get(role) == "1"]
    if user.name == session_of(request).user:
        raise Problem(HTTPStatus.CONFLICT, "不能授予自己", "自己的身份须由另一位安全管理员授予。")
    if fault := find_role_fault(roles):
        return await show_all(request, wrong=fault)
    told = "、".join(roles)
    async with request.app[DATABASE].write() as connection:
        before = await users.read_users(connection, lock=True)
        await users.set_roles(connection, user.name, roles)
        _refuse_change(request, before, await users.read_users(connection))
        if Right.REVIEW not in rights_of(roles):
            await users.drop_claims(connection, user.name)
        await audit.record(connection, request, Action.GRANT, user.name, told)
    return await show_all(request, done=f"{user.name} 现在是{told}。")


async def reset(request: web.Request) -> web.StreamResponse:
    """Give a user a new password, which logs him out everywhere and ends a lock-out."""
    user = await find(request)
    refuse_to_reset(user, "reset-password")
    password = (await read_form(request)).get("password", "")
    if fault := find_fault(password, user.name):
        return await show_all(request, wrong=fault)
    kept = await hash_password(password)
    async with request.app[DATABASE].write() as connection:
        await users.set_password(connection, user.name, kept, must_change=True)
        await users.end_sessions(connection, user.name)
        await lockout.unlock(connection, user.name)
        await audit.record(connection, request, Action.RESET_PASSWORD, user.name)
    return await show_all(request, done=f"{user.name} 的密码已重置,请当面告知本人。")


async def show_own(request: web.Request) -> web.StreamResponse:
    """The form for one's own password."""
    wrong = "请先把初始密码改成只有您知道的密码。" if session_of(request).must_change else ""
    return await answer_own(request, wrong=wrong, status=HTTPStatus.OK)


async def change_own(request: web.Request) -> web.StreamResponse:
    """Change one's own password, and log out wherever else one is logged in."""
    session, db = session_of(request), request.app[DATABASE]
    form = await read_form(request)
    old, new = form.get("old", ""), form.get("new", "")
    user = await users.find_user(db, session.user)

    async def check() -> bool:
        return user is not None and len(old) <= LONGEST and await check_password(old, user.password)

    now, address = datetime.now(UTC), address_of(request)
    right = await lockout.attempt(db, request.app[TURNS], session.user, address, now, check)
    if isinstance(right, datetime):
        told = lockout.tell_wait(right)
        return await answer_own(request, wrong=told, status=HTTPStatus.TOO_MANY_REQUESTS)
    if not right:
        async with db.write() as connection:
            await audit.record(connection, request, Action.FAIL, session.user, "修改密码时")
        return await answer_own(request, wrong="原密码不正确。")
    if new != form.get("again", ""):
        return await answer_own(request, wrong="两次输入的新密码不一致。")
    if new == old:
        return await answer_own(request, wrong="新密码与原密码相同。")
    if fault := find_fault(new, session.user):
        return await answer_own(request, wrong=fault)
    kept = await hash_password(new)
    async with db.write() as connection:
        await users.set_password(connection, session.user, kept, must_change=False)
        await users.end_sessions(connection, session.user, but=session.token_sha256)
        await audit.record(connection, request, Action.CHANGE_PASSWORD, session.user)
    return await answer_own(request, done="密码已修改。")


async def end_own(request: web.Request) -> web.StreamResponse:
    """Log out elsewhere (form field ``login``)."""
    key, user = (await read_form(request)).get("login", ""), session_of(request).user
    async with request.app[DATABASE].write() as connection:
        if not await end_session(connection, key, user):
            raise Problem(HTTPStatus.NOT_FOUND, "没有这个登录", "它可能刚刚结束,请刷新页面。")
        await audit.record(connection, request, Action.END_LOGIN, user)
    return await answer_own(request, done="那处登录已结束。")


def _refuse_change(request: web.Request, before: Collection[User], after: Collection[User]) -> None:
    """Undo what would leave nobody to look after the users, or bring rights to who does it. Raises Problem."""
    if (gap := users.find_gap(after)) and not users.find_gap(before):
        raise Problem(HTTPStatus.CONFLICT, "不能这样改", gap)
    asker = session_of(request).user
    held, gained = (
        next(rights_among(user, everyone) for user in everyone if user.name == asker)
        for everyone in (before, after)
    )
    if not gained <= held:
        told = "这样改之后,您自己会重新得到全部权限。请先由安全管理员再授予一位安全管理员。"
        raise Problem(HTTPStatus.CONFLICT, "不能授予自己", told)


def refuse_to_reset(user: User, command: str) -> None:
    """Raises Problem for who watches over others: only whoever runs the machine lets somebody new into his account."""
    if users.watches(user):
        whose = f"{user.name} 是安全管理员、审计员或第一位管理员,只能由运维在服务器上重置"
        told = f"{whose}:hotline console {command} {user.name}"
        raise Problem(HTTPStatus.FORBIDDEN, "不能在页面上重置", told)


def _list_grantable(request: web.Request) -> list[Role]:
    """What a new user may be: whoever makes users does not say who watches over him."""
    return list(Role) if session_of(request).may(Right.GRANT) else [Role.AGENT]


async def find(request: web.Request) -> User:
    """The user that the path names. Raises Problem (404)."""
    user = await users.find_user(request.app[DATABASE], request.match_info["name"])
    if user is None:
        raise Problem(HTTPStatus.NOT_FOUND, "没有这个用户", "请刷新页面后重试。")
    return user


async def show_all(request: web.Request, *, wrong: str = "", done: str = "") -> web.Response:
    """All users, with what was wrong or has been done."""
    async with request.app[DATABASE].read() as connection:
        everyone = await users.read_users(connection)
        guarded = await list_guarded(connection)
    context = {
        "users": everyone,
        "alone": {
            user.name for user in everyone if user.founder and Right.AUDIT in rights_among(user, everyone)
        },
        "roles": list(Role),
        "guarded": guarded,
        "watchers": {user.name for user in everyone if users.watches(user)},
        "grantable": _list_grantable(request),
        "shortest": SHORTEST,
        "wrong": wrong,
        "done": done,
    }
    return render(request, "users.html", context, _status(wrong))


async def answer_own(
    request: web.Request, *, wrong: str = "", done: str = "", status: HTTPStatus | None = None
) -> web.Response:
    """One's own account, with what was wrong or has been done."""
    session, policy = session_of(request), request.app[POLICY]
    async with request.app[DATABASE].read() as connection:
        logins = await list_sessions(connection, datetime.now(UTC), policy, session.user)
        (user,) = await users.read_users(connection, session.user)
    context = {"shortest": SHORTEST, "wrong": wrong, "done": done, "logins": logins}
    context |= {"this": session.token_sha256, "extension": user.extension}
    return render(request, "account.html", context, status or _status(wrong))


def _status(wrong: str) -> HTTPStatus:
    return HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
