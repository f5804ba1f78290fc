"""``hotline asr eval``, as an operator runs it: the real speech server hears recordings of his."""

from __future__ import annotations

import asyncio
import json
import wave
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hotlinecommand import run_hotline

from asr.evaluation import load
from asr.evaluation.line import TelephoneLine
from asr.evaluation.record import FILE, read_bench
from asr.evaluation.samples import SamplesError, read_audio, read_samples
from gateway.cli import Site, measuring
from gateway.prompts.voice import speak
from gateway.site.settings import Paths, Settings

if TYPE_CHECKING:
    import subprocess

ROOT = Path(__file__).parents[3]
SENTENCE = "颍州区清河街道路灯不亮"


@pytest.fixture
def hotline(tmp_path: Path):
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return run_hotline("--data", str(tmp_path / "data"), "asr", *words, folder=ROOT)

    return run


def test_recordings_are_measured(hotline, tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(8000) + asyncio.run(speak(SENTENCE)) + bytes(20000))
    table = tmp_path / "list.csv"
    table.write_text(f"audio,text,line\na.wav,{SENTENCE},12345\na.wav,{SENTENCE}吗,12319\n")
    page = tmp_path / "report.html"
    done = hotline("eval", str(table), "--codec", "alaw", "--html", str(page), "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    said = len(SENTENCE)
    assert (figures["characters"], figures["deleted"], figures["cer"]) == (
        2 * said + 1,
        1,
        round(1 / (2 * said + 1), 4),
    )
    assert figures["by_line"]["12345"]["cer"] == 0.0
    assert figures["confusions"] == [{"said": "吗", "heard": "", "times": 1}]
    assert (figures["model"], figures["channel"]) == ("minsheng-demo", "G.711 alaw")
    assert figures["rtf"] > 0
    assert 0 < figures["final"]["p50"] <= figures["final"]["p95"]
    assert SENTENCE in page.read_text()


async def test_one_recording_is_in_memory_at_a_time_and_all_are_looked_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speech = await speak("路灯不亮")
    for name in "abcd":
        with wave.open(str(tmp_path / f"{name}.wav"), "wb") as sound:
            sound.setparams((1, 2, 8000, 0, "NONE", ""))
            sound.writeframes(bytes(8000) + speech + bytes(8000))
        (tmp_path / f"{name}.txt").write_text("路灯不亮")
    read: list[weakref.ref[object]] = []
    most = 0

    def watched(file: Path) -> object:
        nonlocal most
        audio = read_audio(file)
        read.append(weakref.ref(audio))
        most = max(most, sum(one() is not None for one in read))
        return audio

    monkeypatch.setattr(measuring, "read_audio", watched)
    site = Site(Settings(), Paths(tmp_path / "data"), None)
    found = await measuring.judge_samples(site, read_samples(tmp_path), None, TelephoneLine(None, None, 0.0))
    assert (found["recordings"], found["cer"], len(read)) == (4, 0.0, 4)
    assert most <= 2
    (tmp_path / "d.wav").write_bytes(b"no sound")
    read.clear()
    with pytest.raises(SamplesError, match=r"d\.wav"):
        await measuring.judge_samples(site, read_samples(tmp_path), None, TelephoneLine(None, None, 0.0))
    assert not read


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("eval",), "--reviewed"),
        (("eval", "nothing"), "nothing"),
        (("eval", "--reviewed"), "migrate"),
        (("eval", "tests", "--codec", "g729"), "alaw"),
        (("eval", "tests", "--html", "nowhere/report.html"), "nowhere"),
        (("bench", "--seconds", "5"), "10"),  # too short for two answers, and so for any figure
    ],
)
def test_what_cannot_be_measured_is_told(hotline, words: tuple[str, ...], told: str) -> None:
    done = hotline(*words)
    assert done.returncode not in (0, 137)
    assert "Traceback" not in done.stderr
    assert told in done.stderr


async def test_what_this_machine_carries_is_found_and_kept_for_the_speech_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call at the most, and no time that a busy machine could miss: the figures are for quiet ones."""
    monkeypatch.setattr(load, "_MOST", 1)
    monkeypatch.setattr(load, "BOUND_SECONDS", 60.0)
    monkeypatch.setattr(load, "_PATIENCE_SECONDS", 60.0)
    monkeypatch.setattr(measuring, "_SAID", ("是的",))
    site = Site(Settings(), Paths(tmp_path), None)
    told: list[load.Run] = []
    found, runs = await measuring.bench(site, 6.0, told.append)  # two answers, though the first be late
    (run,) = runs
    assert told == runs
    assert (run.calls, run.lost) == (1, 0)
    assert len(run.finals) > 1
    assert found.calls == 1
    assert found.capacity > 0
    assert read_bench(tmp_path / FILE, found.model, found.sha256, site.settings.asr.threads) == found
