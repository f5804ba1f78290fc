from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from console.listing import PAGE, Filter, Tab, list_conditions, read_page
from console.policy import Role
from recordings.schema import calls, tickets, worklist
from recordings.search import index, search_terms, search_texts
from recordings.users import claims
from recordings.worklist import State
from tickets.worklist import backfill

SCRIPT = {"HX-Request": "true"}


def titles(text: str) -> list[str]:
    return re.findall(r'<td class="title"><a href="/calls/[^"]*">([^<]*)</a>', text)


async def decide(connection, call_id: str, state: State) -> None:
    await connection.execute(sa.update(worklist).where(worklist.c.call_id == call_id).values(state=state))


def calls_of(text: str) -> list[str]:
    return re.findall(r'<tr data-call="([^"]*)"', text)


async def test_the_list_shows_first_what_needs_a_look_first(site, call):
    plain = await call("颍上县慎城镇房子漏雨")
    placeless = await call("房子漏雨没人管")
    unsure = await call("颍上县慎城镇停水", confidence=0.4)
    back = await call("颍上县慎城镇停电", call_back="来电人要求人工")
    broken = await call("颍上县慎城镇路灯不亮", interrupted=True)
    urgent = await call("颍上县慎城镇着火了", danger=True)
    older = await call("颍上县慎城镇房子漏雨", at="20260630T083000")
    async with site.db.write() as connection:
        moment = datetime(2026, 7, 1, 8, 30, tzinfo=UTC)
        await connection.execute(
            sa.update(worklist).where(worklist.c.call_id == plain).values(started_at=moment)
        )
    client = await site.logged_in("王芳")
    page = (await client.get("/")).text
    assert calls_of(page) == [urgent, broken, back, unsure, placeless, older, plain]
    counts = re.findall(r"<a href=.[^>]*>(\S+) <strong>(\d+)</strong>", page)
    assert counts == [("特急", "1"), ("待回电", "1"), ("存疑", "3"), ("我的", "0"), ("全部待审", "7")]
    rows = {row.split('"')[0]: row for row in page.split('<tr data-call="')[1:]}
    assert '<span class="tag hot">特急</span>' in rows[urgent]
    assert '<span class="tag">通话中断</span>' in rows[broken]
    assert '<span class="tag">待回电</span>' in rows[back]
    assert '<span class="tag">识别存疑</span>' in rows[unsure]
    assert '<span class="tag">缺地点</span>' in rows[placeless]
    assert 'class="tag' not in rows[plain]
    assert "颍上县 慎城镇" in rows[plain]
    assert "07-01 16:30" in rows[plain]  # the city's time


async def test_the_filters(site, call):
    one = await call("颍上县慎城镇房子漏雨", at="20260630T155959")  # 23:59:59 on the 30th in the city
    two = await call("颍州区清河街道停水", at="20260630T160000")
    async with site.db.write() as connection:
        await connection.execute(sa.update(worklist).where(worklist.c.call_id == two).values(hotline="12333"))
        await decide(connection, two, State.ACCEPTED)
    client = await site.logged_in("王芳")

    async def ask(query: str) -> list[str]:
        return calls_of((await client.get(f"/?{query}")).text)

    assert await ask("") == [one]
    assert await ask("state=全部") == [two, one]  # newest first
    assert await ask("state=已审核") == [two]
    assert await ask("state=全部&county=颍州区") == [two]
    assert await ask("state=全部&hotline=12333") == [two]
    assert await ask("state=全部&hotline=12345&county=颍州区") == []
    assert await ask("state=全部&since=2026-07-01") == [two]
    assert await ask("state=全部&until=2026-06-30") == [one]
    assert await ask("state=全部&since=2026-06-30&until=2026-07-01") == [two, one]
    assert await ask("state=全部&q=停水") == [two]
    assert (await client.get("/?county=火星")).status == 400


async def test_a_word_is_found_and_shown_where_it_was_said(site, call):
    found = await call("我是颍上县慎城镇人民西路的我家房子漏雨已经三天了一直没有人来管")
    await call("颍州区停水")
    client = await site.logged_in("王芳")
    page = (await client.get("/?q=漏雨", headers=SCRIPT)).text
    assert calls_of(page) == [found]
    assert "<mark>漏雨</mark>" in page
    assert "<!DOCTYPE" not in page
    nothing = (await client.get("/?q=火灾")).text
    assert "没有找到“火灾”" in nothing


