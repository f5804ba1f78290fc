"""Messages that a SIP stack must survive: the ideas are those of RFC 4475, the messages our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acceptance.hostile.wire import LOOPBACK, sdp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from acceptance.hostile.wire import Request

    Make = Callable[..., Request]

OUTSIDE_A_CALL = ("REGISTER", "PUBLISH", "INFO", "REFER", "NOTIFY", "UPDATE", "PRACK", "BYE", "FOO")
"""Methods that nobody here waits for; each gets an error."""


def bad_offers() -> dict[str, bytes]:
    """SDP that cannot become a call."""
    return {
        "host of 300 characters": sdp("a" * 300),
        "host of 254 characters": sdp("a" * 254),
        "host name": sdp("media.example.invalid"),
        "host with a zone": sdp("fe80::1%lo"),
        "address with too many parts": sdp("127.0.0.0.1"),
        "no address": sdp("").replace(b"IP4 \r\n", b"IP4\r\n"),
        "IPv7": sdp().replace(b"c=IN IP4", b"c=IN IP7"),
        "not SDP": b"<xml/>\r\n",
        "only a version": b"v=0\r\n",
        "binary": bytes(range(256)) * 4,
        "port too large": sdp(port=70000),
        "negative port": sdp(port=-1),
        "payload type too large": sdp().replace(b"AVP 8 101", b"AVP 8 1234567890"),
        "no codec of ours": sdp().replace(b"AVP 8 101", b"AVP 3").replace(b"PCMA", b"GSM"),
        "dynamic payload without a name": sdp().replace(b"AVP 8 101", b"AVP 96"),
        "no media": sdp().partition(b"m=")[0],
        "only video": sdp().replace(b"m=audio", b"m=video"),
        "no formats": sdp().replace(b"AVP 8 101", b"AVP"),
    }


def odd_offers() -> dict[str, bytes]:
    """SDP that is strange; whether it becomes a call is the stack's choice."""
    return {
        "nul bytes": sdp().replace(b"s=-", b"s=\0\0\0"),
        "200 media": sdp() + b"m=audio 40002 RTP/AVP 8\r\n" * 200,
        "300 attributes": sdp() + b"a=x:y\r\n" * 300,
        "RTCP elsewhere by name": sdp(more="a=rtcp:40001 IN IP4 rtcp.example.invalid"),
        "RTCP port too large": sdp(more="a=rtcp:99999999999"),
        "clock of zero": sdp().replace(b"PCMA/8000", b"PCMA/0"),
        "huge clock": sdp().replace(b"PCMA/8000", b"PCMA/4294967295"),
        "huge ptime": sdp(more="a=ptime:4294967295"),
        "negative ptime": sdp(more="a=ptime:-20"),
        "fmtp without end": sdp(more="a=fmtp:101 " + "0-15," * 400),
        "multicast": sdp("224.2.17.12/127"),
        "any address": sdp("0.0.0.0"),
        "everybody": sdp("255.255.255.255"),
        "IPv6 as IPv4": sdp("::1"),
        "crypto that is none": sdp(more="a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"),
        "ICE": sdp(more="a=candidate:1 1 UDP 1 ice.example.invalid 9 typ host"),
        "held": sdp(direction="inactive"),
        "port zero": sdp(port=0),
        "lines ended by LF": sdp().replace(b"\r\n", b"\n"),
        "no end of line": sdp().rstrip(),
    }


