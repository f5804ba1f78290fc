"""The waveform of a recording, small enough for a page: the lowest and highest sample of each short stretch.

The peaks are kept in a file beside the recording. A recording that has grown since only has its new part read.
"""

from __future__ import annotations

import logging
import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from recordings import wav

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE: Final = "peaks.bin"
BUCKET_FRAMES: Final = 160
"""Frames in one bucket: 20 ms."""
BUCKET_BYTES: Final = 2 * wav.CHANNELS
"""A bucket is four signed bytes: lowest and highest of the left side, lowest and highest of the right."""

_MAGIC: Final = b"peaks v1"
_HEADER: Final = struct.Struct("<8sII")  # magic, frames in a bucket, whole buckets that follow
_BLOCK_BUCKETS: Final = 6000  # two minutes of sound at a time: 3.8 MB

_log = logging.getLogger(__name__)


def stream_peaks(audio: Path) -> Iterator[bytes]:
    """The peaks of the recording at ``audio``, in pieces of whole buckets, the first ones at once.

    A bucket holds samples divided by 256 and rounded down, -128..127; the last bucket may cover fewer than
    ``BUCKET_FRAMES`` frames. Whole buckets not kept yet are kept at the end; where the folder cannot be
    written to, they are computed again next time. Raises wav.NotARecordingError, FileNotFoundError.
    """
    frames = round(wav.duration(audio) * wav.RATE)
    if not frames:
        return
    whole = frames // BUCKET_FRAMES
    kept = _read_kept(audio.with_name(FILE), whole)
    if kept:
        yield kept
    known = len(kept) // BUCKET_BYTES
    if known * BUCKET_FRAMES >= frames:
        return
    fresh = bytearray()
    for block in wav.read_blocks(audio, known * BUCKET_FRAMES, _BLOCK_BUCKETS * BUCKET_FRAMES):
        piece = compute_peaks(block)
        fresh += piece
        yield piece
    complete = kept + bytes(fresh[: len(fresh) - len(fresh) % BUCKET_BYTES])
    whole = min(whole, len(complete) // BUCKET_BYTES)
    if whole > known:
        _keep(audio.with_name(FILE), complete[: whole * BUCKET_BYTES])


def compute_peaks(pcm: bytes) -> bytes:
    """The peaks of stereo s16le sound, one bucket for each ``BUCKET_FRAMES`` frames or the rest of them."""
    samples = np.frombuffer(pcm, dtype="<i2", count=len(pcm) // 4 * 2).reshape(-1, wav.CHANNELS)
    starts = np.arange(0, len(samples), BUCKET_FRAMES)
    if not len(starts):
        return b""
    low = np.minimum.reduceat(samples, starts, axis=0) >> 8
    high = np.maximum.reduceat(samples, starts, axis=0) >> 8
    return np.stack((low, high), axis=2).astype(np.int8).tobytes()


def _read_kept(file: Path, whole: int) -> bytes:
    """The kept buckets, at most ``whole`` of them; empty when there are none or the file is not what it should be."""
    try:
        data = file.read_bytes()
    except OSError:
        return b""
    if len(data) < _HEADER.size:
        return b""
    magic, bucket_frames, buckets = _HEADER.unpack_from(data)
    body = data[_HEADER.size :]
    if magic != _MAGIC or bucket_frames != BUCKET_FRAMES or len(body) != buckets * BUCKET_BYTES:
        return b""
    # More than the recording has: it is another recording.
    return body if buckets <= whole else b""


def _keep(file: Path, body: bytes) -> None:
    """Whole or not at all; a disk that refuses costs time only."""
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}", delete=False) as draft:
            draft.write(_HEADER.pack(_MAGIC, BUCKET_FRAMES, len(body) // BUCKET_BYTES) + body)
        made = Path(draft.name)
        try:
            made.chmod(0o640)
            made.rename(file)
        except OSError:
            made.unlink()
            raise
    except OSError as error:
        _log.warning("peaks are not kept: %s", error)
