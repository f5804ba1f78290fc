"""How well a caller's words are understood, on the hand-written texts in tests/understanding."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tickets.meaning.risk import spot
from tickets.meaning.topics import compare
from tickets.meaning.understanding import Understanding, understand
from tickets.number import CITY_TIME

if TYPE_CHECKING:
    from collections.abc import Iterable

TEXTS = Path(__file__).parent.parent / "tests/understanding"
AT = datetime(2026, 11, 27, 9, 30, tzinfo=CITY_TIME)
PARTS = ("seventh", "eighth", "ninth")
"""The appeals beside the two halves: type and category only, and no model has learnt from them either."""


class Figures(NamedTuple):
    """Shares, 0 to 1; ``recall`` and ``false`` are of 特急 among the appeals, then of danger.

    ``pairs`` is the share of pairs of texts of which it is told rightly whether they are of the same matter.
    """

    kind: float
    category: float
    county: float
    township: float
    personal: float
    recall: float
    false: float
    danger_recall: float
    danger_false: float
    ms: float
    unexplained: int
    pairs: float


def read(name: str, half: str) -> list[dict[str, Any]]:
    lines = (TEXTS / f"{name}-{half}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def read_forms() -> list[dict[str, str]]:
    """Texts ``a``, each the same ``b`` in another form, and the ``type`` of both."""
    lines = (TEXTS / "forms.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def measure(half: str) -> Figures:
    """``half`` is open or closed."""
    rows = read("appeals", half)
    understand(rows[0]["text"], AT)
    began = time.process_time()
    found = [(row, understand(row["text"], AT)) for row in rows]
    cpu = time.process_time() - began
    pressing = [(row, meant) for row, meant in found if row["urgency"] == "特急"]
    others = [(row, meant) for row, meant in found if row["urgency"] != "特急"]
    dangers = [spot(row["text"]) for row in read("dangers", half)]
    alike = [spot(row["text"]) for row in read("lookalikes", half)]
    return Figures(
        kind=_share(meant.appeal == row["type"] for row, meant in found),
        category=f1([(row["category_1"], meant.category.category_1) for row, meant in found]),
        county=_share((meant.place.county if meant.place else "") == row["county"] for row, meant in found),
        township=_share(
            (meant.place.township if meant.place else "") == row["township"] for row, meant in found
        ),
        personal=_share(
            (meant.personal.phone, meant.personal.identity, meant.personal.plate)
            == (row["phone"], row["id"], row["plate"])
            for row, meant in found
        ),
        recall=_share(meant.urgency == "特急" for _, meant in pressing),
        false=_share(meant.urgency == "特急" for _, meant in others),
        danger_recall=_share(risk is not None for risk in dangers),
        danger_false=_share(risk is not None for risk in alike),
        ms=cpu / len(rows) * 1000,
        pairs=_share(compare(row["a"], row["b"]).same == row["same"] for row in read("pairs", half)),
        unexplained=sum(not _is_explained(meant) for _, meant in found),
    )


def measure_kinds(part: str) -> tuple[float, float]:
    """The share of right types, and the category's macro-F1, on a part of the appeals that gives these two alone."""
    found = [(row, understand(row["text"], AT)) for row in read("appeals", part)]
    return (
        _share(meant.appeal == row["type"] for row, meant in found),
        f1([(row["category_1"], meant.category.category_1) for row, meant in found]),
    )


def f1(pairs: list[tuple[str, str]]) -> float:
    """The mean over the wanted classes of F1, of (wanted, found)."""
    right = Counter(wanted for wanted, found in pairs if wanted == found)
    wanted, found = Counter(w for w, _ in pairs), Counter(f for _, f in pairs)
    return sum(2 * right[name] / (wanted[name] + found[name]) for name in wanted) / len(wanted)


def _is_explained(meant: Understanding) -> bool:
    return all(meant.reasons.values()) and len(meant.reasons) > 0


def _share(answers: Iterable[bool]) -> float:
    told = list(answers)
    return sum(told) / len(told)


def main() -> None:
    for half in ("open", "closed"):
        figures = measure(half)
        print(
            f"{half}: type {figures.kind:.1%}, category macro-F1 {figures.category:.3f}, county {figures.county:.1%},"
            f" township {figures.township:.1%}, phone/ID/plate {figures.personal:.1%}"
        )
        print(
            f"  特急: recall {figures.recall:.1%}, false {figures.false:.1%}; danger phrases: recall"
            f" {figures.danger_recall:.1%}, false {figures.danger_false:.1%};"
            f" {figures.ms:.2f} ms of CPU a text; without a reason: {figures.unexplained};"
            f" pairs told rightly: {figures.pairs:.1%}"
        )
    for part in PARTS:
        kind, category = measure_kinds(part)
        print(f"{part}: type {kind:.1%}, category macro-F1 {category:.3f}")


if __name__ == "__main__":
    main()
