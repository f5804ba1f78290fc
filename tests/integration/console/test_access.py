"""Every endpoint of the route table × who asks × whose object it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from yarl import URL

from console.app import make_app
from console.claims import claim
from console.policy import Policy, Role
from console.routes import ROUTES
from recordings import folders, schema
from recordings.matters import surges

SAFE = {"GET"}
FRESH = "another good password"
WATCHED = (
    schema.users,
    schema.sessions,
    schema.claims,
    schema.worksheets,
    schema.tickets,
    schema.reviews,
    schema.outbox,
    schema.audit,
    surges,
)
FIELDS = {
    "type": "求助",
    "title": "房子漏雨",
    "content": "房子漏雨",
    "category_1": "城乡建设",
    "category_2": "",
    "category_3": "",
    "urgency": "一般",
    "county": "",
    "township": "",
    "village": "",
    "address": "来电人没有说明",
    "contact": "",
    "confidential": False,
}
DECISION = {"decision": "accepted", "base": 1, "sheet": {"fields": FIELDS}}


def name_of(route) -> str:
    return f"{route.method} {route.path}"


async def snapshot(site) -> list[list[str]]:
    """Everything that a request may change."""
    async with site.db.read() as connection:
        return [sorted(map(str, await connection.execute(sa.select(table)))) for table in WATCHED]


async def number_of(site, call_id: str) -> str:
    async with site.db.read() as connection:
        query = sa.select(schema.tickets.c.number).where(schema.tickets.c.call_id == call_id)
        return (await connection.execute(query)).scalar_one()


async def hold(site, call_id: str, who: str) -> None:
    async with site.db.write() as connection:
        await connection.execute(schema.claims.delete())
        await claim(connection, call_id, who, datetime.now(UTC))


def fill(route, call_id: str, number: str, name: str) -> str:
    path = route.path.replace("{call_id}", call_id).replace("{number}", number)
    path = path.replace("{surge}", "1")
    return path.replace("/static/{name}", "/static/console.css").replace("{name}", name)


async def enter_surge(site) -> None:
    """The one that the paths name."""
    now = datetime.now(UTC)
    told = {"topic": "停水", "county": "颍州区", "township": "清河街道", "reason": "3小时内4件,平时约0.1件"}
    times = dict.fromkeys(("began_at", "last_at", "found_at"), now)
    async with site.db.write() as connection:
        await connection.execute(surges.insert().values(id=1, count=4, expected=0.1, **told, **times))


def body_of(route) -> dict[str, object]:
    """What a page of ours sends there."""
    if route.path.endswith("/worksheet"):
        return {"json": {"version": 0, "edits": {"tickets": {}}}}
    if route.path.endswith("/decision"):
        return {"json": DECISION}
    form = {
        "/login": {"name": "同事", "password": "not this one, sorry"},
        "/account": {"old": "not this one, sorry", "new": FRESH, "again": FRESH},
        "/users": {"name": "新人", "password": FRESH, "role": "坐席"},
        "/users/{name}/active": {"active": ""},
        "/calls/{call_id}/assign": {"to": "我"},
        "/calls/{call_id}/call-back": {"result": "已接通"},
        "/users/{name}/password": {"password": FRESH},
    }
    return {"data": form.get(route.path, {})}


def test_nothing_is_reachable_that_is_not_in_the_table(database, tmp_path):
    app = make_app(database, Policy(), dict, (), tmp_path, tmp_path, ())
    reachable = {(route.method, route.resource.canonical) for route in app.router.routes()}
    assert reachable == {(route.method, route.path) for route in ROUTES}
    assert len(ROUTES) == len(reachable)


def test_what_anyone_may_ask_is_named_here():
    public = {name_of(route) for route in ROUTES if route.role is None}
    assert public == {"GET /static/{name}", "GET /login", "POST /login"}


def test_what_leads_alone_may_ask_is_named_here():
    leads = {name_of(route) for route in ROUTES if route.role is Role.LEAD}
    assert leads == {"POST /calls/{call_id}/assign"}


def test_what_administrators_alone_may_ask_is_named_here():
    assert {name_of(route) for route in ROUTES if route.role is Role.ADMIN} == {
        "GET /duty",
        "POST /duty",
        "POST /duty/off",
        "GET /users",
        "POST /users",
        "POST /users/{name}/active",
        "POST /users/{name}/password",
        "GET /audit",
    }


@pytest.mark.parametrize("whose", ["another's", "own"])
@pytest.mark.parametrize("who", ["nobody", *Role])
@pytest.mark.parametrize("route", ROUTES, ids=name_of)
async def test_the_table_is_what_is_allowed(site, call, route, who, whose):
    call_id = await call("房子漏雨")
    await site.add("同事")
    await enter_surge(site)
    client = site.client() if who == "nobody" else await site.logged_in("我", Role(who))
    if who == "nobody":
        await client.get("/login")  # for a token, which opens the login form alone
    holder = "我" if whose == "own" and who != "nobody" else "同事"
    await hold(site, call_id, holder)
    path, changes = fill(route, call_id, await number_of(site, call_id), holder), route.method not in SAFE
    token = {"X-CSRF-Token": client.csrf} if changes else {}
    before = await snapshot(site)
    person = await client.ask(route.method, path, headers=token, **body_of(route))
    between = await snapshot(site)
    script = await client.ask(
        route.method, path, headers={**token, "Accept": "application/json"}, **body_of(route)
    )
    if route.role is None:
        # (Who is logged in is led on from the login's form.)
        goes_on = route.path == "/login" and who != "nobody"
        assert person.status == script.status == (401 if changes else 303 if goes_on else 200)
    elif who == "nobody":
        assert person.status == (401 if changes else 303)
        assert changes or person.headers["Location"].startswith("/login?next=")
        assert script.status == 401
        assert script.headers["Content-Type"].startswith("application/problem+json")
        assert await snapshot(site) == before
    elif not Role(who).permits(route.role):
        assert (person.status, script.status) == (403, 403)
        assert await snapshot(site) == before
    elif whose == "another's" and changes and "{call_id}" in route.path and route.role is not Role.LEAD:
        # Nobody, an administrator neither, works on a call that another holds.
        assert (person.status, script.status) == (409, 409)
        assert await snapshot(site) == before
    else:
        # A wrong password, and the last administrator, are refused for what they are.
        told = {
            "/account": 422,
            "/users/{name}/active": 409 if whose == "own" else 200,
            "/next": 303 if whose == "own" else 200,
            "/stay": 204,
            "/calls/{call_id}/call-back": 409,  # nobody waits for one
            **dict.fromkeys(
                (
                    "/calls/{call_id}/assign",
                    "/logout",
                    "/calls/{call_id}/claim",
                    "/calls/{call_id}/release",
                    "/surges/{surge}/seen",
                ),
                303,
            ),
        }
        asked = 303 if route.path == "/next" else 200
        assert person.status == (told.get(route.path, 200) if changes else asked)
        noted = route.path in {
            "/",
            *(f"/calls/{{call_id}}/{p}" for p in ("sheet", "story", "number", "audio")),
        }
        assert (
            changes or (between == before) is not noted
        )  # asking changes nothing; reading and hearing are noted


async def test_a_ticket_is_decided_as_one_of_its_own_call(site, call):
    mine, other = await call("房子漏雨"), await call("停水")
    await site.add("同事")
    client = await site.logged_in("我")
    async with site.db.write() as connection:
        await claim(connection, mine, "我", datetime.now(UTC))
        await claim(connection, other, "同事", datetime.now(UTC))
    before = await snapshot(site)
    path = f"/calls/{mine}/tickets/{await number_of(site, other)}/decision"
    headers = {"X-CSRF-Token": client.csrf, "Accept": "application/json"}
    answer = await client.ask("POST", path, json=DECISION, headers=headers)
    assert (answer.status, "没有编号为" in answer.text) == (409, True)
    after = await snapshot(site)
    del before[2], after[2]  # one's own claim lasts longer
    assert after == before


async def test_ones_own_account_is_all_that_the_account_page_changes(site):
    await site.add("同事")
    client = await site.logged_in("我")
    form = {"old": "correct horse battery", "new": FRESH, "again": FRESH}
    named = {"name": "同事", "username": "同事", "user": "同事", "role": "管理员"}
    assert (await client.post("/account?name=同事", {**form, **named})).status == 200
    assert (await site.client().log_in("同事")).status == 303
    assert (await site.client().log_in("我", FRESH)).status == 303
    assert (await client.get("/users")).status == 403


@pytest.mark.parametrize("route", [r for r in ROUTES if r.method not in SAFE], ids=name_of)
async def test_a_change_without_its_token_is_refused(site, call, route):
    call_id = await call("房子漏雨")
    await site.add("同事")
    await enter_surge(site)
    client, other = await site.logged_in("我", Role.ADMIN), await site.logged_in("张敏", Role.ADMIN)
    path = fill(route, call_id, await number_of(site, call_id), "同事")
    body = body_of(route)
    before = await snapshot(site)
    for form, headers in (
        ({}, {}),
        ({"csrf": "x"}, {}),
        ({"csrf": ""}, {}),
        ({"csrf": other.csrf}, {}),
        ({}, {"X-CSRF-Token": "x"}),
        ({}, {"X-CSRF-Token": ""}),
        ({}, {"X-CSRF-Token": other.csrf}),
        ({"csrf": client.csrf}, {"X-CSRF-Token": "x"}),
        ({"csrf": client.csrf}, {"Sec-Fetch-Site": "cross-site"}),
        ({"csrf": client.csrf}, {"Sec-Fetch-Site": "same-site"}),
    ):
        given = body if "json" in body and not form else {"data": {**body.get("data", {}), **form}}
        answer = await client.ask(route.method, path, headers=headers, **given)
        assert answer.status == 403, (form, headers)
        assert "没有改动任何内容" in answer.text
    in_address = await client.ask(route.method, f"{path}?csrf={client.csrf}", **body)
    assert in_address.status == 403
    assert await snapshot(site) == before


async def test_a_script_sends_the_token_as_a_header(site, call):
    call_id = await call("房子漏雨")
    client = await site.logged_in("我")
    headers = {"X-CSRF-Token": client.csrf, "HX-Request": "true"}
    assert (await client.ask("POST", f"/calls/{call_id}/claim", headers=headers)).status == 200


OTHERS = ("HEAD", "OPTIONS", "GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
async def test_a_path_answers_to_the_methods_of_the_table_alone(site, call, path):
    call_id = await call("房子漏雨")
    client = await site.logged_in("我", Role.ADMIN)
    allowed = {route.method for route in ROUTES if route.path == path}
    route = next(route for route in ROUTES if route.path == path)
    address = fill(route, call_id, await number_of(site, call_id), "我")
    before = await snapshot(site)
    for method in set(OTHERS) - allowed:
        answer = await client.ask(method, address, headers={"X-CSRF-Token": client.csrf})
        assert answer.status == 405, method
        assert set(answer.headers["Allow"].split(",")) == allowed
        assert ("不能这样操作" in answer.text) == (method != "HEAD")
    assert await snapshot(site) == before


STRANGE = (
    "..%2f..%2fpyproject.toml",
    "..%2fapp.py",
    "%2e%2e%2fapp.py",
    "..%5capp.py",
    "....%2f%2fapp.py",
    "%2fetc%2fpasswd",
    "..",
    "%2e%2e",
    ".source",
    "console.js%00.css",
    "console.js%2f",
    "CONSOLE.JS",
    "console.js%ff",
    "x" * 5000,
)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", STRANGE, ids=lambda name: name[:30])
async def test_nothing_is_read_outside_of_the_static_files(site, name):
    client = site.client()
    for path in (f"/static/{name}", f"/static/{name}?v=0"):
        async with client.http.get(URL(client.address + path, encoded=True), allow_redirects=False) as answer:
            assert answer.status == 404
            assert "没有" in (await answer.json(content_type=None))["title"]


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if "{call_id}" in r.path and r.path != "/calls/{call_id}"], ids=name_of
)
async def test_a_calls_name_is_no_path(site, call, tmp_path, route):
    """The review's page itself knows nothing of a call, and is the same for every name."""
    call_id = await call("房子漏雨")
    client = await site.logged_in("我", Role.ADMIN)
    (tmp_path / "secret").mkdir()
    inside = folders.locate(tmp_path, call_id)
    for name in (folders.AUDIO, "events.jsonl"):
        (tmp_path / "secret" / name).write_bytes((inside / name).read_bytes())
    number = await number_of(site, call_id)
    headers = {"X-CSRF-Token": client.csrf, "Accept": "application/json"}
    before = await snapshot(site)
    for name in (
        "..%2fsecret",
        "%2e%2e%2fsecret",
        f"..%2fspool%2f{call_id}",
        f"{call_id}%2f..%2f{call_id}",
        f"{call_id}%2f",
        f"{call_id}%00",
        f"{call_id}%20",
        f"{call_id}%ff",
        str(tmp_path / "secret").replace("/", "%2f"),
        "x" * 5000,
    ):
        url = URL(client.address + fill(route, name, number, ""), encoded=True)
        async with client.http.request(route.method, url, headers=headers, **body_of(route)) as answer:
            # (Nobody holds what there is not: so a release is refused.)
            assert answer.status in ({404, 409} if route.path.endswith("/release") else {404}), name
            assert b"RIFF" not in await answer.read()
    assert await snapshot(site) == before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("what", ["audio", "peaks", "sheet", "story"])
