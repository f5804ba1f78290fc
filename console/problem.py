"""What goes wrong, told in Chinese: a page for a person who navigates, problem+json (RFC 9457) for a script."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from console.rendering import render

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_TITLES: Final = {
    HTTPStatus.NOT_FOUND: ("没有这个页面", "地址可能已经变了,请从工作列表进入。"),
    HTTPStatus.METHOD_NOT_ALLOWED: ("不能这样操作", "请从页面上的按钮操作。"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("内容太长", "请缩短后再提交。"),
}


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """Ends the request with this answer; ``title`` and ``detail`` are shown to the agent."""

    def __init__(
        self, status: HTTPStatus, title: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{title}: {detail}")
        self.status, self.title, self.detail, self.headers = status, title, detail, dict(headers or {})


@web.middleware
async def answer_problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn a Problem, and aiohttp's own refusals (404, 405, 413), into an answer the client understands."""
    try:
        return await handler(request)
    except Problem as problem:
        return _respond(request, problem)
    except web.RequestPayloadError:  # a body that is not what its headers say
        return _respond(request, Problem(HTTPStatus.BAD_REQUEST, "格式不对", "请从页面上操作。"))
    except web.HTTPError as error:
        status = HTTPStatus(error.status)
        title, detail = _TITLES.get(status, (status.phrase, "请返回后重试。"))
        allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return _respond(request, Problem(status, title, detail, allowed))


def is_navigation(request: web.Request) -> bool:
    """Whether a person is going to a page, and not a script fetching a part of one."""
    return "HX-Request" not in request.headers and "text/html" in request.headers.get("Accept", "")


def _respond(request: web.Request, problem: Problem) -> web.Response:
    if is_navigation(request):
        response = render(request, "problem.html", {"problem": problem}, status=problem.status)
        response.headers.update(problem.headers)
        return response
    document: dict[str, Any] = {
        "title": problem.title,
        "status": int(problem.status),
        "detail": problem.detail,
    }
    return web.Response(
        text=json.dumps(document, ensure_ascii=False),
        status=problem.status,
        content_type="application/problem+json",
        headers=problem.headers,
    )
