"""Recordings in the place of prompts: levelled, noted, the former kept, stale when the text has changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yaml
from pydub import AudioSegment
from typer.testing import CliRunner

from config.prompts import PromptTexts
from gateway.cli import _register, app
from gateway.prompts.book import PromptBook
from gateway.prompts.finishing import finish, of_pcm, read
from gateway.prompts.sounds import SoundError, read_wav, write_wav
from gateway.prompts.takes import keep, list_pieces, read_note
from gateway.prompts.voice import measure_level
from gateway.prompts.wording import find_recordings
from gateway.site.sound import Sound
from ivr.actions import Prompt

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 7, 1, tzinfo=UTC)
TEXTS = PromptTexts(
    prompts={"opening": "您好。", "number": "编号是{number},请记好。", "beep": {"tone": 1000, "seconds": 0.2}}
)


def tone(seconds: float, level: float, rate: int = 44100) -> bytes:
    at = np.arange(round(seconds * rate)) / rate
    return (np.sin(2 * np.pi * 500 * at) * 32767 * 10 ** (level / 20)).astype("<i2").tobytes()


def states(folder: Path | None, texts: PromptTexts = TEXTS) -> dict[str, str]:
    return {name: piece.state for name, piece in list_pieces(texts, folder).items()}


@pytest.mark.parametrize("level", [-40.0, -12.0])
def test_any_level_becomes_that_of_the_others_and_a_room_is_cut_off(level):
    dice = np.random.default_rng(1)
    room = (dice.standard_normal(44100) * 32767 * 10 ** ((level - 45) / 20)).astype("<i2").tobytes()
    finished = finish(of_pcm(room + tone(1.0, level) + room, 44100), "it")
    assert finished.level == pytest.approx(-20.0, abs=0.2)
    assert finished.sound.seconds == pytest.approx(1.04, abs=0.03)
    assert not finished.is_faint


def test_a_single_peak_keeps_it_below_full_scale():
    loud = np.frombuffer(tone(2.0, -30.0, 8000), "<i2").copy()
    loud[8000:8008] = 32767
    finished = finish(of_pcm(loud.tobytes(), 8000), "it")
    assert finished.is_faint
    assert np.abs(np.frombuffer(finished.sound.pcm, "<i2")).max() < 32767 * 10 ** (-3 / 20)
    assert finished.level == pytest.approx(measure_level(of_pcm(finished.sound.pcm, 8000)))


@pytest.mark.parametrize(
    "pcm", [b"", bytes(16000), tone(0.03, -20.0, 8000)], ids=["nothing", "silence", "click"]
)
def test_what_holds_no_voice_is_refused(pcm):
    with pytest.raises(SoundError, match=r"^it: .*nothing in it"):
        finish(of_pcm(pcm, 8000), "it")


def test_what_is_too_long_is_refused():
    with pytest.raises(SoundError, match="longer than five minutes"):
        finish(of_pcm(bytes(2 * 301 * 8000), 8000), "it")


@pytest.mark.parametrize("content", [b"", b"\x00\x01nothing", b"#EXTM3U\nfile:///etc/passwd\n"])
def test_what_is_no_sound_is_refused(tmp_path: Path, content):
    file = tmp_path / "opening.mp3"
    file.write_bytes(content)
    with pytest.raises(SoundError, match="not a usable sound file"):
        read(file)


def test_of_a_file_without_end_no_more_is_read_than_may_be_used(tmp_path: Path):
    file = tmp_path / "opening.wav"
    write_wav(file, bytes(2 * 8000 * 600))
    assert read(file).duration_seconds == pytest.approx(301, abs=1)


def test_a_file_that_was_cut_off_is_used_as_far_as_it_goes(tmp_path: Path):
    file = tmp_path / "opening.wav"
    write_wav(file, tone(1.0, -20.0, 8000))
    file.write_bytes(file.read_bytes()[:-4001])
    assert finish(read(file), "it").sound.seconds == pytest.approx(0.75, abs=0.05)


def test_a_recording_is_noted_its_text_is_followed_and_the_former_one_kept(tmp_path: Path):
    assert (
        states(tmp_path) == states(None) == dict.fromkeys(["opening", "number.1", "number.2", "beep"], "made")
    )
    assert not keep(tmp_path, "opening", Sound(b"\x01\x00" * 80), ("您好。", AT, "a.m4a"))
    assert keep(tmp_path, "opening", Sound(b"\x02\x00" * 80), ("您好。", AT, "b.m4a"))
    assert states(tmp_path)["opening"] == "recorded"
    changed = PromptTexts(prompts={**TEXTS.prompts, "opening": "您好,请讲。"})
    assert states(tmp_path, changed)["opening"] == "stale"
    (former,) = (tmp_path / "previous").glob("*.wav")
    assert read_wav(former) == b"\x01\x00" * 80
    note = read_note(former)
    assert note is not None
    assert note.source == "a.m4a"
    (tmp_path / "opening.wav").write_bytes(former.read_bytes())  # by hand: nobody knows what it says
    assert states(tmp_path)["opening"] == "unnoted"
    (tmp_path / "opening.json").write_text("{")
    assert states(tmp_path)["opening"] == "unnoted"


def test_a_recording_of_another_format_leaves_its_place(tmp_path: Path):
    (tmp_path / "opening.mp3").write_bytes(b"by hand")
    assert keep(tmp_path, "opening", Sound(b"\x01\x00" * 80), ("您好。", AT, "a.m4a"))
    assert set(find_recordings(tmp_path)) == {"opening"}
    assert (tmp_path / "previous" / "opening.mp3").read_bytes() == b"by hand"
    assert keep(tmp_path, "opening", Sound(b"\x02\x00" * 80), ("您好。", AT, "b.m4a"))
    assert {file.name for file in (tmp_path / "previous").iterdir()} == {"opening.wav", "opening.json"}


@pytest.fixture
def site(tmp_path: Path) -> list[str]:
    """The options of a site whose recordings lie in ``own``."""
    (tmp_path / "own").mkdir()
    config = tmp_path / "gateway.yaml"
    config.write_text(yaml.safe_dump({"dialogue": {"replacements": str(tmp_path / "own")}}))
    return ["--config", str(config), "--data", str(tmp_path / "data"), "prompts"]


def run(*words: str):
    _register(["check", "prompts"])
    return CliRunner().invoke(app, words)


def make(file: Path, level: float = -30.0) -> Path:
    """A sound file of whatever format its name says."""
    AudioSegment(tone(1.0, level), sample_width=2, frame_rate=44100, channels=1).export(
        file, format={"m4a": "ipod"}.get(file.suffix[1:], file.suffix[1:])
    )
    return file


def test_files_of_any_format_are_imported_all_or_none(site, tmp_path: Path):
    studio = tmp_path / "studio"
    studio.mkdir()
    make(studio / "number.1.mp3")
    make(studio / "speak_up.m4a")
    make(studio / "beep.opus")
    stray = make(studio / "openning.flac")
    refused = run(*site, "import", str(studio))
    assert "no prompt has the name openning" in str(refused.exception)
    assert list((tmp_path / "own").iterdir()) == []
    stray.unlink()
    done = run(*site, "import", str(studio))
    assert done.exit_code == 0, done.output
    assert {file.name for file in (tmp_path / "own").glob("*.wav")} == {
        "number.1.wav",
        "speak_up.wav",
        "beep.wav",
    }
    listed = json.loads(run(*site, "list", "--json").output)
    assert {one["name"]: one["text"] for one in listed if one["state"] == "recorded"} == {
        "beep": "",
        "speak_up": "对不起，请您大声一点，好吗？",
        "number.1": "已经受理。您的工单编号是",
    }
    again = run(*site, "import", str(make(tmp_path / "take2.wav")), "--as", "speak_up")
    assert "the former is in" in again.output
    near = run(*site, "import", str(make(tmp_path / "number.wav")))
    assert "use one of number.1" in str(near.exception)


def test_the_check_warns_of_a_recording_of_another_text(site, tmp_path: Path):
    keep(tmp_path / "own", "speak_up", Sound(b"\1\0" * 80), ("大声点。", AT, "a"))
    keep(tmp_path / "own", "beep", Sound(b"\1\0" * 80), ("", AT, "b"))
    told = run(*site[:-1], "check").output
    assert "your own recordings: 2" in told
    assert [line for line in told.splitlines() if "another text" in line] == [
        "警告 / Warning: speak_up: 文字已改,录音还是原来的话 / recorded with another text than that in use"
    ]


async def test_a_recorded_piece_is_joined_with_what_is_filled_in(tmp_path: Path):
    texts = tmp_path / "prompts.yaml"
    texts.write_text(yaml.safe_dump({"prompts": {"number": "编号是{number}。"}}))
    own = tmp_path / "own"
    own.mkdir()
    finished = finish(of_pcm(tone(1.0, -30.0), 44100), "number.1")
    keep(own, "number.1", finished.sound, ("编号是", AT, "a"))
    heard = (
        await PromptBook(texts, own, tmp_path / "cache").render(Prompt("number", {"number": "12"}))
    ).sound
    assert heard.pcm.startswith(finished.sound.pcm)
    assert heard.seconds > finished.sound.seconds + 0.3


def test_without_a_folder_for_recordings_it_is_said_what_to_set(tmp_path: Path):
    done = run("--data", str(tmp_path / "data"), "prompts", "import", str(make(tmp_path / "beep.wav")))
    assert "set dialogue.replacements to one" in str(done.exception)


def test_the_script_names_texts_and_where_they_are_heard(site, tmp_path: Path):
    whole = run(*site, "script").output
    for line in (
        "number.1\n   已经受理。您的工单编号是\n   全句:已经受理。您的工单编号是〔编号〕。\n   用在:流程 default",
        "   用在:转接:对接听的人说\n",
        "声音太小时",
        "开场白",
        "not_recorded\n   对不起，存储空间不足，从现在起通话不录音。\n   用在:存储空间将满",
    ):
        assert line in whole
    run(*site, "import", str(make(tmp_path / "speak_up.wav")))
    left = run(*site, "script", "--missing").output
    assert "speak_up\n" in whole
    assert "speak_up\n" not in left
