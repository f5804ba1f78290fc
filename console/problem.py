"""What goes wrong, told in Chinese: a page for a person who navigates, problem+json (RFC 9457) for a script."""

from __future__ import annotations

import json
import logging
import sqlite3
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError, SQLAlchemyError

from console.rendering import render

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

_log = logging.getLogger(__name__)

_RETRY_AFTER_S: Final = 10
_OUR_FAULTS: Final = (DataError, IntegrityError, ProgrammingError)
_STARTED: Final = web.RequestKey("STARTED", web.StreamResponse)
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
    """Turn a Problem, aiohttp's own refusals (404, 405, 413), and a database out of reach into an answer.

    It is one that the client understands; an answer that has begun by then is broken off.
    """
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
    except (SQLAlchemyError, OSError) as error:
        if not _is_database_away(request, error):
            raise
        resource = request.match_info.route.resource
        where = f"{request.method} {resource.canonical if resource else ''}"
        # A driver's own words may quote a citizen's.
        reason = type(error).__name__ if isinstance(error, SQLAlchemyError) else error
        _log.warning("the database is out of reach: %s: %s", where, reason)
        if _STARTED in request:
            if request.transport is not None:
                request.transport.close()  # or what was sent would seem to be all
            return request[_STARTED]
        return _respond(request, _tell_of_database(request))


async def note_start(request: web.Request, response: web.StreamResponse) -> None:
    """A signal of the application (``on_response_prepare``): from here on there is no other answer."""
    request[_STARTED] = response


def _is_database_away(request: web.Request, error: SQLAlchemyError | OSError) -> bool:
    if isinstance(error, ConnectionError) and (request.transport is None or request.transport.is_closing()):
        return False  # it is the client that has gone
    if isinstance(error, OSError):
        return error.filename is None  # else it is a call's file
    if getattr(getattr(error, "orig", None), "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:
        return False  # SQLite's word for a statement that is wrong; what it cannot open, or waits for, has its own
    return not isinstance(error, _OUR_FAULTS)


def _tell_of_database(request: web.Request) -> Problem:
    changes = request.method not in {"GET", "HEAD"}
    detail = "刚才的操作可能没有保存,请稍后重试。" if changes else "请稍后重试。"
    retry = {"Retry-After": str(_RETRY_AFTER_S)}
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "数据库暂时连不上", detail, retry)


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
