"""From a decision to the next call that is ready for one: what an agent waits for between two calls."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from ivr.matter import Matter, Spoken, Window
from tests.callfolder import CallFolder, heard, silence
from tickets.filing import file_call
from tickets.number import NumberBook

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    import aiohttp

    from recordings.database import Database

_PHRASES: Final = 20
_WORDS: Final = "颍上县慎城镇我家房子漏雨三天了打过物业电话没有人接希望尽快解决一下"


async def file_waiting(db: Database, data: Path, day: date, count: int) -> None:
    """File so many calls of that day, two minutes of speech each, as the gateway does: folder, words and ticket."""
    book = NumberBook(data / "numbers", 1)
    phrases = [heard(_WORDS, 1.0 + 6 * n, 6.0 + 6 * n) for n in range(_PHRASES)]
    for n in range(count):
        call = CallFolder(data, f"{day:%Y%m%d}T08{n // 60:02}{n % 60:02}-{n:08x}").begin()
        for phrase in phrases:
            call.hear(phrase)
        spoken = tuple(Spoken(p.text, p.start, p.end, p.confidence, p.confirmed) for p in phrases)
        window = Window(phrases[0].start, phrases[-1].end)
        call.state(Matter(index=0, spoken=spoken, windows=(window,), appeal="求助")).record(silence(125))
        call.hang_up(seconds=125.0)
        await file_call(db, book, call.folder)


async def accept_all(client: aiohttp.ClientSession, address: str, day: date) -> list[float]:
    """Accept each call of that day and go on; ms from a decision to the next call's page and all that it shows.

    Raises RuntimeError when a call is not there, or not accepted.
    """
    queue, times = {"since": str(day)}, []
    async with client.get(address) as answer:
        token = (await answer.text()).partition('name="csrf" content="')[2].partition('"')[0]
    head = {"X-CSRF-Token": token, "Accept": "application/json"}

    async def ask(method: str, path: str, **sent: Any) -> Any:
        async with client.request(method, address.rstrip("/") + path, headers=head, **sent) as answer:
            if answer.status >= 400:  # noqa: PLR2004 - an error
                raise RuntimeError(f"{method} {path}: {answer.status} {(await answer.text())[:300]}")
            return await answer.json() if answer.content_type == "application/json" else await answer.text()

    async def open_next(besides: str) -> tuple[str, Any]:
        found = await ask("POST", "/next", data={**queue, "besides": besides})
        if not found:
            return "", None
        await ask("GET", found["url"])
        return found["url"], await ask("GET", f"{found['url']}/sheet")

    url, sheet = await open_next("")
    while sheet:
        (ticket,) = sheet["tickets"]
        fields = {**ticket["fields"], "type": "求助", "category_1": "城乡建设"}
        decided = {"fields": fields, "corrections": [], "reason": ""}
        body = {"decision": "accepted", "base": ticket["revision"], "sheet": decided}
        began = time.perf_counter()
        await ask("POST", f"{url}/tickets/{ticket['number']}/decision", json=body)
        url, sheet = await open_next(url.rpartition("/")[2])
        if sheet:
            times.append((time.perf_counter() - began) * 1000)
    if not times:
        raise RuntimeError("no call was there to be decided on")
    return times
