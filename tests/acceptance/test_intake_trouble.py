"""The intake refuses, hangs, answers 500 or garbage while people call; then it mends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SENTENCE = "颍上县慎城镇房子漏雨"
SCRIPT = {
    "name": "trouble",
    "caller": "13855812345",
    "steps": [{"pause": 1.0}, {"say": SENTENCE, "over": True}, {"press": "#"}, {"wait": "prompt"}, "hang_up"],
}
GARBAGE = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"numb\x00\xff!'
ERROR = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
GONE = b"HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\ngone"


class Road:
    """The road to the intake: passes everything on, or misbehaves."""

    def __init__(self, behind: int) -> None:
        self.behind = behind
        self.mode = "pass"
        self.port = 0
        self.connections = 0

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            match self.mode:
                case "refuse":
                    writer.transport.abort()
                    return
                case "hang":
                    await reader.read()
                case "500" | "garbage" | "410":
                    await reader.readuntil(b"\r\n\r\n")
                    writer.write({"500": ERROR, "garbage": GARBAGE, "410": GONE}[self.mode])
                    await writer.drain()
                case _:
                    await self.pass_on(reader, writer)
        writer.close()

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.behind)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
            sink.close()

        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))


@contextlib.asynccontextmanager
async def troubled_house(make_house: Any) -> AsyncIterator[tuple[Any, Road]]:
    """A house whose intake lies behind a road of ours."""
    far = make_house()
    intake = subprocess.Popen([*far.hotline, "--config", str(far.config), "--data", str(far.data), "intake"])
    road = Road(int(far.intake.rpartition(":")[2]))
    server = await asyncio.start_server(road.meet, "127.0.0.1", 0)
    road.port = server.sockets[0].getsockname()[1]
    house = make_house(intake={"url": f"http://127.0.0.1:{road.port}/v1/tickets", "timeout_seconds": 2})
    house.intake = far.intake
    try:
        await asyncio.to_thread(house.start)
        yield house, road
    finally:
        await asyncio.to_thread(house.stop)
        server.close()
        intake.terminate()
        intake.wait(10)


async def call_through(house: Any, road: Road, modes: tuple[str, ...], seconds: float) -> list[str]:
    """One call begun in each mode, each mode for so long; the calls' SIP Call-IDs."""
    peers = []
    for mode in modes:
        road.mode = mode
        peers.append(house.start_calls([SCRIPT]))
        await asyncio.sleep(seconds)
    results = [(await asyncio.to_thread(house.results, peer))[0] for peer in peers]
    assert [r["failure"] for r in results if r["failure"]] == []  # callers notice nothing
    return [r["sip_call_id"] for r in results]


async def accepted_once(house: Any, road: Road, calls: list[str]) -> None:
    road.mode = "pass"
    for call in calls:
        ticket = await asyncio.to_thread(house.whole_ticket, call)
        assert SENTENCE in ticket["appeal"]["content"]
        (held,) = house.tickets(sip_call_id=call)
        revisions = [r["revision"] for r in held["revisions"]]
        assert revisions == list(range(1, len(revisions) + 1))


TROUBLES = ("refuse", "hang", "500", "garbage")


def letters(house: Any) -> list[dict[str, Any]]:
    """What is on its way to the intake, or was refused."""
    found: list[dict[str, Any]] = json.loads(house.type("outbox", "list", "--json").stdout)
    return found


async def reject(house: Any, road: Road) -> None:
    calls = await call_through(house, road, ("410",), 1)

    def check() -> subprocess.CompletedProcess[str]:
        return house.type("check")

    def outbox(*arguments: str) -> subprocess.CompletedProcess[str]:
        return house.type("outbox", *arguments)

    await asyncio.to_thread(
        eventually, lambda: [one["state"] for one in letters(house)] == ["dead"], 120, "the dead letter"
    )
    before = road.connections
    await asyncio.sleep(3)
    assert road.connections == before, "a rejection must not be retried in a loop"
    refused = check()
    assert (refused.returncode, "410" in refused.stdout) == (1, True), refused
    (letter,) = letters(house)
    assert (letter["state"], letter["kind"]) == ("dead", "ticket")
    assert letter["number"] in outbox("list").stdout
    (opened,) = json.loads(outbox("show", letter["number"], "--json").stdout)
    assert opened["document"]["number"] == letter["number"]
    assert outbox("show", "nobody's").returncode == 1
    # What is given up is asked about no more, and is kept.
    assert outbox("drop", letter["number"], "--why", "", "--who", "值班").returncode == 2
    assert outbox("drop", letter["number"], "--why", "平台另行登记", "--who", "值班").returncode == 0
    assert outbox("drop", letter["number"], "--why", "twice").returncode == 1
    assert check().returncode == 0, check().stdout
    assert letters(house) == []
    (given_up,) = json.loads(outbox("list", "--state", "dropped", "--json").stdout)
    assert given_up["dropped"] == "值班: 平台另行登记"
    assert "410" in given_up["last_error"]
    road.mode = "pass"
    assert outbox("retry", "--all").stdout.endswith(": 0\n"), "it comes back by its number alone"
    retry = outbox("retry", letter["number"])
    assert retry.returncode == 0, retry.stderr
    await accepted_once(house, road, calls)
    assert check().returncode == 0, check().stdout


@pytest.mark.timeout(600)
async def test_trouble_for_a_while_loses_nothing_and_a_rejection_is_a_dead_letter_until_it_is_retried(
    make_house: Any,
) -> None:
    async with troubled_house(make_house) as (house, road):
        calls = await call_through(house, road, TROUBLES, 8)
        await asyncio.to_thread(eventually, lambda: road.connections >= len(TROUBLES), 60, "the attempts")
        assert house.tickets() == []
        await accepted_once(house, road, calls)
        await asyncio.to_thread(eventually, lambda: letters(house) == [], 60, "an empty outbox")
        await reject(house, road)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_trouble_for_two_minutes_each(make_house: Any) -> None:
    async with troubled_house(make_house) as (house, road):
        calls = await call_through(house, road, TROUBLES, 120)
        await accepted_once(house, road, calls)
