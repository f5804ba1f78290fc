"""What a hundred calls, and whoever looks at the gateway meanwhile, cost its event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import pytest
from waiting import eventually

from bench.loop import read_loop
from gateway.site.settings import Paths

CALLS = 100
TURN_MS = 30.0
STEPS = [
    {"pause": 1.0},
    {"say": "颍上县慎城镇房子漏雨", "over": True},
    {"press": "#"},
    {"pause": 8.0},
    "hang_up",
]


@pytest.mark.soak
def test_no_turn_of_the_loop_is_long_while_a_hundred_calls_come_and_go(make_house: Any) -> None:
    """Admission, dialogue, prompts, journals, filing, log lines, and probes twice a second."""
    house = make_house(sip={"cap": CALLS + 20})
    house.start()
    scripts = [{"name": f"call {n}", "caller": f"138558{n:05d}", "steps": STEPS} for n in range(CALLS)]
    peer = house.start_calls(scripts, stagger=0.1)
    while peer.poll() is None:
        for path in ("/readyz", "/healthz", "/metrics"):
            with contextlib.suppress(TimeoutError):  # the machine may be busier than the gateway
                assert house.page("gateway.sock", path)[0] in (200, 503)
        time.sleep(0.5)
    assert [r["failure"] for r in house.results(peer) if r["failure"]] == []
    eventually(lambda: not list((house.data / "spool").glob("*/")), 120, "the filing")
    figures = asyncio.run(read_loop(Paths(house.data, house.environment).gateway_socket))
    print(figures)
    assert figures["turn_cpu_max_ms"] <= TURN_MS, figures
