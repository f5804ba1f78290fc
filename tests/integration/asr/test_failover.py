"""Servers that die, stop, are full, or are not ours: no word is lost, and no call goes deaf."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import ssl
import sys

import aiohttp
import pytest
from aiohttp import web
from peers.keys import make

from asr.catalogue import DEMO_MODEL
from asr.client import AsrBusy, AsrClient, AsrUnavailable
from asr.door import Entrance
from asr.ear import Deaf, Ear, HeardAgain, PartialText, Utterance
from asr.offline import transcribe
from asr.server import SpeechServer

PATIENT = 60.0
PIECE = 3200


class Call:
    """One caller's ear, and what it told."""

    def __init__(self, client: AsrClient) -> None:
        self.told: list = []
        self.changed = asyncio.Event()
        self.ear = Ear(client, None, 0.5, 0.0, self._tell, self._tell)

    def _tell(self, event) -> None:
        self.told.append(event)
        self.changed.set()

    async def until(self, kind: type):
        async with asyncio.timeout(PATIENT):
            while True:
                found = [e for e in self.told if isinstance(e, kind | Deaf | BaseException)]
                if found:
                    return found[-1]
                self.changed.clear()
                await self.changed.wait()


async def in_the_midst(client: AsrClient, said: list[bytes]) -> list[Call]:
    """Calls that have said the first part of what they say, and been understood so far."""
    calls = [Call(client) for _ in said]
    for call, pcm in zip(calls, said, strict=True):
        call.ear.feed(pcm[: len(pcm) * 2 // 3 // 2 * 2])
    for call in calls:
        assert isinstance(await call.until(PartialText), PartialText)
    return calls


@pytest.mark.few  # twenty at once, and a server that falls behind rightly refuses some
async def test_one_of_two_servers_is_killed_in_the_middle_of_twenty_sentences(
    served, folder, spoken, silence, matters
):
    urls = [f"unix:{folder / name}.sock" for name in ("one", "two")]
    processes = [await served(url) for url in urls]
    said = [silence(0.4) + await spoken(matters[n % len(matters)]) + bytes(16000) for n in range(20)]
    async with AsrClient(" ".join(urls)) as client:
        calls = await in_the_midst(client, said)
        assert [place.streams for place in client._places] == [10, 10], "the least loaded is asked"
        processes[0].kill()
        for call, pcm in zip(calls, said, strict=True):
            call.ear.feed(pcm[len(pcm) * 2 // 3 // 2 * 2 :])
        heard = [await call.until(Utterance) for call in calls]
        assert [getattr(h, "text", h) for h in heard] == [matters[n % len(matters)] for n in range(20)]
        for utterance, pcm in zip(heard, said, strict=True):
            starts = [w.start for w in utterance.words]
            assert starts == sorted(starts)
            assert 0.2 < starts[0] < utterance.words[-1].end < len(pcm) / 16000
        for call in calls:
            call.ear.close()


async def test_the_only_server_is_killed_and_started_again_in_the_middle_of_a_sentence(
    served, folder, spoken, silence, matters
):
    url = f"unix:{folder / 'only.sock'}"
    first = await served(url)
    said = silence(0.4) + await spoken(matters[0]) + bytes(16000)
    async with AsrClient(url) as client:
        (call,) = await in_the_midst(client, [said])
        first.kill()
        await first.wait()
        call.ear.feed(said[len(said) * 2 // 3 // 2 * 2 :])
        await served(url)
        assert (await call.until(Utterance)).text == matters[0]
        call.ear.close()


async def test_one_of_two_servers_stands_still_in_the_middle_of_a_sentence(
    server, served, folder, spoken, silence, matters
):
    still = f"unix:{folder / 'still.sock'}"
    process = await served(still)
    said = [silence(0.4) + await spoken(matters[n]) + bytes(16000) for n in range(2)]
    async with AsrClient(f"{still} {server.url}") as client:
        calls = await in_the_midst(client, said)
        assert [place.streams for place in client._places] == [1, 1]
        process.send_signal(signal.SIGSTOP)
        for call, pcm in zip(calls, said, strict=True):
            call.ear.feed(pcm[len(pcm) * 2 // 3 // 2 * 2 :])
        assert [(await call.until(Utterance)).text for call in calls] == list(matters[:2])
        assert [place.load[0] for place in client._places] == [True, False], "nobody waits for it"
        for call in calls:
            call.ear.close()


async def test_a_server_that_stops_hands_its_callers_over(served, folder, spoken, silence, matters):
    urls = [f"unix:{folder / name}.sock" for name in ("one", "two")]
    processes = [await served(url) for url in urls]
    said = [silence(0.4) + await spoken(matters[n]) + bytes(16000) for n in range(4)]
    async with AsrClient(",".join(urls)) as client:
        calls = await in_the_midst(client, said)
        processes[1].send_signal(signal.SIGTERM)
        assert await processes[1].wait() == 0
        for call, pcm in zip(calls, said, strict=True):
            call.ear.feed(pcm[len(pcm) * 2 // 3 // 2 * 2 :])
        assert [(await call.until(Utterance)).text for call in calls] == list(matters[:4])
        for call in calls:
            call.ear.close()


async def test_whoever_is_refused_by_one_server_is_served_by_another(server, engine, folder, spoken):
    full = SpeechServer(engine)
    full._crowd.refuse = lambda _purpose: "speech waits 9 s to be decoded"
    await full.start(f"unix:{folder / 'full.sock'}")
    pcm = await spoken("路灯不亮") + bytes(16000)
    async with AsrClient(f"unix:{folder / 'full.sock'} {server.url}") as client:
        (utterance,) = await transcribe(client, pcm)
        assert utterance.text == "路灯不亮"
    async with AsrClient(f"unix:{folder / 'full.sock'}") as client:
        with pytest.raises(AsrBusy):
            await transcribe(client, pcm)
    await full.stop()


@pytest.mark.parametrize("kind", [(), ("--alternatives",), ("--whole",)])
async def test_our_client_and_a_stock_server(
    served, unused_tcp_port, spoken, silence, matters, kind, monkeypatch
):
    monkeypatch.setattr("asr.again._SECONDS", PATIENT)
    await served(
        f"tcp:127.0.0.1:{unused_tcp_port}",
        *(sys.executable, "-m", "bench.stockserver", str(unused_tcp_port), str(DEMO_MODEL), *kind),
    )
    said = silence(0.4) + await spoken(matters[0]) + bytes(20000) + await spoken(matters[3]) + bytes(32000)
    async with AsrClient(f"ws://127.0.0.1:{unused_tcp_port}") as client:
        model = await client.fingerprint()
        assert (model.name, model.sha256) == ("vosk-server", "")
        heard = await transcribe(client, said)
        assert [u.text for u in heard] == [matters[0], matters[3]]
        assert all(0 < w.confidence <= 1 for u in heard for w in u.words)
        call = Call(client)
        call.ear.feed(said)
        assert isinstance(await call.until(Utterance), Utterance)
        call.ear.close()
        told: asyncio.Queue[object] = asyncio.Queue()
        tell = told.put_nowait
        ear = Ear(
            client, ("是的", "不对"), 0.6, 0.0, tell, tell, doubts=lambda one: isinstance(one, Utterance)
        )
        ear.feed(silence(0.4) + await spoken(matters[0]) + bytes(20000))
        async with asyncio.timeout(PATIENT):
            while not isinstance(again := await told.get(), HeardAgain):
                assert not isinstance(again, BaseException)
        assert again.freely is not None
        assert again.freely.text == matters[0]
        ear.close()


async def test_only_who_has_the_token_is_let_in_and_over_tls(engine, tmp_path, spoken):
    make(tmp_path, "speech", address="127.0.0.1")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "speech.crt", tmp_path / "speech.key")
    server = SpeechServer(engine, entrance=Entrance("open sesame", tls))
    await server.start("tcp:127.0.0.1:0")
    url, trust = f"wss://127.0.0.1:{server.port}", ssl.create_default_context(cafile=tmp_path / "ca.pem")
    async with AsrClient(url, "open sesame", trust) as client:
        assert (await client.fingerprint()).demo
        (utterance,) = await transcribe(client, await spoken("路灯不亮") + bytes(16000))
        assert utterance.text == "路灯不亮"
    for token, context in (("", trust), ("open", trust), ("open sesame", None)):
        async with AsrClient(url, token, context) as client:
            with pytest.raises(AsrUnavailable):
                await client.open()
            with pytest.raises(AsrUnavailable, match="401" if context else "certificate"):
                await client.fingerprint()
    await server.stop()


@pytest.mark.parametrize(
    ("status", "is_taken_for_one"),
    [(426, True), (404, True), (401, False), (403, False), (502, False), (504, False)],
)
async def test_what_refuses_or_stands_before_a_dead_one_is_no_stock_server(
    aiohttp_server, status, is_taken_for_one
):
    async def answer(_):
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/{what}", answer)
    front = await aiohttp_server(app)
    async with AsrClient(f"ws://127.0.0.1:{front.port}") as client:
        if is_taken_for_one:
            assert (await client.fingerprint()).name == "vosk-server"
        else:
            with pytest.raises(AsrUnavailable, match=str(status)):
                await client.fingerprint()


async def test_a_crowd_at_the_door_ends_nobody_who_is_in(served, folder, spoken, silence, tmp_path):
    """More connections than files may be open, none of which asks for anything; the log stays short."""
    path, log = folder / "small.sock", tmp_path / "log"
    with log.open("wb") as stream:
        await served(f"unix:{path}", files=120, log=stream)
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as web:
        async with web.ws_connect("http://asr/") as ws:
            crowd = []
            for _ in range(400):
                knocking = socket.socket(socket.AF_UNIX)
                knocking.settimeout(0)
                crowd.append(knocking)
                try:
                    knocking.connect(str(path))
                except BlockingIOError:
                    await asyncio.sleep(0.01)
            await ws.send_bytes(silence(0.3) + await spoken("路灯不亮") + silence(0.3))
            await ws.receive_str()
            await ws.send_str('{"eof" : 1}')
            assert json.loads(await ws.receive_str())["text"] == "路灯 不亮"
            for knocking in crowd:
                knocking.close()
        async with asyncio.timeout(PATIENT):
            while True:
                try:
                    async with web.get("http://asr/healthz") as response:
                        assert response.status == 200
                        break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.05)
    assert len(log.read_text().splitlines()) < 20


@pytest.mark.few  # "soon" is told by the clock
async def test_sigterm_is_over_soon_beside_clients_that_send_recordings(served, folder, spoken):
    """Of what they have sent ahead a minute's decoding is left; they can send it again."""
    url = f"unix:{folder / 'slow.sock'}"
    process = await served(url, sys.executable, "-m", "bench.throttle", url, "--rate", "1")
    pcm = await spoken("路灯不亮") * 20
    async with AsrClient(url) as client:
        streams = [await client.open(purpose=purpose) for purpose in ("late", "dictation", "late")]
        for stream in streams:
            for at in range(0, len(pcm), PIECE):
                await asyncio.wait({asyncio.create_task(stream.send(pcm[at : at + PIECE]))}, timeout=0.2)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(8):
            assert await process.wait() == 0
