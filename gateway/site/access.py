"""Who may call: the settings of the guard that stands before the SIP stack."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.site.section import Section


def _check_network(text: str) -> str:
    return str(ipaddress.ip_network(text))  # its ValueError says what is wrong with it


Network = Annotated[str, AfterValidator(_check_network)]
"""An IPv4 or IPv6 network in CIDR notation, or one address."""


class AccessSettings(Section):
    """Whose requests are taken, and how many. What is refused gets no answer.

    ``allow`` are the networks that may send; none: everybody. ``peers`` may, and are never limited: the trunks. Any
    other source (IPv6: each /64) has ``burst`` requests at once and ``per_source_per_second`` more (0: no limit); that
    holds as soon as peers are named, for as long as none is, the trunk itself would be limited.
    """

    allow: tuple[Network, ...] = ()
    peers: tuple[Network, ...] = ()
    per_source_per_second: Annotated[float, Field(ge=0, le=1000)] = 10.0
    burst: Annotated[int, Field(ge=1, le=10000)] = 40
