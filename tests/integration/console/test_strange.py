"""What no browser sends is refused, and is no fault of ours: by itself a fault would be an alarm for anyone to ring."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from recordings.schema import worksheets
from recordings.users import lockouts, sessions

FORM = "application/x-www-form-urlencoded"


async def send(site, head: str, body: bytes = b"", **headers: bytes) -> tuple[int, bytes]:
    """A request byte for byte."""
    address = urlsplit(site.address)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    lines = [head.encode("latin-1"), b"Host: x", b"Connection: close"]
    lines += [name.replace("_", "-").encode() + b": " + value for name, value in headers.items()]
    if body:
        lines.append(b"Content-Length: %d" % len(body))
    writer.write(b"\r\n".join([*lines, b"", body]))
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return int(answer.split(b" ", 2)[1]), answer


async def session_of(site) -> tuple[bytes, bytes]:
    """An administrator's cookie and token."""
    client = await site.logged_in("管理", founder=True)
    cookie = next(c.value for c in client.http.cookie_jar if c.key == "hotline-session")
    return f"hotline-session={cookie}".encode(), client.csrf.encode()


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (FORM, b"name=%ff%fe&password=x", 401),
        (FORM, b"name=\xff\xfe&password=x", 400),
        (FORM, b"name=%00&password=x", 400),
        (FORM, b"name=a%00b&password=x", 400),
        (FORM, b"name=x&password=%00", 400),
        (FORM, b"name=" + "长".encode() * 9000 + b"&password=x", 401),
        (FORM, b"name=x&password=" + b"x" * 9000, 401),
        (FORM, b"next=%0d%0aSet-Cookie:x&name=x&password=x", 401),
        (FORM + "; charset=utf-16", b"name=x&password=x", 415),
        (FORM + "; charset=utf-7", b"name=+2AA-&password=x", 415),
        (FORM + "; charset=unicode_escape", b"name=\\ud800&password=x", 415),
        (FORM + "; charset=nonsense", b"name=x&password=x", 415),
        ("multipart/form-data", b"x", 415),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nx\r\n--x--',
            415,
        ),
        ("application/json", b"{", 401),
        ("", b"name=x", 401),
        ("/;;=", b"name=x", 401),
    ],
)
async def test_a_strange_form(site, kind, body, status):
    login = await site.client().get("/login")
    token = login.csrf.encode()
    got, answer = await send(
        site,
        "POST /login HTTP/1.1",
        body,
        Content_Type=kind.encode(),
        Cookie=b"hotline-visitor=" + token,
        X_CSRF_Token=token,
    )
    assert got == status
    assert b"\r\nSet-Cookie:x" not in answer


async def test_names_that_nobody_can_have_are_one_to_the_lock_out(site):
    client = site.client()
    statuses = [(await client.log_in("长" * 9000 + str(n), "x")).status for n in range(6)]
    assert statuses == [401] * 5 + [429]
    async with site.db.read() as connection:
        subjects = set(await connection.scalars(sa.select(lockouts.c.subject)))
    assert subjects == {"address:127.0.0.1", "both: 127.0.0.1"}
    assert all(len(name) <= 500 for name, _, _ in await site.trail())


@pytest.mark.parametrize(
    "value",
    [b"\xff", b'"\xff"', b'"\\377\\015\\012"', b"x\xed\xa0\x80", b"x" * 7000, b"\x01", b"%00", b'"', b"=;=,"],
)
@pytest.mark.parametrize("name", [b"hotline-session", b"hotline-visitor"])
async def test_a_strange_cookie_is_none(site, name, value):
    got, answer = await send(site, "GET /login HTTP/1.1", Cookie=name + b"=" + value)
    if b"\x01" in value:
        assert got == 400  # no header may have it
        return
    assert got == 200
    (cookie,) = [line for line in answer.split(b"\r\n") if line.lower().startswith(b"set-cookie:")]
    assert value not in cookie
    assert (await send(site, "GET / HTTP/1.1", Cookie=name + b"=" + value, Accept=b"text/html"))[0] == 303


async def test_a_browser_of_a_strange_name_is_logged_in(site):
    await site.add("王芳")
    token = (await site.client().get("/login")).csrf.encode()
    got, _ = await send(
        site,
        "POST /login HTTP/1.1",
        "name=王芳&password=correct+horse+battery".encode(),
        Content_Type=FORM.encode(),
        Cookie=b"hotline-visitor=" + token,
        X_CSRF_Token=token,
        User_Agent=b"\xff \xed\xa0\x80",
    )
    assert got == 303
    async with site.db.read() as connection:
        assert await connection.scalar(sa.select(sessions.c.browser)) == "? ???"


