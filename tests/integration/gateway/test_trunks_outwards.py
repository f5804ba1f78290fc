"""Trunks with the real stack and real peers: behind a NAT, over TCP, calls that go out with SRTP, session timers."""

from __future__ import annotations

import asyncio
import re
import socket
import time

import pytest
import pytest_asyncio
from acceptance.hostile.wire import LOOPBACK
from integration.gateway.test_trunks import CALLER, ask, certificates, legs, ports, space, standing, trunk
from peers import baresip, kamailio, sipp, tones
from peers.baresip import Phone
from peers.kamailio import DOMAIN, PASSWORD, USER, Kamailio
from peers.timeline import Timeline
from peers.trunk import Trunk as Far
from waiting import RTP_PORTS, free_port

from gateway.sip.pj import UserAgent
from gateway.sip.trunk import Registration, Tls
from gateway.site.sound import Sound

__all__ = ["certificates", "legs", "ports", "space"]  # fixtures

pytestmark = pytest.mark.asyncio(
    loop_scope="module"
)  # one SIP stack a process: it lives as long as this file

OUTSIDE = "198.51.100.7"  # what a router in front of us is known by
SESSION_SECONDS = 90  # the least that RFC 4028 allows


@pytest.fixture(scope="module")
def carrier(ports, tmp_path_factory):
    """A carrier over TCP."""
    with kamailio.running(Kamailio(tmp_path_factory.mktemp("carrier"), LOOPBACK, ports[5])) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent(space, certificates, ports, carrier):
    pem = [str(certificates / name) for name in ("gateway.crt", "gateway.key", "ca.pem")]
    tls, there = Tls(*pem, verify=True), f"{LOOPBACK}:{carrier.port}"
    trunks = [
        trunk("secure", space.near, space.far, ports[0], transport="tls", tls=tls, srtp="mandatory"),
        trunk("choosing", space.near, space.far, ports[1], transport="tls", tls=tls, srtp="optional"),
        trunk("nat", LOOPBACK, LOOPBACK, ports[2], advertised=OUTSIDE),
        trunk("timed", LOOPBACK, LOOPBACK, ports[3], session_seconds=SESSION_SECONDS),
        trunk(
            "carrier",
            LOOPBACK,
            LOOPBACK,
            ports[4],
            transport="tcp",
            address=there,
            registration=Registration(USER, DOMAIN, there, "", PASSWORD, 60),
            options_seconds=1,
        ),
    ]
    agent = UserAgent(host=LOOPBACK, port=free_port(), tcp=False, rtp_first_port=RTP_PORTS, trunks=trunks)
    agent.start(max_calls=8)
    agent.ports = {one.name: one.port for one in trunks}
    yield agent
    await agent.stop()


async def test_a_carrier_over_tcp_is_registered_with_and_sends_its_calls(agent, carrier, legs, tmp_path):
    await standing(agent, "carrier", registered=True, reachable=True)
    assert f"{LOOPBACK}:{agent.ports['carrier']};transport=tcp" in carrier.registered()
    timeline = Timeline()
    timeline.end = 0.5
    called = await sipp.call(f"{LOOPBACK}:{carrier.port}", timeline, tmp_path, caller=CALLER, called=USER)
    assert called.succeeded, called.log
    assert [(leg.incoming.trunk, leg.incoming.called) for leg in legs] == [("carrier", USER)]


def header(message, name):
    return re.findall(rf"^{name}:\s*(.*?)\s*$", message, re.MULTILINE | re.IGNORECASE)


@pytest.mark.usefixtures("legs")
async def test_behind_a_nat_the_other_side_is_told_the_address_outside(agent):
    answer = await asyncio.to_thread(ask, agent.ports["nat"], "8")
    near = f"{OUTSIDE}:{agent.ports['nat']}"
    told = answer.raw.decode()
    assert f"sip:hotline@{near}" in header(told, "Contact")[0]
    assert re.findall(r"^[co]=.*IN IP4 (\S+)\r?$", told, re.MULTILINE) == [OUTSIDE, OUTSIDE]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((LOOPBACK, 0))
        other.settimeout(10)
        leg = agent.dial(f"sip:8000@{LOOPBACK}:{other.getsockname()[1]}", caller=CALLER, trunk="nat")
        told = (await asyncio.to_thread(other.recv, 65536)).decode()
        leg.hang_up()
        assert header(told, "Via")[0].startswith(f"SIP/2.0/UDP {near};")
        assert f"@{near}" in header(told, "Contact")[0]
        assert f"sip:{CALLER}@{OUTSIDE}" in header(told, "From")[0]
        assert set(re.findall(r"^[co]=.*IN IP4 (\S+)\r?$", told, re.MULTILINE)) == {OUTSIDE}
        assert LOOPBACK not in told.replace(f"sip:8000@{LOOPBACK}", "")
    await leg.closed


