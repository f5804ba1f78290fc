from __future__ import annotations

import pytest

from gateway.sip.incoming import read_invite


def invite(*headers: str, uri: str = "sip:12345@10.0.0.1", body: str = "v=0\r\n") -> str:
    return "\r\n".join([f"INVITE {uri} SIP/2.0", "Call-ID: abc@host", *headers, "", body])


SDP = "Content-Type: application/sdp"


def test_plain_call() -> None:
    incoming = read_invite(invite("From: <sip:13855812345@10.0.0.9>;tag=1", SDP), "10.0.0.9:5060")
    assert incoming.caller == "13855812345"
    assert incoming.called == "12345"
    assert incoming.sip_call_id == "abc@host"
    assert incoming.source == "10.0.0.9:5060"


@pytest.mark.parametrize(
    "lines",
    [
        ["From:\r\n <sip:13855812345@x>"],
        ["f :\t<sip:13855812345@x>"],
        ["FROM: <sip:13855812345@x>\r\n ;tag=1"],
        ["p-asserted-identity:\r\n\t<tel:+8613855812345>", "From: <sip:1@x>"],
        ["F: <sip:999@x>", "P-ASSERTED-IDENTITY: <sip:z@x>,\r\n <tel:+8613855812345>"],
    ],
)
def test_headers_in_other_spellings(lines: list[str]) -> None:
    assert read_invite(invite(*lines), "x:1").caller == "13855812345"


def test_lines_that_end_in_a_bare_newline() -> None:
    message = invite("From: <sip:13855812345@x>", "To: <sip:12345@x>", uri="sip:10.0.0.1").replace(
        "\r\n", "\n"
    )
    incoming = read_invite(message, "x:1")
    assert (incoming.sip_call_id, incoming.caller, incoming.called) == ("abc@host", "13855812345", "12345")


def test_a_name_that_looks_like_an_address_is_only_a_name() -> None:
    to = 'To: "sip:110@x" <sip:12345@x>'
    assert read_invite(invite(to, uri="sip:10.0.0.1"), "x:1").called == "12345"


@pytest.mark.parametrize("message", ["", "\r\n", "INVITE", "INVITE sip:\r\n:\r\n\r\n", "\x00\xff: \r\n\r\n"])
def test_nonsense_is_survived(message: str) -> None:
    assert read_invite(message, "x:1").caller == ""
