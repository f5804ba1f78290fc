from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from console.policy import Policy
from console.routes import ROUTES
from recordings.schema import audit

STYLE = r"'self' 'nonce-[\w-]{22}'"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Server": "hotline",
}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def check(answer, *, kept: bool = False) -> None:
    """The headers that every answer has, and a page without anything that the policy would not let run."""
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    (told,) = answer.headers.getall("Content-Security-Policy")
    policy = dict(part.strip().split(" ", 1) for part in told.split(";"))
    assert re.fullmatch(STYLE, policy.pop("style-src"))
    assert policy == POLICY
    assert kept or answer.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in answer.headers
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        scripts = re.findall(r"<script([^>]*)>", answer.text)
        assert all(re.search(r'\ssrc="/static/|\stype="application/json"', given) for given in scripts)
        assert not re.search(
            r"<style|\sstyle=|<[^>]*\son\w+=|javascript:|<(iframe|object|embed|base)\b", answer.text
        )
        loaded = re.findall(r'(?:src|href|action|hx-get|hx-post)="([^"]*)"', answer.text)
        assert all(address.startswith(("/", "#", "data:,")) for address in loaded)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("who", ["nobody", "坐席", "所有"])
async def test_every_answer_of_every_route_has_the_headers(site, call, who, subtests):
    call_id = await call("房子漏雨")
    for n, route in enumerate(ROUTES):
        name = f"王芳{n}"  # another for each: some of what is asked ends a session, or an account
        client = site.client() if who == "nobody" else await site.logged_in(name, founder=who == "所有")
        path = route.path.replace("{call_id}", call_id).replace("{number}", "263280700013")
        path = path.replace("/static/{name}", "/static/console.js").replace("{name}", name)
        with subtests.test(f"{route.method} {route.path}"):
            for accept in ("text/html", "application/json"):
                for given in ({}, {"X-CSRF-Token": client.csrf}):
                    answer = await client.ask(route.method, path, headers={"Accept": accept, **given})
                    check(answer, kept=path.startswith(("/static/", "/overview/map")))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/nowhere", {}, 404),
        ("GET", "/static/nothing.js", {}, 404),
        ("GET", "/?county=火星", {}, 400),
        ("DELETE", "/", {}, 405),
        ("HEAD", "/", {}, 405),
        ("POST", "/account", {"data": {"old": "x" * 1024 * 1025}}, 413),
        ("POST", "/users", {"data": {"name": "<b>"}}, 400),
        ("POST", "/users", {"data": {"name": "<b>", "role": "坐席"}}, 422),
        ("PUT", "/calls/{call_id}/worksheet", {"data": {}}, 415),
        ("PUT", "/calls/{call_id}/worksheet", {"json": {}}, 422),
        ("POST", "/calls/20260701T083001-ffffffff/claim", {}, 404),
        ("GET", "/", {"headers": {"Expect": "miracles"}}, 417),
        ("GET", "/calls/{call_id}/audio", {"headers": {"Range": "bytes=0-9"}}, 206),
        ("GET", "/calls/{call_id}/audio", {"headers": {"Range": "bytes=9999999-"}}, 416),
        ("GET", "/static/console.js", {"headers": {"If-None-Match": "*"}}, 304),
        (
            "GET",
            "/static/console.js",
            {"headers": {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}},
            304,
        ),
        ("GET", "/static/console.js", {"headers": {"Range": "bytes=x"}}, 416),
    ],
)
async def test_refusals_and_parts_have_the_headers(site, call, method, path, options, status):
    call_id = await call("房子漏雨")
    client = await site.logged_in("王芳", founder=True)
    headers = {"X-CSRF-Token": client.csrf, **options.get("headers", {})}
    answer = await client.ask(method, path.replace("{call_id}", call_id), **{**options, "headers": headers})
    assert answer.status == status
    check(answer, kept=path.startswith("/static/console"))


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_a_fault_of_ours_has_the_headers_and_tells_nothing_of_itself(site, accept):
    client = await site.logged_in("王芳", founder=True)
    async with site.db.write() as connection:
        await connection.execute(sa.text("ALTER TABLE audit RENAME TO moved"))
    answer = await client.ask("GET", "/audit", headers={"Accept": accept})
    assert answer.status == 500
    check(answer)
    assert not re.search("Traceback|SELECT|audit|sqlalchemy", answer.text)


