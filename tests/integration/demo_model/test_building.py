"""A tiny model built twice from nothing: the same bytes both times, and Vosk loads them. Needs the `train` extra."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from asr.catalogue import open_model
from asr.demo_model.source import Settings, load_source
from asr.engine import Engine

pytest.importorskip("torch", reason="the builder needs the train extra: pip install -e '.[train]'")

from asr.demo_model.build import build_model
from asr.demo_model.features import compute_mfcc
from asr.demo_model.labels import label_frames
from asr.demo_model.utterance import Segment

TINY = Settings(utterances=120, epochs=1, language_sentences=500)


def test_the_same_inputs_make_the_same_model(tmp_path: Path) -> None:
    source = load_source()
    digests = []
    for name in ("first", "second"):
        accuracy = build_model(source, TINY, tmp_path / name)
        assert 0 <= accuracy <= 1
        files = sorted(p for p in (tmp_path / name).rglob("*") if p.is_file())
        digests.append(
            {p.relative_to(tmp_path / name): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
        )
    assert digests[0] == digests[1]
    recognizer = Engine(open_model(tmp_path / "first")).recognizer(8000)
    recognizer.accept(bytes(16000))
    assert "text" in json.loads(recognizer.final())


def test_a_second_has_98_frames_of_40_features() -> None:
    noise = np.random.default_rng(1).normal(0, 1000, 8000)
    assert compute_mfcc(noise).shape == (98, 40)
    assert compute_mfcc(noise[:100]).shape == (0, 40)


def test_each_phone_has_a_first_label_and_then_the_other() -> None:
    segments = (Segment(0.0, "SIL"), Segment(0.1, "a"), Segment(0.2, "SIL"), Segment(0.25, "SIL"))
    labels = label_frames(segments, 30, {"SIL": 0, "a": 5})
    assert labels is not None
    assert labels.tolist() == [0, 1, 1, 10, 11, 11, 11, 0, 1, 1]


def test_a_phone_too_short_for_a_label_still_gets_one() -> None:
    segments = (Segment(0.0, "SIL"), Segment(0.1, "a"), Segment(0.105, "b"), Segment(0.11, "SIL"))
    labels = label_frames(segments, 30, {"SIL": 0, "a": 5, "b": 6})
    assert labels is not None
    assert labels.tolist()[3:6] == [10, 12, 0]
    assert label_frames(segments, 9, {"SIL": 0, "a": 5, "b": 6}) is None
