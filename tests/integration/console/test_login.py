from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from console import streaming
from console.lockout import Turns, attempt, list_slowed, unlock
from console.policy import Policy, Role
from console.users import set_active, set_roles
from recordings.schema import audit
from recordings.users import lockouts, sessions

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


async def test_who_fails_five_times_waits_and_longer_each_time(site):
    await site.add("王芳")
    client = site.client()
    for _ in range(5):
        assert (await client.log_in("王芳", "wrong password")).status == 401
    told = await client.log_in("王芳")  # the right password now
    assert told.status == 429
    assert "连续多次不正确,请在" in told.text
    both = lockouts.c.subject == "both:王芳 127.0.0.1"
    waits = []
    for _ in range(5):
        async with site.db.read() as connection:
            row = (await connection.execute(sa.select(lockouts).where(both))).one()
        waits.append(round((row.until - row.last_at).total_seconds()))
        await shift(site.db, lockouts, until=datetime.now(UTC) - timedelta(seconds=1))
        if len(waits) < 5:
            assert (await client.log_in("王芳", "wrong password")).status == 401
    assert waits == [10, 20, 40, 60, 60]
    assert (await client.log_in("王芳")).status == 303
    async with site.db.read() as connection:
        assert (await connection.execute(sa.select(lockouts).where(both))).all() == []
        details = await connection.scalars(sa.select(audit.c.detail).where(audit.c.action == "登录失败"))
        assert [detail[:4] for detail in details] == [""] * 5 + ["须等到 "] + [""] * 4


async def test_a_flood_that_has_to_wait_does_not_fill_the_trail(site):
    await site.add("王芳")
    clients = [site.client() for _ in range(10)]
    for _ in range(5):
        await clients[0].log_in("王芳", "wrong password")
    await shift(site.db, lockouts, until=datetime.now(UTC) + timedelta(minutes=1))
    answers = await asyncio.gather(*(client.log_in("王芳") for client in clients))
    assert [answer.status for answer in answers] == [429] * 10
    assert len(await site.trail()) == 6


async def test_who_failed_under_a_clock_that_was_ahead_does_not_wait_for_that_day(database):
    turns, now = Turns(), datetime.now(UTC)
    for _ in range(5):
        await attempt(database, turns, "王芳", "203.0.113.9", now + timedelta(hours=8), wrong)
    assert await attempt(database, turns, "王芳", "203.0.113.9", now, right) is True


async def test_nobody_can_lock_another_out_of_his_account(make_site):
    async with make_site(Policy(behind_proxy=True)) as site:
        await site.add("王芳")
        there, here = ({"X-Forwarded-For": f"203.0.113.{n}"} for n in (9, 10))
        for _ in range(5):
            assert (await site.client().log_in("王芳", "wrong password", headers=there)).status == 401
        assert (await site.client().log_in("王芳", headers=there)).status == 429
        assert (await site.client().log_in("王芳", headers=here)).status == 303
        assert (await site.client().log_in("王芳", headers=there)).status == 429  # which wipes out no guesses


async def right() -> bool:
    return True


async def wrong() -> bool:
    return False


async def test_guesses_at_once_count_as_many(database):
    turns, now = Turns(), datetime.now(UTC)
    tried = await asyncio.gather(
        *(attempt(database, turns, "王芳", "203.0.113.9", now, wrong) for _ in range(12))
    )
    assert tried.count(False) == 5
    assert sum(isinstance(each, datetime) for each in tried) == 7
    flood = await asyncio.gather(
        *(attempt(database, turns, "李强", "203.0.113.9", now, wrong) for _ in range(40))
    )
    assert flood.count(False) == 5


async def test_an_address_that_guesses_names_is_slowed_but_the_right_password_gets_in(database):
    turns, now, office = Turns(), datetime.now(UTC), "203.0.113.9"
    for n in range(20):
        assert await attempt(database, turns, f"guess{n}", office, now, wrong) is False
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (
        await asyncio.gather(
            *(attempt(database, turns, f"colleague{n}", office, now, right) for n in range(3))
        )
        == [True] * 3
    )
    assert loop.time() - began >= 2.9  # one after the other, a second each
    async with database.read() as connection:
        (slowed,) = await list_slowed(connection, now)
    assert (slowed.name, slowed.address, slowed.failures) == ("", office, 20)
    async with database.write() as connection:
        assert await unlock(connection, address=office) == 21
    async with database.read() as connection:
        assert await list_slowed(connection, now) == []


