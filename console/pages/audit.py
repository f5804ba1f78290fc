"""The audit trail, for administrators: newest first, by user or by what it was done to."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from console.audit import Action, read_entries
from console.keys import DATABASE
from console.problem import Problem
from console.rendering import render

if TYPE_CHECKING:
    from aiohttp import web

_PAGE: Final = 100


async def show(request: web.Request) -> web.StreamResponse:
    """A page of it; the address holds the filters and where the page before ended."""
    asked = {name: request.query.get(name, "").strip() for name in ("user", "action", "subject")}
    before = request.query.get("before", "")
    if not re.fullmatch("[0-9]{0,18}", before) or (asked["action"] and asked["action"] not in list(Action)):
        raise Problem(HTTPStatus.BAD_REQUEST, "筛选条件不对", "请重新选择。")
    async with request.app[DATABASE].read() as connection:
        entries = await read_entries(connection, **asked, before=int(before or 0), limit=_PAGE + 1)
    more = ""
    if len(entries) > _PAGE:
        kept = {name: value for name, value in asked.items() if value}
        more = "/audit?" + urlencode({**kept, "before": entries[_PAGE - 1].id})
    context = {"entries": entries[:_PAGE], "more": more, "actions": list(Action), **asked}
    return render(request, "audit.html", context)
