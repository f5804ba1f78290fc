"""A desk phone: one call whose caller is whoever sits before this machine."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.sip.fault import SipError
from gateway.sip.options import is_there
from gateway.site.sound import SAMPLE_RATE
from gateway.sound.buffer import Buffer
from gateway.sound.card import SAMPLE_BYTES, SoundCardError
from gateway.sound.keyboard import keys
from gateway.sound.playing import check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.sip.ended import Ended
    from gateway.sip.leg import Leg
    from gateway.sip.pj import UserAgent
    from gateway.sound.card import Card

_TICK: Final = 0.02
_ANSWER_SECONDS: Final = 40.0  # SIP's own timeout for an INVITE that nobody answers is 32 s
_THERE_SECONDS: Final = 8.0  # for any sign of a SIP server at all
_SAY_SECONDS: Final = 1.5
_BYTES_A_SECOND: Final = SAMPLE_RATE * SAMPLE_BYTES
_AHEAD: Final = int(0.06 * _BYTES_A_SECOND)  # what the event loop may be late
_ROOM: Final = int(0.3 * _BYTES_A_SECOND)  # more would be heard as an echo of oneself
_DTMF: Final = frozenset("0123456789*#")
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Talk:
    """What became of a call; ``answered``: whether anybody took it."""

    sip_call_id: str
    answered: bool
    ended: Ended


async def talk(
    agent: UserAgent, target: str, card: Card, *, caller: str, tell: Callable[[str], None]
) -> Talk:
    """Call ``target`` as ``caller`` ("": withheld), and let it be talked with until either side hangs up.

    Keys typed are keys pressed, ``q`` hangs up. ``tell`` is told how the call goes. Raises SoundCardError when there
    is no sound, or none any more (the call is hung up then), SipError when the target cannot be dialled.
    """
    said, heard = Buffer(ahead=0, room=_ROOM), Buffer(ahead=_AHEAD, room=_ROOM)
    with contextlib.ExitStack() as closing:
        microphone = card.hear(SAMPLE_RATE, said.put)
        closing.callback(microphone.close)
        loudspeaker = card.play(SAMPLE_RATE, 1, heard.give)
        closing.callback(loudspeaker.close)
        tell(f"呼叫 / calling {target} (q: 挂断 / hang up)")
        call = _Call(agent.dial(target, caller=caller, live=True), tell)
        with keys(call.key), _on_interrupt(call.leg.hang_up), call.looking_for(target):
            while not call.ended.done():
                call.leg.speak(said.take())
                heard.put(call.leg.read())
                try:
                    check(microphone)
                    check(loudspeaker)
                except SoundCardError:
                    call.leg.hang_up()
                    await call.leg.closed
                    raise
                await asyncio.wait((call.ended,), timeout=_TICK)
        await call.leg.closed
    return Talk(call.leg.sip_call_id, call.answered, call.ended.result())


class _Call:
    """One call, as far as it has come."""

    def __init__(self, leg: Leg, tell: Callable[[str], None]) -> None:
        self.leg, self._tell = leg, tell
        self.answered = False
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[Ended] = loop.create_future()
        leg.on_confirmed = self._confirm
        leg.on_ended = self.ended.set_result
        self._patience = loop.call_later(_ANSWER_SECONDS, leg.hang_up)

    def _confirm(self) -> None:
        self.answered = True
        self._patience.cancel()
        self._tell("已接通 / answered")

    @contextlib.contextmanager
    def looking_for(self, target: str) -> Iterator[None]:
        """While the block runs, give the call up where nobody speaks SIP there."""
        looking = asyncio.create_task(self._look_for(target))
        try:
            yield
        finally:
            looking.cancel()

    async def _look_for(self, target: str) -> None:
        saying = asyncio.get_running_loop().call_later(
            _SAY_SECONDS,
            self._tell,
            "对方没有回应,再等几秒 / no reply from there yet, waiting some seconds more",
        )
        try:
            if not await is_there(target, _THERE_SECONDS) and not self.answered:
                self.leg.hang_up()
        finally:
            saying.cancel()

    def key(self, typed: str) -> None:
        if typed == "q":
            self.leg.hang_up()
        elif typed in _DTMF and self.answered:
            with contextlib.suppress(SipError):  # hung up by the other side just now
                self.leg.press(typed)
                self._tell(f"按键 / key {typed}")


@contextlib.contextmanager
def _on_interrupt(hang_up: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and `kill` end the call as one ends a call."""
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, hang_up)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
