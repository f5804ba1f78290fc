"""Every endpoint of the route table × who asks × whose object it is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from console.app import make_app
from console.claims import claim
from console.policy import Policy, Role
from console.routes import ROUTES
from recordings.schema import claims

SAFE = {"GET"}


def name_of(route) -> str:
    return f"{route.method} {route.path}"


def test_nothing_is_reachable_that_is_not_in_the_table(database, tmp_path):
    app = make_app(database, Policy(), {}, (), tmp_path, tmp_path, ())
    reachable = {(route.method, route.resource.canonical) for route in app.router.routes()}
    assert reachable == {(route.method, route.path) for route in ROUTES}
    assert len(ROUTES) == len(reachable)


def test_what_anyone_may_ask_is_named_here():
    public = {name_of(route) for route in ROUTES if route.role is None}
    assert public == {"GET /static/{name}", "GET /login", "POST /login"}


@pytest.mark.parametrize("who", ["nobody", *Role])
@pytest.mark.parametrize("route", ROUTES, ids=name_of)
async def test_the_table_is_what_is_allowed(site, call, route, who):
    call_id = await call("房子漏雨")
    await site.add("同事")
    client = site.client() if who == "nobody" else await site.logged_in("我", Role(who))
    for owner in ("another's", "own"):
        await _try(site, client, route, who, owner, call_id)


async def _try(site, client, route, who, owner, call_id):
    holder = "我" if owner == "own" and who != "nobody" else "同事"
    async with site.db.write() as connection:
        await connection.execute(claims.delete())
        await claim(connection, call_id, holder, datetime.now(UTC))
    path = route.path.replace("{call_id}", call_id)
    path = path.replace("/users/{name}", f"/users/{holder}").replace("{name}", "console.css")
    path = path.replace("{number}", "263280700013")
    if route.path == "/login" and route.method == "POST":
        await client.get("/login")
    form = {"csrf": client.csrf} if route.method not in SAFE else None
    answer = await client.ask(route.method, path, data=form)
    script = await client.ask(route.method, path, data=form, headers={"Accept": "application/json"})
    statuses = {answer.status, script.status}
    assert all(status < 500 for status in statuses)
    if route.role is None:
        assert not statuses & {403, 404}
    elif who == "nobody":
        goes = route.method in SAFE
        assert answer.status == (303 if goes else 401)
        assert not goes or answer.headers["Location"].startswith("/login?next=")
        assert script.status == 401
        assert script.headers["Content-Type"].startswith("application/problem+json")
    elif not Role(who).permits(route.role):
        assert statuses == {403}
    else:
        assert 403 not in statuses
        if owner == "another's" and "{call_id}" in route.path and route.method not in SAFE:
            assert statuses == {409}  # nobody, an administrator neither, works on a call that another holds
        elif route.path != "/logout":
            assert 401 not in statuses


@pytest.mark.parametrize("route", [r for r in ROUTES if r.method not in SAFE], ids=name_of)
async def test_a_change_without_its_token_is_refused(site, call, route):
    call_id = await call("房子漏雨")
    client = await site.logged_in("我", Role.ADMIN)
    path = (
        route.path.replace("{call_id}", call_id).replace("{name}", "我").replace("{number}", "263280700013")
    )
    before = await site.trail()
    for form, headers in (
        ({}, {}),
        ({"csrf": "x"}, {}),
        ({"csrf": ""}, {}),
        ({}, {"X-CSRF-Token": "x"}),
        ({"csrf": client.csrf}, {"Sec-Fetch-Site": "cross-site"}),
        ({"csrf": client.csrf}, {"Sec-Fetch-Site": "same-site"}),
    ):
        answer = await client.ask(route.method, path, data=form, headers=headers)
        assert answer.status == 403, (form, headers)
        assert "没有改动任何内容" in answer.text
    assert await site.trail() == before


async def test_a_script_sends_the_token_as_a_header(site, call):
    call_id = await call("房子漏雨")
    client = await site.logged_in("我")
    headers = {"X-CSRF-Token": client.csrf, "HX-Request": "true"}
    assert (await client.ask("POST", f"/calls/{call_id}/claim", headers=headers)).status == 200
