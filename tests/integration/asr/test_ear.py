from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

import pytest

from asr.again import Again
from asr.client import AsrClient, AsrUnavailable
from asr.ear import Deaf, Ear, HeardAgain, PartialText, SpeechStarted
from asr.engine import Recognizer
from asr.offline import transcribe
from asr.server import SpeechServer
from asr.transcript import Utterance

PATIENT = 20.0  # a machine may be busy; what is tested is what is heard, not how fast


class Told(list):
    """What an ear told, and the wait for it."""

    def __init__(self):
        super().__init__()
        self.more = asyncio.Event()
        self.faults: list[BaseException] = []

    def append(self, event):
        super().append(event)
        self.more.set()

    def fail(self, error):
        self.faults.append(error)
        self.more.set()

    def of(self, kind):
        return [event for event in self if isinstance(event, kind)]

    async def wait(self, kind, count: int = 1):
        async with asyncio.timeout(PATIENT):
            while len(self.of(kind)) < count:
                self.more.clear()
                await self.more.wait()
        return self.of(kind)


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def listen(client, told):
    def make(phrases=None, end_silence=0.6, start=0.0, doubts=None):
        return Ear(client, phrases, end_silence, start, told.append, told.fail, "question", None, doubts)

    return make


@pytest.fixture
async def mortal(folder, environment):
    """A speech server in a process of its own, to be killed: (pid, url)."""
    serve = (
        "import asyncio, sys; from asr.catalogue import open_model; from asr.server import serve;"
        "asyncio.run(serve(sys.argv[1], open_model(None), 0, asyncio.Event()))"
    )
    url = f"unix:{folder / 'mortal.sock'}"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", serve, url, env=environment)
    async with AsrClient(url) as client, asyncio.timeout(60):
        while True:
            try:
                await client.fingerprint()
                break
            except AsrUnavailable:
                await asyncio.sleep(0.05)
    yield process.pid, url
    if process.returncode is None:
        process.kill()
    await process.wait()


async def test_a_phrase_is_heard_with_its_times(listen, told, spoken, silence, matters):
    pcm = silence(1) + await spoken(matters[0]) + silence(1)
    listen(start=50.0).feed(pcm)
    (utterance,) = await told.wait(Utterance)
    assert utterance.text == matters[0]
    assert utterance.confirmed
    assert utterance.confidence > 0.8
    assert utterance.start == pytest.approx(51.0, abs=0.1)
    assert utterance.end == pytest.approx(50.0 + len(pcm) / 16000 - 1.0, abs=0.2)
    assert utterance.level == pytest.approx(-20, abs=4)
    assert "".join(w.text for w in utterance.words) == matters[0]
    assert utterance.words[0].start == pytest.approx(utterance.start, abs=0.15)
    assert utterance.words[-1].end == pytest.approx(utterance.end, abs=0.3)
    assert isinstance(told[0], SpeechStarted)
    partials = [p.text for p in told.of(PartialText)]
    assert len(partials) >= 5
    assert partials[0] != partials[-1]
    assert told[0].at <= told.of(PartialText)[0].at


async def test_words_of_later_phrases_lie_where_they_were_spoken(listen, told, spoken, silence, matters):
    ear, at, starts = listen(start=7.0), 7.0, []
    for matter in matters[:4]:
        pcm = await spoken(matter)
        starts.append(at + 2.0)
        at += 2.0 + len(pcm) / 16000
        ear.feed(silence(2) + pcm)
    ear.feed(silence(1))
    heard = await told.wait(Utterance, 4)
    assert [u.text for u in heard] == list(matters[:4])
    for utterance, start in zip(heard, starts, strict=True):
        assert utterance.words[0].start == pytest.approx(start, abs=0.15)
        assert utterance.start == pytest.approx(start, abs=0.15)


