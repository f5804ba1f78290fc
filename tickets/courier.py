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
from tickets.client import CONCURRENCY, Accepted, Outcome, Rejected, Unavailable

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
# So many failures with no success between them are the intake's trouble, not one ticket's.
_OUTAGE_FAILURES: Final = 3
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

    Without ``alerts`` none is posted: they are settled with a note. One courier for each runtime folder. Several may
    share a PostgreSQL database.
    """

    def __init__(self, db: Database, client: IntakeClient, bell: Path, *, alerts: bool = True) -> None:
        self._db = db
        self._client = client
        self._bell = bell
        self._alerts = alerts
        self._lease_s = _LEASE_S + client.timeout_s
        self._rung = asyncio.Event()
        self._failures = 0  # in a row, over all tickets
        self._back = False  # the intake has just come back: waiting rows are to be roused
        self._roused = -math.inf  # when they last were, on the loop's clock

    @property
    def is_cut_off(self) -> bool:
        """Whether post after post has failed: the intake is out of reach."""
        return self._failures >= _OUTAGE_FAILURES

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
            room = 0 if stopping.done() else CONCURRENCY - len(posts)
            try:
                parcels = await self._exchange(settled, room, release=first)
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

    async def _exchange(self, settled: list[_Settled], room: int, *, release: bool) -> list[outbox.Parcel]:
        """Write down what was settled and claim up to ``room`` new parcels, in one transaction."""
        now = datetime.now(UTC)
        back = self._back  # may turn true during the transaction: that is for the next one
        if not settled and not release:
            if not room:
                return []
            async with self._db.read() as connection:
                if not await outbox.has_due(connection, now):
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
            parcels = await outbox.claim(connection, now, self._lease_s, room) if room else []
        if back:
            self._back = False
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
        await asyncio.wait(awaited, timeout=_POLL_S, return_when=asyncio.FIRST_COMPLETED)
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
            outcome = await self._client.post(parcel.document, parcel.key, parcel.kind)
        except Exception as error:  # boundary, worker job: one post's trouble must not become the others'
            log.exception("posting failed")
            outcome = Unavailable(f"posting failed: {type(error).__name__}")
        metrics.POST.observe(time.monotonic() - began)
        if isinstance(outcome, Unavailable):
            metrics.DELIVERIES.labels("unavailable").inc()
            delay = outcome.hold_s
            if delay is None:
                delay = compute_backoff(parcel.attempt, random.random())  # noqa: S311 - spreads the retries
            log.info("not taken, trying again", reason=outcome.reason, again_in_s=round(delay, 2))
            self._count_failure()
            asyncio.get_running_loop().call_later(delay, self._rung.set)
            return _Settled(parcel, outcome, delay)
        self._count_answer()
        if isinstance(outcome, Rejected):
            # Its words may repeat a citizen's: they go to the database, not to the log.
            metrics.DELIVERIES.labels("rejected").inc()
            log.error("refused for good, kept as a dead letter", status=outcome.status)
        else:
            metrics.DELIVERIES.labels("accepted").inc()
            metrics.LATENCY.observe(max((datetime.now(UTC) - parcel.created_at).total_seconds(), 0.0))
            log.info("accepted", intake_number=outcome.receipt.number)
        return _Settled(parcel, outcome, 0.0)

    def _count_failure(self) -> None:
        self._failures += 1
        if self._failures == _OUTAGE_FAILURES:
            _log.warning("intake out of reach", failures=self._failures)

    def _count_answer(self) -> None:
        now = asyncio.get_running_loop().time()
        # Not for every success: an intake that fails on some tickets only is not to be flooded with them.
        if self._failures >= _OUTAGE_FAILURES and now - self._roused >= _ROUSE_EVERY_S:
            _log.info("intake is back")
            self._back = True
            self._roused = now
        self._failures = 0


async def _record(connection: AsyncConnection, settled: _Settled, now: datetime) -> None:
    row = settled.parcel.id
    match settled.outcome:
        case Accepted(receipt):
            await outbox.accept(connection, row, receipt.model_dump(mode="json"), now)
        case Rejected(status, detail):
            await outbox.bury(connection, row, f"HTTP {status}: {detail}", now)
        case Unavailable(reason, hold_s):
            until = now + timedelta(seconds=settled.delay_s)
            await outbox.postpone(connection, row, reason, until, held=hold_s is not None)
