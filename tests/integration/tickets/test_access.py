"""How the intake is reached: tokens, certificates, proxies; and that being shut out costs no ticket."""

from __future__ import annotations

import asyncio
import base64
import ssl
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from peers import keys

from tickets.access import Access, ClientCredentials
from tickets.client import Accepted, Barred, IntakeClient, Unavailable

RECEIPT = {"number": "FY1", "status": "受理", "accepted_at": "2026-11-24T01:02:03Z"}


class City:
    """An intake that lets in who shows one of ``tokens``, and the server that gives them out."""

    def __init__(self):
        self.tokens = {"good"}
        self.given = 0
        self.life = 3600
        self.refuses = 0
        self.asked = []
        self.posts = []

    async def take(self, request):
        self.posts.append(request.headers.get("Authorization"))
        if (self.posts[-1] or "").removeprefix("Bearer ") not in self.tokens:
            return web.json_response({"title": "who are you?"}, status=401)
        return web.json_response(RECEIPT, status=201)

    async def give(self, request):
        self.asked.append((request.headers["Authorization"], dict(await request.post())))
        if self.refuses:
            return web.json_response({"error": "invalid_client"}, status=self.refuses)
        self.given += 1
        token = f"token-{self.given}"
        self.tokens = {token}
        return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": self.life})


@asynccontextmanager
async def listening(handlers, tls=None):
    app = web.Application()
    for path, handler in handlers.items():
        app.router.add_post(path, handler)
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def city():
    one = City()
    async with listening({"/v1/tickets": one.take, "/token": one.give}) as one.address:
        yield one


@asynccontextmanager
async def opened(address, secret, access):
    client = IntakeClient(f"{address}/v1/tickets", secret, 5.0, access=access)
    try:
        yield client
    finally:
        await client.close()


def oauth(city, **changes):
    told = {
        "token_url": f"{city.address}/token",
        "client": "hot:line",
        "secret": "s cret",
        "scope": "tickets",
    }
    return Access(oauth=ClientCredentials(**(told | changes)))


async def test_a_token_is_shown_and_a_wrong_one_bars(city, secret):
    async with opened(city.address, secret, Access("good")) as client:
        assert isinstance(await client.post("{}", "k"), Accepted)
    async with opened(city.address, secret, Access("stale")) as client:
        assert await client.post("{}", "k") == Barred(401, "who are you?")
    assert city.posts == ["Bearer good", "Bearer stale"]


async def test_a_client_gets_one_token_for_all_and_another_before_it_ends(city, secret):
    async with opened(city.address, secret, oauth(city)) as client:
        outcomes = await asyncio.gather(*(client.post("{}", f"k{n}") for n in range(8)))
        assert {type(outcome) for outcome in outcomes} == {Accepted}
        assert set(city.posts) == {"Bearer token-1"}
        basic = base64.b64encode(b"hot%3Aline:s+cret").decode()
        assert city.asked == [(f"Basic {basic}", {"grant_type": "client_credentials", "scope": "tickets"})]
        # Taken back before its time: one more is asked for, and the same post goes through.
        city.tokens = set()
        assert isinstance(await client.post("{}", "k"), Accepted)
        assert city.posts[-2:] == ["Bearer token-1", "Bearer token-2"]
    city.life = 1e-6
    async with opened(city.address, secret, oauth(city)) as client:
        for _ in range(2):
            assert isinstance(await client.post("{}", "k"), Accepted)
    assert city.posts[-2:] == ["Bearer token-3", "Bearer token-4"]


async def test_a_client_that_is_refused_a_token_is_barred_and_tells_no_secret(city, secret):
    access = oauth(city)
    assert "s cret" not in repr(access)
    city.refuses = 401
    async with opened(city.address, secret, access) as client:
        assert await client.post("{}", "k") == Barred(401, "oauth.token_url refuses us a token: HTTP 401")
        city.refuses = 503
        assert await client.post("{}", "k") == Unavailable("oauth.token_url gave no bearer token: HTTP 503")
    assert city.posts == []


async def test_a_token_that_comes_in_pieces_is_one(city, secret):
    async def give(request):
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        await answer.write(b'{"token_type": "Bearer", ')
        await asyncio.sleep(0.2)  # a slow server: what came is read before the rest is there
        await answer.write(b'"access_token": "good"}')
        return answer

    async with (
        listening({"/token": give}) as address,
        opened(city.address, secret, oauth(city, token_url=f"{address}/token")) as client,
    ):
        assert isinstance(await client.post("{}", "k"), Accepted)


