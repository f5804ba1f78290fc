"""From the settings' trunks to those the SIP stack uses: defaults filled in, passwords and certificates looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.document import ConfigError
from gateway.sip.address import PORTS_PER_CALL, default_address
from gateway.sip.trunk import Registration, Tls, Trunk
from gateway.site.metrics import TRUNK_CALLS, TRUNK_CAP, TRUNK_REACHABLE, TRUNK_REGISTERED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gateway.sip.trunk import Standing
    from gateway.site.settings import Settings, SipSettings
    from gateway.site.trunks import RegistrationSettings, TrunkSettings

_TLS_PORT = 5061  # RFC 3261, 19.1.2
_ANY = "0.0.0.0"  # noqa: S104 - a name for it


def open_trunks(settings: Settings) -> tuple[Trunk, ...]:
    """The trunks of this gateway's node, ready for the stack. Raises ConfigError."""
    mine = [trunk for trunk in settings.trunks if trunk.node in {None, settings.node}]
    if mine and not settings.sip.port:
        raise ConfigError(
            "settings", 0, "sip.port 0 takes any port, and trunks have to know theirs", "set sip.port"
        )
    return tuple(_open(trunk, settings.sip, settings.lines) for trunk in mine)


def _open(trunk: TrunkSettings, sip: SipSettings, calls: int) -> Trunk:
    host = trunk.bind or (default_address() if sip.host == _ANY else sip.host)
    return Trunk(
        name=trunk.name,
        networks=trunk.networks,
        transport=trunk.transport,
        host=host,
        port=trunk.port or (_TLS_PORT if trunk.transport == "tls" else sip.port),
        advertised=trunk.advertised or host,
        rtp_first=trunk.rtp.first if trunk.rtp else sip.rtp_first_port,
        rtp_ports=trunk.rtp.ports if trunk.rtp else min(65535 - sip.rtp_first_port, calls * PORTS_PER_CALL),
        address=trunk.address,
        proxy=trunk.proxy,
        registration=_open_registration(trunk.name, trunk.registration),
        tls=_open_tls(trunk),
        srtp=trunk.srtp,
        codecs=trunk.codecs,
        session_seconds=trunk.session_seconds,
        options_seconds=trunk.options_seconds if trunk.address or trunk.registration else 0,
        cap=trunk.cap,
        believes=frozenset(trunk.believes),
        transfers=frozenset(trunk.transfers),
    )


def _open_registration(name: str, mine: RegistrationSettings | None) -> Registration | None:
    if mine is None:
        return None
    password = mine.password if mine.password_file is None else _read_password(name, mine.password_file)
    if not password:
        raise ConfigError(f"trunk {name}", 0, "the registration has no password", _remedy(name))
    return Registration(mine.user, mine.domain, mine.registrar, mine.login, password, mine.expires_seconds)


def _read_password(name: str, file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"trunk {name}", 0, f"{file} cannot be read: {error}", _remedy(name)) from None


def _remedy(name: str) -> str:
    return (
        f"write it into /etc/hotline/credentials/trunk/{name} (mode 600) and restart the gateway, "
        "or name its file in registration.password_file"
    )


def _open_tls(trunk: TrunkSettings) -> Tls | None:
    mine = trunk.tls
    if mine is None:
        return None
    for file in (mine.certificate, mine.key, *((mine.authorities,) if mine.verify else ())):
        try:
            file.read_bytes()
        except OSError as error:
            remedy = f"make it readable for the services' user: chown root:hotline {file} && chmod 640 {file}"
            raise ConfigError(
                f"trunk {trunk.name}", 0, f"{file} cannot be read: {error.strerror}", remedy
            ) from None
    return Tls(str(mine.certificate), str(mine.key), str(mine.authorities), mine.verify)


def show_trunks(standings: Iterable[Standing]) -> None:
    """Bring the metrics of every trunk up to date."""
    for standing in standings:
        name = standing.name
        TRUNK_CAP.labels(name).set(standing.cap)
        TRUNK_CALLS.labels(name).set(standing.calls)
        if standing.registered is not None:
            TRUNK_REGISTERED.labels(name).set(standing.registered)
        if standing.reachable is not None:
            TRUNK_REACHABLE.labels(name).set(standing.reachable)
