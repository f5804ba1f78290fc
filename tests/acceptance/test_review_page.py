"""The review page in a real browser, over a database made by real calls, down to the reference intake."""

from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import keep, log_in, opening_browser, opening_page, read_sound, until
from playwright.sync_api import expect
from waiting import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import HouseUp
    from playwright.sync_api import Browser, Page

GOLDEN = Path(__file__).parents[1] / "golden"
PASSWORD = "huihua-shenhe-2026"
CALLS = ("happy", "two_matters", "spoken_contact", "praise")


@pytest.fixture(scope="module")
def house(make_house_once: Callable[..., HouseUp]) -> HouseUp:
    up: HouseUp = make_house_once(console={"port": free_port(), "take_back_seconds": 0})
    up.start()
    for name in ("张敏", "王芳"):
        assert up.type("console", "add-user", name, typed=f"{PASSWORD}\n").returncode == 0
    peers = [up.call(GOLDEN / f"{name}.yaml", "--json") for name in CALLS]
    for peer in peers:
        peer.communicate(timeout=240)
    until(lambda: len(read(up, "SELECT call_id FROM worklist")) == len(CALLS), "filing the calls", 60)
    return up


def read(house: HouseUp, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with sqlite3.connect(house.data / "hotline.db", timeout=10) as connection:
        return connection.execute(query, values).fetchall()


def address(house: HouseUp) -> str:
    text = house.config.read_text()
    port = text.split("console:")[1].split("port:")[1].split()[0]
    return f"http://127.0.0.1:{port}/"


def at_intake(house: HouseUp, number: str, status: str) -> dict[str, Any]:
    """The newest revision the intake has, once it has that status."""

    def look() -> dict[str, Any] | None:
        ticket: dict[str, Any] = house.tickets(number=number)[0]["revisions"][-1]["ticket"]
        return ticket if ticket["status"] == status else None

    found: dict[str, Any] = until(look, f"{status} at the intake")
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opening_browser() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, house: HouseUp) -> Iterator[Page]:
    """An agent's window, just logged in."""
    with opening_page(browser) as opened:
        log_in(opened, address(house), "张敏", PASSWORD)
        yield opened


def find(page: Page, words: str) -> None:
    """Search for words that were said, and open the first call found."""
    page.get_by_role("searchbox").fill(words)
    page.keyboard.press("Enter")
    page.wait_for_url("**q=**")
    page.locator("td.title a").first.click()
    page.locator(".word").first.wait_for()


def shown_number(page: Page) -> str:
    return page.locator("#ticket-title").inner_text().removeprefix("工单").strip()


def hear_from(page: Page, word: str) -> None:
    button = page.locator(".word", has_text=word).first
    start = float(button.get_attribute("data-start") or "nan")
    button.click()
    sound = until(lambda: (s := read_sound(page))["playing"] and s, f"playing; {read_sound(page)}")
    assert -0.01 <= sound["time"] - start < 0.15
    until(lambda: page.locator(".word.playing").all_inner_texts() == [word], f"{word} is marked")


def test_an_agent_finds_hears_corrects_edits_and_accepts(page, house):
    find(page, "噪音")
    number = shown_number(page)
    hear_from(page, "噪音")
    hear_from(page, "清河街道")
    page.get_by_role("button", name="循环本句").click()
    line = page.locator(".line.chosen")
    line.hover()
    line.locator(".edit").click()
    page.locator(".line textarea").fill("我要投诉颍州区清河街道幸福小区夜间施工噪音扰民")
    page.keyboard.press("Enter")
    expect(line.locator(".edit")).to_have_text("已改")
    page.get_by_label("标题").fill("幸福小区夜间施工")
    page.get_by_label("紧急程度").select_option("紧急")
    page.get_by_label("要求保密").check()
    expect(page.locator("#saved")).to_contain_text("草稿已保存")
    keep(page, "review")
    opened = page.url
    page.get_by_role("button", name="接受").click()
    page.wait_for_url(lambda url: url != opened and "/calls/" in url)  # the next call opens by itself
    ticket = at_intake(house, number, "已审核")
    assert (ticket["review"]["agent"], ticket["review"]["later_words"]) == ("张敏", False)
    assert (ticket["appeal"]["title"], ticket["appeal"]["urgency"]) == ("幸福小区夜间施工", "紧急")
    assert ticket["caller"]["confidential"]
    assert ticket["transcript"]["utterances"][0]["text"] == "我要投诉颍州区清河街道幸福小区夜间施工噪音扰民"
    assert [u["corrected"] for u in ticket["transcript"]["utterances"]] == [True, False, False, False, False]
    trail = read(house, "SELECT action, subject FROM audit WHERE user_name = '张敏' ORDER BY id")
    call_id = ticket["call"]["call_id"]
    done = [action for action, subject in trail if subject == call_id]
    assert done == ["查看来电", "播放", "领取", "编辑"]
    page.goto(f"{address(house)}calls/{call_id}/story")
    expect(page.locator(".revisions")).to_contain_text("幸福小区夜间施工")
    keep(page, "story")


