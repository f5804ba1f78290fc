"""Whatever is sent to the page, it does not fail: requests made by schemathesis from the route table.

The table says which endpoints there are, this file what each of them takes. Sent are values of the right kinds and of
wrong ones: by an administrator on SQLite and on PostgreSQL; by a stranger, whom the door keeps from either, on SQLite.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import requests
import schemathesis
import sqlalchemy as sa
from argon2 import PasswordHasher
from callfolder import CallFolder, heard, silence, stated
from consoleserver import running_console
from hypothesis import HealthCheck, Phase, settings
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test

from console import passwords
from console.asking import ANY, list_counties
from console.audit import Action
from console.listing import Tab
from console.pages.review import _Deciding, _Saving
from console.periods import PERIODS
from console.policy import Policy, Role
from console.routes import ROUTES
from console.sessions import find_session, open_session, tell_end
from console.users import set_active
from recordings.callbacks import Result
from recordings.database import open_database
from recordings.schema import tickets
from recordings.users import users
from recordings.worklist import State
from tickets.filing import file_call
from tickets.number import NumberBook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consoleserver import Console
    from schemathesis import APIOperation, Case

    from console.sessions import Session

CALLS = tuple(f"20260701T08300{n}-{n:08x}" for n in range(4))
ENDLESS = {("GET", "/live/events"), ("GET", "/events")}
EXAMPLES = 10
TEXT = {"type": "string"}
DAY = {"type": "string", "format": "date"}


def one_of(*values: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


def describe_parameters(numbers: list[str]) -> dict[str, dict[str, Any]]:
    return {
        "call_id": one_of(*CALLS, "20990101T000000-00000000"),
        "number": one_of(*numbers, "263280700099"),
        "surge": one_of("1", "0", "９", "99999999999999999999"),
        "name": one_of("同事", "管理", "没有这个人", "console.js"),
    }


QUERIES: dict[tuple[str, str], dict[str, Any]] = {
    ("GET", "/next"): {"tab": one_of(*Tab, ""), "q": one_of("漏雨"), "besides": one_of(*CALLS, "")},
    ("GET", "/"): {
        "tab": one_of(*Tab, ""),
        "state": one_of(*State, ANY),
        "hotline": one_of("12345", "12333", ""),
        "county": one_of(*list_counties()),
        "category": one_of("城乡建设", "没有这一类", ""),
        "hour": {"type": "integer", "minimum": 0, "maximum": 23},
        "came": one_of("", "1"),
        "since": DAY,
        "until": DAY,
        "q": one_of("漏雨", "雨", "漏雨 停水"),
        "behind": {"type": "string", "pattern": r"^[0-9]\.[0-9]{8}T[0-9]{6}-[0-9a-f]{8}$"},
    },
    **{
        ("GET", f"/overview{part}"): {
            "period": one_of(*PERIODS),
            "since": DAY,
            "until": DAY,
            "hotline": one_of("12345", "12333", ""),
        }
        for part in ("", "/words", "/csv")
    },
    ("GET", "/overview/map"): {"v": TEXT},
    ("GET", "/surges"): {"hours": one_of("3", "24", "168")},
    ("GET", "/login"): {"next": one_of("/", "//192.0.2.1/", "/calls/x")},
    ("GET", "/static/{name}"): {"v": TEXT},
    ("GET", "/audit"): {
        "user": one_of("同事", "管理"),
        "action": one_of(*Action),
        "subject": one_of(*CALLS),
        "before": {"type": "integer", "minimum": 0},
    },
}
FORMS: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/login"): {"name": one_of("同事", "管理"), "password": TEXT, "next": one_of("/")},
    ("POST", "/logout"): {},
    ("POST", "/next"): {
        "hotline": one_of("12345", ""),
        "county": one_of(*list_counties()),
        "besides": one_of(*CALLS, ""),
        "since": DAY,
        "behind": TEXT,
    },
    ("POST", "/surges/{surge}/seen"): {},
    ("POST", "/stay"): {},
    ("POST", "/calls/{call_id}/claim"): {},
    ("POST", "/calls/{call_id}/assign"): {"to": one_of("同事", "没有这个人", "")},
    ("POST", "/calls/{call_id}/call-back"): {"result": one_of(*Result), "note": TEXT},
    ("POST", "/calls/{call_id}/dial"): {},
    ("POST", "/account/extension"): {"extension": TEXT},
    ("POST", "/users/{name}/extension"): {"extension": TEXT},
    ("POST", "/calls/{call_id}/release"): {},
    ("POST", "/calls/{call_id}/tickets/{number}/take-back"): {},
    ("POST", "/duty"): {
        "line": one_of("12345", ""),
        "until": one_of("", "2099-01-01T08:00", "18:00"),
        "why": TEXT,
    },
    ("POST", "/duty/off"): {"line": one_of("12345", "")},
    ("POST", "/account"): {"old": one_of("no password"), "new": TEXT, "again": TEXT},
    ("POST", "/login/code"): {"code": one_of("123456", "AAAA-BBBB"), "next": TEXT},
    ("POST", "/account/factor"): {
        "do": one_of("begin", "confirm", "codes", "end"),
        "password": one_of("no password"),
        "code": TEXT,
    },
    ("POST", "/users/{name}/factor"): {},
    ("POST", "/account/logins"): {"login": one_of("0123456789abcdef", "")},
    ("POST", "/logins/end"): {"login": one_of("0123456789abcdef", "")},
    ("POST", "/logins/unlock"): {"name": one_of("同事", ""), "address": one_of("127.0.0.1", "")},
    ("POST", "/users"): {
        "name": one_of("新人", "同事"),
        "password": one_of("another good password"),
        "role": one_of(*Role),
    },
    ("POST", "/users/{name}/active"): {"active": one_of("1", "")},
    ("POST", "/users/{name}/roles"): {role: one_of("1", "") for role in Role},
    ("POST", "/users/{name}/password"): {"password": one_of("another good password")},
}
DOCUMENTS = {
    ("PUT", "/calls/{call_id}/worksheet"): _Saving,
    ("POST", "/calls/{call_id}/tickets/{number}/decision"): _Deciding,
}


def describe(numbers: list[str]) -> dict[str, Any]:
    """The page as an OpenAPI document."""
    parts, schemas = describe_parameters(numbers), {}
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for route in ROUTES:
        key = (route.method, route.path)
        if key in ENDLESS:
            continue
        parameters = [
            {"name": name, "in": "path", "required": True, "schema": schema}
            for name, schema in parts.items()
            if f"{{{name}}}" in route.path
        ]
        parameters += [
            {"name": name, "in": "query", "schema": schema} for name, schema in QUERIES.get(key, {}).items()
        ]
        operation: dict[str, Any] = {
            "parameters": parameters,
            "responses": {"default": {"description": "any"}},
        }
        if key in DOCUMENTS:
            schema = DOCUMENTS[key].model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= schema.pop("$defs", {})
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        elif key in FORMS:
            form = {"type": "object", "properties": FORMS[key], "required": list(FORMS[key])}
            body = {"application/x-www-form-urlencoded": {"schema": form}}
            operation["requestBody"] = {"required": True, "content": body}
        paths[route.path][route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "hotline console", "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def test_what_each_endpoint_takes_is_described():
    assert {*FORMS, *DOCUMENTS} == {(r.method, r.path) for r in ROUTES if r.method != "GET"}
    asked = sum(len(methods) for methods in describe([])["paths"].values())
    assert asked == len(ROUTES) - len(ENDLESS)


async def file_calls(url: str, data: Path) -> list[str]:
    """Calls to ask for; their ticket numbers."""
    db, book = open_database(url), NumberBook(data / "numbers", 1)
    try:
        for call_id in CALLS:
            phrase = heard("颍上县慎城镇房子漏雨", 1.0, 3.0)
            call = CallFolder(data, call_id).begin().hear(phrase)
            call.state(stated(0, phrase, until=3.5, complete=True)).record(silence(4)).hang_up(seconds=4.0)
            await file_call(db, book, call.folder)
        async with db.read() as connection:
            return list(await connection.scalars(sa.select(tickets.c.number).order_by(tickets.c.number)))
    finally:
        await db.close()


@pytest.fixture
def page(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Console, list[str]]]:
    """The page, with passwords that cost next to nothing, and the numbers of the tickets it shows."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    with ThreadPoolExecutor(1) as thread:  # this one may have Playwright's own loop
        numbers = thread.submit(asyncio.run, file_calls(database_url, tmp_path)).result()
    with running_console(database_url, tmp_path, {"12345": "政务服务便民热线"}) as console:
        console.add_user("管理", Role.SECURITY, founder=True)
        console.add_user("同事", Role.AGENT)
        yield console, numbers


