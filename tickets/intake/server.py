"""The reference intake's HTTP interface.

``POST /v1/tickets`` takes a ticket of schema version 1, signed after Standard Webhooks and carrying an
Idempotency-Key, and answers 201 (a new ticket) or 200 (a new revision) with a receipt. The same key with the
same body gets the same answer again, with another body 422. ``GET /v1/tickets`` (filters ``number``,
``call_id``, ``sip_call_id``, ``limit``) and ``GET /v1/tickets/{number}`` show what is held as JSON, ``GET /``
as a page. ``POST /v1/alerts`` takes an alert of schema version 1 in the same way, ``GET /v1/alerts`` (filters
``kind``, ``call_id``, ``limit``) shows each as its latest revision has it. Every error is problem+json (RFC 9457).

Reading needs no password: let it listen on the loopback address.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog
from aiohttp import web
from jsonschema import Draft202012Validator

from tickets import alert
from tickets.intake.page import SECURITY_HEADERS, render_page
from tickets.intake.problem import Problem, answer_problems
from tickets.intake.store import Conflict, Store
from tickets.number import is_valid
from tickets.signature import SignatureError, read_secret, verify
from tickets.ticket import SCHEMA_FILE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from jsonschema import ValidationError

    from tickets.intake.store import Answer

_BODY_BYTES: Final = 4 * 1024 * 1024
_KEY_CHARACTERS: Final = 255
_FAULTS_SHOWN: Final = 10
_PAGE_TICKETS: Final = 200
_LIST_DEFAULT: Final = 100
_LIST_MAX: Final = 1000
_TICKET_FILTERS: Final = ("number", "call_id", "sip_call_id")
_ALERT_FILTERS: Final = ("kind", "call_id")
_PAGE_ALERTS: Final = 20

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


@asynccontextmanager
async def serve(database: Path, secret: str, host: str, port: int) -> AsyncIterator[str]:
    """Run the intake; yields its base address, ``http://host:port``. Port 0 takes any free one.

    Raises OSError when the address is taken, sqlite3.Error when the file cannot be opened, ValueError for a
    bad secret.
    """
    store = Store(database)
    # One thread, for an SQLite connection knows only one transaction at a time.
    with ThreadPoolExecutor(1, "intake-store") as thread:
        runner = web.AppRunner(make_app(store, read_secret(secret), thread), access_log=None)
        try:
            await runner.setup()
            site = web.TCPSite(runner, host, port)
            await site.start()
            bound = runner.addresses[0]
            shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
            yield f"http://{shown}:{bound[1]}"
        finally:
            await runner.cleanup()
            await asyncio.get_running_loop().run_in_executor(thread, store.close)


def make_app(store: Store, key: bytes, thread: ThreadPoolExecutor) -> web.Application:
    """The application over ``store``, which is used in ``thread`` alone."""
    intake = _Intake(store, key, thread)
    app = web.Application(middlewares=[answer_problems], client_max_size=_BODY_BYTES)
    app.add_routes(
        [
            web.post("/v1/tickets", intake.take),
            web.get("/v1/tickets", intake.list),
            web.get("/v1/tickets/{number}", intake.show),
            web.post("/v1/alerts", intake.take_alert),
            web.get("/v1/alerts", intake.list_alerts),
            web.get("/", intake.page),
            web.get("/healthz", intake.health),
        ]
    )
    return app


class _Intake:
    def __init__(self, store: Store, key: bytes, thread: ThreadPoolExecutor) -> None:
        self._store = store
        self._key = key
        self._thread = thread
        self._tickets, self._alerts = _read_schema(SCHEMA_FILE), _read_schema(alert.SCHEMA_FILE)

    async def take(self, request: web.Request) -> web.Response:
        body, key = await self._open(request)
        ticket = _parse(request, body, self._tickets, "a ticket")
        if not is_valid(ticket["number"]):
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "not a ticket number", "the check digit is wrong")
        answer = await self._keep(partial(self._store.accept, key, body, ticket))
        _log.info(
            "revision taken",
            call_id=ticket["call"]["call_id"],
            number=ticket["number"],
            revision=ticket["revision"],
            replayed=answer.replayed,
        )
        return _answer(answer, {"Location": f"/v1/tickets/{ticket['number']}"})

    async def take_alert(self, request: web.Request) -> web.Response:
        body, key = await self._open(request)
        told = _parse(request, body, self._alerts, "an alert")
        answer = await self._keep(partial(self._store.accept_alert, key, body, told))
        _log.info("alert taken", id=told["id"], kind=told["kind"], replayed=answer.replayed)
        return _answer(answer, {})

    async def _open(self, request: web.Request) -> tuple[bytes, str]:
        """The body of a post that was signed with our secret, and its key."""
        body = await request.read()
        try:
            verify(self._key, request.headers, body, time.time())
        except SignatureError as error:
            raise Problem(HTTPStatus.UNAUTHORIZED, "signature not accepted", str(error)) from error
        key = request.headers.get("Idempotency-Key", "")
        if not 0 < len(key) <= _KEY_CHARACTERS:
            raise Problem(
                HTTPStatus.BAD_REQUEST, "Idempotency-Key missing or too long", "give 1 to 255 characters"
            )
        return body, key

    async def _keep(self, accept: Callable[[], Answer]) -> Answer:
        try:
            return await self._run(accept)
        except Conflict as error:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "already taken", str(error)) from error

    async def list(self, request: web.Request) -> web.Response:
        filters, limit = _read_query(request, _TICKET_FILTERS)
        found = await self._run(partial(self._store.list_tickets, **filters, limit=limit))
        return web.json_response({"tickets": found}, dumps=_dump)

    async def list_alerts(self, request: web.Request) -> web.Response:
        filters, limit = _read_query(request, _ALERT_FILTERS)
        found = await self._run(partial(self._store.list_alerts, **filters, limit=limit))
        return web.json_response({"alerts": found}, dumps=_dump)

    async def show(self, request: web.Request) -> web.Response:
        number = request.match_info["number"]
        found = await self._run(partial(self._store.list_tickets, number=number, limit=1))
        if not found:
            raise Problem(HTTPStatus.NOT_FOUND, "no such ticket", "there is no ticket of this number")
        return web.json_response(found[0], dumps=_dump)

    async def page(self, _request: web.Request) -> web.Response:
        tickets = await self._run(partial(self._store.list_tickets, limit=_PAGE_TICKETS))
        alerts = await self._run(partial(self._store.list_alerts, limit=_PAGE_ALERTS))
        text = render_page(tickets, await self._run(self._store.count), alerts)
        return web.Response(text=text, content_type="text/html", headers=SECURITY_HEADERS)

    async def health(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "tickets": await self._run(self._store.count)})

    async def _run(self, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            _log.error("store failed", error=str(error))
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "store failed", "what was posted was not kept"
            ) from error


def _read_schema(file: Path) -> Draft202012Validator:
    return Draft202012Validator(json.loads(file.read_text(encoding="utf-8")))


def _parse(request: web.Request, body: bytes, schema: Draft202012Validator, what: str) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not application/json", f"got {request.content_type}"
        )
    try:
        told = json.loads(body.decode())
        # What json.loads lets through beyond RFC 8259 and UTF-8: NaN, and halves of surrogate pairs.
        json.dumps(told, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, "not JSON", str(error)) from error
    faults = sorted(schema.iter_errors(told), key=lambda fault: fault.json_path)
    if faults:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"not {what} of schema version 1",
            f"{len(faults)} faults",
            [_describe(fault) for fault in faults[:_FAULTS_SHOWN]],
        )
    return told  # type: ignore[no-any-return]  # the schema says it is an object


def _read_query(request: web.Request, filters: tuple[str, ...]) -> tuple[dict[str, str], int]:
    """The filters, "" for one that is not given, and how many are asked for."""
    known = {*filters, "limit"}
    if set(request.query) - known:
        raise Problem(HTTPStatus.BAD_REQUEST, "unknown filter", f"known are {', '.join(sorted(known))}")
    given = request.query.get("limit", str(_LIST_DEFAULT))
    if not re.fullmatch("[0-9]{1,4}", given) or not 1 <= int(given) <= _LIST_MAX:
        raise Problem(HTTPStatus.BAD_REQUEST, "bad limit", f"limit is a number from 1 to {_LIST_MAX}")
    return {name: request.query.get(name, "") for name in filters}, int(given)


def _answer(answer: Answer, headers: dict[str, str]) -> web.Response:
    return web.json_response(
        {"number": answer.number, "status": answer.state, "accepted_at": answer.accepted_at},
        status=answer.status,
        dumps=_dump,
        headers=headers,
    )


def _describe(fault: ValidationError) -> dict[str, str]:
    path = "/" + "/".join(str(part) for part in fault.absolute_path)
    rule = str(fault.validator)
    if rule in {"required", "additionalProperties"}:
        return {"pointer": path, "rule": rule, "detail": fault.message}
    # Not the library's message, which quotes the value: it may be what a citizen said.
    return {"pointer": path, "rule": rule, "detail": f"must satisfy {_dump(fault.validator_value)[:200]}"}


def _dump(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False)
