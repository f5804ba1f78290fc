from __future__ import annotations

import re

import pytest
import sqlalchemy as sa

from console.policy import Policy, Role
from recordings.schema import audit


@pytest.mark.parametrize(
    "path",
    ["/", "/login", "/users", "/audit", "/account", "/nowhere", "/static/console.js", "/static/nothing.js"],
)
async def test_every_answer_has_the_headers(site, path):
    client = site.client() if path == "/login" else await site.logged_in("王芳", Role.ADMIN)
    answer = await client.get(path)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert re.fullmatch(r"'self' 'nonce-[\w-]{22}'", policy["style-src"])
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert policy["frame-ancestors"] == "'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Server"] == "hotline"
    if not path.startswith("/static/console"):
        assert answer.headers["Cache-Control"] == "no-store"
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|javascript:", answer.text)
        loaded = re.findall(r'(?:src|href|action|hx-get|hx-post)="([^"]*)"', answer.text)
        assert all(address.startswith(("/", "#", "data:,")) for address in loaded)


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


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_cookies_without_tls(site):
    await site.add("王芳")
    client = site.client()
    answer = await client.log_in("王芳")
    (cookie,) = [c for c in answer.headers.getall("Set-Cookie") if c.startswith("hotline-session=")]
    assert "; HttpOnly" in cookie
    assert "; SameSite=Lax" in cookie
    assert "; Path=/" in cookie
    assert "Secure" not in cookie
    assert "Strict-Transport-Security" not in answer.headers


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
