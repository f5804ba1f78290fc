"""The courier: carries what is in the outbox to the intake, in order for each ticket, until it is settled.

It is woken by a datagram on a Unix socket as soon as something was put into the outbox, and looks by itself
once a second. The outbox is the retry: the courier keeps nothing that a kill would lose.
"""

from __future__ import annotations

import asyncio
import math
import random
import socket
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
import structlog

from tickets import metrics, outbox
from tickets.circuit import FAILURES, Circuit
from tickets.client import CONCURRENCY, Accepted, Barred, Outcome, Rejected, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.database import Database
    from tickets.client import IntakeClient

SOCKET: Final = "courier.sock"
"""The courier's socket in the runtime folder."""

_POLL_S: Final = 1.0
_LEASE_S: Final = 30.0
_BACKOFF_FIRST_S: Final = 0.5
_BACKOFF_MAX_S: Final = 60.0
_DOUBLINGS_MAX: Final = 7
_ROUSE_EVERY_S: Final = 30.0

_log = structlog.get_logger(__name__)


def wake(run_dir: Path) -> None:
    """Tell the courier that the outbox has something; never raises, never blocks, and may go unheard."""
    kind = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK
    # No courier, or one with a full queue: the poll finds the row.
    with suppress(OSError), closing(socket.socket(socket.AF_UNIX, kind)) as sender:
        sender.sendto(b"!", str(run_dir / SOCKET))


def compute_backoff(attempt: int, dice: float) -> float:
    """Seconds to wait after failure ``attempt`` (from 1): full jitter by ``dice`` (0..1), 60 s at most."""
    doublings = min(attempt - 1, _DOUBLINGS_MAX)
    return dice * min(math.ldexp(_BACKOFF_FIRST_S, doublings), _BACKOFF_MAX_S)


@dataclass(frozen=True, slots=True)
class _Settled:
    parcel: outbox.Parcel
    outcome: Outcome
    delay_s: float  # until the next attempt, if there is to be one


class _Bell(asyncio.DatagramProtocol):
    """Rings ``event`` for each datagram."""

    def __init__(self, event: asyncio.Event) -> None:
        self._event = event

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - the protocol's signature
        self._event.set()


