"""More to decode than the server can: who is served, who is told, and that it passes."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from functools import partial

import aiohttp
import pytest

from asr.address import read_address
from asr.catalogue import open_model
from asr.client import AsrBusy, AsrClient
from asr.ear import Deaf, Ear, Utterance
from asr.metrics import REGISTRY
from asr.offline import transcribe
from asr.protocol import RESET
from asr.server import SpeechServer
from asr.turns import Turns
from bench.throttle import SlowEngine

PIECE = 3200  # bytes, 0.2 s
AT_ONCE = 0.2  # seconds within which a refusal comes
SPEAKERS = 8
PATIENT = 30.0


@pytest.fixture(scope="module")
def slow_engine():
    return SlowEngine(open_model(None), 2.0)


@pytest.fixture
async def slow(slow_engine, folder):
    """A server that keeps up with two speakers."""
    server = SpeechServer(slow_engine, threads=2)
    server.url = f"unix:{folder / 'slow.sock'}"
    await server.start(server.url)
    yield server
    await server.stop()


@pytest.fixture
async def web(slow):
    connector = aiohttp.UnixConnector(read_address(slow.url).path, limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


async def speak_on(client: AsrClient, pcm: bytes, purpose: str = "dictation") -> str:
    """Speak over and over at the pace of speech, until told that the server is busy; what it said."""
    async with await client.open(purpose=purpose) as stream:

        async def say() -> None:
            while True:
                for at in range(0, len(pcm), PIECE):
                    await stream.send(pcm[at : at + PIECE])
                    await asyncio.sleep(0.2)

        saying = asyncio.create_task(say())
        try:
            while True:
                await stream.receive()
        except AsrBusy as error:
            return str(error)
        finally:
            saying.cancel()


async def until_refused(web, purpose: str = "dictation") -> tuple[dict, int, float]:
    """Ask to be let in until the answer is no: the answer, the close code, and how long it took."""
    async with asyncio.timeout(PATIENT):
        while True:
            async with web.ws_connect("http://asr/") as ws:
                began = time.monotonic()
                await ws.send_json({"config": {"sample_rate": 8000, "purpose": purpose}})
                try:
                    answer = await ws.receive(timeout=0.5)
                except TimeoutError:
                    continue
                took = time.monotonic() - began
                return json.loads(answer.data), (await ws.receive()).data, took


@pytest.mark.alone
async def test_who_is_too_many_is_told_before_he_speaks_and_let_in_afterwards(slow, web, spoken, matters):
    pcm = await spoken(matters[0])
    async with AsrClient(slow.url) as client:
        crowd = [asyncio.create_task(speak_on(client, pcm)) for _ in range(SPEAKERS)]
        answer, code, took = await until_refused(web)
        assert answer["code"] == "busy"
        assert answer["error"].startswith("busy: ")
        assert code == aiohttp.WSCloseCode.TRY_AGAIN_LATER
        assert took <= AT_ONCE
        assert slow.trouble
        for speaker in crowd:
            speaker.cancel()
        await asyncio.wait(crowd)
        async with asyncio.timeout(PATIENT):
            while slow.streams or slow.trouble:  # noqa: ASYNC110 - the server tells nobody
                await asyncio.sleep(0.02)
        (utterance,) = await transcribe(client, pcm + bytes(32000))
        assert utterance.text == matters[0]


async def test_of_eight_that_begin_at_one_moment_the_newest_are_told_and_the_oldest_stays(
    slow, spoken, matters
):
    """Nothing waits yet, and decoding keeps up with two."""
    pcm = await spoken(matters[0])
    async with AsrClient(slow.url) as client:
        first = asyncio.create_task(speak_on(client, pcm))
        async with asyncio.timeout(PATIENT):
            while not slow.streams:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
        others = [asyncio.create_task(speak_on(client, pcm)) for _ in range(SPEAKERS - 1)]
        done, _ = await asyncio.wait(others, timeout=PATIENT, return_when=asyncio.FIRST_COMPLETED)
        assert done
        assert all("busy" in speaker.result() for speaker in done)
        assert not first.done(), "the oldest stays"
        for speaker in (first, *others):
            speaker.cancel()
        await asyncio.wait((first, *others))


@pytest.mark.alone
async def test_two_clients_with_long_frames_do_not_hold_up_a_live_one(web, spoken, silence, matters):
    frame = (b"".join([await spoken(m) for m in matters]) * 2)[: 15 * 16000]
    async with web.ws_connect("http://asr/") as one, web.ws_connect("http://asr/") as other:
        for ws in (one, other):
            await ws.send_json({"config": {"purpose": "late"}})
            await ws.send_bytes(frame)
        await asyncio.sleep(0.1)
        async with web.ws_connect("http://asr/") as live:
            await live.send_json({"config": {"purpose": "question"}})
            waits = []
            pcm = await spoken("路灯不亮") + silence(0.4)
            for at in range(0, len(pcm), PIECE):
                began = time.monotonic()
                await live.send_bytes(pcm[at : at + PIECE])
                await live.receive_str()
                waits.append(time.monotonic() - began)
            await live.send_str('{"eof" : 1}')
            assert json.loads(await live.receive_str())["text"] == "路灯 不亮"
        # At most what both threads were decoding when it came: a turn each, at two seconds of audio a second.
        assert max(waits) < 1.5


async def test_who_sends_a_recording_as_if_it_were_live_neither_holds_up_nor_drives_out(
    slow, spoken, matters
):
    """A client that knows of no purpose, and sends as fast as the socket takes it."""
    recording = b"".join([await spoken(m) for m in matters])
    async with AsrClient(slow.url) as client, await client.open() as flood:
        for at in range(0, len(recording), PIECE):
            await flood.send(recording[at : at + PIECE])
        await flood.receive()
        assert not slow.trouble
        assert "busy" not in await speak_for(client, await spoken(matters[0]), 4.0)


async def test_who_has_spoken_live_may_go_on_with_a_recording(web):
    skipped = partial(REGISTRY.get_sample_value, "hotline_asr_partials_skipped_total")
    async with web.ws_connect("http://asr/") as ws:
        for _ in range(6):
            await ws.send_bytes(bytes(PIECE))
        await ws.send_str('{"reset" : 1}')
        for _ in range(7):
            await ws.receive_str()
        before = skipped()
        await ws.send_json({"config": {"purpose": "late"}})
        await ws.send_bytes(bytes(PIECE))
        await ws.receive_str()
        assert skipped() == before + 1, "nobody reads a recording's partials"


async def speak_for(client: AsrClient, pcm: bytes, seconds: float) -> str:
    """Speak so long; why that ended, "" when nobody objected."""
    speaking = asyncio.create_task(speak_on(client, pcm))
    done, _ = await asyncio.wait({speaking}, timeout=seconds)
    speaking.cancel()
    return speaking.result() if done else ""


async def test_a_long_frame_is_heard_as_if_it_were_decoded_whole(
    web, engine, spoken, silence, matters, slow_engine
):
    slow_engine.rate = 1000.0
    try:
        pcm = silence(0.3) + b"".join([await spoken(m) + silence(1) for m in matters[:3]])
        recognizer = engine.recognizer(8000)
        whole = recognizer.result() if recognizer.accept(pcm) else recognizer.partial()
        async with web.ws_connect("http://asr/") as ws:
            await ws.send_bytes(pcm)
            # (A recogniser that has served before tells its times anew: the same, in other spaces.)
            assert json.loads(await ws.receive_str()) == json.loads(whole)
            await ws.send_str('{"eof" : 1}')
            assert json.loads(await ws.receive_str()) == json.loads(recognizer.final())
    finally:
        slow_engine.rate = 2.0


async def test_who_is_behind_gets_every_word_and_fewer_partials(slow, spoken, silence, matters):
    async def dictate(client, seconds: float) -> list:
        pcm = silence(seconds) + await spoken(matters[1]) + silence(0.4)
        async with await client.open() as stream:
            pieces = [pcm[at : at + PIECE] for at in range(0, len(pcm), PIECE)]
            for piece in pieces:
                await stream.send(piece)
            await stream.finish()
            return [await stream.receive() for _ in range(len(pieces) + 1)]

    async with AsrClient(slow.url) as client:
        answers = await asyncio.gather(*(dictate(client, n / 5) for n in range(4)))
    assert [replies[-1].text for replies in answers] == [matters[1]] * 4


async def test_an_ear_that_is_refused_says_so(slow, web, spoken, silence, matters):
    pcm = await spoken(matters[0])
    async with AsrClient(slow.url) as client:
        crowd = [asyncio.create_task(speak_on(client, pcm)) for _ in range(SPEAKERS)]
        await until_refused(web)
        told: asyncio.Queue = asyncio.Queue()
        Ear(client, None, 0.6, 0.0, told.put_nowait, told.put_nowait).feed(silence(0.5) + pcm)
        async with asyncio.timeout(PATIENT):
            while not isinstance(event := await told.get(), Deaf):
                assert not isinstance(event, Utterance)
        assert event.busy
        assert "busy" in event.reason
        for speaker in crowd:
            speaker.cancel()
        await asyncio.wait(crowd)


async def test_decoding_threads_give_way_to_the_rest_of_their_process():
    turns = Turns(1)

    def look() -> tuple[int, int]:
        thread = threading.get_native_id()
        return os.sched_getscheduler(thread), os.getpriority(os.PRIO_PROCESS, thread)

    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert await turns.take("dictation", look) == (os.SCHED_BATCH, min(19, own + 5))
    turns.close()


async def test_turns_go_by_urgency_and_in_rounds():
    turns, order, free = Turns(1), [], threading.Event()

    async def one(purpose: str, name: str, times: int) -> None:
        for number in range(times):
            await turns.take(purpose, lambda: order.append(f"{name}{number}"))  # noqa: B023 - awaited here

    stuck = asyncio.create_task(turns.take("dictation", free.wait))
    await asyncio.sleep(0)
    waiting = [
        asyncio.create_task(one(*who))
        for who in (("late", "l", 1), ("dictation", "a", 2), ("dictation", "b", 2), ("question", "q", 2))
    ]
    left = asyncio.create_task(turns.take("question", lambda: order.append("left")))
    await asyncio.sleep(0)
    assert turns.waiting == 5
    left.cancel()
    free.set()
    await asyncio.gather(stuck, *waiting)
    assert (order[0], order[-1]) == ("q0", "l0")
    assert "q1" in order[1:3], "whose turn is over asks again while another has his"
    assert [name for name in order if name[0] in "ab"] == ["a0", "b0", "a1", "b1"]
    assert turns.waiting == 0
    with pytest.raises(ZeroDivisionError):
        await turns.take("question", lambda: 1 / 0)
    assert await turns.take("question", lambda: 7) == 7
    turns.close()


async def test_who_is_to_get_a_final_goes_before_those_who_speak_on():
    turns, order, free, ended = Turns(1), [], threading.Event(), []
    stuck = asyncio.create_task(turns.take("dictation", free.wait))
    await asyncio.sleep(0)
    waiting = [
        asyncio.create_task(turns.take(purpose, partial(order.append, name), lambda name=name: name in ended))
        for purpose, name in (("late", "l"), ("dictation", "a"), ("dictation", "b"), ("question", "q"))
    ]
    await asyncio.sleep(0)
    ended += ["b", "l"]  # while they wait
    free.set()
    await asyncio.gather(stuck, *waiting)
    assert order == ["q", "b", "a", "l"]
    turns.close()


async def test_who_speaks_on_has_his_turn_however_many_finals_are_asked_for(monkeypatch):
    monkeypatch.setattr("asr.turns._PATIENCE_SECONDS", 0.1)
    turns = Turns(1)

    async def ask() -> None:
        while True:
            await turns.take("dictation", partial(time.sleep, 0.001), lambda: True)

    asking = [asyncio.create_task(ask()) for _ in range(3)]
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENT):
        await turns.take("dictation", lambda: None)
    for task in asking:
        task.cancel()
    await asyncio.wait(asking)
    turns.close()


async def test_only_the_final_of_something_said_goes_before_others(slow, web, monkeypatch):
    asked, take = [], slow._turns.take

    def look(purpose, work, is_last):
        asked.append(is_last())
        return take(purpose, work, is_last)

    monkeypatch.setattr(slow._turns, "take", look)
    async with web.ws_connect("http://asr/") as ws:
        for message in (RESET, bytes(PIECE), RESET):
            await (ws.send_str(message) if message is RESET else ws.send_bytes(message))
            await ws.receive_str()
    assert asked == [False, False, True]


async def test_a_turn_that_is_asked_for_and_not_done_can_be_seen():
    turns, free, at_work = Turns(1), threading.Event(), threading.Event()

    def hold() -> None:
        at_work.set()
        free.wait()

    assert turns.delay("dictation") == 0.0
    began = time.monotonic()
    held = asyncio.create_task(turns.take("dictation", hold))
    await asyncio.to_thread(at_work.wait)
    waiting = asyncio.create_task(turns.take("question", lambda: None))
    left = asyncio.create_task(turns.take("question", lambda: None))
    await asyncio.sleep(0)
    assert 0.0 < turns.delay("question") < turns.delay("dictation") <= time.monotonic() - began
    assert turns.delay("late") == 0.0
    left.cancel()
    held.cancel()
    await asyncio.wait({left, held})
    assert turns.delay("dictation") > 0.0, "it holds its thread, whoever waits for it"
    free.set()
    await waiting
    assert turns.delay("dictation") == turns.delay("question") == 0.0
    turns.close()


async def test_no_recording_holds_up_who_speaks_live():
    """However long a piece of it takes; it has a thread of its own, and gives way on the processor."""
    turns, free, done = Turns(2), threading.Event(), []

    def look() -> tuple[str, int]:
        return threading.current_thread().name.rpartition("_")[0], os.getpriority(
            os.PRIO_PROCESS, threading.get_native_id()
        )

    stuck = asyncio.create_task(turns.take("late", free.wait))
    await asyncio.sleep(0)
    after = asyncio.create_task(turns.take("late", lambda: done.append("late")))
    held = [asyncio.create_task(turns.take("dictation", free.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    assert turns.waiting == 1, "two speak live, and both are heard; of recordings one at a time"
    held.append(asyncio.create_task(turns.take("question", lambda: done.append("live"))))
    await asyncio.sleep(0)
    free.set()
    await asyncio.gather(stuck, after, *held)
    assert sorted(done) == ["late", "live"]
    (live, its), (late, other) = [await turns.take(purpose, look) for purpose in ("question", "late")]
    assert (live, late) == ("decode", "decode-late")
    assert other == min(19, its + 10)
    turns.close()


async def test_a_recording_waits_while_every_thread_is_at_work_and_comes_at_the_end():
    turns, free, order = Turns(2), threading.Event(), []
    held = [asyncio.create_task(turns.take("dictation", free.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    late = asyncio.create_task(turns.take("late", lambda: order.append("late")))
    await asyncio.sleep(0)
    left = asyncio.create_task(turns.take("late", lambda: order.append("left")))
    live = asyncio.create_task(turns.take("question", lambda: order.append("live")))
    await asyncio.sleep(0)
    assert turns.waiting == 3
    left.cancel()
    free.set()
    await asyncio.gather(late, live, *held)
    assert sorted(order) == ["late", "live"]
    assert turns.waiting == 0
    assert await turns.take("late", lambda: 7) == 7
    turns.close()


async def test_a_recording_waits_for_one_who_speaks_live_but_not_for_ever(monkeypatch):
    turns, free, done = Turns(2), threading.Event(), asyncio.Event()
    held = asyncio.create_task(turns.take("dictation", free.wait))
    await asyncio.sleep(0)
    late = asyncio.create_task(turns.take("late", lambda: "late"))
    late.add_done_callback(lambda _late: done.set())
    await asyncio.sleep(0)
    await turns.take("question", lambda: None)
    assert not done.is_set(), "one of two threads is at work for who speaks live"
    monkeypatch.setattr("asr.turns._PATIENCE_SECONDS", 0.0)
    await turns.take("question", lambda: None)
    async with asyncio.timeout(PATIENT):
        assert await late == "late"
    free.set()
    await held
    monkeypatch.undo()
    assert await turns.take("late", lambda: 7) == 7
    turns.close()


async def flood(writer: asyncio.StreamWriter, data: bytes) -> None:
    while True:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0)


@pytest.mark.few  # what it has sent is decoded within the test's time
async def test_who_does_not_read_is_let_go_and_what_he_sent_counts_no_more(slow, monkeypatch):
    monkeypatch.setattr("asr.stream._UNREAD_SECONDS", 0.5)
    path = read_address(slow.url).path
    _reader, writer = await asyncio.open_unix_connection(path, limit=1)  # reads no more than it is asked for
    upgrade = "GET / HTTP/1.1\r\nHost: asr\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    writer.write((upgrade + key).encode())
    frame = b"\x82\x82" + bytes(4) + bytes(2)  # one sample, RFC 6455, 5.2
    async with asyncio.timeout(PATIENT):
        with pytest.raises(ConnectionError):
            await flood(writer, frame * 100)
        while slow.streams or slow._crowd.load.backlog("dictation"):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.02)
    writer.transport.abort()
