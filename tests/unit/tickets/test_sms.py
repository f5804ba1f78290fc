"""What messages say and to whom, and what an operator's gateway is sent and answers; without a network."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.document import ConfigError
from tickets.sms.message import find_mobile
from tickets.sms.provider import read_provider
from tickets.sms.wording import Templates, count_parts

FORM = """
version: 1
url: https://sms.example/send
headers: {X-Account: fuyang}
form: {mobile: "{to}", content: "{text}", ext: "{id}", key: "{secret}"}
idempotent: true
taken: [{status: [200], field: result.code, of: ["0"]}]
duplicate: [{field: result.code, of: ["11"]}]
busy: [{field: result.code, of: ["8"]}]
refused: [{contains: BLACKLIST}]
number: result.msgid
"""
SIGNATURE = "【阜阳12345】"


@pytest.mark.parametrize(
    ("text", "parts"),
    [("", 0), ("您" * 70, 1), ("您" * 71, 2), ("您" * 134, 2), ("您" * 135, 3), ("😀" * 36, 2)],
)
def test_parts_are_counted_as_they_are_paid_for(text: str, parts: int) -> None:
    assert count_parts(text) == parts


def test_the_embedded_messages_are_one_part_each_with_their_signature() -> None:
    templates = Templates()
    told = templates.write("ticket", SIGNATURE, number="263320100018")
    assert told.startswith("【阜阳12345】您反映的事项已受理，工单编号263320100018。")
    assert templates.measure("ticket", SIGNATURE) == templates.measure("missed", SIGNATURE) == 1
    assert templates.write("form", SIGNATURE) == ""


@pytest.mark.parametrize("text", ["编号{title}", "{number}" + "长" * 700])
def test_a_template_that_would_tell_more_or_never_ends_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match=r"ticket: "):
        Templates(ticket=text)


@pytest.mark.parametrize(
    ("digits", "mobile"),
    [
        ("13855812345", "13855812345"),
        ("8613855812345", "13855812345"),
        ("008613855812345", "13855812345"),
        ("013855812345", "13855812345"),
        ("12855812345", ""),
        ("05582212345", ""),
        ("138558123456", ""),
        ("12345", ""),
        ("", ""),
    ],
)
def test_only_mobile_numbers_are_sent_messages(digits: str, mobile: str) -> None:
    assert find_mobile(digits) == mobile


@given(st.text(max_size=200), st.text(max_size=40))
def test_whatever_a_message_says_arrives_as_it_is(text: str, secret: str) -> None:
    text, secret = (one.encode(errors="replace").decode() for one in (text, secret))
    request = read_provider(FORM).compose("13855812345", text, "sms-1", secret)
    assert request.body is not None
    sent = parse_qs(request.body.decode(), keep_blank_values=True)
    assert sent == {"mobile": ["13855812345"], "content": [text], "ext": ["sms-1"], "key": [secret]}


def test_json_and_url_have_places_too() -> None:
    nested = FORM.replace("form:", "json:").replace('"{to}"', '["{to}"]')
    request = read_provider(nested).compose("1", '{to}"', "k", "s")
    assert json.loads(request.body or b"") == {"mobile": ["1"], "content": '{to}"', "ext": "k", "key": "s"}
    get = "version: 1\nmethod: GET\nurl: 'http://h/s?m={to}&c={text}'\ntaken: [{contains: OK}]\n"
    request = read_provider(get).compose("1", "您 &", "k", "s")
    assert (request.url, request.body) == ("http://h/s?m=1&c=%E6%82%A8%20%26", None)


@pytest.mark.parametrize(
    ("status", "answer", "verdict"),
    [
        (200, b'{"result": {"code": 0}}', "taken"),
        (200, b'{"result": {"code": "11"}}', "duplicate"),
        (200, b'{"result": {"code": 8}}', "busy"),
        (200, b"-3,BLACKLIST", "refused"),
        (200, b"<html>", "unknown"),
        (200, b"", "unknown"),
        (429, b"", "busy"),
        (503, b"", "busy"),
        (404, b"", "refused"),
        (408, b"", "unknown"),
        (500, b"", "unknown"),
        (504, b"", "unknown"),
        (302, b"", "unknown"),
    ],
)
def test_what_an_answer_says_of_the_message(status: int, answer: bytes, verdict: str) -> None:
    assert read_provider(FORM).judge(status, answer) == verdict


def test_their_number_of_it_is_kept_or_ours() -> None:
    provider = read_provider(FORM)
    assert provider.read_number(b'{"result": {"msgid": 7}}', "k") == "7"
    assert provider.read_number(b"{}", "k") == provider.read_number(b"OK", "k") == "k"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("https://sms.example/send", "sms.example"), "url 'sms.example' is not of the form"),
        (("{to}", "{too}"), "{too} stands for nothing"),
        (("{text}", "text"), "the text goes nowhere"),
        (("{id}", "id"), "nothing tells a repeated message from another one"),
        (("fuyang", "阜阳"), "a header holds printable ASCII alone"),
        (("idempotent: true", "method: GET"), "a GET has no body"),
        (("idempotent: true", "json: {a: b}"), "a message has one body"),
        (('taken: [{status: [200], field: result.code, of: ["0"]}]', "taken: []"), "taken"),
        (("contains: BLACKLIST", "field: code"), "give both or neither"),
    ],
)
def test_a_provider_file_that_cannot_work_is_refused(change: tuple[str, str], what: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_provider(FORM.replace(*change))
    assert what in str(refused.value)
