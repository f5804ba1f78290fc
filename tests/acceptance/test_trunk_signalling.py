"""SIP as trunks and switches send it, over real SIP: what it says, whatever its spelling, and what it gets."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import pytest
from acceptance.hostile.wire import LOOPBACK, Answer, Request, Stream, Wire, sdp
from waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CAP, RETRY_AFTER = 30, 7
SERVED = {"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "PRACK"}
OUTSIDE = {
    **dict.fromkeys(["BYE", "INFO", "UPDATE", "PRACK", "CANCEL"], 481),
    **dict.fromkeys(["SUBSCRIBE", "NOTIFY", "REGISTER", "PUBLISH", "REFER", "MESSAGE", "PING"], 405),
    "OPTIONS": 200,
}
ISUP = b"\x01\x00\x0a\x00\x02\x09\x07\x03\x13\r\n\x90"
OPTIONAL = "Content-Disposition: signal;handling=optional\r\n"


@pytest.fixture(scope="module")
def house(make_house_once: Callable[..., Any]) -> Any:
    house = make_house_once(sip={"cap": CAP, "retry_after_seconds": RETRY_AFTER})
    house.start()
    return house


@pytest.fixture
def wire(house: Any) -> Iterator[Wire]:
    with Wire(house.sip_port) as wire:
        yield wire


@pytest.fixture(autouse=True)
def no_boundary_reached(house: Any) -> Iterator[None]:
    before = len(house.log())
    yield
    assert house.faults(before) == []


class Ear:
    """Where a caller hears the gateway: an RTP socket and the SDP that names it."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((LOOPBACK, 0))
        self.sdp = sdp(port=self._socket.getsockname()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def hears(self, seconds: float = 5.0) -> bool:
        """Whether a packet of A-law (RFC 3551) comes in time."""
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(2000)[1] & 0x7F == 8
        except TimeoutError:
            return False


@dataclass
class Dialog:
    """A call that stands, and its caller's numbering."""

    wire: Wire
    request: Request
    answer: Answer

    def ask(self, method: str, body: bytes = b"", **fields: Any) -> Answer:
        self.request.cseq += 1
        headers = {"To": self.answer.headers["To"], **fields.pop("headers", {})}
        request = self.wire.request(
            method, call_id=self.request.call_id, cseq=self.request.cseq, body=body, headers=headers, **fields
        )
        answer = self.wire.ask(request)
        assert answer, method
        if method == "INVITE":
            self.wire.acknowledge(answer)
        return answer


@contextlib.contextmanager
def call(wire: Wire, acknowledgement: bytes = b"", **fields: Any) -> Iterator[Dialog]:
    """A call with these peculiarities; it must be answered with audio, and ends with a BYE that is taken."""
    request = wire.request(**fields)
    answer = wire.ask(request)
    assert answer
    assert answer.status == 200, answer.raw
    assert re.search(rb"m=audio [1-9]\d* RTP/AVP 8", answer.body)
    wire.acknowledge(answer, acknowledgement)
    dialog = Dialog(wire, request, answer)
    yield dialog
    assert dialog.ask("BYE").status == 200


def refusal(wire: Wire, **fields: Any) -> Answer:
    answer = wire.ask(wire.request(**fields))
    assert answer
    wire.end(answer)
    return answer


def allowed(answer: Answer) -> set[str]:
    return set(re.split(r"\s*,\s*", answer.headers["Allow"]))


# --- methods ---
@pytest.mark.parametrize(("method", "status"), OUTSIDE.items())
def test_methods_outside_a_call(house: Any, wire: Wire, method: str, status: int) -> None:
    more = (
        b"Event: message-summary\r\nRefer-To: <sip:1@127.0.0.1:9>\r\nRAck: 1 1 INVITE\r\nMax-Forwards: 0\r\n"
    )
    for extra in (b"", more):
        answer = wire.ask(wire.request(method, more=extra, body=b"hello" if extra else b""), 2)
        assert answer
        assert answer.status == status
        if status != 481:
            assert allowed(answer) == SERVED
    with Stream(house.sip_port) as stream:
        stream.send(stream.request(method).encode())
        found = stream.answer(2)
        assert found
        assert found.status == status


@pytest.mark.parametrize("method", sorted({*OUTSIDE, "INVITE"} - {"REGISTER", "CANCEL"}))
def test_methods_of_a_call_that_is_no_more(wire: Wire, method: str) -> None:
    answer = wire.ask(wire.request(method, to_tag="gone"), 2)
    assert answer
    assert answer.status == 481
    wire.end(answer)


def test_an_ack_of_nothing_gets_no_answer(wire: Wire) -> None:
    wire.send(wire.request("ACK").encode())
    wire.send(wire.request("ACK", to_tag="gone").encode())
    assert list(wire.answers(0.5)) == []


def test_what_options_tell(wire: Wire) -> None:
    answer = wire.ask(wire.request("OPTIONS"))
    assert answer
    assert answer.status == 200
    assert {"application/sdp", "multipart/mixed"} <= set(answer.headers["Accept"].split(", "))
    with call(wire) as dialog:
        assert allowed(dialog.answer) == SERVED
        within = dialog.ask("OPTIONS")
        assert (within.status, within.headers["Accept"]) == (200, answer.headers["Accept"])
        assert allowed(within) == SERVED


def test_methods_within_a_call(wire: Wire) -> None:
    with call(wire) as dialog:
        for _ in range(2):
            assert dialog.ask("INFO").status == 200
        assert dialog.ask("INFO", more=b"Content-Type: application/sdp\r\n").status == 200
        assert dialog.ask("NOTIFY", more=b"Event: keep-alive\r\n").status == 489
        assert dialog.ask("NOTIFY").status == 489
        assert dialog.ask("UPDATE", sdp()).status == 200
        for method in ("SUBSCRIBE", "MESSAGE", "PUBLISH", "REGISTER", "PING"):
            answer = dialog.ask(method, b"hello", headers={"Content-Type": "text/plain"})
            assert (answer.status, allowed(answer)) == (405, SERVED), method
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as target:  # nobody is dialled for a stranger
            target.bind(("127.0.0.1", 0))
            target.settimeout(1)
            wanted = f"Refer-To: <sip:0088212345678@127.0.0.1:{target.getsockname()[1]}>\r\n"
            assert dialog.ask("REFER", more=wanted.encode()).status == 603
            with pytest.raises(TimeoutError):
                target.recv(65536)


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/vnd.example.ping",
        "APPLICATION/X-Broadworks-Call-Center+XML;charset=utf-8",
        "application\r\n /isup ; version=itu-t92+",
    ],
)
def test_info_that_nobody_here_understands(wire: Wire, kind: str) -> None:
    with call(wire) as dialog:
        spelled: list[dict[str, Any]] = [
            {"headers": {"Content-Type": kind}},
            {"headers": {"Content-Type": None, "c": kind}},
            {"headers": {"Content-Type": None, "cOnTeNt-tYpE ": kind}},
        ]
        for fields in spelled:
            answer = dialog.ask("INFO", b"ping", **fields)
            assert answer.status == 415, fields
            assert answer.headers["Accept"]
        optional = {"Content-Type": kind, "Content-Disposition": 'signal ;\r\n HANDLING = "optional"'}
        assert dialog.ask("INFO", ISUP, headers=optional).status == 200
        package = {"Content-Type": kind, "info-package": "example.keepalive"}
        assert dialog.ask("INFO", b"ping", headers=package).status == 469
        assert dialog.ask("INFO").status == 200


