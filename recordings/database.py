"""The database: SQLite for one host, PostgreSQL for many. Opening, migrating, and transactions."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from config.fault import Fault, LastingFault
from recordings.grouping import Group

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

Q = TypeVar("Q")
A = TypeVar("A")

_MIGRATIONS = Path(__file__).parent / "migrations"
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
_BUSY_S = 5
_CONNECT_S = 5
_ANSWER_S = 60  # for one statement; a server that vanished without a word answers never
_MIGRATION_BUSY_S = 60
_VERSIONS = sa.table("alembic_version", sa.column("version_num"))  # alembic's own
_MIGRATION_LOCK = 12345  # any number, the same in every version: PostgreSQL's advisory lock while migrating


class AddressError(LastingFault):
    """The database's address cannot be used; the message says why, and never quotes it, for its password."""


class WrongRevision(Fault):
    """The database's tables are not those this program was written for; the message says what to run."""


class NewerRevision(WrongRevision, LastingFault):
    """A newer program has migrated the database: only that program, not patience, helps."""


class Database:
    """An open database. Make it by ``open_database``; ``close`` it in the loop that used it.

    On SQLite the process writes over one connection: its writers queue in order instead of colliding, and
    only other processes are waited for by SQLite's busy handler.
    """

    def __init__(self, reader: AsyncEngine, writer: AsyncEngine) -> None:
        self._reader = reader
        self._writer = writer
        self._groups: dict[Any, Group[Any, Any]] = {}

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._reader.dialect.name

    @property
    def name(self) -> str:
        """The database's address without its password, for messages."""
        return _show(self._reader.url)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A consistent view for queries: all of them see one moment. Nothing written here is kept."""
        async with self._reader.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end, rolled back if the block raises. Keep it short."""
        async with self._writer.begin() as connection:
            yield connection

    def group(self, serve: Callable[[Database, Sequence[Q]], Awaitable[Sequence[A]]]) -> Group[Q, A]:
        """Where those who ask ``serve`` at the same time share one call of it, and so one transaction."""
        return self._groups.setdefault(serve, Group(partial(serve, self)))

    async def close(self) -> None:
        """Give the connections back, once no group serves any more; who still waits for an answer is cancelled."""
        for group in self._groups.values():
            await group.close()
        await self._reader.dispose()
        if self._writer is not self._reader:
            await self._writer.dispose()


def open_database(url: str) -> Database:
    """The database at ``url``: ``sqlite:////path/file`` or ``postgresql://user@host/name``.

    Nothing is connected yet. Raises AddressError for any other kind of address.
    """
    address = _parse(url)
    if address.get_backend_name() == "sqlite":
        return Database(
            _sqlite_engine(address, begin="BEGIN", connections=4, busy_s=_BUSY_S),
            _sqlite_engine(address, begin="BEGIN IMMEDIATE", connections=1, busy_s=_BUSY_S),
        )
    engine = create_async_engine(
        address,
        pool_size=10,
        max_overflow=10,
        pool_pre_ping=True,
        connect_args={"timeout": _CONNECT_S, "command_timeout": _ANSWER_S},
        hide_parameters=True,
    )
    sa.event.listen(engine.sync_engine, "connect", _interpret_plans)
    # PostgreSQL's own default shows each query what was committed since the one before.
    reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return Database(reader, engine)


