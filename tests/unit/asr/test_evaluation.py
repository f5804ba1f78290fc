"""The figures of an evaluation, against examples that are checked by hand; what it refuses."""

import json
import os
import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest

from asr.calibration import (
    LEAST,
    MOST,
    Calibration,
    Question,
    calibrate,
    read_calibration,
    write_calibration,
)
from asr.evaluation import load
from asr.evaluation.alignment import Errors, align, count
from asr.evaluation.line import TelephoneLine
from asr.evaluation.load import Run
from asr.evaluation.record import Bench, read_bench, write_bench
from asr.evaluation.report import judge, tell_delays, total, write_page
from asr.evaluation.samples import Sample, SamplesError, read_audio, read_samples
from tickets.text.normal import normalise


def write_wav(file: Path, samples: np.ndarray, rate: int = 8000, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(rate)
        sound.writeframes(samples.astype("<i2").tobytes() if width == 2 else bytes(len(samples)))
    return file


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("路灯不亮", "路灯不亮", Errors(4, 0, 0, 0)),
        ("路灯不亮", "路登不亮", Errors(4, 1, 0, 0)),
        ("路灯不亮", "路不亮", Errors(4, 0, 1, 0)),
        ("路灯不亮", "路灯都不亮", Errors(4, 0, 0, 1)),
        ("路灯不亮了", "陆登亮", Errors(5, 2, 2, 0)),
        ("", "喂", Errors(0, 0, 0, 1)),
        ("停水", "", Errors(2, 0, 2, 0)),
    ],
)
def test_errors_by_hand(said: str, heard: str, errors: Errors):
    assert count(align(said, heard)) == errors


def test_of_equally_cheap_ways_one_is_always_taken():
    assert align("甲乙", "乙丙") == (("甲", "乙"), ("乙", "丙"))
    assert align("甲甲", "甲") == (("甲", ""), ("甲", "甲"))


def test_a_long_text_is_laid_beside_another_without_gigabytes():
    """An hour of speech, 12,000 characters, would take gigabytes were every cost kept."""
    said = "".join(chr(0x4E00 + (n * n) % 701) for n in range(600))
    heard = said[::3] + said[1::3]
    tracemalloc.start()
    try:
        assert count(align(said, heard)).characters == len(said)
        assert tracemalloc.get_traced_memory()[1] < 3 * len(said) * len(heard)
    finally:
        tracemalloc.stop()


def test_the_rate_is_over_all_characters_not_a_mean_of_rates():
    judged = [
        judge("a", "12345", "甲", ("路灯不亮", "路灯不亮"), normalise),
        judge("b", "12319", "甲", ("停水", "听水"), normalise),
        judge("c", "12345", "", ("", "喂"), normalise),
    ]
    figures = total(judged)
    assert (figures["characters"], figures["substituted"], figures["inserted"]) == (6, 1, 1)
    assert figures["cer"] == round(2 / 6, 4)
    assert {line: each["cer"] for line, each in figures["by_line"].items()} == {"12345": 0.25, "12319": 0.5}
    assert {name: each["recordings"] for name, each in figures["by_speaker"].items()} == {"甲": 2}
    assert figures["confusions"] == [
        {"said": "", "heard": "喂", "times": 1},
        {"said": "停", "heard": "听", "times": 1},
    ]
    assert figures["files"][2]["cer"] is None


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("我住在5号楼,停水15天了。", "我住在五号楼停水十五天了"),
        ("车牌 皖K12345", "车牌皖k一二三四五"),
        ("WiFi不通", "嗯wi fi不通"),
        ("涨了30%", "涨了百分之三十"),
        ("３.５公里", "三点五公里"),
    ],
)
def test_ways_of_writing_make_no_errors(said: str, heard: str):
    assert normalise(said) == normalise(heard)


def test_another_word_is_an_error():
    assert normalise("五号楼") != normalise("六号楼")


