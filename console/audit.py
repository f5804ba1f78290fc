"""The audit trail: who did what to which call, when and from where. Rows are only ever added."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from console.keys import DATABASE, SESSION, VIEWS, address_of
from recordings.schema import audit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web
    from sqlalchemy.ext.asyncio import AsyncConnection

_LONGEST: Final = 500  # a name tried at the login may be anything


class Action(StrEnum):
    """What is recorded."""

    LOG_IN = "登录"
    FAIL = "登录失败"
    LOG_OUT = "退出"
    CHANGE_PASSWORD = "修改密码"  # noqa: S105 - the name of an action
    ADD_USER = "添加用户"
    GRANT = "授予身份"
    DISABLE_USER = "停用用户"
    ENABLE_USER = "启用用户"
    RESET_PASSWORD = "重置密码"  # noqa: S105 - likewise
    EXTENSION = "设置话机"
    ENROL = "开通动态码"
    END_FACTOR = "停用动态码"
    RESET_FACTOR = "重置动态码"
    CLAIM = "领取"
    RELEASE = "释放"
    ASSIGN = "转派"
    LIST = "查看列表"
    SEARCH = "查询"
    VIEW = "查看来电"
    OVERVIEW = "查看概览"
    NUMBER = "查看号码"
    CALL_BACK = "回电"
    DIAL = "回拨"
    PLAY = "播放"
    LISTEN = "旁听"
    EXPORT = "导出"
    EDIT = "编辑"
    TAKE_BACK = "撤回"
    ACKNOWLEDGE = "知悉热点"
    END_LOGIN = "结束登录"
    UNLOCK = "解除等待"
    DUTY_ON = "转人工"
    DUTY_OFF = "恢复语音接听"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row; ``subject`` is a call id, a user's name, a line, or ""."""

    id: int
    at: datetime
    user: str
    address: str
    action: str
    subject: str
    detail: str


async def record(
    connection: AsyncConnection,
    request: web.Request,
    action: Action,
    subject: str = "",
    detail: str = "",
    user: str = "",
) -> None:
    """Add a row, in the transaction of what it tells of. ``user``: when nobody is logged in."""
    if not user:
        user = request[SESSION].user
    await connection.execute(
        sa.insert(audit).values(
            at=datetime.now(UTC),
            user_name=user[:_LONGEST],
            address=address_of(request),
            action=action,
            subject=subject[:_LONGEST],
            detail=detail[:_LONGEST],
        )
    )


async def record_command(connection: AsyncConnection, action: Action, subject: str, detail: str = "") -> None:
    """Add a row of what was done by a command on the machine, in the transaction of it."""
    await connection.execute(
        sa.insert(audit).values(
            at=datetime.now(UTC),
            user_name="(命令)",
            address="",
            action=action,
            subject=subject,
            detail=detail,
        )
    )


async def record_view(
    request: web.Request, subject: str, action: Action = Action.VIEW, detail: str = ""
) -> None:
    """Note that somebody reads a call, or what ``detail`` says; once, however often his page asks for it anew."""
    if not request.app[VIEWS].begins(request[SESSION].token_sha256, subject or detail, at_start=False):
        return
    async with request.app[DATABASE].write() as connection:
        await record(connection, request, action, subject, detail)


async def read_entries(
    connection: AsyncConnection, *, user: str, action: str, subject: str, before: int, limit: int
) -> Sequence[Entry]:
    """Rows, newest first; "" and 0: no matter. ``before`` is the id of the last row of the page before."""
    query = sa.select(audit).order_by(audit.c.id.desc()).limit(limit)
    for column, value in ((audit.c.user_name, user), (audit.c.action, action), (audit.c.subject, subject)):
        if value:
            query = query.where(column == value)
    if before:
        query = query.where(audit.c.id < before)
    return [Entry(*row) for row in await connection.execute(query)]
