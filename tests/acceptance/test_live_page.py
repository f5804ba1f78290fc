"""The live board, a long call, and what assistive technology finds, in a real browser over real calls."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browser import find_barriers, keep, log_in, opening_browser, opening_page, read_sound, until
from callfolder import CallFolder, stated
from playwright.sync_api import expect

from asr.transcript import Utterance, Word
from recordings import folders, journal, peaks
from recordings.database import open_database
from recordings.entries import Answered, Heard
from tickets.filing import file_call
from tickets.number import NumberBook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import HouseUp
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
ASSETS = ROOT / "console" / "assets"
pytestmark = pytest.mark.few  # all of it: a house for the rest alone would cost more than they do

PASSWORD = "huihua-shenhe-2026"
LONG = "20260701T083015-00000040"
SHORT = "20260701T083016-00000001"
WATCH = """() => { window.told = []; const board = document.getElementById("board");
    new MutationObserver(() => window.told.push([Date.now(), board.innerText])).observe(
        board, { childList: true, subtree: true, characterData: true }); }"""


@pytest.fixture(scope="module")
def house(make_house_once: Callable[..., HouseUp]) -> HouseUp:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    up: HouseUp = make_house_once(console={"port": port})
    up.start()
    assert up.type("console", "add-user", "张敏", typed=f"{PASSWORD}\n").returncode == 0
    file_talk(up, SHORT, 60)
    file_talk(up, LONG, 2400)
    return up


@pytest.fixture(scope="module")
def browser(house: HouseUp) -> Iterator[Browser]:  # noqa: ARG001 - its loop is not to run while calls are filed
    with opening_browser() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, house: HouseUp) -> Iterator[Page]:
    with opening_page(browser) as opened:
        log_in(opened, address(house), "张敏", PASSWORD)
        yield opened


def address(house: HouseUp) -> str:
    found = re.search(r"console:\s+port: (\d+)", house.config.read_text())
    assert found
    return f"http://127.0.0.1:{found[1]}/"


def file_talk(house: HouseUp, call_id: str, seconds: int) -> None:
    """A call of that length on file, the caller speaking for two seconds of every six; its waveform not yet made."""
    phrases = []
    for start in range(2, seconds - 4, 6):
        words = tuple(Word("漏雨", start + n * 0.25, start + n * 0.25 + 0.2, 0.9) for n in range(8))
        phrases.append(Utterance("漏雨" * 8, words, start, start + 2.0, 0.9, -20.0))
    call = CallFolder(house.data, call_id).begin().hear(*phrases)
    call.state(stated(0, *phrases, until=float(seconds), complete=True))
    loud = (np.arange(seconds * 8000) // 8000 % 6 // 2 == 1) * 9000
    tone = (loud * np.sin(np.arange(seconds * 8000) * 0.3)).astype("<i2")
    call.record(tone.tobytes()).hang_up(seconds=float(seconds))

    async def file() -> None:
        db = open_database(f"sqlite:///{house.data / 'hotline.db'}")
        await file_call(db, NumberBook(house.data / "numbers", 7), call.folder)
        await db.close()

    asyncio.run(file())
    folders.archive(call.folder, house.data)


def test_a_call_of_40_minutes_opens_as_fast_as_a_short_one(page, house):
    took: dict[str, list[float]] = {SHORT: [], LONG: []}
    for call_id in (SHORT, LONG, SHORT, LONG):  # the second time the waveform is kept
        began = time.monotonic()
        page.goto(f"{address(house)}calls/{call_id}")
        page.locator(".word").first.wait_for()
        page.locator("#fieldset:not([disabled])").wait_for()
        took[call_id].append(time.monotonic() - began)
    print({call_id: [round(t, 3) for t in times] for call_id, times in took.items()})
    assert page.locator(".word").count() == 8 * 400 - 8 * 1
    assert max(took[LONG]) < min(took[SHORT]) + 1.0
    folder = folders.locate(house.data, LONG)
    assert folder
    until((folder / peaks.FILE).exists, "the waveform is kept")
    word = page.locator('.word[data-start="2204"]')
    word.scroll_into_view_if_needed()
    began = time.monotonic()
    word.click()
    sound = until(lambda: (s := read_sound(page))["playing"] and s, "playing")
    print(f"heard after {time.monotonic() - began:.3f} s")
    assert -0.01 <= sound["time"] - 2204 < 0.15


def test_a_live_calls_words_appear_within_a_second_and_a_half(page, house):
    page.goto(f"{address(house)}live")
    expect(page.locator("#gateways")).to_contain_text("gateway 正常")
    page.evaluate(WATCH)
    peer = house.call(GOLDEN / "happy.yaml", "--json")
    expect(page.locator(".live")).to_contain_text("138****2345", timeout=20_000)
    said = page.locator(".live li.caller")
    expect(said.first).to_contain_text("噪音扰民", timeout=60_000)
    told = page.evaluate("window.told")
    peer.communicate(timeout=120)
    expect(page.locator(".live")).to_have_count(0)
    folder = until(
        lambda: next(house.data.glob("calls/*/*/*/*/events.jsonl"), None), "the call's folder"
    ).parent
    (folder,) = [
        f.parent for f in house.data.glob("calls/*/*/*/*/events.jsonl") if f.parent.name not in {LONG, SHORT}
    ]
    written = journal.read(folder).entries
    answered = next(w.wall for w in written if isinstance(w.entry, Answered))
    phrase = next(w.entry for w in written if isinstance(w.entry, Heard) and "噪音" in w.entry.text)
    late = {}
    for word in phrase.words:
        spoken = (answered + timedelta(seconds=word.end)).timestamp()
        shown = next(at / 1000 for at, text in told if word.text in text.rpartition("按零")[2])
        late[word.text] = round(shown - spoken, 3)
    print(late)
    assert max(late.values()) <= 1.5


@pytest.mark.soak
def test_an_emergency_comes_first_and_a_gateway_that_is_down_is_said_so(page, house):
    page.goto(f"{address(house)}live")
    plain = house.call(GOLDEN / "happy.yaml", "--json")
    expect(page.locator(".live")).to_have_count(1, timeout=20_000)
    danger = house.call(GOLDEN / "danger.yaml", "--json")
    expect(page.locator(".live").first).to_contain_text("特急", timeout=60_000)
    assert page.locator(".live").count() == 2
    keep(page, "live")
    house.kill("gateway")
    expect(page.locator("#gateways")).to_contain_text("连不上", timeout=10_000)
    expect(page.locator("#gateways")).to_contain_text("gateway 正常", timeout=60_000)
    expect(page.locator(".live")).to_have_count(0)
    for peer in (plain, danger):
        peer.kill()


@pytest.mark.parametrize("path", ["calls/" + SHORT, f"calls/{SHORT}/story", "live"])
def test_nothing_serious_is_in_the_way_of_assistive_technology(browser, house, path):
    with opening_page(browser, inspected=True) as page:
        log_in(page, address(house), "张敏", PASSWORD)
        page.goto(address(house) + path)
        if path == "live":
            expect(page.locator("#gateways")).to_contain_text("gateway")
        elif path.endswith(SHORT):
            expect(page.get_by_label("标题")).not_to_have_value("")
        assert find_barriers(page) == []
