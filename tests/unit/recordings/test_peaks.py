from __future__ import annotations

import wave
from array import array
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings import peaks, wav

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, left: list[int], right: list[int]) -> Path:
    samples = array("h", [side for pair in zip(left, right, strict=True) for side in pair])
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return path


def read(path: Path) -> list[tuple[int, ...]]:
    body = array("b", b"".join(peaks.stream_peaks(path)))
    return [tuple(body[n : n + 4]) for n in range(0, len(body), 4)]


def expect(left: list[int], right: list[int]) -> list[tuple[int, ...]]:
    found = []
    for start in range(0, len(left), 160):
        a, b = left[start : start + 160], right[start : start + 160]
        found.append((min(a) >> 8, max(a) >> 8, min(b) >> 8, max(b) >> 8))
    return found


sounds = st.lists(st.tuples(*[st.integers(-32768, 32767)] * 2), max_size=700)


@given(sound=sounds)
def test_each_bucket_holds_both_sides_lowest_and_highest(tmp_path_factory, sound):
    left, right = [s[0] for s in sound], [s[1] for s in sound]
    path = write(tmp_path_factory.mktemp("peaks") / "audio.wav", left, right)
    assert read(path) == expect(left, right)
    assert read(path) == expect(left, right)  # now from the file


def test_the_second_time_the_recording_is_not_read(tmp_path, monkeypatch):
    path = write(tmp_path / "audio.wav", [1000] * 1600, [-1000] * 1600)
    first = read(path)
    assert (tmp_path / peaks.FILE).stat().st_mode & 0o777 == 0o640
    monkeypatch.setattr(wav, "read_blocks", lambda *_: pytest.fail("read again"))
    assert read(path) == first


@pytest.mark.parametrize("cut", [0, 44, 60, 200])
def test_a_growing_recording_has_only_its_new_part_read(tmp_path, monkeypatch, cut):
    left = [(n * 37) % 30000 - 15000 for n in range(4000)]
    right = [(n * 91) % 20000 - 10000 for n in range(4000)]
    path = write(tmp_path / "audio.wav", left[:1700], right[:1700])
    assert read(path) == expect(left[:1700], right[:1700])
    whole = write(tmp_path / "whole.wav", left, right).read_bytes()
    # The header still tells of the shorter sound, and half a frame is being written.
    path.write_bytes(path.read_bytes()[:44] + whole[44:] + b"\1\2\3"[: cut % 4])
    begun = []
    blocks = wav.read_blocks
    monkeypatch.setattr(wav, "read_blocks", lambda p, first, n: begun.append(first) or blocks(p, first, n))
    assert read(path) == expect(left, right)
    assert begun == [1600]


def test_a_repaired_recording_keeps_its_peaks(tmp_path):
    left, right = list(range(0, 32000, 10)), list(range(0, -32000, -10))
    path = write(tmp_path / "audio.wav", left, right)
    whole = path.read_bytes()
    path.write_bytes(whole[:40] + b"\0\0\0\0" + whole[44:])  # as its writer was killed
    before = read(path)
    wav.repair(path)
    assert read(path) == before == expect(left, right)


@pytest.mark.parametrize("spoiled", [b"", b"peaks v1", b"something else entirely" * 9])
def test_a_spoiled_file_of_peaks_is_made_anew(tmp_path, spoiled):
    path = write(tmp_path / "audio.wav", [500] * 800, [700] * 800)
    (tmp_path / peaks.FILE).write_bytes(spoiled)
    assert read(path) == [(1, 1, 2, 2)] * 5
    assert (tmp_path / peaks.FILE).read_bytes().startswith(b"peaks v1")


def test_peaks_of_another_longer_recording_are_not_used(tmp_path):
    read(write(tmp_path / "audio.wav", [500] * 1600, [700] * 1600))
    path = write(tmp_path / "audio.wav", [256] * 320, [512] * 320)
    assert read(path) == [(1, 1, 2, 2)] * 2


def test_where_nothing_can_be_kept_the_peaks_are_still_told(tmp_path, monkeypatch, caplog):
    path = write(tmp_path / "audio.wav", [500] * 800, [700] * 800)

    def refuse(*_args: object, **_more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(peaks.tempfile, "NamedTemporaryFile", refuse)
    assert read(path) == [(1, 1, 2, 2)] * 5
    assert not (tmp_path / peaks.FILE).exists()
    assert "not kept" in caplog.text


def test_an_empty_or_missing_recording(tmp_path):
    assert read(write(tmp_path / "audio.wav", [], [])) == []
    assert read(tmp_path / "missing.wav") == []
    (tmp_path / "other.wav").write_bytes(b"not a sound file, but long enough to be looked at closely")
    with pytest.raises(wav.NotARecordingError):
        read(tmp_path / "other.wav")