def torn(make: Make) -> Iterator[bytes]:
    """An INVITE that ends early, at each of some places."""
    whole = make(headers={"CSeq": "1 INVITE"}).encode()
    for length in (1, 2, 10, 33, 60, len(whole) // 3, len(whole) // 2):
        yield whole[:length]
    yield whole.partition(b"\r\n\r\n")[0]
    yield whole.partition(b"\r\n\r\n")[0] + b"\r\n"


def without(make: Make) -> dict[str, bytes]:
    """An INVITE that lacks a header which every request must have, or has it empty or twice."""
    names = ("Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards", "Contact")
    found = {f"no {name}": make(headers={name: None}).encode() for name in names}
    found |= {f"empty {name}": make(headers={name: ""}).encode() for name in names}
    found |= {
        f"two {name}": make(more=f"{name}: x\r\n".encode()).encode()
        for name in ("From", "To", "Call-ID", "CSeq", "Content-Length")
    }
    found["nothing but the request line"] = b"INVITE sip:12345@127.0.0.1 SIP/2.0\r\n\r\n"
    return found


def odd_headers(make: Make) -> dict[str, bytes]:
    """Requests with headers that a parser stumbles over."""
    values: dict[str, dict[str, str | None]] = {
        "negative Content-Length": {"Content-Length": "-1"},
        "huge Content-Length": {"Content-Length": "99999999999999999999"},
        "Content-Length beyond the datagram": {"Content-Length": "65000"},
        "Content-Length that is no number": {"Content-Length": "many"},
        "negative CSeq": {"CSeq": "-1 INVITE"},
        "CSeq over 32 bits": {"CSeq": "36893488147419103232 INVITE"},
        "CSeq of another method": {"CSeq": "1 BYE"},
        "negative Max-Forwards": {"Max-Forwards": "-1"},
        "Max-Forwards of zero": {"Max-Forwards": "0"},
        "huge Max-Forwards": {"Max-Forwards": "4294967296"},
        "Via without a branch": {"Via": f"SIP/2.0/UDP {LOOPBACK}:9"},
        "Via of another protocol": {"Via": "SIP/3.0/CARRIER-PIGEON loft;branch=z9hG4bK1"},
        "Via port too large": {"Via": f"SIP/2.0/UDP {LOOPBACK}:65536;branch=z9hG4bK2"},
        "Via that sends answers elsewhere": {"Via": "SIP/2.0/UDP 192.0.2.1;maddr=192.0.2.9;branch=z9hG4bK3"},
        "Via with a ttl": {"Via": f"SIP/2.0/UDP {LOOPBACK}:9;ttl=999999999999;branch=z9hG4bK4"},
        "quote without end": {"From": '"caller <sip:a@b>;tag=1'},
        "From with escapes": {"From": '"\\\0\\"" <sip:%00%ff%zz@127.0.0.1>;tag=2'},
        "From as telephone number": {"From": "<tel:+8613855812345;phone-context=cn>;tag=3"},
        "From of bytes": {"From": '"\udcff\udcfe" <sip:\udc80@127.0.0.1>;tag=4'},
        "Call-ID of bytes": {"Call-ID": "\udcff\udcc0@\udcfe"},
        "Call-ID of 4,000": {"Call-ID": "c" * 4000},
        "tag of 4,000": {"From": f"<sip:1@127.0.0.1>;tag={'t' * 4000}"},
        "Contact star": {"Contact": "*"},
        "Contact list": {"Contact": "<sip:a@127.0.0.1:9>, <sip:b@127.0.0.1:9>;q=0.5"},
        "Contact by name": {"Contact": "<sip:a@caller.example.invalid>"},
        "Contact of another scheme": {"Contact": "<mailto:a@example.invalid>"},
        "Require what is unknown": {"Require": "nothingWeKnow, 100rel"},
        "Proxy-Require": {"Proxy-Require": "nothingWeKnow"},
        "Content-Type that is none": {"Content-Type": "application/nonsense"},
        "Content-Type without end": {"Content-Type": "multipart/mixed;boundary=" + "b" * 2000},
        "Content-Encoding": {"Content-Encoding": "gzip"},
        "Date of the year 0": {"Date": "Fri, 01 Jan 0000 16:00:00 EST"},
        "Expires too large": {"Expires": "1000000000000000000000"},
        "Session-Expires of a second": {"Session-Expires": "1", "Supported": "timer"},
        "Replaces": {"Replaces": "nobody@nowhere;to-tag=1;from-tag=2", "Require": "replaces"},
        "Route elsewhere": {"Route": "<sip:192.0.2.1;lr>"},
        "Record-Route by name": {"Record-Route": "<sip:proxy.example.invalid;lr>"},
    }
    found = {name: make(headers=headers).encode() for name, headers in values.items()}
    found |= {
        "1,000 headers": make(more=b"X: y\r\n" * 1000).encode(),
        "200 Via": make(more=f"Via: SIP/2.0/UDP {LOOPBACK};branch=z\r\n".encode() * 200).encode(),
        "100 Record-Route": make(more=b"Record-Route: <sip:127.0.0.1:9;lr>\r\n" * 100).encode(),
        "header of 7,000": make(more=b"X: " + b"y" * 7000 + b"\r\n").encode(),
        "header folded 500 times": make(more=b"Subject: a" + b"\r\n b" * 500 + b"\r\n").encode(),
        "header without a name": make(more=b": nothing\r\n").encode(),
        "header without a colon": make(more=b"nothing\r\n").encode(),
        "header of bytes": make(more=b"X-\xff\x00\x01: \x80\x00\xfe\r\n").encode(),
        "compact names": make()
        .encode()
        .replace(b"Via:", b"v:")
        .replace(b"From:", b"f:")
        .replace(b"To:", b"t:"),
        "lines ended by LF": make().encode().replace(b"\r\n", b"\n"),
        "lines ended by CR": make().encode().replace(b"\r\n", b"\r"),
        "blanks everywhere": make().encode().replace(b": ", b"\t : \t "),
        "two messages in one datagram": make().encode() + make("OPTIONS").encode(),
    }
    return found


def odd_targets(make: Make) -> dict[str, bytes]:
    """INVITEs to strange Request-URIs."""
    uris = (
        "sip:", "sip:@", "sip:12345", "sips:12345@127.0.0.1", "tel:12345", "tel:+86-558-12345;phone-context=x",
        "http://127.0.0.1/", "mailto:12345@127.0.0.1", "*", "<sip:12345@127.0.0.1>", "sip:12345@[::1]",
        "sip:12345@[::", "sip:12345@127.0.0.1:99999", "sip:%00%00@127.0.0.1", "sip:12345;x=%ff@127.0.0.1",
        "sip:" + "1" * 3000 + "@127.0.0.1", "sip:12345@" + "h" * 3000, "sip:12345@127.0.0.1;transport=avian",
        "sip:12345@127.0.0.1?Replaces=x%0d%0aX:y", "sip:../../../../etc/passwd@127.0.0.1", "sip:\udcff@127.0.0.1",
        "sip:12345@127.0.0.1;maddr=victim.example.invalid", "sip:'; DROP TABLE tickets; --@127.0.0.1",
    )  # fmt: skip
    found = {uri[:40]: make(target=uri).encode() for uri in uris}
    found["no target"] = make(target="").encode()
    found["SIP of the future"] = make().encode().replace(b" SIP/2.0\r\n", b" SIP/7.0\r\n", 1)
    found["version without end"] = (
        make().encode().replace(b" SIP/2.0\r\n", b" SIP/2." + b"0" * 500 + b"\r\n", 1)
    )
    return found


def answers_nobody_asked_for(make: Make) -> Iterator[bytes]:
    """Responses to requests that were never sent."""
    for line in (
        "100 Trying",
        "180 Ringing",
        "200 OK",
        "302 Elsewhere",
        "503 Go away",
        "099 ?",
        "999 ?",
        "-1 ?",
        "2",
    ):
        for method in ("INVITE", "BYE", "OPTIONS"):
            request = make(method)
            yield request.encode().replace(
                f"{method} {request.uri} SIP/2.0".encode(), f"SIP/2.0 {line}".encode(), 1
            )


def garbage() -> Iterator[bytes]:
    """Datagrams that are no SIP at all."""
    yield from (
        b"",
        b"\0",
        b"\r\n",
        b"\r\n\r\n",
        b"\0" * 1000,
        b"\xff" * 7999,
        b"\xff" * 8000,
        b"\xff" * 60000,
    )
    yield from (
        b"\r\n" * 4000,
        b":" * 500,
        b" " * 500,
        b"SIP/2.0",
        b"INVITE",
        b"INVITE " * 1000,
        b"%s%n" * 200,
    )
    yield b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    yield b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256))
    yield b"\x00\x01\x00\x08\x21\x12\xa4\x42" + bytes(20)
