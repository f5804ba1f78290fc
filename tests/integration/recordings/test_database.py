from __future__ import annotations

import asyncio
import sys
import traceback
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from recordings import agentcalls, callbacks, callouts, jobs, matters, progress, search, users
from recordings.database import (
    _MIGRATIONS,
    AddressError,
    Database,
    WrongRevision,
    _revisions,
    migrate,
    open_database,
    require_current,
)
from recordings.schema import calls, metadata, outbox, transcripts

if TYPE_CHECKING:
    from collections.abc import Sequence

EX_CONFIG = 78
NOW = datetime(2026, 7, 1, 8, 30, 15, 120000, tzinfo=UTC)


def call_row(call_id: str, **fields: object) -> dict[str, object]:
    row: dict[str, object] = {
        "call_id": call_id,
        "sip_call_id": "a@b",
        "caller": "",
        "called": "12345",
        "hotline": "12345",
        "flow": "default",
        "node": 1,
        "started_at": NOW,
        "cause": "",
        "interrupted": False,
        "folder": "calls/x",
        "late": "none",
    }
    return row | fields


async def test_the_migrations_make_the_schema(database: Database):
    for module in (
        agentcalls.agent_calls,
        callbacks.call_backs,
        callouts.callouts,
        jobs.jobs,
        matters.matters,
        progress.status_changes,
        search.search_texts,
        users.users,
    ):
        assert module.metadata is metadata  # whose tables stand beside the others

    def compare(connection: sa.Connection) -> list[object]:
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)

    async with database.read() as connection:
        assert await connection.run_sync(compare) == []
    await require_current(database)


def test_the_migrations_are_known_by_the_names_of_their_files():
    script = ScriptDirectory(str(_MIGRATIONS))
    known = {migration.revision for migration in script.walk_revisions()}
    assert _revisions() == (script.get_current_head(), known)


async def test_check_constraints_are_those_of_the_schema(database: Database):
    with pytest.raises(sa.exc.IntegrityError):
        async with database.write() as connection:
            await connection.execute(calls.insert().values(call_row("c", late="perhaps")))


async def test_an_empty_database_is_refused_with_the_remedy(empty_database_url: str):
    db = open_database(empty_database_url)
    with pytest.raises(WrongRevision, match=r"no tables yet: run `hotline migrate`") as refused:
        await require_current(db)
    assert refused.value.exit_code == 1  # whoever migrates may be at it
    await migrate(empty_database_url)
    await require_current(db)
    await migrate(empty_database_url)  # again: nothing to do
    await db.close()


async def test_a_database_of_a_newer_program_is_refused(database: Database, database_url: str):
    async with database.write() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(WrongRevision, match=r"9999.*newer version") as refused:
        await require_current(database)
    assert refused.value.exit_code == EX_CONFIG
    with pytest.raises(WrongRevision, match=r"9999.*newer version") as refused:
        await migrate(database_url)
    assert refused.value.exit_code == EX_CONFIG


async def test_processes_may_migrate_at_once(empty_database_url: str):
    program = (
        "import asyncio; from recordings.database import migrate; "
        f"asyncio.run(migrate({empty_database_url!r}))"
    )
    migrators = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, stderr=asyncio.subprocess.PIPE)
        for _ in range(3)
    ]
    outputs = [(await process.communicate())[1].decode() for process in migrators]
    assert [process.returncode for process in migrators] == [0, 0, 0], outputs
    db = open_database(empty_database_url)
    await require_current(db)
    await db.close()


async def test_a_failed_block_leaves_nothing(database: Database):
    async def write_half() -> None:
        async with database.write() as connection:
            await connection.execute(calls.insert().values(call_row("c")))
            raise RuntimeError("the other half")

    with pytest.raises(RuntimeError, match="the other half"):
        await write_half()
    async with database.read() as connection:
        assert (await connection.execute(sa.select(calls))).all() == []


async def test_moments_keep_their_instant_and_order(database: Database):
    shanghai = NOW.astimezone(timezone(timedelta(hours=8)))
    async with database.write() as connection:
        await connection.execute(
            calls.insert().values(
                [call_row("c", started_at=shanghai), call_row("d", started_at=NOW + timedelta(1))]
            )
        )
    async with database.read() as connection:
        found = await connection.execute(sa.select(calls.c.started_at).where(calls.c.started_at <= NOW))
        assert found.scalars().all() == [NOW]
    with pytest.raises(sa.exc.StatementError, match="no time zone"):
        async with database.write() as connection:
            await connection.execute(calls.insert().values(call_row("e", started_at=datetime(2026, 7, 1))))  # noqa: DTZ001


