"""What the application carries, and what each request does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import web

from console.door import Door
from console.hotwords import HotWords
from console.liveboard import LiveBoard
from console.lockout import Turns
from console.plays import Plays
from console.policy import Policy
from console.sessions import Session
from console.watching import WorkWatch
from recordings.database import Database

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Mapping, Sequence

    from config.categories import Category
    from config.citymap import CityMap
    from console.dialling import Dialling

DATABASE: Final = web.AppKey("DATABASE", Database)
POLICY: Final = web.AppKey("POLICY", Policy)
ASSETS: Final[web.AppKey[Mapping[str, str]]] = web.AppKey("ASSETS")
"""Each file of ``console/static`` with the hash of its content."""
HOTLINES: Final[web.AppKey[Callable[[], Mapping[str, str]]]] = web.AppKey("HOTLINES")
"""Tells the names of the public lines by their numbers, as they are today."""

ANONYMOUS: Final[web.AppKey[frozenset[str]]] = web.AppKey("ANONYMOUS")
"""The numbers of the lines whose calls are shown only to who has the right to."""

CATEGORIES: Final[web.AppKey[Sequence[Category]]] = web.AppKey("CATEGORIES")
"""The catalogue that an agent chooses from."""
MAP: Final[web.AppKey[CityMap | None]] = web.AppKey("MAP")
"""The shapes of the city's counties."""
DIALLING: Final[web.AppKey[Dialling | None]] = web.AppKey("DIALLING")
"""By what rules agents call citizens; None: nobody does."""
DATA: Final = web.AppKey("DATA", Path)
"""The folder where the calls' own folders lie."""
RUN: Final = web.AppKey("RUN", Path)
"""The folder of the courier's socket."""
GATEWAYS: Final[web.AppKey[Sequence[Path]]] = web.AppKey("GATEWAYS")
"""The sockets of the gateways: their events, and where they are told of the duty switch."""
LIVE: Final = web.AppKey("LIVE", LiveBoard)
PLAYS: Final = web.AppKey("PLAYS", Plays)
VIEWS: Final = web.AppKey("VIEWS", Plays)
LISTS: Final = web.AppKey("LISTS", Plays)
"""Which lists each session's open pages keep up to date."""
TURNS: Final = web.AppKey("TURNS", Turns)
STREAMS: Final[web.AppKey[Counter[str]]] = web.AppKey("STREAMS")
"""How many streams each session has open."""
DOOR: Final = web.AppKey("DOOR", Door)
WORDS: Final = web.AppKey("WORDS", HotWords)
WATCH: Final = web.AppKey("WATCH", WorkWatch)

SESSION: Final = web.RequestKey("SESSION", Session)


def session_of(request: web.Request) -> Session:
    """Who asks; only behind a route that needs a right, where there always is one."""
    return request[SESSION]


def address_of(request: web.Request) -> str:
    """The client's address; behind our proxy, what the proxy says it is."""
    if request.app[POLICY].behind_proxy:
        forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if forwarded:
            return forwarded
    return request.remote or ""
