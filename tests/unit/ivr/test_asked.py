"""Questions for an identity number and for a day, by the nodes that the handbook gives, in calls on a fake clock."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from config.document import embedded
from ivr.collecting import grammar
from ivr.compile import compile_flow
from ivr.flow import Digits
from recordings.entries import Reading, encode
from tickets.draft import draft
from tickets.meaning.identity import find_check, is_identity
from tickets.meaning.occasion import read_day
from tickets.record import fold

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Rehearsal

    from config.prompts import PromptTexts
    from ivr.flow import Flow
    from ivr.hotlines import Hotlines

TODAY = date(2026, 11, 25)  # a Wednesday
NUMBER = "341202199001011232"
SPOKEN = "三四幺二零二幺九九零零幺零幺幺二三二"
WITH_X = "34120219900101103X"
SPOKEN_X = "三四幺二零二幺九九零零幺零幺幺零三叉"
TOLD = ("颍州区路灯不亮", "#", "1")  # and confirmed


@pytest.fixture(scope="module", params=["en", "zh"])
def asking(texts: PromptTexts, request: pytest.FixtureRequest) -> Flow:
    """The embedded flow with the handbook's nodes."""
    chapter = Path(__file__).parents[3] / "docs" / request.param / "change.md"
    (nodes,) = re.findall(r"```yaml\n(.*?)```", chapter.read_text(), re.DOTALL)
    text = embedded("flows/default.yaml").read_text()
    leads = "agreed: {set: {confirmed: true}, next: reach}"
    assert text.count(leads) == 1
    text = text.replace(leads, leads.replace("reach", "ask_when"))
    return compile_flow(text.replace("\nnodes:\n", f"\nnodes:\n{nodes}", 1), texts)


@pytest.fixture
def ask(rehearse: Callable[..., Rehearsal], hotlines: Hotlines, asking: Flow) -> Callable[..., Rehearsal]:
    """A call whose caller gives these answers from the first of these questions on, keyed or said, and hangs up."""

    def run(*answers: str, anonymous: bool = False) -> Rehearsal:
        line = replace(hotlines.front, flow=asking, anonymous=anonymous)
        steps: list[object] = [{"wait": "prompt"}]
        for answer in (*TOLD, *answers):
            steps += [{"say" if set(answer) - set("0123456789*#") else "press": answer}]
            steps += [{"wait": "prompt"}] if answer != TOLD[0] else []
        return rehearse(json.dumps([*steps, "hang_up"], ensure_ascii=False), line)

    return run


def asked(call: Rehearsal) -> list[str]:
    """The questions from the first of these on."""
    return call.trace[call.trace.index("ask_day") :]


def read_back(call: Rehearsal, prompt: str) -> list[str]:
    return ["".join(one.prompt.slots.values()) for one in call.played if one.prompt.name == prompt]


def test_both_are_said_read_back_and_stand_in_the_ticket(ask):
    call = ask("上周三晚上", "对", SPOKEN, "是的")
    assert asked(call) == ["ask_day", "read_back_day", "ask_identity", "read_back_identity", "contact"]
    assert read_back(call, "read_back_day") == ["二零二六年十一月十八日，星期三"]
    assert read_back(call, "read_back_identity") == ["341202，1990，0101，1232"]
    (matter,) = call.finished
    assert (matter.day, matter.identity) == ("2026-11-18", NUMBER)
    record = fold("20261125T010000-0a1b2c3d", Reading(tuple(call.journal), {}), None, call.now, None)
    (drafted,) = draft(record)
    ticket = json.loads(drafted.issue("263297000014", 1))
    assert ticket["caller"]["identity"] == NUMBER
    assert ticket["appeal"]["occurred"] == "2026-11-18"
    assert ticket["appeal"]["content"] == "颍州区路灯不亮"


def test_both_are_keyed_and_the_x_is_a_star(ask):
    call = ask("1103", "1", WITH_X.replace("X", "*"), "1")
    (matter,) = call.finished
    assert (matter.day, matter.identity) == ("2026-11-03", WITH_X)
    assert read_back(call, "read_back_identity") == ["341202，1990，0101，103X"]


@pytest.mark.parametrize("name", ["叉", "艾克斯"])
def test_an_x_is_said(ask, name):
    call = ask("20251103", "1", SPOKEN_X.replace("叉", name))
    assert read_back(call, "read_back_day") == ["二零二五年十一月三日，星期一"]
    assert asked(call)[-1] == "read_back_identity"
    assert call.state.identity == WITH_X


def test_what_was_read_back_wrongly_is_corrected_in_a_breath_or_asked_for_again(ask):
    call = ask("前天", "不对是大前天", "2", "昨天", "对的")
    assert [day[-3:] for day in read_back(call, "read_back_day")] == ["星期一", "星期日", "星期二"]
    assert call.finished[0].day == "2026-11-24"
    call = ask("1103", "1", SPOKEN, f"不对{SPOKEN_X}", "对")
    assert call.finished[0].identity == WITH_X


def test_what_is_none_is_told_asked_for_again_and_given_up_after_three_tries(ask):
    call = ask("正月十五", "1303#", "明天吧", NUMBER[:-1] + "3", "123#", "20991231#")
    days, numbers = ["ask_day", "wrong_day"] * 3, ["ask_identity", "wrong_identity"] * 3
    assert asked(call) == [*days, *numbers, "contact"]
    assert (call.finished[0].day, call.finished[0].identity) == ("", "")


def test_nobody_is_held_up_by_what_he_does_not_know(ask):
    assert asked(ask("不知道", "不要")) == ["ask_day", "ask_identity", "contact"]
    call = ask("转人工")
    assert "ask_identity" not in call.trace
    assert call.finished[0].call_back


