"""An agent's hour on the page, in Debian's Chromium: what could lose a call, or accept one that nobody looked at."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pyotp
import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from browser import find_barriers, keep, log_in, opening_browser, opening_page, read_sound, until
from callfolder import CallFolder, heard, silence, stated
from consoleserver import running_console
from playwright.sync_api import expect

from asr.transcript import Utterance, Word
from console.dialling import Dialling
from console.pages import watch
from console.policy import Role
from console.problem import Problem
from recordings import entries, schema, users
from recordings.agentcalls import LEASE, agent_calls
from recordings.database import migrate
from tickets.filing import file_call
from tickets.number import NumberBook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consoleserver import Console
    from playwright.sync_api import Browser, Page

DIALLING = Dialling(lambda number: number.startswith("1"), lambda extension: extension == "6001")
DEMO = "演示模型转写,文字仅供测试"


@dataclass
class House:
    """The page, over an empty database to which a test files its calls."""

    console: Console
    data: Path
    book: NumberBook
    cookies: dict[str, str]
    filed: int = 0

    def file(self, text: str, *others: str, words: tuple[Word, ...] = (), **matter: Any) -> str:
        """A call of that matter, and of one more for each of ``others``; its id."""
        self.filed += 1
        call_id = f"20260702T08{self.filed // 60:02}{self.filed % 60:02}-{self.filed:08x}"
        call = CallFolder(self.data, call_id).begin(caller=matter.pop("caller", "13855812345"))
        call.note(entries.Played(id=1, name="opening", text="您好,请说您的诉求", start=0.1))
        for index, said in enumerate((text, *others)):
            start = 1.0 + 3 * index
            phrase = heard(said, start, start + 2.0)
            if words and not index:
                phrase = Utterance(said, words, words[0].start, words[-1].end, 0.9, -20.0)
            call.hear(phrase)
            call.state(stated(index, phrase, until=phrase.end + 0.5, complete=True, **matter))
        seconds = max(4.0 + 3 * len(others), words[-1].end + 1 if words else 0.0)
        call.record(silence(seconds)).hang_up(seconds=seconds)
        self.console.do(file_call(self.console.db, self.book, call.folder))
        return call_id

    def clear(self) -> None:
        """Nothing waits any more."""
        self.write(sa.update(schema.worklist).values(state="已审核", call_back=False))
        self.write(sa.delete(users.claims))

    def write(self, statement: Any) -> None:
        async def run() -> None:
            async with self.console.db.write() as connection:
                await connection.execute(statement)

        self.console.do(run())

    def read(self, query: Any) -> list[Any]:
        async def run() -> list[Any]:
            async with self.console.db.read() as connection:
                return list((await connection.execute(query)).all())

        found: list[Any] = self.console.do(run())
        return found

    def tickets(self, call_id: str) -> list[dict[str, Any]]:
        """The call's tickets in their last revision."""
        rows = self.read(
            sa.select(schema.tickets.c.matter, schema.tickets.c.document)
            .where(schema.tickets.c.call_id == call_id)
            .order_by(schema.tickets.c.revision)
        )
        last = {row.matter: json.loads(row.document) for row in rows}
        return [last[matter] for matter in sorted(last)]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("triage")
    url = f"sqlite:///{data / 'hotline.db'}"
    with ThreadPoolExecutor(1) as thread:  # this one may have Playwright's own loop
        thread.submit(asyncio.run, migrate(url)).result()
    with running_console(url, data, {"12345": "政务服务便民热线"}, DIALLING) as console:
        cookies = {}
        for name, founder in (("王芳", False), ("李强", False), ("管理", True)):
            console.add_user(name, Role.SECURITY if founder else Role.AGENT, founder=founder)
            cookies[name] = console.log_in(name)
        yield House(console, data, NumberBook(data / "numbers", 1), cookies)


@pytest.fixture(scope="module")
def browser(house: House) -> Iterator[Browser]:  # noqa: ARG001 - its loop is not to run before the page's
    with opening_browser() as opened:
        yield opened


@contextmanager
def window(browser: Browser, house: House, name: str = "王芳", **options: Any) -> Iterator[Page]:
    """An agent's window, logged in."""
    with opening_page(browser, **options) as page:
        cookie = {"name": "hotline-session", "value": house.cookies[name], "url": house.console.address}
        page.context.add_cookies([cookie])
        page.set_default_timeout(20_000)
        yield page


LOOKED_AT = "#accept:not([disabled], [aria-disabled])"  # a ticket is to be looked at before it is decided on


