"""How sure an answer to a question must be to be taken, as calls whose text was corrected have shown it of a model."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

FILE: Final = "asr-calibration.json"
"""Its name in the data folder."""
LEAST: Final = 0.5
"""Without a calibration: an answer that makes up less than half of what was said is none."""
FEWEST: Final = 20
"""So many phrases of a question make a figure."""
SHARE: Final = 0.95
"""Of the answers that are taken so many are right."""
MOST: Final = 0.9
"""No question asks for more: what hardly any answer reaches would ask every caller again, until a person is called for.
Where even the surest are wrong more often than that, it is the question that wants another wording, or keys."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """Of ``phrases`` said to a question ``right`` were heard right; those as sure as ``least`` are taken."""

    phrases: int
    right: int
    least: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """By the model's fingerprint (``sha256``) and the question's name."""

    models: Mapping[str, Mapping[str, Question]] = field(default_factory=dict)

    def least(self, sha256: str, question: str) -> float:
        """The least confidence, 0..1, with which an answer is taken."""
        known = self.models.get(sha256, {}).get(question)
        return known.least if known else LEAST


def calibrate(heard: Iterable[tuple[float, bool]]) -> Question | None:
    """What phrases of a question show, each with its confidence and whether it was right; None when too few.

    The least confidence is the lowest from which on as many as `SHARE` are right, and `MOST` at most.
    """
    ordered = sorted(heard, reverse=True)
    if len(ordered) < FEWEST:
        return None
    right, least = 0, 1.0
    for number, (confidence, was_right) in enumerate(ordered, 1):
        right += was_right
        after = ordered[number][0] if number < len(ordered) else -1.0
        if after < confidence and right >= SHARE * number:  # those alike are taken or left together
            least = confidence
    return Question(len(ordered), right, min(round(least, 4), MOST))


def write_calibration(file: Path, found: Calibration) -> None:
    """Keep it, whole or not at all. Raises OSError."""
    draft = file.with_suffix(".new")
    document = {
        sha256: {name: asdict(question) for name, question in questions.items()}
        for sha256, questions in found.models.items()
    }
    told = json.dumps({"version": 1, "models": document}, ensure_ascii=False, indent=1)
    draft.write_text(f"{told}\n", encoding="utf-8")
    draft.replace(file)


def read_calibration(file: Path) -> Calibration:
    """What is kept; nothing when there is no file, or none that can be read."""
    try:
        models = json.loads(file.read_text(encoding="utf-8"))["models"]
        return Calibration(
            {
                sha256: {
                    name: Question(int(told["phrases"]), int(told["right"]), min(MOST, float(told["least"])))
                    for name, told in questions.items()
                }
                for sha256, questions in models.items()
            }
        )
    except FileNotFoundError:
        pass
    except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        _log.warning("%s cannot be read, run `hotline asr calibrate` again: %s", file, error)
    return Calibration()
