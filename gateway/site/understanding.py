"""The settings of what tickets are understood by."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads it at run time

from gateway.site.section import Section


class UnderstandingSettings(Section):
    """Files of the city's own that tickets are understood by; None: the embedded ones, and no ``points``.

    ``gazetteer`` and ``divisions`` name its places, ``points`` (CSV) gives their coordinates, ``dispatch`` says who
    handles what, ``classifier`` is a folder that `hotline classify train` made.
    """

    gazetteer: Path | None = None
    divisions: Path | None = None
    points: Path | None = None
    dispatch: Path | None = None
    classifier: Path | None = None
