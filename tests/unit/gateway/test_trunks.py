"""Trunks without the stack: their settings, whose a request is, and the order of codecs."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from handbook import LANGUAGES, read_blocks
from peers import asterisk

from config.document import ConfigError, load
from gateway.doctor.trunks import check_certificates, check_targets
from gateway.service.trunks import open_trunks
from gateway.sip.codecs import order_codecs
from gateway.sip.pj.line import Line
from gateway.sip.trunk import choose
from gateway.site.certificate import CertificateError, read_ends
from gateway.site.settings import DEFAULT_FILE, Settings, read_settings
from gateway.site.trunks import RegistrationSettings, TlsSettings, TrunkSettings
from ivr.target import Target

if TYPE_CHECKING:
    from pathlib import Path


def settings(*trunks: dict[str, Any], **more: Any) -> Settings:
    whole = [
        {"name": f"t{n}", "peers": [f"192.0.2.{n}/32"], "bind": "127.0.0.1", **t}
        for n, t in enumerate(trunks)
    ]
    return load(Settings, yaml.safe_dump({"trunks": whole, **more}))


TLS = {"certificate": "/nowhere/c.pem", "key": "/nowhere/k.pem"}
REGISTRATION = {"user": "12345", "domain": "ims.example.cn", "password": "word"}


@pytest.mark.parametrize(
    ("trunks", "told"),
    [
        ([{"peers": []}], "at least 1 item"),
        ([{"peers": ["192.0.2.1/24"]}], "has host bits set"),
        ([{"peers": ["carrier.example.cn"]}], "does not appear to be an IPv4 or IPv6 network"),
        ([{"name": "Carrier"}], "String should match pattern"),
        ([{"transport": "tls"}], "belong together"),
        ([{"tls": TLS}], "belong together"),
        ([{"srtp": "mandatory"}], "needs transport: tls"),
        ([{"peers": ["2001:db8::/64"]}], "of one family"),
        ([{"peers": ["2001:db8::/64"], "bind": ""}], "give this machine's IPv6 address"),
        ([{"session_seconds": 60}], "90 or more"),
        ([{"codecs": ["PCMA", "PCMA"]}], "names PCMA twice"),
        ([{"codecs": ["G729"]}], "should be 'PCMA', 'PCMU', 'G722' or 'opus'"),
        ([{"address": "carrier:5060:1"}], "is no host"),
        ([{"address": "10.0.0.256"}], "is no host"),
        ([{"address": "[2001:db8::1::2]"}], "is no host"),
        ([{"address": "carrier..cn"}], "is no host"),
        ([{"bind": "0.0.0.0"}], "0.0.0.0 is no address to send to"),
        ([{"advertised": "0.0.0.0"}], "0.0.0.0 is no address to send to"),
        ([{"registration": {**REGISTRATION, "user": "a b"}}], "no user of a SIP address"),
        ([{"rtp": {"first": 65000, "ports": 2000}}], "end beyond 65535"),
        ([{"name": "a"}, {"name": "a"}], "two have the name a"),
        ([{"peers": ["192.0.2.0/24"]}, {}], "calls from 192.0.2.0/24 are of t0 and of t1"),
        (
            [{"registration": REGISTRATION}, {"registration": REGISTRATION}],
            "two have the registration 12345@ims",
        ),
        ([{"node": 7}], "is of node 7"),
        ([{"port": 5070 + n} for n in range(7)], "7 sockets of their own"),
    ],
)
def test_what_cannot_work_is_said(trunks: list[dict[str, Any]], told: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        settings(*trunks)


def test_two_gateways_do_not_register_the_same() -> None:
    further = [{"port": 5061, "node": 2, "rtp_first_port": 40000}]
    with pytest.raises(ConfigError, match="of several gateways it needs the node"):
        settings({"registration": REGISTRATION}, gateways=further)
    both = settings({"registration": REGISTRATION, "node": 2}, {}, gateways=further)
    assert [t.name for t in open_trunks(both)] == ["t1"]
    assert [t.name for t in open_trunks(both.of_gateway(5061))] == ["t0", "t1"]


def test_the_default_has_no_trunk() -> None:
    assert open_trunks(read_settings(None, {})) == ()


def test_every_setting_of_a_trunk_is_in_the_default_files_comment() -> None:
    text = DEFAULT_FILE.read_text()
    lines = text[text.index("trunks: []") : text.index("\nlog:")].splitlines()[1:]
    shown = yaml.safe_load("\n".join(line.removeprefix("# ").removeprefix("#") for line in lines))
    for part, model in (
        (shown[0], TrunkSettings),
        (shown[0]["registration"], RegistrationSettings),
        (shown[0]["tls"], TlsSettings),
    ):
        assert set(part) == set(model.model_fields)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_handbooks_trunks_can_be_used(language: str) -> None:
    examples = [block.text for block in read_blocks(language, "trunk") if block.kind == "yaml"]
    assert len(examples) >= 8
    for text in examples:
        assert load(Settings, text).trunks


@pytest.mark.parametrize("language", LANGUAGES)
def test_so_can_the_other_sides(language: str) -> None:
    """FreeSWITCH's file is XML; of Asterisk's, all but names and addresses is what our own Asterisk runs with."""
    blocks = {block.kind: block.text for block in read_blocks(language, "trunk")}
    gateway = ET.fromstring(blocks["xml"])  # noqa: S314 - our own
    assert gateway.tag == "gateway"
    assert {"realm", "register", "ping"} <= {param.attrib["name"] for param in gateway.iter("param")}
    named = {"context", "aors", "contact", "endpoint", "match", "allow", "qualify_frequency"}
    shown = [line for line in blocks["ini"].splitlines() if line.partition(" = ")[0] not in named]
    ours = asterisk.PJSIP.replace("[gateway]", "[hotline]").splitlines()
    assert [line for line in shown if line not in ours] == []


def test_a_request_is_its_trunks_by_address_transport_and_port() -> None:
    opened = open_trunks(
        settings(
            {"peers": ["192.0.2.0/25"]},
            {"peers": ["192.0.2.0/25"], "transport": "tcp"},
            {"peers": ["192.0.2.0/25"], "port": 5070},
            {"peers": ["2001:db8::/64"], "bind": "::1"},
        )
    )
    for source, transport, port, name in (
        ("192.0.2.7:5060", "udp", 5060, "t0"),
        ("192.0.2.7:31337", "tcp", 5060, "t1"),
        ("192.0.2.7:5060", "udp", 5070, "t2"),
        ("[2001:db8::9]:5060", "udp", 5060, "t3"),
        ("192.0.2.7:5060", "tls", 5060, None),
        ("192.0.2.200:5060", "udp", 5060, None),
        ("[2001:db9::9]:5060", "udp", 5060, None),
    ):
        found = choose(opened, source, transport, port)
        assert (found.name if found else None) == name


def test_a_password_is_a_file_of_its_trunks_name(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    bare = {k: v for k, v in REGISTRATION.items() if k != "password"}
    trunk = {"name": "carrier", "peers": ["192.0.2.1/32"], "bind": "127.0.0.1", "registration": bare}
    file.write_text(yaml.safe_dump({"trunks": [trunk]}))
    environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    with pytest.raises(ConfigError, match="credentials/trunk/carrier"):
        open_trunks(read_settings(file, environment))
    (tmp_path / "trunk").mkdir()
    (tmp_path / "trunk" / "carrier").write_text("by folder\n")
    for word in ("by folder", "by systemd"):
        (opened,) = open_trunks(read_settings(file, environment))
        assert opened.registration is not None
        assert opened.registration.password == word
        (tmp_path / "trunk_carrier").write_text("by systemd\n")


OURS = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    "m=audio 20000 RTP/SAVP 8 0 9 96 101 102\r\na=rtcp:20001 IN IP4 192.0.2.1\r\na=sendrecv\r\n"
    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:9 G722/8000\r\na=rtpmap:96 opus/48000/2\r\n"
    "a=fmtp:96 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
    "a=rtpmap:102 telephone-event/48000\r\na=fmtp:102 0-16\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\n"
)


def audio(session: str) -> str:
    return next(line for line in session.splitlines() if line.startswith("m=audio"))


def test_an_offer_has_the_trunks_codecs_in_its_order() -> None:
    ordered = order_codecs(OURS, ("PCMU", "PCMA"))
    assert audio(ordered) == "m=audio 20000 RTP/SAVP 0 8 101 102"
    assert "opus" not in ordered
    assert "a=fmtp:96" not in ordered
    for kept in ("a=crypto:1", "a=rtcp:20001", "a=sendrecv", "a=fmtp:101", "c=IN IP4"):
        assert kept in ordered


@pytest.mark.parametrize(
    ("order", "offered", "answered"),
    [
        (("PCMU", "PCMA"), "m=audio 9 RTP/SAVP 8 0 101", "0"),
        (("PCMA", "PCMU"), "m=audio 9 RTP/SAVP 0 8", "8"),
        (("opus", "PCMA"), "m=audio 9 RTP/SAVP 8 111\r\na=rtpmap:111 OPUS/48000/2", "96"),
        (("opus", "PCMA"), "m=audio 9 RTP/SAVP 0 8", "8"),
        (("PCMA",), "m=video 9 RTP/AVP 8\r\nm=audio 9 RTP/SAVP 8", "8"),
        (("PCMA",), "m=audio 9 RTP/SAVP 0", "8"),  # nothing in common: the stack refuses
    ],
)
def test_an_answer_has_the_first_of_ours_that_is_offered(
    order: tuple[str, ...], offered: str, answered: str
) -> None:
    ordered = order_codecs(OURS, order, f"v=0\r\n{offered}\r\n")
    assert audio(ordered) == f"m=audio 20000 RTP/SAVP {answered} 101 102"


def certificate(folder: Path, days: int) -> Path:
    file = folder / f"{days}.pem"
    new = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        str(folder / "key"),
    ]
    command = ["openssl", "req", "-x509", *new, "-subj", "/CN=x", "-days", str(days), "-out", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    return file


@pytest.mark.parametrize(("days", "level"), [(20, "warning"), (90, "ok"), (20000, "ok")])
def test_a_certificate_tells_its_end(tmp_path: Path, days: int, level: str) -> None:
    file = certificate(tmp_path, days)
    (end,) = read_ends(file)
    assert abs(end - datetime.now(UTC) - timedelta(days=days)) < timedelta(minutes=5)
    tls = {"certificate": str(file), "key": str(tmp_path / "key")}
    (finding,) = check_certificates(settings({"transport": "tls", "tls": tls}))
    assert finding.level == level
    assert "trunks.t0" in finding.what


def test_every_certificate_is_watched_and_of_authorities_the_last(tmp_path: Path) -> None:
    soon, later, key = certificate(tmp_path, 20), certificate(tmp_path, 90), tmp_path / "key"
    both = tmp_path / "both.pem"
    both.write_bytes(soon.read_bytes() + later.read_bytes())
    pair = {"certificate": str(soon), "key": str(key)}
    house = Settings.model_validate(
        {
            "console": pair,
            "intake": {**pair, "url": "https://city", "authority": str(both), "callbacks": pair},
            "sms": {**pair, "authority": str(soon)},
            "asr": {"authority": str(both)},
        }
    )
    found = {f.what.split(":")[0]: f.level for f in check_certificates(house)}
    near = {"console", "intake", "intake.callbacks", "sms", "sms.authority"}
    assert found == {**dict.fromkeys(near, "warning"), "intake.authority": "ok", "asr.authority": "ok"}


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"])
def test_what_is_no_certificate_is_said(tmp_path: Path, text: str) -> None:
    file = tmp_path / "c.pem"
    file.write_text(text)
    with pytest.raises(CertificateError, match="certificate"):
        read_ends(file)
    tls = {"certificate": str(file), "key": str(file)}
    (finding,) = check_certificates(settings({"transport": "tls", "tls": tls}))
    assert finding.level == "failure"


def test_files_that_cannot_be_read_are_named() -> None:
    with pytest.raises(ConfigError, match=r"/nowhere/c\.pem cannot be read"):
        open_trunks(settings({"transport": "tls", "tls": TLS}))


@pytest.mark.parametrize(
    ("uri", "trunk", "told"),
    [
        ("sip:9000@192.0.2.1", "", ""),
        ("sip:9000@192.0.2.1;transport=TCP", "", ""),
        ("sip:9000@pbx.example.cn", "six", ""),
        ("sip:9000@[2001:db8::1]:5080", "six", ""),
        ("sips:9000@192.0.2.1", "safe", ""),
        ("sip:9000@192.0.2.1", "t9", "there is no trunk 't9'"),
        ("sips:9000@192.0.2.1", "", "sip does not speak tls"),
        ("sip:9000@192.0.2.1;transport=tls", "six", "trunks.six does not speak tls"),
        ("sip:9000@192.0.2.1;transport=udp", "safe", "trunks.safe does not speak udp"),
        ("sip:9000@192.0.2.1;transport=sctp", "", "sip does not speak sctp"),
        ("sip:9000@[2001:db8::1]", "", "sip speaks IPv4"),
        ("sip:9000@192.0.2.1:5080", "six", "trunks.six speaks IPv6"),
        ("sip:192.0.2.1", "six", "trunks.six speaks IPv6"),
    ],
)
def test_a_target_that_nothing_here_can_call_is_told(uri: str, trunk: str, told: str) -> None:
    site = settings(
        {"name": "six", "peers": ["2001:db8::1/128"], "bind": "::1"},
        {"name": "safe", "transport": "tls", "tls": TLS},
    )
    targets = {"person": (Target(name="坐席", uri=uri, trunk=trunk),)}
    lines = [SimpleNamespace(number="12345", targets=targets)]
    found = list(check_targets(site, lines))  # type: ignore[arg-type]
    assert [(f.level, told in f.what) for f in found] == ([("failure", True)] if told else [])


def test_what_a_trunk_tells_in_gbk_can_be_printed() -> None:
    (trunk,) = open_trunks(settings({"registration": REGISTRATION}))
    host: Any = SimpleNamespace(post=lambda function: function())
    line = Line(host, trunk)
    told: Any = "禁止".encode("gbk").decode(errors="surrogateescape")  # as the stack's bindings read it
    refused: Any = SimpleNamespace(code=403, expiration=0, reason=told)
    line.onRegState(refused)
    assert line.standing.reason.startswith("403 ")
    assert line.standing.reason.isprintable()
    transaction = SimpleNamespace(statusCode=503, statusText=told)
    answered: Any = SimpleNamespace(
        e=SimpleNamespace(body=SimpleNamespace(tsxState=SimpleNamespace(tsx=transaction)))
    )
    line.onSendRequest(answered)
    assert (line.standing.reachable, line.standing.reason.isprintable()) == (False, True)
