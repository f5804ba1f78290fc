"""The live ear of a call: audio in as it comes, what was said out, over one stream to the speech server."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from asr.again import Again, HeardAgain
from asr.client import AsrBusy, AsrUnavailable
from asr.hearing import Hearing, PartialText, SpeechStarted
from asr.transcript import Utterance

if TYPE_CHECKING:
    from collections.abc import Callable

    from asr.client import AsrClient, AsrStream
    from asr.echo import Echo
    from asr.protocol import Purpose

__all__ = ["Deaf", "Ear", "EarEvent", "HeardAgain", "PartialText", "SpeechStarted", "Utterance"]

_PATIENCE_SECONDS = 8.0  # a server whose answers are this late is as good as gone: the dialogue goes by keys


@dataclass(frozen=True, slots=True)
class Deaf:
    """The speech server is out of reach, or (``busy``) has too much to do. Nothing more comes from this ear.

    What was said from ``since`` on, in seconds of the recording, nobody has understood, at least not to its end.
    """

    reason: str
    since: float
    busy: bool = False


EarEvent = SpeechStarted | PartialText | Utterance | HeardAgain | Deaf
"""What an ear tells; times are seconds of the recording."""


class Ear:
    """Listens to one caller from recording time START on, for PHRASES only (None: free speech).

    A pause of END_SILENCE seconds ends a phrase; what ECHO knows as our own prompt is no speech. The stream, for
    PURPOSE, is opened at the first speech; until it stands, audio waits. ``on_event`` is called on the event loop and
    must not block. What it raises comes out of ``feed``, ``finish`` or ``close``, whichever called it; or, when an
    answer of the server did, goes to ``on_fault``, and nothing more comes from this ear. What ``doubts`` says yes to
    is heard once more, freely: a partial is told again so, a phrase is told as `HeardAgain`.
    """

    def __init__(
        self,
        client: AsrClient,
        phrases: tuple[str, ...] | None,
        end_silence: float,
        start: float,
        on_event: Callable[[EarEvent], None],
        on_fault: Callable[[BaseException], None],
        purpose: Purpose = "dictation",
        echo: Echo | None = None,
        doubts: Callable[[PartialText | Utterance], bool] | None = None,
    ) -> None:
        self._client = client
        self._phrases, self._purpose = phrases, purpose
        self._fail = on_fault
        self._tell = on_event
        self._doubts = doubts
        self._hearing = Hearing(end_silence, start, echo)
        self._talk: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()  # there is something to send
        self._answered = asyncio.Event()  # after finish: nothing is unanswered any more
        self._closed = False
        self._deaf = False
        self._cut = False  # the last phrase did not end by itself but by finish
        self._last: Utterance | HeardAgain | None = None  # that phrase
        self._again: Again | None = None  # hears the phrase that was told of last once more
        self._doubted: Utterance | None = None  # a phrase that has ended, while it is heard once more
        self._checks: set[asyncio.Task[None]] = set()
        self._asked: deque[float] = deque()  # loop time of each message that no reply has come to

    @property
    def speaking(self) -> bool:
        """Whether the caller is in the middle of a phrase."""
        return self._hearing.speaking

    def feed(self, pcm: bytes) -> None:
        """Hear PCM (s16le, 8 kHz, mono), any length; never blocks. Does nothing once deaf, finished or closed."""
        if self._deaf or self._closed:
            return
        for event in self._hearing.feed(pcm):
            self._tell(event)
            if isinstance(event, PartialText):
                self._check(event)
        if not self._hearing.unanswered:
            return
        if self._asked and asyncio.get_running_loop().time() - self._asked[0] > _PATIENCE_SECONDS:
            self._lose(f"the speech server is more than {_PATIENCE_SECONDS:.0f} s behind", busy=True)
        else:
            self._send()

    async def finish(self, timeout_s: float) -> Utterance | HeardAgain | None:
        """End the phrase being spoken and return it once it is understood; None when nobody was speaking.

        After TIMEOUT_S, or when the server is out of reach, what was understood so far comes back, unconfirmed.
        Phrases that ended before are told through ``on_event`` as usual, before this returns. Closes the ear.
        """
        if not self._closed:
            self._closed = True
            self._cut = self._hearing.finish()
            if (self._hearing.unanswered or self._doubted) and not self._deaf:
                self._send()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._answered.wait(), timeout_s)
            self._give_up()
            self.close()
        return self._last

    def close(self) -> list[Utterance]:
        """Stop listening at once.

        Phrases that nobody will be told of, the one being spoken among them, come back as far as they were understood,
        unconfirmed.
        """
        self._closed = True
        self._hearing.finish()
        dropped = self._abandon()
        for task in (self._talk, *self._checks):
            if task:
                task.cancel()
        return dropped

    def _send(self) -> None:
        now = asyncio.get_running_loop().time()
        self._asked.extend([now] * (self._hearing.unanswered - len(self._asked)))
        if self._talk is None:
            self._talk = asyncio.create_task(self._converse())
            self._talk.add_done_callback(self._talked)
        self._ready.set()

    def _talked(self, talk: asyncio.Task[None]) -> None:
        """A conversation is over; the stream's own troubles have been dealt with in it."""
        self._checks.discard(talk)
        error = None if talk.cancelled() else talk.exception()
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if error is not None:
            self._deaf = True
            self._answered.set()
            self._fail(error)

    async def _converse(self) -> None:
        try:
            stream = await self._client.open(self._phrases, self._purpose)
            async with stream, asyncio.TaskGroup() as tasks:
                tasks.create_task(self._write(stream))
                tasks.create_task(self._read(stream))
        except* AsrUnavailable as group:
            if self._hearing.unanswered or self._hearing.speaking or self._doubted:
                busy = group.split(AsrBusy)[0] is not None
                self._lose(str(group.exceptions[0]), busy=busy)
            else:  # it went away while nobody spoke: the next phrase finds out whether it is back
                self._hearing.restart()
                self._talk = None
        finally:
            if self._again:
                await self._again.close()

    async def _write(self, stream: AsrStream) -> None:
        outgoing = self._hearing.outgoing
        while True:
            while outgoing:
                message = outgoing.popleft()
                await (stream.finish() if message is None else stream.send(message))
            self._ready.clear()
            await self._ready.wait()

    async def _read(self, stream: AsrStream) -> None:
        while True:
            reply = await stream.receive()
            if not self._hearing.unanswered:
                raise AsrUnavailable("the speech server answers what nobody asked")
            event = self._hearing.take(reply)
            self._asked.popleft()
            told: EarEvent | None = event
            if isinstance(event, Utterance):
                told = await self._hear_again(event)
            if self._cut and not self._hearing.unanswered and isinstance(told, Utterance | HeardAgain):
                self._last = told
            elif told:
                self._tell(told)
            if isinstance(event, PartialText):
                self._check(event)
            if self._closed and not self._hearing.unanswered:
                self._answered.set()

    async def _hear_again(self, utterance: Utterance) -> Utterance | HeardAgain:
        """Hear a phrase once more if it is in doubt; what follows it waits."""
        again, self._again = self._again, None
        try:
            if not (self._doubts and self._doubts(utterance)):
                return utterance
            self._doubted, phrase = utterance, self._hearing.told
            again = again or Again(self._client)
            heard = await again.hear(phrase.audio, ended=True)
            self._doubted = None
            return HeardAgain(utterance, phrase.heard_again(heard) if heard else None)
        finally:
            if again:
                await again.close()

    def _check(self, partial: PartialText) -> None:
        """Hear an open phrase once more, as far as it has come, if that is in doubt."""
        if self._closed or self._checks or not (self._doubts and self._doubts(partial)):
            return
        self._again = self._again or Again(self._client)
        check = asyncio.create_task(self._hear_so_far(self._again, partial, tuple(self._hearing.told.audio)))
        self._checks.add(check)
        check.add_done_callback(self._talked)

    async def _hear_so_far(self, again: Again, partial: PartialText, pieces: tuple[bytes, ...]) -> None:
        heard = await again.hear(pieces, ended=False)
        if heard and self._again is again:  # else the phrase has ended, and all of it is heard again
            self._tell(replace(partial, text=heard.text, freely=True))

    def _lose(self, reason: str, *, busy: bool) -> None:
        if not self._deaf:
            self._deaf = True
            since = self._hearing.understood_until
            self._answered.set()
            self._give_up()
            self._tell(Deaf(reason, since, busy))
            if self._talk and self._talk is not asyncio.current_task():
                self._talk.cancel()

    def _give_up(self) -> None:
        lost = self._abandon()
        if self._cut and lost:
            self._last = lost.pop()
        for utterance in lost:
            self._tell(utterance)

    def _abandon(self) -> list[Utterance]:
        """The phrases that have ended and were told of by nobody, as far as they were understood."""
        doubted, self._doubted = self._doubted, None
        return [*((replace(doubted, confirmed=False),) if doubted else ()), *self._hearing.abandon()]
