from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from console import factor
from console.policy import Role
from console.users import set_active
from recordings.schema import audit
from recordings.users import claims

NOW = datetime(2026, 7, 1, tzinfo=UTC)
FRESH = "another good password"


async def test_an_administrator_adds_an_agent_who_logs_in(site):
    admin = await site.logged_in("管理", founder=True)
    answer = await admin.post("/users", {"name": "李强", "password": FRESH, "role": "坐席"})
    assert answer.status == 200
    assert "已添加坐席 李强。" in answer.text
    assert (await site.client().log_in("李强", FRESH)).status == 303
    assert await site.trail() == [("管理", "添加用户", "李强"), ("李强", "登录", "")]


@pytest.mark.parametrize(
    ("form", "status", "told"),
    [
        ({"name": "管理"}, 422, "用户 管理 已存在。"),
        ({"name": "<b>x</b>"}, 422, "用户名须为 2–40 个汉字、字母、数字"),
        ({"password": "short"}, 422, "密码须有 10 至 200 个字符。"),
        ({"role": "皇帝"}, 400, "身份只能是坐席、班长、质检、系统管理员、安全管理员、审计员。"),
    ],
)
async def test_bad_input_is_told_and_changes_nothing(site, form, status, told):
    admin = await site.logged_in("管理", founder=True)
    answer = await admin.post("/users", {"name": "李强", "password": FRESH, "role": "坐席", **form})
    assert answer.status == status
    assert told in answer.text
    assert await site.trail() == []
    assert (await site.client().log_in("李强", FRESH)).status == 401


async def test_who_is_disabled_is_out_at_once_and_gives_back_his_calls(site, call):
    call_id = await call("颍上县慎城镇漏雨")
    admin, agent = await site.logged_in("管理", founder=True), await site.logged_in("李强")
    await agent.post(f"/calls/{call_id}/claim")
    assert "李强 已停用。" in (await admin.post("/users/李强/active", {"active": ""})).text
    assert (await agent.get("/")).status == 303
    assert (await agent.log_in("李强")).status == 401
    async with site.db.read() as connection:
        assert (await connection.execute(sa.select(claims))).all() == []
    assert "李强 已启用。" in (await admin.post("/users/李强/active", {"active": "1"})).text
    assert (await agent.log_in("李强")).status == 303


async def test_somebody_who_can_look_after_the_users_stays(site):
    first = await site.logged_in("管理", founder=True)
    answer = await first.post("/users/管理/active", {"active": ""})
    assert answer.status == 409
    assert "至少要保留一位可以登录、能管理用户和授予身份的用户" in answer.text
    await site.add("系统", Role.SYSTEM)
    # With a 安全管理员 the first one is what he was said to be, and the other two look after the users.
    assert (await first.post("/users/系统/roles", {"安全管理员": "1"})).status == 409
    await site.add("安全")
    assert "安全 现在是安全管理员。" in (await first.post("/users/安全/roles", {"安全管理员": "1"})).text
    assert (await first.get("/users")).status == 403
    assert (await first.get("/duty")).status == 200  # a lead, as the others are told
    security = site.client()
    assert (await security.log_in("安全")).status == 303
    refused = await security.post("/users/系统/roles", {"坐席": "1"})
    assert (refused.status, "能管理用户的用户" in refused.text) == (409, True)
    assert (await security.post("/users/安全/roles", {"坐席": "1"})).status == 409  # oneself
    assert (await security.post("/users/nobody/roles", {"坐席": "1"})).status == 404
    assert (await security.post("/users/管理/roles", {"系统管理员": "1", "班长": "1"})).status == 200
    assert (await security.post("/users/系统/roles", {"坐席": "1"})).status == 200
    assert [row for row in await site.trail() if row[1] == "授予身份"] == [
        ("管理", "授予身份", "安全"),
        ("安全", "授予身份", "管理"),
        ("安全", "授予身份", "系统"),
    ]


async def test_the_first_one_does_not_get_his_rights_back_by_what_he_does_himself(site):
    first = await site.logged_in("管理", Role.SYSTEM, Role.LEAD, founder=True)
    await site.add("安全", Role.SECURITY)
    refused = await first.post("/users/安全/active", {"active": ""})
    assert (refused.status, "您自己会重新得到全部权限" in refused.text) == (409, True)
    assert (await first.get("/audit")).status == 403
    await site.add("安全二", Role.SECURITY)
    assert "安全 已停用。" in (await first.post("/users/安全/active", {"active": ""})).text
    assert (await first.get("/audit")).status == 403


async def test_whom_the_first_one_adds_leaves_somebody_who_makes_users(site):
    first = await site.logged_in("管理", Role.SECURITY, founder=True)
    form = {"name": "李强", "password": FRESH, "role": "安全管理员"}
    refused = await first.post("/users", form)
    assert (refused.status, "能管理用户的用户" in refused.text) == (409, True)
    assert (await first.post("/users", {**form, "name": "王芳", "role": "系统管理员"})).status == 200
    assert "已添加安全管理员 李强。" in (await first.post("/users", form)).text
    assert await site.trail() == [("管理", "添加用户", "王芳"), ("管理", "添加用户", "李强")]


@pytest.mark.parametrize(
    "roles",
    [
        {"系统管理员": "1", "审计员": "1"},
        {"安全管理员": "1", "系统管理员": "1"},
        {"审计员": "1", "安全管理员": "1"},
        {},
    ],
)
async def test_nobody_watches_over_himself(site, roles):
    security = await site.logged_in("安全", Role.SECURITY)
    await site.add("李强")
    answer = await security.post("/users/李强/roles", roles)
    assert answer.status == 422
    assert ("须由不同的人担任" in answer.text) is bool(roles)
    assert (await security.get("/audit")).status == 403
    assert await site.trail() == []


