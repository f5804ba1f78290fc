"""A phrase that is heard once more, freely: what a question's words made of it may be all that they could."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asr.client import AsrUnavailable
from asr.protocol import Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asr.client import AsrClient, AsrStream
    from asr.protocol import Partial
    from asr.transcript import Utterance

_SECONDS = 1.5  # whoever says that he is in danger waits no longer for it to be believed
_AHEAD = 16  # messages sent before the answer to the first is awaited


@dataclass(frozen=True, slots=True)
class HeardAgain:
    """A phrase in doubt: as it was heard ``among`` a question's words, and ``freely``; None: nobody could."""

    among: Utterance
    freely: Utterance | None


class Again:
    """Hears one phrase, every piece of it once, by a stream of its own: any vosk-server's free speech will do."""

    def __init__(self, client: AsrClient) -> None:
        self._client = client
        self._stream: AsrStream | None = None
        self._sent = 0  # pieces
        self._finals: list[Final] = []
        self._partial = ""
        self._lost = self._closed = False
        self._hearing = asyncio.Lock()

    async def hear(self, pieces: Sequence[bytes], *, ended: bool) -> Final | None:
        """What the phrase comes to that has these PIECES so far, those of before included; None: nobody can say.

        ``ended``: there are no more, and word times count from the first. Of an open phrase there is only text.
        """
        try:
            async with asyncio.timeout(_SECONDS), self._hearing:
                if self._lost:
                    return None
                self._lost = True  # unless this comes to its end
                if self._stream is None:
                    self._stream = await self._client.open(purpose="question")
                    if self._closed:  # meanwhile: the phrase has ended, or its call
                        await self.close()
                        return None
                fresh, self._sent = pieces[self._sent :], len(pieces)
                await self._send(self._stream, fresh, ended=ended)
                self._lost = False
        except (AsrUnavailable, TimeoutError):
            return None
        text = "".join(final.text for final in self._finals) + self._partial
        return Final(text, tuple(word for final in self._finals for word in final.words))

    async def close(self) -> None:
        """Drop the stream, one that is being opened too."""
        self._closed = True
        stream, self._stream = self._stream, None
        if stream:
            await stream.close()

    async def _send(self, stream: AsrStream, pieces: Sequence[bytes], *, ended: bool) -> None:
        for number, piece in enumerate(pieces):
            await stream.send(piece)
            if number >= _AHEAD:
                self._take(await stream.receive())
        for _ in range(min(len(pieces), _AHEAD)):
            self._take(await stream.receive())
        if ended:
            await stream.finish(close=True)
            self._take(await stream.receive())

    def _take(self, reply: Partial | Final) -> None:
        if isinstance(reply, Final):
            self._finals.append(reply)
            self._partial = ""
        else:
            self._partial = reply.text
