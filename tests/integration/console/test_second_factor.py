"""The second factor: enrolled with a telephone's code, asked for at each login, used once, recovered and reset."""

from __future__ import annotations

import asyncio
import html
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyotp
import pytest
import sqlalchemy as sa

from console import factor
from console.policy import Policy, Role
from gateway.cli.page_users import reset_second_factor, unlock_console
from gateway.site.settings import DatabaseSettings, Paths, Settings
from recordings.schema import audit
from recordings.users import lockouts, recovery_codes, second_factors, sessions

if TYPE_CHECKING:
    from collections.abc import Callable

PASSWORD = "correct horse battery"  # of whoever the site adds
START = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)


async def secret_of(site: Any, user: str) -> str:
    async with site.db.read() as connection:
        return await connection.scalar(
            sa.select(second_factors.c.secret).where(second_factors.c.user_name == user)
        )


async def forget_step(site: Any) -> None:
    """As if the last code had been used long ago: a test does not wait for the next."""
    async with site.db.write() as connection:
        await connection.execute(sa.update(second_factors).values(last_step=0))


async def code_of(site: Any, user: str) -> str:
    return pyotp.TOTP(await secret_of(site, user)).now()


async def enrol(site: Any, client: Any, user: str) -> list[str]:
    """Enrol as a person does; the recovery codes that are shown."""
    shown = await client.post("/account/factor", {"do": "begin", "password": PASSWORD})
    assert shown.status == 200
    assert "<svg" in shown.text
    told = re.sub(r"\s", "", re.search("<code>(.*?)</code>", shown.text)[1])
    assert told == await secret_of(site, user)
    done = await client.post("/account/factor", {"do": "confirm", "code": await code_of(site, user)})
    assert "已开通。" in done.text
    await forget_step(site)
    return re.findall("<li>([A-Z2-7-]{19})</li>", done.text)


async def give_password(site: Any, user: str) -> Any:
    """A browser whose password was right, and the code is waited for."""
    client = site.client()
    await client.get("/login")
    answer = await client.post("/login", {"name": user, "password": PASSWORD, "next": "/surges"})
    assert (answer.status, answer.headers["Location"]) == (303, "/login/code?next=%2Fsurges")
    form = await client.get(answer.headers["Location"])
    assert html.unescape(re.search('name="next" value="(.*?)"', form.text)[1]) == "/surges"
    return client


async def test_a_login_takes_password_and_code_and_the_password_alone_opens_nothing(site):
    client = await site.logged_in("王芳")
    codes = await enrol(site, client, "王芳")
    assert len(set(codes)) == 10
    async with site.db.read() as connection:
        kept = set(await connection.scalars(sa.select(recovery_codes.c.code_sha256)))
    assert len(kept) == 10
    assert not any(code.replace("-", "") in "".join(kept) for code in codes)
    half = await give_password(site, "王芳")
    for path in ("/", "/account", "/calls/x/sheet", "/events"):
        assert (await half.get(path)).status == 303, path
        assert (await half.ask("GET", path, headers={"Accept": "application/json"})).status == 401
    assert (await half.post("/account/factor", {"do": "end", "code": codes[0]})).status == 401
    await half.get("/login/code")
    assert (await half.post("/login/code", {"code": "000000"})).status == 401
    code = await code_of(site, "王芳")
    done = await half.post("/login/code", {"code": code, "next": "/surges"})
    assert (done.status, done.headers["Location"]) == (303, "/surges")
    assert (await half.get("/surges")).status == 200
    again = await give_password(site, "王芳")
    refused = await again.post("/login/code", {"code": code})  # seen over a shoulder
    assert (refused.status, "已经用过" in refused.text) == (401, True)
    trail = await site.trail()
    assert [action for user, action, _ in trail if user == "王芳"] == [
        "开通动态码",
        "登录失败",
        "登录",
        "登录失败",
    ]