async def test_both_sides_show_certificates_of_the_citys_own_authority(city, secret, tmp_path):
    keys.make(tmp_path, "intake", address="127.0.0.1")
    keys.make(tmp_path, "hotline", address="127.0.0.1")
    keys.make(tmp_path / "other", "hotline", address="127.0.0.1")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca.pem"))
    tls.load_cert_chain(tmp_path / "intake.pem")
    tls.verify_mode = ssl.CERT_REQUIRED
    ours = {"certificate": tmp_path / "hotline.crt", "key": tmp_path / "hotline.key"}
    theirs = {
        "certificate": tmp_path / "other" / "hotline.crt",
        "key": tmp_path / "other" / "hotline.key",
    }
    async with listening({"/v1/tickets": city.take}, tls) as address:
        for more, taken in (
            ({"authority": tmp_path / "ca.pem", **ours}, True),
            ({"authority": tmp_path / "ca.pem"}, False),
            ({"authority": tmp_path / "ca.pem", **theirs}, False),
            (ours, False),
        ):
            async with opened(address, secret, Access("good", **more)) as client:
                outcome = await client.post("{}", "k")
            assert isinstance(outcome, Accepted if taken else Unavailable), (more, outcome)


@asynccontextmanager
async def proxy(seen, wanted):
    """A forward proxy that lets through who shows ``wanted``; CONNECT alone."""

    async def pump(source, sink):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.close()

    async def meet(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        seen.append(head.split("\r\n")[0])
        if f"Proxy-Authorization: {wanted}\r\n" not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        host, _, port = head.split()[1].rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_a_proxy_that_asks_for_a_password(city, secret, tmp_path):
    keys.make(tmp_path, "intake", address="127.0.0.1")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "intake.pem")
    seen = []
    wanted = f"Basic {base64.b64encode(b'us:pass').decode()}"
    async with listening({"/v1/tickets": city.take}, tls) as address, proxy(seen, wanted) as port:
        for who, outcome in (("us:pass@", Accepted), ("", Barred)):
            access = Access("good", authority=tmp_path / "ca.pem", proxy=f"http://{who}127.0.0.1:{port}")
            async with opened(address, secret, access) as client:
                got = await client.post("{}", "k")
            assert isinstance(got, outcome), got
        assert got == Barred(407, "the proxy does not let us through")
        assert set(seen) == {f"CONNECT {address.removeprefix('https://')} HTTP/1.1"}


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"token": "a b"}, "token has blanks"),
        ({"token": "a", "oauth": ClientCredentials("https://x/t", "c", "s")}, "take one of them away"),
        ({"oauth": ClientCredentials("https://x/t", "c", "")}, "intake/client-secret"),
        ({"oauth": ClientCredentials("x", "c", "s")}, "oauth.token_url 'x' is not of the form"),
        ({"proxy": "us:pass@proxy"}, "^proxy is not of the form"),
    ],
)
def test_what_cannot_be_is_said(told, complaint):
    with pytest.raises(ValueError, match=complaint):
        Access(**told)


def test_files_that_are_none_are_named(tmp_path):
    (tmp_path / "none.pem").write_text("nothing")
    with pytest.raises(ValueError, match=r"authority .*none.pem"):
        Access(authority=tmp_path / "none.pem").make_context()
    with pytest.raises(ValueError, match=r"certificate .*none.pem, key .*away"):
        Access(certificate=tmp_path / "none.pem", key=tmp_path / "away").make_context()


async def test_another_host_is_not_shown_the_token_unless_it_is_named(city, secret):
    stranger = City()
    async with listening({"/alerts": stranger.take}) as elsewhere:
        for named in ((), (elsewhere,)):
            access = Access("good", token_for=named)
            client = IntakeClient(f"{city.address}/v1/tickets", secret, 5.0, f"{elsewhere}/alerts", access)
            try:
                assert isinstance(await client.post("{}", "t"), Accepted)
                await client.post("{}", "a", "alert")
            finally:
                await client.close()
    assert city.posts == ["Bearer good"] * 2
    assert stranger.posts == [None, "Bearer good"]
