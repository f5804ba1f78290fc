"""``hotline classify train | eval | export``: the classifier of categories, made of texts with labels, and measured."""

from __future__ import annotations

import asyncio
import csv
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from config.categories import read_catalogue
from gateway.cli import Site, app, errors
from gateway.cli.printing import print_json
from gateway.site.identity import become
from recordings.database import open_database, require_current
from tickets.categories.corrections import read_corrections
from tickets.categories.evaluation import answer, judge, measure_briefly
from tickets.categories.rules import Rules, list_words
from tickets.categories.samples import Sample, SamplesError, deal, read_samples, read_turns
from tickets.categories.storage import load, save
from tickets.categories.suggestion import SHIPPED_MODEL

if TYPE_CHECKING:
    from types import ModuleType

    from tickets.categories.evaluation import Answer

out = Console(highlight=False, soft_wrap=True)
classify = typer.Typer(
    help="诉求分类模型:训练、评测、导出审核结果 / The classifier of categories: train, measure, export.",
    no_args_is_help=True,
)
app.add_typer(classify, name="classify")

Samples = Annotated[
    Path,
    typer.Argument(metavar="CSV", help="有 text、label 两列的 CSV / a CSV file with columns text and label"),
]
AsJson = Annotated[bool, typer.Option("--json", help="输出 JSON / write JSON")]


@classify.command()
def train(
    context: typer.Context,
    file: Samples,
    to: Annotated[Path, typer.Option("--out", help="模型目录 / folder of the model")],
) -> None:
    """训练 / Train: one label a text, its levels joined by _; labels outside the catalogue may be used too."""
    started = time.monotonic()
    samples = _read(file)
    classifier = _open_training().train(samples, list_words(_read_catalogue(context)), read_turns())
    model = save(classifier, to)
    out.print(
        f"已训练 / trained: {len(samples)} 条 / texts, {len(classifier.labels)} 个标签 / labels, "
        f"{time.monotonic() - started:.1f} s → {escape(str(model))}"
    )


