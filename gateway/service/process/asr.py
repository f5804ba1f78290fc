"""Speech recognition as a process."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from asr import metrics
from asr.catalogue import open_model
from asr.door import Entrance
from asr.engine import name_model
from asr.evaluation.record import FILE, read_bench
from asr.server import serve
from asr.vocabulary import read_vocabulary
from config.document import ConfigError
from config.fault import LastingFault
from gateway.service.courtesy import DECODING, FOLLOWING, step_back
from gateway.service.flows import read_dialogue, read_nuisance_flow
from gateway.service.grammars import find_unknown, list_classes
from gateway.service.notify import serving
from gateway.service.observe import Readiness, Window, shown
from gateway.service.process.common import stop_signal
from gateway.site.demo_model import DEMO_WARNING
from gateway.site.speech import speech_entrance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from asr.catalogue import ModelFolder
    from asr.server import SpeechServer
    from gateway.site.settings import Paths, Settings

log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 2.0
_MOST_TOLD = 20


async def run(settings: Settings, paths: Paths, *, second: bool = False) -> None:
    """Serve speech recognition until SIGTERM; ``second``: for the second pass, by its model, at its own socket.

    Raises ConfigError when there is no model for a second pass.
    """
    stop = stop_signal()
    where = settings.metrics
    url, door, port = paths.asr_listen(settings), paths.asr_health_socket, where.asr_port
    if second:
        if not settings.asr.runs_second:
            raise ConfigError(
                "settings",
                0,
                "asr.second_model names no model",
                "set it to a model folder, and second_url to nothing",
            )
        url, door, port = f"unix:{paths.second_socket}", paths.second_health_socket, None
    step_back(FOLLOWING if second else DECODING)
    model = open_model(settings.asr.second_model if second else paths.model(settings))
    if model.fingerprint.demo:
        log.warning(DEMO_WARNING)

    @contextlib.asynccontextmanager
    async def watched(server: SpeechServer) -> AsyncIterator[None]:
        window = watch(paths.data, server)
        async with shown(window, door, where.host, port), serving():
            yield

    asr = settings.asr
    entrance = Entrance() if second else speech_entrance(settings)
    found = None
    if not second:
        named = name_model(model, asr.profile)
        found = read_bench(paths.data / FILE, named, model.fingerprint.sha256, asr.threads)
    capacity = found.capacity if found else None
    classes = () if second else _prove_grammars(settings, model)
    await serve(url, model, asr.threads, stop, watched, entrance, asr.profile, capacity, classes)


def _prove_grammars(settings: Settings, model: ModelFolder) -> tuple[frozenset[str], ...]:
    """The flows' classes of answers; what of them the model does not know is told, a line each."""
    try:
        flows = (*read_dialogue(settings.dialogue).flows, read_nuisance_flow(settings.dialogue))
        unknown = (
            ()
            if model.static_graph or model.fingerprint.demo
            else find_unknown(flows, read_vocabulary(model))
        )
    except (LastingFault, OSError) as fault:  # the gateway says so, and goes by what can be used
        log.warning("the flows' words were not looked up in the model: %s", fault)
        return ()
    for one in unknown[:_MOST_TOLD]:
        log.warning("%s", one)
    if len(unknown) > _MOST_TOLD:
        log.warning("… %d words of the flows in all that the model does not know", len(unknown))
    return list_classes(flows)


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
