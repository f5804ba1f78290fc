"""Do the processes run that are to run: what systemd says of them, and what they say themselves."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from config.document import ConfigError
from console.bundles import AssetsMissingError, find_assets
from gateway.doctor.finding import Finding
from gateway.service.process.console import open_tls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.doctor.finding import Patient
    from gateway.site.settings import Settings

_SYSTEMD = Path("/run/systemd/system")
_LATELY_S = 120.0
_SHOWN = "Id,ActiveState,SubState,NRestarts,ActiveEnterTimestampMonotonic"


def check_page(patient: Patient) -> Iterator[Finding]:
    """The page has its bundles and its certificate, and answers. Without any gateway running it is not missed yet."""
    try:
        find_assets()
    except AssetsMissingError as error:
        remedy = "deploy/setup, 然后重新安装 / and install again: hotline install"
        yield Finding("page", "failure", str(error), remedy)
    try:
        open_tls(patient.settings.console)
    except ConfigError as error:
        remedy = (
            "改正 console.certificate 与 console.key / correct both; "
            "让服务用户可读 / readable for the services' user: chown root:hotline FILE && chmod 640 FILE"
        )
        yield Finding("page", "failure", str(error), remedy)
    yield from check_page_settings(patient.settings)
    yield from _ask(patient, "page", "console", "坐席页面", "the agents' page")


def check_page_settings(settings: Settings) -> Iterator[Finding]:
    """Others than this machine reach the page over TLS alone."""
    if settings.console.is_plain:
        host = settings.console.host
        yield Finding(
            "page",
            "warning",
            f"坐席页面以明文 HTTP 供别的机器访问,密码和通话内容会被旁人读到 / the page is served to other machines "
            f"in the clear, passwords and calls can be read on the way: console.host: {host}",
            "设置 console.certificate 与 console.key,或由 TLS 代理转发(console.behind_tls_proxy: true)"
            " / set certificate and key, or put a TLS proxy before it",
        )


def check_worker(patient: Patient) -> Iterator[Finding]:
    """Who delivers the tickets answers. Without any gateway running it is not missed yet."""
    yield from _ask(patient, "worker", "worker", "投递工单的 worker", "the worker, which delivers tickets,")


def _ask(patient: Patient, check: str, process: str, chinese: str, english: str) -> Iterator[Finding]:
    if process in patient.answering:
        yield Finding(check, "ok", f"{chinese}在应答 / {english} answers")
        return
    unit = f"hotline-{process}"
    what = f"{chinese}没有应答 / {english} does not answer"
    remedy = f"systemctl start {unit}; journalctl -u {unit} -n 30"
    yield Finding(check, "failure" if patient.running else "warning", what, remedy)


def check_services(patient: Patient) -> Iterator[Finding]:
    """Under systemd: each SIP port has its service, and every service that starts at boot runs and goes on running."""
    if not _SYSTEMD.is_dir() or not _ask_systemd("list-unit-files", "hotline.target"):
        return
    missing = [
        port
        for port in patient.settings.ports
        if _ask_systemd("is-enabled", f"hotline-gateway@{port}.service") != ["enabled"]
    ]
    found = list(_look_at_units())
    for port in missing:
        what = f"SIP 端口没有服务 / no service for SIP port {port}"
        found.append(
            Finding("services", "failure", what, "hotline install && systemctl start hotline.target")
        )
    yield from found
    if not found:
        yield Finding("services", "ok", "systemd 服务正常 / all services run")


def _look_at_units() -> Iterator[Finding]:
    wanted = [
        unit
        for unit in " ".join(_ask_systemd("show", "--value", "--property=Wants", "hotline.target")).split()
        if unit.startswith("hotline-")
    ]
    resting = []
    # By name too: the pattern finds only units that systemd holds in memory.
    units = _show_units("hotline-*.service", *wanted)
    for unit, shown in sorted(units.items()):
        state, restarts = shown["ActiveState"], int(shown["NRestarts"])
        logs = f"journalctl -u {unit} -n 30"
        if state == "failed":
            yield Finding("services", "failure", f"服务失败 / failed: {unit}", logs)
        elif shown["SubState"].startswith("auto-restart") or (state == "activating" and restarts):
            # Restarted for ever, it never counts as failed.
            what = f"反复退出又重启 / ends and is started again: {unit} ({restarts}×)"
            yield Finding("services", "failure", what, logs)
        elif state == "activating":
            yield Finding("services", "warning", f"正在启动 / is starting: {unit}", logs)
        elif state == "active":
            since = time.monotonic() - int(shown["ActiveEnterTimestampMonotonic"]) / 1e6
            if restarts and since < _LATELY_S:
                what = (
                    f"{since:.0f} 秒前自动重启过 / was started again {since:.0f} s ago: {unit} ({restarts}×)"
                )
                yield Finding("services", "warning", what, logs)
        elif unit in wanted:
            resting.append(unit)
    if resting:
        started = _ask_systemd("is-active", "hotline.target") == ["active"]
        what = f"没有运行 / not running: {' '.join(resting)}"
        yield Finding("services", "failure" if started else "warning", what, "systemctl start hotline.target")


def _show_units(*names: str) -> dict[str, dict[str, str]]:
    """The units' properties, by name."""
    units: dict[str, dict[str, str]] = {}
    for block in _run_systemctl("show", f"--property={_SHOWN}", *names).split("\n\n"):
        shown = dict(line.partition("=")[::2] for line in block.splitlines() if line)
        if shown:
            units[shown["Id"]] = shown
    return units


def _ask_systemd(*arguments: str) -> list[str]:
    """What systemctl prints, line by line."""
    return [line for line in _run_systemctl(*arguments).splitlines() if line.strip()]


def _run_systemctl(*arguments: str) -> str:
    command = ["systemctl", "--plain", "--no-legend", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