@pytest.mark.parametrize("chunk", [2, 322, 800, 4001])
async def test_any_chunking_is_heard_alike(client, spoken, silence, matters, chunk):
    pcm = silence(0.5) + await spoken(matters[1]) + silence(1.2) + await spoken("是的") + silence(1)
    heard = []
    for size in (len(pcm), chunk):
        told = Told()
        ear = Ear(client, None, 0.6, 0.0, told.append, told.fail)
        for at in range(0, len(pcm), size):
            ear.feed(pcm[at : at + size])
        await told.wait(Utterance, 2)
        ear.close()
        heard.append(list(told.of(Utterance)))
    assert heard[0] == heard[1]
    assert [u.text for u in heard[0]] == [matters[1], "是的"]


async def test_a_hang_up_in_mid_word_keeps_what_was_said(listen, told, spoken, silence, matters):
    ear = listen()
    ear.feed(silence(0.5) + await spoken(matters[0]))
    utterance = await ear.finish(PATIENT)
    assert utterance is not None
    assert utterance.text == matters[0]
    assert utterance.confirmed
    assert not told.of(Utterance), "the phrase cut off is returned, not told"
    ear.feed(silence(1) + await spoken("是的"))
    assert await ear.finish(PATIENT) == utterance


async def test_finish_waits_for_phrases_that_ended_before(listen, told, spoken, silence):
    ear = listen()
    ear.feed(silence(0.5) + await spoken("路灯不亮") + silence(1) + await spoken("是的"))
    last = await ear.finish(PATIENT)
    assert [u.text for u in told.of(Utterance)] == ["路灯不亮"]
    assert last is not None
    assert last.text == "是的"


async def test_nobody_spoke(listen, told, silence):
    ear = listen()
    ear.feed(silence(3))
    assert await ear.finish(PATIENT) is None
    assert told == []


async def test_phrases_restrict_the_answer(listen, spoken, silence):
    ear = listen(("是的", "对", "不对", "没有这个词的"))
    ear.feed(silence(0.5) + await spoken("不对"))
    answer = await ear.finish(PATIENT)
    assert answer is not None
    assert answer.text == "不对"


async def test_the_too_quiet_are_told_with_their_level(listen, told, spoken, silence, matters):
    listen().feed(silence(0.5) + await spoken(matters[0], -52.0) + silence(1.5))
    utterances = await told.wait(Utterance)
    assert utterances[0].level == pytest.approx(-52, abs=5)


async def test_close_drops_the_phrase(listen, told, spoken, silence):
    ear = listen()
    ear.feed(silence(0.5) + await spoken("路灯不亮"))
    ear.close()
    ear.close()
    ear.feed(silence(2))
    assert await ear.finish(0.1) is None
    assert not told.of(Utterance)


async def test_no_server_is_told_once(folder, told, spoken, silence):
    async with AsrClient(f"unix:{folder / 'nobody.sock'}") as client:
        with pytest.raises(AsrUnavailable, match="no speech server"):
            await client.fingerprint()
        ear = Ear(client, None, 0.6, 0.0, told.append, told.fail)
        ear.feed(silence(0.5) + await spoken("路灯不亮"))
        (deaf,) = await told.wait(Deaf)
        assert "no speech server" in deaf.reason
        ear.feed(silence(1) + await spoken("路灯不亮") + silence(1))
        await asyncio.sleep(0.05)
        utterance = await ear.finish(PATIENT)
        assert utterance is not None
        assert (utterance.text, utterance.confirmed) == ("", False)
        assert len(told.of(Deaf)) == 1


async def test_a_server_killed_in_a_phrase_leaves_its_partial(mortal, told, spoken, silence, matters):
    pid, url = mortal
    async with AsrClient(url) as client:
        ear = Ear(client, None, 0.6, 0.0, told.append, told.fail)
        ear.feed(silence(0.5) + await spoken(matters[0]))
        await told.wait(PartialText, 5)
        understood = told.of(PartialText)[-1].text
        os.kill(pid, signal.SIGKILL)
        await told.wait(Deaf)
        utterance = await ear.finish(PATIENT)
        assert utterance is not None
        assert not utterance.confirmed
        assert utterance.text.startswith(understood[:2])
        assert utterance.level == pytest.approx(-20, abs=4)
        assert len(told.of(Deaf)) == 1


