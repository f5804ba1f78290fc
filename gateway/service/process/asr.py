"""Speech recognition as a process."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from asr import metrics
from asr.catalogue import open_model
from asr.server import serve
from gateway.service.courtesy import DECODING, step_back
from gateway.service.notify import serving
from gateway.service.observe import Readiness, Window, shown
from gateway.service.process.common import stop_signal
from gateway.site.demo_model import DEMO_WARNING
from gateway.site.speech import speech_entrance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from asr.server import SpeechServer
    from gateway.site.settings import Paths, Settings

log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 2.0


async def run(settings: Settings, paths: Paths) -> None:
    """Serve speech recognition until SIGTERM."""
    stop = stop_signal()
    step_back(DECODING)
    model = open_model(settings.asr.model)
    if model.fingerprint.demo:
        log.warning(DEMO_WARNING)
    where = settings.metrics

    @contextlib.asynccontextmanager
    async def watched(server: SpeechServer) -> AsyncIterator[None]:
        window = watch(paths.data, server)
        async with shown(window, paths.asr_health_socket, where.host, where.asr_port), serving():
            yield

    asr = settings.asr
    entrance = speech_entrance(settings)
    await serve(paths.asr_listen(settings), model, asr.threads, stop, watched, entrance, asr.profile)


def watch(data: Path, server: SpeechServer) -> Window:
    """The speech server is ready when a decoding thread comes round in time; degraded while it lets nobody in."""

    def health() -> dict[str, Any]:
        return {"streams": server.streams, "model": asdict(server.model)}

    async def readiness() -> Readiness:
        if not await server.is_prompt(_PATIENCE_SECONDS):
            return Readiness((f"no decoding thread has come round within {_PATIENCE_SECONDS:.0f} s",))
        busy = f"new streams are refused: {server.trouble}" if server.trouble else ""
        return Readiness((), (busy,) if busy else ())

    return Window("asr", data, health, readiness, (metrics.REGISTRY,))
