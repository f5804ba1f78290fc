"""Texts with their labels, from a CSV file with the columns ``text`` and ``label``."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from config.fault import LastingFault

if TYPE_CHECKING:
    from collections.abc import Sequence

_TURNS = Path(__file__).parent / "turns.csv"


class SamplesError(LastingFault):
    """The file cannot be used; the message says where, why, and what to do."""


class Sample(NamedTuple):
    """A text, and the label somebody gave it: levels joined by ``_``, or any other word."""

    text: str
    label: str

    def at(self, levels: int) -> Sample:
        """The same with so many levels of its label."""
        return Sample(self.text, "_".join(self.label.split("_")[:levels]))


def read_samples(file: Path) -> list[Sample]:
    """The samples of a CSV file in UTF-8 with a heading; further columns are not looked at. Raises SamplesError."""
    try:
        rows = csv.DictReader(io.StringIO(file.read_text("utf-8-sig"), newline=""))
        names = rows.fieldnames or []
        if "text" not in names or "label" not in names:
            raise SamplesError(
                f"{file}:1: 缺少 text、label 两列 / no columns `text` and `label` — 加上表头 / add the heading"
            )
        return [_read_row(file, rows.line_num, row) for row in rows]
    except UnicodeDecodeError:
        raise SamplesError(
            f"{file}: 不是 UTF-8 / not UTF-8 text — 另存为 UTF-8 / save the file in UTF-8"
        ) from None
    except csv.Error as error:
        raise SamplesError(f"{file}: 不是 CSV / not CSV: {error}") from None
    except OSError as error:
        raise SamplesError(f"{file}: 读不出 / cannot be read: {error.strerror}") from None


def read_turns() -> list[Sample]:
    """The embedded turns of speech: a word or a few, each with the category that callers mean by it."""
    return read_samples(_TURNS)


def _read_row(file: Path, line: int, row: dict[str, str | None]) -> Sample:
    text, label = (row["text"] or "").strip(), (row["label"] or "").strip()
    if not text or not label:
        raise SamplesError(
            f"{file}:{line}: text 或 label 为空 / an empty text or label — 补上或删去 / fill in or delete the line"
        )
    return Sample(text, label)


def deal(samples: Sequence[Sample], folds: int) -> list[int]:
    """The fold (0 to ``folds`` - 1) of each sample: each label's are spread evenly, the same at every run."""
    by_label: defaultdict[str, list[int]] = defaultdict(list)
    for i, sample in enumerate(samples):
        by_label[sample.label].append(i)
    dealt, turn = [0] * len(samples), 0
    for label in sorted(by_label):
        for i in sorted(by_label[label], key=lambda i: (_hash(samples[i].text), i)):
            dealt[i] = turn % folds
            turn += 1
    return dealt


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