async def test_a_recovery_code_lets_in_once(site):
    client = await site.logged_in("王芳")
    first, *others = await enrol(site, client, "王芳")
    half = await give_password(site, "王芳")
    assert (await half.post("/login/code", {"code": first.lower().replace("-", " ")})).status == 303
    assert "恢复码还剩 9 个" in (await half.get("/account/factor")).text
    again = await give_password(site, "王芳")
    assert (await again.post("/login/code", {"code": first})).status == 401
    assert (await again.post("/login/code", {"code": others[0]})).status == 303
    await again.get("/account/factor")
    renewed = await again.post(
        "/account/factor",
        {"do": "codes", "code": others[1], "csrf": (await again.get("/account/factor")).csrf},
    )
    assert len(re.findall("<li>([A-Z2-7-]{19})</li>", renewed.text)) == 10
    late = await give_password(site, "王芳")
    assert (await late.post("/login/code", {"code": others[2]})).status == 401


async def test_codes_are_guessed_as_slowly_as_passwords_however_often_the_password_is_given(site):
    client = await site.logged_in("王芳")
    await enrol(site, client, "王芳")
    for _ in range(5):
        half = await give_password(site, "王芳")
        assert (await half.post("/login/code", {"code": "000000"})).status == 401
    half = await give_password(site, "王芳")
    told = await half.post("/login/code", {"code": await code_of(site, "王芳")})
    assert (told.status, "连续多次不正确" in told.text) == (429, True)
    async with site.db.read() as connection:
        assert (
            await connection.scalar(
                sa.select(lockouts.c.failures).where(lockouts.c.subject == "both:动态码:王芳 ")
            )
            == 5
        )


async def test_codes_are_not_guessed_from_many_addresses_and_whoever_looks_after_logins_ends_the_wait(
    make_site: Callable[..., Any],
):
    async with make_site(Policy(behind_proxy=True)) as site:
        await enrol(site, await site.logged_in("王芳"), "王芳")
        half = await give_password(site, "王芳")
        for n in range(5):
            there = {"X-Forwarded-For": f"2001:db8::{n}"}
            assert (await half.post("/login/code", {"code": "000000"}, headers=there)).status == 401
        code = {"code": await code_of(site, "王芳")}
        late = await half.post("/login/code", code, headers={"X-Forwarded-For": "2001:db8::9"})
        assert (late.status, "连续多次不正确" in late.text) == (429, True)
        security = await site.logged_in("安全", Role.SECURITY)
        assert "动态码:王芳" in (await security.get("/logins")).text
        assert (await security.post("/logins/unlock", {"name": "动态码:王芳", "address": ""})).status == 200
        assert (await half.post("/login/code", {"code": await code_of(site, "王芳")})).status == 303


async def test_the_half_of_a_login_is_over_after_some_minutes_and_after_the_account_is(site):
    client = await site.logged_in("王芳")
    await enrol(site, client, "王芳")
    half = await give_password(site, "王芳")
    async with site.db.write() as connection:
        old = datetime.now(UTC) - timedelta(minutes=5, seconds=1)
        await connection.execute(sa.update(sessions).where(sessions.c.pending).values(created_at=old))
    late = await half.post("/login/code", {"code": await code_of(site, "王芳")})
    assert (late.status, "请重新输入用户名和密码" in late.text) == (401, True)


