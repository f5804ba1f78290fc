"""One target being called and talked with: what its leg tells, to be waited for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Literal

from gateway.sip import uui

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gateway.sip.ended import Ended
    from gateway.sip.leg import Leg
    from gateway.site.sound import Sound
    from ivr.events import Refusal

By = Literal["caller", "target", "gateway", "lost"]

_BUSY: Final = {486, 600, 603}
_NOBODY: Final = {408, 480, 487}
_LOOK_SECONDS: Final = 1.0
_KEY_SECONDS: Final = 0.26  # that one takes on the wire
_MOST_KEYS: Final = 24  # that wait for it; the stack has room for 32
_DEAD_SECONDS: Final = 10.0  # who suppresses silence still reports every five or so (RFC 3550, 6.2)
_GLANCE_SECONDS: Final = 0.1
_LONGEST_ID: Final = 128  # characters of an id that the target's side has made


def why_refused(status: int) -> Refusal:
    """What a final status of SIP (300..699) says of whom was called."""
    return "busy" if status in _BUSY else "no_answer" if status in _NOBODY else "failed"


class TargetLine:
    """The leg to one target. Whoever makes one ends it by `hang_up`, whatever happens between."""

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._loop = asyncio.get_running_loop()
        self._answered: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[Ended] = self._loop.create_future()
        self._keys: asyncio.Queue[str] = asyncio.Queue(maxsize=20)
        self._given_up: By | None = None
        self._sent_by = 0.0  # when the last key is through
        self._silent_since: float | None = None  # of a talk; None while the line is held
        leg.on_confirmed = self._answer
        leg.on_ended = self._ended.set_result
        leg.on_digit = self._press

    @property
    def leg(self) -> Leg:
        """The leg itself."""
        return self._leg

    @property
    def has_ended(self) -> bool:
        """Whether the line is down."""
        return self._ended.done()

    def hang_up(self, by: By) -> None:
        """End it for this reason, unless it has ended; harmless again.

        Who hangs up because he has heard nothing for long, has not ended a talk: the line was lost.
        """
        since = self._silent_since
        if by == "caller" and since is not None and self._loop.time() - since > _DEAD_SECONDS:
            by = "lost"
        if not self._ended.done():
            self._given_up = self._given_up or by
        self._leg.hang_up()

    def press(self, key: str) -> None:
        """Send a key of the caller's; one too many at once is dropped, as he may press without end. Raises SipError."""
        now = self._loop.time()
        if self._sent_by - now < _MOST_KEYS * _KEY_SECONDS:
            self._sent_by = max(now, self._sent_by) + _KEY_SECONDS
            self._leg.press(key)

    async def is_answered(self, seconds: float) -> bool:
        """Ring for so long at most; whether the target has answered and is still there."""
        await self._wait(self._answered, seconds)
        return self._answered.done() and not self._ended.done()

    async def sends(self) -> None:
        """Wait for the first sign of life over the media of its side."""
        while not self._leg.signs:  # noqa: ASYNC110 - nobody tells: the audio clock counts, and calls nobody
            await asyncio.sleep(_GLANCE_SECONDS)

    async def presses(self, key: str, seconds: float) -> bool:
        """Wait for so long at most for the target to press the key; whether it did."""
        until = self._loop.time() + seconds
        while not self._ended.done() and (left := until - self._loop.time()) > 0:
            if await self._key(left) == key:
                return True
        return False

    async def presses_in_turn(self, keys: str) -> bool:
        """Wait for the target to press these, one after the other; False when the line is down before."""
        pressed = ""
        while (key := await self._key(None)) is not None:
            pressed = (pressed + key)[-len(keys) :]
            if pressed == keys:
                return True
        return False

    async def comes_first(self, other: Coroutine[Any, Any, Any]) -> bool:
        """Wait until the other is done, at most until the line is down; whether it was done first."""
        task = asyncio.ensure_future(other)
        try:
            await asyncio.wait((task, self._ended), return_when=asyncio.FIRST_COMPLETED)
            return task.done()
        finally:
            task.cancel()

    async def hears(self, sound: Sound, longest: float) -> bool:
        """Play to the target alone, until the end, any key of his, or ``longest`` seconds; whether he is still there.

        Raises SipError.
        """
        number, begun = self._leg.play(sound), self._loop.time()
        while not self._ended.done() and self._leg.played[0] != number and self._keys.empty():
            if self._loop.time() - begun > min(longest, sound.seconds + _LOOK_SECONDS):
                break
            await asyncio.wait((self._ended,), timeout=0.05)
        self._leg.stop_playing()
        return not self._ended.done()

    async def talks(self, silence: float, longest_hold: float) -> None:
        """Wait for the line's end; end it when nothing has come for ``silence`` seconds, or it is held too long."""
        signs, since = -1, self._loop.time()
        held_since: float | None = None
        while not self._ended.done():
            await asyncio.wait((self._ended,), timeout=_LOOK_SECONDS)
            now = self._loop.time()
            held_since = (held_since or now) if self._leg.is_held else None
            if self._leg.signs != signs:
                signs, since = self._leg.signs, now
            self._silent_since = None if held_since is not None else since
            if held_since is not None and now - held_since > longest_hold:
                self.hang_up("gateway")
            elif now - since > (longest_hold if held_since is not None else silence):
                self.hang_up("lost")
            if self._given_up is not None:
                await asyncio.wait((self._ended,), timeout=_LOOK_SECONDS)
                return

    def refusal(self) -> Refusal:
        """Why it did not come to a talk; "no_answer" for one that we gave up."""
        if not self._ended.done() or self._given_up is not None:
            return "no_answer"
        ended = self._ended.result()
        if self._answered.done():  # who hangs up again has taken no call; else there was no audio in common
            return "no_answer" if ended.by == "caller" else "failed"
        return why_refused(ended.status)

    def ending(self) -> tuple[By, str]:
        """Who has ended it, and SIP's word for it."""
        if not self._ended.done():
            return self._given_up or "gateway", ""
        ended = self._ended.result()
        cause = f"{ended.status} {ended.reason}"
        if self._given_up is not None:
            return self._given_up, cause
        return ("target" if ended.by == "caller" or not self._answered.done() else "lost"), cause

    def their_id(self, header: str) -> str:
        """The call's id in the target's system, as a header of that name has told it; "" when none has."""
        told = self._leg.header(header) if header else ""
        text = uui.decode(told) if header.lower() == uui.NAME.lower() else told
        return "".join(sign for sign in text if sign.isprintable())[:_LONGEST_ID]

    async def _key(self, seconds: float | None) -> str | None:
        key = asyncio.ensure_future(self._keys.get())
        try:
            await asyncio.wait((key, self._ended), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return key.result() if key.done() else None
        finally:
            key.cancel()

    async def _wait(self, wanted: asyncio.Future[None], seconds: float) -> None:
        await asyncio.wait((wanted, self._ended), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    def _answer(self) -> None:
        if not self._answered.done():
            self._answered.set_result(None)

    def _press(self, key: str) -> None:
        if not self._keys.full():
            self._keys.put_nowait(key)
