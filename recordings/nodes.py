"""Which data folder a node's ticket numbers come from: one alone, or two callers would be told the same number.

A data folder has a random id of its own. The database knows which folder each node belongs to, from the first time that
a gateway of it starts.
"""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from config.fault import LastingFault
from recordings.database import insert, require_current
from recordings.schema import nodes as nodes_table
from recordings.syncing import sync_folder
from recordings.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.ext.asyncio import AsyncConnection

    from recordings.database import Database

_ID = "folder.id"
_identifying = Threads("node", 1)


class NodeTaken(LastingFault):
    """The node belongs to another data folder; the message says to which, and what to do."""


async def claim_nodes(db: Database, nodes: Iterable[int], data: Path) -> None:
    """Claim each of ``nodes``; raises besides WrongRevision for a database whose tables are not ours."""
    await require_current(db)
    for node in nodes:
        await claim_node(db, node, data)


async def claim_node(db: Database, node: int, data: Path) -> None:
    """Make ``node`` the data folder's own if it is nobody's yet; harmless when it is already.

    Raises NodeTaken when it is another folder's, OSError when ``data`` cannot be written.
    """
    folder = await _identifying.run(_identify, data)
    async with db.write() as connection:
        statement = _insert(connection, node, folder, data).on_conflict_do_nothing(index_elements=["node"])
        await connection.execute(statement)
        holder = (await connection.execute(sa.select(nodes_table).where(nodes_table.c.node == node))).one()
    if holder.folder != folder:
        raise NodeTaken(
            f"node {node} belongs to another data folder, {holder.holder} (since {holder.claimed_at:%Y-%m-%d}): "
            "both would give out the same ticket numbers. Give this gateway a `node` of its own in its settings; "
            f"if that folder is lost for good, run `hotline take-node {node}`. "
            f"编号节点 {node} 属于另一数据目录:请为本网关另设 node;若那个目录已不复存在,运行 hotline take-node {node}。"
        )


async def take_node(db: Database, node: int, data: Path) -> None:
    """Make ``node`` the data folder's own, whosever it was; that one's gateway is refused at its next start.

    What numbers the other folder may have given out today is for the caller to think of, see
    ``tickets.number.NumberBook.skip_ahead``; what revisions of its tickets may have left, ``tickets.following``. Raises
    OSError when ``data`` cannot be written.
    """
    folder = await _identifying.run(_identify, data)
    async with db.write() as connection:
        statement = _insert(connection, node, folder, data, taken_at=datetime.now(UTC))
        changed = {name: statement.excluded[name] for name in ("folder", "holder", "claimed_at", "taken_at")}
        await connection.execute(statement.on_conflict_do_update(index_elements=["node"], set_=changed))


async def read_taken(connection: AsyncConnection) -> dict[int, datetime]:
    """When each node was last taken over; those that never were are left out."""
    query = sa.select(nodes_table.c.node, nodes_table.c.taken_at).where(nodes_table.c.taken_at.is_not(None))
    return {row.node: row.taken_at for row in await connection.execute(query)}


def _insert(
    connection: AsyncConnection, node: int, folder: str, data: Path, taken_at: datetime | None = None
) -> postgresql.Insert | sqlite.Insert:
    holder = f"{socket.gethostname()}:{data.absolute()}"
    return insert(connection, nodes_table).values(
        node=node, folder=folder, holder=holder, claimed_at=datetime.now(UTC), taken_at=taken_at
    )


def _identify(data: Path) -> str:
    """The data folder's id, made durable the first time; the same for all who ask at once."""
    file = data / _ID
    if not file.exists():
        with tempfile.NamedTemporaryFile("w", dir=data, prefix=f".{_ID}-") as draft:
            draft.write(secrets.token_hex(16))
            draft.flush()
            os.fsync(draft.fileno())
            with suppress(FileExistsError):  # somebody was faster
                file.hardlink_to(draft.name)
        sync_folder(data)
    return file.read_text()