@pytest.mark.parametrize(("off", "right"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
async def test_a_clock_may_be_one_step_off(site, off, right):
    await site.add("王芳")
    async with site.db.write() as connection:
        await factor.begin(connection, "王芳")
        secret = (await factor.read_factor(connection, "王芳")).secret
        code = pyotp.TOTP(secret).at(START + timedelta(seconds=off))
        assert await factor.check(connection, "王芳", code, START) is right
        assert not await factor.check(connection, "王芳", code, START)  # used, or never right


@pytest.mark.parametrize("write", ["{0[0]} {0[1]}", " {0[0]}-{0[1]} ", "wide"])
async def test_a_code_is_the_clocks_however_it_is_typed(site, write):
    client = await site.logged_in("王芳")
    await enrol(site, client, "王芳")
    half = await give_password(site, "王芳")
    code = await code_of(site, "王芳")
    wide = code.translate({ord("0") + n: ord("\uff10") + n for n in range(10)})
    typed = wide if write == "wide" else write.format((code[:3], code[3:]))
    assert (await half.post("/login/code", {"code": typed})).status == 303
    async with site.db.read() as connection:
        (told,) = await connection.scalars(sa.select(audit.c.detail).where(audit.c.action == "登录"))
    assert told == "动态码"


async def test_two_windows_that_begin_at_once_are_shown_one_secret_that_counts(site):
    client = await site.logged_in("王芳")
    begin = {"do": "begin", "password": PASSWORD}
    await client.get("/account/factor")
    both = await asyncio.gather(*(client.post("/account/factor", begin) for _ in range(2)))
    assert [answer.status for answer in both] == [200, 200]
    confirm = {"do": "confirm", "code": await code_of(site, "王芳")}
    assert "已开通。" in (await client.post("/account/factor", confirm)).text


async def test_a_code_before_one_that_was_used_is_used_too(site):
    await site.add("王芳")
    async with site.db.write() as connection:
        await factor.begin(connection, "王芳")
        clock = pyotp.TOTP((await factor.read_factor(connection, "王芳")).secret)
        before, now = clock.at(START - timedelta(seconds=30)), clock.at(START)
        assert await factor.check(connection, "王芳", now, START)
        assert not await factor.check(connection, "王芳", before, START)


async def test_a_security_administrator_resets_it_for_another(site):
    client = await site.logged_in("王芳")
    await enrol(site, client, "王芳")
    security = await site.logged_in("安全", Role.SECURITY)
    assert "重置动态码" in (await security.get("/users")).text
    assert (await security.post("/users/王芳/factor")).status == 200
    assert (await client.get("/")).status == 303  # logged out
    assert (await client.log_in("王芳")).status == 303
    assert (await client.get("/")).status == 200
    assert (await security.post("/users/安全/factor")).status == 409
    assert ("安全", "重置动态码", "王芳") in await site.trail()


async def test_the_machines_commands_end_the_wait_and_reset_it(site, database_url, tmp_path):
    client = await site.logged_in("王芳")
    await enrol(site, client, "王芳")
    half = await give_password(site, "王芳")
    for _ in range(5):
        await half.post("/login/code", {"code": "000000"})
    settings, paths = Settings(database=DatabaseSettings(url=database_url)), Paths(tmp_path, {})
    assert await unlock_console(settings, paths, "王芳")
    assert (await half.post("/login/code", {"code": await code_of(site, "王芳")})).status == 303
    assert not await unlock_console(settings, paths, "王芳")
    assert await reset_second_factor(settings, paths, "王芳")
    assert (await client.get("/")).status == 303  # logged out
    assert not await reset_second_factor(settings, paths, "王芳")
    assert (await site.client().log_in("王芳")).headers["Location"] == "/"


async def test_whose_role_asks_for_it_does_nothing_before_he_has_it_and_does_not_end_it(
    make_site: Callable[..., Any],
):
    async with make_site(Policy(second_factor_for=frozenset({Role.LEAD}))) as site:
        client = await site.logged_in("班长", Role.LEAD)
        sent = await client.get("/")
        assert (sent.status, sent.headers["Location"]) == (303, "/account/factor")
        told = await client.ask("GET", "/", headers={"HX-Request": "true"})
        assert (told.status, "请先开通动态码" in told.text) == (403, True)
        assert "您的身份必须开通" in (await client.get("/account/factor")).text
        codes = await enrol(site, client, "班长")
        assert (await client.get("/")).status == 200
        kept = await client.post("/account/factor", {"do": "end", "code": codes[0]})
        assert (kept.status, "不能停用" in kept.text) == (422, True)
        agent = await site.logged_in("坐席")
        assert (await agent.get("/")).status == 200
        codes = await enrol(site, agent, "坐席")
        assert "已停用。" in (await agent.post("/account/factor", {"do": "end", "code": codes[0]})).text
        assert (await site.client().log_in("坐席")).headers["Location"] == "/"


async def test_a_page_left_open_is_not_enough_to_begin(site):
    client = await site.logged_in("王芳")
    await client.get("/account/factor")
    wrong = await client.post("/account/factor", {"do": "begin", "password": "not mine, sorry"})
    assert (wrong.status, "密码不正确" in wrong.text) == (422, True)
    assert await secret_of(site, "王芳") is None
    assert ("王芳", "登录失败", "王芳") in await site.trail()
    for deed in ("confirm", "codes", "end", "else"):
        assert (await client.post("/account/factor", {"do": deed, "code": "000000"})).status == 422
