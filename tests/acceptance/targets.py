"""People to whom calls are passed on, in a process of their own, which may be killed: `targets.py < deeds.json`.

What is given says for each user part what its telephone does, as in a script's ``targets``: a list of
``{"rings": SECONDS}``, ``{"plays": SECONDS}``, ``"answers"``, ``{"talks": SECONDS}``, ``{"holds": SECONDS}``,
``{"brings_in": SECONDS}``, ``{"presses": KEYS}``, ``{"sounds": SECONDS}`` (the tone once more),
``"hangs_up"``, ``"busy"``, ``"fails"``, ``"silent"``, and ``"dies"``, with which the whole process is gone; besides,
``{"speaks": CODECS}`` before the answer, ``{"tells": HEADERS}`` with it, and ``{"moved": URI}``. One that has nothing
more to do stays as it is. Who has answered, or plays, sounds a tone of ``HERTZ`` for four seconds.

Prints its address, then a JSON line for each call that comes (with the INVITE's ``head``, and when it came: ``at``, in
seconds since 1970) and one when it is over (``ended``, ``heard`` seconds of sound, ``toned`` of them of that tone).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pjsua2 as pj

from gateway.sip.pj import UserAgent
from gateway.sip.pj.channel import StackCall
from gateway.sip.pj.common import call_parameters
from gateway.site.sound import Sound

if TYPE_CHECKING:
    from gateway.sip.leg import Leg
    from gateway.sip.pj.door import Account

HERTZ: Final = 1310
_LOUD = 300
_TONE = 2000  # of the 8000 that it has


def tone() -> Sound:
    turns = np.arange(4 * 8000) * (2 * np.pi * HERTZ / 8000)
    return Sound((8000 * np.sin(turns)).astype("<i2").tobytes())


def tell(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


class Telephones(UserAgent):
    def __init__(self, deeds: dict[str, list[Any]]) -> None:
        super().__init__(host="127.0.0.1", port=0, tcp=False)
        self.deeds = deeds
        self.heads: dict[str, str] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.on_invite = self.take

    def invited(self, call: StackCall, account: Account, message: str, source: str) -> None:
        head = message.partition("\r\n\r\n")[0]
        self.heads[head.partition("Call-ID: ")[2].partition("\r\n")[0]] = head
        super().invited(call, account, message, source)

    def take(self, leg: Leg) -> None:
        assert leg.incoming
        tell(invited=leg.incoming.called, head=self.heads.pop(leg.sip_call_id, ""), at=time.time())
        task = asyncio.create_task(self.act(leg, leg.incoming.called))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def act(self, leg: Leg, user: str) -> None:
        over = asyncio.Event()
        leg.on_ended = lambda _ended: over.set()
        heard = asyncio.create_task(listen(leg, over))
        for deed in self.deeds.get(user, ["answers"]):
            if over.is_set():
                break
            await do(leg, deed, over)
        await over.wait()
        sound, toned = await heard
        status = leg.ended.status if leg.ended else 0
        tell(ended=user, status=status, heard=round(sound, 2), toned=round(toned, 2))


async def do(leg: Leg, deed: Any, over: asyncio.Event) -> None:
    """One deed; it takes as long as it says, or until the call is over."""
    match deed:
        case {"rings": seconds}:
            leg.channel.respond(180, {})
            await wait(over, seconds)
        case {"plays": seconds}:
            leg.channel.respond(183, {})
            leg.play(tone())
            await wait(over, seconds)
        case {"talks": seconds}:
            await wait(over, seconds)
        case {"sounds": seconds}:
            leg.play(tone())
            await wait(over, seconds)
        case {"brings_in": seconds}:
            leg.press("*3")
            await wait(over, seconds)
        case {"holds": seconds}:
            stack_call(leg).setHold(pj.CallOpParam())
            await wait(over, seconds)
            if not over.is_set():
                offer_anew(leg)
        case {"speaks": codecs}:
            stack_call(leg)._codecs = tuple(codecs)
        case _:
            do_at_once(leg, deed)


def do_at_once(leg: Leg, deed: Any) -> None:
    match deed:
        case "answers":
            leg.answer(None)
            leg.play(tone())
        case {"tells": headers}:
            leg.channel.respond(200, headers)
            leg.play(tone())
        case {"presses": keys}:
            leg.press(keys)
        case "hangs_up":
            leg.hang_up()
        case "busy":
            leg.refuse(486)
        case "fails":
            leg.refuse(500)
        case {"moved": where}:
            leg.refuse(302, {"Contact": f"<{where}>"})
        case "dies":
            os.kill(os.getpid(), signal.SIGKILL)


def stack_call(leg: Leg) -> StackCall:
    assert isinstance(leg.channel, StackCall)
    return leg.channel


def offer_anew(leg: Leg) -> None:
    """A re-INVITE with audio both ways."""
    prm = call_parameters()
    prm.opt.flag = pj.PJSUA_CALL_UNHOLD
    stack_call(leg).reinvite(prm)


async def wait(over: asyncio.Event, seconds: float) -> None:
    await asyncio.wait((asyncio.ensure_future(over.wait()),), timeout=seconds)


async def listen(leg: Leg, over: asyncio.Event) -> tuple[float, float]:
    """Seconds of sound that came, and of the tone."""
    loud = toned = 0
    while not over.is_set():
        samples = np.frombuffer(leg.read(), "<i2")
        loud += int(np.count_nonzero(np.abs(samples) > _LOUD))
        turns = np.exp(2j * np.pi * HERTZ / 8000 * np.arange(len(samples)))
        if 2 * abs(np.dot(samples, turns)) > _TONE * len(samples):
            toned += len(samples)
        await asyncio.sleep(0.1)
    return loud / 8000, toned / 8000


async def run() -> None:
    telephones = Telephones(json.load(sys.stdin))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    telephones.start(max_calls=80)
    tell(address=telephones.address)
    await stop.wait()
    await telephones.stop()


if __name__ == "__main__":
    asyncio.run(run())