class Administrator:
    """Sends requests as an administrator, who is logged in again whenever one of them has logged him out."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.answered: dict[str, Counter[int]] = defaultdict(Counter)
        self._session: Session | None = None
        self._token = ""
        self._may_be_over = True

    def send(self, http: requests.Session, case: Case) -> requests.Response:
        if self._may_be_over and not (self._session and self._console.do(self._is_open())):
            self._session = self._console.do(self._begin())
        assert self._session
        self._may_be_over = case.method not in {"GET", "HEAD", "OPTIONS", "TRACE"}
        cookies, headers = {"hotline-session": self._token}, {"X-CSRF-Token": self._session.csrf}
        return case.call(self._console.address, session=http, cookies=cookies, headers=headers)

    async def _is_open(self) -> bool:
        assert self._session
        return bool(await tell_end(self._console.db, self._session, datetime.now(UTC), Policy()))

    async def _begin(self) -> Session | None:
        db, now = self._console.db, datetime.now(UTC)
        async with db.write() as connection:
            # He may have disabled himself, once there was another, or set himself a password to be changed.
            await set_active(connection, "管理", active=True)
            await connection.execute(sa.update(users).values(must_change=False))
        self._token = await open_session(db, "管理", now, Policy())
        return await find_session(db, self._token, now, Policy())


class Stranger:
    """Sends requests with no session, but the token of the login's form."""

    def __init__(self, console: Console) -> None:
        self.answered: dict[str, Counter[int]] = defaultdict(Counter)
        self._address = console.address
        self._token = requests.get(f"{console.address}login", timeout=10).cookies["hotline-visitor"]

    def send(self, http: requests.Session, case: Case) -> requests.Response:
        cookies, headers = {"hotline-visitor": self._token}, {"X-CSRF-Token": self._token}
        return case.call(self._address, session=http, cookies=cookies, headers=headers)


