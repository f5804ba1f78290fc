"""Call-backs of the intake, taken by the worker: a ticket's status has changed (处理状态).

``POST /v1/status``, signed after Standard Webhooks with a secret of its own, is answered 201, and 200 when the same
message comes again. What is not ours, was changed on the way, is old, or comes under a message id that was another's,
is refused as problem+json (RFC 9457). Documented in docs/intake-api.yaml.
"""

# No `from __future__ import annotations` here: pydantic reads the annotations at run time.

import asyncio
import hashlib
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import sqlalchemy as sa
import structlog
from aiohttp import web
from pydantic import Field, ValidationError

from recordings.database import Database, insert
from recordings.progress import status_changes
from recordings.schema import tickets
from tickets import metrics
from tickets.intake.problem import Problem, answer_problems
from tickets.parts import Part, Timestamp
from tickets.signature import ID, SignatureError, read_secret, verify

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

PATH: Final = "/v1/status"

_BODY_BYTES: Final = 64 * 1024
_ID_CHARACTERS: Final = 255
_WHOLE_S: Final = 10.0
_CONNECTED_S: Final = 20.0
_RETRY_AFTER_S: Final = 5
_AHEAD: Final = timedelta(minutes=5)  # that the intake's clock may be

_log = structlog.get_logger(__name__)


class StatusChange(Part):
    """What the intake tells of a ticket that it has accepted."""

    version: Literal[1]
    number: Annotated[str, Field(pattern=r"^[0-9]{12,}$")]
    """工单编号, as it was posted."""
    status: Literal["受理", "派单", "处置", "回访", "结案"]
    """处理状态."""
    at: Timestamp
    """Since when: of two messages the one with the later moment counts, in whatever order they come.

    One that is ahead of this machine's clock by more than five minutes is kept as that of its receipt: no message that
    comes after would count any more."""
    unit: Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]*$")] = ""
    """主办单位."""
    note: Annotated[
        str, Field(max_length=2000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]*$")
    ] = ""
    """答复: what the caller may be told of the outcome by who knows his query code."""


@asynccontextmanager
async def listen(
    db: Database, secret: str, host: str, port: int, tls: "ssl.SSLContext | None" = None
) -> "AsyncIterator[str]":
    """Take call-backs until the block is left; yields the address of ``PATH``. Port 0 takes any free one.

    Who sends nothing whole within some seconds is disconnected: this process has tickets to post, and sockets are few.
    Raises ValueError for a bad secret, OSError when the address is taken.
    """
    app = web.Application(middlewares=[_part, answer_problems], client_max_size=_BODY_BYTES)
    app.router.add_post(PATH, _Door(db, read_secret(secret)).take)
    runner = web.AppRunner(app, access_log=None, lingering_time=1.0)
    closing: asyncio.Task[None] | None = None
    try:
        await runner.setup()
        closing = asyncio.create_task(_close_old(runner))
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        yield f"http{'s' if tls else ''}://{host}:{runner.addresses[0][1]}{PATH}"
    finally:
        if closing is not None:
            closing.cancel()
        await runner.cleanup()


@web.middleware
async def _part(
    request: web.Request, handler: "Callable[[web.Request], Awaitable[web.StreamResponse]]"
) -> web.StreamResponse:
    """One message a connection: none is ended in another's midst."""
    response = await handler(request)
    response.force_close()
    return response


async def _close_old(runner: web.AppRunner) -> None:
    """End connections that are once or twice that old: a message takes a moment, and comes again unless answered."""
    old: set[web.RequestHandler] = set()
    while runner.server is not None:
        await asyncio.sleep(_CONNECTED_S)
        there = set(runner.server.connections)
        for connection in old & there:
            connection.force_close()
        old = there


class _Door:
    def __init__(self, db: Database, key: bytes) -> None:
        self._db = db
        self._key = key

    async def take(self, request: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(_WHOLE_S):
                body = await request.read()
        except TimeoutError:
            detail = f"the message did not come whole within {_WHOLE_S:g} s"
            raise Problem(HTTPStatus.REQUEST_TIMEOUT, "too slow", detail) from None
        try:
            verify(self._key, request.headers, body, time.time())
        except SignatureError as error:
            metrics.CALL_BACKS.labels("refused").inc()
            raise Problem(HTTPStatus.UNAUTHORIZED, "signature not accepted", str(error)) from error
        message = request.headers[ID]
        if len(message) > _ID_CHARACTERS or not message.isascii():
            raise Problem(
                HTTPStatus.BAD_REQUEST, "no webhook-id", f"give 1 to {_ID_CHARACTERS} characters of ASCII"
            )
        if request.content_type != "application/json":
            raise Problem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not application/json", f"got {request.content_type}"
            )
        try:
            change = StatusChange.model_validate_json(body)
        except ValidationError as error:
            metrics.CALL_BACKS.labels("refused").inc()
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "no status of version 1",
                f"{error.error_count()} faults",
                _tell(error),
            ) from error
        ahead = change.at > datetime.now(UTC) + _AHEAD
        if ahead:
            change = change.model_copy(update={"at": datetime.now(UTC)})
        try:
            new = await self._keep(message, hashlib.sha256(body).hexdigest(), change)
        except (sa.exc.SQLAlchemyError, OSError) as error:
            _log.error("a call-back cannot be kept", error=type(error).__name__)
            return _later()
        metrics.CALL_BACKS.labels("taken" if new else "repeated").inc()
        _log.info("status changed", number=change.number, status=change.status, repeated=not new)
        answer = {"number": change.number, "status": change.status}
        if ahead:
            _log.warning("a status of the future, kept as of now: compare the clocks", number=change.number)
            answer["detail"] = "at lies more than 5 minutes ahead of this clock: kept as of receipt"
        return web.json_response(answer, status=HTTPStatus.CREATED if new else HTTPStatus.OK)

    async def _keep(self, message: str, digest: str, change: StatusChange) -> bool:
        """Write it down; whether it was new. Raises Problem."""
        row: dict[str, Any] = {
            "id": message,
            **change.model_dump(exclude={"version"}),
            "body_sha256": digest,
            "received_at": datetime.now(UTC),
        }
        async with self._db.write() as connection:
            known = await connection.scalar(sa.select(sa.exists().where(tickets.c.number == change.number)))
            if not known:
                raise Problem(
                    HTTPStatus.NOT_FOUND, "no such ticket", "no ticket of this number was posted from here"
                )
            written = await connection.execute(
                insert(connection, status_changes).values(row).on_conflict_do_nothing()
            )
            if written.rowcount:
                return True
            held = sa.select(status_changes.c.body_sha256).where(status_changes.c.id == message)
            if await connection.scalar(held) != digest:
                raise Problem(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    "already taken",
                    "this webhook-id came before with another body",
                )
        return False


def _tell(error: ValidationError) -> list[dict[str, str]]:
    """Where the faults are; not what stands there."""
    return [
        {
            "pointer": "/" + "/".join(str(part) for part in fault["loc"]),
            "rule": fault["type"],
            "detail": fault["msg"],
        }
        for fault in error.errors(include_url=False, include_input=False, include_context=False)[:10]
    ]


def _later() -> web.Response:
    return web.json_response(
        {"title": "cannot be kept now", "status": int(HTTPStatus.SERVICE_UNAVAILABLE)},
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        content_type="application/problem+json",
        headers={"Retry-After": str(_RETRY_AFTER_S)},
    )