def open_call(page: Page, house: House, call_id: str) -> None:
    page.goto(f"{house.console.address}calls/{call_id}")
    page.locator("#fieldset:not([disabled])").wait_for()
    page.locator(LOOKED_AT).wait_for()


def complete(page: Page) -> None:
    """What a ticket needs before it is accepted."""
    page.get_by_role("radio", name="求助").check()
    page.get_by_label("一级分类").fill("城乡建设")
    page.get_by_label("区县").select_option("颍上县")


def test_a_key_held_down_accepts_one_ticket_and_no_unseen_one(browser, house):
    house.clear()
    ids = [house.file("颍上县慎城镇我家房子漏雨三天了", appeal="求助") for _ in range(6)]
    with window(browser, house) as page:
        open_call(page, house, ids[0])
        complete(page)
        page.keyboard.press("Escape")
        page.keyboard.down("Control")
        for _ in range(90):  # three seconds of a keyboard's own repetition
            page.keyboard.down("Enter")
            page.wait_for_timeout(33)
        page.keyboard.up("Enter")
        page.keyboard.up("Control")
        page.wait_for_url(lambda url: not url.endswith(ids[0]))
        decided = house.read(sa.select(schema.reviews.c.call_id).where(schema.reviews.c.call_id.in_(ids)))
        assert [row.call_id for row in decided] == [ids[0]]


PATH = "() => [1, 2, 3].map((n) => document.querySelector(`[data-field=category_${n}]`).value)"


def go_on_to(page: Page, call_id: str) -> None:
    page.wait_for_url(f"**/calls/{call_id}")
    page.locator("#fieldset:not([disabled])").wait_for()


def test_ten_calls_by_keys_alone_six_for_each_at_most(browser, house):
    """Beside playing: the kind, the category that is offered, the decision; a key held with another counts too."""
    house.clear()
    matters = ("拖欠农民工工资", "小区电梯坏了物业乱收费", "房子漏雨三天", "有人占道经营", "噪音扰民睡不着")
    ids = [house.file(f"颍上县慎城镇{matters[n % 5]}第{n}次反映", appeal=None) for n in range(10)]
    with window(browser, house) as page:
        page.goto(f"{house.console.address}calls/{ids[0]}")
        expect(page.locator("#shift")).to_contain_text("待审 10")
        before = int(re.findall(r"\d+", page.locator("#shift").inner_text())[0])
        for n, call_id in enumerate(ids):
            go_on_to(page, call_id)
            expect(page.locator("#shift")).to_have_text(f"本班已审 {before + n} · 待审 {10 - n}")
            offered = page.locator("#offers-list button").first
            name = offered.inner_text().removeprefix("Alt 1").rsplit(" ", 1)[0]
            for keys in ("2", "Alt+1", "Control+Enter"):
                if keys == "Control+Enter":
                    expect(page.get_by_role("radio", name="求助")).to_be_checked()
                    expect(offered).to_have_attribute("aria-pressed", "true")
                    assert page.evaluate(PATH) == name.strip().split(" › ")
                    page.locator(LOOKED_AT).wait_for()
                page.keyboard.press(keys)
        page.get_by_text("没有等待审核的电话了。").wait_for()
        for call_id in ids:
            (ticket,) = house.tickets(call_id)
            assert (ticket["status"], ticket["appeal"]["type"]) == ("已审核", "求助")
            assert ticket["appeal"]["category_3"]


def test_what_was_accepted_too_soon_is_taken_back_from_the_next_call_until_it_has_left(browser, house):
    house.clear()
    first, second = (house.file("颍上县慎城镇我家房子漏雨三天了", appeal="求助") for _ in range(2))
    with window(browser, house) as page:
        open_call(page, house, first)
        complete(page)
        page.get_by_label("标题").fill("改了一半")
        page.keyboard.press("Escape")
        page.keyboard.press("Control+Enter")
        go_on_to(page, second)
        expect(page.locator("#take-back")).to_contain_text("撤回工单")
        keep(page, "take-back")
        page.keyboard.press("u")
        go_on_to(page, first)
        expect(page.get_by_label("标题")).to_have_value("改了一半")
        expect(page.locator("#state")).to_contain_text("待审核")
        expect(page.locator("#take-back")).to_be_hidden()
        assert house.tickets(first)[0]["status"] == "待审核"
        page.get_by_role("button", name="上一通").click()
        go_on_to(page, second)
        page.get_by_role("button", name="下一通").click()  # his own before others
        go_on_to(page, first)
        page.locator(LOOKED_AT).wait_for()
        page.get_by_role("button", name="接受").click()
        go_on_to(page, second)
        house.write(sa.update(schema.outbox).values(attempts=1))  # as the courier does that claims it
        page.locator("#take-back").click()
        told = page.get_by_role("alert").filter(has_text="工单已经送出,撤不回了")
        told.wait_for()
        told.get_by_role("button", name="打开改正").click()
        go_on_to(page, first)
        assert house.tickets(first)[0]["status"] == "已审核"