@classify.command("eval")
def evaluate(
    context: typer.Context,
    file: Samples,
    model: Annotated[
        Path | None, typer.Option(help="模型目录 / folder of the model", show_default="the embedded one")
    ] = None,
    folds: Annotated[
        int,
        typer.Option(
            min=0,
            max=20,
            help="交叉验证的折数,不用模型 / train and measure in so many folds, without a model",
        ),
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """评测 / Measure: macro-F1, accuracy, calibration, each class, confusion; with --folds by cross-validation."""
    if folds == 1 or (folds and model):
        raise typer.BadParameter("至少 2 折,不用 --model / at least 2, no --model")
    samples = _read(file)
    words = list_words(_read_catalogue(context))
    found = _cross_validate(samples, words, folds) if folds else _measure(samples, words, model)
    if as_json:
        print_json(found)
    else:
        _show(found)


@classify.command()
def export(
    context: typer.Context,
    to: Annotated[
        Path | None, typer.Option("--out", help="写入的 CSV / the file to write", show_default="stdout")
    ] = None,
) -> None:
    """导出审核过的分类,供训练 / Write what agents decided as a CSV file to train with."""
    become(os.environ.get("HOTLINE_USER", ""))  # the database is the house's
    samples = asyncio.run(_read_corrections(context.obj))
    if to is None:
        _write(samples, sys.stdout)
        return
    with to.open("w", encoding="utf-8", newline="") as file:
        _write(samples, file)
    errors.print(f"已导出 / exported: {len(samples)} 条 / texts → {escape(str(to))}")


def _read(file: Path) -> list[Sample]:
    samples = read_samples(file)
    if not samples:
        raise SamplesError(f"{file}: 没有一条样本 / there are no texts in it")
    return samples


def _read_catalogue(context: typer.Context) -> Any:
    site: Site = context.obj
    return read_catalogue(site.settings.dialogue.categories)


def _open_training() -> ModuleType:
    try:
        from tickets.categories import training  # noqa: PLC0415 - needs the extra `classify`
    except ModuleNotFoundError as error:
        raise SamplesError(
            f"缺少 {error.name},训练需要它 / it is needed to train — pip install 'minsheng-hotline[classify]'"
        ) from None
    return training


def _measure(samples: list[Sample], words: list[tuple[str, str]], model: Path | None) -> dict[str, Any]:
    classifier = load(model or SHIPPED_MODEL)
    started = time.process_time()
    answers = answer(classifier, Rules(words), samples)
    seconds = time.process_time() - started
    unknown = sorted({sample.label for sample in samples} - {each.given for each in answers})
    known = {
        "_".join(label.split("_")[:n]) for label in classifier.labels for n in range(1, label.count("_") + 2)
    }
    unlearnt = [label for label in unknown if label not in known]
    if unlearnt:
        named = "、".join(unlearnt[:5])
        errors.print(
            f"警告 / Warning: 模型没有学过 {len(unlearnt)} 个标签 / labels the model never learnt: {escape(named)}",
            style="yellow",
        )
    return {**judge(answers), "texts_per_second": len(samples) / seconds if seconds else None}


def _cross_validate(samples: list[Sample], words: list[tuple[str, str]], folds: int) -> dict[str, Any]:
    training = _open_training()
    rules, turns, dealt = Rules(words), read_turns(), deal(samples, folds)
    depth = max(sample.label.count("_") for sample in samples) + 1
    answers: list[Answer] = []
    plain: dict[int, list[Answer]] = {level: [] for level in range(1, depth + 1)}
    for fold in range(folds):
        rest = [sample for sample, each in zip(samples, dealt, strict=True) if each != fold]
        held = [sample for sample, each in zip(samples, dealt, strict=True) if each == fold]
        if held:
            answers += answer(training.train(rest, words, turns), rules, held)
            for level, given in plain.items():
                given.extend(training.answer_plainly(*([s.at(level) for s in part] for part in (rest, held))))
    levels = {str(level): measure_briefly(given) for level, given in plain.items()}
    baseline = {**levels[str(depth)], **({"levels": levels} if depth > 1 else {})}
    return {**judge(answers), "folds": folds, "baseline": baseline}


async def _read_corrections(site: Site) -> list[Sample]:
    db = open_database(site.paths.database_url(site.settings))
    try:
        await require_current(db)
        async with db.read() as connection:
            return await read_corrections(connection)
    finally:
        await db.close()


def _write(samples: list[Sample], file: Any) -> None:
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(Sample._fields)
    rows.writerows(samples)


def _show(found: dict[str, Any]) -> None:
    _show_figures("全部标签 / whole labels", found)
    for level, figures in found.get("levels", {}).items():
        _show_figures(f"前 {level} 级 / first {level} levels", figures)
    if baseline := found.get("baseline"):
        _show_figures("对照:字 TF-IDF + 线性 SVM / baseline: character TF-IDF + linear SVM", baseline)
        for level, figures in baseline.get("levels", {}).items():
            _show_figures(f"  对照,前 {level} 级 / baseline, first {level} levels", figures)
    table = Table()
    for title in ("标签 / label", "条数 / texts", "精确 / precision", "召回 / recall", "F1"):
        table.add_column(title, justify="left" if title.startswith("标签") else "right", overflow="fold")
    for label, each in found["per_class"].items():
        figures = (f"{each[name]:.3f}" for name in ("precision", "recall", "f1"))
        table.add_row(escape(label), str(each["support"]), *figures)
    out.print(table)


def _show_figures(title: str, figures: dict[str, Any]) -> None:
    out.print(
        f"{title}: macro-F1 {figures['macro_f1']:.3f}, 正确率 / accuracy {figures['accuracy']:.3f}, "
        f"校准误差 / calibration error {figures['calibration_error']:.3f}"
    )
