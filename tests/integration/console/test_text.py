"""What callers say and people write is text on every page: a corpus of injections, in a real browser.

The page's policy, which would stop most of them a second time, is switched off here: the escaping alone is tested.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from browser import opening_browser, opening_page, until
from callfolder import CallFolder, heard, silence, stated
from consoleserver import running_console

from console.claims import claim
from console.policy import Role
from recordings import entries
from recordings.database import migrate, open_database
from recordings.schema import audit, calls, outbox, tickets, transcripts, worklist, worksheets
from recordings.search import search_terms, search_texts
from recordings.users import user_roles, users
from tickets.decisions import decide
from tickets.filing import file_call
from tickets.number import NumberBook
from tickets.review import Sheet
from tickets.text.display import read_phrase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consoleserver import Console
    from playwright.sync_api import Browser, Page

    from recordings.database import Database

# Each tells of itself when it runs (``__xss`` or a dialog), and what it makes is of class ``xss``.
PAYLOADS = (
    "<script class=xss>__xss(1)</script>",
    "</script><script class=xss>__xss(2)</script>",
    "<script/class=xss/src=data:,__xss(3)></script>",
    "<img class=xss src=x onerror=__xss(4)>",
    '"><img class=xss src=x onerror=__xss(5)>',
    "'><img class=xss src=x onerror=__xss(6)>",
    "<img/class=xss/src/onerror=alert`7`>",
    "<svg class=xss onload=__xss(8)><script>__xss(8)</script></svg>",
    '" autofocus onfocus=__xss(9) class=xss x="',
    "' autofocus onfocus=__xss(10) class=xss x='",
    "` onmouseover=__xss(11) class=xss x=`",
    "</title><img class=xss src=x onerror=__xss(12)>",
    "</textarea><img class=xss src=x onerror=__xss(13)>",
    "</option></select><img class=xss src=x onerror=__xss(14)>",
    "--><img class=xss src=x onerror=__xss(15)><!--",
    "]]><img class=xss src=x onerror=__xss(16)>",
    "<iframe class=xss srcdoc='<script>parent.__xss(17)</script>'></iframe>",
    '<iframe class=xss src="javascript:parent.__xss(18)"></iframe>',
    "<object class=xss data=javascript:__xss(19)></object>",
    "<embed class=xss src=javascript:__xss(20)>",
    "<a class=xss href=javascript:__xss(21)>查看录音</a>",
    "<form class=xss action=javascript:__xss(22)><button>登录</button></form>",
    "<input class=xss autofocus onfocus=__xss(23)>",
    "<details class=xss open ontoggle=__xss(24)>x</details>",
    "<video class=xss><source onerror=__xss(25)></video>",
    "<body class=xss onload=__xss(26)>",
    "<meta class=xss http-equiv=refresh content='0;url=/logout'>",
    "<base class=xss href=//192.0.2.1/>",
    "<link class=xss rel=stylesheet href=x onerror=__xss(29)>",
    "<style class=xss>body{display:none}</style>",
    "<div class=xss hx-post=/logout hx-trigger=load>漏雨</div>",
    "<mark class=xss data-hx-get=/audit data-hx-trigger=load>漏雨</mark>",
    "<div class=xss hx-on::load=__xss(33)>漏雨</div>",
    '<noscript><p title="</noscript><img class=xss src=x onerror=__xss(34)>">',
    "<math><mtext><table><mglyph><style><img class=xss src=x onerror=__xss(35)>",
    "<template><img class=xss src=x onerror=__xss(36)></template>",
    "&lt;img class=xss src=x onerror=__xss(37)&gt;",
    "&#60;img class=xss src=x onerror=__xss(38)&#62;",
    "%3Cimg class=xss src=x onerror=__xss(39)%3E",
    "\\u003cimg class=xss src=x onerror=__xss(40)\\u003e",
    "\uff1cimg class=xss src=x onerror=__xss(41)\uff1e",  # full width, which search brings to the plain one
    "{{ 7*7 }}{% include 'base.html' %}${__xss(42)}#{__xss(42)}",
    "';__xss(43);//\";__xss(43);//\\",
    "javascript:__xss(44)",
    "<b class=xss>重</b>\u202egnol\u2028\u2066x",
)
ALL = " ".join(PAYLOADS)
NAMES = {"12345": ALL, **{f"123{n:02}": text for n, text in enumerate(PAYLOADS)}}
CANARY = "window.__ran = []; window.__xss = (n) => window.__ran.push(n);"
CALL = "20260701T083000-0000000a"
CORRECTIONS = [{"start": 1.2, "end": 1.8, "text": PAYLOADS[1]}]
PLACES = ("category_1", "category_2", "category_3", "township", "village", "address", "title", "content")
NOW = datetime(2026, 7, 1, 9, tzinfo=UTC)


@dataclass
class House:
    console: Console
    numbers: list[str]
    cookie: str


def take(start: int, count: int) -> list[str]:
    return [PAYLOADS[(start + n) % len(PAYLOADS)] for n in range(count)]


async def fill(url: str, data: Path) -> list[str]:
    """A call whose every text is hostile, and a list of calls as hostile; the call's ticket numbers."""
    await migrate(url)
    db = open_database(url)
    try:
        return await _fill(db, data)
    finally:
        await db.close()


