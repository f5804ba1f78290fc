"""Errors of the reference intake as problem+json (RFC 9457)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from http import HTTPStatus


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """Ends the request with this answer; ``errors`` name the single faults in the body."""

    def __init__(
        self, status: HTTPStatus, title: str, detail: str, errors: list[dict[str, str]] | None = None
    ) -> None:
        super().__init__(f"{title}: {detail}")
        self.status = status
        self.document: dict[str, Any] = {"title": title, "status": int(status), "detail": detail}
        if errors:
            self.document["errors"] = errors


@web.middleware
async def answer_problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn a Problem, and aiohttp's own refusals (404, 405, 413), into problem+json."""
    try:
        return await handler(request)
    except Problem as problem:
        return _respond(problem.document, problem.status, {})
    except web.HTTPError as error:
        allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return _respond({"title": error.reason, "status": error.status}, error.status, allowed)


def _respond(document: dict[str, Any], status: int, headers: dict[str, str]) -> web.Response:
    return web.Response(
        text=json.dumps(document, ensure_ascii=False),
        status=status,
        content_type="application/problem+json",
        headers=headers,
    )