async def test_bundles_are_kept_by_their_content(site):
    client = site.client()
    page = await client.get("/login")
    address = re.search(r'src="(/static/console\.js\?v=\w{16})"', page.text)[1]
    assert (await client.get(address)).headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (await client.get("/static/console.js?v=old")).headers["Cache-Control"] == "no-cache"
    assert (await client.get("/static/..%2Fapp.py")).status == 404
    assert (await client.get("/static/.source")).status == 404


async def test_the_nonce_is_new_each_time(site):
    client = site.client()
    first, second = [(await client.get("/login")).headers["Content-Security-Policy"] for _ in range(2)]
    assert first != second


def flags_of(answer) -> dict[str, set[str]]:
    """What each cookie of the answer says besides its value."""
    cookies = (line.split("; ") for line in answer.headers.getall("Set-Cookie"))
    return {value.partition("=")[0]: set(flags) for value, *flags in cookies}


GONE = {"Max-Age=0", "expires=Thu, 01 Jan 1970 00:00:00 GMT"}


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_cookies_are_for_this_host_and_for_no_script_and_last_as_long_as_the_browser(make_site, secure):
    async with make_site(Policy(secure=secure)) as site:
        await site.add("王芳")
        client = site.client()
        session, visitor = (
            ("__Host-session", "__Host-visitor") if secure else ("hotline-session", "hotline-visitor")
        )
        flags = {"HttpOnly", "Path=/", "SameSite=Lax"} | ({"Secure"} if secure else set())
        page = await client.get("/login")
        assert flags_of(page) == {visitor: flags}
        sent = {
            "Cookie": page.headers["Set-Cookie"].split(";")[0]
        }  # which a browser would not over plain HTTP
        form = {"csrf": page.csrf, "name": "王芳", "password": "correct horse battery"}
        answer = await site.client().ask("POST", "/login", data=form, headers=sent)
        assert answer.status == 303
        assert flags_of(answer) == {session: flags, visitor: flags | GONE}
        (set_session,) = [c for c in answer.headers.getall("Set-Cookie") if c.startswith(session)]
        sent = {"Cookie": set_session.split(";")[0]}
        inside = site.client()
        account = await inside.ask("GET", "/account", headers=sent)
        assert "Set-Cookie" not in account.headers
        left = await inside.ask("POST", "/logout", data={"csrf": account.csrf}, headers=sent)
        assert flags_of(left) == {session: flags | GONE}
        assert ("Strict-Transport-Security" in left.headers) == secure


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_cookies_behind_a_tls_proxy(make_site):
    async with make_site(Policy(secure=True, behind_proxy=True)) as site:
        await site.add("王芳")
        client = site.client()
        page = await client.get("/login")
        (visitor,) = page.headers.getall("Set-Cookie")
        assert visitor.startswith("__Host-visitor=")
        token = re.match(r"__Host-visitor=([^;]*)", visitor)[1]
        answer = await client.ask(
            "POST",
            "/login",
            data={"csrf": token, "name": "王芳", "password": "correct horse battery"},
            headers={"Cookie": f"__Host-visitor={token}", "X-Forwarded-For": "203.0.113.9, 198.51.100.7"},
        )
        assert answer.status == 303
        (cookie,) = [c for c in answer.headers.getall("Set-Cookie") if c.startswith("__Host-session=")]
        assert "; Secure" in cookie
        assert "; Path=/" in cookie
        assert "Domain" not in cookie
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        async with site.db.read() as connection:
            assert list(await connection.scalars(sa.select(audit.c.address))) == ["198.51.100.7"]
