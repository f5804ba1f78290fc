"""Trunks with the real stack: whose a call is, its codecs, TLS and SRTP, IPv6, and what is believed."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from dataclasses import replace

import pytest
import pytest_asyncio
from acceptance.hostile.wire import LOOPBACK, Wire, follow
from peers import baresip, kamailio, keys, sipp, tones
from peers.baresip import Phone
from peers.kamailio import DOMAIN, PASSWORD, USER, Kamailio
from peers.namespace import namespace
from peers.timeline import Timeline
from peers.trunk import Trunk as Far
from peers.trunk import lines
from waiting import RTP_PORTS, eventually, free_port

from gateway.sip.fault import SipError
from gateway.sip.incoming import ALL_BELIEVED, Claim
from gateway.sip.pj import UserAgent
from gateway.sip.trunk import Registration, Tls, Trunk
from gateway.site.sound import Sound

pytestmark = pytest.mark.asyncio(
    loop_scope="module"
)  # one SIP stack a process: it lives as long as this file

CALLER = "13855812345"


@pytest.fixture(scope="module")
def space():
    with namespace() as made:
        yield made


@pytest.fixture(scope="module")
def certificates(space, tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    keys.make(folder, "gateway", address=space.near)
    keys.make(folder, "peer", address=space.far)
    return folder


def trunk(name, host, network, port, **more):
    return Trunk(
        name=name,
        networks=(ipaddress.ip_network(network),),
        host=host,
        port=port,
        rtp_first=RTP_PORTS,
        rtp_ports=400,
        **{"transport": "udp", "advertised": host, **more},
    )


@pytest.fixture(scope="module")
def ports():
    return [free_port() for _ in range(8)]


@pytest.fixture(scope="module")
def carrier(ports, tmp_path_factory):
    """A carrier that takes registrations over TLS, and whose subscriber's calls come back to us by another trunk."""
    folder = tmp_path_factory.mktemp("carrier")
    for name in ("gateway", "peer"):
        keys.make(folder / "keys", name, address=LOOPBACK)
    made = Kamailio(
        folder, LOOPBACK, ports[5], tls_port=ports[6], keys=folder / "keys", out=f"{LOOPBACK}:{ports[0]}"
    )
    with kamailio.running(made) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent(space, certificates, ports, carrier):
    near, far = space.near, space.far
    tls = Tls(
        str(certificates / "gateway.crt"),
        str(certificates / "gateway.key"),
        str(certificates / "ca.pem"),
        verify=True,
    )
    known = carrier.folder / "keys"
    own = Tls(str(known / "gateway.crt"), str(known / "gateway.key"), str(known / "ca.pem"), verify=True)
    there = f"{LOOPBACK}:{carrier.tls_port}"
    wide = ("opus", "G722", "PCMU", "PCMA")
    trunks = [
        trunk("a-law", LOOPBACK, LOOPBACK, ports[0], codecs=("PCMA", "PCMU"), believes=ALL_BELIEVED),
        trunk("mu-law", LOOPBACK, LOOPBACK, ports[1], codecs=("PCMU", "PCMA"), cap=1),
        trunk("wide", near, far, ports[2], codecs=wide),
        trunk("secure", near, far, ports[3], transport="tls", tls=tls, srtp="mandatory"),
        trunk("six", space.near6, space.far6, ports[4]),
        trunk(
            "carrier",
            LOOPBACK,
            LOOPBACK,
            ports[7],
            transport="tls",
            tls=own,
            address=there,
            proxy=there,
            registration=Registration(USER, DOMAIN, "", "", PASSWORD, 60),
            options_seconds=1,
        ),
    ]
    agent = UserAgent(host=LOOPBACK, port=free_port(), tcp=False, rtp_first_port=RTP_PORTS, trunks=trunks)
    agent.start(max_calls=8)
    agent.ports = {one.name: one.port for one in trunks} | {"": int(agent.address.rpartition(":")[2])}
    yield agent
    await agent.stop()


async def check_call(agent, space, folder, uri, phone, name):
    """A call by the softphone: both sides hear the other's tone."""
    legs, heard = [], bytearray()
    prompt = Sound(tones.make(440, 20))

    def take(leg):
        legs.append(leg)
        leg.on_media = lambda: leg.play(prompt)
        leg.answer(None)

    agent.on_invite = take
    async with (
        asyncio.timeout(30),
        baresip.talking(space, uri, folder, caller=CALLER, phone=phone, said=tones.make(1000, 30)),
    ):
        (leg,) = legs
        assert leg.incoming.trunk == name
        assert leg.incoming.caller == CALLER
        while tones.loudness(bytes(heard[-8000:]), 1000) < 0.05:
            heard += leg.read()
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
    await leg.closed
    assert tones.loudness(baresip.heard(folder)[-8000:], 440) > 0.05
    return (folder / "baresip.log").read_text(errors="replace")