def test_nothing_that_is_sent_is_a_fault_of_ours(page: tuple[Console, list[str]], database_url: str) -> None:
    console, numbers = page
    administrator, stranger = Administrator(console), Stranger(console)
    beside = (stranger,) if database_url.startswith("sqlite") else ()
    for found in schemathesis.openapi.from_dict(describe(numbers)).get_all_operations():
        send_much(found.ok(), (administrator, *beside))
    print({label: dict(statuses) for label, statuses in administrator.answered.items()})
    assert all(set(sender.answered) == set(administrator.answered) for sender in beside)
    assert len(administrator.answered) == len(ROUTES) - len(ENDLESS)
    # It was not all refused at the door,
    assert all(set(statuses) - {401, 403, 405} for statuses in administrator.answered.values())
    assert sum(statuses[200] for statuses in administrator.answered.values()) > len(ROUTES)
    # which a stranger does not pass.
    private = {f"{route.method} {route.path}" for route in ROUTES if route.right} & set(stranger.answered)
    assert all(set(stranger.answered[label]) <= {303, 401, 404, 405} for label in private)


def send_much(operation: APIOperation, senders: tuple[Administrator | Stranger, ...]) -> None:
    """What lies at the edges of what the operation takes, and a few cases by chance."""

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def attempt(case: Case) -> None:
        for sender in senders:
            with requests.Session() as http:
                http.trust_env = False  # it would look for proxies and a .netrc each time
                answer = sender.send(http, case)
            sender.answered[operation.label][answer.status_code] += 1
            assert answer.status_code < 500, case.as_curl_command()

    modes = [HypothesisTestMode.COVERAGE, HypothesisTestMode.FUZZING]
    plan = HypothesisTestConfig(project=operation.schema.config, modes=modes)
    create_test(operation=operation, test_func=attempt, config=plan)()
