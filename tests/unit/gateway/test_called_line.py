"""The line a call is for: whole INVITEs, as they come from the wire, through to the hotline that is answered."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING

import pytest

from config.categories import read_categories
from config.document import embedded, load
from config.prompts import PromptTexts
from gateway.sip.incoming import read_invite
from ivr.compile import compile_flow
from ivr.hotlines import read_hotlines

if TYPE_CHECKING:
    from ivr.hotline import Hotlines

NUMBERS = (
    *("12345", "12300", "12301", "12312", "12322", "12330", "12331", "12336", "12349", "12356", "12358"),
    *("12365", "12396", "96119", "12315", "12316", "12317", "12318", "12319", "12320", "12328", "12329"),
    *("12333", "12348", "12350", "12369", "12385", "12393", "12305", "12313", "12360", "12366", "12367"),
)
SPELLINGS = ("{}", "0558{}", "0558-{}", "+86558{}", "0086558{}", "tel:+86558{}")
TODAY = date(2026, 11, 25)
OWN = "sip:05582200000@192.0.2.1"
"""The gateway's own number on a trunk: none of the lines."""
FRONT = "sip:12345@192.0.2.1:5060"


def uri(spelling: str, number: str, host: str = "192.0.2.1;user=phone") -> str:
    spelled = spelling.format(number)
    return spelled if spelled.startswith("tel:") else f"sip:{spelled}@{host}"


def invite(request_uri: str, *headers: str, to: str = "<sip:05582200000@192.0.2.1>") -> str:
    return "\r\n".join(
        [
            f"INVITE {request_uri} SIP/2.0",
            "Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1",
            f"To: {to}",
            "From: <sip:13855812345@192.0.2.7>;tag=1",
            "Call-ID: abc@192.0.2.7",
            *headers,
            "Content-Type: application/sdp",
            "",
            "v=0\r\n",
        ]
    )


@pytest.fixture(scope="module")
def hotlines() -> Hotlines:
    texts = load(PromptTexts, embedded("prompts.yaml"))
    flow = compile_flow(embedded("flows/default.yaml"), texts)
    return read_hotlines(embedded("hotlines.yaml"), texts, flow, read_categories())


@pytest.fixture
def find(hotlines: Hotlines):
    """(number of the line, where it was named, as what) for an INVITE."""

    def found(message: str, day: date = TODAY) -> tuple[str, str | None, str]:
        line = hotlines.find(read_invite(message, "192.0.2.7:5060").dialled, day)
        called = line.called
        return line.hotline.number, called.source if called else None, called.number if called else ""

    return found


def spelled(spelling: str, number: str) -> str:
    return spelling.format(number).removeprefix("tel:")


def test_the_table_has_every_line(hotlines: Hotlines) -> None:
    assert sorted(NUMBERS) == sorted(hotlines.by_number)
    assert len(NUMBERS) == 33


@pytest.mark.parametrize("spelling", SPELLINGS)
class TestEachLineInEachSpelling:
    def test_direct(self, find, spelling: str) -> None:
        for number in NUMBERS:
            message = invite(uri(spelling, number))
            assert find(message) == (number, "request-uri", spelled(spelling, number))

    def test_direct_without_a_request_uri_that_names_anybody(self, find, spelling: str) -> None:
        for number in NUMBERS:
            message = invite("sip:192.0.2.1:5060", to=f"<{uri(spelling, number)}>")
            assert find(message) == (number, "to", spelled(spelling, number))

    @pytest.mark.parametrize("request_uri", [OWN, FRONT], ids=["own", "front"])
    def test_forwarded_by_diversion(self, find, spelling: str, request_uri: str) -> None:
        for number in NUMBERS:
            header = f'Diversion: "{number[:3]}" <{uri(spelling, number)}>;reason=unconditional;counter=1'
            source = "request-uri" if number == "12345" and request_uri == FRONT else "diversion"
            as_what = "12345" if source == "request-uri" else spelled(spelling, number)
            assert find(invite(request_uri, header)) == (number, source, as_what)

    @pytest.mark.parametrize("request_uri", [OWN, FRONT], ids=["own", "front"])
    def test_forwarded_by_history(self, find, spelling: str, request_uri: str) -> None:
        for number in NUMBERS:
            first = uri(spelling, number)
            header = f"History-Info: <{first}>;index=1, <{request_uri}>;index=1.1;mp=1"
            source = "request-uri" if number == "12345" and request_uri == FRONT else "history-info"
            as_what = "12345" if source == "request-uri" else spelled(spelling, number)
            assert find(invite(request_uri, header)) == (number, source, as_what)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        # who forwarded first is at the bottom of Diversion, and at the top of History-Info
        (["Diversion: <sip:12315@x>;reason=user-busy, <sip:12331@x>;reason=no-answer"], "12331"),
        (["Diversion: <sip:12315@x>", "Diversion: <sip:12331@x>"], "12331"),
        (["History-Info: <sip:12331@x>;index=1", "History-Info: <sip:12315@x>;index=1.1"], "12331"),
        # a shop or a mobile telephone that forwards is no line, wherever it stands
        (["Diversion: <sip:12331@x>, <sip:13955800000@x>"], "12331"),
        (["Diversion: <sip:13955800000@x>"], "12345"),
        # Diversion before History-Info
        (["History-Info: <sip:12315@x>;index=1", "Diversion: <sip:12331@x>"], "12331"),
        # what the front door itself passed round is still the front door's
        (["Diversion: <sip:12331@x>, <sip:12345@x>"], "12345"),
        # names and parameters with commas, brackets and escaped quotes in them; headers inside the address
        (['Diversion: "12315, \\"<sip:12316@x>\\", " <sip:12331@x>;reason="a,b"'], "12331"),
        (["History-Info: <sip:12331@x?Reason=SIP%3Bcause%3D302%2C12315&Privacy=none>;index=1"], "12331"),
        (["DIVERSION : <sip:%2B8655812331@x;user=phone>"], "12331"),
        (["Diversion:\r\n <sip:12315@x>,\r\n\t<sip:12331@x>"], "12331"),
        (["Diversion: <sip:12331;phone-context=+86558@x;user=phone>"], "12331"),
        (["Diversion: <sips:0558-12331:secret@x>"], "12331"),
        (["Diversion: sip:12331@x;reason=unknown"], "12331"),
        (["Diversion: 12331;reason=unknown"], "12331"),
        # what cannot be read is passed over
        (["Diversion: <sip:12331@x>, <sip:", 'History-Info: "', "Diversion: ,,<>,;=,"], "12331"),
        (['Diversion: "unfinished <sip:12331@x>, <sip:12331@x>', "History-Info: <sip:12315@x>"], "12315"),
        (["Diversion: <mailto:12331@x>", "History-Info: <urn:service:sos>;index=1"], "12345"),
        (["Diversion: <sip:anonymous@anonymous.invalid>;privacy=full"], "12345"),
        (["Diversion"], "12345"),
        (["Diversion:"], "12345"),
    ],
)
def test_a_forwarded_call(find, headers: list[str], expected: str) -> None:
    assert find(invite(OWN, *headers, to="<sip:12345@x>"))[0] == expected