def test_a_request_that_comes_again_gets_the_same_answer(wire: Wire) -> None:
    with call(wire) as dialog:
        dialog.request.cseq += 1
        again = wire.request(
            "INFO",
            call_id=dialog.request.call_id,
            cseq=dialog.request.cseq,
            headers={"To": dialog.answer.headers["To"]},
        )
        assert [answer.status for answer in (wire.ask(again), wire.ask(again)) if answer] == [200, 200]
        older = wire.request(
            "INFO", call_id=again.call_id, cseq=again.cseq - 1, headers={"To": dialog.answer.headers["To"]}
        )
        answer = wire.ask(older)
        assert answer
        assert answer.status == 500  # RFC 3261, 12.2.2


# --- where the offer stands ---
def part(kind: str, content: bytes, more: str = "") -> bytes:
    return f"Content-Type: {kind}\r\n{more}\r\n".encode() + content


def multipart(*parts: bytes, boundary: str = "b-1", preamble: bytes = b"", eol: bytes = b"\r\n") -> bytes:
    mark = b"--" + boundary.encode()
    return preamble + b"".join(mark + eol + each + eol for each in parts) + mark + b"--" + eol


MIXED = "multipart/mixed;boundary=b-1"
SIGNAL = part("application/isup;version=itu-t92+;base=itu-t92+", ISUP, OPTIONAL)