async def test_foreign_keys_hold(database: Database):
    with pytest.raises(sa.exc.IntegrityError):
        async with database.write() as connection:
            await connection.execute(
                transcripts.insert().values(call_id="none", source="live", complete=True, document="{}")
            )


async def test_sqlite_is_durable_and_concurrent(tmp_path):
    await migrate(f"sqlite:///{tmp_path}/a.db")
    db = open_database(f"sqlite:///{tmp_path}/a.db")
    async with db.write() as writer, db.read() as reader:
        await writer.execute(calls.insert().values(call_row("c")))
        # A reader neither waits for a writer nor sees what is not committed.
        assert (await reader.execute(sa.select(calls))).all() == []
        for connection in (writer, reader):
            pragmas = [
                (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            ]
            assert pragmas == ["wal", 2, 1, 5000]
    await db.close()


WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from recordings.database import open_database
from recordings.schema import outbox

async def main(url, name):
    db = open_database(url)
    async def one(i):
        async with db.write() as c:
            await c.execute(outbox.insert().values(
                number=f"{name}{i}", revision=1, idempotency_key=f"{name}{i}", document="{}", state="pending",
                attempts=0, next_at=datetime.now(UTC), created_at=datetime.now(UTC)))
    await asyncio.gather(*(one(i) for i in range(50)))
    await db.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_two_processes_write_side_by_side(database: Database, database_url: str):
    writers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, database_url, name, stderr=asyncio.subprocess.PIPE
        )
        for name in ("a", "b")
    ]
    outputs = [(await process.communicate())[1].decode() for process in writers]
    assert [process.returncode for process in writers] == [0, 0], outputs
    async with database.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(outbox)) == 100


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://x:GEHEIM@x/y",
        "hotline.db",
        "postgresql:hotline:GEHEIM@db/x",
        "postgresql://hotline:word@db:GEHEIM/x",
    ],
)
def test_other_addresses_are_refused_without_their_password(url: str):
    with pytest.raises(AddressError, match="give sqlite:////path/file or postgresql://") as refused:
        open_database(url)
    assert "GEHEIM" not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize("url", ["postgresql://x:GEHEIM@db/y", "postgresql://x@db/y?password=GEHEIM"])
def test_a_database_is_named_without_its_password(url: str):
    assert "GEHEIM" not in open_database(url).name


async def test_all_queries_of_a_view_see_one_moment(database: Database):
    query = sa.select(calls.c.call_id).order_by(calls.c.call_id)
    async with database.write() as writer:
        await writer.execute(calls.insert().values(call_row("a")))
    async with database.read() as reader:
        assert (await reader.scalars(query)).all() == ["a"]
        async with database.write() as writer:
            await writer.execute(calls.insert().values(call_row("b")))
        assert (await reader.scalars(query)).all() == ["a"]
    async with database.read() as reader:
        assert (await reader.scalars(query)).all() == ["a", "b"]


async def test_postgresql_compiles_no_plan(database: Database):
    if database.dialect != "postgresql":
        pytest.skip("SQLite compiles none")
    for opening in (database.read, database.write):
        async with opening() as connection:
            assert await connection.scalar(sa.text("SHOW jit")) == "off"


async def test_a_view_that_followed_a_transaction_on_its_connection_does_not_bind_the_next(
    database: Database,
):
    """The pool lends one connection to both: what holds for a view must not stay on it."""
    for name in ("a", "b", "c"):
        async with database.read() as reader:
            await reader.execute(sa.select(calls))
        async with database.write() as writer:
            await writer.execute(calls.insert().values(call_row(name)))


async def test_closing_waits_for_what_is_served_to_whoever_has_gone(database_url: str):
    """A filing that is cut short at the end of its process used to go on over a database closed under it."""
    db = open_database(database_url)
    begun, ended = asyncio.Event(), []

    async def serve(db: Database, requests: Sequence[int]) -> list[int]:
        async with db.write() as connection:
            await connection.execute(calls.insert().values(call_row("c")))
            begun.set()
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(list(requests))
        return list(requests)

    asked = asyncio.create_task(db.group(serve).ask(1))
    await begun.wait()
    asked.cancel()
    await asyncio.wait({asked})
    await db.close()
    assert ended == [[1]]
    again = open_database(database_url)
    async with again.read() as connection:
        assert (await connection.execute(sa.select(calls))).all() == []
    await again.close()