def test_what_was_just_typed_in_the_next_ticket_is_kept_when_the_one_before_is_taken_back(browser, house):
    house.clear()
    call_id = house.file("颍上县慎城镇我家房子漏雨", "颍上县慎城镇路灯不亮", appeal="求助")
    first, second = [ticket["number"] for ticket in house.tickets(call_id)]
    with window(browser, house) as page:
        open_call(page, house, call_id)
        complete(page)
        page.get_by_role("button", name="接受").click()
        page.locator("#ticket-title", has_text=second).wait_for()
        page.get_by_label("标题").fill("路灯三天不亮")
        page.locator("#take-back").click()
        page.locator("#ticket-title", has_text=first).wait_for()
        ((kept,),) = house.read(
            sa.select(schema.worksheets.c.document).where(schema.worksheets.c.call_id == call_id)
        )
        edits = json.loads(kept)["tickets"]
        assert set(edits) == {first, second}
        assert edits[second]["title"] == "路灯三天不亮"


def test_both_tickets_of_a_call_are_accepted_by_mouse(browser, house):
    house.clear()
    call_id = house.file("颍上县慎城镇我家房子漏雨", "颍上县慎城镇路灯不亮", appeal="求助")
    with window(browser, house) as page:
        open_call(page, house, call_id)
        for number in [ticket["number"] for ticket in house.tickets(call_id)]:
            page.locator("#ticket-title", has_text=number).wait_for()
            page.locator(LOOKED_AT).wait_for()
            complete(page)
            page.get_by_role("button", name="接受").click()
        page.get_by_text("没有等待审核的电话了。").wait_for()
        notice, accept = page.locator("#notice").bounding_box(), page.locator("#accept").bounding_box()
        assert notice
        assert accept
        assert notice["x"] + notice["width"] < accept["x"]
        assert [ticket["status"] for ticket in house.tickets(call_id)] == ["已审核", "已审核"]
        page.get_by_label("标题").fill("再看一次")
        page.get_by_role("button", name="接受").click()
        page.locator("#notice", has_text="没有等待").wait_for()


def test_what_is_missing_is_named_marked_and_not_accepted(browser, house):
    house.clear()
    call_id = house.file("我家房子漏雨三天了没有人来管")
    (ticket,) = house.tickets(call_id)
    ticket["appeal"]["type"] = None  # as one has whose words are still to be transcribed
    house.write(
        sa.update(schema.tickets)
        .where(schema.tickets.c.number == ticket["number"])
        .values(document=json.dumps(ticket, ensure_ascii=False))
    )
    with window(browser, house) as page:
        open_call(page, house, call_id)
        expect(page.get_by_role("radio", checked=True)).to_have_count(0)
        page.get_by_label("一级分类").fill("")
        page.get_by_role("button", name="接受").click()
        expect(page.get_by_role("alert").first).to_contain_text("请先填写:诉求类型、一级分类、地点")
        expect(page.get_by_role("radiogroup", name="诉求类型")).to_have_class(re.compile("lacking"))
        assert page.locator("label.lacking").count() == 2
        assert page.evaluate("() => document.activeElement.value") == "咨询"
        page.keyboard.press("Space")  # 咨询, which needs no place
        page.get_by_label("一级分类").fill("城乡建设")
        expect(page.locator("#fields .lacking")).to_have_count(0)
        page.get_by_role("button", name="接受").click()
        page.get_by_text("没有等待审核的电话了。").wait_for()
        assert house.tickets(call_id)[0]["status"] == "已审核"