def test_what_was_read_back_and_never_agreed_to_is_none(ask):
    call = ask("1103")
    assert (asked(call)[-1], call.finished[0].day) == ("read_back_day", "")


def test_a_star_begins_anew_and_a_question_is_repeated_when_asked_for(ask):
    assert asked(ask("再说一遍", "12*", "1103")) == ["ask_day", "ask_day", "ask_day", "read_back_day"]


def test_an_anonymous_lines_journal_holds_neither(ask):
    call = ask("上周三", "对", NUMBER, "对", anonymous=True)
    assert (call.finished[0].day, call.finished[0].identity) == ("2026-11-18", NUMBER)
    told = json.dumps([encode(one.entry) for one in call.journal], ensure_ascii=False)
    for secret in (NUMBER, "上周三", "2026-11-18", "颍州区"):
        assert secret not in told


def test_a_day_is_listened_for_freely_and_a_number_by_its_signs(asking):
    days = [node for node in asking.nodes.values() if isinstance(node, Digits) and node.of == "day"]
    numbers = [node for node in asking.nodes.values() if isinstance(node, Digits) and node.of == "identity"]
    assert [grammar(asking, node) for node in days] == [None]
    assert {"幺", "叉", "艾克斯"} <= set(grammar(asking, numbers[0]))


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("11010519491231002X", True),  # GB 11643-1999's own example
        ("440524188001010014", False),  # the standard's other: nobody is as old any more
        ("110105194912310021", False),
        ("11010519491231002x", False),
        ("991202199001011232", False),
        ("341202203001011233", False),
        ("341202199002301233", False),
        ("34120219900101123", False),
        ("３41202199001011232", False),
    ],
)
def test_identity_numbers(number, valid):
    assert is_identity(number, TODAY) is valid


def test_one_wrong_digit_or_two_changed_for_each_other_are_found():
    for place in range(17):
        for digit in "0123456789":
            other = NUMBER[:place] + digit + NUMBER[place + 1 :]
            assert (find_check(other) == other[-1]) is (other == NUMBER)
    for place in range(16):
        swapped = NUMBER[:place] + NUMBER[place + 1] + NUMBER[place] + NUMBER[place + 2 :]
        assert (find_check(swapped) == swapped[-1]) is (swapped == NUMBER)


@pytest.mark.parametrize(
    ("words", "day"),
    [
        ("今天早上", "2026-11-25"),
        ("昨天", "2026-11-24"),
        ("昨天晚上八点多", "2026-11-24"),
        ("前天吧", "2026-11-23"),
        ("大前天", "2026-11-22"),
        ("不是昨天是前天", "2026-11-23"),
        ("上周三", "2026-11-18"),
        ("上个星期天", "2026-11-22"),
        ("上上周一", "2026-11-09"),
        ("周三", "2026-11-25"),
        ("星期五", "2026-11-20"),
        ("11月3号", "2026-11-03"),
        ("十一月三号", "2026-11-03"),
        ("十二月三号", "2025-12-03"),
        ("去年十一月三号", "2025-11-03"),
        ("二零二五年十一月三号", "2025-11-03"),
        ("二五年三月五号", "2025-03-05"),
        ("九八年三月五号", "1998-03-05"),
        ("两千零二十五年三月五号", "2025-03-05"),
        ("上个月三十一号", "2026-10-31"),
        ("这个月二号", "2026-11-02"),
        ("三号", "2026-11-03"),
        ("二十八号", "2026-10-28"),
        ("三天前", "2026-11-22"),
        ("两个星期前", "2026-11-11"),
        ("1103", "2026-11-03"),
        ("20251103", "2025-11-03"),
        *(
            (none, None)
            for none in (
                *(
                    "明天",
                    "这周五",
                    "上周",
                    "十一月",
                    "三个月前",
                    "三十五号",
                    "二月三十号",
                    "正月十五",
                    "农历八月十五",
                ),
                *("初三", "大年三十", "三号楼", "一百三十号", "1303", "20271103", "不清楚", ""),
                *("下周三", "下下个星期一", "下个月三号", "明年三月五号", "今年十二月三十一号"),
                *("去年今天", "前年的昨天", "两年前的三月五号", "三个月前的三号", "去年三号", "那年三月五号"),
            )
        ),
    ],
)
def test_days(words, day):
    found = read_day(words, TODAY)
    assert (found and found.isoformat()) == day


@pytest.mark.parametrize(
    ("today", "words", "day"),
    [
        ("2026-05-05", "三十一号", "2026-03-31"),
        ("2026-03-01", "三十号", "2026-01-30"),
        ("2026-03-01", "二十九号", "2026-01-29"),
        ("2024-03-01", "二十九号", "2024-02-29"),
        ("2026-01-01", "三十一号", "2025-12-31"),
        ("2026-01-01", "昨天", "2025-12-31"),
        ("2026-03-31", "上个月三十一号", None),
        ("2026-03-31", "三十二号", None),
        ("2026-03-31", "零号", None),
    ],
)
def test_a_day_of_the_month_is_the_last_that_has_been(today, words, day):
    found = read_day(words, date.fromisoformat(today))
    assert (found and found.isoformat()) == day


def test_every_day_of_four_years_is_understood_by_its_date():
    today = datetime(2026, 11, 25, tzinfo=UTC).date()
    for back in range(4 * 366):
        day = date.fromordinal(today.toordinal() - back)
        assert read_day(f"{day:%Y%m%d}", today) == day
        assert read_day(f"{day.year}年{day.month}月{day.day}号", today) == day
