"""Danger told to a closed question, by real speech over G.711: it is heard, and other speech is not taken for it.

The question has nothing but its own words, so that other speech sounds of danger there: what it seems to tell is heard
once more, freely (docs/adr/0035). The phrases are of the demonstration model's vocabulary, in a voice that it has
learnt and in one that it never heard.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from integration.asr.test_engine import FOREIGN

from asr.catalogue import open_model
from asr.client import AsrClient
from asr.demo_model.g711 import ALAW, pass_through
from asr.engine import Engine
from asr.server import SpeechServer
from config.document import embedded, load
from config.prompts import PromptTexts
from gateway.calls.listener import Listener
from gateway.prompts.voice import speak
from ivr import asking
from ivr.actions import Listen
from ivr.compile import compile_flow
from ivr.events import Alarmed, Heard
from ivr.flow import Ask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from asr.transcript import Utterance
    from ivr.events import Event
    from ivr.flow import Flow

VOICES = ("cmn-latn-pinyin", "cmn-latn-pinyin+m7")
_DANGERS = (
    "我家着火了 着火了 起火了 我家起火了 楼上着火了 邻居家着火了 小区着火了 学校着火了 仓库着火了 "
    "电梯着火了 车着火了 着火了救命 快来人着火了 我家着火了快来人 家里着火 家里冒烟了 救命 救命啊 "
    "救命救命 煤气泄漏 厨房煤气泄漏了 燃气泄漏 燃气泄漏了 有煤气味 煤气中毒了 煤气中毒 有人中毒了 "
    "爆炸了 工厂爆炸了 有人放火 有人持刀打人 有人砍人 他打我救命 有人落水了 有人落水 孩子落水了 "
    "有人溺水了 触电了 有人触电了 孩子触电了 漏电了 电线漏电了 有人晕倒了 有人晕倒了快来 "
    "老人晕倒了 老人昏迷了 塌方了 房子坍塌了 出车祸了 不想活了 我不想活了 活不下去了 我要跳楼 "
    "有人要跳楼 要跳河 我要跳河 想自杀 我想自杀 有人要自杀 我想死 割腕了 有人割腕 喝农药了 "
    "有人喝农药了"
)
DANGERS = _DANGERS.split()


@cache
def flow() -> Flow:
    return compile_flow(embedded("flows/default.yaml"), load(PromptTexts, embedded("prompts.yaml")))


def over_the_line(pcm: bytes, seed: int) -> bytes:
    """What a telephone leaves of it, with a caller's quiet room around it (-45 dBFS)."""
    room = np.random.default_rng(seed).standard_normal(len(pcm) // 2) * 184
    return pass_through(np.frombuffer(pcm, "<i2") + room, ALAW).astype("<i2").tobytes()


class Notes:
    anonymous = False

    def __init__(self) -> None:
        self.taken: list[Utterance] = []

    def take_down(self, utterance: Utterance, _question: str) -> None:
        self.taken.append(utterance)

    def show(self, text: str) -> None:
        pass


class Caller:
    """Says one phrase to a question, and knows what came of it: alarms, the answer, and the words that stand."""

    def __init__(self, client: AsrClient, asked: Flow) -> None:
        self.notes = Notes()
        self.told: asyncio.Queue[Event | BaseException] = asyncio.Queue()
        question = asked.nodes["contact"]
        assert isinstance(question, Ask)
        self.listener = Listener(
            client,
            self.notes,  # type: ignore[arg-type]
            self.told.put_nowait,
            self.told.put_nowait,
            lambda: 0.0,
            lambda: "contact",
            lambda *_: b"",
            lambda _: 0.5,
            asked.words,
        )
        self.listener.listen(Listen(*asking.ear(asked, question)))

    async def say(self, pcm: bytes) -> tuple[list[Alarmed], Heard, str]:
        self.listener.feed(pcm, 0.0)
        alarms: list[Alarmed] = []
        async with asyncio.timeout(60):
            while True:
                match await self.told.get():
                    case Alarmed() as alarmed:
                        alarms.append(alarmed)
                    case Heard() as heard:
                        self.listener.stop()
                        return alarms, heard, "".join(u.text for u in self.notes.taken)
                    case BaseException() as error:
                        raise error


@pytest.fixture
async def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsrClient]:
    # What is heard is tested, not how fast, nor whom a busy machine refuses.
    for wait in ("again._SECONDS", "ear._PATIENCE_SECONDS", "admission.LONGEST_WAIT"):
        monkeypatch.setattr(f"asr.{wait}", 60.0)
    monkeypatch.setattr("asr.admission.OVERDUE_WAIT", 60.0)
    server = SpeechServer(Engine(open_model(None)))
    await server.start(f"unix:{tmp_path / 'asr.sock'}")
    async with AsrClient(f"unix:{tmp_path / 'asr.sock'}") as client:
        yield client
    await server.stop()


async def say(client: AsrClient, text: str, voice: str, seed: int) -> tuple[list[Alarmed], Heard, str]:
    pcm = over_the_line(bytes(8000) + await speak(text, voice) + bytes(16000), seed)
    return await Caller(client, flow()).say(pcm)


Said = dict[str, tuple[list[Alarmed], Heard, str]]


async def say_all(client: AsrClient, texts: Sequence[str], voice: Callable[[int], str]) -> Said:
    """What comes of each; four callers at a time."""
    free = asyncio.Semaphore(4)

    async def call(number: int, text: str) -> tuple[list[Alarmed], Heard, str]:
        async with free:
            return await say(client, text, voice(number), number)

    told = await asyncio.gather(*(call(number, text) for number, text in enumerate(texts)))
    return dict(zip(texts, told, strict=True))


def check(dangers: Said, foreign: Said) -> None:
    missed = [text for text, (alarms, _, _) in dangers.items() if not alarms]
    alarmed = [text for text, (alarms, _, _) in foreign.items() if alarms]
    kept = [text for text, (_, _, taken) in foreign.items() if text == taken]
    print(
        f"missed {len(missed)} of {len(dangers)}: {missed}; false {len(alarmed)} of {len(foreign)}: {alarmed}"
    )
    print(f"in the transcript word for word: {len(kept)}")
    assert len(missed) <= len(dangers) / 10
    assert len(alarmed) <= len(foreign) / 40
    assert all(len(alarms) <= 1 for alarms, _, _ in (*dangers.values(), *foreign.values()))
    # A list of answers makes none of these: the words themselves stand, as free speech hears them at best.
    assert len(kept) >= len(foreign) / 2


async def test_danger_is_heard_and_other_speech_is_not(client: AsrClient) -> None:
    """Both voices by turns; each of them says everything in the soak."""
    dangers = await say_all(client, DANGERS, lambda number: VOICES[number % 2])
    foreign = await say_all(client, FOREIGN, lambda number: VOICES[number % 2])
    check(dangers, foreign)
    _, heard, taken = foreign["医保怎么报销"]
    assert (heard.text, taken) == ("", "医保怎么报销"), "he is asked again, and his words stand"


@pytest.mark.soak
@pytest.mark.parametrize("voice", VOICES)
async def test_each_voice_is_heard_in_danger(client: AsrClient, voice: str) -> None:
    dangers = await say_all(client, DANGERS, lambda _: voice)
    check(dangers, await say_all(client, FOREIGN, lambda _: voice))