async def test_who_makes_users_makes_agents(site):
    system = await site.logged_in("系统", Role.SYSTEM)
    form = {"name": "李强", "password": FRESH}
    refused = await system.post("/users", {**form, "role": "审计员"})
    assert (refused.status, "其他身份由安全管理员授予" in refused.text) == (400, True)
    assert (await system.post("/users", {**form, "role": "坐席"})).status == 200
    assert (await system.post("/users/李强/roles", {"审计员": "1"})).status == 403
    assert (await system.get("/audit")).status == 403


@pytest.mark.parametrize("whom", ["安全", "审计", "管理"])
async def test_nobody_on_the_page_takes_the_place_of_those_who_watch_over_others(site, whom):
    system = await site.logged_in("系统", Role.SYSTEM)
    if whom == "管理":  # may do all, for there is no 安全管理员
        await site.add("管理", Role.LEAD, founder=True)
    else:
        await site.add("安全", Role.SECURITY)
        await site.add("审计", Role.AUDITOR)
    async with site.db.write() as connection:
        await factor.begin(connection, whom)
        await factor.confirm(connection, whom, NOW)
        await factor.renew_codes(connection, whom)
    security = await site.logged_in("安全二", Role.SECURITY)
    for client, what, command in (
        (system, "password", "reset-password"),
        (security, "factor", "reset-second-factor"),
    ):
        path = f"/users/{quote(whom)}/{what}"
        assert path not in (await client.get("/users")).text
        refused = await client.post(f"/users/{whom}/{what}", {"password": FRESH})
        assert (refused.status, f"hotline console {command} {whom}" in refused.text) == (403, True)
    assert (await security.post(f"/users/{whom}/password", {"password": FRESH})).status == 403
    assert (await site.client().log_in(whom)).headers["Location"] == "/login/code?next=%2F"
    await site.add("李强")
    refused = await security.post("/users/李强/password", {"password": FRESH})
    assert (refused.status, "不能管理用户" in refused.text) == (403, True)
    assert "密码已重置" in (await system.post("/users/李强/password", {"password": FRESH})).text


async def test_a_reset_password_ends_sessions_and_the_lock_out(site):
    admin, agent = await site.logged_in("管理", founder=True), await site.logged_in("李强")
    stranger = site.client()
    for _ in range(5):
        await stranger.log_in("李强", "wrong password")
    assert (await stranger.log_in("李强")).status == 429
    assert "密码已重置" in (await admin.post("/users/李强/password", {"password": FRESH})).text
    assert (await agent.get("/")).status == 303
    assert (await agent.log_in("李强")).status == 401
    assert (await agent.log_in("李强", FRESH)).status == 303
    weak = await admin.post("/users/李强/password", {"password": "x"})
    assert (weak.status, "密码须有 10 至 200 个字符。" in weak.text) == (422, True)


async def test_ones_own_password(site):
    here, there = await site.logged_in("李强"), site.client()
    await there.log_in("李强")
    form = {"old": "correct horse battery", "new": FRESH, "again": FRESH}
    assert "原密码不正确。" in (await here.post("/account", {**form, "old": "x"})).text
    assert "两次输入的新密码不一致。" in (await here.post("/account", {**form, "again": "x"})).text
    assert "密码须有" in (await here.post("/account", {**form, "new": "x", "again": "x"})).text
    assert "密码已修改。" in (await here.post("/account", form)).text
    assert (await here.get("/")).status == 200
    assert (await there.get("/")).status == 303
    assert (await there.log_in("李强", FRESH)).status == 303


@pytest.mark.parametrize("change", ["UPDATE audit SET user_name = 'x'", "DELETE FROM audit"])
async def test_the_audit_trail_can_only_grow(site, change):
    await site.client().log_in("nobody", "x")
    with pytest.raises(sa.exc.DBAPIError, match="audit is append-only"):
        async with site.db.write() as connection:
            await connection.execute(sa.text(change))
    assert await site.trail() == [("nobody", "登录失败", "")]


async def test_the_audit_page(site):
    admin = await site.logged_in("管理", founder=True)
    async with site.db.write() as connection:
        for n in range(130):
            await connection.execute(
                audit.insert().values(
                    at=NOW,
                    user_name="李强" if n % 2 else "<script>alert(1)</script>",
                    address="192.0.2.1",
                    action="播放" if n % 5 else "领取",
                    subject=f"call{n}",
                    detail="",
                )
            )
    page = (await admin.get("/audit")).text
    assert page.count("<td>192.0.2.1</td>") == 100
    assert ">call129</td>" in page
    assert "<script>alert" not in page
    older = (await admin.get("/audit?before=31")).text
    assert ">call29</td>" in older
    assert ">call30</td>" not in older
    some = (await admin.get("/audit?user=李强&action=领取")).text
    assert some.count("<td>192.0.2.1</td>") == 13
    assert (await admin.get("/audit?subject=call7")).text.count("<td>192.0.2.1</td>") == 1
    assert (await admin.get("/audit?before=x")).status == 400
    assert (await admin.get("/audit?action=x")).status == 400


async def test_a_disabled_users_session_is_no_session(site):
    agent = await site.logged_in("李强")
    async with site.db.write() as connection:
        await set_active(connection, "李强", active=False)
    assert (await agent.get("/")).status == 303