async def test_what_is_nobodys_name_slows_its_address_alone(database):
    turns, now = Turns(), datetime.now(UTC)
    for n in range(20):
        assert await attempt(database, turns, "", f"203.0.113.{n}", now, wrong) is False
    async with database.read() as connection:
        assert await list_slowed(connection, now) == []  # nothing that could not be lifted by a name


async def test_failures_far_apart_do_not_count(site):
    await site.add("王芳")
    client = site.client()
    for _ in range(4):
        await client.log_in("王芳", "wrong password")
    await shift(site.db, lockouts, last_at=datetime.now(UTC) - timedelta(minutes=16))
    assert (await client.log_in("王芳", "wrong password")).status == 401
    assert (await client.log_in("王芳")).status == 303


async def test_who_waits_is_let_in_by_the_page_and_logins_are_listed_and_ended(site):
    security, agent = await site.logged_in("安全", Role.SECURITY), await site.logged_in("王芳")
    elsewhere = site.client()
    assert (await elsewhere.log_in("王芳", headers={"User-Agent": "another desk"})).status == 303
    guesser = site.client()
    for _ in range(5):
        await guesser.log_in("王芳", "wrong password")
    assert (await guesser.log_in("王芳")).status == 429
    page = (await security.get("/logins")).text
    assert "another desk" in page
    assert "<td>王芳</td><td>127.0.0.1</td><td>5 次</td>" in page
    freed = await security.post("/logins/unlock", {"name": "王芳", "address": "127.0.0.1"})
    assert "已解除" in freed.text
    assert (await security.post("/logins/unlock", {"name": "王芳", "address": "127.0.0.1"})).status == 404
    own = (await agent.get("/account")).text
    (key,) = re.findall(r'name="login" value="([0-9a-f]{16})"', own)
    assert "another desk" in own
    theirs = re.findall(r'name="login" value="([0-9a-f]{16})"', page)
    assert (await security.post("/account/logins", {"login": key})).status == 404  # not one's own
    assert "那处登录已结束" in (await agent.post("/account/logins", {"login": key})).text
    assert (await elsewhere.get("/")).status == 303
    (last,) = set(theirs) - {key}
    assert "王芳 的登录已结束" in (await security.post("/logins/end", {"login": last})).text
    assert (await agent.get("/")).status == 303
    assert (await security.post("/logins/end", {"login": "%"})).status == 404
    assert [row for row in await site.trail() if row[1] in {"结束登录", "解除等待"}] == [
        ("安全", "解除等待", "王芳"),
        ("王芳", "结束登录", "王芳"),
        ("安全", "结束登录", "王芳"),
    ]


async def test_the_old_password_is_no_way_to_guess_either(site):
    client = await site.logged_in("王芳")
    form = {"old": "wrong password", "new": "another good password", "again": "another good password"}
    statuses = [(await client.post("/account", form)).status for _ in range(6)]
    assert statuses == [422] * 5 + [429]
    assert (await client.post("/account", {**form, "old": "correct horse battery"})).status == 429
    assert (await site.trail())[0] == ("王芳", "登录失败", "王芳")


async def test_what_is_sent_has_to_come(make_site):
    async with make_site(Policy(body_s=0.2)) as site:
        login = await site.client().get("/login")
        address = urlsplit(site.address)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(
            b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: 100\r\nCookie: hotline-visitor=" + login.csrf.encode() + b"\r\n\r\nname="
        )
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 15)
        assert answer.startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_streams_of_a_session_are_limited(site):
    client = await site.logged_in("王芳")
    streams = [await client.http.get(f"{client.address}/events") for _ in range(20)]
    assert {stream.status for stream in streams} == {200}
    assert (await client.get("/events", headers={"Accept": "application/json"})).status == 429
    for stream in streams:
        stream.close()


async def test_a_stream_ends_when_other_rights_are_granted(site, monkeypatch):
    monkeypatch.setattr(streaming, "_SIGN_OF_LIFE_S", 0.1)
    client = await site.logged_in("质检", Role.QUALITY)
    async with client.http.get(f"{client.address}/live/events") as stream:
        assert (await asyncio.wait_for(stream.content.readuntil(b"\n\n"), 15)).startswith(b"data: ")
        assert await asyncio.wait_for(stream.content.readuntil(b"\n\n"), 15) == b":\n\n"
        async with site.db.write() as connection:
            await set_roles(connection, "质检", [Role.AUDITOR])
        rest = await asyncio.wait_for(stream.read(), 15)
    assert b"expired" not in rest  # the login itself goes on
    assert (await client.get("/live/events", headers={"Accept": "application/json"})).status == 403
    assert (await client.get("/audit")).status == 200
