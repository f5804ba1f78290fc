"""The courier: carries what is in the outbox to the intake, and messages to the SMS gateway, until it is settled.

It is woken by a datagram on a Unix socket as soon as something was put into the outbox, and looks by itself
once a second. The outbox is the retry: the courier keeps nothing that a kill would lose.
"""

from __future__ import annotations

import asyncio
import math
import random
import socket
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
import structlog

from tickets import metrics, outbox
from tickets.circuit import FAILURES, Circuit
from tickets.client import CONCURRENCY, Barred, Lost, Outcome, Rejected, Unavailable
from tickets.settling import Settled, clear, record
from tickets.sms.sender import AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from recordings.database import Database
    from tickets.client import IntakeClient
    from tickets.sms.texting import Texting

_POLL_S: Final = 1.0
_LEASE_S: Final = 30.0
_BACKOFF_FIRST_S: Final = 0.5
_BACKOFF_MAX_S: Final = 60.0
_DOUBLINGS_MAX: Final = 7
_ROUSE_EVERY_S: Final = 30.0

_log = structlog.get_logger(__name__)


def compute_backoff(attempt: int, dice: float) -> float:
    """Seconds to wait after failure ``attempt`` (from 1): full jitter by ``dice`` (0..1), 60 s at most."""
    doublings = min(attempt - 1, _DOUBLINGS_MAX)
    return dice * min(math.ldexp(_BACKOFF_FIRST_S, doublings), _BACKOFF_MAX_S)


class _Bell(asyncio.DatagramProtocol):
    """Rings ``event`` for each datagram."""

    def __init__(self, event: asyncio.Event) -> None:
        self._event = event

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - the protocol's signature
        self._event.set()