async def test_pages_follow_each_other_without_gap_or_repetition(site, call):
    await call("颍上县慎城镇房子漏雨")
    async with site.db.write() as connection:
        row = dict((await connection.execute(sa.select(worklist))).mappings().one())
        call_row = dict((await connection.execute(sa.select(calls))).mappings().one())
        for n in range(2 * PAGE + 20):
            call_id = f"202606{n % 28 + 1:02}T{n % 24:02}0000-{n:08x}"
            await connection.execute(calls.insert().values(call_row | {"call_id": call_id}))
            await connection.execute(worklist.insert().values(row | {"call_id": call_id, "rank": n % 7}))
    client = await site.logged_in("王芳")
    for query in ("", "?state=全部"):
        page = (await client.get(f"/{query}")).text
        seen = calls_of(page)
        while more := re.search(r'hx-get="([^"]*behind=[^"]*)"', page):
            page = (await client.get(more[1].replace("&amp;", "&"), headers=SCRIPT)).text
            assert "<table" not in page
            seen += calls_of(page)
        assert len(seen) == len(set(seen)) == 2 * PAGE + 21
        if query:
            assert seen == sorted(seen, reverse=True)


async def test_a_claimed_call_is_nobody_elses(site, call):
    call_id = await call("颍上县慎城镇房子漏雨")
    fang, qiang = await site.logged_in("王芳"), await site.logged_in("李强")
    row = await fang.post(f"/calls/{call_id}/claim", headers=SCRIPT)
    assert (row.status, calls_of(row.text)) == (200, [call_id])
    assert "我 处理中" in row.text
    assert f'hx-post="/calls/{call_id}/release"' in row.text
    taken = await qiang.post(f"/calls/{call_id}/claim", headers={"Accept": "application/json"})
    assert taken.status == 409
    assert json.loads(taken.text) == {"title": "已被领取", "status": 409, "detail": "王芳 正在处理这个来电。"}
    seen = (await qiang.get("/")).text
    assert "王芳 处理中" in seen
    assert "data-claim" not in seen
    assert (
        await fang.post(f"/calls/{call_id}/claim", headers=SCRIPT)
    ).status == 200  # renewed, recorded once
    assert (await qiang.post(f"/calls/{call_id}/release", headers=SCRIPT)).status == 409
    assert (await fang.post(f"/calls/{call_id}/release", headers=SCRIPT)).status == 200
    went = await qiang.post(f"/calls/{call_id}/claim")
    assert (went.status, went.headers["Location"]) == (303, f"/calls/{call_id}")
    assert await site.trail() == [
        ("王芳", "领取", call_id),
        ("王芳", "释放", call_id),
        ("李强", "领取", call_id),
    ]


async def test_of_many_who_claim_at_once_one_gets_it(site, call):
    call_id = await call("颍上县慎城镇房子漏雨")
    agents = [await site.logged_in(f"坐席{n}") for n in range(8)]
    answers = await asyncio.gather(
        *(agent.post(f"/calls/{call_id}/claim", headers=SCRIPT) for agent in agents)
    )
    assert sorted(answer.status for answer in answers) == [200] + [409] * 7
    assert len(await site.trail()) == 1


@pytest.mark.parametrize("left", [timedelta(seconds=-1), timedelta(hours=5)])  # the clock was set back since
async def test_a_claim_expires(site, call, left):
    call_id = await call("颍上县慎城镇房子漏雨")
    fang, qiang = await site.logged_in("王芳"), await site.logged_in("李强")
    await fang.post(f"/calls/{call_id}/claim", headers=SCRIPT)
    async with site.db.write() as connection:
        until = datetime.now(UTC) + left
        await connection.execute(sa.update(claims).values(until=until))
    assert "王芳" not in (await qiang.get("/")).text
    assert (await qiang.post(f"/calls/{call_id}/claim", headers=SCRIPT)).status == 200
    assert (await fang.post(f"/calls/{call_id}/claim", headers=SCRIPT)).status == 409


async def test_what_does_not_exist_cannot_be_claimed(site):
    client = await site.logged_in("王芳")
    assert (await client.post("/calls/20260701T083015-00000000/claim", headers=SCRIPT)).status == 404


async def test_the_next_call_is_different_for_everyone(site, call):
    expected = [await call("颍上县慎城镇着火了", danger=True)] + [
        await call("颍上县慎城镇漏雨") for _ in range(7)
    ]
    agents = [await site.logged_in(f"坐席{n}") for n in range(8)]
    answers = await asyncio.gather(*(agent.post("/next") for agent in agents))
    assert {answer.status for answer in answers} == {303}
    assert sorted(answer.headers["Location"] for answer in answers) == sorted(f"/calls/{c}" for c in expected)
    empty = await agents[0].post("/next", {"besides": answers[0].headers["Location"].removeprefix("/calls/")})
    assert empty.status == 200
    assert "没有等待审核的来电了" in empty.text


