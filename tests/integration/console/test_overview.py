"""The overview, its CSV and the lists that it leads to, on both databases."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from mattermaking import enter, told

from console.policy import Policy, Role
from recordings.matters import matters
from recordings.schema import calls, legs, worklist

DAY = "since=2026-07-01&until=2026-07-01"
BOM = "\ufeff"


def read_csv(text: str) -> dict[tuple[str, str], str]:
    """The third column by the first two; what is no such table fails."""
    head, *rows = csv.reader(io.StringIO(text.removeprefix(BOM), newline=""))
    assert head == ["项目", "名称", "数值", "单位", "说明"]
    return {(what, name): value for what, name, value, _unit, _how in rows}


def read_drawn(text: str) -> dict[str, dict[str, int]]:
    """What the charts are given."""
    found = re.search(r'<script type="application/json" id="drawn">(.*?)</script>', text, re.DOTALL)
    assert found
    return {part: {row["name"]: row["count"] for row in rows} for part, rows in json.loads(found[1]).items()}


async def test_page_map_and_csv_tell_the_same_and_the_trail_who_looked(site, call):
    await call("颍州区清河街道停水了", at="20260701T013000")
    await call("颍上县慎城镇房子漏雨", at="20260701T013500")
    await call("颍上县慎城镇路灯坏了", at="20260701T160000")  # the next day, in the city
    lead = await site.logged_in("班长", Role.LEAD)
    shown = (await lead.get(f"/overview?{DAY}")).text
    drawn = read_drawn(shown)
    assert drawn["hours"] | {"9 点": 0} == {f"{hour} 点": 0 for hour in range(24)}
    assert drawn["hours"]["9 点"] == 2
    assert drawn["days"] == {"07-01": 2}
    assert len(drawn["counties"]) == 8
    assert {name: count for name, count in drawn["counties"].items() if count} == {"颍州区": 1, "颍上县": 1}
    assert shown.count('class="formula"') == 9
    answer = await lead.get(f"/overview/csv?{DAY}")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert (
        'attachment; filename="overview-2026-07-01-2026-07-01.csv"' in answer.headers["Content-Disposition"]
    )
    assert answer.text.startswith(BOM)
    told_by_csv = read_csv(answer.text)
    assert (told_by_csv["合计", "来电"], told_by_csv["合计", "工单"]) == ("2", "2")
    assert (told_by_csv["时段", "9 点"], told_by_csv["区县", "颍上县"]) == ("2", "1")
    assert told_by_csv["区县", "没有地点"] == "0"
    assert told_by_csv["指标", "接通率"] == "100.0%"
    shapes = await lead.get("/overview/map")
    assert {each["properties"]["name"] for each in json.loads(shapes.text)["features"]} == set(
        drawn["counties"]
    )
    assert await site.trail(reading=True) == [("班长", "查看概览", ""), ("班长", "导出", "概览")]


async def test_nothing_in_the_csv_is_a_formula(site, call):
    await call("颍州区清河街道停水了", at="20260701T013000")
    wrong = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "正常")
    async with site.db.write() as connection:
        (number,) = await connection.scalars(sa.select(matters.c.number))
        row = (await connection.execute(sa.select(matters))).one()._asdict()
        await connection.execute(sa.update(matters).values(category=wrong[0], county=wrong[3]))
        more = [
            {**row, "number": f"{number}{n}", "category": text, "county": ""}
            for n, text in enumerate(wrong[1:])
        ]
        await connection.execute(sa.insert(matters), more)
    quality = await site.logged_in("质检", Role.QUALITY)
    text = (await quality.get(f"/overview/csv?{DAY}")).text
    cells = [cell for row in csv.reader(io.StringIO(text.removeprefix(BOM), newline="")) for cell in row]
    for begins in wrong[:-1]:
        assert f"'{begins}" in cells
    assert "正常" in cells
    assert not [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@"))]


async def test_what_a_line_tells_nobody_is_not_told_by_figures(call, make_site, database):
    await call("颍州区清河街道停水了", at="20260701T013000")
    secret = await call("颍泉区有人睡不着觉", at="20260701T013500")  # before the line was anonymous
    async with database.write() as connection:
        for table in (calls, worklist, matters):
            await connection.execute(
                sa.update(table).where(table.c.call_id == secret).values(hotline="12356")
            )
        told_there = {"county": "颍泉区", "category": "心理援助"}
        await connection.execute(sa.update(matters).where(matters.c.call_id == secret).values(told_there))
    async with make_site(Policy(), anonymous={"12356"}) as opened:
        lead, quality = (
            await opened.logged_in("班长", Role.LEAD),
            await opened.logged_in("质检", Role.QUALITY),
        )
        for path in (f"/overview?{DAY}", f"/overview/csv?{DAY}", f"/overview?{DAY}&hotline=12356"):
            seen, unseen = (await lead.get(path)).text, (await quality.get(path)).text
            assert "心理援助" in seen
            assert "心理援助" not in unseen
        assert "匿名热线 12356 的来电不计" in (await quality.get(f"/overview?{DAY}")).text
        assert read_drawn((await quality.get(f"/overview?{DAY}")).text)["counties"]["颍泉区"] == 0
        assert read_csv((await quality.get(f"/overview/csv?{DAY}")).text)["合计", "来电"] == "1"
        assert read_csv((await lead.get(f"/overview/csv?{DAY}")).text)["合计", "来电"] == "2"


async def test_hot_words_of_an_anonymous_line_are_told_to_nobody(database, make_site):
    now = datetime.now(UTC)
    open_ones = [told(n, now - timedelta(minutes=n + 1), "停水", ("颍州区", "")) for n in range(12)]
    secret = [told(50 + n, now - timedelta(minutes=n + 1), "失眠", ("颍州区", "")) for n in range(12)]
    await enter(database, [*open_ones, *secret])
    async with database.write() as connection:
        for table in (matters, calls):
            ids = [row.call_id for row in secret]
            await connection.execute(sa.update(table).where(table.c.call_id.in_(ids)).values(hotline="12356"))
    async with make_site(Policy(), anonymous={"12356"}) as opened:
        lead = await opened.logged_in("班长", Role.LEAD)
        for path in ("/overview/words?period=近7天", "/surges?hours=3"):
            words = (await lead.get(path)).text
            assert ">停水</a>" in words
            assert "失眠" not in words


async def test_a_figure_leads_to_its_calls(site, call):
    mine = await call("颍上县慎城镇停水了", at="20260701T013000")
    other = await call("颍上县慎城镇停水了", at="20260701T033000")
    async with site.db.write() as connection:
        for call_id, category in ((mine, "城乡建设_供水"), (other, "城乡建设规划")):
            await connection.execute(
                sa.update(matters).where(matters.c.call_id == call_id).values(category=category)
            )
    lead = await site.logged_in("班长", Role.LEAD)
    shown = (await lead.get(f"/overview?{DAY}&hotline=12345")).text
    addresses = [address.replace("&amp;", "&") for address in re.findall(r'href="(/\?state[^"]*)"', shown)]
    assert (
        len(addresses) == 2 + 1 + 1 + 2
    )  # hours, line, county, categories (the only day is no list of its own)
    lists = {address: (await lead.get(address)).text for address in addresses}
    hours = [text for address, text in lists.items() if "hour=9" in address]
    assert [(mine in text, other in text) for text in hours] == [(True, False)]
    category = [text for address, text in lists.items() if address.endswith("%E5%BB%BA%E8%AE%BE")]
    assert [(mine in text, other in text) for text in category] == [(True, False)]
    assert "分类为“城乡建设”的来电" in category[0]
    county = [text for address, text in lists.items() if "county=" in address]
    assert [(mine in text, other in text) for text in county] == [(True, True)]
    async with (
        site.db.write() as connection
    ):  # one that we placed is no citizen's, in figures and lists alike
        await connection.execute(sa.update(legs).where(legs.c.call_id == mine).values(direction="out"))
    assert read_drawn((await lead.get(f"/overview?{DAY}")).text)["counties"]["颍上县"] == 1
    county = (await lead.get(next(address for address in addresses if "county=" in address))).text
    assert (mine in county, other in county, "来电人打来的电话" in county) == (False, True, True)
    headers = {"Accept": "application/json"}
    served = await lead.post("/next", {"category": "城乡建设规划"}, headers=headers)
    assert json.loads(served.text)["call_id"] == other


async def test_what_cannot_be_counted_is_said_and_what_no_form_sends_is_refused(site):
    lead = await site.logged_in("班长", Role.LEAD)
    assert "开始日期晚于结束日期" in (await lead.get("/overview?since=2026-07-02&until=2026-07-01")).text
    assert "一次最多统计 366 天" in (await lead.get("/overview?since=2025-07-01&until=2026-07-02")).text
    assert (await lead.get("/overview/csv?since=2026-07-02&until=2026-07-01")).status == 400
    for wrong in ("period=x", "since=x", "until=9999-01-01", "hotline=x", "since=2026-13-01"):
        assert (await lead.get(f"/overview?{wrong}")).status == 400
    for wrong in ("hour=24", "hour=-1", "hour=x", f"category={'x' * 101}"):
        assert (await lead.get(f"/?{wrong}")).status == 400
    for period in ("今天", "昨天", "近7天", "近30天"):
        shown = (await lead.get(f"/overview?period={period}")).text
        assert f'aria-current="true">{period}</a>' in shown
        assert (await lead.get(f"/overview/words?period={period}")).status == 200
