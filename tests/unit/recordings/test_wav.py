from __future__ import annotations

import struct
import wave
from array import array
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings import wav

if TYPE_CHECKING:
    from pathlib import Path


def make(path: Path, frames: int, *, channels: int = 2, rate: int = 8000) -> bytes:
    """Left counts up, right counts down; the file's bytes."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        samples = array("h", [side for n in range(frames) for side in (n % 30000, -(n % 30000))[:channels]])
        file.writeframes(samples.tobytes())
    return path.read_bytes()


def check_plays(path: Path, frames: int) -> None:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        assert file.getnframes() == frames
        assert len(file.readframes(frames)) == frames * 4
    length = path.stat().st_size
    assert struct.unpack_from("<I", path.read_bytes(), 4)[0] == length - 8


def test_a_header_from_before_the_sound_is_repaired(tmp_path):
    path = tmp_path / "a.wav"
    whole = make(path, 16000)
    # The header that a writer leaves behind when it is killed: no length, and half a frame at the end.
    path.write_bytes(whole[:4] + b"\0\0\0\0" + whole[8:40] + b"\0\0\0\0" + whole[44:] + b"\1\2\3")
    assert wav.duration(path) == 2.0
    assert wav.repair(path) == 2.0
    check_plays(path, 16000)
    repaired = path.read_bytes()
    assert repaired == whole
    assert wav.repair(path) == 2.0
    assert path.read_bytes() == repaired


@pytest.mark.parametrize("kept", [0, 3, 12, 30, 43, 44])
def test_a_file_cut_within_its_header_becomes_an_empty_one(tmp_path, kept: int):
    path = tmp_path / "a.wav"
    path.write_bytes(make(path, 10)[:kept])
    assert wav.duration(path) == 0.0
    assert wav.repair(path) == 0.0
    check_plays(path, 0)


def test_a_header_that_never_reached_the_disk_is_written_anew(tmp_path):
    path = tmp_path / "a.wav"
    whole = make(path, 800)
    path.write_bytes(bytes(44) + whole[44:])
    assert wav.repair(path) == 0.1
    assert path.read_bytes() == whole


def test_other_chunks_are_kept(tmp_path):
    path = tmp_path / "a.wav"
    whole = make(path, 800)
    path.write_bytes(whole[:36] + b"LIST\x03\0\0\0abc\0" + whole[36:])
    assert wav.repair(path) == 0.1
    check_plays(path, 800)
    assert b"LIST" in path.read_bytes()


def test_a_missing_file_has_no_sound(tmp_path):
    assert wav.duration(tmp_path / "none.wav") == 0.0
    with pytest.raises(FileNotFoundError):
        wav.repair(tmp_path / "none.wav")


def test_foreign_files_are_refused_by_name_and_left_alone(tmp_path):
    path = tmp_path / "a.wav"
    for content in (b"ID3" + bytes(100), make(tmp_path / "m.wav", 9, channels=1), make(path, 9, rate=16000)):
        path.write_bytes(content)
        for act in (wav.duration, wav.repair, lambda p: wav.read_channel(p, 0, 0, 1)):
            with pytest.raises(wav.NotARecordingError, match=r"a\.wav: .*move it away"):
                act(path)
        assert path.read_bytes() == content


@given(st.floats(-1, 3), st.floats(-1, 3), st.sampled_from([0, 1]))
def test_a_stretch_of_one_side_is_read(tmp_path_factory, start: float, end: float, channel):
    path = tmp_path_factory.getbasetemp() / "stretch.wav"
    if not path.exists():
        make(path, 16000)
    samples = array("h", wav.read_channel(path, channel, start, end))
    first = min(max(round(start * 8000), 0), 16000)
    last = max(min(round(end * 8000), 16000), first)
    sign = -1 if channel else 1
    assert list(samples) == [sign * n for n in range(first, last)]


def test_a_file_cut_within_its_format_is_no_recording(tmp_path):
    path = tmp_path / "a.wav"
    whole = make(path, 10)
    path.write_bytes(whole[:12] + b"JUNK" + struct.pack("<I", 16) + bytes(16) + whole[12:30])
    for look in (wav.duration, wav.repair):
        with pytest.raises(wav.NotARecordingError, match="cut off in its header"):
            look(path)
