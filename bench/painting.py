"""How soon a browser paints the list while callers are heard and recognised on the same machine."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from playwright.async_api import async_playwright

from bench import speech
from bench.build import build_rtpgen
from bench.capacity import count_entries, wait_until_filed
from bench.house import open_house
from bench.peer import Load, generate
from recordings.folders import spool
from tests.browser import CHROMIUM, OPTIONS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

_FIRST_PAINT: Final = """() => new Promise((done) => new PerformanceObserver((list) => {
    for (const { name, startTime } of list.getEntries()) if (name === "first-contentful-paint") done(startTime);
}).observe({ type: "paint", buffered: true }))"""
_BETWEEN_S: Final = 0.5


@dataclass(slots=True)
class Painting:
    """Ms from the navigation to the first paint, in a ``fresh`` browser and in one that knows the page already.

    ``heard``: the phrases that were recognised meanwhile.
    """

    fresh: list[float] = field(default_factory=list)
    known: list[float] = field(default_factory=list)
    heard: int = 0


async def paint_while_recognising(address: str, token: str, callers: int, seconds: float) -> Painting:
    """Open the list of who is logged in by ``token``, over and over, while so many callers speak for ``seconds``.

    Raises BuildError, HouseError, PeerError.
    """
    program, painting = build_rtpgen(), Painting()
    begun, over = asyncio.Event(), asyncio.Event()
    events = {"measuring": begun, "measured": over}
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as scratch:
        audio = Path(scratch) / "caller.ulaw"
        await speech.write_speech(speech.LATENCY, audio)
        async with open_house(callers + 8) as house, _open_browser() as browser:
            load = Load(callers, seconds, audio)
            calling = asyncio.create_task(generate(program, house.sip, load, lambda told: events[told].set()))
            beginning = asyncio.create_task(begun.wait())
            await asyncio.wait({calling, beginning}, return_when=asyncio.FIRST_COMPLETED)
            beginning.cancel()
            while not (over.is_set() or calling.done()):
                await _visit(browser, address, token, painting)
            await calling
            await wait_until_filed(spool(house.data))
            painting.heard = (await asyncio.to_thread(count_entries, house.data))["heard"]
    return painting


@asynccontextmanager
async def _open_browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        await browser.close()


async def _visit(browser: Browser, address: str, token: str, painting: Painting) -> None:
    context = await browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN")
    await context.add_cookies([{"name": "hotline-session", "value": token, "url": address}])
    page = await context.new_page()
    for times in (painting.fresh, painting.known):
        await page.goto(address)
        times.append(await page.evaluate(_FIRST_PAINT))
        await asyncio.sleep(_BETWEEN_S)
    await context.close()
