"""The live board over the gateways' own event server, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket as socketlib
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from console.liveboard import LiveBoard
from console.metrics import REGISTRY
from gateway.calls import live
from recordings import entries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CALL = "20261124T010203-0badcafe"
INVITED = entries.Incoming(caller="13855812345", called="12345", hotline="12345")


@contextlib.asynccontextmanager
async def following(*sockets: Path) -> AsyncIterator[LiveBoard]:
    board = LiveBoard(sockets)
    task = asyncio.create_task(board.run())
    yield board
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


class Page:
    """What a page that watches knows."""

    def __init__(self, board: LiveBoard) -> None:
        self._board = board
        self._watching = board.watch()
        self._watcher = self._watching.__enter__()
        self.calls: dict[str, dict[str, Any]] = {}
        self.gateways: dict[str, bool] = {}

    async def until(self, look: Any) -> None:
        async with asyncio.timeout(10):
            while not look(self):
                await self._watcher.changed.wait()
                told = self._board.tell(self._watcher)
                for call_id in told["gone"]:
                    self.calls.pop(call_id, None)
                self.calls.update({call["call_id"]: call for call in told["calls"]})
                self.gateways.update({g["name"]: g["up"] for g in told["gateways"]})


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "gateway.sock"


async def serve(board: live.Board, socket: Path) -> web.AppRunner:
    app = web.Application()
    app.add_routes([live.route(board)])
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    return runner


async def test_a_follower_who_has_gone_before_he_is_heard_is_no_error(socket, caplog):
    gateway = await serve(live.Board(), socket)
    for _ in range(20):
        with socketlib.socket(socketlib.AF_UNIX) as follower:
            follower.connect(str(socket))
            follower.sendall(b"GET /events HTTP/1.1\r\nHost: gateway\r\n\r\n")
    async with following(socket) as board:
        page = Page(board)
        await page.until(lambda p: p.gateways.get("gateway"))
    await gateway.cleanup()
    assert "Error handling request" not in caplog.text


async def test_a_call_is_followed_from_the_first_word_to_the_last(socket):
    events = live.Board()
    gateway = await serve(events, socket)
    async with following(socket) as board:
        page = Page(board)
        await page.until(lambda p: p.gateways.get("gateway"))
        events.publish(CALL, INVITED)
        events.publish(CALL, entries.Partial("我要投诉"))
        await page.until(lambda p: p.calls.get(CALL, {}).get("partial") == "我要投诉")
        assert page.calls[CALL]["caller"] == "138****2345"
        events.publish(CALL, entries.Heard(text="我要投诉噪音"))
        await page.until(lambda p: p.calls[CALL]["lines"] == [{"who": "caller", "text": "我要投诉噪音"}])
        events.publish(CALL, entries.Finished())
        await page.until(lambda p: CALL not in p.calls)
    await gateway.cleanup()


async def test_who_comes_late_is_told_what_has_happened(socket):
    events = live.Board()
    gateway = await serve(events, socket)
    events.publish("20261124T010202-0badcafe", INVITED)
    events.publish("20261124T010202-0badcafe", entries.Finished())
    events.publish(CALL, INVITED)
    events.publish(CALL, entries.Heard(text="路灯不亮"))
    async with following(socket) as board:
        early, late = Page(board), None
        await early.until(lambda p: p.calls.get(CALL, {}).get("lines"))
        late = Page(board)
        await late.until(
            lambda p: p.calls.get(CALL, {}).get("lines") == [{"who": "caller", "text": "路灯不亮"}]
        )
        assert set(late.calls) == {CALL}
    await gateway.cleanup()


async def test_a_gateway_that_is_down_is_said_so_and_followed_again(socket):
    async with following(socket) as board:
        page = Page(board)
        await page.until(lambda p: p.gateways.get("gateway") is False)
        events = live.Board()
        gateway = await serve(events, socket)
        events.publish(CALL, INVITED)
        await page.until(lambda p: p.gateways["gateway"] and CALL in p.calls)
        await gateway.cleanup()
        await page.until(lambda p: not p.gateways["gateway"])
        assert page.calls[CALL]["lost"]
        socket.unlink(missing_ok=True)
        gateway = await serve(live.Board(), socket)  # started again, without the call
        await page.until(lambda p: p.gateways["gateway"] and CALL not in p.calls)
        await gateway.cleanup()


GARBAGE = (
    b'data: {"call_id": "x", "kind": "matter", "brief": 7, "summary": "a field of another version"}\n\n',
    b'data: {"call_id": "x", "kind": "incoming", "caller": 1}\n\n',
    b"data: no JSON\n\n",
    b"data: " + b"9" * 3_000_000 + b"\n\n",
)


def skipped() -> float:
    return REGISTRY.get_sample_value("hotline_console_live_events_skipped_total") or 0.0


@pytest.mark.parametrize("garbage", GARBAGE)
async def test_what_cannot_be_read_is_counted_and_the_board_goes_on(socket, garbage, caplog):
    told = {name: value for name, value in entries.encode(INVITED).items() if name != "call_id"}
    opening = json.dumps({**told, "wall": ""})
    calls = iter(f"20261124T01020{n}-0badcafe" for n in range(10))

    async def events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(2):  # one before the garbage, one after it
            line = f'data: {{"call_id": "{next(calls)}", {opening[1:]}\n\n'
            await response.write(line.encode() + garbage.replace(b'"x"', b'"20261124T010200-0badcafe"'))
        await asyncio.Event().wait()
        return response

    app = web.Application()
    app.router.add_get("/events", events)
    gateway = web.AppRunner(app, shutdown_timeout=0.1)
    await gateway.setup()
    await web.UnixSite(gateway, str(socket)).start()
    before = skipped()
    async with following(socket) as board:
        page = Page(board)
        await page.until(lambda p: len(p.calls) == 2 and p.gateways["gateway"])
        await asyncio.sleep(0.2)
        assert skipped() - before >= 1
        assert "cannot be read" in caplog.text
    await gateway.cleanup()


async def test_two_gateways_are_one_board(tmp_path):
    events, gateways = [live.Board(), live.Board()], []
    for number, one in enumerate(events):
        gateways.append(await serve(one, tmp_path / f"gateway-{number}.sock"))
    async with following(tmp_path / "gateway-0.sock", tmp_path / "gateway-1.sock") as board:
        page = Page(board)
        await page.until(lambda p: p.gateways == {"gateway-0": True, "gateway-1": True})
        for number, one in enumerate(events):
            one.publish(f"20261124T01020{number}-0badcafe", INVITED)
        await page.until(lambda p: len(p.calls) == 2)
        assert {call["gateway"] for call in page.calls.values()} == {"gateway-0", "gateway-1"}
    for gateway in gateways:
        await gateway.cleanup()


async def test_gateways_of_two_machines_whose_sockets_share_a_name_are_both_followed(tmp_path):
    events, sockets, gateways = [live.Board(), live.Board()], [], []
    for number, one in enumerate(events):
        sockets.append(tmp_path / f"machine-{number}" / "gateway.sock")
        sockets[-1].parent.mkdir()
        gateways.append(await serve(one, sockets[-1]))
    async with following(*sockets, sockets[0]) as board:
        page = Page(board)
        await page.until(lambda p: p.gateways == {str(socket): True for socket in sockets})
        for number, one in enumerate(events):
            one.publish(f"20261124T01020{number}-0badcafe", INVITED)
        await page.until(lambda p: len(p.calls) == 2)
    for gateway in gateways:
        await gateway.cleanup()


async def test_a_call_that_broke_off_does_not_stay_on_the_board(socket):
    events = live.Board()
    gateway = await serve(events, socket)
    events.publish(CALL, INVITED)
    async with following(socket) as board:
        page = Page(board)
        await page.until(lambda p: CALL in p.calls)
        events.close(CALL)
        await page.until(lambda p: CALL not in p.calls)
        events.close(CALL)
    assert [line async for line in _told(events)] == []
    await gateway.cleanup()


async def _told(events: live.Board) -> AsyncIterator[str]:
    """What is told at once to who begins to follow."""
    async with contextlib.aclosing(events.follow()) as lines:
        async for line in lines:
            if not line:
                return
            yield line


async def test_a_follower_that_falls_too_far_behind_is_cut_off_and_may_come_again():
    events = live.Board()
    lines = events.follow()
    events.publish(CALL, INVITED)
    assert "13855812345" in await anext(lines)
    for number in range(2000):
        events.publish(CALL, entries.Partial(str(number)))
    seen = [line async for line in lines]  # ends
    assert 900 < len(seen) < 1100
