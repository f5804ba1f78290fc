"""The benchmarks themselves, small: what they count is what happened."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from callfolder import CallFolder

from bench import capacity, console, latency, recognition, setups, surges
from bench.build import BuildError, build_rtpgen
from bench.deafness import measure_deafness
from bench.peer import Load, PeerError, generate
from bench.processes import Busy, Usage, child
from bench.tables import show_capacity, show_console, show_recognition, show_setups, show_surges
from recordings import entries

if TYPE_CHECKING:
    from pathlib import Path

CALLS, SECONDS = 3, 3.0


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_rtpgen(tmp_path_factory.mktemp("build"))


@pytest.mark.alone
@pytest.mark.soak
async def test_three_calls_bare_and_through_the_whole_gateway(program: Path) -> None:
    result = await capacity.measure(program, (CALLS,), 1, SECONDS)
    bare, gateway = result["runs"]
    assert (bare["what"], gateway["what"]) == ("bare", "gateway")
    for run in (bare, gateway):
        assert (run["placed"], run["answered"], run["failed"]) == (CALLS, CALLS, {})
        rtp = run["rtp"]
        assert rtp["missing"] == 0
        assert rtp["expected"] == pytest.approx(CALLS * SECONDS * 50, rel=0.02)
        assert rtp["received"] == pytest.approx(rtp["expected"], rel=0.1)
        assert 10 < rtp["gap_ms"]["p50"] <= rtp["gap_ms"]["p99"] <= rtp["gap_ms"]["max"]
        assert all(megabytes > 10 for megabytes in run["resident_mb"].values())
    assert bare["recordings"] == {"lost_samples": 0}
    assert gateway["recordings"] == {"incomplete": 0}
    assert 0 < gateway["loop"]["turn_cpu_max_ms"] < 1000
    assert 0 < gateway["loop"]["delay_p999_ms"] < 1000
    assert gateway["dialogue"]["finished"] == CALLS
    assert gateway["dialogue"]["played"] >= CALLS
    (summary,) = result["summary"]
    assert summary["calls"] == CALLS
    assert summary["missing"] == {"bare": 0, "gateway": 0}
    assert summary["gap_p99_ms"] == {run["what"]: run["rtp"]["gap_ms"]["p99"] for run in (bare, gateway)}


@pytest.mark.alone
@pytest.mark.soak
async def test_two_speech_servers_are_asked_the_same_questions() -> None:
    result = await recognition.measure(None, (1,), 1, 3.0)
    runs = {run["server"]: run for run in result["runs"]}
    more = {f"ours, {how}" for how in ("alone", "beside recordings", "beside long frames", "twice as many")}
    assert runs.keys() == {"ours", "stock"} | more
    assert all(run["questions"] >= 1 and run["followed"] == run["missed"] for run in runs.values())
    assert all(run["cpu_per_second"] > 0 and run["memory_mb"] > 10 for run in runs.values())
    assert runs["ours, twice as many"]["questions"] > runs["ours, alone"]["questions"] / 2
    assert show_recognition(result).row_count == len(runs)


@pytest.mark.alone
@pytest.mark.soak
async def test_two_hang_ups_at_once_become_accepted_tickets(program: Path) -> None:
    result = await latency.measure(program, ((2, 1),))
    (figures,) = result["hang_ups"]
    assert (figures["calls"], figures["accepted"], figures["without_ticket"]) == (2, 2, 0)
    times = figures["hangup_to_accepted_ms"]
    assert 0 < times["p50"] <= times["p99"] <= times["max"] < 20_000


@pytest.mark.alone
@pytest.mark.soak
async def test_calls_of_which_half_can_be_decoded_and_calls_by_keys(program: Path) -> None:
    half, none = [await capacity.measure(program, (CALLS,), 1, SECONDS, share) for share in (0.5, 0.0)]
    run = half["runs"][1]
    assert run["decoded_a_second_at_most"] == pytest.approx(CALLS * half["caller"]["speaking"] / 2, abs=0.1)
    assert run["deaf"]["calls"] == CALLS
    assert (run["words"]["text_pending"], run["words"]["calls_not_transcribed"]) == (0, 0)
    run = none["runs"][1]
    assert run["deaf"]["deaf_calls"] == run["deaf"]["stretches"] == run["deaf"]["calls"] == CALLS
    assert run["deaf"]["share_of_time"] == pytest.approx(1.0, abs=0.05)
    assert show_capacity(none).row_count == 2


@pytest.mark.alone
@pytest.mark.soak
async def test_ten_calls_a_second_are_all_answered_and_hang_up_by_themselves(program: Path) -> None:
    result = await setups.measure(program, 10, 1, 1)
    assert [run["what"] for run in result["runs"]] == ["bare", "gateway"]
    for run in result["runs"]:
        assert (run["placed"], run["answered"], run["failed"]) == (10, 10, {})
    assert result["without_failure"]
    assert show_setups(result).row_count == 2


def run_of(what: str, number: int, gap: float, cpu: float) -> dict[str, Any]:
    figures = {"rtp": {"gap_ms": {"p99": gap}}, "cpu_percent": {what: cpu}}
    return {"what": what, "calls": 600, "round": number, **figures}


@pytest.mark.parametrize(
    ("bare", "gateway", "even"),
    [
        ((20.0, 24.0), (29.9, 30.0), True),
        ((20.0, 24.0), (29.9, 30.1), False),  # one round is enough to fail
        ((40.0, 24.0), (45.9, 30.0), True),  # on a machine where nothing is even
        ((40.0, 24.0), (46.1, 30.0), False),
    ],
)
def test_what_is_good_enough_next_to_bare(
    bare: tuple[float, float], gateway: tuple[float, float], even: bool
) -> None:
    runs = [run_of("bare", n, gap, 100.0) for n, gap in enumerate(bare, 1)]
    runs += [run_of("gateway", n, gap, 129.0) for n, gap in enumerate(gateway, 1)]
    assert capacity.accept(runs, 600) == {"gap": even}
    assert capacity.accept(runs, 600, 1.3) == {"gap": even, "cpu": True}
    assert capacity.accept(runs, 600, 1.2) == {"gap": even, "cpu": False}


def test_deafness_is_read_from_the_journals(tmp_path: Path) -> None:
    CallFolder(tmp_path).begin().note(
        entries.Deaf("busy", 4.0), entries.Hearing(9.5), entries.Deaf("lost", 20.0)
    ).hang_up(seconds=27.0)
    CallFolder(tmp_path, "20260701T083016-0a1b2c3d").begin().hang_up(seconds=13.0)
    assert measure_deafness(tmp_path).describe() == {
        "calls": 2,
        "deaf_calls": 1,
        "stretches": 2,
        "longest_seconds": 7.0,
        "share_of_time": round(12.5 / 40.0, 4),
    }


async def test_nobody_at_the_address_is_counted_and_a_missing_file_is_said(
    program: Path, tmp_path: Path
) -> None:
    with pytest.raises(PeerError):
        await generate(program, "127.0.0.1:9", Load(1, 1.0, tmp_path / "none.ulaw"), lambda _event: None)


def test_what_is_compiled_already_is_not_compiled_again(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert build_rtpgen(program.parent) == program
    with pytest.raises(BuildError, match="install gcc"):
        build_rtpgen(program.parent / "elsewhere")


def test_quantiles_are_nearest_ranks() -> None:
    assert latency.quantiles([5.0]) == latency.Quantiles(5.0, 5.0, 5.0)
    hundred = [float(n) for n in range(1, 101)]
    assert latency.quantiles(hundred) == latency.Quantiles(50.0, 99.0, 100.0)


def test_cpu_and_children_are_found_in_proc() -> None:
    before, busy = Usage.of(os.getpid()), Busy.now()
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    used, machine = Usage.of(os.getpid()).percent_since(before), Busy.now().percent_since(busy)
    assert 0 < used <= 110
    assert machine > 0
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "gateway"])
    try:
        assert child(os.getpid(), "gateway") == sleeper.pid
        with pytest.raises(LookupError):
            child(os.getpid(), "asr")
    finally:
        sleeper.kill()
        sleeper.wait()


async def test_the_work_list_over_a_few_calls_on_both_databases() -> None:
    result = await console.measure(300, 1, 0)
    assert [found["database"] for found in result["databases"]] == ["sqlite", "postgresql"]
    first, second = result["databases"]
    assert first["terms"] == second["terms"] > 300 * 20
    for found in (first, second):
        assert set(found["ms"]) == set(result["limits_ms"])
        assert all(0 < kind["p50"] <= kind["p95"] <= kind["max"] for kind in found["ms"].values())
        assert len(found["requests_ms"]) == 41
        assert found["within"] == all(
            found["ms"][what]["p95"] <= limit for what, limit in result["limits_ms"].items()
        )
    table = show_console(result)
    assert table.row_count == 14


async def test_surges_are_found_in_a_short_month_and_hardly_any_that_are_none() -> None:
    result = await surges.measure([31], 20, [6_400], before=10, days=4, plants=8)
    (month,) = result["months"]
    assert (month["planted"], month["in_peak"], len(month["decoys"])) == (8, 2, 10)
    assert month["matters"] == pytest.approx(14 * 3200, rel=0.1)
    assert month["found"] >= 7
    assert month["false_a_day"] <= 1
    assert 0 <= month["delay_min"]["p50"] <= 30
    assert [cost["database"] for cost in result["costs"]] == ["sqlite", "postgresql"]
    assert all(0 < cost["look_ms"]["p50"] <= cost["look_ms"]["max"] for cost in result["costs"])
    first, second = result["costs"]
    assert first["seen"] == second["seen"]
    assert show_surges(result).row_count == 3
