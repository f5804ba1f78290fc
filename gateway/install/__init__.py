"""``hotline install``: program, units, user, folders and settings of a Debian machine, and the way back."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from gateway.install.program import HOME, copy_program, units
from gateway.install.step import InstallError
from gateway.site.debian import find_missing
from gateway.site.settings import DEFAULT_FILE, read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.install.step import Machine

COMMAND = "/usr/local/bin/hotline"
SETTINGS = "/etc/hotline/gateway.yaml"
_LIB = "/usr/local/lib"
_PLACES = {
    "system": f"{_LIB}/systemd/system",
    "sysusers.d": f"{_LIB}/sysusers.d",
    "tmpfiles.d": f"{_LIB}/tmpfiles.d",  # noqa: S108 - rules for folders, no temporary file
}
_WANTS = "/etc/systemd/system/hotline.target.wants"
_ALWAYS = ("hotline.target", "hotline-worker.service", "hotline-console.service")
_TIMERS = "/etc/systemd/system/timers.target.wants"
_BY_HAND = (
    "hotline-intake.service",
    "hotline-probe.timer",
)  # an operator enables them: for a trial, for probes
_KEPT = "/etc/hotline, /var/lib/hotline"


def install(machine: Machine) -> None:
    """Put everything in place; what is right already stays. Nothing is started. Raises InstallError, ConfigError."""
    missing = find_missing(machine.root)
    if missing:
        raise InstallError(
            f"缺少系统软件包 / Debian packages are missing: apt-get install {' '.join(missing)}"
        )
    copy_program(machine)
    machine.link(COMMAND, f"{HOME}/bin/hotline")
    for path, source in _files().items():
        machine.put(path, source.read_bytes())
    machine.run("systemd-sysusers", "hotline.conf")
    machine.say("用户已就绪 / user ready: hotline")
    machine.run("systemd-tmpfiles", "--create", "hotline.conf")
    machine.say("目录已就绪 / folders ready: /etc/hotline /var/lib/hotline /run/hotline")
    _put_settings(machine)
    _enable(machine)
    if machine.is_here:
        machine.run("systemctl", "daemon-reload")
        machine.say("systemd 已重新读取单元 / systemd has read the units again")


def uninstall(machine: Machine) -> None:
    """Stop (calls are drained) and take away what `install` put there, never settings, data or the user."""
    if machine.is_here and machine.at(_PLACES["system"]).joinpath("hotline.target").exists():
        # By name, for the target alone counts as stopped before its services are.
        machine.run("systemctl", "stop", "hotline*")
        machine.say("服务已停止 / services stopped")
    for unit in _enabled(machine):
        machine.run("systemctl", "disable", unit)
        machine.say(f"已取消自启 / disabled: {unit}")
    for path in _files():
        machine.remove(path)
    machine.remove(f"{_PLACES['system']}/hotline-.service.d")
    machine.remove(COMMAND)
    machine.remove(HOME)
    if machine.is_here:
        machine.run("systemctl", "daemon-reload")
    machine.say(f"保留 / kept: {_KEPT}, 用户 / user hotline")


def _files() -> dict[str, Path]:
    """What goes where, besides the program."""
    return {
        f"{place}/{file.relative_to(units() / folder).as_posix()}": file
        for folder, place in _PLACES.items()
        for file in sorted((units() / folder).rglob("*.*"))
        if file.is_file()
    }


def _put_settings(machine: Machine) -> None:
    """The embedded default for an operator to change: readable by the services, writable by root alone."""
    file = machine.at(SETTINGS)
    if file.exists():
        machine.say(f"保留 / kept: {SETTINGS}")
        return
    draft = file.with_name(".gateway.yaml.new")
    shutil.copyfile(DEFAULT_FILE, draft)
    draft.chmod(0o640)
    group = file.parent.stat().st_gid  # tmpfiles.d gave the folder to the services' group
    shutil.chown(draft, group=group)
    draft.rename(file)
    machine.say(f"已写入 / written: {SETTINGS}")


def _enable(machine: Machine) -> None:
    """At boot: the target, its services, and one gateway for each SIP port of the settings."""
    settings = read_settings(machine.at(SETTINGS), {})
    if 0 in settings.ports:
        raise InstallError(f"{SETTINGS}: sip.port: 0 — 服务需要固定端口 / a service needs a port of its own")
    elsewhere = settings.asr.url and not settings.asr.listen
    asr = [] if elsewhere else ["hotline-asr.service"]
    second = ["hotline-asr-second.service"] if settings.asr.runs_second else []
    wanted = [*_ALWAYS, *asr, *second, *(f"hotline-gateway@{port}.service" for port in settings.ports)]
    for unit in _enabled(machine):
        if unit not in (*wanted, *_BY_HAND):
            machine.run("systemctl", "disable", unit)
            machine.say(f"设置不再需要,取消自启 / no longer needed by the settings, disabled: {unit}")
    machine.run("systemctl", "enable", *wanted)
    machine.say(f"开机自启 / enabled at boot: {' '.join(wanted)}")


def _enabled(machine: Machine) -> list[str]:
    """Our units that start at boot now; a link into nowhere counts."""
    found = [link.name for link in machine.at(_WANTS).glob("hotline-*.service")]
    found += [link.name for link in machine.at(_TIMERS).glob("hotline-*.timer")]
    target = machine.at("/etc/systemd/system/multi-user.target.wants/hotline.target")
    return sorted(found) + (["hotline.target"] if target.is_symlink() else [])
