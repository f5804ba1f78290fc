"""Ports for a demonstration, which takes the next one where the configured one is taken."""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

from config.fault import Fault

if TYPE_CHECKING:
    from gateway.site.settings import Settings

log = logging.getLogger(__name__)

_PORTS_TRIED = 50


class NoPortError(Fault):
    """None of the ports that were tried is free; the message says which."""


def free_port(host: str, wanted: int, kinds: tuple[socket.SocketKind, ...]) -> int:
    """The first port from ``wanted`` on that is free for all ``kinds``; raises NoPortError after 50 tries."""
    for port in range(wanted, wanted + _PORTS_TRIED):
        try:
            for kind in kinds:
                with socket.socket(socket.AF_INET, kind) as probe:
                    if kind is socket.SOCK_STREAM:
                        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((host, port))
        except OSError:
            continue
        if port != wanted:
            log.warning("port %d on %s is taken, port %d it is", wanted, host, port)
        return port
    raise NoPortError(f"no free port on {host} from {wanted} to {wanted + _PORTS_TRIED - 1}: set another one")


def settle(settings: Settings) -> Settings:
    """For a demonstration: move a taken SIP port, the page's and the reference intake's to the next free one.

    Not for a house in use, whose trunks keep to the port they know.
    """
    both = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
    sip = settings.sip.model_copy(update={"port": free_port(settings.sip.host, settings.sip.port, both)})
    intake = settings.intake
    if not intake.url:
        port = free_port("127.0.0.1", intake.reference_port, (socket.SOCK_STREAM,))
        intake = intake.model_copy(update={"reference_port": port})
    page = settings.console
    page = page.model_copy(update={"port": free_port(page.host, page.port, (socket.SOCK_STREAM,))})
    return settings.model_copy(update={"sip": sip, "intake": intake, "console": page})