def test_the_page_shows_the_figures_and_what_was_written_is_text():
    figures = total([judge("<b>.wav", "12345", "", ("路灯", "路登"), str)])
    delays = tell_delays([0.1, 0.2, 0.3])
    page = write_page(
        {
            **figures,
            "model": "m",
            "channel": "",
            "normalisation": "n",
            "rtf": 0.1,
            "partial": delays,
            "final": None,
        }
    )
    assert "50.00 %" in page
    assert "<ruby>灯<rt>登</rt></ruby>" in page
    assert "&lt;b&gt;.wav" in page
    json.dumps(figures)


def test_delays():
    assert tell_delays([0.1]) is None
    assert tell_delays([0.0, 1.0]) == {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def test_recordings_of_a_folder_and_of_a_list(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    first = write_wav(tmp_path / "a.wav", np.zeros(8000))
    write_wav(tmp_path / "sub" / "b.wav", np.zeros(8000))
    (tmp_path / "a.txt").write_text("路灯不亮\n", encoding="utf-8-sig")
    (tmp_path / "sub" / "b.txt").write_text("停水")
    assert [s.text for s in read_samples(tmp_path)] == ["路灯不亮", "停水"]
    (tmp_path / "list.csv").write_text("line,audio,text\n12345,a.wav,路灯不亮\n")
    assert read_samples(tmp_path / "list.csv") == (Sample(first, "路灯不亮", "12345"),)


def test_what_cannot_be_used_is_named_with_its_place(tmp_path: Path):
    with pytest.raises(SamplesError, match="no recordings"):
        read_samples(tmp_path)
    write_wav(tmp_path / "a.wav", np.zeros(8))
    with pytest.raises(SamplesError, match=r"a\.txt: missing"):
        read_samples(tmp_path)
    table = tmp_path / "list.csv"
    table.write_text("audio,words\n")
    with pytest.raises(SamplesError, match=r"list\.csv:1: no column text"):
        read_samples(table)
    table.write_text("audio,text\na.wav,好\nno.wav,好\n")
    with pytest.raises(SamplesError, match=r"list\.csv:3: .*no\.wav is no file"):
        read_samples(table)
    table.write_bytes("audio,text\na.wav,好\n".encode("gb18030"))
    with pytest.raises(SamplesError, match="not UTF-8 at byte"):
        read_samples(table)
    (tmp_path / "b.wav").write_text("no sound")
    with pytest.raises(SamplesError, match=r"b\.wav: no WAV file"):
        read_audio(tmp_path / "b.wav")
    with pytest.raises(SamplesError, match="8 bits a sample"):
        read_audio(write_wav(tmp_path / "c.wav", np.zeros(8), width=1))


def test_the_first_channel_counts_at_8_khz(tmp_path: Path):
    tone = (np.sin(np.arange(16000) * 2 * np.pi * 440 / 16000) * 8000).astype(np.int16)
    both = np.column_stack([tone, np.zeros_like(tone)]).ravel()
    sound = read_audio(write_wav(tmp_path / "a.wav", both, 16000, 2))
    assert len(sound) == 8000
    assert np.abs(sound).max() == pytest.approx(8000, rel=0.02)


def test_a_simulated_line_is_the_same_for_the_same_dice():
    speech = (np.sin(np.arange(16000) / 5) * 8000).astype(np.int16)
    assert (TelephoneLine().carry(speech, 1) == speech).all()
    lost = TelephoneLine(loss=0.25).carry(speech, 1)
    silent = sum(not lost[start : start + 160].any() for start in range(0, 16000, 160))
    assert 10 <= silent <= 40
    assert (lost == TelephoneLine(loss=0.25).carry(speech, 1)).all()
    noise = TelephoneLine(snr_db=20).carry(speech, 1).astype(float) - speech
    assert 20 * np.log10(np.std(speech.astype(float)) / np.std(noise)) == pytest.approx(20, abs=0.5)
    assert len(np.unique(TelephoneLine("alaw").carry(speech, 1))) < len(np.unique(speech))


def test_calls_are_carried_while_none_is_lost_and_finals_come_in_time():
    assert Run(2, [0.1] * 19 + [2.0]).carried
    assert not Run(2, [0.1] * 18 + [2.0] * 2).carried
    assert not Run(2, [0.1] * 20, lost=1).carried
    assert not Run(2, [0.1]).carried


def test_a_bench_counts_for_what_it_was_made_with(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    file = tmp_path / "asr-bench.json"
    assert read_bench(file, "m", "x", 0) is None
    cores = os.sched_getaffinity(0)
    found = Bench("m", "x", 0, len(cores), 8, 7.5, "2026-11-28T00:00:00+00:00")
    write_bench(file, found)
    assert read_bench(file, "m", "x", 0) == found
    assert read_bench(file, "m", "y", 0) is None
    assert read_bench(file, "m", "x", 2) is None
    os.sched_setaffinity(0, {min(cores)})
    try:
        assert (read_bench(file, "m", "x", 0) is None) == (len(cores) > 1), (
            "what may be used, not what there is"
        )
    finally:
        os.sched_setaffinity(0, cores)
    assert not caplog.records
    file.write_text("{")
    assert read_bench(file, "m", "x", 0) is None
    assert "hotline asr bench" in caplog.text


def test_a_question_is_taken_from_the_confidence_on_at_which_nearly_all_are_right():
    sure = [(0.9, True)] * 19 + [(0.9, False)]
    assert calibrate(sure[:19]) is None
    assert calibrate(sure) == Question(20, 19, 0.9)
    assert calibrate([*sure, *[(0.5, False)] * 5, *[(0.2, True)] * 5]) == Question(30, 24, 0.9)
    assert calibrate([*[(0.9, True)] * 38, (0.4, False), (0.2, True)]) == Question(40, 39, 0.2)
    assert calibrate([(0.8, True)] * 15 + [(0.8, False)] * 5) == Question(20, 15, MOST)
    assert calibrate([(1.0, True)] * 20 + [(0.97, False)] * 5) == Question(25, 20, MOST)


def test_a_calibration_is_of_a_model_and_a_question(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    file = tmp_path / "asr-calibration.json"
    assert read_calibration(file).least("x", "confirm") == LEAST
    write_calibration(file, Calibration({"x": {"confirm": Question(40, 30, 0.7)}}))
    kept = read_calibration(file)
    assert [kept.least(*which) for which in (("x", "confirm"), ("x", "menu"), ("y", "confirm"))] == [
        0.7,
        LEAST,
        LEAST,
    ]
    file.write_text(file.read_text().replace("0.7", "1.0"))  # of before there was a bound
    assert read_calibration(file).least("x", "confirm") == MOST
    assert not caplog.records
    for broken in ("{", '{"models": {"x": {"confirm": {}}}}', '{"models": {"x": 7}}', "[]"):
        file.write_text(broken)
        assert read_calibration(file).least("x", "confirm") == LEAST
    assert len(caplog.records) == 4


@pytest.mark.parametrize(("most", "found"), [(0, 0), (1, 1), (13, 13), (100, 100), (5000, 1024)])
async def test_the_most_calls_are_found_within_a_tenth(
    monkeypatch: pytest.MonkeyPatch, most: int, found: int
):
    async def ask(*asked: object) -> Run:
        calls = asked[2]
        return Run(calls, [0.1] * 20 if calls <= most else [2.0] * 20)

    monkeypatch.setattr(load, "ask", ask)
    runs = [run async for run in load.find_most(None, (), 1.0)]
    carried = max((run.calls for run in runs if run.carried), default=0)
    assert 0.9 * found <= carried <= found
    assert len(runs) == len({run.calls for run in runs}) <= 16
