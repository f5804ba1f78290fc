"""Input meant to hurt, over real SIP: after each kind the same gateway takes the next call and files its ticket."""

from __future__ import annotations

import contextlib
import random
import resource
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from acceptance.conftest import eventually
from acceptance.hostile import torture
from acceptance.hostile.fuzz import mutate
from acceptance.hostile.wire import Stream, Wire, sdp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUFFER = 8000  # PJSIP_MAX_PKT_LEN of native/config_site.h
MEGABYTE = 1_000_000
REFUSED = {400, 415, 488}  # what an offer that cannot be met may get
NEVER_ACKNOWLEDGED_SECONDS = 32  # 64 × T1 (RFC 3261, 13.3.1.4)
SHORT_CALL = {
    "name": "下一个电话",
    "caller": "13855812345",
    "steps": [
        {"pause": 1.0},
        {"say": "我家停水三天了没人管", "over": True},
        {"press": "#"},
        {"pause": 1.0},
        "hang_up",
    ],
}


class Target:
    """The house under attack, and the sockets to attack it with."""

    def __init__(self, house: Any) -> None:
        self.house = house
        self.gateway = house.child("gateway")

    def wire(self) -> Wire:
        return Wire(self.house.sip_port)

    def stream(self) -> Stream:
        return Stream(self.house.sip_port)

    def answers_options(self) -> bool:
        with self.wire() as wire:
            answer = wire.ask(wire.request("OPTIONS"), 4)
        return answer is not None and answer.status == 200

    def assert_alive(self) -> None:
        """The same process answers, its SIP worker and its event loop (within two seconds)."""
        assert self.house.child("gateway") == self.gateway
        assert self.answers_options()
        assert self.house.health() is not None

    def assert_empties(self) -> None:
        """No call is left over, once those that nobody acknowledged have been given up."""
        deadline = time.monotonic() + NEVER_ACKNOWLEDGED_SECONDS + 30
        while self.house.health()["calls"]:
            assert time.monotonic() < deadline, self.house.health()
            self.assert_alive()
            time.sleep(0.5)

    def assert_serves(self) -> None:
        """The same process takes the next call, whose ticket the intake accepts."""
        self.assert_alive()
        (result,) = self.house.calls([SHORT_CALL])
        assert not result["failure"]
        ticket = self.house.whole_ticket(result["sip_call_id"])
        assert "停水" in ticket["appeal"]["content"]
        assert self.house.child("gateway") == self.gateway


@pytest.fixture(scope="module")
def target(make_house_once: Callable[..., Any]) -> Target:
    house = make_house_once()
    house.start()
    return Target(house)


