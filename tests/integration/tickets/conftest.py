"""A real reference intake, and a proxy in front of it that misbehaves on request."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import aiohttp
import pytest
from aiohttp import web

from tickets.alert import DangerAlert
from tickets.intake.server import serve
from tickets.number import NumberBook
from tickets.parts import CallPart
from tickets.ticket import AppealPart, CallerPart, PlacePart, Ticket, TranscriptPart

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SECRET = "whsec_dGhlIHRlc3RzJyBvd24gc2VjcmV0LCAzMiBieXRlcyE="

_BEFORE = _AFTER = 0.15

MakeTicket = Callable[..., Ticket]
MakeAlert = Callable[..., DangerAlert]

_CANNED: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "error": (500, b"boom", {}),
    "garbage": (200, b"\xff\xfe<html>\0ok", {"Content-Type": "application/json"}),
    "empty receipt": (201, b'{"number": "", "status": ""}', {"Content-Type": "application/json"}),
    "redirect": (302, b"", {"Location": "http://127.0.0.1:1/"}),
    "endless": (200, b" " * 10_000_000, {}),
    "barred": (403, b"not from here", {}),
    "busy": (429, b"", {"Retry-After": "1"}),
    "half a character": (422, rb'{"title": "no", "detail": "\ud83d\u0000"}', {}),
    "nested": (400, b"[" * 60_000, {}),
    "far future": (503, b"", {"Retry-After": "Mon, 01 Jan 99999999999 00:00:00 GMT"}),
}


@pytest.fixture
def secret() -> str:
    return SECRET


@pytest.fixture
def make_ticket(tmp_path: Path) -> MakeTicket:
    """Tickets of one call each, with fresh numbers."""
    book = NumberBook(tmp_path / "numbers", 1)
    moment = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)

    def make(number: str = "", revision: int = 1, title: str = "人民西路漏水", **changes: Any) -> Ticket:
        number = number or book.next(moment.date())
        return Ticket(
            number=number,
            revision=revision,
            hotline="12345",
            call=CallPart(
                call_id=f"20261124T010203-{number[-8:]}",
                sip_call_id=f"sip-{number}",
                caller="13855812345",
                called="12345",
                started_at=moment,
                answered_at=moment,
                **changes,
            ),
            caller=CallerPart(number="13855812345", contact="13855812345"),
            appeal=AppealPart(type="投诉", title=title, content="水管漏水三天了没人管"),
            place=PlacePart(county="颍州区", address="人民西路128号"),
            transcript=TranscriptPart(complete=True),
        )

    return make


@pytest.fixture
def make_alert() -> MakeAlert:
    """Alerts of the calls of those numbers."""

    def make(call: int, words: str = "我家着火了") -> DangerAlert:
        call_id = f"20261124T010203-{call:08x}"
        return DangerAlert(
            id=f"danger-{call_id}-0",
            at=datetime(2026, 11, 24, 1, 2, 9, tzinfo=UTC),
            call_id=call_id,
            hotline="12345",
            line="政务服务便民热线",
            caller="13855812345",
            risk="fire",
            words=words,
        )

    return make


@pytest.fixture
async def intake(tmp_path: Path) -> AsyncIterator[str]:
    """The address of a running reference intake."""
    async with serve(tmp_path / "intake.db", SECRET, "127.0.0.1", 0) as address:
        yield address


class Saboteur:
    """A proxy before the intake. ``mode`` says how it treats the next posts; ``seen`` is what came, in order."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.mode = "pass"
        self.seen: list[tuple[float, str]] = []  # when (time.monotonic) and the idempotency key
        self.overlaps: list[str] = []  # ticket numbers of which two revisions were under way at once
        self.under_way: dict[str, int] = {}
        self.most_under_way = 0
        self.dice = random.Random(11)
        self._runner: web.AppRunner
        self._port = 0

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()
        await self._session.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1/tickets"

    async def listen(self) -> None:
        app = web.Application()
        for door in ("/v1/tickets", "/v1/alerts"):
            app.router.add_post(door, self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.01, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]

    async def refuse(self) -> None:
        """Close the port: connections are refused until ``listen``."""
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        told = json.loads(body)
        number = told.get("number") or told["id"]
        self.seen.append((time.monotonic(), request.headers["Idempotency-Key"]))
        if self.under_way.get(number):
            self.overlaps.append(number)
        self.under_way[number] = self.under_way.get(number, 0) + 1
        self.most_under_way = max(self.most_under_way, sum(self.under_way.values()))
        try:
            return await self._treat(request, body)
        finally:
            self.under_way[number] -= 1

    async def _treat(self, request: web.Request, body: bytes) -> web.StreamResponse:
        if self.mode in _CANNED:
            status, answer, headers = _CANNED[self.mode]
            return web.Response(status=status, body=answer, headers=headers)
        assert request.transport
        if self.mode == "third":
            return await self._fail_at_times(request, body)
        if self.mode == "slow":
            await asyncio.sleep(0.3)
        elif self.mode == "hang":
            await asyncio.sleep(3600)
        elif self.mode == "cut":
            request.transport.abort()
        elif self.mode == "half":
            response = web.StreamResponse(status=201, headers={"Content-Length": "500"})
            await response.prepare(request)
            await response.write(b'{"number": "FY2026')
            request.transport.close()
            return response
        answered = await self._forward(request, body)
        if self.mode == "lose answer":
            request.transport.abort()
        elif self.mode == "hold answer":
            await asyncio.sleep(3600)
        return answered

    async def _fail_at_times(self, request: web.Request, body: bytes) -> web.Response:
        """Three of ten fail, as many before the intake has it as after."""
        assert request.transport
        fate = self.dice.random()
        if fate < _BEFORE:
            request.transport.abort()
            return web.Response()
        answered = await self._forward(request, body)
        if fate < _BEFORE + _AFTER:
            request.transport.abort()
        return answered

    async def _forward(self, request: web.Request, body: bytes) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        url = f"{self.target}{request.path}"
        async with self._session.post(url, data=body, headers=headers) as answer:
            return web.Response(
                status=answer.status, body=await answer.read(), content_type=answer.content_type
            )


@pytest.fixture
async def saboteur(intake: str) -> AsyncIterator[Saboteur]:
    async with Saboteur(intake) as proxy:
        yield proxy
