"""Fixtures shared by all tests: databases of both kinds, migrated and empty."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from recordings.database import Database, migrate, open_database

sys.path.insert(0, str(Path(__file__).parent))  # tests share modules, but are not packages
from postgres import Postgres

hypothesis.settings.register_profile("ours", deadline=None)  # a busy machine is no fault of what is tested
hypothesis.settings.load_profile("ours")

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A part of tests/run that wants a mark need not load the files in which nothing has it."""
    wanted = re.fullmatch(r"(few|alone|soak)( and not soak)?", config.option.markexpr)
    if not wanted or not collection_path.match("test_*.py"):
        return None
    return f"mark.{wanted[1]}" not in collection_path.read_text() or None


LONG = {
    "console/test_access.py",
    "console/test_browser.py",
    "console/test_review.py",
    "console/test_schema.py",
    "console/test_triage.py",
    "gateway/test_passing.py",
    "install/test_install.py",
    "notify/test_watchdog.py",
    "tickets/test_a_bad_day.py",
    "tickets/test_courier.py",
    "tickets_filing/test_filing.py",
    "tickets_filing/test_jobs.py",
    "tickets_filing/test_killed_workers.py",
    "upgrade/test_upgrade.py",
}
"""What of tests/integration takes a worker a minute and more beside others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that the last ones leave no worker alone with a long one."""
    parts = ("acceptance", "peers", "integration", "unit")
    here = Path(__file__).parent

    def turn(item: pytest.Item) -> tuple[int, bool]:
        part, *file = item.path.relative_to(here).parts
        return parts.index(part), "/".join(file) not in LONG

    items.sort(key=turn)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The tests' own PostgreSQL server, started when first asked for."""
    server = Postgres()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _postgres_template(postgres: Postgres) -> str:
    name = postgres.create()
    asyncio.run(migrate(postgres.url(name)))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a migrated database with nothing in it."""
    file = tmp_path_factory.mktemp("template") / "hotline.db"
    asyncio.run(migrate(f"sqlite:///{file}"))
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server = request.getfixturevalue("postgres")
    name = server.create()
    yield server.url(name)
    server.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh, migrated database; each test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        file = tmp_path / "hotline.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        yield f"sqlite:///{file}"
        return
    template = request.getfixturevalue("_postgres_template")
    server = request.getfixturevalue("postgres")
    name = server.create(template)
    yield server.url(name)
    server.drop(name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh, migrated, open database."""
    db = open_database(database_url)
    yield db
    await db.close()
