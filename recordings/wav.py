"""The sound file of a call: stereo s16le, 8 kHz, left the caller, right what the caller heard.

The length always comes from the file's length: whoever was writing may have died before finishing the header.
Format: RIFF/WAVE, Microsoft Multimedia Programming Interface 1.0, 1991.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RATE = 8000
CHANNELS = 2
_SAMPLE_BYTES = 2
_FRAME_BYTES = CHANNELS * _SAMPLE_BYTES
_HEADER_BYTES = 44
_HEADER = "<4sI4s4sIHHIIHH4sI"
_FORMAT = "<HHIIHH"


class NotARecordingError(ValueError):
    """The file is not a stereo 16-bit 8 kHz WAV; the message names it and says what it is."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the sound lies in the file, in bytes; ``end`` is the end of the last whole frame."""

    start: int
    end: int

    @property
    def frames(self) -> int:
        return (self.end - self.start) // _FRAME_BYTES


def duration(path: Path) -> float:
    """Seconds of sound. 0 for a missing file or one without sound yet; raises NotARecordingError."""
    try:
        with path.open("rb") as file:
            return _measure(file, path).frames / RATE
    except FileNotFoundError:
        return 0.0


def repair(path: Path) -> float:
    """Make header and length agree, so that any player plays it; returns the seconds of sound.

    Idempotent. A header that never reached the disk (all zero, or cut short) is written anew. Raises
    NotARecordingError, FileNotFoundError.
    """
    with path.open("r+b") as file:
        layout = _measure(file, path)
        file.seek(0)
        if file.read(4) == b"RIFF" and layout.frames:
            file.seek(4)
            file.write(struct.pack("<I", layout.end - 8))
            file.seek(layout.start - 4)
            file.write(struct.pack("<I", layout.end - layout.start))
        else:
            file.seek(0)
            file.write(_header(layout.frames * _FRAME_BYTES))
        file.truncate(layout.end if layout.frames else _HEADER_BYTES)
    return layout.frames / RATE


def read_channel(path: Path, channel: Literal[0, 1], start_s: float, end_s: float) -> bytes:
    """One side as mono s16le, 8 kHz; times in seconds, cut to what there is. Raises NotARecordingError."""
    with path.open("rb") as file:
        layout = _measure(file, path)
        first = min(max(round(start_s * RATE), 0), layout.frames)
        last = min(max(round(end_s * RATE), first), layout.frames)
        file.seek(layout.start + first * _FRAME_BYTES)
        samples = array("h", file.read((last - first) * _FRAME_BYTES))
    return samples[channel::CHANNELS].tobytes()


def read_blocks(path: Path, first_frame: int, block_frames: int) -> Iterator[bytes]:
    """Both sides interleaved, s16le, from ``first_frame`` on; every block but the last has ``block_frames`` frames.

    Ends where the file ended when reading began. Raises NotARecordingError, FileNotFoundError.
    """
    with path.open("rb") as file:
        layout = _measure(file, path)
        position = layout.start + first_frame * _FRAME_BYTES
        file.seek(position)
        while position < layout.end:
            block = file.read(min(block_frames * _FRAME_BYTES, layout.end - position))
            if not block:  # cut short meanwhile
                return
            position += len(block)
            yield block


def _measure(file: BinaryIO, path: Path) -> _Layout:
    length = file.seek(0, 2)
    file.seek(0)
    head = file.read(_HEADER_BYTES)
    if not head.strip(b"\0") or (length < _HEADER_BYTES and _header(0).startswith(head[:4])):
        return _whole_frames(_HEADER_BYTES, max(length, _HEADER_BYTES))
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        raise NotARecordingError(f"{path}: not a WAV file; move it away, the call is filed without it")
    position = 12
    while position + 8 <= length:
        file.seek(position)
        name, size = struct.unpack("<4sI", file.read(8))
        position += 8
        if name == b"fmt ":
            told = file.read(struct.calcsize(_FORMAT))
            if len(told) < struct.calcsize(_FORMAT):
                raise NotARecordingError(
                    f"{path}: cut off in its header; move it away, the call is filed without it"
                )
            form = struct.unpack(_FORMAT, told)
            if form != _FORM:
                raise NotARecordingError(
                    f"{path}: {form[1]} channel(s), {form[2]} Hz, {form[5]} bits; "
                    f"a recording has {CHANNELS}, {RATE}, 16: move it away"
                )
        elif name == b"data":
            return _whole_frames(position, length)
        position += size + size % 2
    return _whole_frames(length, length)


_FORM = (1, CHANNELS, RATE, RATE * _FRAME_BYTES, _FRAME_BYTES, 8 * _SAMPLE_BYTES)


def _whole_frames(start: int, length: int) -> _Layout:
    return _Layout(start, length - (length - start) % _FRAME_BYTES)


def _header(data_bytes: int) -> bytes:
    return struct.pack(_HEADER, b"RIFF", data_bytes + 36, b"WAVE", b"fmt ", 16, *_FORM, b"data", data_bytes)
