"""The figures of an evaluation, as JSON has them and as a page that explains itself without a network."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jinja2

from asr.evaluation.alignment import Errors, align, count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from asr.evaluation.alignment import Pair

_PAGE: Final = Path(__file__).with_name("report.html")
_CONFUSIONS: Final = 50


@dataclass(frozen=True, slots=True)
class Judged:
    """One recording, or one phrase of a call: what was said and heard, after the same normalisation, laid together."""

    name: str
    line: str
    speaker: str
    pairs: tuple[Pair, ...]


def judge(
    name: str, line: str, speaker: str, texts: tuple[str, str], normalise: Callable[[str], str]
) -> Judged:
    """Lay what was said beside what was heard, TEXTS, both put in the same form before."""
    said, heard = map(normalise, texts)
    return Judged(name, line, speaker, align(said, heard))


def total(judged: Sequence[Judged]) -> dict[str, Any]:
    """The figures: over all, by line and by speaker where these are known, the confusions, and each recording."""
    confused = Counter(pair for one in judged for pair in one.pairs if pair[0] != pair[1])
    return {
        **_tell(count(one.pairs) for one in judged),
        "recordings": len(judged),
        "by_line": _group(judged, "line"),
        "by_speaker": _group(judged, "speaker"),
        "confusions": [
            {"said": said, "heard": heard, "times": times}
            for (said, heard), times in sorted(confused.items(), key=lambda item: (-item[1], item[0]))[
                :_CONFUSIONS
            ]
        ],
        "files": [
            {
                "name": one.name,
                "line": one.line,
                "speaker": one.speaker,
                **_tell([count(one.pairs)]),
                "pairs": one.pairs,
            }
            for one in judged
        ],
    }


def tell_delays(seconds: Sequence[float]) -> dict[str, float] | None:
    """Half, 95 and 99 % of them take no longer, in seconds; None where there are too few to say."""
    if len(seconds) < 2:  # noqa: PLR2004 - quantiles need two
        return None
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {"p50": round(cuts[49], 4), "p95": round(cuts[94], 4), "p99": round(cuts[98], 4)}


def write_page(figures: dict[str, Any]) -> str:
    """The figures as one HTML file."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(_PAGE.read_text(encoding="utf-8")).render(figures=figures)


def _group(judged: Sequence[Judged], key: str) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[Errors]] = {}
    for one in judged:
        if name := getattr(one, key):
            groups.setdefault(name, []).append(count(one.pairs))
    return {name: {**_tell(errors), "recordings": len(errors)} for name, errors in sorted(groups.items())}


def _tell(errors: Iterable[Errors]) -> dict[str, Any]:
    together = sum(errors, Errors())
    rate = together.rate
    return {"cer": None if rate is None else round(rate, 4), **asdict(together)}
