"""The page of surges and hot words, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mattermaking import enter, told

from tickets.surges.watch import SurgeWatch

HERE = ("颍州区", "清河街道")


async def test_a_surge_is_shown_with_its_tickets_and_acknowledged_once(site, call):
    now = datetime.now(UTC)
    usual = [told(n, now - timedelta(days=20, hours=-9 * n), "噪音", HERE) for n in range(50)]
    await enter(site.db, usual)
    for n in range(4):
        await call(f"颍州区清河街道停水了没水用,第{n}户", at=f"20260701T08000{n}")
    client = await site.logged_in("张敏")
    assert "七天内没有热点" in (await client.get("/surges")).text
    (surge,) = await SurgeWatch(site.db).look(datetime.now(UTC))
    listed = (await client.get("/")).text
    assert "热点:颍州区清河街道停水 4 件" in listed
    # Asked for in another window, for the words of a day have just been found and hold for a minute.
    shown = (await client.get("/surges?hours=3")).text
    assert "颍州区 清河街道 · 停水" in shown
    assert shown.count('<a href="/calls/20260701T08000') == 4
    assert "共同的词:停水、没水" in shown
    assert "停水</a></td>" in shown  # a hot word, too
    answer = await client.post(f"/surges/{surge.id}/seen")
    assert (answer.status, answer.headers["Location"]) == (303, "/surges")
    other = await site.logged_in("王芳")
    assert (await other.post(f"/surges/{surge.id}/seen")).status == 303
    assert "张敏 于" in (await other.get("/surges")).text
    assert "热点:" not in (await client.get("/")).text
    assert await site.trail() == [("张敏", "知悉热点", "颍州区清河街道停水")]


async def test_what_there_is_not_is_refused(site):
    client = await site.logged_in("张敏")
    for wrong in ("7", "x", "-1", "9" * 30):
        assert (await client.post(f"/surges/{wrong}/seen")).status == 404
    for hours in ("0", "x", "999999"):
        assert (await client.get(f"/surges?hours={hours}")).status == 400
    for hours in ("3", "24", "168"):
        assert (await client.get(f"/surges?hours={hours}")).status == 200
