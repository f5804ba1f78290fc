"""Do the trunks stand: their files and addresses, their certificates' time, and what the gateway says of each."""

from __future__ import annotations

import contextlib
import re
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from config.document import ConfigError
from gateway.doctor.finding import Finding
from gateway.service.flows import read_dialogue
from gateway.service.health import ask_health
from gateway.service.trunks import open_trunks
from gateway.site.certificate import SOON, CertificateError, list_certificates

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gateway.doctor.finding import Patient
    from gateway.sip.trunk import Trunk
    from gateway.site.certificate import Certificate
    from gateway.site.settings import Settings
    from ivr.hotline import Hotlines
    from ivr.target import Target

_DAY_SECONDS = 86400
_TRANSPORT = re.compile(r";transport=(\w+)", re.IGNORECASE)
_LITERAL = re.compile(r"[:@](?:\[([0-9A-Fa-f:.]+)\]|[0-9]+(?:\.[0-9]+){3})(?:[:;]|$)")


async def check_trunks(patient: Patient) -> AsyncIterator[Finding]:
    """Each trunk can be opened, and is registered and answers where a gateway runs."""
    for finding in check_certificates(patient.settings):
        yield finding
    with contextlib.suppress(ConfigError):  # `check_dialogue` says so
        hotlines = read_dialogue(patient.settings.dialogue)
        for finding in (
            *check_targets(patient.settings, hotlines),
            *check_transfers(patient.settings, hotlines),
        ):
            yield finding
    for port in patient.settings.ports:
        settings = patient.settings.of_gateway(port)
        if port in patient.running:
            health = await ask_health(patient.paths.socket_of_gateway(patient.settings, port))
            for trunk in (health or {}).get("trunks", ()):
                yield _judge(trunk)
            continue
        try:
            trunks = open_trunks(settings)
        except ConfigError as error:
            yield Finding("trunks", "failure", str(error), error.remedy)
            continue
        for opened in trunks:
            yield _look(opened)


def check_certificates(settings: Settings) -> Iterator[Finding]:
    """Certificates of ours, and of who signed others', that end soon, or have ended."""
    for certificate in list_certificates(settings):
        yield from _check_end(certificate)


def check_targets(settings: Settings, hotlines: Hotlines) -> Iterator[Finding]:
    """Targets of hotlines that nothing in the settings can call."""
    for line in hotlines:
        for target in dict.fromkeys(target for listed in line.targets.values() for target in listed):
            if why := _why_out_of_reach(settings, target):
                what = f"{line.number} → {target.name}: {why}"
                yield Finding("trunks", "failure", what, "改正 targets 或 trunks / correct targets or trunks")


def check_transfers(settings: Settings, hotlines: Hotlines) -> Iterator[Finding]:
    """Targets that callers are to be handed over to, on a trunk of which nobody has said that it does that."""
    trunks = {trunk.name: trunk for trunk in settings.trunks}
    for line in hotlines:
        for target in dict.fromkeys(target for listed in line.targets.values() for target in listed):
            trunk = trunks.get(target.trunk)
            if target.transfer == "cold" and (trunk is None or not trunk.transfers):
                what = (
                    f"{line.number} → {target.name}: 中继 {target.trunk!r} 没有说明能转接(trunks.transfers)"
                    f" / nobody has said that the trunk {target.trunk!r} takes calls back (trunks.transfers)"
                )
                remedy = "向对端确认后写 transfers: [refer],或改 transfer: warm / ask its side, or use transfer: warm"
                yield Finding("trunks", "failure", what, remedy)


def _why_out_of_reach(settings: Settings, target: Target) -> str:
    """Why no call can go out to it: no such trunk, another transport, another version of IP; "" when one can."""
    spoken, version = {"udp", "tcp"} if settings.sip.tcp else {"udp"}, 4  # the open door's
    if target.trunk:
        trunk = next((trunk for trunk in settings.trunks if trunk.name == target.trunk), None)
        if trunk is None:
            return f"没有这条中继 / there is no trunk {target.trunk!r}"
        spoken, version = {trunk.transport}, trunk.networks[0].version
    named = _TRANSPORT.search(target.uri)
    wanted = "tls" if target.uri.startswith("sips:") else named[1].lower() if named else ""
    whence = f"trunks.{target.trunk}" if target.trunk else "sip"
    if wanted and wanted not in spoken:
        return f"{whence} 不用 {wanted} / {whence} does not speak {wanted}"
    host = _LITERAL.search(target.uri)
    if host is not None and (6 if host[1] else 4) != version:
        return f"{whence} 用的是 IPv{version} / {whence} speaks IPv{version}"
    return ""


def _check_end(certificate: Certificate) -> Iterator[Finding]:
    whose, file = certificate.whose, certificate.file
    try:
        end = certificate.read_end()
    except (CertificateError, OSError) as error:
        yield Finding("certificates", "failure", f"{whose}: {error}", "改正该文件 / correct the file")
        return
    left = end - datetime.now(UTC)
    days = int(left.total_seconds() // _DAY_SECONDS)
    remedy = f"换新证书并重启服务 / renew it and restart the service: {file}"
    if days < 0:
        what = f"{whose}: 证书已于 {end:%Y-%m-%d} 过期 / the certificate ended then"
        yield Finding("certificates", "failure", what, remedy)
    elif left < SOON:
        what = f"{whose}: 证书 {end:%Y-%m-%d} 到期,还有 {days} 天 / the certificate ends in {days} days"
        yield Finding("certificates", "warning", what, remedy)
    else:
        yield Finding(
            "certificates", "ok", f"{whose}: 证书有效至 / the certificate is good until {end:%Y-%m-%d}"
        )


def _judge(trunk: dict[str, object]) -> Finding:
    name, reason = trunk["name"], trunk["reason"]
    remedy = "hotline trunk status; journalctl -u 'hotline-gateway@*' -n 30"
    if trunk["registered"] is False:
        return Finding("trunks", "failure", f"{name}: 未注册 / not registered: {reason}", remedy)
    if trunk["reachable"] is False:
        return Finding(
            "trunks", "failure", f"{name}: 对端无应答 / the other side does not answer: {reason}", remedy
        )
    return Finding("trunks", "ok", f"{name}: 正常 / in order")


def _look(trunk: Trunk) -> Finding:
    family = socket.AF_INET6 if trunk.version == 6 else socket.AF_INET  # noqa: PLR2004 - the protocol's version
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((trunk.host, 0))
    except OSError:
        what = f"{trunk.name}: 不是本机地址 / not an address of this machine: {trunk.host}"
        return Finding(
            "trunks", "failure", what, "改正 trunks.bind / correct trunks.bind (ip -brief address)"
        )
    return Finding("trunks", "ok", f"{trunk.name}: {trunk.transport} {trunk.host}:{trunk.port}")
