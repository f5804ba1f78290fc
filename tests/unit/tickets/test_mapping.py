"""Another city's fields: what its file may say, what comes of a ticket, and what is read of its answers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from config.document import ConfigError
from tickets.answers import AnswerError, UnreadableError
from tickets.mapping import read_mapping

NOW = datetime(2026, 11, 28, 1, 2, 3, tzinfo=UTC)
GOOD = """
version: 1
fields:
  order.gdbh: {from: number}
  order.lxdh: {from: caller.contact, empty: 未留}
  order.sqlx: {from: appeal.type, codes: {投诉: "01", 举报: "02"}, otherwise: "99"}
  bt: {from: appeal.title, longest: 4}
  gjc: {from: appeal.keywords, join: ";"}
  jjcd: {from: appeal.urgency, codes: {一般: "1", 紧急: "2", 特急: "3"}}
  ly: {value: 电话}
  sfbm: {from: caller.confidential, codes: {true: "1", false: "0"}}
answer: {number: data.id, status: data.state, ok: code, good: ["0", "true"]}
lookup:
  url: https://city.example/orders?gdbh={number}
  answer: {number: rows.id}
  revision: rows.version
supplement:
  url: https://city.example/notes
  fields:
    gdbh: {from: number}
    bbh: {from: revision}
    nr: {from: appeal.content}
"""
TICKET: dict[str, Any] = {
    "number": "263320100018",
    "revision": 1,
    "caller": {"contact": "", "confidential": True},
    "appeal": {
        "type": "投诉",
        "title": "夜间施工噪音",
        "keywords": ["施工", "噪音"],
        "urgency": "特急",
        "content": "夜里不停",
    },
}


def test_a_ticket_in_their_fields() -> None:
    mapping = read_mapping(GOOD)
    assert mapping.translate(TICKET) == {
        "order": {"gdbh": "263320100018", "lxdh": "未留", "sqlx": "01"},
        "bt": "夜间施工",
        "gjc": "施工;噪音",
        "jjcd": "3",
        "ly": "电话",
        "sfbm": "1",
    }
    other = TICKET | {"appeal": TICKET["appeal"] | {"type": "求助", "keywords": []}}
    assert mapping.translate(other)["order"]["sqlx"] == "99"
    assert mapping.translate(other | {"revision": 2}) == {"gdbh": "263320100018", "bbh": 2, "nr": "夜里不停"}


def test_their_answers() -> None:
    mapping = read_mapping(GOOD)
    receipt = mapping.read_receipt('{"code": 0, "data": {"id": 77, "state": "待派"}}'.encode(), NOW)
    assert (receipt.number, receipt.status, receipt.accepted_at) == ("77", "待派", NOW)
    assert mapping.read_receipt(b'{"code": true, "data": {"id": 78}}', NOW).number == "78"
    for answer, why in (
        (b'{"code": 500, "data": {"id": 77}}', "code is not"),
        (b'{"code": 0}', "no data.id"),
        (b"<", "no JSON"),
        (b'{"code": 0, "data": {"id": "\\ud800"}}', "no text"),
    ):
        with pytest.raises(AnswerError, match=why):
            mapping.read_receipt(answer, NOW)


@pytest.mark.parametrize(
    ("answer", "revision", "held"),
    [
        (b'{"rows": [{"id": 77, "version": 2}]}', 2, True),
        (b'{"rows": [{"id": 77, "version": 2}]}', 3, False),
        (b'{"rows": []}', 1, False),
        ('{"rows": [{"id": 77, "version": "二"}]}'.encode(), 1, False),
    ],
)
def test_what_they_have_already(answer: bytes, revision: int, held: bool) -> None:
    found = read_mapping(GOOD).read_found(answer, revision, NOW)
    assert (found is not None) == held


def test_what_is_no_answer_of_theirs_does_not_say_that_they_have_nothing() -> None:
    with pytest.raises(UnreadableError):
        read_mapping(GOOD).read_found("<p>系统维护中".encode(), 1, NOW)


def test_without_their_revision_only_the_first_is_known_to_be_there() -> None:
    mapping = read_mapping(GOOD.replace("  revision: rows.version\n", ""))
    assert mapping.read_found(b'{"rows": [{"id": 77}]}', 1, NOW) is not None
    assert mapping.read_found(b'{"rows": [{"id": 77}]}', 2, NOW) is None


@pytest.mark.parametrize(
    ("old", "new", "line", "complaint"),
    [
        ("from: caller.contact,", "from: caller.phone,", 5, "a ticket has no 'phone'"),
        ('投诉: "01"', '投拆: "01"', 6, "appeal.type is never '投拆'"),
        (', 特急: "3"', "", 9, "there is no code for '特急'"),
        ('true: "1", ', "", 11, "there is no code for 'true'"),
        ("ly: {value: 电话}", "ly: {value: 电话, from: number}", 10, "give either `from` or `value`"),
        ("bt: {from: appeal.title, longest: 4}", "bt: {from: appeal}", 7, "appeal is a part, not a field"),
        ("order.gdbh: {from: number}", "order.gdbh: {value: x}", 3, "our ticket number goes nowhere"),
        ("    gdbh: {from: number}\n", "", 19, "our ticket number goes nowhere"),
        ("?gdbh={number}", "", 14, "it asks for no number"),
        ("https://city.example/notes", "city.example/notes", 18, "is not of the form"),
        ("  bt:", "  order:", 4, "'order' is a field of its own"),
    ],
)
def test_what_cannot_work_is_told_with_its_line(old: str, new: str, line: int, complaint: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as raised:
        read_mapping(GOOD.replace(old, new, 1))
    faults = (raised.value, *raised.value.more)
    assert any(fault.line == line and complaint in fault.what and fault.remedy for fault in faults), str(
        raised.value
    )
