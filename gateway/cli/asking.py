"""One question to the database on file, asked by a command."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from recordings.database import Database, open_database, require_current

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.cli import Site

T = TypeVar("T")


def ask(site: Site, question: Callable[[Database], Awaitable[T]]) -> T:
    """The answer of the site's database. Raises what `require_current` does where its tables are not ours."""
    return asyncio.run(_ask(site, question))


async def _ask(site: Site, question: Callable[[Database], Awaitable[T]]) -> T:
    db = open_database(site.paths.database_url(site.settings))
    try:
        await require_current(db)
        return await question(db)
    finally:
        await db.close()