async def _fill(db: Database, data: Path) -> list[str]:
    folder, at = CallFolder(data, CALL).begin(), 1.0
    phrases = []
    for text in PAYLOADS:
        folder.note(entries.Played(id=1, name="question", text=text, start=at))
        folder.note(entries.DigitEvent(at=at + 0.1, key=text))
        phrases.append(heard(text, at + 0.2, at + 0.8))
        folder.hear(phrases[-1])
        at += 1.0
    for index in range(3):
        some = phrases[index * 15 : index * 15 + 15]
        folder.state(
            stated(index, *some, until=some[-1].end, complete=True, place=ALL, brief=ALL, call_back=ALL)
        )
    folder.record(silence(at)).hang_up(seconds=at)
    await file_call(db, NumberBook(data / "numbers", 1), folder.folder)
    _poison_journal(folder.folder / "events.jsonl")
    async with db.write() as connection:
        for name in (*PAYLOADS, ALL):
            await connection.execute(
                sa.insert(users).values(name=name, password="none", active=True, created_at=NOW)
            )
            await connection.execute(sa.insert(user_roles).values(user_name=name, role="坐席"))
        query = sa.select(tickets.c.number).where(tickets.c.call_id == CALL).order_by(tickets.c.matter)
        numbers = list(await connection.scalars(query))
        with patch("tickets.decisions.find_fault", return_value=""):  # as before there were rules for it
            await decide(connection, CALL, numbers[0], 1, ALL, "returned", _make_sheet(), NOW)
        for index, number in enumerate(numbers[1:], 1):
            await _poison_ticket(connection, number, index)
        edits = {"corrections": CORRECTIONS, "tickets": {numbers[2]: {"contact": ALL, "title": PAYLOADS[0]}}}
        await connection.execute(
            sa.insert(worksheets).values(
                call_id=CALL, version=1, agent=ALL, document=json.dumps(edits), updated_at=NOW
            )
        )
        await connection.execute(
            sa.update(outbox).values(
                state="dead", last_error=ALL, settled_at=NOW, receipt={"number": ALL, "status": ALL}
            )
        )
        await connection.execute(sa.update(calls).values(caller=ALL, called=ALL, cause=ALL, reason=ALL))
        await _list_more(connection)
    return numbers


def _poison_journal(file: Path) -> None:
    """The first line of what is told of the call: who called where."""
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    for entry in lines:
        if entry["kind"] == "incoming":
            entry |= {"caller": ALL, "called": ALL, "hotline": ALL}
    file.write_text("".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in lines))


def _make_sheet() -> Sheet:
    fields = {
        "type": "求助",
        "urgency": "特急",
        "county": "",
        "contact": "",
        "confidential": True,
        **dict(zip(PLACES, take(0, len(PLACES)), strict=True)),
    }
    return Sheet.model_validate({"fields": fields, "corrections": CORRECTIONS, "reason": ALL[:500]})


