"""The forms that our pages send, read strictly: what no page of ours sends is refused, not guessed at."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from console.problem import Problem
from tickets.deciding import is_plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web


async def read_form(request: web.Request) -> Mapping[str, str]:
    """The fields of a form, as browsers send one without files; none when the body is something else.

    Raises Problem: 415 for another encoding than ours, 400 for text that is none.
    """
    # Another charset could bring half characters, which nothing can store; and no page of ours sends files.
    if request.content_type == "multipart/form-data" or (request.charset or "utf-8").lower() != "utf-8":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "格式不对", "请从页面上操作。")
    try:
        fields = await request.post()
    except UnicodeDecodeError as error:
        raise _refuse() from error
    form = {name: value for name, value in fields.items() if isinstance(value, str)}
    if not all(map(is_plain, (*form, *form.values()))):  # one could read as another; PostgreSQL stores no NUL
        raise _refuse()
    return form


def _refuse() -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "格式不对", "文字中有不可见字符,没有改动任何内容。")
