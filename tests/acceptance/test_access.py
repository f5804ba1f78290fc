"""Who may call: scanners, floods and toll fraud get nothing, and the next caller is answered; a nuisance is refused."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from acceptance.hostile.wire import Stream, Wire, read_answer
from waiting import eventually

from gateway.sip.fault import SipError
from gateway.sip.pj import UserAgent
from gateway.sip.unwelcome import Rules

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from gateway.sip.unwelcome import Told, Unwelcome
pytestmark = pytest.mark.few

TRUNK, SCANNER, FLOODER = "127.0.0.9", "127.0.0.66", "127.0.0.67"
BURST, CAP = 20, 60
NUISANCE = "13855800066"
AGENT = {"User-Agent": "friendly-scanner"}


@pytest.fixture(scope="module")
def house(make_house_once: Callable[..., Any]) -> Any:
    house = make_house_once(
        sip={"cap": CAP, "drain_seconds": 1},
        access={"peers": [TRUNK], "per_source_per_second": 1, "burst": BURST},
    )
    house.start()
    return house


@pytest.fixture(autouse=True)
def no_boundary_reached(house: Any) -> Iterator[None]:
    before = len(house.log())
    yield
    assert house.faults(before) == []


@contextlib.contextmanager
def wire_from(house: Any, address: str) -> Iterator[Wire]:
    with Wire(house.sip_port, address) as wire:
        yield wire


def answer_to_trunk(house: Any) -> float:
    """Seconds until a real call of the trunk is answered; it is hung up."""
    with wire_from(house, TRUNK) as wire:
        began = time.monotonic()
        answer = wire.ask(wire.request())
        took = time.monotonic() - began
        assert answer
        assert answer.status == 200, answer.raw
        wire.end(answer)
        return took


def calls_in_progress(house: Any) -> int:
    health = house.health()
    assert health
    return int(health["calls"])


def sample(house: Any, name: str) -> float:
    _status, text = house.page("gateway.sock", "/metrics")
    (found,) = re.findall(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found)


def test_a_scanner_gets_a_few_answers_and_then_none(house: Any) -> None:
    before = sample(house, 'hotline_sip_requests_unwelcome_total{why="floods"}')
    with wire_from(house, SCANNER) as wire:
        for number in range(100):
            method = ("OPTIONS", "REGISTER")[number % 2]
            wire.send(wire.request(method, user=f"{100 + number}", headers=AGENT).encode())
        answered = sum(1 for _ in wire.answers(2.0))
    assert answered <= BURST + 10
    told = rf'"SIP source refused", "address": "{SCANNER}", "why": "floods"'
    eventually(lambda: re.search(told, house.log()), 10, "the log line that fail2ban reads")
    assert sample(house, 'hotline_sip_requests_unwelcome_total{why="floods"}') >= before + 60
    assert answer_to_trunk(house) <= 1.0


def test_calls_that_nobody_acknowledges_keep_no_caller_out(house: Any) -> None:
    with wire_from(house, FLOODER) as wire:
        for _ in range(500):
            wire.send(wire.request().encode())
        assert answer_to_trunk(house) <= 1.0
        assert calls_in_progress(house) <= BURST + 10
        eventually(lambda: calls_in_progress(house) == 0, 20, "the places to be free again")
        assert answer_to_trunk(house) <= 1.0


def test_one_source_without_limits_cannot_keep_the_places_either(house: Any) -> None:
    """The trunk itself, whose ACKs are lost: its places are free again after seconds, not after 32."""
    with wire_from(house, TRUNK) as wire:
        for _ in range(16):
            wire.send(wire.request().encode())
        with wire_from(house, SCANNER.replace("66", "68")) as other:
            began = time.monotonic()
            answer = other.ask(other.request())
            assert time.monotonic() - began <= 1.0
            assert answer
            assert answer.status == 200, answer.raw
            other.end(answer)
        eventually(lambda: calls_in_progress(house) == 0, 20, "the places to be free again")


def test_a_caller_on_the_nuisance_list_is_refused_until_he_is_taken_off(house: Any) -> None:
    def steps(*more: Any) -> dict[str, Any]:
        return {"name": "nuisance", "caller": NUISANCE, "steps": [{"wait": "prompt"}, *more]}

    run_hotline(house, "add", NUISANCE, "--reason", "多次无故拨打", "--who", "王班长")
    assert "王班长" in run_hotline(house, "list")
    eventually(lambda: '"nuisance list", "callers": 1' in house.log(), 20, "the list to be in force")
    refused, danger = house.calls([steps(), steps({"press": "9"}, {"wait": "prompt"}, "hang_up")])
    assert [r["failure"] for r in (refused, danger) if r["failure"]] == []
    assert sample(house, "hotline_calls_nuisance_total") == 2
    assert house.tickets(sip_call_id=refused["sip_call_id"]) == []
    (ticket,) = house.final_tickets(danger["sip_call_id"])
    assert "来电人按键示意有危险" in str(ticket)
    assert NUISANCE not in house.log()
    run_hotline(house, "remove", NUISANCE)
    assert "名单为空" in run_hotline(house, "list")
    eventually(lambda: '"nuisance list", "callers": 0' in house.log(), 20, "the list to be empty")
    (result,) = house.calls([steps("hang_up")])
    assert not result["failure"]
    assert sample(house, "hotline_calls_nuisance_total") == 2


def run_hotline(house: Any, *words: str) -> str:
    done = house.type("nuisance", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_who_may_call_is_taken_anew_and_a_broken_list_changes_nothing(house: Any) -> None:
    stranger = "127.0.0.71"

    def is_answered(address: str) -> bool:
        with wire_from(house, address) as wire:
            return wire.ask(wire.request("OPTIONS"), 5.0 if address == TRUNK else 1.0) is not None

    assert is_answered(stranger)
    took = set_access(house, peers=[TRUNK], allow=[TRUNK])
    assert (took.returncode, "a restart is needed" in took.stdout) == (0, False), took
    assert (is_answered(stranger), is_answered(TRUNK)) == (False, True)
    refused = set_access(house, peers=[TRUNK], allow=["127.0.0.1/24"])
    assert refused.returncode == 78
    assert f"{house.config}:" in refused.stderr
    assert "127.0.0.1/24 has host bits set" in refused.stderr
    assert (is_answered(stranger), is_answered(TRUNK)) == (False, True)
    assert set_access(house, peers=[TRUNK]).returncode == 0
    assert is_answered(stranger)
    assert answer_to_trunk(house) <= 1.0


@pytest.mark.parametrize("stays", [False, pytest.param(True, marks=pytest.mark.soak)])
def test_before_any_trunk_is_named_a_burst_leaves_places_to_others(house: Any, stays: bool) -> None:
    """Without a rate for anybody: one source takes what it can, and the next callers are answered all the same."""
    assert set_access(house, peers=[]).returncode == 0
    with wire_from(house, FLOODER) as wire:
        for _ in range(500):
            wire.send(wire.request().encode())
        began, took = time.monotonic(), []
        while time.monotonic() - began < 4.0:  # before, and after, the first ACK is overdue
            took.append(answer_to_trunk(house))
        assert max(took) <= 1.0, took
        assert [status_of_call(house, f"127.0.1.{number}") for number in range(1, 21)] == [200] * 20
        if stays:  # until the flood's calls have had their 32 s (RFC 3261, 13.3.1.4)
            eventually(lambda: calls_in_progress(house) <= 20, 40, "the flood's places to be free again")
    assert set_access(house, peers=[TRUNK]).returncode == 0


def status_of_call(house: Any, address: str) -> int:
    """How a call from there is answered; who calls stays on the line."""
    with wire_from(house, address) as wire:
        answer = wire.ask(wire.request())
        assert answer
        wire.acknowledge(answer)
        return answer.status


def set_access(house: Any, **access: Any) -> subprocess.CompletedProcess[str]:
    """Change who may call, and reload."""
    settings = yaml.safe_load(house.config.read_text())
    settings["access"] = {"per_source_per_second": 1, "burst": BURST, **access}
    house.config.write_text(yaml.safe_dump(settings))
    done: subprocess.CompletedProcess[str] = house.type("reload")
    return done


async def test_strangers_hear_nothing_and_a_call_of_ours_follows_no_redirection() -> None:
    agent = UserAgent(host="127.0.0.1", port=0, tcp=True)
    agent.guard(Rules(allow=("127.0.0.0/29",), peers=("127.0.0.9", "2001:db8::/32")))
    unwelcome: list[Unwelcome] = []
    agent.on_unwelcome = unwelcome.append
    agent.start(max_calls=4)
    try:
        port = int(agent.address.rpartition(":")[2])
        await asyncio.to_thread(probe, port)
        told: list[Told] = await asyncio.to_thread(
            eventually, lambda: [told for one in unwelcome for told in one.told], 10, "the log line"
        )
        assert {one.address for one in told} == {SCANNER}
        assert {one.why for one in told} == {"strangers"}
        with pytest.raises(SipError, match="is no network"):
            agent.guard(Rules(allow=("nowhere",)))
        agent.guard(Rules())
        with Wire(port, SCANNER) as wire:
            answer = await asyncio.to_thread(wire.ask, wire.request("OPTIONS"))
        assert answer
        await follow_no_redirection(agent)
    finally:
        await agent.stop()


def probe(port: int) -> None:
    """Who may send is answered; who may not is not, and his connection is closed."""
    for address, answered in (("127.0.0.1", True), ("127.0.0.9", True), (SCANNER, False)):
        with Wire(port, address) as wire:
            answer = wire.ask(wire.request("OPTIONS"), 5.0 if answered else 1.0)
            assert bool(answer) is answered, address
    with Stream(port, SCANNER) as stream:
        stream.send(stream.request("OPTIONS").encode())
        assert stream.is_closed()


async def follow_no_redirection(agent: UserAgent) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as target,
    ):
        for one in (asked, target):
            one.bind(("127.0.0.1", 0))
            one.settimeout(10)
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        leg = agent.dial(f"sip:12345@127.0.0.1:{asked.getsockname()[1]}", caller="13855812345")
        leg.on_ended = lambda how: ended.set_result(how.status)
        raw, source = await asyncio.to_thread(asked.recvfrom, 65536)
        headers = read_answer(raw).headers
        same = [f"{name}: {headers[name]}" for name in ("Via", "From", "Call-ID", "CSeq")]
        contact = f"Contact: <sip:0088212345678@127.0.0.1:{target.getsockname()[1]}>"
        lines = ["SIP/2.0 302 Moved Temporarily", *same, f"To: {headers['To']};tag=x", contact]
        asked.sendto("".join(f"{x}\r\n" for x in [*lines, "Content-Length: 0", ""]).encode(), source)
        assert await asyncio.wait_for(ended, 10) == 302
        target.settimeout(0.5)
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(target.recv, 65536)
