"""Results for people."""

from __future__ import annotations

from typing import Any

from rich.table import Table

_ACCEPTED = {
    "gap": "gap p99 within 30 ms, or within 6 ms of bare in the same round",
    "cpu": "CPU a call within 1.3 of bare",
}


def show_capacity(result: dict[str, Any]) -> Table:
    """One line a run."""
    table = Table(
        title=f"calls in one process, {result['seconds']:g} s each, {_name_decoding(result['decoding'])}; "
        "CPU in % of one core"
    )
    for column in (
        "calls",
        "what",
        "round",
        "CPU",
        "a call",
        "ASR",
        "gap p50",
        "p99",
        "max ms",
        "missing",
        "setup p99",
        "loop p99.9",
        "turn",
        "deaf",
        "longest s",
        "late",
        "pending",
    ):
        table.add_column(column, justify="left" if column == "what" else "right")
    for run in result["runs"]:
        cpu, gap = run["cpu_percent"][run["what"]], run["rtp"]["gap_ms"]
        asr = run["cpu_percent"].get("asr")
        table.add_row(
            *(str(run["calls"]), run["what"], str(run["round"]), f"{cpu:.1f}", f"{cpu / run['calls']:.3f}"),
            "" if asr is None else f"{asr:.0f}",
            *(f"{gap[key]:.1f}" for key in ("p50", "p99", "max")),
            *(str(run["rtp"]["missing"]), f"{run['setup_ms']['p99']:.0f}"),
            *_show_loop(run),
            *_show_hearing(run),
        )
    table.caption = "\n".join(
        f"{one['calls']} calls: {_ACCEPTED[what]}: {'yes' if held else 'NO'}"
        for one in result["summary"]
        for what, held in one.get("accepted", {}).items()
    )
    return table


def show_setups(result: dict[str, Any]) -> Table:
    """One line a run."""
    table = Table(
        title=f"{result['rate']:g} calls a second for {result['seconds']:g} s; from INVITE to 200 OK, ms"
    )
    for column in (
        "what",
        "round",
        "placed",
        "answered",
        "failed",
        "p50",
        "p99",
        "max",
        "generator late p99",
    ):
        table.add_column(column, justify="left" if column in {"what", "failed"} else "right")
    for run in result["runs"]:
        times, late = run["setup_ms"], run["generator_late_ms"]
        failed = ", ".join(f"{status}: {count}" for status, count in run["failed"].items())
        table.add_row(
            *(run["what"], str(run["round"]), str(run["placed"]), str(run["answered"]), failed),
            *([f"{times[key]:.0f}" for key in ("p50", "p99", "max")] if times else ["-"] * 3),
            f"{late['p99']:.1f}" if late else "-",
        )
    table.caption = f"every call answered by the gateway: {'yes' if result['without_failure'] else 'NO'}"
    return table


def _name_decoding(share: float | None) -> str:
    if share is None:
        return "all that is said decoded"
    return f"{share:.0%} of what is said decoded" if share else "no speech server"


def _show_loop(run: dict[str, Any]) -> tuple[str, ...]:
    """How late the event loop came round, in ms, and the processor time of its costliest turn, in ms."""
    if "loop" not in run:
        return ("",) * 2
    return (f"{run['loop']['delay_p999_ms']:.0f}", f"{run['loop']['turn_cpu_max_ms']:.0f}")


def _show_hearing(run: dict[str, Any]) -> tuple[str, ...]:
    """Calls deaf for a while, the longest while; phrases told late; tickets whose words never came."""
    if "deaf" not in run:
        return ("",) * 4
    late = run["dialogue"]["unconfirmed"] + run["dialogue"]["unconfirmed_at_end"]
    pending = "-" if run["words"] is None else str(run["words"]["text_pending"])
    return (str(run["deaf"]["deaf_calls"]), f"{run['deaf']['longest_seconds']:.1f}", str(late), pending)


def show_latency(result: dict[str, Any]) -> Table:
    """One line a number of simultaneous hang-ups."""
    table = Table(title="hang-up to accepted ticket, ms")
    for column in ("hang-ups at once", "rounds", "accepted", "without", "p50", "p99", "max"):
        table.add_column(column, justify="right")
    for row in result["hang_ups"]:
        times = row["hangup_to_accepted_ms"]
        table.add_row(
            *(str(row[key]) for key in ("calls", "rounds", "accepted", "without_ticket")),
            *([f"{times[key]:.0f}" for key in ("p50", "p99", "max")] if times else ["-"] * 3),
        )
    return table


def show_console(result: dict[str, Any]) -> Table:
    """One line a database and kind of request."""
    table = Table(title=f"the page over {result['calls']} calls, ms")
    for column in ("database", "what", "p50", "p95", "max", "limit", "p95 of it"):
        table.add_column(column, justify="left" if column in {"database", "what"} else "right")
    for database in result["databases"]:
        for what, times in database["ms"].items():
            figures = [f"{times[key]:.0f}" for key in ("p50", "p95", "max")]
            limit = result["limits_ms"][what]
            table.add_row(database["database"], what, *figures, f"{limit:g}", f"{times['p95'] / limit:.0%}")
    return table


def show_surges(result: dict[str, Any]) -> Table:
    """One line a month; then one a table that was looked at."""
    table = Table(title=f"surges, looked for every {result['every_min']} minutes")
    for column in ("what", "matters", "found in time", "in the busiest hour", "minutes p50", "false a day"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for month in result["months"]:
        table.add_row(
            f"month {month['seed']}",
            str(month["matters"]),
            f"{month['found']} of {month['planted']}",
            f"{month['found_in_peak']} of {month['in_peak']}",
            str(month["delay_min"].get("p50", "-")),
            f"{month['false_a_day']:.2f}",
        )
    for cost in result["costs"]:
        look, write = cost["look_ms"], cost["write_ms"]
        table.add_row(
            f"{cost['database']}: a look {look['p50']:.0f} ms p50, {look['p99']:.0f} p99; "
            f"a write {write['alone']['p50']:.0f} ms p50, beside looks {write['beside_looks']['p50']:.0f}",
            str(cost["matters"]),
        )
    return table


def show_recognition(result: dict[str, Any]) -> Table:
    """A row a server and level, over all rounds."""
    carried, cost = result["carried"], result["recordings_cost_p95"]["median"]
    table = Table(
        title=f"{result['model']}: carried {carried['ours']} calls, a stock server {carried['stock']}; "
        f"two recordings beside cost {cost:+.3f} s of p95",
        caption=result["rule"],
    )
    names = {
        "server": "server",
        "calls": "calls",
        "questions": "questions",
        "missed": "missed",
        "told_p95": "told p95",
        "followed": "heard later",
        "cpu_per_second": "CPU s/s",
        "memory_mb": "MB",
        **{f"{what}_p{p}": f"{what} p{p}" for what in ("partial", "final") for p in (50, 95, 99)},
    }
    for name in names.values():
        table.add_column(name, justify="right", no_wrap=name == "server")
    for run in result["runs"]:
        table.add_row(*(f"{run[n]:.3f}" if isinstance(run[n], float) else str(run[n]) for n in names))
    return table
