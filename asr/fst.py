"""OpenFst's binary files, as far as it takes to tell whether one is whole, and which words it carries.

libvosk takes a graph that was cut short for a whole one and fails, or dies, only when somebody speaks.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

MAGIC: Final = struct.pack("<i", 2125659606)
_SYMBOLS_MAGIC, _ADD_ON_MAGIC = 2125658996, 446681434
_HAS_INPUT_SYMBOLS, _HAS_OUTPUT_SYMBOLS, _IS_ALIGNED = 1, 2, 4
_CONST_STATE, _CONST_ARC = 20, 16  # bytes (const-fst.h)
_BYTE, _FLAGS = struct.Struct("<b"), struct.Struct("<bb")
_INT, _LONG, _COUNTS = struct.Struct("<i"), struct.Struct("<q"), struct.Struct("<qqq")


class CutShortError(Exception):
    """The file ends before what it announces, or announces what cannot be."""


@dataclass(frozen=True, slots=True)
class _Header:
    kind: str
    flags: int
    states: int
    arcs: int


class _Reader:
    """Goes through a file's bytes; leaving them is CutShortError."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data, self.at = data, 0

    def integer(self, shape: struct.Struct = _INT) -> int:
        return int(self.numbers(shape)[0])

    def numbers(self, shape: struct.Struct) -> tuple[int, ...]:
        begin = self.at
        self.skip(shape.size)
        return shape.unpack_from(self._data, begin)

    def text(self) -> bytes:
        length = self.integer()
        begin = self.at
        self.skip(length)
        return self._data[begin : self.at]

    def skip(self, length: int) -> None:
        if not 0 <= length <= len(self._data) - self.at:
            raise CutShortError
        self.at += length

    def skip_each(self, count: int, shape: struct.Struct, unit: int, tail: int) -> None:
        """Skip COUNT entries, of which each begins with its length in UNITs and ends with a TAIL: millions of them."""
        data, at, size, unpack = self._data, self.at, len(self._data), shape.unpack_from
        head = shape.size + tail
        for _ in range(count):
            if at + head > size:
                raise CutShortError
            length = unpack(data, at)[0]
            if length < 0:
                raise CutShortError
            at += head + length * unit
        self.at = at
        self.skip(0)


def has_words(file: Path) -> bool:
    """Whether FILE carries its words itself: official small models do, and have no ``words.txt``. CutShortError."""
    with _opened(file) as reader:
        return bool(_header(reader).flags & _HAS_OUTPUT_SYMBOLS)


def read_words(file: Path) -> frozenset[str]:
    """The words that FILE carries; see `has_words`. CutShortError."""
    with _opened(file) as reader:
        header = _header(reader)
        if header.flags & _HAS_INPUT_SYMBOLS:
            _skip_symbols(reader)
        if not header.flags & _HAS_OUTPUT_SYMBOLS:
            return frozenset()
        reader.skip(_INT.size)
        reader.text()
        reader.skip(8)  # the next free number
        words = []
        for _ in range(reader.integer(_LONG)):
            words.append(reader.text().decode("utf-8", "replace"))
            reader.skip(8)  # its number
        return frozenset(words)


def check(file: Path) -> None:
    """Raise CutShortError unless FILE is as long as it says. Kinds that Vosk's models are not made of pass."""
    with _opened(file) as reader:
        _check(reader)


class _opened:  # noqa: N801 - a context manager
    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> _Reader:
        with self._file.open("rb") as stream:
            self._data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        return _Reader(self._data)

    def __exit__(self, *_: object) -> None:
        self._data.close()


def _header(reader: _Reader) -> _Header:
    reader.skip(len(MAGIC))
    kind = reader.text().decode("latin-1")
    reader.text()  # of arcs
    _, flags = reader.integer(), reader.integer()
    reader.skip(8)  # properties
    _, states, arcs = reader.numbers(_COUNTS)
    return _Header(kind, flags, states, arcs)


def _check(reader: _Reader) -> None:
    header = _header(reader)
    for flag in (_HAS_INPUT_SYMBOLS, _HAS_OUTPUT_SYMBOLS):
        if header.flags & flag:
            _skip_symbols(reader)
    match header.kind:
        case "const":
            aligned = bool(header.flags & _IS_ALIGNED)
            for length in (header.states * _CONST_STATE, header.arcs * _CONST_ARC):
                reader.skip(-reader.at % 16 if aligned else 0)
                reader.skip(length)
        case "ngram":
            reader.skip(_ngram_length(*(reader.integer(_LONG) for _ in range(3))))
        case "olabel_lookahead" | "ilabel_lookahead":
            _check_lookahead(reader)


def _skip_symbols(reader: _Reader) -> None:
    if reader.integer() != _SYMBOLS_MAGIC:
        raise CutShortError
    reader.text()
    reader.skip(8)  # the next free number
    reader.skip_each(reader.integer(_LONG), _INT, 1, 8)  # a word and its number


def _ngram_length(states: int, futures: int, final: int) -> int:
    """Bytes of an n-gram automaton after its three counts (ngram-fst.h, Storage)."""

    def bitmap(bits: int) -> int:
        return (bits + 63) // 64 * 8

    bits = bitmap(states * 2 + 1) + bitmap(futures + states + 1) + bitmap(states)
    labels = (states + 1 + futures) * 4
    return bits + labels + (states + 1 + final + futures + 1) * 4


def _check_lookahead(reader: _Reader) -> None:
    """An automaton, and for each state the labels that can come next (add-on.h, label-reachable.h)."""
    if reader.integer() != _ADD_ON_MAGIC:
        raise CutShortError
    _check(reader)
    reader.skip(1)
    for _ in range(2):
        if reader.integer(_BYTE):
            _skip_intervals(reader)


def _skip_intervals(reader: _Reader) -> None:
    _, keeps_labels = reader.numbers(_FLAGS)
    if keeps_labels:
        reader.skip(reader.integer(_LONG) * 8)
    reader.skip(4)  # the label for "may end here"
    reader.skip_each(reader.integer(_LONG), _LONG, 8, 4)  # begins and ends, and how many labels that are
