"""The files that the understanding goes by in this process: the city's own, or the embedded ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path


MODEL: Final = "model.npz"
"""The file in a classifier's folder."""


@dataclass(frozen=True, slots=True)
class RuleFiles:
    """None stands for the embedded file; of ``points`` there is none.

    ``categories``, ``classifier`` (a folder, of `hotline classify train`), ``dispatch``: see `config`. ``gazetteer``
    and ``divisions`` are the city's names, ``points`` its coordinates. ``digests`` are those of what stood in the files
    when they were last looked at, in this order (see `pin`): the same paths may mean other rules by then.
    """

    categories: Path | None = None
    classifier: Path | None = None
    dispatch: Path | None = None
    gazetteer: Path | None = None
    divisions: Path | None = None
    points: Path | None = None
    digests: tuple[str, ...] = ()

    def digest(self, *names: str) -> str:
        """What stood in these files; "" for embedded ones."""
        known = dict(zip(_NAMES, self.digests, strict=False))
        return "-".join(known.get(name, "") for name in names)


_NAMES: Final = tuple(field.name for field in fields(RuleFiles) if field.name != "digests")


def pin(files: RuleFiles) -> RuleFiles:
    """The same files with what stands in them now; whoever reads one that cannot be read says so."""
    digests = tuple(_digest(getattr(files, name)) for name in _NAMES)
    return replace(files, digests=digests if any(digests) else ())


def _digest(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return hashlib.sha256((path / MODEL if path.is_dir() else path).read_bytes()).hexdigest()
    except OSError:
        return ""


class _Chosen:
    files = RuleFiles()


def chosen() -> RuleFiles:
    """The files in use."""
    return _Chosen.files


def choose(files: RuleFiles) -> None:
    """Go by these files from here on; see `tickets.meaning.understanding.go_by`."""
    _Chosen.files = files
