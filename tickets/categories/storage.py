"""A classifier in a folder: one ``model.npz`` of plain arrays, never pickled objects, so that reading runs no code."""

from __future__ import annotations

import hashlib
import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from config.fault import LastingFault
from tickets.categories.model import Belief, Classifier, Linear, Vocabulary
from tickets.meaning.files import MODEL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

_FORMAT = 1


class ModelError(LastingFault):
    """The folder holds no classifier that can be used; the message says which file, why, and what to do."""


def save(classifier: Classifier, folder: Path) -> Path:
    """Write ``folder``/model.npz (the same bytes for the same classifier) and return its path."""
    arrays: dict[str, npt.NDArray[Any]] = {
        "grams": _write_names(
            sorted(classifier.vocabulary.numbers, key=classifier.vocabulary.numbers.__getitem__)
        ),
        "idf": classifier.vocabulary.idf,
        "first": _write_names(["", *classifier.below]),
        "beliefs": np.array(classifier.beliefs, np.float64),
    }
    for i, linear in enumerate((classifier.first, *classifier.below.values())):
        arrays |= {
            f"{i}.classes": _write_names(linear.classes),
            f"{i}.grams": np.flatnonzero(linear.rows >= 0).astype(np.int32),
            f"{i}.starts": linear.starts,
            f"{i}.weights": linear.weights,
            f"{i}.scale": linear.scale,
            f"{i}.bias": linear.bias,
            f"{i}.temperature": np.array([linear.temperature], np.float32),
        }
    arrays["format"] = np.array([_FORMAT], np.int32)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / MODEL
    with file.open("wb") as out:
        np.savez_compressed(out, allow_pickle=False, **arrays)
    return file


def load(folder: Path) -> Classifier:
    """The classifier in ``folder``; raises ModelError."""
    file = folder / MODEL
    try:
        version = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
        with np.load(file, allow_pickle=False) as arrays:
            return _read(arrays, version)
    except FileNotFoundError:
        raise ModelError(
            f"{file}: 没有分类模型 / no classifier here — `hotline classify train CSV --out DIR`"
        ) from None
    except (OSError, KeyError, ValueError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"{file}: 分类模型读不出 / not a classifier that can be read ({error}) — 重新训练 / train it anew"
        ) from None


def _read(arrays: Mapping[str, npt.NDArray[Any]], version: str) -> Classifier:
    if int(arrays["format"][0]) != _FORMAT:
        raise ValueError(f"format {arrays['format'][0]}")
    grams = _read_names(arrays["grams"])
    firsts = _read_names(arrays["first"])
    linears = [_read_linear(arrays, i, len(grams)) for i in range(len(firsts))]
    vocabulary = Vocabulary({gram: i for i, gram in enumerate(grams)}, arrays["idf"].astype(np.float32))
    if len(vocabulary.idf) != len(grams):
        raise ValueError("idf and grams differ in length")
    below = dict(zip(firsts[1:], linears[1:], strict=True))
    if "beliefs" not in arrays:  # a model of before there were any
        return Classifier(vocabulary, linears[0], below, version)
    one, two, three = (Belief(float(slope), float(shift)) for slope, shift in arrays["beliefs"])
    return Classifier(vocabulary, linears[0], below, version, (one, two, three))


def _read_linear(arrays: Mapping[str, npt.NDArray[Any]], i: int, known: int) -> Linear:
    grams = arrays[f"{i}.grams"]
    rows = np.full(known, -1, np.int32)
    rows[grams] = np.arange(len(grams), dtype=np.int32)
    classes = _read_names(arrays[f"{i}.classes"])
    starts = arrays[f"{i}.starts"] if f"{i}.starts" in arrays else np.arange(len(classes))
    weights = arrays[f"{i}.weights"].astype(np.int8)
    scale, bias = (arrays[f"{i}.{name}"].astype(np.float32) for name in ("scale", "bias"))
    if weights.shape != (len(grams), len(scale)) or len(scale) != len(bias):
        raise ValueError("weights of another shape")
    if len(starts) != len(classes) or starts[0] != 0 or (np.diff([*starts, len(scale)]) <= 0).any():
        raise ValueError("columns of no class")
    temperature = float(arrays[f"{i}.temperature"][0])
    return Linear(tuple(classes), starts.astype(np.int32), rows, weights, scale, bias, temperature)


def _write_names(names: list[str] | tuple[str, ...]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(json.dumps(names, ensure_ascii=False).encode(), np.uint8)


def _read_names(array: npt.NDArray[Any]) -> list[str]:
    return list(map(str, json.loads(array.tobytes())))