class Courier:
    """Posts the outbox of ``db`` through ``client``; ``bell`` is the path of its Unix socket (``SOCKET``).

    Without ``alerts`` none is posted: they are settled with a note. It begins ``per_second`` posts of tickets on
    average, or as many as the intake takes (0); tickets and alerts, which may go to different hosts, each have a
    circuit breaker. One courier for each runtime folder. Several may share a PostgreSQL database.
    """

    def __init__(
        self,
        db: Database,
        client: IntakeClient,
        bell: Path,
        *,
        alerts: bool = True,
        per_second: float = 0.0,
    ) -> None:
        self._db = db
        self._client = client
        self._bell = bell
        self._alerts = alerts
        self._lease_s = _LEASE_S + client.longest_s
        self._rung = asyncio.Event()
        self._circuits: dict[outbox.Kind, Circuit] = {
            "alert": Circuit(CONCURRENCY),
            "ticket": Circuit(CONCURRENCY, per_second),
        }
        self._barred: set[outbox.Kind] = set()  # of which the last answer was that we are not let in
        self._back = False  # the intake has just come back: waiting rows are to be roused
        self._roused = -math.inf  # when they last were, on the loop's clock

    @property
    def is_cut_off(self) -> bool:
        """Whether post after post has failed: the intake is out of reach, or does not let us in."""
        return any(circuit.is_open for circuit in self._circuits.values())

    @property
    def is_barred(self) -> bool:
        """Whether the intake, or a proxy before it, does not let this gateway in: an operator has to act."""
        return bool(self._barred)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; posts under way are then finished and written down.

        A database out of reach is waited for. Raises OSError when the socket cannot be made.
        """
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Bell(self._rung), local_addr=str(self._bell), family=socket.AF_UNIX
        )
        stopping = asyncio.create_task(stop.wait())
        posts: set[asyncio.Task[_Settled]] = set()
        try:
            await self._carry(stopping, posts)
        finally:
            stopping.cancel()
            for post in posts:
                post.cancel()
            transport.close()

    async def _carry(self, stopping: asyncio.Task[bool], posts: set[asyncio.Task[_Settled]]) -> None:
        settled: list[_Settled] = []
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
        self, settled: list[_Settled], rooms: dict[outbox.Kind, int], *, release: bool
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
                await _record(connection, one, now)
            if back:
                await outbox.rouse(connection, now)
            if not self._alerts and (withheld := await outbox.withhold_alerts(connection, now)):
                _log.info("alerts are off: none is posted", alerts=withheld)
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
        self, posts: set[asyncio.Task[_Settled]], stopping: asyncio.Task[bool]
    ) -> set[asyncio.Task[_Settled]]:
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

    async def _post(self, parcel: outbox.Parcel) -> _Settled:
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
            again = parcel.attempt > 1
            outcome = await self._client.post(parcel.document, parcel.key, parcel.kind, again=again)
        except Exception as error:  # boundary, worker job: one post's trouble must not become the others'
            log.exception("posting failed")
            outcome = Unavailable(f"posting failed: {type(error).__name__}")
        metrics.POST.observe(time.monotonic() - began)
        if isinstance(outcome, Barred | Unavailable):
            return self._put_off(parcel, outcome, log)
        self._count_answer(parcel.kind)
        if isinstance(outcome, Rejected):
            # Its words may repeat a citizen's: they go to the database, not to the log.
            metrics.DELIVERIES.labels("rejected").inc()
            log.error("refused for good, kept as a dead letter", status=outcome.status)
        else:
            metrics.DELIVERIES.labels("accepted").inc()
            metrics.LATENCY.observe(max((datetime.now(UTC) - parcel.created_at).total_seconds(), 0.0))
            log.info("accepted", intake_number=outcome.receipt.number)
        return _Settled(parcel, outcome, 0.0)

    def _put_off(self, parcel: outbox.Parcel, outcome: Barred | Unavailable, log: Any) -> _Settled:
        """Have it tried again, and count the failure."""
        loop, dice = asyncio.get_running_loop(), random.random()  # noqa: S311 - spreads the retries
        delay = hold = None
        if isinstance(outcome, Barred):
            metrics.DELIVERIES.labels("barred").inc()
            if parcel.kind not in self._barred:
                _log.error(
                    "the intake does not let us in, tickets wait: hotline doctor", status=outcome.status
                )
            self._barred.add(parcel.kind)
        else:
            metrics.DELIVERIES.labels("unavailable").inc()
            self._barred.discard(parcel.kind)
            delay, hold = outcome.hold_s, outcome.hold_s if outcome.busy else None
        if delay is None:
            delay = compute_backoff(parcel.attempt, dice)
        reason = f"HTTP {outcome.status}" if isinstance(outcome, Barred) else outcome.reason
        log.info("not taken, trying again", reason=reason, again_in_s=round(delay, 2))
        if self._circuits[parcel.kind].fail(loop.time(), dice, hold):
            _log.warning("intake out of reach", kind=parcel.kind, failures=FAILURES)
        loop.call_later(delay, self._rung.set)
        return _Settled(parcel, outcome, delay)

    def _count_answer(self, kind: outbox.Kind) -> None:
        now = asyncio.get_running_loop().time()
        self._barred.discard(kind)
        # Not for every success: an intake that fails on some tickets only is not to be flooded with them.
        if self._circuits[kind].answer() and now - self._roused >= _ROUSE_EVERY_S:
            _log.info("intake is back", kind=kind)
            self._back = True
            self._roused = now


async def _record(connection: AsyncConnection, settled: _Settled, now: datetime) -> None:
    row = settled.parcel.id
    match settled.outcome:
        case Accepted(receipt):
            await outbox.accept(connection, row, receipt.model_dump(mode="json"), now)
        case Rejected(status, detail):
            await outbox.bury(connection, row, f"HTTP {status}: {detail}", now)
        case Barred(status, detail):
            until = now + timedelta(seconds=settled.delay_s)
            reason = f"HTTP {status}: {detail}" if detail else f"HTTP {status}"
            await outbox.postpone(connection, row, reason, until, held=False)
        case Unavailable(reason, hold_s):
            until = now + timedelta(seconds=settled.delay_s)
            await outbox.postpone(connection, row, reason, until, held=hold_s is not None)