async def test_a_server_killed_after_a_phrase_leaves_it_unconfirmed(mortal, told, spoken, silence, matters):
    pid, url = mortal
    async with AsrClient(url) as client:
        os.kill(pid, signal.SIGSTOP)  # it hangs before it answers
        ear = Ear(client, None, 0.6, 0.0, told.append, told.fail)
        ear.feed(silence(0.5) + await spoken(matters[0]) + silence(1))
        last = await ear.finish(0.2)
        assert last is None, "nobody was speaking any more"
        (utterance,) = told.of(Utterance)
        assert (utterance.text, utterance.confirmed) == ("", False)


async def test_a_server_that_hangs_is_given_up(mortal, told, spoken, silence, matters, monkeypatch):
    monkeypatch.setattr("asr.ear._PATIENCE_SECONDS", 0.3)
    pid, url = mortal
    async with AsrClient(url) as client:
        ear = Ear(client, None, 0.6, 0.0, told.append, told.fail)
        ear.feed(silence(0.5) + await spoken(matters[0]))
        await told.wait(PartialText)
        os.kill(pid, signal.SIGSTOP)
        async with asyncio.timeout(PATIENT):
            while not told.of(Deaf):
                ear.feed(await spoken("路灯不亮"))
                await asyncio.sleep(0.05)
        assert "behind" in told.of(Deaf)[0].reason
        began = time.monotonic()
        utterance = await ear.finish(PATIENT)
        assert time.monotonic() - began < PATIENT / 2, "a deaf ear does not wait"
        assert utterance is not None
        assert not utterance.confirmed


async def test_a_server_restarted_between_phrases_is_not_missed(folder, engine, told, spoken, silence):
    url = f"unix:{folder / 'again.sock'}"
    first = SpeechServer(engine)
    await first.start(url)
    async with AsrClient(url) as client:
        ear = Ear(client, None, 0.6, 0.0, told.append, told.fail)
        ear.feed(silence(0.5) + await spoken("路灯不亮") + silence(1))
        await told.wait(Utterance)
        await first.stop()
        second = SpeechServer(engine)
        await second.start(url)
        ear.feed(silence(1) + await spoken("是的") + silence(1))
        heard = await told.wait(Utterance, 2)
        ear.close()
        assert [u.text for u in heard] == ["路灯不亮", "是的"]
        assert heard[1].words[0].start == pytest.approx(heard[1].start, abs=0.15)
        assert not told.of(Deaf)
    await second.stop()


@pytest.mark.alone  # a busy machine rightly refuses some of them
async def test_twenty_ears_at_once_hear_what_each_hears_alone(client, spoken, silence, matters):
    async def one(number: int) -> list[Utterance]:
        told = Told()
        ear = Ear(client, None, 0.6, 0.0, told.append, told.fail)
        pcm = (
            silence(0.3 + number / 40)
            + await spoken(matters[number % len(matters)])
            + silence(1)
            + await spoken("是的")
        )
        for at in range(0, len(pcm), 800):
            ear.feed(pcm[at : at + 800])
            await asyncio.sleep(0)
        last = await ear.finish(PATIENT)
        return [*told.of(Utterance), last]

    alone = [await one(n) for n in range(20)]
    together = await asyncio.gather(*(one(n) for n in range(20)))
    assert together == alone
    assert [u.text for u in alone[0]] == [matters[0], "是的"]


async def test_a_recording_is_transcribed_the_same_every_time(client, spoken, silence, matters):
    pcm = silence(1)
    for matter in matters:
        pcm += await spoken(matter) + silence(1.5)
    first, second, *others = await asyncio.gather(*(transcribe(client, pcm, 3.0) for _ in range(6)))
    assert [u.text for u in first] == list(matters)
    assert second == first
    assert all(o == first for o in others)
    assert first[0].start == pytest.approx(4.0, abs=0.1)


