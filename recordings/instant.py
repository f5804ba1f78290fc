"""A moment as the databases keep it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Dialect
    from sqlalchemy.ext.asyncio import AsyncConnection
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.types import TypeEngine

_TEXT_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class Instant(TypeDecorator[datetime]):
    """A moment, as a timezone-aware datetime (UTC when read; naive ones are refused with ValueError).

    PostgreSQL keeps a ``timestamptz``; SQLite, which has no such type, ISO 8601 text of fixed width, so that
    comparing text compares time.
    """

    impl = sa.TIMESTAMP(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[str]:
        """Text on SQLite, timestamptz elsewhere."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(sa.Text())
        return dialect.type_descriptor(sa.TIMESTAMP(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        """Bring to UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone: give an aware datetime")
        value = value.astimezone(UTC)
        # (strftime writes no zeros before a year of less than four digits, as of a clock that was never set.)
        return f"{value.year:04}{value:{_TEXT_FORMAT[2:]}}" if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Read back as UTC."""
        if isinstance(value, str):
            return datetime.strptime(value, _TEXT_FORMAT).replace(tzinfo=UTC)
        if value is not None and value.tzinfo is None:  # the first moment of all, as asyncpg gives it
            return value.replace(tzinfo=UTC)
        return value if value is None else value.astimezone(UTC)


def own_clock() -> datetime:
    """Now, by this machine's clock."""
    return datetime.now(UTC)


async def read_clock(connection: AsyncConnection, own: Callable[[], datetime] = own_clock) -> datetime:
    """Now, by the one clock of all who use this database: PostgreSQL's server's. SQLite lies on this machine: ``own``.

    For what one machine writes and another measures within seconds, whose clocks may differ by as much.
    """
    if connection.dialect.name == "sqlite":
        return own()
    moment = await connection.scalar(sa.select(sa.func.clock_timestamp(type_=Instant)))
    return own() if moment is None else moment


class elapsed(FunctionElement[float]):  # noqa: N801 - it stands in queries beside the functions of SQL
    """``elapsed(since, until)``: the seconds from one moment to another, in SQL; null where one of them is."""

    name = "elapsed"
    type = sa.Double()
    inherit_cache = True


@compiles(elapsed, "sqlite")
def _count_by_days(element: elapsed, compiler: SQLCompiler, **options: Any) -> str:
    since, until = (compiler.process(part, **options) for part in element.clauses)
    return f"((julianday({until}) - julianday({since})) * 86400.0)"  # true to a tenth of a millisecond


@compiles(elapsed, "postgresql")
def _count_by_interval(element: elapsed, compiler: SQLCompiler, **options: Any) -> str:
    since, until = (compiler.process(part, **options) for part in element.clauses)
    return f"CAST(extract(epoch FROM {until} - {since}) AS double precision)"
