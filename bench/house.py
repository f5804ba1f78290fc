"""The whole house as `hotline up` starts it, on free loopback ports and a data folder of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from bench.processes import child
from gateway.service.health import ask_health
from gateway.site.settings import DEFAULT_FILE, Paths

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

_START_SECONDS = 90.0
_STOP_SECONDS = 90.0
PROCESSES = ("gateway", "asr", "worker", "intake")


class HouseError(Exception):
    """The house did not come up; the message says where its log is."""


@dataclass(frozen=True, slots=True)
class House:
    """A running house: its SIP address (``ip:port``), its intake's URL, its data folder, its processes by name.

    ``socket`` is the gateway's own, where it tells its metrics.
    """

    sip: str
    intake: str
    data: Path
    processes: dict[str, int]
    socket: Path


def free_port() -> int:
    """A UDP and TCP port of the loopback interface that nobody uses at this moment."""
    while True:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            stream.bind(("127.0.0.1", 0))
            port: int = stream.getsockname()[1]
            try:
                datagram.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@asynccontextmanager
async def open_house(
    cap: int,
    asr_url: str = "",
    *,
    hears: bool = True,
    hotlines: Path | None = None,
    access: Mapping[str, object] | None = None,
) -> AsyncIterator[House]:
    """A house with the embedded settings, but for ports, CAP, HOTLINES and ACCESS; what it wrote is removed afterwards.

    ``asr_url`` is a speech server that runs already; without ``hears`` it is not waited for.
    """
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as scratch:
        folder = Path(scratch)
        data, log, sip_port, intake_port = folder / "data", folder / "up.log", free_port(), free_port()
        settings = yaml.safe_load(DEFAULT_FILE.read_text(encoding="utf-8"))
        settings["sip"] |= {"host": "127.0.0.1", "port": sip_port, "rtp_first_port": 0, "cap": cap}
        settings["asr"]["url"] = asr_url
        settings["access"] |= access or {}
        settings["dialogue"]["hotlines"] = str(hotlines) if hotlines else None
        settings["dialogue"]["recall"] = (
            False  # all calls come from few numbers, and each is a caller's first
        )
        settings["intake"]["reference_port"] = intake_port
        (folder / "gateway.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        paths = Paths(data, {})
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway", "--config", str(folder / "gateway.yaml")),
                *("--data", str(data), "up"),
                stdout=output,
                stderr=output,
                env={name: value for name, value in os.environ.items() if name != "RUNTIME_DIRECTORY"},
            )
        try:
            await _wait_until_up(process, paths, log, hears=hears)
            own = (name for name in PROCESSES if not (asr_url and name == "asr"))
            processes = {name: child(process.pid, name) for name in own}
            yield House(
                f"127.0.0.1:{sip_port}",
                f"http://127.0.0.1:{intake_port}",
                data,
                processes,
                paths.gateway_socket,
            )
        finally:
            await _stop(process)
            shutil.rmtree(paths.run, ignore_errors=True)


async def _wait_until_up(
    process: asyncio.subprocess.Process, paths: Paths, log: Path, *, hears: bool
) -> None:
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    while asyncio.get_running_loop().time() < deadline and process.returncode is None:
        health = await ask_health(paths.gateway_socket)
        if health is not None and (health["asr"] == "up" or not hears):
            return
        await asyncio.sleep(0.2)
    raise HouseError("`hotline up` did not come up; the end of its log:\n" + _read_end(log))


def _read_end(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