async def _poison_ticket(connection: Any, number: str, index: int) -> None:
    """As it would be when what made it had believed everything."""
    document = json.loads(
        await connection.scalar(sa.select(tickets.c.document).where(tickets.c.number == number))
    )
    texts = dict(zip(PLACES, take(8 * index, len(PLACES)), strict=True))
    for part in ("appeal", "place"):
        document[part] |= {name: texts[name] for name in texts if name in document[part]}
    document["appeal"]["reading"] = ""  # a person has written the content
    document["appeal"]["type"] = document["place"]["county"] = document["place"]["said"] = ALL
    document["caller"] |= {"contact": ALL, "call_back": ALL, "name": ALL}
    document["notes"] = PAYLOADS
    document["review"] = {"agent": ALL, "at": NOW.isoformat(), "reason": ALL, "later_words": True}
    changed = json.dumps(document, ensure_ascii=False)
    await connection.execute(sa.update(tickets).where(tickets.c.number == number).values(document=changed))


async def _list_more(connection: Any) -> None:
    """One row of the list for each text; every third is claimed by who has such a name; and what is audited."""
    row = dict((await connection.execute(sa.select(worklist))).mappings().one())
    call = dict((await connection.execute(sa.select(calls))).mappings().one())
    now = datetime.now(UTC)
    words = dict((await connection.execute(sa.select(transcripts))).mappings().one())
    for n, text in enumerate(PAYLOADS):
        call_id = f"20260701T09{n:02}00-{n:08x}"
        await connection.execute(calls.insert().values(call | {"call_id": call_id}))
        await connection.execute(transcripts.insert().values(words | {"call_id": call_id}))
        texts = dict.fromkeys(("title", "appeal", "county", "township", "urgency", "hotline"), text)
        await connection.execute(
            worklist.insert().values(row | {"call_id": call_id, "state": "待审核", "rank": 3, **texts})
        )
        await connection.execute(search_texts.insert().values(call_id=call_id, text=f"漏雨 {text}"))
        await connection.execute(search_terms.insert().values(call_id=call_id, term="漏雨"))
        if n % 3 == 0:
            await claim(connection, call_id, text, now)
        await connection.execute(
            audit.insert().values(
                at=now, user_name=text, address=text, action="登录失败", subject=text, detail=text
            )
        )


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("hostile")
    url = f"sqlite:///{data / 'hotline.db'}"
    with ThreadPoolExecutor(1) as thread:  # this one may have Playwright's own loop
        numbers = thread.submit(asyncio.run, fill(url, data)).result()
    with running_console(url, data, NAMES) as console:
        console.add_user("管理", Role.SECURITY, founder=True)
        yield House(console, numbers, console.log_in("管理"))
    shutil.rmtree(data)


@pytest.fixture(scope="module")
def browser(house: House) -> Iterator[Browser]:  # noqa: ARG001 - its loop is not to run while calls are filed
    with opening_browser() as opened:
        yield opened


@contextmanager
def watched(browser: Browser, house: House) -> Iterator[Page]:
    """An administrator's window; fails when anything of ours has run in it, or has become more than text."""
    with opening_page(browser, inspected=True) as page:
        page.context.add_init_script(CANARY)
        page.context.add_cookies(
            [{"name": "hotline-session", "value": house.cookie, "url": house.console.address}]
        )
        dialogs: list[str] = []
        asked: list[str] = []
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        yield page
        harmless(page)
        assert dialogs == []
        assert [url for url in asked if not url.startswith((house.console.address, "data:,", "blob:"))] == []
        assert [url for url in asked if url.endswith(("/logout", "/x"))] == []


def harmless(page: Page) -> None:
    for _ in range(2):  # what loads or fires late has its chance
        page.evaluate("() => new Promise((done) => setTimeout(done, 50))")
    assert page.evaluate("window.__ran") == []
    made = page.evaluate(
        "[...document.querySelectorAll('.xss, [hx-post=\"/logout\"]:not(form)')].map((e) => e.outerHTML)"
    )
    assert made == []
    assert page.locator("body").is_visible()


def texts(page: Page, selector: str) -> list[str]:
    return page.locator(selector).all_text_contents()


def values(page: Page, selector: str) -> list[str]:
    return page.locator(selector).evaluate_all("(boxes) => boxes.map((box) => box.value)")