@pytest.mark.parametrize(
    ("name", "mediaenc", "secure"),
    [("secure", "srtp-mand", True), ("choosing", "srtp", True), ("choosing", "", False)],
)
async def test_a_call_goes_out_with_srtp_where_both_sides_have_it(
    agent, space, certificates, tmp_path, name, mediaenc, secure
):
    phone = Phone(transport="tls", mediaenc=mediaenc, keys=certificates)
    said = tones.make(1000, 30)
    async with (
        asyncio.timeout(30),
        baresip.waiting(space, tmp_path, user="8000", phone=phone, said=said) as uri,
    ):
        heard, prompt = bytearray(), Sound(tones.make(440, 20))
        leg = agent.dial(uri, caller=CALLER, trunk=name)
        leg.on_media = lambda: leg.play(prompt)
        while tones.loudness(bytes(heard[-8000:]), 1000) < 0.05:
            assert leg.ended is None, leg.ended
            heard += leg.read()
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        leg.hang_up()
        await leg.closed
    assert tones.loudness(baresip.heard(tmp_path)[-8000:], 440) > 0.05
    trace = (tmp_path / "baresip.log").read_text(errors="replace")
    answer = trace[trace.index("SIP/2.0 200 ") :]
    assert ("a=crypto:" in answer) is secure


async def test_who_has_no_srtp_is_not_called_without_it(agent, space, certificates, tmp_path):
    phone = Phone(transport="tls", keys=certificates)
    async with (
        asyncio.timeout(30),
        baresip.waiting(space, tmp_path, user="8000", phone=phone, said=tones.make(1000, 30)) as uri,
    ):
        ended = asyncio.get_running_loop().create_future()
        leg = agent.dial(uri, caller=CALLER, trunk="secure")
        leg.on_ended = ended.set_result
        assert (await ended).status == 488
        await leg.closed


def timed_call(far, **headers):
    """A call with these headers by the trunk that has session timers; its answer."""
    request = far.wire.request(headers={"Supported": "timer", **headers})
    far.wire.send(request.encode())
    return next(a for a in far.wire.answers(10) if a.status >= 200)


async def test_a_session_is_refreshed_by_whom_the_caller_says(agent, legs):
    for refresher in ("uac", "uas"):
        with Far(agent.ports["timed"]) as far:
            wanted = f"{SESSION_SECONDS};refresher={refresher}"
            answer = await asyncio.to_thread(timed_call, far, **{"Session-Expires": wanted})
            assert answer.status == 200
            assert header(answer.raw.decode(), "Session-Expires") == [wanted]
            far.wire.end(answer)
    with Far(agent.ports["timed"]) as far:
        short = {"Session-Expires": "60;refresher=uac", "Min-SE": "60"}
        answer = await asyncio.to_thread(timed_call, far, **short)
        assert (answer.status, header(answer.raw.decode(), "Min-SE")) == (422, ["90"])
        far.wire.end(answer)
    assert len(legs) >= 2


@pytest.mark.soak
@pytest.mark.usefixtures("legs")
async def test_a_session_goes_on_as_long_as_it_is_refreshed_and_no_longer(agent):
    """Ours to refresh: a request of ours comes in half the time. Theirs, and they do not: it ends before its time."""

    def follow_session(refresher):
        with Far(agent.ports["timed"]) as far:
            wanted = f"{SESSION_SECONDS};refresher={refresher}"
            answer = timed_call(far, **{"Session-Expires": wanted})
            assert answer.status == 200
            far.wire.acknowledge(answer)
            began = time.monotonic()
            for request in far.wire.answers(SESSION_SECONDS + 5):
                if request.status == 0:
                    far.wire.agree(request)
                    return request.raw.split()[0], time.monotonic() - began
        return b"", 0.0

    ours, theirs = await asyncio.gather(
        *(asyncio.to_thread(follow_session, refresher) for refresher in ("uas", "uac"))
    )
    assert ours[0] in (b"UPDATE", b"INVITE")
    assert SESSION_SECONDS / 3 <= ours[1] <= SESSION_SECONDS / 2 + 5
    assert theirs[0] == b"BYE"
    assert SESSION_SECONDS / 2 <= theirs[1] <= SESSION_SECONDS
