"""The settings of the agents' page."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path  # noqa: TC003 - pydantic reads it at run time
from typing import Annotated, Self

from pydantic import Field, model_validator

from console.policy import Role  # noqa: TC001 - pydantic reads it at run time
from gateway.site.section import Port, Section

_Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]  # a text: YAML takes 08:00 for 480


class ConsoleSettings(Section):
    """The agents' page. With ``certificate`` and ``key`` (PEM files) it speaks TLS itself.

    ``behind_tls_proxy``: a reverse proxy of ours speaks it, and says in X-Forwarded-For who asks. ``gateways``
    are the event sockets of the gateways whose calls the live board shows; none: those of this machine. ``map`` is a
    file with the shapes of the city's counties (GeoJSON); None: the embedded one.
    Whoever is one of ``second_factor_for`` has to have a second factor. A decision waits ``take_back_seconds`` before
    it leaves; ``shifts`` are when shifts begin, in the city's time.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    certificate: Path | None = None
    key: Path | None = None
    behind_tls_proxy: bool = False
    gateways: tuple[Path, ...] = ()
    map: Path | None = None
    idle_minutes: Annotated[int, Field(ge=1, le=1440)] = 30
    session_hours: Annotated[int, Field(ge=1, le=168)] = 12
    take_back_seconds: Annotated[int, Field(ge=0, le=60)] = 10
    second_factor_for: tuple[Role, ...] = ()
    shifts: Annotated[tuple[_Clock, ...], Field(min_length=1, max_length=24)] = ("00:00", "08:00", "16:00")

    @property
    def is_plain(self) -> bool:
        """Whether passwords and callers' words cross a network as they are."""
        here = self.host == "localhost" or (_is_address(self.host) and ip_address(self.host).is_loopback)
        return not here and self.certificate is None and not self.behind_tls_proxy

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together: give both or neither")
        return self


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