def insert(connection: AsyncConnection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that may be given an ON CONFLICT clause, in the connection's dialect."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return make(table)


async def upsert(
    connection: AsyncConnection, table: sa.Table, key: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert ROWS, or bring those there are by their KEY columns up to date."""
    if not rows:
        return
    statement = insert(connection, table)
    update = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in key}
    await connection.execute(statement.on_conflict_do_update(index_elements=key, set_=update), rows)


async def migrate(url: str) -> None:
    """Bring the tables to this program's revision; does nothing when they are. Several may start at once.

    Raises NewerRevision when they are beyond it.
    """
    address = _parse(url)
    if address.get_backend_name() == "sqlite":
        if address.database:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        # BEGIN IMMEDIATE is the lock: the second migrator waits here and then finds nothing to do.
        engine = _sqlite_engine(address, begin="BEGIN IMMEDIATE", connections=1, busy_s=_MIGRATION_BUSY_S)
    else:
        engine = create_async_engine(address, connect_args={"timeout": _CONNECT_S}, hide_parameters=True)
    try:
        async with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            await connection.run_sync(_upgrade, address)
    finally:
        await engine.dispose()


async def require_current(db: Database) -> None:
    """Raise WrongRevision unless the tables are exactly those of this program; NewerRevision when they are beyond."""
    wanted, _ = _revisions()
    async with db.read() as connection:
        found = await connection.run_sync(_find_revision, db.name)
    if found is None:
        raise WrongRevision(f"{db.name} has no tables yet: run `hotline migrate`")
    if found != wanted:
        raise WrongRevision(
            f"{db.name} is at revision {found}, this program needs {wanted}: run `hotline migrate`"
        )


def _find_revision(connection: sa.Connection, name: str) -> str | None:
    """Which revision the tables are at; None when there are none. Raises NewerRevision."""
    there = sa.inspect(connection).has_table(_VERSIONS.name)
    found: str | None = connection.scalar(sa.select(_VERSIONS.c.version_num)) if there else None
    head, known = _revisions()
    if found is None or found in known:
        return found
    raise NewerRevision(
        f"{name} is at revision {found}, which this program (revision {head}) does not know: "
        "it was migrated by a newer version; install that version, then run `hotline migrate`. "
        "数据库已由更新版本的程序升级:请安装那个版本,再运行 hotline migrate。"
    )


@cache
def _revisions() -> tuple[str, frozenset[str]]:
    """The newest revision and all that this program knows: by the migrations' file names, which begin with them.

    What alembic says is the same (a test), and takes a quarter of a second, which every command would wait for.
    """
    known = frozenset(file.name.partition("_")[0] for file in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))
    return max(known), known


def _parse(url: str) -> sa.URL:
    try:
        address = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):  # whose words may quote the password
        raise _refuse("it cannot be read", "无法识别") from None
    kind = address.get_backend_name()
    if kind not in _DRIVERS:
        raise _refuse(f"{kind!r} is no kind of database for it", f"不支持 {kind}")
    return address.set(drivername=_DRIVERS[kind])


def _refuse(why: str, why_in_chinese: str) -> AddressError:
    return AddressError(
        f"database.url (credential database-url) is not a database address, {why}: "
        "give sqlite:////path/file or postgresql://user@host/name; in a password write @ as %40, : as %3A, / as %2F. "
        f"数据库地址不对({why_in_chinese}):请改正 database.url 或凭据 database-url。"
    )


def _show(address: sa.URL) -> str:
    return address.difference_update_query(["password"]).render_as_string(hide_password=True)


def _interpret_plans(connection: Any, _record: object) -> None:
    """Have PostgreSQL run plans as they are: compiling one (``jit``) takes longer than any query of ours.

    By a statement, as PgBouncer refuses settings at the start of a connection that it does not know.
    """
    connection.run_async(lambda driver: driver.execute("SET jit = off"))


def _sqlite_engine(address: sa.URL, *, begin: str, connections: int, busy_s: int) -> AsyncEngine:
    engine = create_async_engine(
        address,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=60,
        connect_args={"timeout": busy_s},
        hide_parameters=True,  # they are numbers and words of citizens, and errors go into logs
    )

    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late and is never IMMEDIATE
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def start(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    sa.event.listen(engine.sync_engine, "connect", prepare)
    sa.event.listen(engine.sync_engine, "begin", start)
    return engine


def _upgrade(connection: sa.Connection, address: sa.URL) -> None:
    head, _ = _revisions()
    if _find_revision(connection, _show(address)) == head:
        return
    from alembic import command  # noqa: PLC0415 - takes a quarter of a second, and is needed once after an upgrade
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, "head")