def test_the_same_by_keyboard_alone(page, house):
    press = page.keyboard.press
    press("/")
    page.keyboard.type("漏雨")
    press("Enter")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    page.wait_for_url("**q=**")
    press("Escape")
    press("j")
    press("Enter")
    page.locator(".word").first.wait_for()
    until(lambda: page.evaluate("document.activeElement.className") == "word", "a word has the focus")
    press("Enter")
    first = float(page.locator(".word").first.get_attribute("data-start") or "nan")
    sound = until(lambda: (s := read_sound(page))["playing"] and s, "playing")
    assert -0.01 <= sound["time"] - first < 0.15
    press("=")
    press("=")
    sound = read_sound(page)
    assert (sound["rate"], sound["pitch"]) == (1.5, True)
    press("-")
    press("-")
    press("-")
    assert read_sound(page)["rate"] == 0.75
    press("l")
    phrase = page.locator(".line.chosen .word")
    end = float(phrase.last.get_attribute("data-end") or "nan")
    times = [read_sound(page)["time"] for _ in range(60) if page.wait_for_timeout(100) is None]
    assert any(b < a for a, b in itertools.pairwise(times))  # it began again
    assert max(times) < end + 1.0
    press("l")
    press("Space")
    assert not read_sound(page)["playing"]
    press("?")
    expect(page.get_by_role("heading", name="快捷键")).to_be_visible()
    keep(page, "keys")
    press("Escape")
    press("e")
    page.keyboard.press("Home")
    page.keyboard.type("喂")
    press("Enter")
    expect(page.locator(".line.corrected")).to_have_count(1)
    press("Control+z")
    expect(page.locator(".line.corrected")).to_have_count(0)
    press("Control+y")
    expect(page.locator(".line.corrected")).to_have_count(1)
    here, numbers = page.url, [shown_number(page)]
    accept_as_request(page)
    numbers.append(until(lambda: (n := shown_number(page)) not in numbers and n, "the call's other ticket"))
    accept_as_request(page)
    page.wait_for_url(lambda url: url != here)
    for number in numbers:
        ticket = at_intake(house, number, "已审核")
        assert ticket["appeal"]["type"] == "求助"
        assert ticket["transcript"]["utterances"][0]["text"].startswith("喂")


def accept_as_request(page: Page) -> None:
    """The kind of appeal from whatever it is to 求助; accept, once the ticket has stood there to be looked at."""
    page.keyboard.press("2")
    expect(page.get_by_role("radio", name="求助")).to_be_checked()
    page.locator("#accept:not([disabled], [aria-disabled])").wait_for()
    page.keyboard.press("Control+Enter")


def test_an_ended_login_costs_nothing_of_what_was_written(page, house):
    find(page, "公交")
    number = shown_number(page)
    page.get_by_label("标题").fill("表扬公交车")
    expect(page.locator("#saved")).to_contain_text("草稿已保存")
    forget_logins(house)
    page.get_by_label("标题").fill("表扬公交车司机好")
    dialog = page.get_by_role("dialog", name="登录已过期")
    expect(dialog).to_be_visible()
    dialog.get_by_label("密码").fill("not this one, sorry")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("密码不正确")
    dialog.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    expect(page.locator("#saved")).to_contain_text("草稿已保存")
    call_id = page.url.rpartition("/")[2]
    edits = read(house, "SELECT document FROM worksheets WHERE call_id = ?", call_id)[0]
    assert "表扬公交车司机好" in edits[0]
    forget_logins(house)
    page.reload()  # this time the page itself is gone
    page.get_by_label("用户名").fill("张敏")
    page.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_label("标题")).to_have_value("表扬公交车司机好")
    page.get_by_role("button", name="退回").click()
    page.get_by_label("原因").fill("不退了")
    page.keyboard.press("Escape")
    expect(page.get_by_label("原因")).to_be_hidden()
    page.get_by_role("button", name="退回").click()
    page.get_by_label("原因").fill("表扬不派单")
    page.keyboard.press("Control+Enter")
    ticket = at_intake(house, number, "已退回")
    assert (ticket["appeal"]["title"], ticket["review"]["reason"]) == ("表扬公交车司机好", "表扬不派单")
    assert read(house, "SELECT document FROM worksheets WHERE call_id = ?", call_id) == []


def forget_logins(house: HouseUp) -> None:
    with sqlite3.connect(house.data / "hotline.db", timeout=10) as connection:
        connection.execute("DELETE FROM sessions")


def test_two_windows_and_two_agents_do_not_overwrite_each_other(page, browser, house):
    find(page, "路灯")
    take, release = (page.get_by_role("button", name=name) for name in ("领取", "释放"))
    expect(take.or_(release)).to_be_visible()
    if take.is_visible():  # it is his already when he was led on to it
        take.click()
    expect(release).to_be_visible()
    with opening_page(browser) as other:
        log_in(other, address(house), "王芳", PASSWORD)
        other.goto(page.url)
        expect(other.get_by_role("alert").first).to_contain_text("张敏 正在处理")
        expect(other.get_by_label("标题")).to_be_disabled()
        hear_from(other, "路灯")
    with page.context.new_page() as second:
        second.goto(page.url)
        second.get_by_label("标题").fill("第二个窗口")
        expect(second.locator("#saved")).to_contain_text("草稿已保存")
        page.get_by_label("标题").fill("第一个窗口")
        expect(page.get_by_role("alert").first).to_contain_text("已在别处")
        page.get_by_role("button", name="重新载入").click()
        expect(page.get_by_label("标题")).to_have_value("第二个窗口")