def wrapped(offer: bytes) -> dict[str, tuple[str, bytes]]:
    """The offer in multipart bodies: their Content-Type, and they."""
    plain = part("application/sdp", offer)
    inner = multipart(SIGNAL, plain, boundary="in")
    return {
        "offer first": (MIXED, multipart(plain, SIGNAL)),
        "offer last": (MIXED, multipart(SIGNAL, plain)),
        "quoted boundary": ('Multipart/Mixed; boundary="b-1"', multipart(plain, SIGNAL)),
        "blanks and parameters": ("multipart/mixed ; x=y ;\r\n boundary = b-1", multipart(plain, SIGNAL)),
        "no boundary named": ("multipart/mixed", multipart(plain, SIGNAL)),
        "a preamble": (MIXED, multipart(SIGNAL, plain, preamble=b"This is multipart.\r\n")),
        "an epilogue": (MIXED, multipart(SIGNAL, plain) + b"and that was all\r\n"),
        "ends in NULs": (MIXED, multipart(SIGNAL, plain) + b"\0\0\0\0"),
        "the part's type in short": (MIXED, multipart(b"c: APPLICATION/SDP\r\n\r\n" + offer)),
        "the part's type with a parameter": (MIXED, multipart(part("application/sdp; charset=UTF-8", offer))),
        "handling required": (
            MIXED,
            multipart(
                part("application/sdp", offer, "Content-Disposition: session;handling=required\r\n"),
                part("application/isup", ISUP, "Content-Disposition: signal;handling=required\r\n"),
            ),
        ),
        "alternatives": ("multipart/alternative;boundary=b-1", multipart(part("text/plain", b"call"), plain)),
        "related": ("multipart/related;boundary=b-1", multipart(plain, SIGNAL)),
        "a part of a part": (MIXED, multipart(part("multipart/mixed;boundary=in", inner), SIGNAL)),
        "an early session beside it": (
            MIXED,
            multipart(
                part("application/sdp", sdp("192.0.2.1"), "Content-Disposition: early-session\r\n"), plain
            ),
        ),
    }


@pytest.mark.parametrize("name", wrapped(b""))
def test_an_offer_within_a_multipart_body(wire: Wire, name: str) -> None:
    with Ear() as ear:
        kind, body = wrapped(ear.sdp)[name]
        with call(wire, body=body, headers={"Content-Type": kind}) as dialog:
            assert ear.hears()
            with Ear() as other:
                kind, body = wrapped(other.sdp)[name]
                again = dialog.ask("INVITE", body, headers={"Content-Type": kind})
                assert (again.status, b"m=audio" in again.body) == (200, True)
                assert other.hears()


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (MIXED, b"no part at all", 400),
        (MIXED, multipart(SIGNAL)[:-8], 400),
        (MIXED, multipart(part("application/sdp", b"v=0\r\n")), 400),
        (MIXED, multipart(part("application/isup", ISUP)), 415),
        ("application/isup", ISUP, 415),
        ("text/plain", b"call me", 415),
    ],
)
def test_bodies_that_cannot_become_a_call(wire: Wire, kind: str, body: bytes, status: int) -> None:
    assert refusal(wire, body=body, headers={"Content-Type": kind}).status == status


# --- an INVITE without an offer (RFC 3261, 13.3.1.4) ---
WITHOUT_OFFER: dict[str, dict[str, Any]] = {
    "no body": {"body": b""},
    "an empty body with a type": {"body": b"", "headers": {"Content-Type": "application/sdp"}},
    "only ISUP": {"body": multipart(SIGNAL), "headers": {"Content-Type": MIXED}},
    "only ISUP, not wrapped": {
        "body": ISUP,
        "headers": {
            "c": "application/isup",
            "Content-Type": None,
            "Content-Disposition": "signal;handling=optional",
        },
    },
}