def test_the_canary_sings_when_something_runs(browser, house):
    """Without this, a test in which nothing runs would show nothing."""
    with opening_page(browser, inspected=True) as page:
        page.context.add_init_script(CANARY)
        page.goto(house.console.address + "login")
        page.evaluate(
            "(all) => { const box = document.createElement('div'); box.innerHTML = all;"
            " document.body.append(box); }",
            ALL,
        )
        until(lambda: len(set(page.evaluate("window.__ran"))) >= 5, "scripts run")
        with pytest.raises(AssertionError):
            harmless(page)


def test_the_work_list(browser, house):
    with watched(browser, house) as page:
        page.goto(house.console.address + "?state=全部")
        titles = texts(page, "td.title a")
        assert set(PAYLOADS) <= set(titles)
        assert len(titles) == len(PAYLOADS) + 1
        rows = page.locator("tbody tr").all_inner_texts()
        assert sum("处理中" in row for row in rows) == len(PAYLOADS[::3])
        assert {f"{name} 处理中" for name in PAYLOADS[::3]} == set(texts(page, ".holder"))
        assert set(PAYLOADS) <= set(texts(page, ".tag.hot"))
        options = texts(page, "select[name=hotline] option")
        assert [f"{number} {name}" for number, name in NAMES.items()] == [o.strip() for o in options[1:]]
        page.locator("tr[data-call='20260701T090000-00000000'] td.title a").hover()


def test_what_was_searched(browser, house):
    with watched(browser, house) as page:
        page.goto(house.console.address + "?state=全部&q=漏雨")
        found = texts(page, ".excerpt")
        assert len(found) == len(PAYLOADS) + 1
        assert all(any(text[:20] in shown for shown in found) for text in PAYLOADS)
        assert texts(page, ".excerpt mark") == ["漏雨"] * len(found)
        for text in (PAYLOADS[4], PAYLOADS[8], PAYLOADS[1]):
            page.goto(house.console.address + "?q=" + quote(text[:50]))
            assert values(page, "input[name=q]") == [text[:50]] * 2  # the search, and what comes next
            harmless(page)
        page.goto(house.console.address)
        unheard = "孔雀" + PAYLOADS[4]
        page.locator("input[name=q][type=search]").fill(unheard)
        page.keyboard.press("Enter")
        page.locator(".empty").wait_for()
        assert unheard in texts(page, ".empty")[0]


def test_a_claim_that_another_holds_is_told_in_words(browser, house):
    with watched(browser, house) as page:
        page.goto(house.console.address + "calls/20260701T090000-00000000")
        banner = page.locator("#banner")
        banner.wait_for()
        until(lambda: PAYLOADS[0] in (banner.text_content() or ""), "who holds the call")


def test_the_review(browser, house):
    with watched(browser, house) as page:
        page.goto(house.console.address + f"calls/{CALL}")
        page.locator(".word").first.wait_for()
        page.locator("#fieldset:not([disabled])").wait_for()
        assert texts(page, "#caller") == [ALL]
        said = texts(page, ".line.caller .word")
        read = [read_phrase(heard(text, 0.0, 1.0)) for text in PAYLOADS]
        assert all(text in shown for text, shown in zip(PAYLOADS, read, strict=True))
        assert "".join(read[2:]) in "".join(said)
        assert PAYLOADS[1] == "".join(texts(page, ".line.caller.corrected .word"))
        assert texts(page, ".line.prompt .said") == list(PAYLOADS)
        assert texts(page, ".line.key .said") == list(PAYLOADS)
        for index, number in enumerate(house.numbers):
            page.locator("#tabs button").nth(index).click()
            assert texts(page, "#ticket-title") == [f"工单 {number}"]
            notes = "".join(texts(page, "#notes li"))
            expected = take(8 * index, len(PLACES))
            if index == 2:
                expected[PLACES.index("title")] = PAYLOADS[0]  # as somebody has begun to write
                assert values(page, "[data-field=contact]") == [ALL]
            shown = [values(page, f"[data-field={name}]")[0] for name in PLACES]
            assert shown == [text.replace("\n", "") for text in expected]
            assert all(text in notes for text in (PAYLOADS if index else ()))
            assert ALL[:500] in notes
            assert ALL in page.locator("#state li[title]").first.get_attribute("title")
            harmless(page)
        line = page.locator(".line.caller").nth(4)
        line.hover()
        line.locator(".edit").click()
        assert values(page, ".line textarea") == [read[4]]
        page.keyboard.press("Escape")


