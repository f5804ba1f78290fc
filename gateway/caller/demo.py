"""One demonstration call, real from end to end, shown as it happens and measured."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

from config.fault import Fault
from gateway.caller.call import run_call
from gateway.sip.pj import UserAgent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from config.script import Script
    from gateway.site.settings import Paths

_TICKET_SECONDS = 20.0
_RECONNECT_SECONDS = 1.0


class DemoError(Fault):
    """The demonstration call did not become an accepted ticket; the message says where it stopped."""


def count_errors(reference: str, heard: str) -> float:
    """Character error rate, 0 for a perfect text: edits to make ``heard`` of ``reference``, over its length."""
    wanted, got = _bare(reference), _bare(heard)
    row = list(range(len(got) + 1))
    for i, want in enumerate(wanted, start=1):
        diagonal, row[0] = row[0], i
        for j, have in enumerate(got, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (want != have))
    return row[-1] / max(1, len(wanted))


def _bare(text: str) -> str:
    return "".join(c for c in re.sub(r"\s", "", text) if not unicodedata.category(c).startswith("P"))


async def demonstrate(sip: str, script: Script, intake_url: str, folder: Path) -> dict[str, Any]:
    """Place the scripted call to ``sip`` (host:port) and follow its ticket to the intake.

    Returns what ``hotline demo --json`` prints. Raises DemoError.
    """
    agent = UserAgent(host="127.0.0.1" if sip.startswith("127.") else "0.0.0.0", port=0, tcp=False)  # noqa: S104
    agent.start(max_calls=4)
    try:
        result = await run_call(agent, f"sip:{script.called}@{sip}", script, folder=folder)
    finally:
        await agent.stop()
    if result.failure:
        raise DemoError(f"the call did not go as scripted: {result.failure}")
    ticket = await _accepted(intake_url, result.sip_call_id)
    document, accepted_at = ticket["ticket"], datetime.fromisoformat(ticket["accepted_at"])
    heard = "".join(u["text"] for u in document["transcript"]["utterances"])
    recording = document["recording"]
    return {
        "call_id": document["call"]["call_id"],
        "answered_ms": result.answered_ms,
        "reference": script.spoken,
        "transcript": heard,
        "cer": round(count_errors(script.spoken, heard), 4),
        "hangup_to_accepted_ms": round((accepted_at - result.ended_at).total_seconds() * 1000, 1),
        "ticket": {**document, "intake_number": ticket["intake_number"]},
        "recording": recording["path"] if recording else None,
    }


async def _accepted(intake_url: str, sip_call_id: str) -> dict[str, Any]:
    """The first revision, at the intake, of the call's ticket that holds the whole call."""
    address = urlsplit(intake_url)
    url = f"{address.scheme}://{address.netloc}/v1/tickets"
    deadline = asyncio.get_running_loop().time() + _TICKET_SECONDS
    async with aiohttp.ClientSession() as session:
        while asyncio.get_running_loop().time() < deadline:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url, params={"sip_call_id": sip_call_id}) as answer:
                    for ticket in (await answer.json())["tickets"]:
                        for revision in ticket["revisions"]:
                            if revision["ticket"]["call"]["ended_at"] is not None:
                                return {**revision, "intake_number": ticket["intake_number"]}
            await asyncio.sleep(0.05)
    raise DemoError(
        f"the intake has not accepted the call's ticket within {_TICKET_SECONDS:.0f} s: see the log"
    )


async def watch(paths: Paths, show: Callable[[dict[str, Any]], None], following: asyncio.Event) -> None:
    """Show every call's events as the gateway tells them, until cancelled; ``following`` is set when it begins.

    A gateway that is started again is followed again.
    """
    while True:
        with contextlib.suppress(aiohttp.ClientError, OSError):
            async for event in _events(paths.gateway_socket, following):
                show(event)
        await asyncio.sleep(_RECONNECT_SECONDS)


async def _events(socket: Path, following: asyncio.Event) -> AsyncIterator[dict[str, Any]]:
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.UnixConnector(path=str(socket))
    async with (
        aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
        session.get("http://gateway/events") as stream,
    ):
        following.set()
        async for line in stream.content:
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))