@pytest.mark.parametrize("codec", ["PCMA/8000/1", "G722/16000/1", "opus/48000/2"])
async def test_what_it_speaks_is_understood(agent, space, tmp_path, codec):
    uri = f"sip:12345@{space.near}:{agent.ports['wide']}"
    await check_call(agent, space, tmp_path, uri, Phone(codec=codec), "wide")


async def test_tls_with_srtp(agent, space, certificates, tmp_path):
    uri = f"sip:12345@{space.near}:{agent.ports['secure']};transport=tls"
    phone = Phone(transport="tls", mediaenc="srtp-mand", keys=certificates)
    await check_call(agent, space, tmp_path, uri, phone, "secure")


@pytest.mark.parametrize(
    ("name", "phone"),
    [
        ("wide", Phone(codec="G722/16000/1")),
        ("wide", Phone(codec="opus/48000/2")),
        ("secure", Phone(transport="tls", mediaenc="srtp-mand")),
    ],
    ids=["G.722", "Opus", "TLS with SRTP"],
)
async def test_a_caller_talks_with_whom_another_trunk_leads_to(
    agent, legs, space, certificates, tmp_path, name, phone
):
    if phone.transport == "tls":
        phone = replace(phone, keys=certificates)
    heard = bytearray()
    async with (
        asyncio.timeout(30),
        baresip.waiting(space, tmp_path, user="9000", phone=phone, said=tones.make(1000, 30)) as uri,
    ):
        caller = agent.dial(f"sip:12345@{LOOPBACK}:{agent.ports['a-law']}", caller=CALLER)
        caller.play(Sound(tones.make(440, 20)), loop=True)
        target = agent.dial(uri, caller=CALLER, trunk=name)
        await asyncio.to_thread(eventually, lambda: legs, 10, "the caller's call")
        (leg,) = legs
        leg.bridge(target)
        while tones.loudness(bytes(heard[-8000:]), 1000) < 0.05:
            heard += caller.read()
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)
        target.hang_up()
        await target.closed
    caller.hang_up()
    await asyncio.gather(caller.closed, leg.closed)
    assert tones.loudness(baresip.heard(tmp_path)[-8000:], 440) > 0.05


async def test_ipv6(agent, space, tmp_path):
    uri = f"sip:12345@[{space.near6}]:{agent.ports['six']}"
    await check_call(agent, space, tmp_path, uri, Phone(ipv6=True), "six")


def offer(port, payloads):
    """An offer of these static payload types (RFC 3551)."""
    told = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
    return "".join(f"{line}\r\n" for line in [*told, f"m=audio {port} RTP/AVP {payloads}"]).encode()


def ask(port, payloads, headers=None):
    """The final answer to an INVITE with this offer, "" for none; a call that is taken is ended."""
    with Wire(port) as wire:
        body = offer(40000, payloads) if payloads else b""
        request = wire.request(
            body=body, headers={"Content-Type": (body and "application/sdp") or None, **(headers or {})}
        )
        wire.send(request.encode())
        answer = next(a for a in wire.answers(10) if a.status >= 200)
        wire.send(follow(answer, "ACK", wire.local_port, b"" if payloads else offer(40000, "8")))
        if answer.status == 200:
            wire.send(follow(answer, "BYE", wire.local_port))
            assert any(a.headers.get("CSeq", "").endswith("BYE") for a in wire.answers(5))
        return answer


@pytest.fixture
def legs(agent):
    taken = []

    def take(leg):
        taken.append(leg)
        leg.answer(None)

    agent.on_invite = take
    return taken


@pytest.mark.parametrize(
    ("payloads", "a_law", "mu_law"), [("0 8", "8", "0"), ("8 0", "8", "0"), ("0", "0", "0")]
)
async def test_each_trunk_has_its_own_order_of_codecs(agent, legs, payloads, a_law, mu_law):
    for name, expected in (("a-law", a_law), ("mu-law", mu_law)):
        answer = await asyncio.to_thread(ask, agent.ports[name], payloads)
        assert lines(answer)[0].split()[3:4] == [expected]
    assert [leg.incoming.trunk for leg in legs] == ["a-law", "mu-law"]


async def test_so_has_what_we_offer_when_the_other_side_does_not(agent, legs):
    for name, expected in (("a-law", ["8", "0"]), ("mu-law", ["0", "8"])):
        answer = await asyncio.to_thread(ask, agent.ports[name], "")
        assert lines(answer)[0].split()[3:5] == expected
    assert len(legs) == 2


async def test_a_codec_of_no_trunk_is_refused(agent, legs):
    agent.on_invite = legs.append  # who would answer a moment later finds it over
    assert (await asyncio.to_thread(ask, agent.ports["a-law"], "9")).status == 488
    async with asyncio.timeout(5):
        for leg in legs:
            await leg.closed


