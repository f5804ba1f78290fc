"""``hotline doctor``: what is wrong with an installation, and how to mend it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from config.document import ConfigError
from gateway.doctor import machine, parts, services, trunks
from gateway.doctor.finding import Finding, Patient
from gateway.service.health import ask_health
from gateway.site.identity import become
from gateway.site.settings import Paths, read_settings

_Check = Callable[[Patient], Iterator[Finding] | AsyncIterator[Finding]]
_CHECKS: tuple[_Check, ...] = (
    machine.check_packages,
    machine.check_folders,
    machine.check_disk,
    machine.check_clock,
    parts.check_dialogue,
    parts.check_access,
    parts.check_model,
    machine.check_ports,
    trunks.check_trunks,
    parts.check_recognition,
    parts.check_database,
    parts.check_intake,
    parts.check_call_backs,
    parts.check_sms,
    services.check_worker,
    services.check_page,
    services.check_services,
)


async def examine(config: Path | None, data: Path) -> AsyncIterator[Finding]:
    """Look at everything, as the services' user would. Without settings that can be read nothing else is known."""
    try:
        settings = read_settings(config)
        for finding in machine.check_credentials(
            Path(os.environ.get("CREDENTIALS_DIRECTORY", "/nonexistent"))
        ):
            yield finding
        become(os.environ.get("HOTLINE_USER", ""))
    except ConfigError as error:
        remedy = "改正文件,或以 root 运行 / correct the file, or run as root: sudo hotline doctor"
        yield Finding("settings", "failure", str(error), remedy)
        return
    yield Finding("settings", "ok", f"设置可用 / settings are valid: {config or 'embedded'}")
    paths = Paths(data)
    running = await find_running(Patient(settings, paths))
    patient = Patient(settings, paths, running, await find_answering(paths))
    for check in _CHECKS:
        found = check(patient)
        if isinstance(found, AsyncIterator):
            async for finding in found:
                yield finding
        else:
            for finding in found:
                yield finding


async def find_running(patient: Patient) -> frozenset[int]:
    """The SIP ports whose gateways answer on their sockets."""
    found = set()
    for port in patient.settings.ports:
        health = await ask_health(patient.paths.socket_of_gateway(patient.settings, port))
        if health is not None and health["sip"].endswith(f":{port}"):
            found.add(port)
    return frozenset(found)


async def find_answering(paths: Paths) -> frozenset[str]:
    """Which of the worker and the page answer on their sockets."""
    sockets = {"worker": paths.worker_socket, "console": paths.console_socket}
    return frozenset([name for name, socket in sockets.items() if await ask_health(socket) is not None])
