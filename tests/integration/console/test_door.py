"""Who sends half a request holds no connection for long, and not many; over raw sockets."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from console import app
from console.policy import Policy

HALF_HEAD = b"GET /login HTTP/1.1\r\nHost: x\r\n"
HALF_BODY = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\ncsrf="
WHOLE = b"GET /login HTTP/1.1\r\nHost: x\r\n\r\n"


async def send(site, words: bytes) -> asyncio.StreamReader:
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(site.address).port)
    writer.write(words)
    reader.writer = writer  # or it would be closed with it
    return reader


async def is_over(reader: asyncio.StreamReader) -> bool:
    """Wait for the end of the connection, in which nothing was answered."""
    async with asyncio.timeout(30):
        try:
            return await reader.read() == b""
        except ConnectionResetError:
            return True


async def answer(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(30):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        return head.partition(b"\r\n")[0]


@pytest.mark.parametrize("half", [b"", HALF_HEAD])
async def test_of_too_many_half_open_the_oldest_is_ended_and_whole_ones_are_answered(make_site, half):
    async with make_site(Policy(half_open=3, head_s=300)) as site:
        first, second, third = [await send(site, half) for _ in range(3)]
        assert await answer(await send(site, WHOLE)) == b"HTTP/1.1 200 OK"
        assert await is_over(first)
        more = [await send(site, half) for _ in range(2)]
        assert await is_over(second)
        for each in (third, *more):
            assert not each.at_eof()
            each.writer.close()


async def test_bodies_that_do_not_come_count_too(make_site):
    async with make_site(Policy(half_open=3, body_s=300)) as site:
        readers = [await send(site, HALF_BODY) for _ in range(4)]
        over = [asyncio.create_task(is_over(reader)) for reader in readers]
        done, waiting = await asyncio.wait(over, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == 1
        assert len(waiting) == 3
        assert done.pop().result()
        for task, reader in zip(over, readers, strict=True):
            task.cancel()
            reader.writer.close()


async def test_a_head_has_to_come_and_who_was_answered_may_ask_again(make_site):
    async with make_site(Policy(head_s=1.0)) as site:  # a loaded machine answers a whole one in less
        polite = await send(site, WHOLE)
        assert await answer(polite) == b"HTTP/1.1 200 OK"
        for half in (b"", HALF_HEAD):
            assert await is_over(await send(site, half))
        polite.writer.write(WHOLE)  # later than a head may take
        assert await answer(polite) == b"HTTP/1.1 200 OK"
        polite.writer.write(HALF_HEAD)
        assert await is_over(polite)


async def test_who_was_answered_and_asks_no_more_holds_no_connection(make_site, monkeypatch):
    monkeypatch.setattr(app, "_KEPT_S", 0.2)
    async with make_site(Policy()) as site:
        idle = await send(site, WHOLE)
        assert await answer(idle) == b"HTTP/1.1 200 OK"
        assert await is_over(idle)


async def test_a_proxy_of_ours_speaks_for_all(make_site):
    async with make_site(Policy(half_open=1, behind_proxy=True)) as site:
        halves = [await send(site, HALF_HEAD) for _ in range(3)]
        for each in halves:
            each.writer.write(b"\r\n")
            assert await answer(each) == b"HTTP/1.1 200 OK"
