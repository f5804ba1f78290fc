"""The page as an agent sees it: the real process, Debian's Chromium, the keyboard."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from browser import find_barriers, keep, log_in, opening_browser, opening_page, until
from callfolder import CallFolder, heard, silence, stated
from hotlinecommand import run_hotline
from mattermaking import enter, told

from gateway.site.settings import DEFAULT_FILE
from recordings.database import open_database
from tickets.filing import file_call
from tickets.number import NumberBook
from tickets.surges.watch import SurgeWatch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from recordings.database import Database

PASSWORD = "correct horse battery"
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("颍上县慎城镇我家房子漏雨已经三天了没有人来管", {}),
    ("颍州区清河街道停水两天了", {}),
    ("界首市那边有人打架快来人", {"danger": True}),
    ("人民西路的路灯坏了晚上看不见", {}),
    ("我想咨询一下公积金怎么提取", {"appeal": "咨询"}),
    ("太和县旧县镇拖欠农民工工资要求尽快解决", {"call_back": "来电人要求人工"}),
    ("临泉县鲖城镇的垃圾没有人清理味道很大", {"confidence": 0.4}),
    ("颍泉区闻集镇小区的燃气味道很重", {"interrupted": True}),
    *((f"颍东区向阳街道第{n}次反映噪音扰民", {}) for n in range(60)),
]


async def _file(data: Path) -> None:
    db = open_database(f"sqlite:///{data / 'hotline.db'}")
    book = NumberBook(data / "numbers", 1)
    for n, (text, given) in enumerate(CALLS):
        matter = dict(given)
        confidence, interrupted = matter.pop("confidence", 0.9), matter.pop("interrupted", False)
        phrase = heard(text, 1.0, 3.0, confidence=confidence)
        call = CallFolder(data, f"20260701T08{n // 60:02}{n % 60:02}-{n:08x}").begin().hear(phrase)
        call.state(stated(0, phrase, until=3.5, complete=True, **matter)).record(silence(4))
        call.die() if interrupted else call.hang_up(seconds=4.0)
        await file_call(db, book, call.folder)
    await _make_surges(db)
    await db.close()


async def _make_surges(db: Database) -> None:
    """The sixty calls on noise are one, after weeks in which nobody complained of it there; dry taps another."""
    now, dry = datetime.now(UTC), ("临泉县", "鲖城镇")
    usual = [told(n, now - timedelta(days=20, hours=-6 * n), "物业", dry) for n in range(79)]
    minutes = (97, 74, 61, 33, 12)
    taps = [
        told(900 + n, now - timedelta(minutes=m), "停水", dry, "停水 水管") for n, m in enumerate(minutes)
    ]
    await enter(db, [*usual, *taps])
    assert len(await SurgeWatch(db).look(datetime.now(UTC))) == 2


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A console process over calls as they are filed, with a user made by the command."""
    folder = tmp_path_factory.mktemp("house")
    settings = yaml.safe_load(DEFAULT_FILE.read_text())
    settings["console"]["port"] = 0
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    data = folder / "data"
    where = ("--config", str(folder / "settings.yaml"), "--data", str(data))
    assert run_hotline(*where, "migrate").returncode == 0
    for name, role in (("王芳", "坐席"), ("李强", "坐席"), ("管理", "安全管理员")):
        added = run_hotline(*where, "console", "add-user", name, "--role", role, typed=f"{PASSWORD}\n")
        assert added.stdout.startswith(f"已添加 / added: {name}({role})\n")
        assert ("在有第二位安全管理员之前有全部权限" in added.stdout) is (name == "管理")
    with ThreadPoolExecutor(1) as thread:  # this one may have Playwright's own loop
        thread.submit(asyncio.run, _file(data)).result()
    command = [sys.executable, "-m", "gateway", *where, "console"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            if '"ready"' in line:
                break
        yield json.loads(line)["address"]
        process.terminate()
        assert process.wait(10) == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opening_browser() as opened:
        yield opened


def titles(page: Page) -> list[str]:
    return page.locator("td.title a").all_inner_texts()


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return page.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_log_in_find_a_word_of_two_characters_and_claim_by_keys_alone(browser, address):
    with opening_page(browser) as page:
        page.goto(address)
        keep(page, "login")
        page.keyboard.type("王芳")
        page.keyboard.press("Tab")
        page.keyboard.type("wrong password")
        page.keyboard.press("Enter")
        page.get_by_text("用户名或密码不正确。").wait_for()
        keep(page, "login-failed")
        page.keyboard.type(PASSWORD)  # the cursor stands in the password
        page.keyboard.press("Enter")
        page.wait_for_url(address)
        assert titles(page)[0] == "有人打架快来人"  # 特急 first
        keep(page, "worklist")
        page.keyboard.press("?")
        page.get_by_role("heading", name="快捷键").wait_for()
        keep(page, "worklist-keys")
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        page.keyboard.insert_text("漏雨")
        page.keyboard.press("Enter")
        page.locator("mark", has_text="漏雨").wait_for()
        assert len(titles(page)) == 1
        assert "q=%E6%BC%8F%E9%9B%A8" in page.url
        keep(page, "found")
        page.keyboard.press("Escape")
        page.keyboard.press("j")
        page.keyboard.press("c")
        page.get_by_text("我 处理中").wait_for()
        focused = "() => document.activeElement.closest('tr')?.dataset.call"
        until(lambda: page.evaluate(focused) == "20260701T080000-00000000", "the focus is on the row again")
        keep(page, "claimed")
        with opening_page(browser) as other:
            log_in(other, address, "李强", PASSWORD)
            other.get_by_text("王芳 处理中").wait_for()
            assert other.locator("tr", has_text="王芳 处理中").locator("[data-claim]").count() == 0
        page.keyboard.press("c")
        page.get_by_role("button", name="领取").wait_for()


def test_two_who_claim_from_lists_of_the_same_age(browser, address):
    with opening_page(browser) as page, opening_page(browser) as other:
        log_in(page, address, "王芳", PASSWORD)
        log_in(other, address, "李强", PASSWORD)
        row = "tr[data-call='20260701T080003-00000003']"
        page.locator(row).get_by_role("button", name="领取").click()
        page.locator(row).get_by_text("我 处理中").wait_for()
        other.locator(row).get_by_role("button", name="领取").click()
        other.get_by_text("已被领取:王芳 正在处理这个来电。").wait_for()
        keep(other, "taken")
        page.locator(row).get_by_role("button", name="释放").click()
        page.locator(row).get_by_role("button", name="领取").wait_for()


def test_filter_page_on_and_go_back(browser, address):
    with opening_page(browser) as page:
        log_in(page, address, "王芳", PASSWORD)
        assert len(titles(page)) == 50
        page.keyboard.press("m")
        until(lambda: len(titles(page)) == len(CALLS), "the rest of the list")
        page.get_by_label("区县").select_option("颍州区")
        until(lambda: titles(page) == ["停水两天了"], "the county's calls")
        page.get_by_label("状态").select_option("已审核")
        page.get_by_text("没有符合条件的来电。").wait_for()
        keep(page, "empty")
        page.go_back()
        until(lambda: titles(page) == ["停水两天了"], "the list before")
        assert page.get_by_label("状态").input_value() == "待审核"


def test_the_next_call_opens_and_is_mine(browser, address):
    with opening_page(browser) as page:
        log_in(page, address, "李强", PASSWORD)
        page.keyboard.press("n")
        page.wait_for_url("**/calls/20260701T080002-00000002")
        page.goto(address)
        assert page.locator("tr", has_text="界首市").get_by_text("我 处理中").count() == 1


def test_surges_are_seen_acknowledged_and_lead_to_their_calls(browser, address):
    with opening_page(browser, inspected=True) as page:
        log_in(page, address, "王芳", PASSWORD)
        page.get_by_text("热点:临泉县鲖城镇停水 5 件").wait_for()
        page.get_by_role("link", name="查看").click()
        page.get_by_role("heading", name="临泉县 鲖城镇 · 停水").wait_for()
        keep(page, "surges")
        assert find_barriers(page) == []
        page.get_by_role("button", name="知悉:临泉县鲖城镇停水").click()
        page.get_by_text("王芳 于").wait_for()
        assert page.get_by_role("button", name="知悉:").count() == 1
        page.get_by_role("link", name="3 小时").click()
        page.locator("tr", has_text="噪音").get_by_text("60").wait_for()
        page.locator(".fresh .behind a").last.click()
        page.wait_for_url("**/calls/*")


WATCHED = """
window.told = [];
const fill = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...more) {
  window.told.push(text);
  return fill.call(this, text, ...more);
};
"""


def find_on_map(page: Page, name: str) -> tuple[float, float]:
    """Where a county lies in the window: what the line below the map says when the mouse is there."""
    box = page.locator("#map canvas").bounding_box()
    assert box
    for n in range(20 * 20):
        x = box["x"] + box["width"] * (0.2 + 0.6 * (n % 20) / 20)
        y = box["y"] + box["height"] * (n // 20 + 0.5) / 20
        page.mouse.move(x, y)
        if page.locator("#map-told").inner_text().startswith(name):
            return x, y
    raise AssertionError(f"{name} is nowhere on the map")


def test_the_city_is_counted_on_a_map_and_in_a_table_and_leads_to_its_calls(browser, address):
    day = "overview?since=2026-07-01&until=2026-07-01"
    with opening_page(browser) as page:  # under the page's own policy
        page.add_init_script(WATCHED)
        log_in(page, address, "管理", PASSWORD)
        page.get_by_role("link", name="概览").click()
        page.wait_for_url("**/overview")  # the list has such fields, too
        page.get_by_label("从").fill("2026-07-01")
        page.get_by_label("到").fill("2026-07-01")
        page.get_by_role("button", name="统计").click()
        page.wait_for_url("**/overview?*since=2026-07-01*")
        page.locator("#map[data-drawn] canvas").wait_for()
        counted = [int(count) for count in page.locator("#counties tbody td:nth-child(2)").all_inner_texts()]
        assert sum(counted) == len(CALLS)
        assert page.locator("#counties tfoot td").first.inner_text() == str(len(CALLS))
        east = page.locator("#counties tbody tr", has_text="颍东区")
        assert east.locator("td").first.inner_text() == "60"
        page.locator("#map").scroll_into_view_if_needed()
        where = find_on_map(page, "颍东区")
        until(
            lambda: page.evaluate("() => window.told.some((text) => text.startsWith('颍东区  60 张'))"),
            "the tooltip is drawn",
        )
        page.mouse.click(*where)
        page.wait_for_url("**/?*county=*")
        places = page.locator("#list tbody td:nth-child(6)").all_inner_texts()
        assert places
        assert all("颍东区" in place for place in places)
        page.goto(address + day)
        page.get_by_text("各时段的数字").press("Enter")
        page.get_by_role("link", name="16 点").press("Enter")
        page.get_by_text("只看 16 点到 17 点的来电").wait_for()
        assert page.locator("#list tbody tr[data-call]").count() == 50
    for width, height in ((1366, 768), (390, 844)):
        with opening_page(browser, width=width, height=height, inspected=True) as page:
            log_in(page, address, "管理", PASSWORD)
            page.goto(address + day)
            page.locator("#map[data-drawn] canvas").wait_for()
            page.locator("#words-title + div:not([hx-trigger])").wait_for()
            keep(page, f"overview-{width}")
            assert fits(page)
            assert find_barriers(page) == []
            page.emulate_media(media="print")
            assert page.locator(".filters").is_hidden()
            assert fits(page)
            drawn, place = (page.locator(f"#map{part}").bounding_box() for part in (" canvas", ""))
            assert drawn
            assert place
            assert drawn["width"] == pytest.approx(place["width"])
            assert drawn["height"] == pytest.approx(place["height"], abs=8)  # a line of text may end below it


def test_a_repeat_is_proposed_and_linked_by_hand(browser, address):
    with opening_page(browser, inspected=True) as page:
        log_in(page, address, "李强", PASSWORD)
        page.goto(f"{address}calls/20260701T080100-0000003c")
        proposed = page.get_by_role("region", name="可能重复")
        proposed.wait_for()
        assert proposed.get_by_role("listitem").count() == 5
        assert "同一来电人" in proposed.get_by_role("listitem").first.inner_text()
        assert find_barriers(page) == []
        keep(page, "repeats")
        link = proposed.get_by_role("button").first
        number = (link.get_attribute("aria-label") or "").removeprefix("并单:工单 ")
        link.click()
        field = page.get_by_label("重复诉求")
        until(lambda: field.input_value() == number, "the field has the number")
        assert page.evaluate("() => document.activeElement.getAttribute('aria-pressed')") == "true"
        page.keyboard.press("Enter")
        until(lambda: field.input_value() == "", "it is taken back")
        assert fits(page)


def test_an_administrator_keeps_users_and_reads_the_trail(browser, address):
    with opening_page(browser) as page:
        log_in(page, address, "管理", PASSWORD)
        page.get_by_role("link", name="用户").click()
        page.get_by_label("用户名").fill("赵敏")
        page.get_by_label("初始密码").fill("another good password")
        page.get_by_role("button", name="添加用户").click()
        page.get_by_text("已添加坐席 赵敏。").wait_for()
        keep(page, "users")
        page.get_by_role("link", name="审计").click()
        page.locator("tr", has_text="添加用户").get_by_text("赵敏").wait_for()
        keep(page, "audit")
        page.goto(f"{address}audit?user=(命令)")
        assert page.locator("tr", has_text="添加用户").count() == 3  # those of before, made by it
        page.get_by_role("button", name="退出").click()
        page.get_by_role("heading", name="12345 热线坐席").wait_for()


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (683, 384)])  # the second: the first at 200 %
def test_the_pages_fit(browser, address, width, height):
    with opening_page(browser, width=width, height=height) as page:
        assert page.goto(address + "login").ok
        assert fits(page)
        log_in(page, address, "管理", PASSWORD)
        for path in ("", "?q=噪音", "surges", "users", "logins", "audit", "account"):
            page.goto(address + path)
            keep(page, f"{width}-{path.strip('?').partition('=')[0] or 'list'}")
            assert fits(page), path