async def test_offline_and_live_hear_alike(client, listen, told, spoken, silence, matters):
    pcm = silence(1) + await spoken(matters[0]) + silence(1.5) + await spoken(matters[2]) + silence(1.5)
    ear = listen(end_silence=1.0)
    for at in range(0, len(pcm), 801):
        ear.feed(pcm[at : at + 801])
    assert await told.wait(Utterance, 2) == list(await transcribe(client, pcm))


async def test_a_silent_recording_has_no_words(client, silence):
    assert await transcribe(client, silence(30)) == ()
    assert await transcribe(client, b"") == ()


async def test_no_server_for_a_recording(folder, spoken):
    async with AsrClient(f"unix:{folder / 'nobody.sock'}") as client:
        with pytest.raises(AsrUnavailable):
            await transcribe(client, await spoken("路灯不亮"))


async def test_a_server_that_is_always_late_is_given_up(listen, told, spoken, silence, matters, monkeypatch):
    """It answers every message, and each one later: the dialogue must not wait for what it says."""
    monkeypatch.setattr("asr.ear._PATIENCE_SECONDS", 0.5)
    accept = Recognizer.accept
    monkeypatch.setattr(Recognizer, "accept", lambda *a: time.sleep(0.3) or accept(*a))
    ear = listen()
    pcm = silence(0.5) + (await spoken(matters[0])) * 3
    async with asyncio.timeout(PATIENT):
        for at in range(0, len(pcm), 1600):
            ear.feed(pcm[at : at + 1600])
            await asyncio.sleep(0.05)
    assert "behind" in told.of(Deaf)[0].reason


async def test_closing_gives_back_what_was_being_said(listen, told, spoken, silence, matters):
    ear = listen(start=10.0)
    ear.feed(silence(0.5) + await spoken(matters[0]))
    await told.wait(PartialText, 3)
    (dropped,) = ear.close()
    assert dropped.text
    assert matters[0].startswith(dropped.text[:2])
    assert not dropped.confirmed
    assert dropped.start == pytest.approx(10.5, abs=0.15)
    assert ear.close() == []
    assert told.of(Utterance) == []


@pytest.mark.parametrize("broken", [PartialText, Utterance])
async def test_what_the_listener_raises_is_its_fault_and_not_lost(client, spoken, silence, matters, broken):
    """A full disk, say, when what was heard is written down."""
    told = Told()

    def tell(event):
        if isinstance(event, broken):
            raise OSError(28, "no space left on device")
        told.append(event)

    ear = Ear(client, None, 0.6, 0.0, tell, told.fail)
    ear.feed(silence(0.5) + await spoken(matters[0]) + silence(1))
    async with asyncio.timeout(PATIENT):
        while not told.faults:
            told.more.clear()
            await told.more.wait()
    (fault,) = told.faults
    assert isinstance(fault, OSError)
    assert not told.of(Deaf), "the server is well"
    ear.feed(await spoken(matters[1]) + silence(1))
    assert await ear.finish(PATIENT) is None
    assert len(told.faults) == 1


async def test_what_was_not_understood_begins_with_the_phrase_that_was_lost(
    folder, told, spoken, silence, matters
):
    async with AsrClient(f"unix:{folder / 'nobody.sock'}") as client:
        ear = Ear(client, None, 0.6, 20.0, told.append, told.fail)
        ear.feed(silence(3) + await spoken(matters[0]))
        (deaf,) = await told.wait(Deaf)
        assert deaf.since == told.of(SpeechStarted)[0].at == pytest.approx(23.0, abs=0.15)
        assert not deaf.busy


async def test_closing_in_silence_gives_nothing(listen, silence):
    ear = listen()
    ear.feed(silence(2))
    assert ear.close() == []


ANSWERS = ("是的", "不对", "转人工", "爆炸了", "着火了")


@pytest.fixture
def patient(monkeypatch):
    monkeypatch.setattr("asr.again._SECONDS", PATIENT)