KINDS = ["咨询", "求助", "投诉", "举报", "建议", "表扬"]


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
def test_the_kind_of_a_matter_is_six_numbered_buttons_for_mouse_and_keys(browser, house, width, height):
    house.clear()
    call_id = house.file("颍上县慎城镇我家房子漏雨", appeal="求助")
    with window(browser, house, inspected=True, width=width, height=height) as page:
        open_call(page, house, call_id)
        kinds = page.get_by_role("radiogroup", name="诉求类型").get_by_role("radio")
        chosen = page.get_by_role("radio", checked=True)
        expect(kinds).to_have_count(6)
        assert kinds.evaluate_all("(all) => all.map((one) => one.value)") == KINDS
        for n, kind in enumerate(KINDS, start=1):
            page.keyboard.press(str(n))
            expect(chosen).to_have_accessible_name(f"{n} {kind}")
        words = page.evaluate("() => document.activeElement.className")
        page.locator(".types label", has_text="投诉").click()
        expect(chosen).to_have_accessible_name("3 投诉")
        assert page.evaluate("() => document.activeElement.className") == words  # so arrows go through words
        page.keyboard.press("f")
        expect(page.get_by_role("radio", name="投诉")).to_be_focused()
        page.keyboard.press("ArrowRight")
        expect(chosen).to_have_accessible_name("4 举报")
        page.keyboard.press("5")
        expect(chosen).to_have_accessible_name("5 建议")
        assert find_barriers(page) == []
        boxes = kinds.evaluate_all(
            "(all) => all.map((one) => one.parentElement.getBoundingClientRect().right)"
        )
        assert max(boxes) <= width
        keep(page, f"kinds-{width}")


def test_another_county_leaves_the_township_behind(browser, house):
    house.clear()
    call_id = house.file("颍上县慎城镇我家房子漏雨")
    with window(browser, house) as page:
        open_call(page, house, call_id)
        assert page.get_by_label("乡镇街道").input_value() == "慎城镇"
        page.get_by_label("区县").select_option("颍州区")
        assert page.get_by_label("乡镇街道").input_value() == ""
        page.get_by_role("button", name="撤销").click()
        page.get_by_role("button", name="撤销").click()
        assert page.get_by_label("乡镇街道").input_value() == "慎城镇"
        page.get_by_label("乡镇街道").fill("火星镇")
        page.get_by_role("button", name="接受").click()
        expect(page.get_by_role("alert").first).to_contain_text("“火星镇”不在地名表中")


def test_a_long_speech_the_speed_the_systems_words_and_an_open_box(browser, house):
    house.clear()
    words = tuple(
        Word("漏雨没人管", 1.0 + n * 1.5, 2.0 + n * 1.5 - (0.4 if n % 5 == 4 else -0.3), 0.9)
        for n in range(40)
    )
    call_id = house.file("漏雨没人管" * 40, words=words, appeal="求助", danger=True)
    with window(browser, house) as page:
        page.on("dialog", lambda dialog: dialog.accept())
        open_call(page, house, call_id)
        assert page.locator(".line.caller").count() == 1
        assert page.locator(".breath").count() == 7  # sixty seconds, with time stamps in it
        assert page.locator("#notes li.bad").first.inner_text() != DEMO
        assert page.locator("#notes li").last.inner_text() == DEMO
        page.locator(".cue", has_text="请说您的诉求").click()
        sound = until(lambda: (s := read_sound(page))["playing"] and s, "the system's words are heard")
        assert sound["time"] < 1.0
        page.keyboard.press("Space")
        wave = page.locator("#wave").bounding_box()
        assert wave
        page.mouse.click(wave["x"] + wave["width"] * 0.75, wave["y"] + 20)
        until(
            lambda: (
                float(page.evaluate("() => document.querySelector('.word[tabindex=\"0\"]').dataset.start"))
                > 40
            ),
            "the line of that moment is chosen",
        )
        page.get_by_role("button", name="快一点").click()
        page.get_by_role("button", name="快一点").click()
        page.keyboard.press("Escape")
        page.locator(".line.caller .word").first.click()
        page.keyboard.press("Space")
        page.keyboard.press("e")
        page.locator(".line textarea").fill("我家的 WiFi 不通 了")
        page.locator("#saved", has_text="草稿已保存").wait_for()
        page.reload()
        page.locator(".line.corrected").wait_for()
        assert "".join(page.locator(".line.corrected .word").all_text_contents()) == "我家的 WiFi 不通了"
        assert page.locator("#rate").inner_text() == "1.5×"


COUNT_TONES = """() => { window.tones = 0; const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...when) { window.tones += 1; return start.apply(this, when); }; }"""


