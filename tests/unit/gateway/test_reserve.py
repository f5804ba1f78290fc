"""When recordings end so that journals and tickets can still be written, and what callers are told then."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from gateway.calls import reserve
from gateway.calls.reserve import ENDED, NOTICE, Reserve, Taping
from gateway.calls.speaker import Speaker
from gateway.prompts.book import Rendered
from gateway.prompts.wording import PromptError
from gateway.site.sound import Sound
from ivr.actions import Play, Prompt

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


@pytest.mark.parametrize(("total", "kept"), [(20_000, 512), (1_000, 50)])
async def test_the_reserve_is_kept_and_no_more_than_a_share_of_a_small_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, total: int, kept: int
) -> None:
    usage = type(shutil.disk_usage(tmp_path))
    watched, seen = Reserve(tmp_path, 512 * MIB), []
    # Not to and fro at the threshold: room for a quarter more is needed before calls are recorded again.
    for free in (kept + 1, kept - 1, kept + 1, int(kept * 1.25) + 1, kept + 1):
        disk = usage(total * MIB, 0, free * MIB)
        monkeypatch.setattr(reserve.shutil, "disk_usage", lambda _folder, disk=disk: disk)
        await watched.look()
        seen.append(watched.is_short)
    assert seen == [False, True, True, False, False]


class Line:
    """What a call's recording needs of its leg and its speaker."""

    def __init__(self) -> None:
        self.stopped: list[str] = []
        self.notice: Any = None
        self.channel = self

    def stop_recording(self, why: str) -> None:
        self.stopped.append(why)


@pytest.mark.parametrize("anonymous", [False, True])
def test_a_recording_ends_once_and_the_caller_is_told(tmp_path: Path, *, anonymous: bool) -> None:
    short = False
    line: Any = Line()
    taping = Taping(line, line, lambda: short, anonymous=anonymous)
    assert taping.place(tmp_path) == (None if anonymous else tmp_path)
    taping.look()
    assert (line.stopped, line.notice) == ([], None)
    short = True
    taping.look()
    taping.look()
    assert (line.stopped, line.notice) == (([], None) if anonymous else ([ENDED], NOTICE))


def test_a_call_that_comes_then_is_not_recorded_and_told_so_from_the_start(tmp_path: Path) -> None:
    line: Any = Line()
    assert Taping(line, line, lambda: True, anonymous=False).place(tmp_path) is None
    assert (line.stopped, line.notice) == ([ENDED], NOTICE)


class Desk:
    """Leg, prompts and scribe of a speaker: all that is played, by the prompts' own text."""

    ended = None
    anonymous = False
    media_seconds = 0.0

    def __init__(self) -> None:
        self.told: list[str] = []

    async def render(self, prompt: Prompt) -> Rendered:
        if prompt.name != "opening":
            raise PromptError(f"there is no prompt {prompt.name!r}")
        return Rendered(Sound(b""), "您好")

    def play(self, _sound: Sound) -> int:
        return 1

    def stop_playing(self) -> None:
        pass

    def note(self, played: Any) -> None:
        self.told.append(played.text)


async def test_a_notice_that_the_prompts_do_not_have_is_missed_once(caplog: pytest.LogCaptureFixture) -> None:
    desk: Any = Desk()
    speaker = Speaker(desk, desk, desk)
    speaker.notice = NOTICE
    for number in range(3):
        assert await speaker.play(Play(number, Prompt("opening")))
    assert desk.told == ["您好"] * 3
    assert [record.levelname for record in caplog.records] == ["ERROR"]
