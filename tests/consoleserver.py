"""The console in a thread of its own, for tests that cannot share its event loop: a browser's, a plain client's."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from config.categories import read_categories
from config.citymap import read_map
from console.app import make_app, serve
from console.policy import Policy, Role
from console.sessions import open_session
from console.users import add_user
from gateway.calls import live
from recordings.database import open_database
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Mapping
    from pathlib import Path

    from console.dialling import Dialling
    from recordings.database import Database


class Console:
    """A running page, and the database and the calls in progress behind it."""

    def __init__(
        self, address: str, db: Database, calls: live.Board, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.address, self.db, self.calls = address, db, calls
        self._loop = loop

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run it in the page's own event loop, and wait for its end."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def add_user(self, name: str, *roles: Role, founder: bool = False) -> None:
        """Somebody who can only be logged in by ``log_in``."""

        async def add() -> None:
            async with self.db.write() as connection:
                await add_user(connection, name, "no password", roles, datetime.now(UTC), founder=founder)

        self.do(add())

    def log_in(self, name: str) -> str:
        """A session of that user; its cookie's value."""
        token: str = self.do(open_session(self.db, name, datetime.now(UTC), Policy()))
        return token


async def serve_events(calls: live.Board, socket: Path) -> web.AppRunner:
    """A gateway's event stream on its Unix socket; ``cleanup`` ends it."""
    app = web.Application()
    app.add_routes([live.route(calls)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.UnixSite(runner, str(socket)).start()
    return runner


@contextmanager
def running_console(
    url: str, data: Path, hotlines: Mapping[str, str], dialling: Dialling | None = None
) -> Iterator[Console]:
    """The page over the database at ``url``, with one gateway that tells of its calls."""
    started: Future[tuple[Console, asyncio.Event]] = Future()

    async def run() -> None:
        calls, socket = live.Board(), data / "gateway.sock"
        db, events = open_database(url), await serve_events(calls, socket)
        try:
            # A machine that is slow takes back in time, too; and no shift ends while a test looks at it.
            begun = (datetime.now(CITY_TIME) - timedelta(hours=1)).time()
            policy = Policy(take_back=timedelta(hours=1), shifts=(begun,))
            app = make_app(
                db,
                policy,
                lambda: hotlines,
                read_categories(),
                data,
                data,
                [socket],
                city_map=read_map(),
                dialling=dialling,
            )
            async with serve(app, "127.0.0.1", 0) as address:
                over = asyncio.Event()
                started.set_result((Console(address, db, calls, asyncio.get_running_loop()), over))
                await over.wait()
        finally:
            await events.cleanup()
            await db.close()

    def work() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)  # for whoever waits for the page

    thread = threading.Thread(target=work, name="console")
    thread.start()
    console, over = started.result(60)
    try:
        yield console
    finally:
        console._loop.call_soon_threadsafe(over.set)
        thread.join(30)