@pytest.mark.parametrize("name", WITHOUT_OFFER)
def test_an_invite_without_an_offer_gets_ours(wire: Wire, name: str) -> None:
    with Ear() as ear, call(wire, ear.sdp, **WITHOUT_OFFER[name]) as dialog:
        assert b"telephone-event/8000" in dialog.answer.body
        assert ear.hears()


def test_a_reinvite_without_an_offer_gets_ours(wire: Wire) -> None:
    with Ear() as ear, call(wire, body=ear.sdp) as dialog:
        assert ear.hears()
        again = dialog.ask("INVITE")
        assert (again.status, b"m=audio" in again.body) == (200, True)
        assert dialog.ask("INFO").status == 200


@pytest.mark.parametrize("reason", ["host name", "IPv6", "no codec of ours", "not SDP"])
def test_an_answer_that_cannot_be_met_ends_the_call(house: Any, wire: Wire, reason: str) -> None:
    answers = {
        "host name": sdp("media.example.invalid"),
        "IPv6": sdp("::1").replace(b"IP4 ::1", b"IP6 ::1"),
        "no codec of ours": sdp().replace(b"AVP 8 101", b"AVP 3").replace(b"PCMA", b"GSM"),
        "not SDP": b"<xml/>",
    }
    request = wire.request(body=b"")
    answer = wire.ask(request)
    assert answer
    assert answer.status == 200
    wire.acknowledge(answer, answers[reason])
    bye = next((a for a in wire.answers(10) if a.raw.startswith(b"BYE ")), None)
    assert bye, reason
    wire.agree(bye)
    eventually(lambda: house.health()["calls"] == 0, 20, "the end of the call")


# --- addresses of another family ---
def ip6(offer: bytes) -> bytes:
    return offer.replace(b"c=IN IP4 127.0.0.1", b"c=IN IP6 ::1")


@pytest.mark.parametrize(
    "offer",
    [
        ip6(sdp()),
        ip6(sdp()).replace(b"IN IP6 ::1", b"IN IP6 2001:db8::1/127"),
        sdp("::1"),
        sdp(more="c=IN IP6 ::1"),
        sdp(more="a=rtcp:40001 IN IP6 ::1"),
        sdp(more="a=rtcp:40001 IN IP4 media.example.invalid"),
    ],
)
def test_an_offer_of_another_address_family(wire: Wire, offer: bytes) -> None:
    answer = refusal(wire, body=offer)
    assert (answer.status, answer.headers["Warning"][:4]) == (488, "301 ")
    with Ear() as ear, call(wire, body=ear.sdp) as dialog:
        again = dialog.ask("INVITE", offer)
        assert (again.status, again.headers["Warning"][:4]) == (488, "301 ")
        assert dialog.ask("UPDATE", offer).status == 488
        assert ear.hears()


def test_a_stream_we_can_send_to_is_enough(wire: Wire) -> None:
    with Ear() as ear:
        session, _, stream = ear.sdp.partition(b"m=")
        other = b"m=audio 40000 RTP/AVP 8\r\nc=IN IP6 ::1\r\n"
        for offer in (
            ip6(session) + b"m=" + stream + b"c=IN IP4 127.0.0.1\r\n",
            session + b"m=" + stream + other,
        ):
            with call(wire, body=offer):
                assert ear.hears()


# --- what stands around a message ---
AFTER = (b"\0" * 4, b"\0", b"\r\n\r\n", b"\r\n\0\0", b"\xff\xfejunk", b"OPTIONS sip:1@x SIP/2.0\r\n")


@pytest.mark.parametrize("junk", AFTER)
def test_what_follows_a_message_in_its_datagram(wire: Wire, junk: bytes) -> None:
    for method in ("OPTIONS", "MESSAGE"):
        request = wire.request(method)
        wire.send(b"\r\n\r\n" + request.encode() + junk)
        answer = wire.final(request.call_id, 2)
        assert answer
        assert answer.status == OUTSIDE[method]
    with Ear() as ear:
        request = wire.request(body=ear.sdp)
        wire.send(request.encode() + junk)
        answer = wire.final(request.call_id)
        assert answer
        assert answer.status == 200
        wire.acknowledge(answer)
        assert ear.hears()
        assert Dialog(wire, request, answer).ask("BYE").status == 200


