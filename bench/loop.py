"""How the gateway's event loop turned, as the gateway itself tells in ``/metrics``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from pathlib import Path

_FIGURES = {
    "delay_p999_ms": "hotline_loop_delay_p999_seconds",
    "turn_cpu_max_ms": "hotline_loop_turn_cpu_max_seconds",
}


async def read_loop(socket: Path) -> dict[str, float]:
    """Of the last five minutes, in ms: ``delay_p999_ms`` of the clock, ``turn_cpu_max_ms`` of the processor.

    ``socket`` is the gateway's (`gateway.site.settings.Paths.gateway_socket`); its start is not in the figures.
    """
    async with (
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(socket))) as session,
        session.get("http://gateway/metrics") as answer,
    ):
        text = await answer.text()
    told = {s.name: s.value for family in text_string_to_metric_families(text) for s in family.samples}
    return {figure: round(told[name] * 1000, 2) for figure, name in _FIGURES.items()}
