"""PromptPort in a running pjsua2, each scene in a process of its own (prompt_scenes.py)."""

from __future__ import annotations

import itertools
import sys
from array import array
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from prompt_scenes import LEVEL
from scenes import TICK_SAMPLES
from sound import RATE
from test_ports import run_scene

pytestmark = pytest.mark.few

SCENES = Path(__file__).with_name("prompt_scenes.py")
RAMP = RATE * 5 // 1000


def heard_in(folder: Path) -> list[array[int]]:
    """What was heard, without the silence before, between and after."""
    samples = array("h", (folder / "heard.raw").read_bytes())
    pieces: list[array[int]] = []
    quiet = RAMP
    for sample in samples:
        if sample:
            if quiet >= RAMP:
                pieces.append(array("h"))
            elif quiet:
                pieces[-1].extend([0] * quiet)
            pieces[-1].append(sample)
            quiet = 0
        else:
            quiet += 1
    return pieces


def rise(samples: array[int]) -> array[int]:
    return array("h", [sample * (n + 1) // RAMP for n, sample in enumerate(samples[:RAMP])])


def fall(samples: array[int]) -> array[int]:
    """The ramp's last sample is silence."""
    return array("h", [sample * (RAMP - 1 - n) // RAMP for n, sample in enumerate(samples[: RAMP - 1])])


def ramped(samples: array[int]) -> array[int]:
    """As a sound is heard that plays from its beginning to its end."""
    return rise(samples) + samples[RAMP:-RAMP] + fall(samples[-RAMP:])


def count_up(first: int, after: int) -> array[int]:
    return array("h", range(first, after))


def visible(samples: array[int]) -> array[int]:
    """Without the zeros of a ramp that begins with small samples."""
    first = next(n for n, sample in enumerate(samples) if sample)
    return samples[first:]


def test_a_sound_is_heard_whole_and_its_end_is_told(tmp_path: Path) -> None:
    facts = run_scene("whole", tmp_path, SCENES)
    assert (facts["waiting"], facts["number"], facts["again"], facts["lost"]) == (0, 1, 2, 0)
    assert facts["position"] == facts["samples"] == 8020
    first, second = heard_in(tmp_path)
    assert first == second == visible(ramped(count_up(1, 8021)))
    # The tick that is told is the one with the last sample: what was heard up to then is all of it, give or take
    # the silence in it.
    samples = array("h", (tmp_path / "heard.raw").read_bytes())
    told = samples[: facts["end"] * TICK_SAMPLES]
    assert visible(told)[: len(first)] == first
    assert any(told[-TICK_SAMPLES:])


def test_a_pause_is_within_a_frame_and_nothing_is_lost_by_it(tmp_path: Path) -> None:
    facts = run_scene("pauses", tmp_path, SCENES)
    assert facts["stood"] - facts["at_once"] in (0, TICK_SAMPLES)
    assert facts["later"] == facts["stood"]
    assert (facts["finished"], facts["held"], facts["finished_held"]) == (0, 0, False)
    before, after, last = heard_in(tmp_path)
    stood = facts["stood"]
    began = count_up(1, stood + 1)
    assert before == visible(rise(began) + began[RAMP:] + fall(count_up(stood + 1, stood + 1 + RAMP)))
    assert after == ramped(count_up(stood + 1, 16_001))
    assert last == visible(ramped(count_up(1, 401)))


def test_a_loop_has_no_seam_and_no_end(tmp_path: Path) -> None:
    facts = run_scene("loops", tmp_path, SCENES)
    assert facts["finished"] == 0
    assert facts["later"] == facts["stood"] < 1003
    (music,) = heard_in(tmp_path)
    turns = count_up(1000, 2003) * (len(music) // 1003 + 1)
    assert music[: 1 - RAMP] == rise(turns) + turns[RAMP : len(music) - RAMP + 1]
    assert len(music) > 50 * TICK_SAMPLES
    stopped_at = len(music) - RAMP + 1
    assert music[1 - RAMP :] == fall(turns[stopped_at : stopped_at + RAMP])
    assert facts["stood"] == stopped_at % 1003


def test_a_sound_gives_way_to_the_next_without_a_gap(tmp_path: Path) -> None:
    facts = run_scene("replaces", tmp_path, SCENES)
    assert facts["second"] == 2
    (both,) = heard_in(tmp_path)
    second = ramped(count_up(20_000, 22_000))
    assert both[-len(second) :] == second
    first = both[: -len(second)]
    broke_off = max(first) + 1
    assert broke_off > 3000
    whole = count_up(1, broke_off)
    assert first == visible(rise(whole) + whole[RAMP:]) + fall(count_up(broke_off, broke_off + RAMP)) + array(
        "h", [0]
    )


def test_nothing_clicks(tmp_path: Path) -> None:
    run_scene("smooth", tmp_path, SCENES)
    samples = array("h", (tmp_path / "heard.raw").read_bytes())
    assert max(samples) == LEVEL
    steps = [abs(after - before) for before, after in itertools.pairwise(samples)]
    assert max(steps) == LEVEL // RAMP


def test_time_goes_on_while_nobody_listens(tmp_path: Path) -> None:
    run_scene("unheard", tmp_path, SCENES)
    first, second = heard_in(tmp_path)
    assert first[0] > 2000
    assert first == count_up(first[0], first[0] + len(first))
    assert second[0] > 10_000 - TICK_SAMPLES
    assert second == count_up(second[0], 16_001 - RAMP) + fall(count_up(16_001 - RAMP, 16_001))


def test_one_copy_of_a_sound_serves_all_ports(tmp_path: Path) -> None:
    facts = run_scene("shares", tmp_path, SCENES)
    assert (facts["playing"], facts["stopped"], facts["left"], facts["taken_back"]) == (40, 30, 0, 0)


def test_sound_and_port_may_go_in_any_order(tmp_path: Path) -> None:
    facts = run_scene("leaves", tmp_path, SCENES)
    (said,) = heard_in(tmp_path)
    assert said == visible(ramped(count_up(1, 4001)))
    assert (facts["gone"], facts["outlived"]) == (0, 0)


def test_a_port_may_go_at_the_end_of_its_sound(tmp_path: Path) -> None:
    facts = run_scene("ends", tmp_path, SCENES)
    assert (facts["users"], facts["ports"]) == (0, 2)  # left are the bridge's own, and the one that listened


def test_no_end_is_lost_when_many_sounds_end_together(tmp_path: Path) -> None:
    facts = run_scene("burst", tmp_path, SCENES)
    assert facts["ended"] == facts["started"]


def test_refusals_say_what_to_do(tmp_path: Path) -> None:
    facts = run_scene("refuses", tmp_path, SCENES)
    assert "at least one" in facts["empty"]
    assert "3 bytes" in facts["half"]
    assert "libCreate()" in facts["before"]
    assert "on the bridge already" in facts["twice"]
