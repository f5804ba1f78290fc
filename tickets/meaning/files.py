"""The files that the understanding goes by in this process: the city's own, or the embedded ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class RuleFiles:
    """None stands for the embedded file; of ``points`` there is none.

    ``categories``, ``classifier`` (a folder, of `hotline classify train`), ``dispatch``: see `config`. ``gazetteer``
    and ``divisions`` are the city's names, ``points`` its coordinates.
    """

    categories: Path | None = None
    classifier: Path | None = None
    dispatch: Path | None = None
    gazetteer: Path | None = None
    divisions: Path | None = None
    points: Path | None = None


class _Chosen:
    files = RuleFiles()


def chosen() -> RuleFiles:
    """The files in use."""
    return _Chosen.files


def choose(files: RuleFiles) -> None:
    """Go by these files from here on; see `tickets.meaning.understanding.use`, which reads them too."""
    _Chosen.files = files
