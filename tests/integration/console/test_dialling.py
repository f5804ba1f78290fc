"""回拨: who may have whom called from the page, and what he is told where it cannot be."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from console.dialling import Dialling
from console.pages import dialling
from console.policy import Policy, Role
from recordings import schema
from recordings.agentcalls import agent_calls
from recordings.matters import matters

RULES = Dialling(lambda number: number.startswith("1"), lambda extension: extension in {"6001", "6002"})


async def asked(site) -> list[tuple[str, ...]]:
    columns = ("about", "agent", "extension", "number", "stage", "hotline")
    async with site.db.read() as connection:
        rows = await connection.execute(sa.select(*(agent_calls.c[name] for name in columns)))
        return [tuple(row) for row in rows]


async def dial(client, call_id):
    headers = {"X-CSRF-Token": client.csrf, "Accept": "application/json"}
    return await client.ask("POST", f"/calls/{call_id}/dial", headers=headers)


async def with_telephone(site, name, extension="6001", *roles):
    client = await site.logged_in(name, *roles)
    answer = await client.post("/account/extension", {"extension": extension})
    assert "话机号码已保存" in answer.text
    return client


async def test_a_call_is_asked_for_once_and_the_trail_has_it(make_site, call):
    async with make_site(Policy(), dialling=RULES) as site:
        call_id = await call("房子漏雨")
        agent = await with_telephone(site, "张敏")
        answer = await dial(agent, call_id)
        assert (answer.status, json.loads(answer.text)) == (202, {"stage": "等待呼出"})
        assert "13855812345" not in answer.text
        assert await asked(site) == [(call_id, "张敏", "6001", "13855812345", "等待呼出", "12345")]
        again = await dial(agent, call_id)
        assert (again.status, "您有一个回拨还没有结束" in again.text) == (409, True)
        other = await dial(await with_telephone(site, "王芳", "6002"), call_id)
        assert (other.status, "这位市民正在被呼叫" in other.text) == (409, True)
        assert len(await asked(site)) == 1
        told = [entry for entry in await site.trail() if entry[1] in {"设置话机", "回拨"}]
        assert told == [("张敏", "设置话机", "张敏"), ("张敏", "回拨", call_id), ("王芳", "设置话机", "王芳")]


async def test_who_has_taken_the_call_makes_it_whatever_the_databases_clock_says(
    make_site, call, monkeypatch
):
    async with make_site(Policy(), dialling=RULES) as site:
        call_id = await call("房子漏雨")
        await (await site.logged_in("王芳")).post(f"/calls/{call_id}/claim")

        async def read_another_clock(_connection):
            return datetime.now(UTC) + timedelta(minutes=40)

        monkeypatch.setattr(dialling, "read_clock", read_another_clock)
        answer = await dial(await with_telephone(site, "张敏"), call_id)
        assert (answer.status, "请由 TA 回拨" in answer.text) == (409, True)


async def test_who_may_not_be_alone_is_told_nothing_by_a_machine(make_site, call):
    async with make_site(Policy(), dialling=RULES) as site:
        quiet, same = await call("请回电", danger=True), await call("房子漏雨")
        plain = await call("房子漏雨", line={"caller": "13900001111"})
        for name, call_id, discreet in (("张敏", quiet, True), ("王芳", same, True), ("李强", plain, False)):
            agent = await with_telephone(site, name)
            async with site.db.write() as connection:
                await connection.execute(sa.delete(agent_calls))  # two of the calls came from one number
            assert (await dial(agent, call_id)).status == 202
            async with site.db.read() as connection:
                assert await connection.scalar(sa.select(agent_calls.c.discreet)) is discreet


async def test_only_the_agents_own_page_is_told_how_his_call_goes(make_site, call):
    async with make_site(Policy(), dialling=RULES) as site:
        call_id = await call("房子漏雨")
        agent, other = await with_telephone(site, "张敏"), await site.logged_in("王芳")
        await dial(agent, call_id)
        told = []
        for client in (agent, other):
            async with client.http.get(f"{client.address}/events") as stream, asyncio.timeout(20):
                line = await stream.content.readuntil(b"\n\n")
            told.append(json.loads(line.removeprefix(b"data: "))["dialled"])
        own, others = told
        assert (own["about"], own["stage"], others) == (call_id, "等待呼出", None)
        assert "13855812345" not in json.dumps(told)


async def test_what_cannot_be_called_is_told_in_a_sentence(make_site, call):
    async with make_site(Policy(), dialling=RULES) as site:
        call_id, silent = await call("房子漏雨"), await call("停水")
        abroad = await call("停电")
        async with site.db.write() as connection:
            for which, number in ((silent, ""), (abroad, "0044123456")):
                for table in (schema.calls, matters):
                    changed = sa.update(table).where(table.c.call_id == which)
                    await connection.execute(changed.values(caller=number))
        bare, agent = await site.logged_in("李强"), await with_telephone(site, "张敏")
        for client, which, told in (
            (bare, call_id, "还没有您的话机号码"),
            (agent, silent, "没有号码"),
            (agent, abroad, "不能拨打这个号码"),
        ):
            answer = await dial(client, which)
            assert (answer.status, told in answer.text) == (409, True), answer.text
        refused = await agent.post("/account/extension", {"extension": "110"})
        assert (refused.status, "不在允许的范围内" in refused.text) == (422, True)
        assert await asked(site) == []
    async with make_site(Policy()) as site:  # no trunk
        agent = await site.logged_in("赵丽")
        answer = await dial(agent, call_id)
        assert (answer.status, "没有配置外呼线路" in answer.text) == (409, True)
        assert 'id="dial"' not in (await agent.get(f"/calls/{call_id}")).text
        assert "话机号码" not in (await agent.get("/account")).text


async def test_who_looks_after_the_users_may_set_their_telephones_and_call_nobody(make_site, call):
    async with make_site(Policy(), dialling=RULES) as site:
        call_id = await call("房子漏雨")
        await site.add("张敏")
        keeper, quality = (
            await site.logged_in("管理", Role.SYSTEM),
            await site.logged_in("质检", Role.QUALITY),
        )
        answer = await keeper.post("/users/张敏/extension", {"extension": "6002"})
        assert 'value="6002"' in answer.text
        assert ("管理", "设置话机", "张敏") in await site.trail()
        for client in (keeper, quality):
            refused = await dial(client, call_id)
            assert (refused.status, "没有权限" in refused.text) == (403, True)
        assert 'id="dial"' not in (await quality.get(f"/calls/{call_id}")).text
        assert await asked(site) == []
