"""Our media ports in a running pjsua2, each scene in a process of its own (scenes.py)."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from array import array
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import sound
from scenes import CALLER_HZ, PROMPT_HZ, TICK_SAMPLES

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.few

SCENES = Path(__file__).with_name("scenes.py")
LOUD = 1000  # amplitude: each tone is played at 8,000


def run_scene(
    name: str, folder: Path, scenes: Path = SCENES, environment: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """What the scene told, later lines over earlier ones."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", scenes, name, folder],
        env={**os.environ, **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{name} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    facts: dict[str, Any] = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            facts |= json.loads(line)
    return facts


def assert_keeps_time(facts: dict[str, int]) -> None:
    assert facts["written"] == facts["frames"] * TICK_SAMPLES
    assert (facts["dropped"], facts["errno"]) == (0, 0)


def test_time_goes_on_while_nobody_transmits(tmp_path: Path) -> None:
    facts = run_scene("silence", tmp_path)
    assert facts["drift"] <= 0.1
    assert facts["pcm_bytes"] == facts["pcm_frames"] * TICK_SAMPLES * 2
    assert facts["silent"]
    assert_keeps_time(facts)
    assert abs(facts["frames"] - facts["pcm_frames"]) <= 1
    left, right = sound.read_stereo(tmp_path / "tap.wav")
    assert len(left) == facts["written"]
    assert not any(left)
    assert not any(right)


def test_each_side_keeps_to_its_channel(tmp_path: Path) -> None:
    facts = run_scene("separation", tmp_path)
    assert_keeps_time(facts)
    left, right = sound.read_stereo(tmp_path / "tap.wav")
    start, middle, end = (
        slice(0, 24 * TICK_SAMPLES),
        slice(30 * TICK_SAMPLES, 120 * TICK_SAMPLES),
        slice(-7000, None),
    )
    assert not any(left[start])
    assert not any(right[start])
    assert sound.tone_level(left[middle], CALLER_HZ) > LOUD
    assert sound.tone_level(right[middle], PROMPT_HZ) > LOUD
    assert sound.tone_level(left[middle], PROMPT_HZ) < 10
    assert sound.tone_level(right[middle], CALLER_HZ) < 10
    assert not any(left[end])
    assert sound.tone_level(right[end], PROMPT_HZ) > LOUD


def test_what_is_fed_is_heard_as_it_comes_and_the_oldest_is_cut(tmp_path: Path) -> None:
    facts = run_scene("feed", tmp_path)
    assert (facts["early"], facts["alive"]) == (False, 1)
    heard = [sample for sample in array("h", (tmp_path / "heard.raw").read_bytes()) if sample]
    # In time: all of it, in order.
    assert heard[:960] == list(range(1, 961))
    # Too fast: the newest, and no sample is unaccounted for.
    assert heard[-480:] == list(range(14_001 - 480, 14_001))
    assert len(heard) + facts["dropped"] // 2 == 960 + 4000


def test_a_killed_process_leaves_a_file_that_plays(tmp_path: Path) -> None:
    behind = []
    for attempt in range(3):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with subprocess.Popen(
            [sys.executable, SCENES, "endless", folder], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            frames = 0
            for line in child.stdout:
                frames = json.loads(line)["frames"] if line.startswith("{") else 0
                if frames >= 100 + attempt * 7:
                    break
            child.send_signal(signal.SIGKILL)
            child.stdout.read()
        left, right = sound.read_stereo(folder / "tap.wav")
        behind.append(frames - len(left) // TICK_SAMPLES)
        assert sound.tone_level(left[20 * TICK_SAMPLES :], CALLER_HZ) > LOUD
        assert not any(right)
    assert min(behind) <= 10, f"behind by {behind} ticks: 200 ms are 10"
    assert max(behind) <= 50, f"behind by {behind} ticks"


@pytest.fixture
def small_disk(tmp_path: Path):
    if os.geteuid():
        pytest.skip("only root can mount a small disk to fill")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_told_and_costs_no_time(small_disk: Path) -> None:
    facts = run_scene("disk_full", small_disk)

    # A short while: it is said at once, and everything is written later.
    assert facts["stuck"]["errno"] == errno.ENOSPC
    assert facts["stuck"]["written"] < facts["stuck"]["frames"] * TICK_SAMPLES
    assert facts["recovered"]["dropped"] == 0

    # Longer than memory lasts: what is lost is counted, and what comes later is at its right time.
    assert facts["lost"]["dropped"] > sound.RATE
    assert facts["resumed"]["written"] > facts["lost"]["frames"] * TICK_SAMPLES

    # To the end: the loss is counted, the file has its full length.
    closed = facts["closed"]
    assert facts["seconds"] < 2
    assert closed["dropped"] > facts["resumed"]["dropped"]
    assert closed["written"] == closed["frames"] * TICK_SAMPLES

    left, right = sound.read_stereo(small_disk / "tap.wav")
    assert len(left) == closed["written"]
    assert not any(right)
    # The only silence is what was counted as lost, give or take what the tone itself has.
    ticks = [left[at : at + TICK_SAMPLES] for at in range(0, len(left), TICK_SAMPLES)]
    silent = sum(1 for tick in ticks if not any(tick))
    assert silent == pytest.approx(closed["dropped"] / TICK_SAMPLES, abs=5)


def test_a_file_that_cannot_be_made_is_tried_again_and_told_in_the_end(small_disk: Path) -> None:
    facts = run_scene("no_space", small_disk)
    assert (facts["refused"]["errno"], facts["refused"]["written"]) == (errno.ENOSPC, 0)
    assert not facts["left_behind"]
    assert facts["closed"]["dropped"] == 0
    left, _right = sound.read_stereo(small_disk / "tap.wav")
    assert len(left) == facts["closed"]["written"] == facts["closed"]["frames"] * TICK_SAMPLES
    assert (
        sound.tone_level(left[10 * TICK_SAMPLES :], CALLER_HZ) > LOUD
    )  # what came while there was no room, too
    second = facts["second"]
    assert second["errno"] == errno.ENOSPC
    assert second["dropped"] == second["frames"] * TICK_SAMPLES
    assert not facts["second_left_behind"]


def test_a_folder_may_come_after_its_recording(tmp_path: Path) -> None:
    facts = run_scene("late_folder", tmp_path)
    assert not facts["finished"]
    assert (facts["waiting"]["errno"], facts["waiting"]["dropped"]) == (errno.ENOENT, 0)
    assert facts["closed"]["dropped"] == 0
    left, _right = sound.read_stereo(tmp_path / "late" / "tap.wav")
    assert len(left) == facts["closed"]["frames"] * TICK_SAMPLES
    assert sound.tone_level(left[10 * TICK_SAMPLES :], CALLER_HZ) > LOUD


def test_what_waits_for_the_disk_may_take_the_memory_that_others_do_not(small_disk: Path) -> None:
    facts = run_scene("shared_memory", small_disk)
    assert facts["full"]["errno"] == errno.ENOSPC
    assert facts["closed"]["dropped"] == 0
    left, _right = sound.read_stereo(small_disk / "tap.wav")
    assert len(left) == facts["closed"]["frames"] * TICK_SAMPLES
    ticks = [left[at : at + TICK_SAMPLES] for at in range(0, len(left), TICK_SAMPLES)]
    assert sum(1 for tick in ticks if not any(tick)) <= 10


def test_refusals_say_what_and_what_to_do(tmp_path: Path) -> None:
    facts = run_scene("refusals", tmp_path)
    assert "libCreate()" in facts["before"]
    assert facts["exists"] == errno.EEXIST
    assert "make another" in facts["twice"]
    assert "ticks every 20 ms" in facts["ptime"]
    assert "8000 to 48000" in facts["rate"]
    assert "one frame" in facts["ring"]
    assert "on the bridge already" in facts["port_twice"]
    assert facts["files"] == ["tap.wav"]


def test_ports_may_go_in_any_order(tmp_path: Path) -> None:
    facts = run_scene("endings", tmp_path)
    assert_keeps_time(facts["first"])
    assert facts["first"]["frames"] >= 10
    for name in ("first.wav", "second.wav", "unclosed.wav", "early-0.wav"):
        left, right = sound.read_stereo(tmp_path / name)
        assert len(left) == len(right)
        assert name == "early-0.wav" or len(left) >= 10 * TICK_SAMPLES


def test_a_full_ring_drops_the_oldest(tmp_path: Path) -> None:
    facts = run_scene("overflow", tmp_path)
    assert facts["available"] == 200 * sound.RATE * 2 // 1000
    assert facts["dropped"] + facts["available"] == facts["frames"] * TICK_SAMPLES * 2
    assert facts["odd"] == 100  # whole samples only
    assert facts["left"] == 0
    assert facts["contiguous"]
    assert facts["last"] - facts["first"] + 1 == facts["available"] // 2
    assert facts["last"] > 90 * TICK_SAMPLES  # the newest, not the oldest


def test_a_call_is_recorded_and_the_tap_outlives_it(tmp_path: Path) -> None:
    facts = run_scene("call", tmp_path)
    assert_keeps_time(facts)
    left, right = sound.read_stereo(tmp_path / "tap.wav")
    middle = slice(50 * TICK_SAMPLES, 140 * TICK_SAMPLES)
    assert sound.tone_level(left[middle], CALLER_HZ) > LOUD
    assert sound.tone_level(right[middle], PROMPT_HZ) > LOUD
    assert sound.tone_level(left[middle], PROMPT_HZ) < LOUD / 10
    assert not any(left[(facts["gone"] + 5) * TICK_SAMPLES :])
