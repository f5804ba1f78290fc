"""Callers who hang up almost at once, at an even pace: real SIP over UDP, real RTP both ways, bounded."""

from __future__ import annotations

import asyncio
import re
import struct
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

from acceptance.hostile.wire import LOOPBACK, Answer, Request, follow, read_answer, sdp

if TYPE_CHECKING:
    from types import TracebackType

_FRAME_SECONDS = 0.02
_T1 = 0.5  # RFC 3261, 17.1.1.1: a request that nothing answered is sent again after this, then after twice as long
_PATIENCE = 16.0  # for a final answer


class ShortCalls(asyncio.DatagramProtocol):
    """One SIP socket and one RTP socket for all of them.

    ``ended`` counts those that were answered, talked to, and whose BYE was answered with 200; ``refused`` those turned
    away, by status; ``lost`` are the Call-IDs of those that got no answer to something, with what it was; ``packets``
    what came over RTP.
    """

    def __init__(self, gateway_port: int) -> None:
        self._gateway = (LOOPBACK, gateway_port)
        self._waiting: dict[tuple[str, str], asyncio.Future[Answer]] = {}
        self.ended = 0
        self.refused: Counter[int] = Counter()
        self.lost: dict[str, str] = {}
        self.packets = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._sip, _ = await loop.create_datagram_endpoint(lambda: self, (LOOPBACK, 0))
        self._rtp, _ = await loop.create_datagram_endpoint(lambda: _Ear(self), (LOOPBACK, 0))
        self._sip_port: int = self._sip.get_extra_info("sockname")[1]
        self._rtp_port: int = self._rtp.get_extra_info("sockname")[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sip.close()
        self._rtp.close()

    async def come_and_go(self, calls: int, rate: float, seconds: float = 0.15) -> None:
        """Call so often in a second until so many CALLS have come and gone; who is refused does not count.

        Raises TimeoutError when that takes twice the time it should and a minute more.
        """
        async with asyncio.timeout(60 + 2 * calls / rate), asyncio.TaskGroup() as group:
            turn, start, under_way = 0, time.monotonic(), set[asyncio.Task[None]]()
            while self.ended < calls:
                if self.ended + len(under_way) < calls:
                    under_way.add(task := group.create_task(self._call(seconds)))
                    task.add_done_callback(under_way.discard)
                turn += 1
                await asyncio.sleep(max(0.0, start + turn / rate - time.monotonic()))

    async def _call(self, seconds: float) -> None:
        request = Request(port=self._gateway[1], local_port=self._sip_port, body=sdp(port=self._rtp_port))
        answer = await self._ask(request.encode(), request.call_id, "INVITE")
        if answer is None:
            return
        self._sip.sendto(follow(answer, "ACK", self._sip_port), self._gateway)
        if answer.status >= 300:
            self.refused[answer.status] += 1
            return
        await self._talk(answer, seconds)
        if (await self._ask(follow(answer, "BYE", self._sip_port), request.call_id, "BYE")) is not None:
            self.ended += 1

    async def _talk(self, answer: Answer, seconds: float) -> None:
        found = re.search(rb"m=audio (\d+) ", answer.body)
        assert found, answer.raw
        start = time.monotonic()
        for number in range(round(seconds / _FRAME_SECONDS)):
            header = struct.pack("!BBHII", 0x80, 8, number, 160 * number, int(found[1]))
            self._rtp.sendto(header + b"\xd5" * 160, (LOOPBACK, int(found[1])))
            await asyncio.sleep(max(0.0, start + _FRAME_SECONDS * (number + 1) - time.monotonic()))

    async def _ask(self, message: bytes, call_id: str, method: str) -> Answer | None:
        """The final answer; None, and the call is among the lost, when there was none."""
        answered = self._waiting[call_id, method] = asyncio.get_running_loop().create_future()
        interval, deadline = _T1, time.monotonic() + _PATIENCE
        try:
            while time.monotonic() < deadline:
                self._sip.sendto(message, self._gateway)
                done, _ = await asyncio.wait((answered,), timeout=interval)
                if done:
                    return answered.result()
                interval *= 2
        finally:
            del self._waiting[call_id, method]
        self.lost[call_id] = method
        return None

    def datagram_received(self, data: bytes, _address: Any) -> None:
        answer = read_answer(data)
        method = answer.headers.get("CSeq", "").partition(" ")[2]
        answered = self._waiting.get((answer.headers.get("Call-ID", ""), method))
        if answered is not None and not answered.done() and answer.status >= 200:
            answered.set_result(answer)


class _Ear(asyncio.DatagramProtocol):
    """Counts what the gateway sends to those callers."""

    def __init__(self, calls: ShortCalls) -> None:
        self._calls = calls

    def datagram_received(self, _data: bytes, _address: Any) -> None:
        self._calls.packets += 1