async def test_the_next_call_can_be_looked_at_beforehand_and_is_nobodys_for_that(site, call):
    first, second = [await call("颍上县慎城镇漏雨") for _ in range(2)]
    fang, qiang = await site.logged_in("王芳"), await site.logged_in("李强")
    as_json = {"Accept": "application/json"}
    assert (await fang.post("/next")).headers["Location"] == f"/calls/{first}"
    ahead = await fang.get(f"/next?besides={first}", headers=as_json)
    assert json.loads(ahead.text) == {"call_id": second, "url": f"/calls/{second}"}
    urgent = await call(
        "颍上县慎城镇着火了", danger=True
    )  # comes in the meantime, and before what was looked at
    assert (await fang.post("/next", {"besides": first})).headers["Location"] == f"/calls/{urgent}"
    assert (await qiang.post("/next")).headers["Location"] == f"/calls/{second}"
    dry = await qiang.post("/next", {"besides": second}, headers=as_json)
    assert (dry.status, dry.headers["X-Held"]) == (204, "2")
    assert (await qiang.get("/next?besides=" + second, headers=as_json)).status == 204
    assert "另有 2 件正由他人处理。" in (await qiang.post("/next", {"besides": second})).text
    gone = await qiang.get("/next")  # an address that a browser kept
    assert (gone.status, gone.headers["Location"]) == (303, "/")


async def test_the_next_call_keeps_to_the_filters_but_for_an_emergency(site, call):
    await call("颍上县慎城镇漏雨")
    wanted = await call("颍州区清河街道停水", at="20260702T083000")
    client = await site.logged_in("王芳")
    for asked in ({"county": "颍州区"}, {"since": "2026-07-02"}, {"q": "停水"}):
        assert (await client.post("/next", asked)).headers["Location"] == f"/calls/{wanted}"
        await client.post(f"/calls/{wanted}/release")
    urgent = await call("颍上县慎城镇着火了", danger=True)
    assert (await client.post("/next", {"county": "颍州区"})).headers["Location"] == f"/calls/{urgent}"
    assert "(按当前筛选条件)" in (await client.post("/next", {"county": "临泉县", "besides": urgent})).text


async def test_a_number_and_a_title_are_found_and_what_cannot_be_is_said(site, call):
    call_id = await call("颍上县慎城镇漏雨")
    await call("颍州区停水", line={"caller": "13900001111"})
    async with site.db.write() as connection:
        await index(connection, {call_id: "颍上县慎城镇漏雨"}, {call_id: "幸福小区屋面"})
        number = (
            await connection.execute(sa.select(tickets.c.number).where(tickets.c.call_id == call_id))
        ).scalar_one()
    client = await site.logged_in("王芳")

    async def ask(query: str) -> list[str]:
        return calls_of((await client.get("/", params={"q": query, "state": "全部"})).text)

    for query in (number, "13855812345", "138558", "2345", "幸福小区", "屋面", "漏雨 屋面"):
        assert await ask(query) == [call_id], query
    for query in ("%", "*", "😀", "_"):
        page = (await client.get("/", params={"q": query, "state": "全部"})).text
        assert (calls_of(page), "没有汉字、字母或数字" in page) == ([], True)
    page = (await client.get("/?since=2026-07-02&until=2026-07-01")).text
    assert (calls_of(page), "开始日期晚于结束日期" in page) == ([], True)
    quality = await site.logged_in("质检", Role.QUALITY)
    for query, found in ((number, [call_id]), ("2345", [call_id]), ("13855812345", []), ("138558", [])):
        page = (await quality.get("/", params={"q": query, "state": "全部"})).text
        assert calls_of(page) == found, query  # or what is masked could be found out digit by digit
    counted = (await client.get("/?county=颍州区")).text
    assert "全部待审 <strong>1</strong>" in counted  # the counters keep to the filters
    assert "138****2345" in (await client.get("/")).text
    assert "13855812345" not in (await client.get("/")).text
    trail = await site.trail(reading=True)
    assert ("王芳", "查询", number) in trail
    assert ("王芳", "查看列表", "") in trail


async def test_no_list_is_read_unnoted_by_saying_that_it_is_brought_up_to_date(site):
    client, background = await site.logged_in("王芳"), {"X-Background": "1"}
    for query in ("漏雨", "漏雨", "停水"):
        assert (await client.get("/", params={"q": query}, headers=background)).status == 200
    assert (await client.get("/")).status == 200
    assert (await client.get("/", headers=background)).status == 200
    assert (await client.get("/live/events")).status == 200
    assert await site.trail(reading=True) == [
        ("王芳", "查询", "漏雨"),
        ("王芳", "查询", "停水"),
        ("王芳", "查看列表", ""),
        ("王芳", "查看列表", ""),  # that of the calls in progress
    ]