@pytest.mark.usefixtures("patient")
async def test_a_phrase_in_doubt_is_heard_once_more_freely_where_it_was_said(
    listen, told, spoken, silence, matters
):
    ear = listen(ANSWERS, start=50.0, doubts=lambda one: isinstance(one, Utterance) and one.text != "是的")
    ear.feed(silence(1) + await spoken("是的") + silence(1) + await spoken(matters[5]) + silence(1))
    (sure,) = await told.wait(Utterance)
    assert sure.text == "是的"
    (again,) = await told.wait(HeardAgain)
    assert again.freely.text == matters[5] != again.among.text
    assert (again.freely.start, again.freely.end) == (again.among.start, again.among.end)
    assert again.freely.confirmed
    assert again.freely.words[0].start == pytest.approx(again.freely.start, abs=0.15)
    assert told.of(Utterance) == [sure], "what is in doubt is told once"


@pytest.mark.usefixtures("patient")
async def test_who_rests_is_heard_once_more_before_his_phrase_has_ended(
    listen, told, spoken, silence, matters
):
    ear = listen(ANSWERS, end_silence=2.0, doubts=lambda _: True)
    ear.feed(silence(0.5) + await spoken(matters[5]) + silence(0.6))
    async with asyncio.timeout(PATIENT):
        while not (freely := [p for p in told.of(PartialText) if p.freely]):
            told.more.clear()
            await told.more.wait()
    assert ear.speaking
    assert freely[0].text == matters[5]
    ear.feed(silence(0.5) + await spoken("路灯不亮") + silence(2.5))
    (again,) = await told.wait(HeardAgain)
    assert again.freely.text == matters[5] + "路灯不亮"


@pytest.mark.usefixtures("patient")
async def test_a_phrase_in_doubt_that_a_key_cuts_off_is_heard_once_more_too(listen, spoken, silence, matters):
    ear = listen(ANSWERS, doubts=lambda _: True)
    ear.feed(silence(0.5) + await spoken(matters[5]))
    again = await ear.finish(PATIENT)
    assert isinstance(again, HeardAgain)
    assert again.freely.text == matters[5]


async def test_what_nobody_can_hear_once_more_is_told_as_it_was_heard(
    listen, server, told, spoken, silence, matters
):
    def doubt(_):
        server._crowd.refuse = lambda _purpose: "speech waits 9 s to be decoded"
        return True

    listen(ANSWERS, doubts=doubt).feed(silence(0.5) + await spoken(matters[5]) + silence(1))
    (again,) = await told.wait(HeardAgain)
    assert again.freely is None
    assert again.among.text
    assert not told.of(Deaf), "the question goes on"


async def test_a_phrase_is_not_lost_while_it_is_heard_once_more(
    listen, told, spoken, silence, matters, monkeypatch
):
    begun = asyncio.Event()

    async def hear(*_args, **_named):
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Again, "hear", hear)
    ears = [listen(ANSWERS, doubts=lambda one: isinstance(one, Utterance)) for _ in range(2)]
    for ear in ears:
        begun.clear()
        ear.feed(silence(0.5) + await spoken(matters[5]) + silence(1))
        async with asyncio.timeout(PATIENT):
            await begun.wait()
    (dropped,) = ears[0].close()
    assert dropped.text
    assert not dropped.confirmed
    assert await ears[1].finish(0.05) is None, "nobody speaks any more"
    (told_of,) = told.of(Utterance)
    assert (told_of.text, told_of.confirmed) == (dropped.text, False)
    assert told.of(HeardAgain) == told.faults == []


@pytest.mark.usefixtures("patient")
async def test_what_is_over_before_it_can_be_heard_once_more_leaves_no_stream(client, server, spoken):
    asked, may_open = asyncio.Event(), asyncio.Event()

    class Slow(AsrClient):
        async def open(self, phrases=None, purpose="dictation"):
            asked.set()
            await may_open.wait()
            return await client.open(phrases, purpose)

    again = Again(Slow("unix:/nowhere"))
    hearing = asyncio.create_task(again.hear([await spoken("路灯不亮")], ended=False))
    async with asyncio.timeout(PATIENT):
        await asked.wait()
        await again.close()
        may_open.set()
        assert await hearing is None
        while server.streams:  # noqa: ASYNC110 - a server tells nobody that a stream is over
            await asyncio.sleep(0.02)
