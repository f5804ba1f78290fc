"""Vosk model folders: finding one, proving it file by file before libvosk sees it, and its fingerprint."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from pathlib import Path

from asr.transcript import ModelFingerprint
from config.fault import LastingFault

DEMO_MODEL = Path(__file__).parent / "demo_model" / "model"
"""The built-in demonstration model, used when none is configured."""

_PARTS = ("am", "conf", "graph", "ivector", "rescore", "rnnlm")
_EXTRACTOR = ("final.dubm", "final.ie", "final.mat", "global_cmvn.stats", "online_cmvn.conf", "splice.conf")
_KALDI_BINARY = b"\0B"
_FST = struct.pack("<i", 2125659606)  # OpenFst's magic number, little-endian
_FST_HAS_OUTPUT_SYMBOLS = 2
_REMEDY = "unpack the model again, or point asr.model at a complete Vosk model folder"


class ModelError(LastingFault):
    """A folder is not a usable Vosk model; the message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model folder whose files have been checked. ``static_graph``: its graph cannot take phrases at run time."""

    path: Path
    fingerprint: ModelFingerprint
    static_graph: bool


def open_model(path: Path | None) -> ModelFolder:
    """Check the Vosk model in PATH (None: the built-in demonstration model); raises ModelError.

    The layout is that of the official models (``am/``, ``conf/``, ``graph/``, optionally ``ivector/``).
    The fingerprint reads every file once: about a second a gigabyte.
    """
    folder = path or DEMO_MODEL
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such folder; {_REMEDY}")
    static = (folder / "graph" / "HCLG.fst").exists()
    _check_acoustics(folder)
    _check_graph(folder, static=static)
    digest = _digest(folder)
    demo = (
        folder.samefile(DEMO_MODEL) if path is None else DEMO_MODEL.is_dir() and digest == _digest(DEMO_MODEL)
    )
    name = "minsheng-demo" if demo else folder.resolve().name
    return ModelFolder(folder, ModelFingerprint(name, digest, demo), static)


def _check_acoustics(folder: Path) -> None:
    _check(folder / "am" / "final.mdl", _KALDI_BINARY, "a Kaldi nnet3 model in binary form")
    _check_options(folder / "conf" / "model.conf")
    features = [folder / "conf" / name for name in ("mfcc.conf", "fbank.conf")]
    present = [f for f in features if f.exists()]
    if not present:
        raise ModelError(f"{features[0]}: missing; {_REMEDY}")
    options = _check_options(present[0])
    rate = float(options.get("sample-frequency", "16000"))
    if rate > 8000 and options.get("allow-upsample", "false") != "true":  # noqa: PLR2004 - telephone audio
        raise ModelError(
            f"{present[0]}: the model hears {rate:.0f} Hz and refuses telephone audio (8000 Hz); "
            "add the line --allow-upsample=true, or take a model trained on telephone calls"
        )
    if (folder / "ivector").is_dir():
        for name in _EXTRACTOR:
            _check(folder / "ivector" / name, b"", "part of the i-vector extractor")


def _check_graph(folder: Path, *, static: bool) -> None:
    graph = folder / "graph"
    _check_phones(graph / "phones" / "word_boundary.int")
    if static:
        _check(graph / "HCLG.fst", _FST, "an OpenFst file")
    else:
        _check(graph / "HCLr.fst", _FST, "an OpenFst file")
        _check(graph / "Gr.fst", _FST, "an OpenFst file")
        if not (graph / "disambig_tid.int").is_file():
            raise ModelError(f"{graph / 'disambig_tid.int'}: missing (it may be empty); {_REMEDY}")
    words = graph / "words.txt"
    if words.exists() or static or not _has_words(graph / "Gr.fst"):
        _check_words(words)


def _check(file: Path, magic: bytes, what: str) -> None:
    if not file.is_file():
        raise ModelError(f"{file}: missing ({what}); {_REMEDY}")
    with file.open("rb") as stream:
        start = stream.read(max(1, len(magic)))
    if not start:
        raise ModelError(f"{file}: empty ({what} expected); {_REMEDY}")
    if not start.startswith(magic):
        raise ModelError(f"{file}: not {what}; {_REMEDY}")


def _read_text(file: Path, what: str) -> list[str]:
    _check(file, b"", what)
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ModelError(
            f"{file}: not UTF-8 text at byte {error.start} ({what} expected); {_REMEDY}"
        ) from error


def _check_options(file: Path) -> dict[str, str]:
    """Read Kaldi options: one ``--name=value`` a line."""
    options: dict[str, str] = {}
    for number, line in enumerate(_read_text(file, "options"), 1):
        text = line.split("#")[0].strip()
        if not text:
            continue
        name, _, value = text.partition("=")
        if not name.startswith("--"):
            raise ModelError(f"{file}:{number}: {text!r} is not of the form --name=value; {_REMEDY}")
        options[name[2:]] = value or "true"
    return options


def _check_phones(file: Path) -> None:
    kinds = {"nonword", "begin", "end", "internal", "singleton"}
    for number, line in enumerate(_read_text(file, "which phones begin and end words"), 1):
        phone, _, kind = line.strip().partition(" ")
        if not phone.isdecimal() or kind not in kinds:
            raise ModelError(
                f"{file}:{number}: {line!r} is not 'PHONE KIND' ({', '.join(sorted(kinds))}); {_REMEDY}"
            )


def _check_words(file: Path) -> None:
    for number, line in enumerate(_read_text(file, "the vocabulary"), 1):
        parts = line.split()
        if len(parts) != 2 or not parts[1].isdecimal():  # noqa: PLR2004 - a word and its number
            raise ModelError(f"{file}:{number}: {line!r} is not 'WORD NUMBER'; {_REMEDY}")


def _has_words(file: Path) -> bool:
    """Whether the FST carries its vocabulary itself (official small models do and have no words.txt)."""
    with file.open("rb") as stream:
        stream.read(len(_FST))
        for _ in ("fst type", "arc type"):
            length = int.from_bytes(stream.read(4), "little")
            stream.read(length)
        stream.read(4)  # version
        return bool(int.from_bytes(stream.read(4), "little") & _FST_HAS_OUTPUT_SYMBOLS)


def _digest(folder: Path) -> str:
    """SHA-256 over the names and contents of the files libvosk reads."""
    total = hashlib.sha256()
    for part in _PARTS:
        for file in sorted((folder / part).rglob("*")):
            if file.is_file():
                with file.open("rb") as stream:
                    content = hashlib.file_digest(stream, "sha256").digest()
                total.update(file.relative_to(folder).as_posix().encode() + b"\0" + content)
    return total.hexdigest()
