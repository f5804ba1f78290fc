"""One run of the load generator against a SIP address, and what it measured."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_NOT_RUN = 2


class PeerError(Exception):
    """The load generator could not do its run; the message says why."""


@dataclass(frozen=True, slots=True)
class Load:
    """So many callers, called in at ``rate`` a second, heard for ``seconds`` from ``settle`` seconds after the last.

    ``audio`` is µ-law at 8 kHz without a header, looped, each caller starting elsewhere in it. ``redial``: a caller
    whom the other side hung up on calls again, so that the number of callers stays the same. ``talk``: seconds from his
    INVITE after which a caller hangs up; None: he stays to the end.
    """

    calls: int
    seconds: float
    audio: Path
    rate: float = 20.0
    settle: float = 5.0
    redial: bool = True
    talk: float | None = None


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Milliseconds: median, 99th percentile (nearest rank), largest."""

    p50: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Stream:
    """One caller's RTP in the measured time: packets received, sequence numbers missing, time between packets."""

    received: int
    missing: int
    gap_ms: Quantiles | None


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """``status`` is the final one of the INVITE (0: none came); ``ended_at`` the BYE's time, seconds since 1970."""

    sip_call_id: str
    stream: int
    status: int
    setup_ms: float | None
    ended_at: float | None
    ended_by: str | None


@dataclass(frozen=True, slots=True)
class PeerReport:
    """What the callers lived through.

    ``failed``: calls that were not answered, by their final status; ``setup_ms``: from INVITE to 200 OK.
    ``pauses``: how often a stream went on after it had sent nothing for a while (such a gap is no jitter and not
    counted); ``stray``: packets out of order or twice; ``sent_late_ms``: how late the generator itself was, which
    tells whether the machine was too busy for the figures to mean anything.
    """

    measured_seconds: float
    answered: int
    failed: dict[str, int]
    ended_by_peer: int
    received: int
    missing: int
    stray: int
    pauses: int
    setup_ms: Quantiles | None
    gap_ms: Quantiles | None
    sent_late_ms: Quantiles | None
    streams: tuple[Stream, ...]
    calls: tuple[PlacedCall, ...]


async def generate(program: Path, target: str, load: Load, on_event: Callable[[str], None]) -> PeerReport:
    """Run LOAD against TARGET (``ip:port``). ``on_event`` hears "measuring" and "measured". Raises PeerError."""
    process = await asyncio.create_subprocess_exec(
        str(program),
        *("--target", target, "--calls", str(load.calls), "--rate", f"{load.rate:g}"),
        *("--settle", f"{load.settle:g}", "--seconds", f"{load.seconds:g}", "--audio", str(load.audio)),
        *("--progress", *(["--redial"] if load.redial else [])),
        *([] if load.talk is None else ["--talk", f"{load.talk:g}"]),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None  # noqa: S101 - asked for above
        assert process.stderr is not None  # noqa: S101 - as above
        printed, _ = await asyncio.gather(process.stdout.read(), _follow(process.stderr, on_event))
        if await process.wait() == _NOT_RUN:
            raise PeerError("rtpgen could not run; the reason stands above")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
    return _read_report(json.loads(printed))


async def _follow(stream: asyncio.StreamReader, on_event: Callable[[str], None]) -> None:
    async for line in stream:
        text = line.decode(errors="replace").strip()
        if text in {"measuring", "measured"}:
            on_event(text)
        else:
            print(text, file=sys.stderr)


def _read_report(document: dict[str, Any]) -> PeerReport:
    return PeerReport(
        measured_seconds=document["measured_seconds"],
        answered=document["answered"],
        failed=document["failed"],
        ended_by_peer=document["ended_by_peer"],
        received=document["received"],
        missing=document["missing"],
        stray=document["stray"],
        pauses=document["pauses"],
        setup_ms=_read_quantiles(document["setup_ms"]),
        gap_ms=_read_quantiles(document["gap_ms"]),
        sent_late_ms=_read_quantiles(document["sent_late_ms"]),
        streams=tuple(
            Stream(s["received"], s["missing"], _read_quantiles(s["gap_ms"])) for s in document["streams"]
        ),
        calls=tuple(PlacedCall(**call) for call in document["calls"]),
    )


def _read_quantiles(values: dict[str, float] | None) -> Quantiles | None:
    return Quantiles(**values) if values else None
