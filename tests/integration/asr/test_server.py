from __future__ import annotations

import asyncio
import json
import signal
import socket
import stat
import threading
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from asr.address import read_address
from asr.server import ServerError, SpeechServer


@pytest.fixture
async def web(server):
    async with aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(read_address(server.url).path)
    ) as session:
        yield session


@pytest.fixture
async def process(folder, served):
    """A server in a process of its own: (process, path of its socket)."""
    path = folder / "own.sock"
    return await served(f"unix:{path}"), path


async def exchange(ws, pcm: bytes, frame: int = 8000) -> list[dict]:
    """Exactly as vosk-server's own test client speaks: one frame, one reply."""
    await ws.send_str('{ "config" : { "sample_rate" : 8000 } }')
    replies = []
    for at in range(0, len(pcm), frame):
        await ws.send_bytes(pcm[at : at + frame])
        replies.append(json.loads(await ws.receive_str()))
    await ws.send_str('{"eof" : 1}')
    replies.append(json.loads(await ws.receive_str()))
    return replies


def text_of(replies) -> str:
    return "".join(r.get("text", "") for r in replies).replace(" ", "")


async def test_a_stock_client_is_served(web, spoken, silence, matters):
    pcm = silence(0.3) + await spoken(matters[0]) + silence(0.3)
    async with web.ws_connect("http://asr/") as ws:
        replies = await exchange(ws, pcm)
        assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSE
    assert text_of(replies) == matters[0]
    assert any(r.get("partial") for r in replies)
    words = [w for r in replies for w in r.get("result", ())]
    assert {"conf", "start", "end", "word"} <= set(words[0])


async def test_no_config_is_needed(web, spoken, silence):
    async with web.ws_connect("http://asr/") as ws:
        await ws.send_bytes(silence(0.3) + await spoken("路灯不亮") + silence(0.3))
        await ws.receive_str()
        await ws.send_str('{"eof":1}')
        assert json.loads(await ws.receive_str())["text"] == "路灯 不亮"


async def test_reset_gives_the_final_and_goes_on(web, spoken, silence, matters):
    async with web.ws_connect("http://asr/") as ws:
        for matter in matters[:3]:
            await ws.send_bytes(silence(0.3) + await spoken(matter) + silence(0.2))
            await ws.receive_str()
            await ws.send_str('{"reset" : 1}')
            assert json.loads(await ws.receive_str())["text"].replace(" ", "") == matter


async def test_words_and_alternatives_as_configured(web, spoken, silence):
    pcm = silence(0.3) + await spoken("路灯不亮") + silence(0.3)
    for config, key in (({"words": False}, "text"), ({"max_alternatives": 2}, "alternatives")):
        async with web.ws_connect("http://asr/") as ws:
            await ws.send_json({"config": config})
            await ws.send_bytes(pcm)
            await ws.receive_str()
            await ws.send_str('{"eof" : 1}')
            assert list(json.loads(await ws.receive_str())) == [key]


async def test_health_and_model_are_told(web, engine):
    async with web.get("http://asr/model") as response:
        assert await response.json() == {
            "name": "minsheng-demo",
            "sha256": engine.fingerprint.sha256,
            "demo": True,
        }
    async with web.ws_connect("http://asr/"), web.get("http://asr/healthz") as response:
        health = await response.json()
        assert (health["status"], health["streams"], health["model"]["demo"]) == ("ok", 1, True)


@pytest.mark.parametrize(
    "message",
    [
        "nonsense",
        '{"config": {"model": "/somewhere/else"}}',
        '{"config": {"sample_rate": 1}}',
        '{"config": {"phrase_list": [{}]}}',
        '{"what": 1}',
        "[" * 50_000,
    ],
)
async def test_nonsense_ends_its_own_stream_only(web, spoken, silence, message):
    async with web.ws_connect("http://asr/") as good:
        await good.send_bytes(silence(0.3) + (pcm := await spoken("路灯不亮"))[:8000])
        await good.receive_str()
        async with web.ws_connect("http://asr/") as bad:
            await (bad.send_bytes(message) if isinstance(message, bytes) else bad.send_str(message))
            assert json.loads(await bad.receive_str())["error"]
            assert (await bad.receive()).data == aiohttp.WSCloseCode.POLICY_VIOLATION
        await good.send_bytes(pcm[8000:] + silence(0.3))
        await good.receive_str()
        await good.send_str('{"eof" : 1}')
        assert json.loads(await good.receive_str())["text"] == "路灯 不亮"


async def test_a_configuration_amid_audio_is_for_the_next_utterance(web, spoken, silence):
    pcm = silence(0.3) + await spoken("路灯不亮") + silence(0.3)
    async with web.ws_connect("http://asr/") as ws:
        for words in (True, False):
            await ws.send_bytes(pcm[:4001])  # half a sample belongs to the next message
            await ws.receive_str()
            await ws.send_json({"config": {"words": 0}})
            await ws.send_bytes(pcm[4001:])
            await ws.receive_str()
            await ws.send_str('{"reset" : 1}')
            final = json.loads(await ws.receive_str())
            assert (final["text"], "result" in final) == ("路灯 不亮", words)


async def test_a_message_too_large_is_refused(web):
    async with web.ws_connect("http://asr/") as ws:
        with suppress(ConnectionError):  # whether it is all sent before the server hangs up is chance
            await ws.send_bytes(bytes(2_200_000))
        told = [message async for message in ws]
        assert not told
    async with web.get("http://asr/healthz") as response:
        assert response.status == 200