async def test_a_lead_takes_a_call_from_one_and_gives_it_to_another(site, call):
    call_id = await call("颍上县慎城镇漏雨")
    fang, qiang = await site.logged_in("王芳"), await site.logged_in("李强")
    lead = await site.logged_in("班长", Role.LEAD)
    await fang.post(f"/calls/{call_id}/claim", headers=SCRIPT)
    assert (await qiang.post(f"/calls/{call_id}/assign", {"to": "李强"})).status == 403
    await site.add("质检", Role.QUALITY)
    for who in ("火星", "质检"):
        assert (await lead.post(f"/calls/{call_id}/assign", {"to": who})).status == 404
    assert (await lead.post(f"/calls/{call_id}/assign", {"to": "李强"})).status == 303
    as_json = {"Accept": "application/json"}
    assert (await fang.post(f"/calls/{call_id}/claim", headers=as_json)).status == 409
    assert (await qiang.post(f"/calls/{call_id}/claim", headers=as_json)).status == 200
    assert (await lead.post(f"/calls/{call_id}/assign", {"to": ""})).status == 303
    assert (await fang.post(f"/calls/{call_id}/claim", headers=as_json)).status == 200
    assert [row for row in await site.trail() if row[0] == "班长"] == [("班长", "转派", call_id)] * 2


async def test_calls_filed_before_there_was_a_list_are_listed(site, call):
    ids = [await call("颍上县慎城镇着火了", danger=True), await call("颍州区停水", confidence=0.4)]
    tables = (worklist, search_texts, search_terms)

    async def read() -> list[list[object]]:
        async with site.db.read() as connection:
            return [sorted(map(tuple, await connection.execute(sa.select(table)))) for table in tables]

    before = await read()
    async with site.db.write() as connection:
        for table in tables:
            await connection.execute(table.delete())
    assert await backfill(site.db) == len(ids)
    assert await read() == before
    assert await backfill(site.db) == 0


@pytest.mark.parametrize(
    "spoken",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "'--></style></script><svg onload=alert(1)>",
        "{{7*7}}{% include 'base.html' %}",
        "javascript:alert(1)",
        "<mark hx-get=/logout hx-trigger=load>漏雨</mark>",
        "&lt;b&gt;漏雨&amp;",
    ],
)
async def test_whatever_was_said_is_text(site, call, spoken):
    call_id = await call(f"颍上县慎城镇漏雨{spoken}")
    await call("颍州区停水", interrupted=True)
    async with site.db.write() as connection:
        await connection.execute(
            sa.update(worklist)
            .where(worklist.c.call_id == call_id)
            .values(title=spoken, township=spoken, appeal=spoken, hotline=spoken)
        )
        await connection.execute(sa.update(search_texts).values(text=f"漏雨 {spoken}"))
    client = await site.logged_in("王芳")
    for page in ((await client.get("/")).text, (await client.get("/?q=漏雨")).text):
        row = page.split(f'<tr data-call="{call_id}"')[1].split("</tr>")[0]
        tags = set(re.findall(r"<(\w+)", row))
        assert tags <= {"td", "a", "div", "span", "mark", "button"}
        assert not re.search(r"\son\w+\s*=\s*[\"']?alert|=/logout", re.sub(r"&\S+?;[^<]*", "", row))
        assert spoken not in row or not re.search("[<>&\"']", spoken)
        assert "49" not in titles(row)


@pytest.mark.parametrize("tab", [Tab.OWED, Tab.OWN])
async def test_what_every_page_counts_is_found_without_reading_the_whole_list(site, tab):
    if site.db.dialect != "sqlite":
        pytest.skip("PostgreSQL reads whole what is as small as this")
    async with site.db.read() as connection:
        chosen = list_conditions(Filter(tab=tab), None, "我", datetime.now(UTC))
        query = sa.select(worklist.c.call_id).where(*chosen)
        text = str(query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
        plan = [row.detail for row in await connection.execute(sa.text(f"EXPLAIN QUERY PLAN {text}"))]
    assert plan
    assert not [step for step in plan if re.match(r"SCAN (worklist|owing)(?! USING INDEX ix_)", step)]


@pytest.mark.parametrize("wanted", [Filter(), Filter(state=None), Filter(state=State.ACCEPTED)])
async def test_the_first_page_of_a_list_is_found_without_sorting_all_of_it(site, wanted):
    if site.db.dialect != "sqlite":
        pytest.skip("PostgreSQL sorts what is as small as this")
    asked = []

    def note(_connection, _cursor, statement: str, parameters, *_rest) -> None:
        asked.append((statement, parameters))

    async with site.db.read() as connection:
        sa.event.listen(site.db._reader.sync_engine, "before_cursor_execute", note)
        await read_page(connection, wanted, None, None, "我", datetime.now(UTC))
        sa.event.remove(site.db._reader.sync_engine, "before_cursor_execute", note)
        statement, parameters = asked[-1]
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)).all()
    (page,) = [step.id for step in plan if re.match("MATERIALIZE|CO-ROUTINE", step.detail)]
    steps = [step.detail for step in plan if step.parent == page]
    assert len(steps) == 1
    assert "worklist USING INDEX" in steps[0]
