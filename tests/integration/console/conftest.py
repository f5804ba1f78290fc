"""A real console over a real database, and a small client that keeps cookies and sends tokens as a browser does."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from callfolder import CallFolder, heard, silence, stated

from config.categories import read_categories
from config.citymap import read_map
from console.app import make_app, serve
from console.policy import Policy, Role
from console.sessions import open_session
from console.users import add_user
from recordings.schema import audit
from tickets.filing import file_call
from tickets.number import CITY_TIME, NumberBook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection
    from pathlib import Path

    from console.dialling import Dialling
    from recordings.database import Database

PASSWORD = "correct horse battery"
_HASH = PasswordHasher().hash(PASSWORD)
CATEGORIES = read_categories()
READING = ("查看列表", "查询", "查看来电", "查看概览")
HOTLINES = {"12345": "政务服务便民热线", "12333": "人力资源社会保障"}


@dataclass
class Answer:
    status: int
    headers: Any
    text: str

    @property
    def csrf(self) -> str:
        found = re.search(
            r'name="csrf" (?:content|value)="([^"]*)"', self.text.partition("<form")[2] or self.text
        )
        return found[1] if found else ""


class Client:
    """One browser."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.csrf = ""

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        headers = {"Accept": "text/html", **options.pop("headers", {})}
        async with self.http.request(
            method, self.address + path, headers=headers, allow_redirects=False, **options
        ) as answer:
            endless = answer.content_type == "text/event-stream"
            text = "" if endless else await answer.text(errors="replace")
            return Answer(answer.status, answer.headers, text)

    async def get(self, path: str, **options: Any) -> Answer:
        answer = await self.ask("GET", path, **options)
        if answer.csrf:
            self.csrf = answer.csrf
        return answer

    async def post(self, path: str, data: dict[str, str] | None = None, **options: Any) -> Answer:
        return await self.ask("POST", path, data={"csrf": self.csrf, **(data or {})}, **options)

    async def log_in(self, name: str, password: str = PASSWORD, **options: Any) -> Answer:
        await self.get("/login", **options)
        answer = await self.post("/login", {"name": name, "password": password}, **options)
        if answer.status == 303:
            await self.get("/account")
        return answer


@dataclass
class Site:
    """A running console."""

    address: str
    db: Database
    clients: list[Client]

    def client(self) -> Client:
        self.clients.append(Client(self.address))
        return self.clients[-1]

    async def add(self, name: str, *roles: Role, founder: bool = False) -> None:
        """A new user: an agent, when nothing else is said; ``founder``: who may do all."""
        async with self.db.write() as connection:
            given = roles or (Role.LEAD if founder else Role.AGENT,)
            await add_user(connection, name, _HASH, given, datetime.now(UTC), founder=founder)

    async def logged_in(self, name: str, *roles: Role, founder: bool = False) -> Client:
        """A new user's browser with a session (without the half second that a password takes)."""
        await self.add(name, *roles, founder=founder)
        client = self.client()
        token = await open_session(self.db, name, datetime.now(UTC), Policy())
        client.http.cookie_jar.update_cookies({"hotline-session": token})
        await client.get("/account")
        return client

    async def trail(self, *, reading: bool = False) -> list[tuple[str, str, str]]:
        """What was done, and with ``reading`` what was only looked at."""
        query = sa.select(audit.c.user_name, audit.c.action, audit.c.subject).order_by(audit.c.id)
        if not reading:
            query = query.where(audit.c.action.not_in(READING))
        async with self.db.read() as connection:
            return [tuple(row) for row in await connection.execute(query)]


@asynccontextmanager
async def open_site(
    db: Database,
    policy: Policy,
    data: Path,
    anonymous: Collection[str] = (),
    gateways: Collection[Path] = (),
    dialling: Dialling | None = None,
) -> AsyncIterator[Site]:
    app = make_app(
        db, policy, lambda: HOTLINES, CATEGORIES, data, data, tuple(gateways), anonymous, read_map(), dialling
    )
    async with serve(app, "127.0.0.1", 0) as address:
        site = Site(address, db, [])
        yield site
        for client in site.clients:
            await client.http.close()


@pytest.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[Site]:
    begun = (datetime.now(CITY_TIME) - timedelta(hours=1)).time()  # no shift ends while a test looks at it
    async with open_site(database, Policy(shifts=(begun,)), tmp_path) as opened:
        yield opened


@pytest.fixture
def make_site(database: Database, tmp_path: Path) -> Callable[..., Any]:
    return lambda policy, **more: open_site(database, policy, tmp_path, **more)


@pytest.fixture
def call(database: Database, tmp_path: Path) -> Callable[..., Any]:
    """File a call of these words, as the gateway does; its id."""
    book = NumberBook(tmp_path / "numbers", 1)
    count = 0

    async def make(
        text: str,
        *,
        at: str = "",
        confidence: float = 0.9,
        interrupted: bool = False,
        line: Any = MappingProxyType({}),
        **matter: Any,
    ) -> str:
        nonlocal count
        count += 1
        call_id = f"{at or f'20260701T0830{count:02}'}-{count:08x}"
        phrase = heard(text, 1.0, 3.0, confidence=confidence)
        folder = CallFolder(tmp_path, call_id).begin(**line).hear(phrase)
        folder.state(stated(0, phrase, until=3.5, complete=True, **matter)).record(silence(4))
        folder.die() if interrupted else folder.hang_up(seconds=4.0)
        await file_call(database, book, folder.folder)
        return call_id

    return make
