"""Hearing a call: range requests (RFC 9110, 14), the waveform, who may, and what the audit trail says of it."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import pytest

from console import plays
from recordings import folders, peaks, wav

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
async def audio(call, tmp_path) -> tuple[str, Path]:
    """A call's address and its sound file: 8 kHz, stereo, 4 s."""
    call_id = await call("房子漏雨")
    folder = folders.locate(tmp_path, call_id)
    assert folder
    return f"/calls/{call_id}/audio", folder / folders.AUDIO


async def fetch(client, path, **headers):
    async with client.http.get(client.address + path, headers=headers) as answer:
        return answer.status, answer.headers, await answer.read()


async def test_the_whole_sound(site, audio):
    path, file = audio
    status, headers, body = await fetch(await site.logged_in("张敏"), path)
    assert (status, headers["Content-Type"], headers["Accept-Ranges"]) == (200, "audio/wav", "bytes")
    assert headers["Cache-Control"] == "no-store"
    assert body == file.read_bytes()


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=44-", 44, None),
        ("bytes=-10", -10, None),
        ("bytes=100-9999999", 100, None),
    ],
)
async def test_a_part_of_the_sound(site, audio, asked, start, end):
    path, file = audio
    whole = file.read_bytes()
    status, headers, body = await fetch(await site.logged_in("张敏"), path, Range=asked)
    assert (status, body) == (206, whole[start:end])
    first = start % len(whole)
    assert headers["Content-Range"] == f"bytes {first}-{first + len(body) - 1}/{len(whole)}"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "seconds=1-2", "bytes=x", "bytes=9-1"])
async def test_a_range_we_do_not_serve_is_ignored(site, audio, asked):
    path, file = audio
    status, _, body = await fetch(await site.logged_in("张敏"), path, Range=asked)
    assert (status, body) == (200, file.read_bytes())


async def test_a_range_behind_the_end_is_said_so(site, audio):
    path, file = audio
    status, headers, _ = await fetch(await site.logged_in("张敏"), path, Range="bytes=99999999-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{file.stat().st_size}")


async def test_the_rest_of_another_sound_is_not_mixed_in(site, audio):
    path, file = audio
    client = await site.logged_in("张敏")
    _, headers, _ = await fetch(client, path)
    same = {"Range": "bytes=0-9", "If-Range": headers["ETag"]}
    other = {"Range": "bytes=0-9", "If-Range": "Mon, 01 Jan 2001 00:00:00 GMT"}
    assert (await fetch(client, path, **other))[0] == 200
    assert (await fetch(client, path, **same))[0] in {200, 206}
    assert len((await fetch(client, path, **other))[2]) == file.stat().st_size


async def test_a_play_is_one_entry_however_many_requests(site, audio, monkeypatch):
    path, _ = audio
    client = await site.logged_in("张敏")
    call_id = path.split("/")[2]
    for asked in ("bytes=0-", "bytes=0-", "bytes=500-", "bytes=1000-1999"):
        await fetch(client, path, Range=asked)
    assert await site.trail() == [("张敏", "播放", call_id)]
    monkeypatch.setattr(plays, "_SAME_START_S", 0.0)
    await fetch(client, path, Range="bytes=0-")  # played once more
    other = await site.logged_in("王芳")
    await fetch(other, path, Range="bytes=700-")  # the start is not all that can be heard
    assert await site.trail() == [("张敏", "播放", call_id)] * 2 + [("王芳", "播放", call_id)]


@pytest.mark.parametrize("what", ["audio", "peaks"])
async def test_nobody_hears_without_a_login(site, audio, what):
    path = audio[0].replace("audio", what)
    client = site.client()
    status, headers, body = await fetch(client, path)
    assert (status, headers["Content-Type"]) == (401, "application/problem+json; charset=utf-8")
    assert b"RIFF" not in body
    assert await site.trail() == []


@pytest.mark.parametrize("what", ["audio", "peaks"])
async def test_what_is_not_there_is_said_so(site, audio, what):
    client = await site.logged_in("张敏")
    for name in ("20990101T000000-00000000", "..%2f..%2fetc", "%00"):
        assert (await fetch(client, f"/calls/{name}/{what}"))[0] == 404
    audio[1].unlink()
    assert (await fetch(client, audio[0].replace("audio", what)))[0] == 404


async def test_the_waveform_is_kept_beside_the_recording(site, audio):
    path, file = audio
    client = await site.logged_in("张敏")
    status, headers, body = await fetch(client, path.replace("audio", "peaks"))
    assert (status, headers["Content-Type"]) == (200, "application/octet-stream")
    assert len(body) == round(wav.duration(file) / 0.02) * peaks.BUCKET_BYTES
    assert max(array("b", body)) == 0
    assert min(array("b", body)) == -1  # comfort noise at the edge of hearing
    assert file.with_name(peaks.FILE).exists()
    assert (await fetch(client, path.replace("audio", "peaks")))[2] == body


async def test_a_file_that_is_no_recording_is_said_so(site, audio):
    path, file = audio
    file.write_bytes(b"something that is not a recording, and long enough to look at" * 3)
    client = await site.logged_in("张敏")
    assert (await fetch(client, path.replace("audio", "peaks")))[0] == 404
