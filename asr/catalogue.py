"""Vosk model folders: finding one, proving it file by file before libvosk sees it, and its fingerprint."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from asr import fst
from asr.transcript import ModelFingerprint
from config.fault import LastingFault

DEMO_MODEL = Path(__file__).parent / "demo_model" / "model"
"""The built-in demonstration model, used when none is configured."""

_PARTS = ("am", "conf", "graph", "ivector", "rescore", "rnnlm")
_EXTRACTOR = ("final.dubm", "final.ie", "final.mat", "global_cmvn.stats", "online_cmvn.conf", "splice.conf")
_KALDI_BINARY = b"\0B"
_TRUE, _FALSE = (
    ("true", "t", "1", ""),
    ("false", "f", "0"),
)  # as Kaldi reads them (parse-options.cc), in any case
_BLANKS = re.compile("[ \t\r\f\v]+")  # Kaldi's: words may hold any other space
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
    _check_rate(present[0])
    if (folder / "ivector").is_dir():
        for name in _EXTRACTOR:
            _check(folder / "ivector" / name, b"", "part of the i-vector extractor")


def _check_rate(file: Path) -> None:
    options = _check_options(file)
    try:
        float(options.get("sample-frequency", "16000"))
    except ValueError as error:
        raise ModelError(
            f"{file}: --sample-frequency={options['sample-frequency']} is no number of samples a second; {_REMEDY}"
        ) from error
    upsampling = options.get("allow-upsample", "false").lower()
    if upsampling not in (*_TRUE, *_FALSE):
        raise ModelError(f"{file}: --allow-upsample={upsampling} is neither true nor false; {_REMEDY}")


def _check_graph(folder: Path, *, static: bool) -> None:
    graph = folder / "graph"
    _check_phones(graph / "phones" / "word_boundary.int")
    if static:
        _check_automaton(graph / "HCLG.fst")
    else:
        _check_automaton(graph / "HCLr.fst")
        _check_automaton(graph / "Gr.fst")
        if not (graph / "disambig_tid.int").is_file():
            raise ModelError(f"{graph / 'disambig_tid.int'}: missing (it may be empty); {_REMEDY}")
    words = graph / "words.txt"
    if words.exists() or static or not fst.has_words(graph / "Gr.fst"):
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


def _check_automaton(file: Path) -> None:
    _check(file, fst.MAGIC, "an OpenFst file")
    try:
        fst.check(file)
    except fst.CutShortError as error:
        raise ModelError(f"{file}: cut short, or not copied whole; {_REMEDY}") from error


def _read_text(file: Path, what: str) -> list[str]:
    _check(file, b"", what)
    try:
        return file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
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
        options[name[2:].lower().replace("_", "-")] = value.strip()
    return options


def _check_phones(file: Path) -> None:
    kinds = {"nonword", "begin", "end", "internal", "singleton"}
    for number, line in enumerate(_read_text(file, "which phones begin and end words"), 1):
        phone, *kind = _split(line)
        if not phone.isdecimal() or len(kind) != 1 or kind[0] not in kinds:
            raise ModelError(
                f"{file}:{number}: {line!r} is not 'PHONE KIND' ({', '.join(sorted(kinds))}); {_REMEDY}"
            )


def _check_words(file: Path) -> None:
    for number, line in enumerate(_read_text(file, "the vocabulary"), 1):
        parts = _split(line)
        if len(parts) != 2 or not parts[1].isdecimal():  # noqa: PLR2004 - a word and its number
            raise ModelError(f"{file}:{number}: {line!r} is not 'WORD NUMBER'; {_REMEDY}")


def _split(line: str) -> list[str]:
    return _BLANKS.split(line.strip(" \t\r\f\v"))


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
