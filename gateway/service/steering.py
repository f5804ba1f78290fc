"""What a running gateway is told: to take its dialogue anew, that the duty switch was thrown.

By its Unix socket: whoever may write to it may steer.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from config.fault import Fault
from gateway.service.duty import find_idle
from tickets.meaning.understanding import version

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.duty import Duty
    from gateway.calls.followed import Followed
    from gateway.service.reload import Reload
    from ivr.hotline import Hotlines


def reload_at(reload: Reload) -> web.RouteDef:
    """``POST /reload``: 200 with what is in force now, or 422 with the reason why nothing has changed."""

    async def answer(_request: web.Request) -> web.Response:
        try:
            done = await reload.reload()
        except (Fault, OSError) as fault:
            code = fault.exit_code if isinstance(fault, Fault) else Fault.exit_code
            return _tell({"reason": str(fault), "exit_code": code}, HTTPStatus.UNPROCESSABLE_ENTITY)
        dialogue = done.dialogue
        return _tell(
            {
                "hotlines": len(dialogue.hotlines),
                "flows": [flow.name for flow in dialogue.hotlines.flows],
                "recordings": dialogue.prompts.recordings,
                "cap": dialogue.cap,
                "rules": version(),
                "late": done.late,
            }
        )

    return web.post("/reload", answer)


def duty_at(duty: Followed[Duty], hotlines: Callable[[], Hotlines]) -> web.RouteDef:
    """``POST /duty``: look at the duty switch now; the orders in force. The next call is led by them."""

    async def answer(_request: web.Request) -> web.Response:
        await duty.look()
        now = datetime.now(UTC)
        trouble = [duty.trouble] if duty.trouble else list(find_idle(duty.value, hotlines(), now))
        return _tell({"orders": len(duty.value.in_force(now)), "trouble": "\n".join(trouble)})

    return web.post("/duty", answer)


def reload_on_signal(reload: Reload) -> None:
    """Reload when SIGHUP comes; how it went stands in the log."""
    under_way: set[asyncio.Task[None]] = set()

    async def work() -> None:
        with contextlib.suppress(Fault, OSError):  # told by then
            await reload.reload()

    def begin() -> None:
        task = asyncio.create_task(work(), name="a reload")
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, begin)


def _tell(document: object, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.json_response(document, status=status, dumps=lambda o: json.dumps(o, ensure_ascii=False))
