"""How a call is heard: by a real speech server, over a line that speaks, without the SIP stack."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from integration.gateway.test_broken_calls import Desk, QuietLine, kinds, until

from asr.catalogue import open_model
from asr.engine import Engine
from asr.server import SpeechServer
from gateway.prompts.voice import speak
from recordings import entries
from recordings.journal import Journal, JournalError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SENTENCE = "我要投诉小区夜间施工噪音扰民"
RATE = 16000  # bytes a second


class SpeakingLine(QuietLine):
    """A line whose audio comes by the loop's clock; what is said is put into it."""

    def __init__(self) -> None:
        super().__init__()
        self.queued = b""
        self.read_until = 0.0
        self.gap = 0.0

    def say(self, pcm: bytes) -> None:
        self.queued += pcm

    def read(self) -> bytes:
        if not self.began:
            return b""
        due = round((self.seconds() - self.read_until) * RATE / 2) * 2
        self.read_until += due / RATE
        said, self.queued = self.queued[:due], self.queued[due:]
        return said + bytes(due - len(said))

    def missed(self) -> float:
        return self.gap


@pytest.fixture(scope="session")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prompts")


@pytest.fixture
async def speech(tmp_path: Path) -> AsyncIterator[SpeechServer]:
    server = SpeechServer(Engine(open_model(None)))
    await server.start(f"unix:{tmp_path / 'nobody.sock'}")  # where the desk's client looks for it
    yield server
    await server.stop()


@pytest.fixture
async def desk(tmp_path: Path, prompts: Path, speech: SpeechServer) -> Any:
    desk = Desk(tmp_path, prompts)
    desk.model = speech.model
    pump = asyncio.create_task(desk.pump.run())
    yield desk
    pump.cancel()
    await desk.house.asr.close()


def heard(desk: Desk) -> list[entries.Heard]:
    return [entry for entry in desk.entries() if isinstance(entry, entries.Heard)]


def played(desk: Desk) -> list[str]:
    """The prompts, which this line cannot really play among them."""
    return [e.name for e in desk.entries() if isinstance(e, entries.Played | entries.Unplayed)]


async def ring(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> SpeakingLine:
    monkeypatch.setattr("integration.gateway.test_broken_calls.QuietLine", SpeakingLine)
    line = desk.ring()
    assert isinstance(line, SpeakingLine)
    await desk.reach("played")
    return line


async def test_a_refused_question_goes_by_keys_and_the_next_one_is_heard(
    desk: Desk, speech: SpeechServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    speech._crowd.load.arrived("dictation", 10_000.0)  # as if so much waited
    line = await ring(desk, monkeypatch)
    line.say(await speak(SENTENCE) + bytes(2 * RATE))
    await desk.reach("deaf")
    speech._crowd.load.arrived("dictation", -10_000.0)
    await until(lambda: any(name.endswith("_by_keys") for name in played(desk)))
    assert "hearing" not in kinds(desk.entries()), "this question is by keys to its end"
    line.leg.digit((1, "1"), repeat=False)
    await desk.reach("hearing")
    line.say(await speak(SENTENCE) + bytes(2 * RATE))
    await until(lambda: SENTENCE in {e.text for e in heard(desk)})
    line.leg.disconnected(200, "OK", "")
    deaf, hearing = (e for e in await desk.over() if isinstance(e, entries.Deaf | entries.Hearing))
    assert "busy" in deaf.reason
    assert 0 < deaf.at < hearing.at


async def test_a_server_that_goes_and_comes_is_followed_from_question_to_question(
    desk: Desk, speech: SpeechServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.model = None
    line = await ring(desk, monkeypatch)
    assert "deaf" in kinds(desk.entries())
    desk.model = speech.model
    await until(lambda: "event.ear_checked" in kinds(desk.entries()))
    assert "hearing" not in kinds(desk.entries())
    line.leg.digit((1, "1"), repeat=False)
    await desk.reach("hearing")
    line.say(await speak(SENTENCE) + bytes(2 * RATE))
    await until(lambda: SENTENCE in {e.text for e in heard(desk)})
    line.leg.disconnected(200, "OK", "")
    told = [kind for kind in kinds(await desk.over()) if kind in {"deaf", "hearing", "model"}]
    assert told == ["deaf", "model", "hearing"]


async def test_a_key_does_not_cost_the_last_word_which_the_jitter_buffer_still_holds(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = await ring(desk, monkeypatch)
    sound = np.frombuffer(await speak(SENTENCE), "<i2")
    first, *_, last = np.flatnonzero(abs(sound) > 500)
    line.say(sound[first:last].tobytes())
    await until(lambda: len(line.queued) < 0.18 * RATE)
    line.leg.digit((1, "#"), repeat=False)
    await until(lambda: heard(desk))
    line.leg.disconnected(200, "OK", "")
    await desk.over()
    (told,) = heard(desk)
    assert told.text == SENTENCE
    assert told.end - told.start > (last - first) * 2 / RATE - 0.05


async def test_what_was_lost_on_the_way_has_its_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    line = await ring(desk, monkeypatch)
    line.gap = 5.0
    await desk.reach("hearing")
    at = line.seconds()
    line.say(await speak(SENTENCE) + bytes(2 * RATE))
    await until(lambda: heard(desk))
    line.leg.disconnected(200, "OK", "")
    journal = await desk.over()
    deaf, hearing = (e for e in journal if isinstance(e, entries.Deaf | entries.Hearing))
    assert hearing.at - deaf.at == pytest.approx(5.0, abs=0.01)
    (phrase,) = (e for e in journal if isinstance(e, entries.Heard) and e.text)
    assert phrase.start == pytest.approx(at + 5.0, abs=0.4)
    assert phrase.words[0].start == pytest.approx(phrase.start, abs=0.3)


async def test_a_journal_that_fails_when_words_are_written_down_ends_the_call_and_loses_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = await ring(desk, monkeypatch)
    write, failed = Journal.write, list[bytes]()

    def full(self: Journal, line: bytes) -> None:
        if b'"heard"' in line and not failed:
            failed.append(line)
            raise JournalError(errno.ENOSPC, "No space left on device", "journal")
        write(self, line)

    monkeypatch.setattr(Journal, "write", full)
    line.say(await speak(SENTENCE) + bytes(2 * RATE))
    await until(lambda: line.ended)
    journal = await desk.over()
    assert line.buried
    assert kinds(journal).count("heard") == len(failed) == 1
    assert kinds(journal)[-1] == "finished"