@pytest.fixture(scope="module")
def nameless(
    make_house_once: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """A house whose name server takes every question and answers none. Needs root, as the whole set-up does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hole:
        hole.bind(("127.0.53.53", 53))
        resolver = tmp_path_factory.mktemp("hole") / "resolv.conf"
        resolver.write_text("nameserver 127.0.53.53\n")
        house = make_house_once()
        script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        house.hotline = ("unshare", "--mount", "sh", "-c", script, str(resolver), *house.hotline)
        house.start()
        yield Target(house)


@pytest.fixture(autouse=True)
def attacked(request: pytest.FixtureRequest) -> Iterator[Target]:
    """After every test the same process answers, and nothing has come to a boundary of the program."""
    target: Target = request.getfixturevalue("target" if "target" in request.fixturenames else "nameless")
    before = len(target.house.log())
    yield target
    target.assert_alive()
    assert target.house.faults(before) == []


@pytest.fixture
def last_of_its_kind(attacked: Target) -> Iterator[None]:
    """After each kind the next call gives its ticket."""
    yield
    attacked.assert_serves()


# --- a message that is too large ---
def test_a_megabyte_is_too_large_and_the_connection_goes_on(target: Target) -> None:
    with target.stream() as stream:
        inner = stream.request("OPTIONS")
        body = (b"x" * 9000 + b"\r\n" + inner.encode()) * 110
        request = stream.request(body=body[:MEGABYTE])
        stream.send(request.encode())
        answer = stream.answer()
        assert answer
        assert answer.raw.startswith(b"SIP/2.0 413 Request Entity Too Large\r\n")
        assert answer.headers["Via"].startswith(f"SIP/2.0/TCP 127.0.0.1:{stream.local_port};rport=")
        assert f"branch={request.branch}" in answer.headers["Via"]
        assert answer.headers["Call-ID"] == request.call_id
        assert answer.headers["CSeq"] == "1 INVITE"
        assert answer.headers["From"] == f"<sip:13855812345@127.0.0.1>;tag={request.call_id[:8]}"
        assert answer.headers["To"].startswith("<sip:12345@127.0.0.1>;tag=")
        assert answer.headers["Content-Length"] == "0"
        after = stream.request("OPTIONS")
        stream.send(after.encode())
        answer = stream.answer()
        assert answer
        assert (answer.status, answer.headers["Call-ID"]) == (
            200,
            after.call_id,
        )  # and none to the inner ones
        assert stream.answer(0.5) is None


def test_the_limit_is_the_buffer(target: Target) -> None:
    with target.stream() as stream:
        for size, status in (
            (BUFFER - 1, 200),
            (BUFFER, 200),
            (BUFFER + 1, 413),
            (2 * BUFFER, 413),
            (BUFFER, 200),
        ):
            request = stream.request("OPTIONS", headers={"Content-Length": "00000"}, body=b"x")
            length = size - len(request.encode()) + 1
            request.headers, request.body = {"Content-Length": f"{length:05}"}, b"x" * length
            assert len(request.encode()) == size
            for start in range(0, size, 3001):
                stream.send(request.encode()[start : start + 3001])
                time.sleep(0.01)
            answer = stream.answer()
            assert answer, size
            assert (answer.status, answer.headers["Call-ID"]) == (status, request.call_id), size


def test_the_refusal_does_not_wait_for_the_body(target: Target) -> None:
    with target.stream() as stream:
        request = stream.request(headers={"Content-Length": str(2**31 - 1)}, body=b"")
        stream.send(request.encode())
        answer = stream.answer()
        assert answer
        assert answer.status == 413


def test_what_is_too_large_but_no_request_gets_no_answer(target: Target) -> None:
    with target.stream() as stream:
        ack = stream.request("ACK", body=b"x" * BUFFER)
        response = stream.request(body=b"x" * BUFFER)
        stream.send(ack.encode())
        stream.send(response.encode().replace(f"INVITE {response.uri} SIP/2.0".encode(), b"SIP/2.0 200 OK"))
        for lacking in ("Via", "From", "To", "Call-ID", "CSeq"):
            stream.send(stream.request(headers={lacking: None}, body=b"x" * BUFFER).encode())
        after = stream.request("OPTIONS")
        stream.send(after.encode())
        answer = stream.answer()
        assert answer
        assert (answer.status, answer.headers["Call-ID"]) == (200, after.call_id)


def test_headers_without_end_close_the_connection(target: Target) -> None:
    with target.stream() as stream:
        stream.send(stream.request(more=b"X: " + b"y" * BUFFER + b"\r\n").encode())
        assert stream.is_closed()


def test_large_messages_leave_no_memory_behind(target: Target) -> None:
    def refuse(times: int) -> None:
        for _ in range(times):
            with target.stream() as stream:
                stream.send(stream.request(body=b"x" * MEGABYTE).encode())
                answer = stream.answer()
                assert answer
                assert answer.status == 413

    refuse(5)
    before = target.gateway.memory_info().rss
    refuse(60)
    assert target.gateway.memory_info().rss - before < 30 * MEGABYTE


@pytest.mark.usefixtures("last_of_its_kind")
def test_streams_that_make_no_sense(target: Target) -> None:
    for length in ("-1", "99999999999999999999", "many", "", None):
        with target.stream() as stream:
            stream.send(stream.request(headers={"Content-Length": length}).encode())
    for data in torture.garbage():
        with target.stream() as stream:
            stream.send(data)
    with target.stream() as stream:
        for part in torture.torn(stream.request):
            stream.send(part)
    streams = [target.stream() for _ in range(100)]
    for stream in streams:
        stream.send(b"INVITE sip:12345@127.0.0.1 SIP/2.0\r\nVia: ")
    target.assert_alive()
    for stream in streams:
        with stream:
            pass


@pytest.fixture
def few_descriptors(target: Target) -> Iterator[None]:
    """The gateway may open sixty more than it has open, while it is attacked."""
    pid, limits = target.gateway.pid, resource.prlimit(target.gateway.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (target.gateway.num_fds() + 60, limits[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


@pytest.mark.usefixtures("few_descriptors")
def test_more_connections_than_descriptors(target: Target) -> None:
    """Whom the gateway cannot let in it refuses, and lets in when there is room again; who talks, talks on."""
    house = target.house
    calling = house.start_calls([SHORT_CALL])
    eventually(lambda: house.health()["calls"] == 1, 20, "the call")
    results = None
    for _ in range(2):
        with contextlib.ExitStack() as streams:
            refused = 0
            for _ in range(200):
                stream = streams.enter_context(target.stream())
                with contextlib.suppress(OSError):
                    stream.send(stream.request("OPTIONS").encode())
                    refused += stream.answer(2) is None
            assert refused >= 50
            idle = sum(target.gateway.cpu_times()[:2])
            time.sleep(2)
            assert sum(target.gateway.cpu_times()[:2]) - idle < 1  # nothing is tried without end
            assert target.answers_options()
            results = results or house.results(calling)

        def lets_in() -> bool:
            with target.stream() as stream:
                stream.send(stream.request("OPTIONS").encode())
                answer = stream.answer(2)
            return answer is not None and answer.status == 200

        eventually(lets_in, 20, "a connection that is let in")
    assert house.child("gateway") == target.gateway
    assert results
    assert (results[0]["failure"], results[0]["hung_up_by"]) == ("", "caller")


@pytest.mark.usefixtures("last_of_its_kind")
def test_a_datagram_beyond_the_buffer(target: Target) -> None:
    with target.wire() as wire:
        for request in (
            wire.request(body=sdp() + b"a=x\r\n" * 12000),
            wire.request(more=b"X: y\r\n" * 10000),
        ):
            wire.end(wire.ask(request, 2))


# --- offers ---
def test_offers_that_cannot_become_a_call_are_refused(target: Target) -> None:
    statuses = {}
    with target.wire() as wire:
        for name, offer in torture.bad_offers().items():
            statuses[name] = wire.ask(wire.request(body=offer))
            wire.end(statuses[name])
    assert {
        name: a.status if a else None for name, a in statuses.items() if not a or a.status not in REFUSED
    } == {}


def test_offers_that_are_odd_get_an_answer(target: Target) -> None:
    with target.wire() as wire:
        for name, offer in torture.odd_offers().items():
            answer = wire.ask(wire.request(body=offer))
            wire.end(answer)
            assert answer, name
            assert answer.status in {200, *REFUSED}, name


@pytest.mark.usefixtures("last_of_its_kind")
def test_a_call_survives_what_is_offered_within_it(target: Target) -> None:
    offers = {
        "held": (sdp(direction="sendonly"), {200}),
        "inactive": (sdp(direction="inactive"), {200}),
        "no address": (sdp("0.0.0.0"), {200}),
        "back again": (sdp(port=40010), {200}),
        "host name": (sdp("media.example.invalid"), REFUSED),
        "host of 300 characters": (sdp("a" * 300), REFUSED),
        "binary": (bytes(range(256)), REFUSED),
        "no codec of ours": (torture.bad_offers()["no codec of ours"], REFUSED),
        "port zero": (sdp(port=0), {200, *REFUSED}),
        "and back": (sdp(), {200}),
    }
    with target.wire() as wire:
        request = wire.request()
        answer = wire.ask(request)
        assert answer
        assert answer.status == 200
        wire.acknowledge(answer, b"\xff\0garbage" * 50)
        within: dict[str, Any] = {"call_id": request.call_id, "headers": {"To": answer.headers["To"]}}
        for number, (name, (offer, statuses)) in enumerate(offers.items(), 2):
            again = wire.ask(wire.request(body=offer, cseq=number, **within))
            assert again, name
            assert again.status in statuses, name
            wire.acknowledge(again)
        info = wire.ask(wire.request("INFO", body=b"Signal=\xff\r\n" * 100, cseq=20, **within))
        refer = wire.ask(wire.request("REFER", more=b"Refer-To: <sip:1@127.0.0.1:9>\r\n", cseq=21, **within))
        assert info
        assert refer
        assert refer.status >= 300
        bye = wire.ask(wire.request("BYE", cseq=22, **within))
        assert bye
        assert bye.status == 200


# --- methods, headers, and what is no SIP ---
def test_methods_nobody_waits_for(target: Target) -> None:
    with target.wire() as wire:
        for method in torture.OUTSIDE_A_CALL:
            wire.send(wire.request(method).encode())
        for method, status in (("SUBSCRIBE", 400), ("CANCEL", 481)):
            answer = wire.ask(wire.request(method))
            assert answer
            assert answer.status >= status
        wire.send(wire.request("ACK").encode())
        for answer in wire.answers(1):
            assert answer.status == 0 or answer.status >= 400
            wire.end(answer)


def test_answers_nobody_asked_for(target: Target) -> None:
    with target.wire() as wire:
        for message in torture.answers_nobody_asked_for(wire.request):
            wire.send(message)
        assert list(wire.answers(1)) == []


@pytest.mark.parametrize("kind", ["odd_headers", "odd_targets", "without"])
def test_torture(target: Target, kind: str) -> None:
    with target.wire() as wire:
        for name, message in getattr(torture, kind)(wire.request).items():
            wire.send(message)
            for answer in wire.answers(0.05):
                if answer.status >= 200:
                    wire.end(answer)
            assert target.answers_options(), name
        for answer in wire.answers(1):
            if answer.status >= 200:
                wire.end(answer)


@pytest.mark.usefixtures("last_of_its_kind")
def test_garbage(target: Target) -> None:
    with target.wire() as wire:
        for message in [*torture.garbage(), *torture.torn(wire.request)]:
            wire.send(message)
            assert target.answers_options(), message[:40]


# --- the course of a call ---
def test_one_call_id_five_hundred_times(target: Target) -> None:
    with target.wire() as wire:
        first = wire.request()
        for _ in range(100):
            wire.send(first.encode())  # as retransmissions
        for number in range(400):
            wire.send(wire.request(call_id=first.call_id, cseq=number % 40 + 1).encode())
        statuses = set()
        for answer in wire.answers(3):
            if answer.status >= 200:
                statuses.add(answer.status)
                wire.end(answer)
        assert 200 in statuses
        assert statuses <= {200, 482, 488, 500, 503}


@pytest.mark.usefixtures("last_of_its_kind")
def test_cancelled_at_once(target: Target) -> None:
    with target.wire() as wire:
        for number in range(60):
            request = wire.request()
            wire.send(request.encode())
            time.sleep(0.0005 * (number % 12))
            cancel = wire.request("CANCEL", call_id=request.call_id, branch=request.branch)
            wire.send(cancel.encode())
        finals: dict[str, set[int]] = {}
        for answer in wire.answers(3):
            if answer.status >= 200 and answer.headers["CSeq"].endswith("INVITE"):
                finals.setdefault(answer.headers["Call-ID"], set()).add(answer.status)
                wire.end(answer)
        assert len(finals) == 60
        assert all(statuses in ({200}, {487}) for statuses in finals.values())


# --- dice ---
@pytest.mark.usefixtures("last_of_its_kind")
def test_damaged_invites(target: Target) -> None:
    dice = random.Random(12345)
    deadline = time.monotonic() + 25
    sent = 0
    with target.wire() as wire:
        while sent < 4000 and time.monotonic() < deadline:
            # Most offers hold no codec of ours, so that most of those which are still INVITEs do not become calls.
            offer = sdp() if sent % 10 == 0 else torture.bad_offers()["no codec of ours"]
            wire.send(mutate(dice, wire.request(body=offer).encode()))
            sent += 1
            if sent % 40 == 0:
                assert target.answers_options(), sent
                for answer in wire.answers(0.01):
                    if answer.status >= 200:
                        wire.end(answer)
        for answer in wire.answers(1):
            if answer.status >= 200:
                wire.end(answer)
    assert sent >= 1000


# --- what lasts ---
@pytest.mark.soak
@pytest.mark.usefixtures("last_of_its_kind")
def test_never_acknowledged_and_never_said(target: Target) -> None:
    with target.wire() as wire, target.stream() as silent, target.stream() as half:
        half.send(half.request().encode()[:100])
        for _ in range(20):
            answer = wire.ask(wire.request())
            assert answer
            assert answer.status == 200
        assert target.house.health()["calls"] >= 20
        target.assert_empties()
        assert silent.is_closed(NEVER_ACKNOWLEDGED_SECONDS)
        assert half.is_closed(NEVER_ACKNOWLEDGED_SECONDS)


@pytest.mark.soak
@pytest.mark.usefixtures("last_of_its_kind")
def test_a_name_that_nobody_answers_for_stops_nobody(nameless: Target) -> None:
    """The name server is a hole: what a stranger's headers and SDP name must not be waited for."""
    name = "slow.example.test"
    with nameless.wire() as wire:
        via = f"SIP/2.0/UDP 127.0.0.1:{wire.local_port};rport;branch="
        requests = [
            wire.request(body=sdp(name)),
            wire.request(body=sdp(more=f"a=rtcp:40001 IN IP4 {name}")),
            wire.request(headers={"Contact": f"<sip:a@{name}>"}),
            wire.request(headers={"Record-Route": f"<sip:{name};lr>"}),
            wire.request("OPTIONS", headers={"Via": f"{via}z9hG4bKm;maddr={name}"}),
            wire.request(headers={"Via": f"{via}z9hG4bKn;maddr={name}"}),
        ]
        statuses = []
        for request in requests:
            wire.send(request.encode())
            nameless.assert_alive()  # a wait for the name server would take ten seconds
            answer = wire.final(request.call_id, 1)
            statuses.append(answer.status if answer else None)
        assert statuses == [488, 488, 200, 200, None, None]
    nameless.assert_empties()  # nobody acknowledges, so the gateway sends BYE to those names