def test_the_line_that_was_addressed_answers_for_itself(find) -> None:
    message = invite("sip:12315@x", "Diversion: <sip:12331@x>", to="<sip:12333@x>")
    assert find(message) == ("12315", "request-uri", "12315")


@pytest.mark.parametrize("to", ["To", "t"])
def test_to_tells_what_was_dialled_when_nothing_else_does(find, to: str) -> None:
    message = invite(FRONT, to="<sip:12345@x>").replace("To: <sip:12345@x>", f"{to}: <sip:12331@x>;tag=2")
    assert find(message) == ("12331", "to", "12331")


@pytest.mark.parametrize(
    "headers",
    [["Diversion: <sip:12356@x>"], ["History-Info: <sip:12356@x>;index=1, <sip:12320@x>;index=1.1"]],
)
@pytest.mark.parametrize("request_uri", ["sip:12345@x", "sip:12320@x", OWN])
def test_who_dialled_the_aid_line_is_never_answered_as_another(find, request_uri: str, headers) -> None:
    assert find(invite(request_uri, *headers))[0] == "12356"


def test_a_line_is_what_it_is_on_that_day(hotlines: Hotlines) -> None:
    dialled = read_invite(invite("sip:12356@x"), "x:1").dialled
    before, after = (hotlines.find(dialled, day).hotline for day in (date(2025, 4, 30), date(2025, 5, 1)))
    assert (before.mode, before.anonymous) == ("整体并入", False)
    assert (after.mode, after.anonymous) == ("转接", True)


@pytest.mark.parametrize("called", ["", "99999", "055112345", "gateway", "0558", "+86", "1234512345"])
def test_an_unknown_number_is_answered_as_the_front_door(find, called: str) -> None:
    assert find(invite(f"sip:{called}@x", to="<sip:nobody@x>")) == ("12345", None, "")


@pytest.mark.parametrize("message", ["", "\r\n", "INVITE", "INVITE sip:\r\n:\r\n\r\n", "\x00\xff: \r\n\r\n"])
def test_nonsense_is_answered_as_the_front_door(find, message: str) -> None:
    assert find(message) == ("12345", None, "")


def test_a_flood_of_entries_costs_no_time(find) -> None:
    flood = ",".join(["<sip:12315@x>"] * 5000 + ['"\\"' * 5000] + ["<sip:12331@x>"])
    began = time.perf_counter()
    assert find(invite(OWN, f"Diversion: {flood}", f"History-Info: {flood}"))[0] == "12315"
    assert (
        time.perf_counter() - began < 1
    )  # each sign once: what has no end must not be looked for again and again
    many = ",".join(["<sip:0551-1@x>"] * 5000 + ["<sip:12331@x>"])
    assert find(invite(OWN, f"Diversion: {many}"))[0] == "12331"


def test_unprintable_signs_do_not_travel(find) -> None:
    assert find(invite("sip:12%00331%0d%ff@x"))[2].replace("\ufffd", "") == "12331"
