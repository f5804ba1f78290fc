"""The guard at the door: its rules of the settings, and what it tells log and metrics."""

from __future__ import annotations

import ipaddress
import logging
from typing import TYPE_CHECKING, Final

from gateway.sip.unwelcome import Rules
from gateway.site import metrics

if TYPE_CHECKING:
    from gateway.sip.unwelcome import Unwelcome
    from gateway.site.settings import Settings

OPEN: Final = (
    "任何人都可以呼入 / anybody who reaches sip.host may call",
    "写明 trunks 或 access.peers,并设防火墙(deploy/nftables)/ name trunks or access.peers; set up the firewall",
)
"""What is wrong when everybody may call, and what to do."""

log = logging.getLogger(__name__)


def rules_of(settings: Settings) -> Rules:
    """Whose requests are taken by these settings; the trunks' peers are known ones as well."""
    access = settings.access
    peers = (*access.peers, *(network for trunk in settings.trunks for network in trunk.peers))
    return Rules(access.allow, peers, access.per_source_per_second if peers else 0.0, access.burst)


def is_open(settings: Settings) -> bool:
    """Whether anybody may call, from elsewhere and as often as he likes."""
    rules = rules_of(settings)
    named = [ipaddress.ip_network(network) for network in (*rules.allow, *rules.peers)]
    everybody = not named or any(network.prefixlen == 0 for network in named)
    return everybody and not ipaddress.ip_address(settings.sip.host).is_loopback


class Teller:
    """Says whose requests got no answer: a line a source and minute, which deploy/fail2ban reads, and two counters."""

    def __init__(self) -> None:
        self._strangers = self._floods = 0

    def take(self, unwelcome: Unwelcome) -> None:
        """What was refused since the start; called again and again."""
        metrics.UNWELCOME.labels("strangers").inc(unwelcome.strangers - self._strangers)
        metrics.UNWELCOME.labels("floods").inc(unwelcome.floods - self._floods)
        self._strangers, self._floods = unwelcome.strangers, unwelcome.floods
        for told in unwelcome.told:
            log.warning(
                "SIP source refused",
                extra={"address": told.address, "why": told.why, "requests": told.requests},
            )
