"""The handbook under docs/, read for its chapters and what stands in them to be typed."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from asr.catalogue import DEMO_MODEL

DOCS = Path(__file__).parents[1] / "docs"
LANGUAGES = ("en", "zh")
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: ``sh`` is typed by the reader, ``text`` is shown."""

    kind: str
    text: str


def read_blocks(language: str, chapter: str) -> list[Block]:
    """The fenced blocks of a chapter, in order."""
    return [Block(*found) for found in _FENCED.findall((DOCS / language / f"{chapter}.md").read_text())]


def list_chapters(language: str) -> set[str]:
    return {file.stem for file in (DOCS / language).glob("*.md")} - {"README"}


def pack_model(folder: Path, name: str, **changes: tuple[str, str, str]) -> None:
    """An archive of our own model under an official one's name, with these texts of its files changed."""
    model = folder / name
    shutil.copytree(DEMO_MODEL, model)
    for file, old, new in changes.values():
        text = (model / file).read_text()
        assert old in text
        (model / file).write_text(text.replace(old, new))
    shutil.make_archive(str(model), "zip", folder, name)
    shutil.rmtree(model)