def test_nuls_behind_a_body_without_a_length(wire: Wire) -> None:
    with Ear() as ear:
        request = wire.request(body=ear.sdp, headers={"Content-Length": None})
        wire.send(request.encode() + b"\0\0")
        answer = wire.final(request.call_id)
        assert answer
        wire.end(answer)
        assert answer.status == 200


def test_keep_alives_are_no_messages(wire: Wire) -> None:
    for keep_alive in (b"\r\n\r\n", b"\r\n", b"\0", b"\0\0\0\0", b"jaK", b" "):
        wire.send(keep_alive)
    assert list(wire.answers(0.5)) == []
    answer = wire.ask(wire.request("OPTIONS"))
    assert answer
    assert answer.status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "APPLICATION/SDP"},
        {"Content-Type": "application/sdp;charset=UTF-8"},
        {"Content-Type": " application \r\n\t/ sdp"},
        {"Content-Type": None, "c": "application/sdp"},
        {"Content-Type": None, "CONTENT-TYPE\t": "application/sdp"},
        {"Content-Length": None},
    ],
)
def test_an_offer_by_other_spellings(wire: Wire, headers: dict[str, str | None]) -> None:
    with Ear() as ear, call(wire, body=ear.sdp, headers=headers):
        assert ear.hears()


# --- who calls ---
def invited(house: Any, sip_call_id: str) -> dict[str, Any]:
    """What the call's journal says of its INVITE; it may be on its way from the spool to the archive just now."""

    def look() -> dict[str, Any] | None:
        for file in house.data.glob("**/events.jsonl"):
            with contextlib.suppress(FileNotFoundError):
                for line in file.read_bytes().splitlines()[:1]:
                    told: dict[str, Any] = json.loads(line)
                    if told.get("sip_call_id") == sip_call_id:
                        return told
        return None

    found = eventually(look, 10, "the call's journal")
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        ({"From": "<sip:+865582345678@ims.example;user=phone>"}, "05582345678"),
        ({"From": "<tel:+86-138-5581-2345>"}, "13855812345"),
        ({"From": '"sip:110@x" <sip:8613855812345@ims.example>'}, "13855812345"),
        ({"From": "<sip:+85223456789@ims.example>"}, "0085223456789"),
        (
            {
                "From": "<sip:400@ims.example>",
                "P-Asserted-Identity": '"Zhang, San" <sip:zhang@ims.example>,\r\n <tel:+8613855812345>',
            },
            "13855812345",
        ),
        ({"From": "<sip:13855812345@ims.example>", "privacy": "user; ID"}, ""),
    ],
)
def test_the_number_to_call_back(house: Any, wire: Wire, headers: dict[str, str], caller: str) -> None:
    headers["From"] += ";tag=1"
    request = wire.request(headers=headers)
    answer = wire.ask(request)
    assert answer
    wire.end(answer)
    assert answer.status == 200
    assert invited(house, request.call_id)["caller"] == caller


# --- a node that takes no calls; these come last ---
def options(wire: Wire) -> Answer:
    answer = wire.ask(wire.request("OPTIONS"))
    assert answer
    return answer


def test_options_of_a_full_and_of_a_draining_node(house: Any, wire: Wire) -> None:
    eventually(lambda: house.health()["calls"] == 0, 60, "the end of the calls before")
    assert options(wire).status == 200
    with contextlib.ExitStack() as calls:
        first = calls.enter_context(call(wire))
        with contextlib.ExitStack() as others:
            for _ in range(CAP - 1):
                others.enter_context(call(wire))
            eventually(lambda: options(wire).status == 503, 5, "a full node")
            assert options(wire).headers["Retry-After"] == str(RETRY_AFTER)
            assert refusal(wire).status == 503
            assert first.ask("OPTIONS").status == 200
        eventually(lambda: options(wire).status == 200, 20, "a node with room")
        house.child("gateway").terminate()
        eventually(lambda: options(wire).status == 503, 5, "a draining node")
        assert options(wire).headers["Retry-After"] == str(RETRY_AFTER)
        assert first.ask("INFO").status == 200
