"""What a trunk's transport and account are in the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pjsua2 as pj

from gateway.sip.pj.common import attempt
from gateway.sip.trunk import Trunk, in_uri

if TYPE_CHECKING:
    from gateway.sip.pj.endpoint import Endpoint

_KINDS = {
    ("udp", 4): pj.PJSIP_TRANSPORT_UDP,
    ("tcp", 4): pj.PJSIP_TRANSPORT_TCP,
    ("tls", 4): pj.PJSIP_TRANSPORT_TLS,
    ("udp", 6): pj.PJSIP_TRANSPORT_UDP6,
    ("tcp", 6): pj.PJSIP_TRANSPORT_TCP6,
    ("tls", 6): pj.PJSIP_TRANSPORT_TLS6,
}
_SRTP = {
    "off": pj.PJMEDIA_SRTP_DISABLED,
    "optional": pj.PJMEDIA_SRTP_OPTIONAL,
    "mandatory": pj.PJMEDIA_SRTP_MANDATORY,
}


def listen(endpoint: Endpoint, trunk: Trunk) -> int:
    """Open the trunk's own transport; the stack's number of it. Raises SipError, with what to change."""
    config = pj.TransportConfig()
    config.port, config.boundAddress = trunk.port, trunk.host
    if trunk.advertised != trunk.host:
        config.publicAddress = trunk.advertised
    if trunk.tls is not None:
        tls = config.tlsConfig
        tls.certFile, tls.privKeyFile = trunk.tls.certificate, trunk.tls.key
        tls.CaListFile = trunk.tls.authorities
        tls.proto = pj.PJ_SSL_SOCK_PROTO_TLS1_2 | pj.PJ_SSL_SOCK_PROTO_TLS1_3
        tls.verifyServer = tls.verifyClient = tls.requireClientCert = trunk.tls.verify
    kind = _KINDS[trunk.transport, trunk.version]
    where = f"{in_uri(trunk.host)}:{trunk.port}/{trunk.transport.upper()}"
    number: int = attempt(
        f"trunk {trunk.name} cannot listen for SIP on {where} (is the address this machine's, and the port free?"
        " `ss -lnp` tells who has it; the settings are trunks.bind and trunks.port)",
        lambda: endpoint.transportCreate(kind, config),
    )
    return number


def account_config(trunk: Trunk, transport: int) -> pj.AccountConfig:
    """The account of a trunk that this transport, by its number, serves."""
    config = pj.AccountConfig()
    config.idUri = trunk.identity
    sip = config.sipConfig
    sip.transportId, sip.contactForced = transport, trunk.contact
    if trunk.proxy:
        sip.proxies.append(f"sip:{trunk.proxy};lr{trunk.suffix}")
    config.natConfig.contactRewriteUse = config.natConfig.viaRewriteUse = (
        config.natConfig.sdpNatRewriteUse
    ) = 0
    config.natConfig.sipOutboundUse = 0
    config.natConfig.udpKaIntervalSec = 0  # OPTIONS keep the way open
    config.callConfig.timerUse = (
        pj.PJSUA_SIP_TIMER_OPTIONAL if trunk.session_seconds else pj.PJSUA_SIP_TIMER_INACTIVE
    )
    if trunk.session_seconds:
        config.callConfig.timerSessExpiresSec = trunk.session_seconds
    _set_media(config.mediaConfig, trunk)
    if trunk.version == 6:  # noqa: PLR2004 - the Internet Protocol's version
        sip.ipv6Use = config.mediaConfig.ipv6Use = pj.PJSUA_IPV6_ENABLED_USE_IPV6_ONLY
    if trunk.registration is not None:
        _set_registration(config, trunk)
    return config


def _set_media(media: pj.AccountMediaConfig, trunk: Trunk) -> None:
    transport = media.transportConfig
    transport.boundAddress, transport.publicAddress = trunk.host, trunk.advertised
    transport.port, transport.portRange = trunk.rtp_first, trunk.rtp_ports
    media.srtpUse = _SRTP[trunk.srtp]
    media.srtpSecureSignaling = 0 if trunk.srtp == "off" else 1
    media.srtpOpt.keyings.append(pj.PJMEDIA_SRTP_KEYING_SDES)


def _set_registration(config: pj.AccountConfig, trunk: Trunk) -> None:
    mine = trunk.registration
    assert mine is not None  # noqa: S101 - the caller's case
    registering = config.regConfig
    registering.registrarUri = f"sip:{mine.registrar or mine.domain}{trunk.suffix}"
    registering.timeoutSec = mine.seconds
    registering.retryIntervalSec = 0  # `Line.tend` tries again, whatever the refusal
    config.sipConfig.authCreds.append(
        pj.AuthCredInfo("digest", "*", mine.login or mine.user, 0, mine.password)
    )
