"""What `hotline asr bench` has found, kept for the speech server: how much this machine decodes with this model."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = "asr-bench.json"
"""Its name in the data folder."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bench:
    """So many live ``calls`` are carried by ``cores`` with a model; ``capacity`` seconds of audio are decoded a second.

    ``model`` is its name with the profile, ``sha256`` its fingerprint, ``threads`` the setting (0: by the cores),
    ``at`` when, in ISO 8601.
    """

    model: str
    sha256: str
    threads: int
    cores: int
    calls: int
    capacity: float
    at: str


def write_bench(file: Path, found: Bench) -> None:
    """Keep it, whole or not at all. Raises OSError."""
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps(asdict(found)) + "\n", encoding="utf-8")
    draft.replace(file)


def read_bench(file: Path, model: str, sha256: str, threads: int) -> Bench | None:
    """What was found of this model with so many threads on so many cores as may be used now; None: nothing."""
    try:
        found = Bench(**json.loads(file.read_text(encoding="utf-8")))
        asked = (model, sha256, threads, len(os.sched_getaffinity(0)))
        if found.capacity > 0 and (found.model, found.sha256, found.threads, found.cores) == asked:
            return found
    except FileNotFoundError:
        pass
    except (OSError, ValueError, TypeError) as error:
        _log.warning("%s cannot be read, run `hotline asr bench` again: %s", file, error)
    return None
