"""Speaks the training texts and keeps features and labels.

Speaking is spread over processes in jobs of fixed size. Each job has a seed of its own and a fresh process, because
espeak-ng carries state from one sentence to the next; so the corpus does not depend on which process took which job.
"""

import multiprocessing
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asr.demo_model.channel import Channel
from asr.demo_model.espeak import open_espeak
from asr.demo_model.features import DIMENSION, compute_mfcc
from asr.demo_model.labels import label_frames
from asr.demo_model.nonspeech import make_nonspeech
from asr.demo_model.texts import Text
from asr.demo_model.utterance import Speaker
from asr.demo_model.vocabulary import Pronunciation
from asr.demo_model.voices import Voices, draw_delivery

_JOB_TEXTS = 250
_SHORTEST = 10  # feature frames


@dataclass(frozen=True, slots=True)
class Corpus:
    """All utterances end to end: features (frames, 40), labels (every third frame), and frames of each utterance."""

    features: NDArray[np.float16]
    labels: NDArray[np.int16]
    lengths: NDArray[np.int64]

    def save(self, path: Path) -> None:
        """Write an `.npz` file."""
        np.savez(path, features=self.features, labels=self.labels, lengths=self.lengths)


def load_corpus(path: Path) -> Corpus:
    """Read what `Corpus.save` wrote."""
    with np.load(path) as stored:
        return Corpus(stored["features"], stored["labels"], stored["lengths"])


@dataclass(frozen=True, slots=True)
class _Job:
    texts: Sequence[Text]
    seed: str
    lexicon: Mapping[str, Pronunciation]
    syllables: Sequence[tuple[str, tuple[str, ...]]]
    phone_ids: Mapping[str, int]
    voices: Voices


def build_corpus(
    texts: Sequence[Text],
    lexicon: Mapping[str, Pronunciation],
    syllables: Sequence[tuple[str, tuple[str, ...]]],
    phones: Sequence[str],
    voices: Voices,
    seed: int,
    processes: int,
) -> Corpus:
    """Speak every text through a random channel in a random voice."""
    phone_ids = {phone: index for index, phone in enumerate(phones)}
    jobs = [
        _Job(texts[first : first + _JOB_TEXTS], f"{seed}:{first}", lexicon, syllables, phone_ids, voices)
        for first in range(0, len(texts), _JOB_TEXTS)
    ]
    features: list[NDArray[np.float16]] = []
    labels: list[NDArray[np.int16]] = []
    # spawn: espeak-ng does not survive a fork
    with multiprocessing.get_context("spawn").Pool(processes, maxtasksperchild=1) as pool:
        for number, (job_features, job_labels) in enumerate(pool.imap(_speak, jobs), 1):
            features += job_features
            labels += job_labels
            print(f"  spoken {min(number * _JOB_TEXTS, len(texts))} of {len(texts)}", flush=True)
    lengths = np.array([len(f) for f in features], np.int64)
    return Corpus(np.concatenate(features), np.concatenate(labels), lengths)


def _speak(job: _Job) -> tuple[list[NDArray[np.float16]], list[NDArray[np.int16]]]:
    rng = random.Random(job.seed)
    speaker = Speaker(open_espeak(), job.lexicon, job.syllables)
    channel = Channel()
    features: list[NDArray[np.float16]] = []
    labels: list[NDArray[np.int16]] = []
    for text in job.texts:
        utterance = speaker.say(text, draw_delivery(job.voices, rng), rng) if text else make_nonspeech(rng)
        if utterance is None:
            continue
        mfcc = compute_mfcc(channel.carry(utterance.samples, rng, utterance.speech))
        frames = label_frames(utterance.segments, len(mfcc), job.phone_ids)
        if len(mfcc) >= _SHORTEST and frames is not None:
            features.append(mfcc.astype(np.float16).reshape(-1, DIMENSION))
            labels.append(frames)
    return features, labels
