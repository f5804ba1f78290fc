"""Is the machine fit: programs, folders, room on the disk, the clock, the ports."""

from __future__ import annotations

import ctypes
import errno
import os
import pwd
import socket
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.doctor.finding import Finding
from gateway.site.debian import PACKAGES, find_missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.doctor.finding import Patient

_ROOM_LEAST = 1 << 30  # bytes; nine hours of calls
_ROOM_AMPLE = 10 << 30
_INODES_LEAST = 10_000  # a call has a folder and three or four files
_FUTURE_SECONDS = 60.0
_TIME_ERROR = 5  # adjtimex(2): nothing keeps this clock right


def check_packages(_patient: Patient) -> Iterator[Finding]:
    """The Debian packages that speak, convert sounds and encrypt."""
    missing = find_missing(Path("/"))
    if missing:
        names = " ".join(missing)
        what = f"缺少系统软件包 / Debian packages are missing: {names}"
        yield Finding("packages", "failure", what, f"apt-get install {names}")
    else:
        yield Finding("packages", "ok", f"系统软件包齐全 / Debian packages found: {', '.join(PACKAGES)}")


def check_credentials(folder: Path) -> Iterator[Finding]:
    """Nobody but root reads the secrets; to be looked at before root's rights are given up."""
    try:
        files = sorted(folder.iterdir())
    except OSError:  # none, or closed to us: as it should be
        return
    for place in (folder, *files):
        if place.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            mode = 700 if place is folder else 600
            what = f"他人可进入或读取 / open to others: {place}"
            yield Finding("credentials", "failure", what, f"chmod {mode} {place}")


def check_folders(patient: Patient) -> Iterator[Finding]:
    """The data and runtime folders belong to whom the services run as, who can write there; others cannot read."""
    found = [
        f for folder in (patient.paths.data, patient.paths.run) for f in _look_into(folder, os.geteuid())
    ]
    yield from found
    if not found:
        yield Finding("folders", "ok", f"目录可写 / folders can be written: {patient.paths.data}")


def _look_into(folder: Path, wanted: int) -> Iterator[Finding]:
    owner = _name(wanted)
    mend = f"chown -R {owner}: {folder} && chmod 750 {folder}"
    try:
        entries = [folder, *sorted(folder.iterdir())]
        strange = [entry for entry in entries if entry.lstat().st_uid != wanted]
        mode = folder.stat().st_mode
    except FileNotFoundError:
        what = f"没有目录 / there is no folder {folder}"
        yield Finding("folders", "failure", what, "hotline install / systemctl start hotline.target")
        return
    except OSError as error:
        yield Finding("folders", "failure", f"{folder}: {error.strerror}", mend)
        return
    if strange:
        first = strange[0]
        holder = _name(first.lstat().st_uid)
        what = f"{first} 属于 / belongs to {holder}, 应属于 / and should to {owner}"
        yield Finding("folders", "failure", f"{what} ({len(strange)})", mend)
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("folders", "failure", f"{owner} 不能写入 / cannot write to {folder}", mend)
    elif mode & stat.S_IRWXO:
        what = f"人人可进入,内有个人信息 / anybody may look into {folder}, which holds personal data"
        yield Finding("folders", "failure", what, f"chmod 750 {folder}")


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def check_disk(patient: Patient) -> Iterator[Finding]:
    """Room for recordings, in bytes and in files."""
    data = patient.paths.data
    try:
        room = os.statvfs(data)
    except OSError:
        return  # there is no such folder: `check_folders` says so
    free, files = room.f_bavail * room.f_frsize, room.f_favail
    shown = f"{free / (1 << 30):.1f} GiB"
    mend = f"腾出或增加空间 / free some, or move {data} to a larger disk: du -sh {data}/*"
    if free < _ROOM_LEAST:
        yield Finding("disk", "failure", f"{data} 只剩 / has only {shown} left", mend)
    elif files < _INODES_LEAST and room.f_files:
        yield Finding("disk", "failure", f"{data}: 只能再建 / room for only {files} files", mend)
    elif free < _ROOM_AMPLE:
        yield Finding("disk", "warning", f"{data} 剩余 / has {shown} left", mend)
    else:
        yield Finding("disk", "ok", f"剩余空间 / room left: {shown}")


def check_clock(patient: Patient) -> Iterator[Finding]:
    """A clock that is wrong gives wrong ticket numbers and signatures that the intake refuses."""
    newest = max(_times(patient.paths.data), default=0.0)
    ahead = newest - time.time()
    if ahead > _FUTURE_SECONDS:
        what = f"时钟落后于数据 {ahead:.0f} 秒 / the clock is {ahead:.0f} s behind what was written last"
        yield Finding("clock", "failure", what, "timedatectl set-ntp true; timedatectl")
    elif ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(1024)) == _TIME_ERROR:
        what = "没有程序在校时 / nothing keeps the clock right"
        remedy = "apt-get install systemd-timesyncd && timedatectl set-ntp true(或 chrony / or chrony)"
        yield Finding("clock", "warning", what, remedy)
    else:
        yield Finding("clock", "ok", "时钟已同步 / the clock is synchronised")


def _times(data: Path) -> Iterator[float]:
    try:
        for entry in data.iterdir():
            yield entry.stat().st_mtime
    except OSError:  # `check_folders` says so
        return


def check_ports(patient: Patient) -> Iterator[Finding]:
    """The gateways' SIP ports and the page's port are their own, or free for them."""
    sip, page = patient.settings.sip, patient.settings.console
    kinds = {"UDP": socket.SOCK_DGRAM} | ({"TCP": socket.SOCK_STREAM} if sip.tcp else {})
    for port in patient.settings.ports:
        where = f"{sip.host}:{port}"
        if port in patient.running:
            yield Finding("ports", "ok", f"网关在应答 / the gateway answers at {where}")
        else:
            yield from _try_port(sip.host, port, "sip", kinds)
    if "console" in patient.answering:
        yield Finding("ports", "ok", f"坐席页面在应答 / the agents' page answers at {page.host}:{page.port}")
    else:
        yield from _try_port(page.host, page.port, "console", {"TCP": socket.SOCK_STREAM})


def _try_port(host: str, port: int, section: str, kinds: dict[str, socket.SocketKind]) -> Iterator[Finding]:
    faults = [fault for name, kind in kinds.items() if (fault := _bind(host, port, section, name, kind))]
    yield from faults
    if not faults:
        yield Finding("ports", "ok", f"端口空闲 / free: {host}:{port}")


def _bind(host: str, port: int, section: str, name: str, kind: socket.SocketKind) -> Finding | None:
    where = f"{host}:{port}/{name}"
    try:
        family, _, _, _, address = socket.getaddrinfo(host or None, port, type=kind, flags=socket.AI_PASSIVE)[
            0
        ]
        with socket.socket(family, kind) as probe:
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            if kind is socket.SOCK_STREAM:
                probe.listen()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            what = f"被占用 / taken by another program: {where}"
            remedy = (
                f"ss -lnp 'sport = :{port}' 可见占用者 / shows which: 停掉它 / stop it, "
                f"或改 {section}.port / or set another {section}.port"
            )
        elif error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
            what = f"不是本机地址 / not an address of this machine: {host}"
            remedy = f"改正 {section}.host / correct {section}.host (ip -brief address)"
        else:
            what = f"{where}: {error.strerror}"
            remedy = "用 1024 以上的端口 / use a port above 1023"
        return Finding("ports", "failure", what, remedy)
    return None
