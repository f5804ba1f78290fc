"""Every process's window: is it alive, is it ready, and its numbers, over HTTP.

``GET /healthz`` answers 200 with facts as long as the process runs its event loop; ``GET /readyz`` 200 when it would do
its job now and 503 when not, with the reasons; ``GET /metrics`` in Prometheus's text format. None of them holds
personal data.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from aiohttp import web
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Gauge,
    GCCollector,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from config.fault import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
    from pathlib import Path

LEAST_FREE_BYTES = 64 * 1024 * 1024
"""Less free space than this (half an hour of one call) in the data folder, and nothing more should be begun."""

_SHUTDOWN_SECONDS = 0.5

# A time of birth beside each counter says nothing that process_start_time_seconds does not.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's signature lacks its "-> None"


class WindowError(Fault):
    """A process cannot show its health where it was told to; the message says where, and what to do."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """``faults`` keep the process from its job; with ``limits`` it does it, but less well. Both in plain words."""

    faults: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """``ready``, ``degraded`` or ``unready``."""
        return "unready" if self.faults else "degraded" if self.limits else "ready"


@dataclass(frozen=True, slots=True)
class Window:
    """What one process shows.

    ``health`` are facts that cost nothing to know; ``readiness`` may ask others, for a bounded time; ``refresh`` brings
    gauges up to date before a scrape. ``data`` is the folder whose disk is watched.
    """

    process: str
    data: Path
    health: Callable[[], dict[str, Any]]
    readiness: Callable[[], Awaitable[Readiness]]
    registries: tuple[CollectorRegistry, ...] = ()
    refresh: Callable[[], Awaitable[None]] | None = None
    common: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        """Add what every process shows: itself, its versions, its disk."""
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.common)
        Info("hotline_build", "Versions of this process.", registry=self.common).info(
            {"process": self.process, **_versions()}
        )
        Gauge(
            "hotline_data_free_bytes",
            "Space left for this program on the disk of the data folder.",
            registry=self.common,
        ).set_function(lambda: free_bytes(self.data))
        Gauge(
            "hotline_data_size_bytes", "Size of the disk of the data folder.", registry=self.common
        ).set_function(lambda: shutil.disk_usage(self.data).total)

    def routes(self) -> list[web.RouteDef]:
        """The three pages, for whichever server shows them."""

        async def healthz(_request: web.Request) -> web.Response:
            return _answer({"status": "alive", "process": self.process, **self.health()})

        async def readyz(_request: web.Request) -> web.Response:
            found = await self.readiness()
            document = {"status": found.status, "reasons": [*found.faults, *found.limits]}
            return _answer(document, status=503 if found.faults else 200)

        async def metrics(_request: web.Request) -> web.Response:
            if self.refresh is not None:
                await self.refresh()
            body = b"".join(generate_latest(registry) for registry in (*self.registries, self.common))
            return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

        return [
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.get("/metrics", metrics),
        ]


def free_bytes(folder: Path) -> int:
    """Space left for this user on the disk of ``folder``, in bytes."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def check_disk(data: Path) -> Sequence[str]:
    """A fault in plain words when the data folder's disk is as good as full."""
    free = free_bytes(data)
    if free >= LEAST_FREE_BYTES:
        return ()
    return (f"{free // (1024 * 1024)} MiB left on the disk of {data}: free space there",)


@asynccontextmanager
async def shown(
    window: Window, unix: Path, host: str, port: int | None, own: Iterable[web.RouteDef] = ()
) -> AsyncIterator[None]:
    """Serve the window and the process's ``own`` pages on a Unix socket; on TCP, if ``port`` is set, the window alone.

    Raises WindowError when one of them is taken.
    """
    async with AsyncExitStack() as opened:
        inner = await _prepare([*window.routes(), *own])
        opened.push_async_callback(inner.cleanup)
        await _open(web.UnixSite(inner, str(unix)), f"{unix}")
        if port is not None:
            outer = await _prepare(window.routes())
            opened.push_async_callback(outer.cleanup)
            await _open(web.TCPSite(outer, host, port), f"metrics.{window.process}_port {port} on {host}")
        yield


async def _prepare(routes: Iterable[web.RouteDef]) -> web.AppRunner:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    return runner


async def _open(site: web.BaseSite, name: str) -> None:
    try:
        await site.start()
    except OSError as error:
        raise WindowError(f"{name}: {error.strerror}; another program may use it, choose another") from error


def _answer(document: dict[str, Any], status: int = 200) -> web.Response:
    return web.json_response(
        document,
        status=status,
        headers={"Cache-Control": "no-store"},
        dumps=lambda o: json.dumps(o, ensure_ascii=False),
    )


def _versions() -> dict[str, str]:
    found = {}
    for label, package in (("version", "minsheng-hotline"), ("pjsua2", "pjsua2"), ("vosk", "vosk")):
        try:
            found[label] = version(package)
        except PackageNotFoundError:  # run from a folder that was never installed
            found[label] = "unknown"
    return found
