"""The review of a call: the page, its document, saving unfinished edits, and deciding."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar, get_args

import sqlalchemy as sa
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from console import audit
from console.audit import Action
from console.claims import claim, find_claim, release
from console.keys import ANONYMOUS, CATEGORIES, DATA, DATABASE, HOTLINES, POLICY, RUN, session_of
from console.masking import mask_text
from console.pages.dialling import describe
from console.pages.worklist import list_able
from console.policy import Right
from console.problem import Problem
from console.rendering import render
from console.sheets import compose_sheet
from ivr.matter import AppealType
from recordings.callbacks import Result, owes, read_attempts
from recordings.schema import calls, worklist
from recordings.worklist import State, is_open
from tickets import worksheet
from tickets.bell import wake
from tickets.decisions import ReviewRefused, count_decided, decide, take_back
from tickets.gazetteer import open_gazetteer
from tickets.review import Decision, Sheet
from tickets.story import tell_story
from tickets.worksheet import Edits, WorksheetMoved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.ext.asyncio import AsyncConnection

_FAULTS_SHOWN: Final = 5
_NAMES: Final = {
    "type": "诉求类型",
    "title": "标题",
    "content": "诉求内容",
    "category_1": "一级分类",
    "category_2": "二级分类",
    "category_3": "三级分类",
    "urgency": "紧急程度",
    "county": "区县",
    "township": "乡镇街道",
    "village": "村社区",
    "address": "详细地址",
    "contact": "联系电话",
    "confidential": "保密",
    "repeats": "重复诉求",
    "corrections": "转写文字",
    "reason": "退回原因",
}
_FAULTS: Final = {
    "string_too_short": "不能为空",
    "string_too_long": "太长",
    "too_short": "不能为空",
    "too_long": "太长",
    "string_pattern_mismatch": "格式不对",
    "literal_error": "不在可选范围内",
    "missing": "没有填写",
}

_Body = TypeVar("_Body", bound=BaseModel)


class _Saving(BaseModel):
    """Unfinished edits, saved over ``version`` of the sheet."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=0, lt=2**31 - 1)]  # the next one is kept in 32 bits
    edits: Edits


class _Deciding(BaseModel):
    """A decision about the ticket as it stood at revision ``base``."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["accepted", "returned"]
    base: Annotated[int, Field(ge=1, lt=2**31)]
    sheet: Sheet


async def show(request: web.Request) -> web.Response:
    """The page; it asks for the call's document by itself. 404 when there is no such call."""
    call_id = request.match_info["call_id"]
    if not await _is_known(request, call_id):
        raise _unknown(call_id)
    gazetteer = open_gazetteer()
    townships: dict[str, list[str]] = {county: [] for county in gazetteer.codes}
    for township, county in gazetteer.township_counties.items():
        townships[county].append(township)
    context = {
        "call_id": call_id,
        "types": get_args(AppealType),
        "choices": {"townships": townships, "categories": request.app[CATEGORIES]},
        "results": list(Result),
        "agents": [],
    }
    if session_of(request).may(Right.LEAD):
        context["agents"] = await list_able(request, call_id)
    return render(request, "review.html", context)


async def show_sheet(request: web.Request) -> web.Response:
    """The call's document; see ``console.sheets``."""
    call_id = request.match_info["call_id"]
    db, user = request.app[DATABASE], session_of(request).user
    masked = not session_of(request).may(Right.NUMBERS)
    sheet = await compose_sheet(
        db, request.app[DATA], call_id, request.app[HOTLINES](), masked=masked, user=user
    )
    if sheet is None:
        raise _unknown(call_id)
    await audit.record_view(request, call_id)
    now = datetime.now(UTC)
    async with db.read() as connection:
        shift = await _count_shift(connection, request, now)
        held = await find_claim(connection, call_id, now)
        attempts = await read_attempts(connection, call_id)
        owed = await owes(connection, call_id, now)
        dialled = await describe(connection, request, call_id)
        missed = await connection.scalar(sa.select(worklist.c.missed).where(worklist.c.call_id == call_id))
    claim_ = {"user": held.user, "mine": held.user == user} if held else None
    hide = mask_text if masked else str
    tries = [
        {"at": a.at.isoformat(), "agent": a.agent, "result": a.result, "note": hide(a.note)} for a in attempts
    ]
    call_back = {"owed": owed, "attempts": tries, "why": missed or "", "dial": dialled}
    return _answer({**sheet, "claim": claim_, "call_back": call_back, "shift": shift})


async def _count_shift(connection: AsyncConnection, request: web.Request, now: datetime) -> dict[str, Any]:
    """How many tickets he who asks has decided on in this shift, and how many calls wait that he may know of."""
    session = session_of(request)
    began = request.app[POLICY].find_shift(now)
    hidden = () if session.may(Right.AID) else request.app[ANONYMOUS]
    waiting = sa.select(sa.func.count()).where(
        worklist.c.state == State.OPEN, worklist.c.hotline.not_in(hidden)
    )
    return {
        "began": began.isoformat(),
        "reviewed": await count_decided(connection, session.user, began),
        "waiting": await connection.scalar(waiting),
    }


