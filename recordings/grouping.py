"""Serving together what is asked for at the same time: fifty calls that end at once share one commit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Q = TypeVar("Q")
A = TypeVar("A")


class Group(Generic[Q, A]):
    """Requests that arrive while others are being served wait, and are then served in one go.

    ``serve`` answers a list of requests, in their order. If it fails for several at once, each is served alone,
    so that one bad request fails by itself. A request whose asker has gone before its turn is left out. For one event
    loop; ``close`` it before what ``serve`` needs is gone.
    """

    def __init__(self, serve: Callable[[Sequence[Q]], Awaitable[Sequence[A]]], largest: int = 100) -> None:
        self._serve = serve
        self._largest = largest
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._server: asyncio.Task[None] | None = None

    async def ask(self, request: Q) -> A:
        """The answer to one request; raises what ``serve`` raises for it."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answer))
        if self._server is None or self._server.done():
            self._server = asyncio.create_task(self._work())
        return await answer

    async def close(self) -> None:
        """End what is being served, and wait for its end; whoever still waits for an answer is cancelled."""
        server, self._server = self._server, None
        if server is not None:
            server.cancel()
            await asyncio.wait({server})
        for _, answer in self._waiting:
            answer.cancel()
        self._waiting.clear()

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._largest], self._waiting[self._largest :]
            batch = [(request, answer) for request, answer in batch if not answer.done()]
            if batch and not await self._try(batch, alone=len(batch) == 1):
                for one in batch:
                    await self._try([one], alone=True)

    async def _try(self, batch: list[tuple[Q, asyncio.Future[A]]], *, alone: bool) -> bool:
        served = self._serve([request for request, _ in batch])
        try:
            (outcome,) = await asyncio.gather(served, return_exceptions=True)
        except asyncio.CancelledError:
            for _, answer in batch:
                answer.cancel()
            raise
        if isinstance(outcome, BaseException) and not alone:
            return False
        for index, (_, answer) in enumerate(batch):
            if answer.done():  # whoever asked has gone
                continue
            if isinstance(outcome, BaseException):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome[index])
        return True
