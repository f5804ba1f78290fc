"""The console as an application, and serving it."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, cast

from aiohttp import web

from console.bundles import find_assets
from console.door import Door
from console.guard import make_guard
from console.headers import set_headers
from console.hotwords import HotWords
from console.keys import (
    ANONYMOUS,
    ASSETS,
    CATEGORIES,
    DATA,
    DATABASE,
    DIALLING,
    DOOR,
    GATEWAYS,
    HOTLINES,
    LISTS,
    LIVE,
    MAP,
    PLAYS,
    POLICY,
    RUN,
    STREAMS,
    TURNS,
    VIEWS,
    WATCH,
    WORDS,
)
from console.liveboard import LiveBoard
from console.lockout import Turns
from console.metrics import count_requests
from console.plays import Plays
from console.problem import answer_problems, note_start
from console.rendering import set_up_templates
from console.routes import ROUTES
from console.sheets import warm_up
from console.watching import WorkWatch

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from config.categories import Category
    from config.citymap import CityMap
    from console.dialling import Dialling
    from console.policy import Policy
    from recordings.database import Database

_BODY_BYTES = 1024 * 1024
_SHUTDOWN_S = 2.0
# That a connection waits for another request: a proxy of ours gives it up first, and an hour would fill the process.
_KEPT_S = 75.0
_LIST_S = 600.0  # a list that an open page keeps up to date is noted anew after as long without a change


def make_app(
    db: Database,
    policy: Policy,
    hotlines: Callable[[], Mapping[str, str]],
    categories: Sequence[Category],
    data: Path,
    run: Path,
    gateways: Sequence[Path],
    anonymous: Collection[str] = (),
    city_map: CityMap | None = None,
    dialling: Dialling | None = None,
) -> web.Application:
    """The application over ``db`` and the calls' folders in ``data``.

    ``hotlines`` tells the public lines' names of today by number, ``categories`` are what a ticket may be filed under,
    ``run`` holds the courier's socket, ``gateways`` are the sockets where gateways tell of the calls in progress,
    ``anonymous`` the numbers of the lines whose calls not everybody may know of, ``city_map`` the counties' shapes.
    ``dialling`` are the rules by which agents call citizens from the page, None: nobody does.
    Raises AssetsMissingError when the scripts have not been bundled.
    """
    app = web.Application(
        middlewares=[
            note_heads,
            count_requests,
            answer_problems,
            make_guard({(r.method, r.path): r for r in ROUTES}),
        ],
        client_max_size=_BODY_BYTES,
    )
    app[DATABASE], app[POLICY], app[HOTLINES], app[ASSETS] = db, policy, hotlines, find_assets()
    app[CATEGORIES], app[DATA], app[RUN], app[LIVE], app[PLAYS] = (
        categories,
        data,
        run,
        LiveBoard(gateways),
        Plays(),
    )
    app[VIEWS], app[LISTS], app[ANONYMOUS], app[TURNS] = (
        Plays(),
        Plays(_LIST_S),
        (hidden := frozenset(anonymous)),
        Turns(),
    )
    app[STREAMS] = Counter()
    app[DOOR] = Door(policy.head_s, None if policy.behind_proxy else policy.half_open)
    app[GATEWAYS], app[WORDS], app[WATCH] = gateways, HotWords(hidden), WorkWatch(db)
    app[MAP], app[DIALLING] = city_map, dialling
    app.cleanup_ctx.append(_follow)
    set_up_templates(app)
    app.on_response_prepare.extend((set_headers, note_start))
    for route in ROUTES:
        app.router.add_route(route.method, route.path, route.handler)
    return app


@web.middleware
async def note_heads(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Tell the door that a head has come."""
    with request.app[DOOR].answering(request):
        return await handler(request)


async def _follow(app: web.Application) -> AsyncIterator[None]:
    """Follow the gateways' calls and what waits for review, as long as the page is served."""
    following = [asyncio.create_task(work) for work in (app[LIVE].run(), app[WATCH].run(), warm_up())]
    yield
    for task in following:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def serve(
    app: web.Application, host: str, port: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Serve until the block ends; yields the page's address. Port 0 takes any free one; OSError when taken."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_S, keepalive_timeout=_KEPT_S)
    await runner.setup()
    make, handshake_s = cast("web.Server", runner.server), app[POLICY].head_s if tls else None
    listening: asyncio.Server | None = None
    try:
        listening = await asyncio.get_running_loop().create_server(
            lambda: app[DOOR].open(make), host, port, ssl=tls, ssl_handshake_timeout=handshake_s
        )
        bound = listening.sockets[0].getsockname()
        shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        yield f"{'https' if tls else 'http'}://{shown}:{bound[1]}/"
    finally:
        if listening is not None:
            listening.close()
        await runner.cleanup()