async def test_a_client_that_dies_frees_its_stream(web, server, spoken):
    pcm = await spoken("路灯不亮")
    for _ in range(5):
        ws = await web.ws_connect("http://asr/")
        await ws.send_bytes(pcm)
        ws._response.connection.transport.abort()
    async with asyncio.timeout(20):
        while server.streams:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.02)


async def test_nothing_is_decoded_for_who_has_left_amid_a_recording(web, server):
    ws = await web.ws_connect("http://asr/")
    await ws.send_bytes(bytes(2_000_000))  # silence of two minutes in one message takes as long to decode
    async with asyncio.timeout(20):
        while not server._crowd.load.backlog("late"):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.02)
        ws._response.connection.transport.abort()
        while server.streams:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)
    assert server._crowd.load.backlog("late") == 0


async def test_a_client_that_floods_without_reading_loses_nothing(web, spoken, silence, matters):
    """Its socket fills up, its replies wait for it; everything is answered, in order."""
    pcm = silence(0.3) + await spoken(matters[0]) + silence(0.3)
    async with web.ws_connect("http://asr/") as ws:
        for at in range(0, len(pcm), 320):
            await ws.send_bytes(pcm[at : at + 320])
        await ws.send_str('{"eof" : 1}')
        replies = [json.loads(m.data) async for m in ws]
    assert len(replies) == -(-len(pcm) // 320) + 1
    assert text_of(replies) == matters[0]


@pytest.mark.alone  # a busy machine rightly refuses some of them
async def test_twenty_streams_at_once_hear_what_each_hears_alone(web, spoken, silence, matters):
    async def one(pcm: bytes):
        async with web.ws_connect("http://asr/") as ws:
            return await exchange(ws, pcm, 3200)

    calls = [
        silence(0.1 + n / 50)
        + await spoken(matters[n % len(matters)])
        + silence(0.3)
        + await spoken("是的")
        + silence(0.4)
        for n in range(20)
    ]
    alone = [await one(pcm) for pcm in calls]
    together = await asyncio.gather(*(one(pcm) for pcm in calls))
    assert together == alone


async def test_the_socket_is_for_its_owner_and_group(server):
    path = Path(read_address(server.url).path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    await server.stop()
    assert not path.exists()


async def test_a_living_servers_socket_is_not_taken(server, engine):
    other = SpeechServer(engine)
    with pytest.raises(ServerError, match="another speech server"):
        await other.start(server.url)
    await other.stop()
    assert Path(read_address(server.url).path).exists()


async def test_a_dead_servers_socket_is_replaced(engine, folder, is_open):
    path = folder / "stale.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = SpeechServer(engine)
    await server.start(f"unix:{path}")
    assert await is_open(f"unix:{path}")
    await server.stop()


async def test_what_is_no_socket_is_not_removed(engine, folder):
    (folder / "notes.txt").write_text("precious")
    server = SpeechServer(engine)
    with pytest.raises(ServerError, match="no socket"):
        await server.start(f"unix:{folder / 'notes.txt'}")
    with pytest.raises(ServerError, match="create its folder"):
        await server.start(f"unix:{folder / 'missing' / 'asr.sock'}")
    await server.stop()
    assert (folder / "notes.txt").read_text() == "precious"


async def test_over_tcp(engine, spoken, silence):
    server = SpeechServer(engine)
    await server.start("tcp:127.0.0.1:0")
    async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://127.0.0.1:{server.port}/") as ws:
        replies = await exchange(ws, silence(0.3) + await spoken("路灯不亮") + silence(0.3))
    assert text_of(replies) == "路灯不亮"
    other = SpeechServer(engine)
    with pytest.raises(ServerError, match="choose another port"):
        await other.start(f"tcp:127.0.0.1:{server.port}")
    await other.stop()
    await server.stop()


async def test_sigterm_gives_running_streams_their_final(process, spoken, silence):
    running, path = process
    connector = aiohttp.UnixConnector(str(path))
    async with aiohttp.ClientSession(connector=connector) as web, web.ws_connect("http://asr/") as ws:
        await ws.send_bytes(silence(0.3) + await spoken("路灯不亮") + silence(0.2))
        await ws.receive_str()
        running.send_signal(signal.SIGTERM)
        assert json.loads(await ws.receive_str())["text"] == "路灯 不亮"
        assert (await ws.receive()).data == aiohttp.WSCloseCode.GOING_AWAY
    assert await running.wait() == 0
    assert not path.exists()


async def test_a_server_killed_is_replaced_on_the_same_socket(process, engine, is_open):
    running, path = process
    running.kill()
    await running.wait()
    assert path.exists()
    server = SpeechServer(engine)
    await server.start(f"unix:{path}")
    assert await is_open(f"unix:{path}")
    await server.stop()


async def test_a_server_whose_threads_are_stuck_is_not_prompt(engine):
    server = SpeechServer(engine, threads=1)
    free = threading.Event()
    stuck = asyncio.create_task(server._turns.take("dictation", free.wait))
    await asyncio.sleep(0)
    assert not await server.is_prompt(0.2)
    free.set()
    await stuck
    assert await server.is_prompt(5)
    await server.stop()
