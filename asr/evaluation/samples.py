"""Recordings whose words are known: a folder of WAV files with their texts beside them, or a list in a CSV file."""

from __future__ import annotations

import csv
import wave
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import soxr

from config.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

RATE = 8000
_SAMPLE_BYTES = 2
_LONGEST_SECONDS = 3600  # its text is laid against what was heard, character by character
_FORM = "a CSV file with the columns audio,text and, if you like, line,speaker"


class SamplesError(Fault):
    """The recordings or their list cannot be used; the message says what, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A recording: its file, the words in it, the line that was called and who speaks ("" where nobody says)."""

    audio: Path
    text: str
    line: str = ""
    speaker: str = ""


def read_samples(source: Path) -> tuple[Sample, ...]:
    """Those of a folder (``x.wav`` with ``x.txt``, at any depth) or of a CSV file. Raises SamplesError, OSError."""
    samples = _read_folder(source) if source.is_dir() else _read_list(source)
    if not samples:
        raise SamplesError(f"{source}: no recordings; give x.wav with its words in x.txt, or {_FORM}")
    return samples


def check_audio(file: Path) -> None:
    """Raise SamplesError, or OSError, unless FILE can be read by `read_audio`; reads no more than its header."""
    with _opened(file):
        pass


def read_audio(file: Path) -> NDArray[np.int16]:
    """A WAV file's first channel, at 8 kHz; raises SamplesError, OSError."""
    with _opened(file) as sound:
        rate, channels = sound.getframerate(), sound.getnchannels()
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    first = samples[: len(samples) // channels * channels : channels]
    return first if rate == RATE else soxr.resample(first, rate, RATE, "HQ").astype(np.int16)


@contextmanager
def _opened(file: Path) -> Iterator[wave.Wave_read]:
    try:
        with wave.open(str(file)) as sound:
            rate = sound.getframerate()
            if sound.getsampwidth() != _SAMPLE_BYTES or not rate:
                raise SamplesError(
                    f"{file}: {sound.getsampwidth() * 8} bits a sample; convert it to 16-bit PCM"
                )
            if sound.getnframes() / rate > _LONGEST_SECONDS:
                raise SamplesError(f"{file}: longer than an hour; cut it")
            yield sound
    except (wave.Error, EOFError) as error:
        raise SamplesError(f"{file}: no WAV file of 16-bit PCM ({error}); convert it") from error


def _read_folder(folder: Path) -> tuple[Sample, ...]:
    found = []
    for audio in sorted(folder.rglob("*.wav")):
        text = audio.with_suffix(".txt")
        if not text.is_file():
            raise SamplesError(
                f"{text}: missing; write there what is said in {audio.name}, or take {audio.name} away"
            )
        found.append(Sample(audio, _decode(text).strip()))
    return tuple(found)


def _read_list(file: Path) -> tuple[Sample, ...]:
    rows = csv.DictReader(_decode(file).splitlines())
    missing = {"audio", "text"} - set(rows.fieldnames or ())
    if missing:
        raise SamplesError(f"{file}:1: no column {', '.join(sorted(missing))}; give {_FORM}")
    found = []
    for row in rows:
        audio = file.parent / (row["audio"] or "")
        if not audio.is_file():
            raise SamplesError(
                f"{file}:{rows.line_num}: {audio} is no file; mend the path, or take the line away"
            )
        found.append(Sample(audio, row["text"] or "", row.get("line") or "", row.get("speaker") or ""))
    return tuple(found)


def _decode(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SamplesError(f"{file}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