@pytest.mark.parametrize(
    "how", ["none", "made up", "logged out", "idle", "old", "disabled", "another's visitor"]
)
async def test_no_recording_leaves_without_a_session_that_holds(site, call, what, how):
    call_id = await call("房子漏雨")
    client = await site.logged_in("我")
    assert (await client.get(f"/calls/{call_id}/{what}")).status == 200
    cookie = next(c.value for c in client.http.cookie_jar if c.key == "hotline-session")
    heard = await site.trail()
    now = datetime.now(UTC)
    old = {"idle": {"seen_at": now - timedelta(minutes=31)}, "old": {"created_at": now - timedelta(hours=13)}}
    if how == "logged out":
        await client.post("/logout")
        heard.append(("我", "退出", ""))
    if how in old:
        async with site.db.write() as connection:
            await connection.execute(sa.update(schema.sessions).values(old[how]))
    if how == "disabled":
        async with site.db.write() as connection:
            await connection.execute(sa.update(schema.users).values(active=False))
    stranger = site.client()
    sent = {
        "none": "",
        "made up": f"hotline-session={'x' * 43}",
        "another's visitor": f"hotline-visitor={cookie}; __Host-session={cookie}; session={cookie}",
    }.get(how, f"hotline-session={cookie}")
    for extra in ({}, {"Range": "bytes=0-"}, {"If-None-Match": "*"}, {"Authorization": f"Bearer {cookie}"}):
        headers = {"Accept": "*/*", "Cookie": sent, **extra}
        for path in (f"/calls/{call_id}/{what}", f"/calls/{call_id}/{what}?session={cookie}"):
            async with stranger.http.get(stranger.address + path, headers=headers) as answer:
                assert answer.status == 401
                assert set(json.loads(await answer.read())) == {"title", "status", "detail"}
    assert await site.trail() == heard
