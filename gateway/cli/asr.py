"""``hotline asr``: speech recognition as a process; ``asr eval | bench | calibrate`` measure it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - typer reads it at run time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from gateway.cli import Site, app
from gateway.cli.printing import print_json
from gateway.service.logs import configure_logs
from gateway.site.heap import uncollected

if TYPE_CHECKING:
    from asr.evaluation.load import Run

out = Console(highlight=False, soft_wrap=True)
commands = typer.Typer(help="语音识别服务;评测 / Serve speech recognition; measure it.")
app.add_typer(commands, name="asr")

AsJson = Annotated[bool, typer.Option("--json", help="输出 JSON / write JSON")]


@commands.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    second: Annotated[
        bool, typer.Option("--second", help="重听用的大模型 / the large model of the second pass")
    ] = False,
) -> None:
    """语音识别服务 / Serve speech recognition."""
    if context.invoked_subcommand:
        return
    with uncollected():
        from gateway.service.process.asr import run

    site: Site = context.obj
    configure_logs("asr", site.settings.log)
    asyncio.run(run(site.settings, site.paths, second=second))


@commands.command("eval")
def evaluate(
    context: typer.Context,
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR|CSV",
            help="x.wav 与 x.txt 的目录,或有 audio、text(line、speaker)列的 CSV / a folder of x.wav with x.txt, or "
            "a CSV file with columns audio, text (line, speaker)",
        ),
    ] = None,
    reviewed: Annotated[
        bool, typer.Option("--reviewed", help="坐席改过文字的通话 / calls whose text an agent has corrected")
    ] = False,
    model: Annotated[
        Path | None, typer.Option(help="模型目录 / model folder", show_default="the one in use")
    ] = None,
    codec: Annotated[str, typer.Option(help="模拟 G.711:alaw 或 ulaw / simulate G.711: alaw or ulaw")] = "",
    snr: Annotated[
        float | None, typer.Option(help="加白噪声,信噪比 dB / white noise, signal to noise in dB")
    ] = None,
    loss: Annotated[
        float, typer.Option(min=0, max=1, help="丢包率 / share of 20 ms packets that are lost")
    ] = 0.0,
    html: Annotated[
        Path | None, typer.Option(help="报告写入的网页 / write the report to this HTML file")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """评测 / Measure: character error rate, by line and speaker, speed, latency, confusions."""
    from asr.evaluation.line import CODECS, TelephoneLine
    from asr.evaluation.report import write_page
    from asr.evaluation.samples import read_samples
    from gateway.cli.measuring import judge_reviewed, judge_samples
    from tickets.text.normal import STATED

    if (source is None) != reviewed:
        raise typer.BadParameter("DIR|CSV 或 --reviewed,二选一 / give DIR|CSV or --reviewed, one of them")
    if codec not in ("", *CODECS):
        raise typer.BadParameter("alaw, ulaw", param_hint="--codec")
    if html and not html.parent.is_dir():  # not told only once everything has been heard
        raise typer.BadParameter(f"没有目录 / no folder {html.parent}", param_hint="--html")
    site: Site = context.obj
    if source is None:
        figures = asyncio.run(judge_reviewed(site))
    else:
        chosen = next((each for each in CODECS if each == codec), None)
        line = TelephoneLine(chosen, snr, loss)
        figures = asyncio.run(judge_samples(site, read_samples(source), model, line))
    figures = {"normalisation": STATED, **figures}
    if html:
        html.write_text(write_page(figures), encoding="utf-8")
    if as_json:
        print_json(figures)
    else:
        _show(figures, html)


@commands.command()
def bench(
    context: typer.Context,
    seconds: Annotated[
        float, typer.Option(min=10, max=600, help="每一轮的秒数 / seconds of each run")
    ] = 15.0,
    as_json: AsJson = False,
) -> None:
    """本机用这个模型能同时承载多少通话 / Live calls this machine carries with the model in use (p95 final <= 500 ms).

    结果供识别服务使用,请在空闲时运行 / The speech server goes by it; run it while the machine is quiet.
    """
    from asr.evaluation.load import BOUND_SECONDS
    from gateway.cli import measuring

    def tell(run: Run) -> None:
        if not as_json:
            late = "–" if run.p95 is None else f"{run.p95 * 1000:.0f} ms"
            out.print(f"  {run.calls} 通 / calls: p95 {late}, 丢失 / lost {run.lost}")

    found, runs = asyncio.run(measuring.bench(context.obj, seconds, tell))
    if as_json:
        told = [{"calls": r.calls, "finals": len(r.finals), "final_p95": r.p95, "lost": r.lost} for r in runs]
        print_json({**asdict(found), "runs": told})
    else:
        out.print(
            f"本机能承载 / this machine carries {found.calls} 通 / live calls with {escape(found.model)} "
            f"(p95 <= {BOUND_SECONDS * 1000:.0f} ms); 每秒解码 / decoded a second: {found.capacity:g} s"
        )


@commands.command()
def calibrate(context: typer.Context, as_json: AsJson = False) -> None:
    """由审核过的通话定出每个问题要多大把握才算听清 / How sure an answer must be, by question, from reviewed calls.

    网关下次启动起生效 / The gateway goes by it from its next start on.
    """
    from asr.calibration import FILE, MOST, SHARE, write_calibration
    from gateway.cli.measuring import calibrate_reviewed

    site: Site = context.obj
    found = asyncio.run(calibrate_reviewed(site))
    write_calibration(site.paths.data / FILE, found)
    told = [
        {"model": sha256, "question": name, **asdict(question)}
        for sha256, questions in found.models.items()
        for name, question in questions.items()
    ]
    if as_json:
        print_json(told)
        return
    for one in told:
        out.print(
            f"{escape(one['question'])}: 把握 / confidence >= {one['least']:g} "
            f"({one['phrases']} 句 / phrases, 听对 / right {one['right']}; {one['model'][:12]})"
        )
        if one["least"] >= MOST and one["right"] < SHARE * one["phrases"]:
            out.print(
                "  再有把握也常听错:请换个问法或用按键 / even sure answers are often wrong: ask otherwise, or by keys"
            )
    out.print(f"{len(told)} 个问题 / questions → {escape(str(site.paths.data / FILE))}")


def _show(figures: dict[str, Any], html: Path | None) -> None:
    rate = figures["cer"]
    out.print(
        f"字错率 / CER {'–' if rate is None else f'{rate:.2%}'} ({figures['characters']} 字 / characters: "
        f"错 / substituted {figures['substituted']}, 漏 / deleted {figures['deleted']}, "
        f"多 / inserted {figures['inserted']}; "
        f"{figures['recordings']} 条 / recordings; {escape(figures['model'])})"
    )
    for title, key in (("热线 / line", "by_line"), ("说话人 / speaker", "by_speaker")):
        for name, each in figures[key].items():
            share = "–" if each["cer"] is None else f"{each['cer']:.2%}"
            out.print(f"  {title} {escape(name)}: {share} ({each['characters']})")
    if "rtf" in figures:
        delays = ", ".join(
            f"{name} p95 {figures[key]['p95'] * 1000:.0f} ms"
            for name, key in (("中间结果 / partial", "partial"), ("最终结果 / final", "final"))
            if figures[key]
        )
        out.print(f"实时率 / RTF {figures['rtf']}, {delays}")
    for one in figures["confusions"][:10]:
        said, heard = one["said"] or "(多 / inserted)", one["heard"] or "(漏 / deleted)"
        out.print(f"  {escape(said)} → {escape(heard)} × {one['times']}")
    if html:
        out.print(f"报告 / report: {escape(str(html))}")
