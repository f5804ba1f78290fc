"""Asking the processes that run on this machine, by the Unix sockets in the runtime folder."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Answered:
    """What one process has answered: its HTTP status and its document."""

    socket: Path
    status: int
    document: dict[str, Any]


def find_gateways(run: Path) -> Sequence[Path]:
    """The sockets in the runtime folder of the gateways that were started, whatever the settings say by now."""
    return sorted(run.glob("gateway*.sock"))


async def ask_gateways(
    sockets: Sequence[Path], path: str, seconds: float, process: int | None = None
) -> Sequence[Answered]:
    """Post PATH to every gateway that runs, or only to that of one process number; what they answered, by socket.

    One that nobody listens at is passed over. Raises TimeoutError when a gateway takes longer than ``seconds``.
    """
    found = await asyncio.gather(*(_ask(socket, path, seconds, process) for socket in sockets))
    return [answered for answered in found if answered is not None]


async def _ask(socket: Path, path: str, seconds: float, process: int | None) -> Answered | None:
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with aiohttp.ClientSession(
            "http://gateway", connector=aiohttp.UnixConnector(path=str(socket)), timeout=timeout
        ) as session:
            if process is not None:
                async with session.get("/healthz") as answer:
                    if (await answer.json())["pid"] != process:
                        return None
            async with session.post(path) as answer:
                return Answered(socket, answer.status, json.loads(await answer.text()))
    except aiohttp.ClientConnectorError:
        return None