FORGED = {
    "P-Asserted-Identity": "<tel:+8613800000000>",
    "Diversion": "<sip:12333@127.0.0.1>;reason=unconditional",
    "History-Info": "<sip:12320@127.0.0.1>;index=1",
}


async def test_what_a_trunk_is_not_believed_is_noted(agent, legs):
    for name in ("a-law", "mu-law"):
        await asyncio.to_thread(ask, agent.ports[name], "8", FORGED)
    believed, doubted = (leg.incoming for leg in legs)
    assert (believed.caller, believed.claims) == ("13800000000", ())
    assert [called.source for called in believed.dialled] == [
        "request-uri",
        "diversion",
        "history-info",
        "to",
    ]
    assert doubted.caller == CALLER
    assert [called.source for called in doubted.dialled] == ["request-uri", "to"]
    assert doubted.claims == (
        Claim("diversion", "12333"),
        Claim("history-info", "12320"),
        Claim("p-asserted-identity", "+8613800000000"),
    )


async def test_who_is_no_trunks_gets_nothing(agent, legs):
    answer = await asyncio.to_thread(ask, agent.ports[""], "8")
    assert answer.status == 403
    assert legs == []


async def test_a_full_trunk_has_its_callers_try_again(agent, legs):
    full = []
    agent.on_full = full.append

    def fill():
        with Far(agent.ports["mu-law"]) as first:
            assert first.invite().status == 200
            refused = ask(agent.ports["mu-law"], "8")
            assert ask(agent.ports["a-law"], "8").status == 200  # another has room
            return refused

    refused = await asyncio.to_thread(fill)
    assert (refused.status, refused.headers["Retry-After"]) == (503, "20")
    assert [one.trunk for one in full] == ["mu-law"]  # he is called back
    await asyncio.to_thread(eventually, lambda: not any(one.calls for one in agent.standings), 5)
    assert len(legs) == 2
    assert (await asyncio.to_thread(ask, agent.ports["mu-law"], "8")).status == 200


async def test_without_srtp_nobody_is_heard_where_it_is_mandatory(agent, space, certificates, tmp_path):
    uri = f"sip:12345@{space.near}:{agent.ports['secure']};transport=tls"
    phone = Phone(transport="tls", keys=certificates)
    with pytest.raises(AssertionError, match="488"):
        await check_call(agent, space, tmp_path, uri, phone, "secure")


async def test_a_certificate_of_nobody_we_know_ends_the_connection(agent, space, tmp_path):
    keys.make(tmp_path, "peer", address=space.near)
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    async def enter():
        reader, writer = await asyncio.open_connection(space.near, agent.ports["secure"], ssl=context)
        writer.write(b"OPTIONS sip:x SIP/2.0\r\n")
        if await asyncio.wait_for(reader.read(100), 5) == b"":
            raise ConnectionResetError

    for chain in (None, tmp_path / "peer.pem"):
        if chain is not None:
            context.load_cert_chain(chain)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await enter()


async def standing(agent, name, **wanted):
    """Wait until a trunk stands so."""

    def look():
        one = next(each for each in agent.standings if each.name == name)
        return all(getattr(one, what) == value for what, value in wanted.items())

    await asyncio.to_thread(eventually, look, 15, f"{name}: {wanted}")


async def test_a_carrier_over_tls_is_registered_with_and_sends_its_calls(agent, carrier, legs, tmp_path):
    await standing(agent, "carrier", registered=True, reachable=True)
    assert f"127.0.0.1:{agent.ports['carrier']};transport=tls" in carrier.registered()
    timeline = Timeline()
    timeline.end = timeline.press(0.3, "1") + 0.3
    called = await sipp.call(f"{LOOPBACK}:{carrier.port}", timeline, tmp_path, caller=CALLER, called=USER)
    assert called.succeeded, called.log
    assert [(leg.incoming.trunk, leg.incoming.called) for leg in legs] == [("carrier", USER)]


async def test_a_call_goes_out_by_a_trunk_with_its_password(agent, carrier, legs):
    await standing(agent, "carrier", registered=True)
    up = asyncio.Event()
    leg = agent.dial("13912345678", caller="", trunk="carrier")
    leg.on_confirmed = up.set
    await asyncio.wait_for(up.wait(), 10)
    (other,) = legs
    assert (other.incoming.trunk, other.incoming.caller, other.incoming.called) == (
        "a-law",
        USER,
        "13912345678",
    )
    assert f"calls sip:13912345678@{LOOPBACK}" in carrier.told()
    leg.hang_up()
    await asyncio.gather(leg.closed, other.closed)


async def test_a_trunk_of_another_name_is_not_dialled(agent):
    with pytest.raises(SipError, match="there is no trunk 'nowhere'; the settings have: a-law, mu-law"):
        agent.dial("1", caller="", trunk="nowhere")
    with pytest.raises(SipError, match=r"has no address: set trunks\.address"):
        agent.dial("1", caller="", trunk="a-law")
