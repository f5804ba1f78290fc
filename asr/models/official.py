"""The official Chinese models, as data: what their publisher says of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

BASE_URL = "https://alphacephei.com/vosk/models"
"""Where the publisher keeps the archives."""


@dataclass(frozen=True, slots=True)
class Official:
    """A model; ``archive_mb`` is its archive's size in MB, ``cer`` percent by the name of a public test set."""

    name: str
    archive_mb: int
    cer: Mapping[str, float]
    licence: str
    about: Mapping[str, str]


def read_official() -> tuple[Official, ...]:
    """All of them, the small one first."""
    document = yaml.safe_load((Path(__file__).parent / "official.yaml").read_text(encoding="utf-8"))
    return tuple(Official(**told) for told in document)
