"""The words that a model knows, read from its files without loading it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asr import fst
from asr.grammar import is_marker

if TYPE_CHECKING:
    from asr.catalogue import ModelFolder


def read_vocabulary(model: ModelFolder) -> frozenset[str]:
    """The words of a model that was found whole; what stands for silence or noise is none. Raises OSError."""
    graph = model.path / "graph"
    listed = graph / "words.txt"
    if listed.exists():
        lines = listed.read_text(encoding="utf-8").splitlines()
        words = frozenset(parts[0] for line in lines if (parts := line.split()))
    else:
        words = fst.read_words(graph / "Gr.fst")
    return frozenset(word for word in words if not is_marker(word))