@pytest.mark.parametrize("path", ["", "calls/{}"])
def test_an_emergency_is_shown_heard_and_served_next(browser, house, path):
    house.clear()
    ordinary = [house.file("颍上县慎城镇我家房子漏雨", appeal="求助") for _ in range(3)]
    with window(browser, house) as page:
        page.context.add_init_script(f"({COUNT_TONES})()")
        looked_ahead = page.expect_response("**/next?*besides=*") if path else nullcontext()
        with looked_ahead:  # an ordinary call is the next one, until something happens
            page.goto(house.console.address + path.format(ordinary[0]))
            page.locator("#urgent").wait_for(state="hidden")
        before = page.evaluate("() => window.tones")
        urgent = house.file("颍州区清河街道有人打架", danger=True)
        page.locator("#urgent").wait_for()
        until(lambda: page.title().startswith("(特急 1) "), "the title tells of it")
        expect(page.locator("#badge")).to_have_text("1")
        until(lambda: page.evaluate("() => window.tones") == before + 3, "the three tones")
        if not path:
            page.locator(f"tr[data-call='{urgent}']").wait_for()  # the list shows it by itself
        page.keyboard.press("n")
        page.wait_for_url(f"**/calls/{urgent}")
        page.get_by_text("您正在处理这通电话。").wait_for()
        expect(page.locator("#urgent")).to_be_hidden()
        until(lambda: not page.title().startswith("("), "the title is calm again")


def test_a_page_whose_stream_was_refused_asks_for_it_again_and_has_missed_nothing(
    browser, house, monkeypatch
):
    house.clear()
    urgent = house.file("颍州区清河街道有人打架", danger=True)
    refused = threading.Event()

    def refuse(*_args: Any) -> None:
        refused.set()
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "数据库暂时连不上", "请稍后重试。")

    monkeypatch.setattr(watch, "session_of", refuse)
    with window(browser, house) as page:
        page.goto(house.console.address)
        page.locator(f"tr[data-call='{urgent}']").wait_for()
        assert refused.wait(20)
        between = house.file("颍上县慎城镇我家房子漏雨", appeal="求助")  # behind the page, before its stream
        monkeypatch.undo()
        page.locator("#urgent").wait_for()
        page.locator(f"tr[data-call='{between}']").wait_for()


def holders(house: House) -> dict[str, str]:
    return {row.call_id: row.user_name for row in house.read(sa.select(users.claims))}


def test_looking_takes_nothing_work_does_and_a_closed_window_gives_it_back(browser, house):
    house.clear()
    call_id = house.file("颍上县慎城镇我家房子漏雨", danger=True)
    with window(browser, house) as page:
        open_call(page, house, call_id)
        page.get_by_text("只看不领取").wait_for()
        assert holders(house) == {}
        page.get_by_label("标题").fill("房子漏雨三天")
        page.get_by_text("您正在处理这通电话。").wait_for()
        assert holders(house) == {call_id: "王芳"}
        page.locator("#saved", has_text="草稿已保存").wait_for()
        page.reload()
        page.get_by_text("您正在处理这通电话。").wait_for()
        with window(browser, house, "李强") as other:
            other.goto(f"{house.console.address}calls/{call_id}")
            other.locator("#banner", has_text="王芳 正在处理").wait_for()
            assert other.get_by_label("标题").is_disabled()
            assert other.locator("#take").is_hidden()
            assert other.locator("#assign").count() == 0
        page.get_by_role("button", name="释放").click()
        page.get_by_text("只看不领取").wait_for()
        assert holders(house) == {}
        page.keyboard.press("Escape")
        page.locator("#words .word").first.click()
        page.keyboard.press("c")
        page.get_by_text("您正在处理这通电话。").wait_for()
        page.goto(house.console.address)
        until(lambda: holders(house) == {}, "who has left has nothing")


def test_a_lead_takes_a_call_over_and_nothing_typed_is_lost(browser, house):
    house.clear()
    call_id = house.file("颍上县慎城镇我家房子漏雨", appeal="求助")
    with window(browser, house) as page, window(browser, house, "管理") as lead:
        open_call(page, house, call_id)
        page.get_by_label("标题").fill("第一位写的")
        page.locator("#saved", has_text="草稿已保存").wait_for()
        lead.goto(f"{house.console.address}calls/{call_id}")
        lead.locator("#assign select").select_option("管理")
        lead.get_by_role("button", name="转派").click()
        lead.get_by_text("您正在处理这通电话。").wait_for()
        assert lead.get_by_label("标题").input_value() == "第一位写的"
        page.get_by_label("标题").fill("晚了一步")
        page.locator("#band", has_text="管理 正在处理").wait_for()
        expect(page.get_by_label("标题")).to_be_disabled()
        assert house.tickets(call_id)[0]["status"] == "待审核"


