"""全部转人工, by the page and by the command: from the next call on, of one line or all, until its time is over."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import yaml
from browser import keep, log_in, opening_browser, opening_page
from callfolder import told
from playwright.sync_api import expect
from waiting import eventually

from config.duty import place_of
from recordings.entries import Incoming, Played

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import HouseUp

PASSWORD = "huihua-shenhe-2026"
CALLER = {"caller": "13855812345", "steps": [{"pause": 1.5}, "hang_up"]}


def hotline(house: HouseUp, *words: str, given: str = "") -> str:
    done = house.type(*words, typed=given)
    assert done.returncode == 0, done
    return done.stdout + done.stderr


def led(house: HouseUp, *lines: str) -> list[tuple[str, str]]:
    """Call these lines: why each was passed on at once, and the first prompt it heard."""
    results = house.calls([{"name": line, "called": line, **CALLER} for line in lines])
    assert [r["failure"] for r in results] == [""] * len(lines)
    return [find(house, result["sip_call_id"]) for result in results]


def find(house: HouseUp, sip_call_id: str) -> tuple[str, str]:
    for journal in house.data.glob("**/events.jsonl"):
        entries = told(journal.parent)
        for incoming in entries:
            if isinstance(incoming, Incoming) and incoming.sip_call_id == sip_call_id:
                return incoming.at_once, next(e.name for e in entries if isinstance(e, Played))
    raise AssertionError(sip_call_id)


def orders(house: HouseUp) -> float:
    _status, text = house.page("gateway.sock", "/metrics")
    found = re.search(r"^hotline_duty_orders (\S+)$", text, re.MULTILINE)
    assert found
    return float(found[1])


LED, PASSED_ON = ("", "opening"), ("duty", "on_duty")


def test_callers_are_passed_to_people_while_it_is_ordered(make_house: Callable[..., HouseUp]) -> None:
    house = make_house()
    house.start()
    for name, role in (("管理", "安全管理员"), ("张敏", "坐席")):
        hotline(house, "console", "add-user", name, "--role", role, given=f"{PASSWORD}\n")
    address = f"http://127.0.0.1:{yaml.safe_load(house.config.read_text())['console']['port']}/"
    with opening_browser() as browser, opening_page(browser) as page, opening_page(browser) as agents:
        log_in(page, address, "管理", PASSWORD)
        log_in(agents, address, "张敏", PASSWORD)
        expect(agents.locator("p.duty")).to_have_count(0)
        page.get_by_role("link", name="转人工").click()
        page.get_by_label("到(不填:直到恢复)").fill("2020-01-01T08:00")
        page.get_by_role("button", name="转人工").click()
        expect(page.get_by_role("alert")).to_contain_text("结束时间已经过去")
        page.get_by_label("到(不填:直到恢复)").fill("2099-12-31T08:00")
        page.get_by_label("原因").fill("系统演练")
        page.get_by_role("button", name="转人工").click()
        expect(page.get_by_role("status").first).to_contain_text("全部热线已转人工,下一通来电起生效。")
        keep(page, "duty")
        assert led(house, "12345", "12333") == [PASSED_ON, PASSED_ON]
        for path in ("", "live", "account"):
            agents.goto(f"{address}{path}")
            expect(agents.locator("p.duty")).to_have_text("全部来电直接转人工,到 12-31 08:00:系统演练")
        assert agents.get_by_role("link", name="转人工").count() == 0
        shown = hotline(house, "duty", "show")
        assert "全部热线 / all lines, 到 / until 2099-12-31 08:00" in shown
        assert "管理: 系统演练" in shown

        assert "正常接听" in hotline(house, "duty", "off")
        end = datetime.now(UTC) + timedelta(seconds=12)
        told_of = hotline(
            house, "duty", "on", "--line", "12333", "--until", end.isoformat(), "--why", "窗口关闭"
        )
        assert "热线 / line 12333" in told_of
        assert "gateways told: gateway" in told_of
        assert "12333: 没有可转接的人" in told_of
        assert led(house, "12333", "12345") == [PASSED_ON, LED]
        assert datetime.now(UTC) < end
        eventually(lambda: orders(house) == 0, 20, "the end of the order")
        assert led(house, "12333")[0] == ("", "opening_parallel")

        page.locator("select[name=line]").select_option("12333")
        page.get_by_role("button", name="转人工").click()
        expect(page.locator("p.duty")).to_have_text("热线 12333 的来电直接转人工,直到恢复")
        assert orders(house) == 1
        page.get_by_role("button", name="恢复语音接听").click()
        expect(page.get_by_role("status").first).to_contain_text("12333 人力资源社会保障已恢复语音接听")
        assert orders(house) == 0
        page.goto(f"{address}audit")
        trail = page.locator("tbody tr").all_inner_texts()
        assert sum("转人工" in row for row in trail) == 2
        assert sum("恢复语音接听" in row for row in trail) == 1
    place_of(house.data).write_text('{"version": 1, "orders": [{"line": ""')
    eventually(lambda: "not understood: say anew what is to hold" in house.log(), 10, "the complaint")
    assert "正常接听" in hotline(house, "duty", "off")
    assert json.loads(place_of(house.data).read_text())["orders"] == []
    tickets: list[Any] = house.tickets()
    assert {t["revisions"][-1]["ticket"]["caller"]["call_back"] for t in tickets} >= {
        "语音助手停用期间来电，须回电"
    }
