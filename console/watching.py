"""What every open page is told of at once: emergencies, and that the list is another."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from console.claims import holds
from console.dialling import tell_progress
from console.masking import mask_text
from recordings.agentcalls import read_progress
from recordings.callbacks import owed_calls
from recordings.instant import read_clock
from recordings.schema import worklist
from recordings.users import claims
from recordings.worklist import State

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.database import Database

_LOOK_S: Final = 1.0
_STAMP: Final = 16  # characters
_SHOWN: Final = 20  # emergencies at once
_READ: Final = 200  # of which some may be hidden from some

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Watcher:
    """A page that is told."""

    changed: asyncio.Event = field(default_factory=asyncio.Event)


class WorkWatch:
    """Looks at the database once a second as long as a page is open, for all of them."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._told: Mapping[str, Any] = {}
        self._watchers: set[Watcher] = set()
        self._wanted = asyncio.Event()

    async def run(self) -> None:
        """Look until cancelled; a database out of reach is asked again."""
        while True:
            await self._wanted.wait()
            try:
                async with self._db.read() as connection:
                    told = await _look(connection, datetime.now(UTC))
            except (SQLAlchemyError, OSError) as error:
                _log.warning("what waits is not known: %s", type(error).__name__)
            else:
                if told != self._told:
                    self._told = told
                    for watcher in self._watchers:
                        watcher.changed.set()
            await asyncio.sleep(_LOOK_S)

    @contextlib.contextmanager
    def watch(self) -> Iterator[Watcher]:
        """A new page: it is told at once what is known, then of every change."""
        watcher = Watcher()
        if self._told and self._watchers:
            watcher.changed.set()
        else:
            self._told = {}  # of before; the next look is news to the one who waits
        self._watchers.add(watcher)
        self._wanted.set()
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
            if not self._watchers:
                self._wanted.clear()

    def tell(
        self, watcher: Watcher, user: str, hidden: Collection[str], *, reads: bool, masked: bool
    ) -> Mapping[str, Any]:
        """What a page of ``user`` shows, as JSON: no call of the lines that are ``hidden``, none to who ``reads`` none.

        Of the calls that agents make, his own. ``masked``: without the numbers in what was said.
        """
        watcher.changed.clear()
        if not reads:
            return {"urgent": [], "dialled": None, "stamp": ""}
        urgent = [
            {name: value for name, value in each.items() if name != "hotline"}
            for each in self._told.get("urgent", ())
            if each["hotline"] not in hidden
        ]
        if masked:
            urgent = [{**each, "title": mask_text(each["title"])} for each in urgent]
        own = next((one for one in self._told.get("dialled", ()) if one.agent == user), None)
        return {
            **self._told,
            "urgent": urgent[:_SHOWN],
            "dialled": None if own is None else tell_progress(own),
        }


async def read_stamp(connection: AsyncConnection, now: datetime) -> str:
    """What tells one state of the list from another, the same for all who look at the same moment.

    A page carries that of the view in which its rows were read, so that nothing between that and the stream is missed.
    """
    owed = sa.select(sa.func.count()).select_from(owed_calls(now).subquery()).scalar_subquery()
    waiting = sa.select(sa.func.count(), sa.func.max(worklist.c.call_id), sa.func.sum(worklist.c.rank), owed)
    held = sa.select(claims.c.call_id, claims.c.user_name).where(holds(now)).order_by(claims.c.call_id)
    state = (
        tuple((await connection.execute(waiting.where(worklist.c.state == State.OPEN))).one()),
        [tuple(row) for row in await connection.execute(held)],
    )
    return hashlib.sha256(repr(state).encode()).hexdigest()[:_STAMP]


async def _look(connection: AsyncConnection, now: datetime) -> Mapping[str, Any]:
    holder = (
        sa.select(claims.c.user_name)
        .where(claims.c.call_id == worklist.c.call_id, holds(now))
        .scalar_subquery()
    )
    urgent = (
        sa.select(worklist.c.call_id, worklist.c.title, worklist.c.hotline, holder.label("holder"))
        .where(worklist.c.state == State.OPEN, worklist.c.rank == 0)
        .order_by(worklist.c.call_id)
        .limit(_READ)
    )
    return {
        "urgent": [
            {"call_id": row.call_id, "title": row.title, "hotline": row.hotline, "holder": row.holder}
            for row in await connection.execute(urgent)
        ],
        "dialled": await read_progress(connection, await read_clock(connection)),
        "stamp": await read_stamp(connection, now),
    }