def test_the_story(browser, house):
    with watched(browser, house) as page:
        page.goto(house.console.address + f"calls/{CALL}/story")
        for who in ("prompt", "key", "caller"):
            assert [text.strip() for text in texts(page, f".steps .{who} .said")] == list(PAYLOADS)
        assert f"来电:{ALL} 拨打 {ALL}" in texts(page, ".steps .system .said")
        changes = "".join(texts(page, ".revisions td"))
        assert all(text in changes for text in take(0, 3 * len(PLACES)))
        told = "".join(texts(page, ".revisions p"))
        assert f"· {ALL}" in told
        assert f"退回原因:{ALL[:500]}" in told
        assert f"受理号 {ALL}({ALL})" in told


def test_the_users_and_the_trail(browser, house):
    with watched(browser, house) as page:
        page.goto(house.console.address + "users")
        assert {*PAYLOADS, ALL, "管理"} == set(texts(page, "td:first-child"))
        labels = page.locator("input[aria-label]").evaluate_all("(b) => b.map((box) => box.ariaLabel)")
        assert {f"{text} 的新密码" for text in (*PAYLOADS, ALL)} == set(labels)
        page.goto(house.console.address + "audit")
        cells = texts(page, "tbody td")
        assert all(cells.count(text) >= 4 for text in PAYLOADS)  # and what was searched
        harmless(page)
        for text in (PAYLOADS[4], PAYLOADS[8], PAYLOADS[1]):
            page.goto(house.console.address + f"audit?user={quote(text)}&subject={quote(text)}")
            assert values(page, "input[name=user], input[name=subject]") == [text, text]
            assert texts(page, "tbody td").count(text) == 4
            harmless(page)


def test_a_login_that_failed(browser, house):
    with watched(browser, house) as page:
        page.context.clear_cookies()
        page.goto(house.console.address + "login?next=" + quote("/?q=" + PAYLOADS[4]))
        page.locator("input[name=name]").evaluate("(box) => { box.removeAttribute('maxlength'); }")
        page.locator("input[name=name]").fill(PAYLOADS[4])
        page.locator("input[name=password]").fill(PAYLOADS[4])
        page.keyboard.press("Enter")
        page.get_by_text("用户名或密码不正确。").wait_for()
        assert values(page, "input[name=name], input[name=next]") == ["/?q=" + PAYLOADS[4], PAYLOADS[4]]


def test_the_live_board(browser, house):
    breaking = "1\n\nevent: expired\ndata: x\n\n"  # would end the page's login, could it end a message

    async def tell() -> None:
        publish = house.console.calls.publish
        for n, text in enumerate(PAYLOADS):
            call_id = f"20261124T0102{n:02}-{n:08x}"
            publish(call_id, entries.Incoming(caller=text, called=text, hotline=f"123{n:02}"))
            publish(call_id, entries.Played(text=text))
            publish(call_id, entries.Heard(text=text + breaking))
            publish(call_id, entries.Matter(0, brief=text, place=text, call_back=text))
            publish(call_id, entries.Number(matter=0, number=text))
            publish(call_id, entries.Partial(text=text))

    house.console.do(tell())
    with watched(browser, house) as page:
        page.goto(house.console.address + "live")
        until(lambda: page.locator(".live").count() == len(PAYLOADS), "the calls are shown")
        heads = page.locator(".live h2").evaluate_all(
            "(all) => all.map((head) => head.firstChild.textContent)"
        )
        assert sorted(heads) == sorted(PAYLOADS)
        assert sorted(texts(page, ".live li.prompt")) == sorted(PAYLOADS)
        assert sorted(texts(page, ".live li.caller")) == sorted(text + breaking for text in PAYLOADS)
        assert sorted(texts(page, ".live li.now")) == sorted(PAYLOADS)
        assert sorted(texts(page, ".live li.good")) == sorted(f"工单 {text}" for text in PAYLOADS)
        assert sorted(texts(page, ".live li.warn")) == sorted(f"{text},须回电" for text in PAYLOADS)
        facts = sorted(f"123{n:02} {text} · {text} · {text}" for n, text in enumerate(PAYLOADS))
        assert sorted(texts(page, ".live .facts")) == facts
        assert page.url.endswith("/live")