class Courier:
    """Posts the outbox of ``db`` through ``client``; ``bell`` is the path of its Unix socket (see `tickets.bell`).

    The kinds of ``withheld`` are not posted: they are settled with a note. It begins ``per_second`` posts of tickets on
    average, or as many as the intake takes (0). Without ``texting`` no message goes to a caller. Tickets, alerts and
    messages, which go to different hosts, each have a circuit breaker. One courier for each runtime folder. Several may
    share a PostgreSQL database.
    """

    def __init__(
        self,
        db: Database,
        client: IntakeClient,
        bell: Path,
        *,
        withheld: Collection[outbox.Kind] = (),
        per_second: float = 0.0,
        texting: Texting | None = None,
    ) -> None:
        self._db = db
        self._client = client
        self._bell = bell
        self._withheld = withheld
        self._sms = texting.client if texting else None
        self._writer = texting.writer if texting else None
        self._lease_s = _LEASE_S + max(client.longest_s, self._sms.longest_s if self._sms else 0.0)
        self._rung = asyncio.Event()
        self._circuits: dict[outbox.Kind, Circuit] = {
            "alert": Circuit(CONCURRENCY),
            "ticket": Circuit(CONCURRENCY, per_second),
        }
        if texting is not None:
            self._circuits["sms"] = Circuit(AT_ONCE, texting.per_second)
        self._barred: set[outbox.Kind] = set()  # of which the last answer was that we are not let in
        self._back = False  # the intake has just come back: waiting rows are to be roused
        self._roused = -math.inf  # when they last were, on the loop's clock

    @property
    def is_cut_off(self) -> bool:
        """Whether post after post has failed: the intake is out of reach, or does not let us in."""
        return any(circuit.is_open for kind, circuit in self._circuits.items() if kind != "sms")

    @property
    def is_barred(self) -> bool:
        """Whether the intake, or a proxy before it, does not let this gateway in: an operator has to act."""
        return bool(self._barred - {"sms"})

    @property
    def sms(self) -> str:
        """Whether messages go out: "off", "up", "down", or "barred", where an operator has to act."""
        circuit = self._circuits.get("sms")
        return (
            "off"
            if circuit is None
            else "barred"
            if "sms" in self._barred
            else "down"
            if circuit.is_open
            else "up"
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; posts under way are then finished and written down.

        A database out of reach is waited for. Raises OSError when the socket cannot be made.
        """
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Bell(self._rung), local_addr=str(self._bell), family=socket.AF_UNIX
        )
        stopping = asyncio.create_task(stop.wait())
        posts: set[asyncio.Task[Settled]] = set()
        try:
            await self._carry(stopping, posts)
        finally:
            stopping.cancel()
            for post in posts:
                post.cancel()
            transport.close()

    async def _carry(self, stopping: asyncio.Task[bool], posts: set[asyncio.Task[Settled]]) -> None:
        settled: list[Settled] = []
        first = True
        while first or posts or settled or not stopping.done():
            self._rung.clear()
            try:
                parcels = await self._exchange(settled, self._find_rooms(stopping), release=first)
            except (sa.exc.SQLAlchemyError, OSError) as error:
                _log.error("database out of reach", error=type(error).__name__, again_in_s=_POLL_S)
                if stopping.done():
                    return  # what is not written down will be posted again, under the same key
                await asyncio.wait({stopping}, timeout=_POLL_S)
                continue
            first = False
            posts |= {asyncio.create_task(self._post(parcel)) for parcel in parcels}
            done = await self._wait(posts, stopping)
            posts -= done
            settled = [post.result() for post in done]

    def _find_rooms(self, stopping: asyncio.Task[bool]) -> dict[outbox.Kind, int]:
        """How many posts of which kind may begin now, alerts first."""
        if stopping.done():
            return {}
        now = asyncio.get_running_loop().time()
        rooms = {kind: circuit.room(now) for kind, circuit in self._circuits.items()}
        return {kind: room for kind, room in rooms.items() if room}

    async def _exchange(
        self, settled: list[Settled], rooms: dict[outbox.Kind, int], *, release: bool
    ) -> list[outbox.Parcel]:
        """Write down what was settled and claim new parcels, as many as there is room for, in one transaction."""
        now = datetime.now(UTC)
        back = self._back  # may turn true during the transaction: that is for the next one
        if not settled and not release:
            if not rooms:
                return []
            async with self._db.read() as connection:
                if not await outbox.has_due(connection, now, tuple(rooms)):
                    return []
        async with self._db.write() as connection:
            if release:
                await outbox.release(connection)
            for one in sorted(settled, key=lambda one: one.parcel.id):  # two couriers lock rows in one order
                await record(connection, one, self._writer, now)
            if back:
                await outbox.rouse(connection, now)
            await clear(connection, self._withheld, now)
            parcels = [
                parcel
                for kind, room in rooms.items()
                for parcel in await outbox.claim(connection, now, self._lease_s, room, (kind,))
            ]
        if back:
            self._back = False
        for kind, circuit in self._circuits.items():
            circuit.begin(sum(parcel.kind == kind for parcel in parcels))
        return parcels

    async def _wait(
        self, posts: set[asyncio.Task[Settled]], stopping: asyncio.Task[bool]
    ) -> set[asyncio.Task[Settled]]:
        """Wait for the bell, the end of a post, the stop or the poll; the posts that have ended."""
        if stopping.done() and not posts:
            return set()
        ringing = asyncio.create_task(self._rung.wait())
        awaited: set[asyncio.Task[Any]] = {ringing, *posts}
        if not stopping.done():
            awaited.add(stopping)
        now = asyncio.get_running_loop().time()
        waits = (circuit.opens_in(now) for circuit in self._circuits.values())
        timeout = min([_POLL_S, *(wait for wait in waits if wait is not None)])
        await asyncio.wait(awaited, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        ringing.cancel()
        return {post for post in posts if post.done()}

    async def _post(self, parcel: outbox.Parcel) -> Settled:
        log = _log.bind(
            kind=parcel.kind,
            call_id=parcel.call_id,
            number=parcel.number,
            revision=parcel.revision,
            attempt=parcel.attempt,
        )
        outcome: Outcome
        began = time.monotonic()
        try:
            sms = self._sms if parcel.kind == "sms" else None
            client, again = (sms, parcel.unsure) if sms else (self._client, parcel.attempt > 1)
            outcome = await client.post(parcel.document, parcel.key, parcel.kind, again=again)
        except Exception as error:  # boundary, worker job: one post's trouble must not become the others'
            log.exception("posting failed")
            why = f"posting failed: {type(error).__name__}"
            outcome = Lost(why) if parcel.kind == "sms" else Unavailable(why)
        deliveries, is_message = metrics.of_kind(parcel.kind), parcel.kind == "sms"
        if not is_message:
            metrics.POST.observe(time.monotonic() - began)
        if isinstance(outcome, Barred | Unavailable):
            return self._put_off(parcel, outcome, log)
        if isinstance(outcome, Lost):
            deliveries.labels("lost").inc()
            log.error("lost: nobody knows whether it arrived", reason=outcome.reason)
            self._circuits[parcel.kind].fail(asyncio.get_running_loop().time(), 1.0)
            return Settled(parcel, outcome)
        self._count_answer(parcel.kind)
        if isinstance(outcome, Rejected):
            # Its words may repeat a citizen's: they go to the database, not to the log.
            deliveries.labels("rejected").inc()
            log.error("refused for good, kept as a dead letter", status=outcome.status)
        else:
            deliveries.labels("accepted").inc()
            if not is_message:
                metrics.LATENCY.observe(max((datetime.now(UTC) - parcel.created_at).total_seconds(), 0.0))
            log.info("accepted", intake_number=outcome.receipt.number)
        return Settled(parcel, outcome)

    def _put_off(self, parcel: outbox.Parcel, outcome: Barred | Unavailable, log: Any) -> Settled:
        """Have it tried again, and count the failure."""
        loop, dice = asyncio.get_running_loop(), random.random()  # noqa: S311 - spreads the retries
        delay = hold = None
        if isinstance(outcome, Barred):
            metrics.of_kind(parcel.kind).labels("barred").inc()
            if parcel.kind not in self._barred:
                _log.error(
                    "we are not let in, all of this kind waits: hotline doctor",
                    kind=parcel.kind,
                    status=outcome.status,
                )
            self._barred.add(parcel.kind)
        else:
            metrics.of_kind(parcel.kind).labels("unavailable").inc()
            self._barred.discard(parcel.kind)
            delay, hold = outcome.hold_s, outcome.hold_s if outcome.busy else None
        if delay is None:
            delay = compute_backoff(parcel.attempt, dice)
        reason = f"HTTP {outcome.status}" if isinstance(outcome, Barred) else outcome.reason
        log.info("not taken, trying again", reason=reason, again_in_s=round(delay, 2))
        if self._circuits[parcel.kind].fail(loop.time(), dice, hold):
            _log.warning("out of reach", kind=parcel.kind, failures=FAILURES)
        loop.call_later(delay, self._rung.set)
        return Settled(parcel, outcome, delay)

    def _count_answer(self, kind: outbox.Kind) -> None:
        now = asyncio.get_running_loop().time()
        self._barred.discard(kind)
        # Not for every success: an intake that fails on some tickets only is not to be flooded with them.
        if self._circuits[kind].answer() and now - self._roused >= _ROUSE_EVERY_S:
            _log.info("within reach again", kind=kind)
            self._back = True
            self._roused = now