@pytest.mark.parametrize("token", [b"\xff", b"\xed\xa0\x80", "令牌".encode(), b"x" * 7000, b""])
async def test_a_strange_token_is_a_wrong_one(site, token):
    cookie, _ = await session_of(site)
    for headers in ({"X_CSRF_Token": token}, {"Sec_Fetch_Site": token}):
        assert (await send(site, "POST /logout HTTP/1.1", Cookie=cookie, **headers))[0] == 403


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("/?since=0001-01-01", 400),
        ("/?until=9999-12-31", 400),
        ("/?since=1899-12-31", 400),
        ("/?until=2200-01-01", 400),
        ("/?since=1900-01-01&until=2199-12-31", 200),
        ("/?q=%00", 404),
        ("/?q%00=x", 404),
        ("/?q=%ED%A0%80", 200),
        ("/?q=\xff", 400),
        ("/\xff", 400),
        ("/?q=%", 200),
        ("/?behind=9.20260701T083000-ffffffff", 200),
        ("/?behind=%D9%A1.20260701T083000-ffffffff", 400),
        ("/audit?user=%00", 404),
        ("/audit?before=999999999999999999", 200),
        ("/audit?before=9999999999999999999", 400),
        ("/audit?before=%D9%A1", 400),
        ("/audit?subject=" + "x" * 7000, 200),
        ("/users/%00/active", 405),
        ("/calls/%00/sheet", 404),
        ("/calls/%ED%A0%80/story", 404),
        ("/login?next=%00", 404),
        ("http://192.0.2.1/", 200),
    ],
)
async def test_a_strange_address(site, query, status):
    cookie, _ = await session_of(site)
    assert (await send(site, f"GET {query} HTTP/1.1", Cookie=cookie))[0] == status
    anonymous, answer = await send(site, f"GET {query} HTTP/1.1", Accept=b"text/html")
    assert anonymous < 500
    assert b"\xed\xa0\x80" not in answer


async def test_a_strange_body_of_a_form_that_a_script_sends(site):
    cookie, token = await session_of(site)
    days = (b"since=0001-01-01", b"until=9999-12-31")
    for body in (b"besides=%00", b"besides=\xff", b"county=%00", b"x%00=x", *days):
        got, _ = await send(
            site, "POST /next HTTP/1.1", body, Content_Type=FORM.encode(), Cookie=cookie, X_CSRF_Token=token
        )
        assert got == 400, body


@pytest.mark.parametrize("path", ["/login", "/next", "/calls/{call_id}/worksheet"])
async def test_a_body_that_is_not_what_its_encoding_says(site, call, path):
    cookie, token = await session_of(site)
    kind = b"application/json" if "worksheet" in path else FORM.encode()
    method = "PUT" if "worksheet" in path else "POST"
    got, _ = await send(
        site,
        f"{method} {path.replace('{call_id}', await call('漏雨'))} HTTP/1.1",
        b"not gzip at all",
        Content_Type=kind,
        Content_Encoding=b"gzip",
        Cookie=cookie,
        X_CSRF_Token=token,
    )
    assert got == 400


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ('{"version": 2147483646, "edits": {}}', 409),
        ('{"version": 2147483647, "edits": {}}', 422),
        ('{"version": 1e400, "edits": {}}', 422),
        ('{"version": ' + "9" * 5000 + ', "edits": {}}', 422),
        ('{"version": 0, "edits": {"corrections": [{"start": 1e999, "end": 1, "text": ""}]}}', 422),
        ('{"version": 0, "edits": {"corrections": [{"start": 0, "end": Infinity, "text": ""}]}}', 422),
        ('{"version": 0, "edits": {"corrections": [{"start": NaN, "end": 1, "text": ""}]}}', 422),
        ('{"version": 0, "edits": {"corrections": [{"start": 0, "end": 1, "text": "\\ud800"}]}}', 422),
        ('{"version": 0, "edits": {"corrections": [{"start": 0, "end": 1, "text": "\\u0000"}]}}', 422),
        ('{"version": 0, "edits": {"tickets": {"263280700013": {"\\u0000": "x"}}}}', 200),
        ('{"version": 0, "edits": ' + "[" * 20_000, 422),
        ("", 422),
    ],
)
async def test_a_strange_document(site, call, document, status):
    call_id = await call("漏雨")
    client = await site.logged_in("张敏")
    headers = {"X-CSRF-Token": client.csrf, "Accept": "application/json", "Content-Type": "application/json"}
    answer = await client.ask("PUT", f"/calls/{call_id}/worksheet", data=document.encode(), headers=headers)
    assert answer.status == status
    sheet = await client.ask("GET", f"/calls/{call_id}/sheet")
    assert sheet.status == 200  # and what was kept can be read
    assert (json.loads(sheet.text)["worksheet"] is None) == (status != 200)
    async with site.db.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(worksheets)) == (status == 200)


@pytest.mark.parametrize(
    "head", ["FROB / HTTP/1.1", "GET / HTTP/9.9", "GET", "GET  HTTP/1.1", "\x16\x03\x01"]
)
async def test_what_is_no_request_gets_no_page(site, head):
    cookie, _ = await session_of(site)
    got, answer = await send(site, head, Cookie=cookie)
    assert got == 400
    assert b"text/html" not in answer
