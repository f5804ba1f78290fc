from __future__ import annotations

import pytest

from gateway.sip.incoming import names_addresses, read_invite


def invite(*headers: str, uri: str = "sip:12345@10.0.0.1", body: str = "v=0\r\n") -> str:
    return "\r\n".join([f"INVITE {uri} SIP/2.0", "Call-ID: abc@host", *headers, "", body])


SDP = "Content-Type: application/sdp"


def test_plain_call() -> None:
    incoming = read_invite(invite("From: <sip:13855812345@10.0.0.9>;tag=1", SDP), "10.0.0.9:5060")
    assert incoming.caller == "13855812345"
    assert incoming.called == "12345"
    assert incoming.sip_call_id == "abc@host"
    assert incoming.source == "10.0.0.9:5060"
    assert incoming.offers_media


@pytest.mark.parametrize(
    ("header", "caller"),
    [
        ('From: "张三" <sip:+8613855812345@x>;tag=1', "13855812345"),
        ("f: <sip:0558-2212345@x>;tag=1", "05582212345"),
        ("From: sip:008613855812345@x;tag=1", "13855812345"),
        ("From: <tel:+8613855812345>;tag=1", "13855812345"),
        ("From: Anonymous <sip:anonymous@anonymous.invalid>;tag=1", ""),
        ("From: <sip:alice@x>;tag=1", ""),
        ("From: garbage", ""),
        ("P-Asserted-Identity: <sip:１３８５５８１２３４５@x>", ""),
        ("P-Asserted-Identity: <sip:١٣٨٥٥٨@x>", ""),
    ],
)
def test_calling_number(header: str, caller: str) -> None:
    assert read_invite(invite(header, SDP), "x:1").caller == caller


def test_asserted_identity_wins_over_from() -> None:
    message = invite("From: <sip:999@x>;tag=1", "P-Asserted-Identity: <sip:13955800000@core>", SDP)
    assert read_invite(message, "x:1").caller == "13955800000"


def test_privacy_withholds_the_number() -> None:
    assert read_invite(invite("From: <sip:13855812345@x>", "Privacy: id", SDP), "x:1").caller == ""


def test_folded_header_is_read_whole() -> None:
    assert read_invite(invite("From:\r\n <sip:13855812345@x>", SDP), "x:1").caller == "13855812345"


def test_without_an_offer() -> None:
    assert not read_invite(invite("From: <sip:1@x>", body=""), "x:1").offers_media


@pytest.mark.parametrize("message", ["", "\r\n", "INVITE", "INVITE sip:\r\n:\r\n\r\n", "\x00\xff: \r\n\r\n"])
def test_nonsense_is_survived(message: str) -> None:
    assert read_invite(message, "x:1").caller == ""


@pytest.mark.parametrize(
    ("line", "reachable"),
    [
        ("c=IN IP4 192.0.2.1", True),
        ("c=IN IP4 224.2.17.12/127", True),
        ("c=IN IP6 2001:db8::1", True),
        ("c=IN IP4 0.0.0.0", True),
        ("c=IN IP4 media.example.test", False),
        ("c=IN IP4 fe80::1%eth0", False),
        ("a=rtcp:40001", True),
        ("a=rtcp:40001 IN IP4 192.0.2.1", True),
        ("a=rtcp:40001 IN IP4 media.example.test", False),
    ],
)
def test_offers_that_name_hosts(line: str, *, reachable: bool) -> None:
    assert names_addresses(f"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\n{line}\r\n") is reachable