def test_a_call_back_stays_until_somebody_was_reached(browser, house):
    house.clear()
    identity = "34120219900101103X"
    call_id = house.file(
        "颍上县慎城镇我家房子漏雨", appeal="求助", call_back="来电人要求人工,须回电", identity=identity
    )
    with window(browser, house) as page:
        open_call(page, house, call_id)
        expect(page.locator("#identity")).to_have_text(f"身份证号 {identity} 来电人说明并确认过")
        box = page.get_by_role("region", name="待回电")
        assert "来电人要求人工" in box.inner_text()
        assert page.content().count("13855812345") == 0 or page.get_by_label("联系电话").input_value()
        box.get_by_role("button", name="显示号码").click()
        box.get_by_text("13855812345").wait_for()
        complete(page)
        page.get_by_role("button", name="接受").click()
        page.get_by_text("没有等待审核的电话了").wait_for()
        page.goto(house.console.address)
        page.get_by_role("link", name="待回电 1").click()
        page.locator(f"tr[data-call='{call_id}'] .title a").click()
        box = page.get_by_role("region", name="待回电")
        for result, told in (("无人接听", "仍待回电"), ("已接通", "不再待回电")):
            box.get_by_label("回电结果").select_option(result)
            box.get_by_role("button", name="记下").click()
            page.locator("#notice", has_text=told).wait_for()
        page.get_by_role("region", name="已回电").get_by_text("第 2 次").wait_for()
        page.goto(house.console.address)
        page.get_by_role("link", name="待回电 0").wait_for()
        trail = house.read(sa.select(schema.audit.c.action).where(schema.audit.c.subject == call_id))
        assert {"查看来电", "查看号码", "回电", "编辑", "领取"} <= {row.action for row in trail}


def test_an_agent_calls_back_from_the_page_and_sees_how_it_goes(browser, house):
    house.clear()
    call_id = house.file("颍上县慎城镇我家房子漏雨", appeal="求助", call_back="来电人要求人工,须回电")

    def go_on(**changes: Any) -> None:
        house.write(sa.update(agent_calls).where(agent_calls.c.about == call_id).values(changes))

    with window(browser, house) as page:
        page.goto(f"{house.console.address}?tab=待回电")
        page.locator(f"tr[data-call='{call_id}']").get_by_role("link", name="回拨").click()
        box, told = page.get_by_role("region", name="待回电"), page.locator("#dial-told")
        box.get_by_role("button", name="回拨").click()
        page.locator("#notice", has_text="请先在“本人账号”填写您的话机号码").wait_for()
        page.goto(f"{house.console.address}account")
        page.get_by_label("话机号码").fill("119")
        page.get_by_role("button", name="保存").click()
        page.get_by_text("不在允许的范围内").wait_for()
        page.get_by_label("话机号码").fill("6001")
        page.get_by_role("button", name="保存").click()
        page.get_by_text("话机号码已保存").wait_for()

        open_call(page, house, call_id)
        box.get_by_role("button", name="回拨").click()
        expect(told).to_have_text("等待呼出…")
        expect(box.get_by_role("button", name="回拨")).to_be_disabled()
        with window(browser, house, "李强") as other:
            house.write(sa.update(users.users).values(extension="6001"))
            open_call(other, house, call_id)
            other.get_by_role("button", name="回拨").click()
            other.locator("#notice", has_text="这位市民正在被呼叫").wait_for()
        for stage in ("正在呼叫坐席", "正在呼叫市民", "通话中"):
            go_on(stage=stage, node=1, lease_until=datetime.now(UTC) + 1.9 * LEASE)  # further ahead is void
            expect(told).to_have_text(f"{stage}…")
        keep(page, "calling-back")
        page.reload()
        expect(told).to_have_text("通话中…")
        assert "13855812345" not in box.inner_text()
        go_on(stage="已结束", outcome="已接通", talked_s=47.2, number="", ended_at=datetime.now(UTC))
        expect(told).to_have_text("已结束:已接通,通话 47 秒")
        box.get_by_text("回拨已接通:通话 47 秒").wait_for()
        expect(box.get_by_label("回电结果")).to_have_value("已接通")
        box.get_by_role("button", name="记下").click()
        page.locator("#notice", has_text="不再待回电").wait_for()
    house.write(sa.update(users.users).values(extension=""))
    trail = house.read(sa.select(schema.audit.c.user_name, schema.audit.c.action))
    assert {("王芳", "回拨"), ("王芳", "设置话机")} <= {tuple(row) for row in trail}
    assert ("李强", "回拨") not in {tuple(row) for row in trail}