def _unknown(call_id: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "没有这通电话", f"没有编号为 {call_id[:40]} 的通话。")


async def _is_known(request: web.Request, call_id: str) -> bool:
    """Whether the call is on file, or still goes on."""
    async with request.app[DATABASE].read() as connection:
        if await connection.scalar(sa.select(calls.c.call_id).where(calls.c.call_id == call_id)):
            return True
    return await tell_story(request.app[DATABASE], request.app[DATA], call_id) is not None


async def save(request: web.Request) -> web.Response:
    """Keep unfinished edits; 409 when they were saved elsewhere since."""
    await _refuse_others(request)
    body = await _read(request, _Saving)
    call_id, now = request.match_info["call_id"], datetime.now(UTC)
    async with request.app[DATABASE].write() as connection:
        await _require_claim(connection, request, call_id, now)
        with _refusing("草稿没有存上"):
            version = await worksheet.save(
                connection, call_id, body.version, session_of(request).user, body.edits, now
            )
    return _answer({"version": version})


async def conclude(request: web.Request) -> web.Response:
    """Accept a ticket or send it back: a revision on its way to the intake; 409 when there is a newer one."""
    await _refuse_others(request)
    body = await _read(request, _Deciding)
    call_id, number = request.match_info["call_id"], request.match_info["number"]
    user, now = session_of(request).user, datetime.now(UTC)
    urgent = body.sheet.fields.urgency == "特急"  # which waits for nothing
    hold = timedelta() if urgent else request.app[POLICY].take_back
    async with request.app[DATABASE].write() as connection:
        await _require_claim(connection, request, call_id, now)
        with _refusing("没有提交"):
            revision = await decide(
                connection, call_id, number, body.base, user, body.decision, body.sheet, now, hold
            )
            version = await worksheet.clear(connection, call_id, number, now)
        await audit.record(connection, request, Action.EDIT, call_id, _tell(number, revision, body.decision))
        if not await is_open(connection, call_id):
            await release(connection, call_id, user)  # its work is done: others may look at it
    wake(request.app[RUN])
    return _answer({"revision": revision, "version": version, "hold_s": hold.total_seconds()})


async def undo(request: web.Request) -> web.Response:
    """Take one's decision back, which is unfinished work then; 409 once its revision may be at the intake."""
    await _refuse_others(request)
    call_id, number = request.match_info["call_id"], request.match_info["number"]
    user, now = session_of(request).user, datetime.now(UTC)
    async with request.app[DATABASE].write() as connection:
        await _require_claim(connection, request, call_id, now)
        with _refusing("没有撤回"):
            revision = await take_back(connection, call_id, number, user, now)
        detail = f"撤回对工单 {number} 的决定,仍是第 {revision} 版"
        await audit.record(connection, request, Action.TAKE_BACK, call_id, detail)
    return _answer({"revision": revision})


@contextmanager
def _refusing(title: str) -> Iterator[None]:
    """What was done elsewhere meanwhile is no fault of ours: 409, with what to do."""
    try:
        yield
    except (ReviewRefused, WorksheetMoved) as error:
        raise Problem(HTTPStatus.CONFLICT, title, str(error)) from error


async def _refuse_others(request: web.Request) -> None:
    """Before anything else is looked at: 409 when another agent works on the call."""
    async with request.app[DATABASE].read() as connection:
        held = await find_claim(connection, request.match_info["call_id"], datetime.now(UTC))
    if held and held.user != session_of(request).user:
        raise _taken(held.user)


def _taken(user: str) -> Problem:
    return Problem(HTTPStatus.CONFLICT, "已被领取", f"{user} 正在处理这个来电,您的修改没有存上。")


async def _require_claim(
    connection: AsyncConnection, request: web.Request, call_id: str, now: datetime
) -> None:
    """Keep the user's claim on the call, or take it when nobody has it; 409 when another agent does."""
    user = session_of(request).user
    held = await claim(connection, call_id, user, now)
    if held is None:
        raise Problem(HTTPStatus.NOT_FOUND, "没有可审核的来电", "这个来电不存在,还在进行,或没有工单。")
    if held.user != user:
        raise _taken(held.user)
    if held.claimed_at == now:
        await audit.record(connection, request, Action.CLAIM, call_id)


def _tell(number: str, revision: int, decision: Decision) -> str:
    return f"{'接受' if decision == 'accepted' else '退回'}工单 {number},第 {revision} 版"


async def _read(request: web.Request, model: type[_Body]) -> _Body:
    """The request's JSON body; its faults told by the fields' names on the page, never by their values."""
    if request.content_type != "application/json":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "格式不对", "请从页面上操作。")
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        told = [_tell_fault(fault) for fault in error.errors(include_input=False, include_url=False)]
        text = ";".join(dict.fromkeys(told[:_FAULTS_SHOWN])) + "。没有提交,您的修改仍在。"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "请先改正", text) from error


def _tell_fault(fault: Any) -> str:
    name = next((_NAMES[part] for part in reversed(fault["loc"]) if part in _NAMES), "内容")
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    return f"{name}{_FAULTS.get(fault['type'], '不符合要求')}"


def _answer(document: Any) -> web.Response:
    return web.json_response(text=json.dumps(document, ensure_ascii=False))
