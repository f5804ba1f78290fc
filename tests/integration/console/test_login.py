from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from console.policy import Policy
from console.users import set_active
from recordings.schema import audit, lockouts, sessions

WRONG = "用户名或密码不正确。"


async def shift(db, table, **columns) -> None:
    """Let time pass: what the database remembers becomes older."""
    async with db.write() as connection:
        await connection.execute(sa.update(table).values(columns))


async def test_who_is_not_logged_in_is_led_back_where_he_wanted_to_go(site):
    await site.add("王芳")
    client = site.client()
    led = await client.get("/?q=漏水")
    assert led.status == 303
    page = await client.get(led.headers["Location"])
    assert page.status == 200
    wanted = "/?q=%E6%BC%8F%E6%B0%B4"
    form = {"name": "王芳", "password": "correct horse battery", "next": wanted}
    answer = await client.post("/login", form)
    assert (answer.status, answer.headers["Location"]) == (303, wanted)
    assert (await client.get("/")).status == 200
    again = await client.get("/login")
    assert (again.status, again.headers["Location"]) == (303, "/")
    assert await site.trail() == [("王芳", "登录", "")]


@pytest.mark.parametrize(
    ("name", "password"),
    [("王芳", "wrong password"), ("nobody", "correct horse battery"), ("停用的", "x"), ("", "")],
)
async def test_one_message_for_whatever_is_wrong(site, name, password):
    await site.add("王芳")
    await site.add("停用的")
    async with site.db.write() as connection:
        await set_active(connection, "停用的", active=False)
    client = site.client()
    answer = await client.log_in(name, "correct horse battery" if name == "停用的" else password)
    assert answer.status == 401
    assert WRONG in answer.text
    assert (await client.get("/")).status == 303
    assert await site.trail() == [(name or "(空)", "登录失败", "")]


async def test_a_session_begins_anew_and_ends_at_the_log_out(site):
    client = await site.logged_in("王芳")
    async with site.db.read() as connection:
        kept = (await connection.execute(sa.select(sessions))).one()
    cookie = next(c.value for c in client.http.cookie_jar if c.key == "hotline-session")
    assert cookie not in str(kept)  # only its hash is kept
    assert (await client.post("/logout")).headers["Location"] == "/login"
    async with site.db.read() as connection:
        assert (await connection.execute(sa.select(sessions))).all() == []
    stolen = await client.ask("GET", "/", headers={"Cookie": f"hotline-session={cookie}"})
    assert stolen.status == 303
    assert [row[1] for row in await site.trail()] == ["退出"]


async def test_a_session_ends_when_idle(site):
    client = await site.logged_in("王芳")
    now = datetime.now(UTC)
    await shift(site.db, sessions, seen_at=now - timedelta(minutes=29))
    assert (await client.get("/")).status == 200  # and it is marked as used
    async with site.db.read() as connection:
        assert await connection.scalar(sa.select(sessions.c.seen_at)) > now - timedelta(minutes=1)
    await shift(site.db, sessions, seen_at=now - timedelta(minutes=31))
    assert (await client.get("/")).status == 303
    script = await client.ask("GET", "/", headers={"HX-Request": "true"})
    assert script.status == 401
    assert "请重新登录" in script.text


async def test_a_session_ends_after_its_lifetime_however_busy(site):
    client = await site.logged_in("王芳")
    await shift(site.db, sessions, created_at=datetime.now(UTC) - timedelta(hours=12, seconds=1))
    assert (await client.get("/")).status == 303


async def test_sessions_past_their_time_are_cleared_away(site):
    client = await site.logged_in("王芳")
    await shift(site.db, sessions, seen_at=datetime.now(UTC) - timedelta(hours=1))
    assert (await client.log_in("王芳")).status == 303
    async with site.db.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(sessions)) == 1


async def test_five_failures_lock_the_account_for_five_minutes(site):
    await site.add("王芳")
    await site.add("李强")
    client = site.client()
    for _ in range(5):
        assert (await client.log_in("王芳", "wrong password")).status == 401
    locked = await client.log_in("王芳")  # the right password now
    assert locked.status == 429
    assert "登录失败次数过多,请在" in locked.text
    assert "之后再试" in locked.text
    assert (await site.client().log_in("李强")).status == 303  # others are not
    async with site.db.read() as connection:
        until = await connection.scalar(sa.select(lockouts.c.until).where(lockouts.c.subject == "user:王芳"))
    assert timedelta(minutes=4) < until - datetime.now(UTC) <= timedelta(minutes=5)
    await shift(site.db, lockouts, until=datetime.now(UTC) - timedelta(seconds=1))
    assert (await client.log_in("王芳")).status == 303
    async with site.db.read() as connection:
        details = list(
            await connection.scalars(sa.select(audit.c.detail).where(audit.c.action == "登录失败"))
        )
    assert len(details) == 6
    assert details[-1].startswith("已锁定至 ")


async def test_guesses_at_once_count_as_many(site):
    await site.add("王芳")
    clients = [site.client() for _ in range(12)]
    answers = await asyncio.gather(*(client.log_in("王芳", "wrong password") for client in clients))
    assert sorted(answer.status for answer in answers) == [401] * 5 + [429] * 7


async def test_failures_far_apart_do_not_lock(site):
    await site.add("王芳")
    client = site.client()
    for _ in range(4):
        await client.log_in("王芳", "wrong password")
    await shift(site.db, lockouts, last_at=datetime.now(UTC) - timedelta(minutes=16))
    assert (await client.log_in("王芳", "wrong password")).status == 401
    assert (await client.log_in("王芳")).status == 303


async def test_an_address_that_guesses_names_is_locked_for_all_accounts(make_site):
    async with make_site(Policy(behind_proxy=True)) as site:
        await site.add("王芳")
        guesser = {"X-Forwarded-For": "203.0.113.9"}
        client = site.client()
        for n in range(20):
            assert (await client.log_in(f"guess{n}", "wrong password", headers=guesser)).status == 401
        assert (await client.log_in("王芳", headers=guesser)).status == 429
        elsewhere = {"X-Forwarded-For": "203.0.113.10"}
        assert (await site.client().log_in("王芳", headers=elsewhere)).status == 303