def test_the_next_call_keeps_to_the_list_as_it_was_narrowed(browser, house):
    house.clear()
    first = house.file("颍上县慎城镇我家房子漏雨", appeal="求助")
    wanted = [house.file("颍州区清河街道停水两天了", appeal="求助") for _ in range(2)]
    with window(browser, house) as page:
        page.goto(house.console.address)
        page.get_by_role("link", name="全部待审 3").wait_for()
        page.get_by_label("区县").select_option("颍州区")
        page.get_by_role("link", name="全部待审 2").wait_for()
        page.get_by_role("button", name="处理下一件").click()
        page.wait_for_url(f"**/calls/{wanted[0]}")
        page.locator("#fieldset:not([disabled])").wait_for()
        page.get_by_role("button", name="下一通").click()
        page.wait_for_url(f"**/calls/{wanted[1]}")
        page.locator("#fieldset:not([disabled])").wait_for()
        page.get_by_role("button", name="上一通").click()
        page.wait_for_url(f"**/calls/{wanted[0]}")
        assert first not in holders(house)
        missing = page.goto(f"{house.console.address}calls/20260101T000000-00000000")
        assert missing
        assert missing.status == 404
        page.get_by_text("没有这通电话").wait_for()


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return page.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
def test_the_pages_fit_a_desk_and_a_telephone_and_nothing_is_in_the_way(browser, house, width, height):
    house.clear()
    calls = [
        house.file("颍州区清河街道有人打架快来人", danger=True),
        house.file("颍上县慎城镇拖欠工资", appeal="投诉", call_back="来电人要求人工,须回电"),
        house.file("颍上县慎城镇我家房子漏雨", "颍上县慎城镇路灯不亮", appeal="举报"),
    ]
    with window(browser, house, "管理", width=width, height=height, inspected=True) as page:
        for path in (
            "",
            "?tab=待回电",
            *(f"calls/{call}" for call in calls),
            "live",
            "surges",
            "users",
            "logins",
            "account",
            "audit",
        ):
            page.goto(house.console.address + path)
            page.locator("#urgent").wait_for(state="hidden" if path.endswith(calls[0]) else "visible")
            if path.startswith("calls"):
                page.locator(".word").first.wait_for()
            keep(page, f"triage-{width}-{path.replace('/', '-').strip('?') or 'list'}")
            assert fits(page), path
            acts = [act.bounding_box() for act in page.locator("#list td.act").get_by_text("领取").all()]
            assert all(act and act["x"] + act["width"] < width for act in acts), path
            assert find_barriers(page) == [], path
        nav = page.locator(".bar nav a")
        boxes = [nav.nth(n).bounding_box() for n in range(nav.count())]
        assert all(box and box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
        assert all(box and box["height"] < 60 for box in boxes)  # each word in one line


def test_a_call_is_printed_whole(browser, house):
    house.clear()
    words = tuple(Word("漏雨没人管", 1.0 + n, 1.9 + n, 0.9) for n in range(300))
    call_id = house.file("漏雨没人管" * 300, words=words, appeal="求助")
    with window(browser, house) as page:
        open_call(page, house, call_id)
        page.emulate_media(media="print")
        cut = "() => [...document.querySelectorAll('.words, #words')].some((e) => e.scrollHeight > e.clientHeight + 2)"
        assert not page.evaluate(cut)
        assert page.locator("#accept").is_hidden()
        keep(page, "print")


def test_an_open_page_does_not_keep_a_login_alive_but_whoever_uses_it_does(browser, house):
    house.clear()
    house.console.add_user("赵敏", Role.AGENT)
    house.cookies["赵敏"] = house.console.log_in("赵敏")
    call_id = house.file("颍上县慎城镇我家房子漏雨", appeal="求助")
    seen = sa.select(users.sessions.c.seen_at).where(users.sessions.c.user_name == "赵敏")
    with window(browser, house, "赵敏") as page:
        open_call(page, house, call_id)
        page.locator("#take").click()
        page.get_by_text("您正在处理这通电话。").wait_for()
        before = house.read(seen)[0].seen_at - timedelta(minutes=28, seconds=30)
        house.write(
            sa.update(users.sessions).where(users.sessions.c.user_name == "赵敏").values(seen_at=before)
        )
        # Told by the stream, which is no use; it looks every ten seconds, and later when something happens meanwhile.
        page.get_by_text("分钟后退出登录").wait_for(timeout=60_000)
        assert house.read(seen)[0].seen_at == before
        page.get_by_role("button", name="继续使用").click()
        page.locator("#expiring").wait_for(state="hidden")
        assert house.read(seen)[0].seen_at > before


def test_who_is_to_be_put_out_is_asked_about_first_and_a_first_password_is_changed(browser, house):
    with window(browser, house, "管理") as page:
        page.goto(f"{house.console.address}users")
        page.get_by_label("用户名").fill("新人")
        page.get_by_label("初始密码").fill("abcdefghijkl")
        page.get_by_role("button", name="添加用户").click()
        page.get_by_role("alert").filter(has_text="密码太常见").wait_for()
        page.get_by_label("用户名").fill("新人")
        page.get_by_label("初始密码").fill("a first one, told")
        page.get_by_role("button", name="添加用户").click()
        page.get_by_text("已添加坐席 新人。").wait_for()
        row = page.locator("tr", has_text="新人")
        row.get_by_role("button", name="停用").click()
        page.get_by_role("dialog").get_by_role("button", name="取消").click()
        assert house.read(sa.select(users.users.c.active).where(users.users.c.name == "新人"))[0].active
        row.get_by_role("button", name="停用").click()
        page.get_by_role("dialog").get_by_role("button", name="确定").click()
        page.get_by_text("新人 已停用。").wait_for()
        page.locator("tr", has_text="新人").get_by_role("button", name="启用").click()
        page.get_by_text("新人 已启用。").wait_for()
    with opening_page(browser) as page:
        log_in(page, house.console.address, "新人", "a first one, told", to="account")
        page.get_by_text("请先把初始密码改成").wait_for()
        page.goto(house.console.address)
        page.get_by_label("原密码").fill("a first one, told")
        page.get_by_label("新密码(").fill("known to me alone")
        page.get_by_label("再输一次").fill("known to me alone")
        page.get_by_role("button", name="修改", exact=True).click()
        page.get_by_text("密码已修改。").wait_for()
        page.goto(house.console.address)
        page.get_by_role("heading", name="工作列表").wait_for()


def test_a_second_factor_is_enrolled_asked_for_and_asked_for_over_an_open_review(browser, house):
    house.clear()
    password = "known to me alone"
    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)
    house.console.add_user("周敏", Role.AGENT)
    house.write(sa.update(users.users).where(users.users.c.name == "周敏").values(password=hashed))
    call_id = house.file("颍上县慎城镇我家房子漏雨", appeal="求助")
    with opening_page(browser, inspected=True) as page:
        log_in(page, house.console.address, "周敏", password)
        page.goto(f"{house.console.address}account")
        page.get_by_role("link", name="动态码").click()
        page.wait_for_url("**/account/factor")
        page.get_by_label("密码").fill(password)
        page.get_by_role("button", name="开通").click()
        page.get_by_role("img", name="二维码").wait_for()
        keep(page, "factor-scan")
        assert find_barriers(page) == []
        secret = page.locator("code").inner_text().replace(" ", "")
        page.get_by_label("六位数字").fill(pyotp.TOTP(secret).now())
        page.keyboard.press("Enter")
        page.get_by_text("只显示这一次").wait_for()
        keep(page, "factor-codes")
        assert find_barriers(page) == []
        recovery = page.locator(".codes li").all_inner_texts()
        assert len(recovery) == 10
        page.get_by_role("link", name="已经记下").click()
        page.get_by_role("button", name="退出").click()
        page.wait_for_url("**/login*")
        log_in(page, house.console.address, "周敏", password, to="login/code?next=%2F")
        keep(page, "factor-login")
        assert find_barriers(page) == []
        page.get_by_label("手机应用上的六位数字").fill(recovery[0])
        page.keyboard.press("Enter")
        page.wait_for_url(house.console.address)
        open_call(page, house, call_id)
        house.write(sa.delete(users.sessions).where(users.sessions.c.user_name == "周敏"))
        page.get_by_label("标题").fill("漏雨三天")
        dialog = page.get_by_role("dialog", name="登录已过期")
        dialog.get_by_label("密码").fill(password)
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("alert")).to_contain_text("请再输入动态码")
        keep(page, "factor-dialog")
        dialog.get_by_label("动态码").fill(recovery[1])
        page.keyboard.press("Enter")
        expect(dialog).to_be_hidden()
        expect(page.locator("#saved")).to_contain_text("草稿已保存")
