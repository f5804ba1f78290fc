"""What the caller was told at any moment of the recording, as the echo filter asks for it."""

from __future__ import annotations

from typing import Any

from gateway.calls.speaker import Speaker
from gateway.site.sound import Sound

MUSIC = Sound(bytes(range(1, 21)))  # ten samples


class Line:
    """A leg as far as music needs one: it plays from its recording's first sample on."""

    ended = None
    alignment = (100, 100)
    position = 4

    def play(self, _sound: Sound, *, loop: bool, first: int) -> int:
        assert loop
        return first

    def stop_playing(self) -> None:
        pass


def humming() -> Speaker:
    line: Any = Line()
    speaker = Speaker(line, None, None)  # type: ignore[arg-type]
    speaker.hum(MUSIC)
    return speaker


def test_music_is_told_over_and_over() -> None:
    speaker = humming()
    assert speaker.sounded(0, 10) == MUSIC.pcm
    assert speaker.sounded(7, 6) == MUSIC.pcm[14:] + MUSIC.pcm[:6]
    assert speaker.sounded(34, 25) == MUSIC.pcm[8:] + MUSIC.pcm + MUSIC.pcm[:18]
    assert all(len(speaker.sounded(at, 400)) == 800 for at in range(0, 1000, 7))


def test_nothing_is_told_before_it_began() -> None:
    speaker = humming()
    assert speaker.sounded(-4, 6) == bytes(8) + MUSIC.pcm[:4]
    assert speaker.sounded(-4, 3) == b""
