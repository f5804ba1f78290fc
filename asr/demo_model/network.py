"""The acoustic network: a small time-delay network, and how it is trained.

Seven layers see 16 feature frames (160 ms) to each side and speak every third frame. Widths and offsets are written
down once, in `LAYERS`; the Kaldi export reads the same table.
"""

# torch is not installed where the program only runs: there its base class is Any, elsewhere its backward() is untyped.
# mypy: disable-error-code="misc, no-untyped-call"

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from asr.demo_model.corpus import Corpus
from asr.demo_model.features import DIMENSION, SUBSAMPLING


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of `width` outputs that sees its input at `offsets` (feature frames)."""

    width: int
    offsets: tuple[int, ...]


LAYERS = (
    Layer(128, (-2, -1, 0, 1, 2)),
    Layer(128, (-1, 0, 1)),
    Layer(256, (-1, 0, 1)),  # from here on only every third frame is computed
    Layer(256, (-3, 0, 3)),
    Layer(256, (-3, 0, 3)),
    Layer(256, (-3, 0, 3)),
    Layer(256, (-3, 0, 3)),
)
_STRIDED = 2
CONTEXT = sum(layer.offsets[-1] for layer in LAYERS)
"""Feature frames needed to each side of the one that is judged."""

_CHUNK = 50  # labels, 1.5 s
_BATCH = 64
_IGNORE = -100
_VALIDATION_EVERY = 50  # utterances
_LABEL_SMOOTHING = 0.02
_PEAK_RATE = 3e-3


@dataclass(frozen=True, slots=True)
class Affine:
    """A layer as Kaldi wants it: `weight` is (outputs, inputs spliced by offset), applied before the ReLU."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained network with everything else folded into its affine layers, and the prior of each pdf."""

    affines: tuple[Affine, ...]
    priors: NDArray[np.float64]
    frame_accuracy: float
    """Share of the validation frames whose pdf was the likeliest."""


class AcousticNet(nn.Module):
    """Features (batch, 40, frames) → scores of each pdf (batch, pdfs, labels)."""

    def __init__(self, pdfs: int) -> None:
        super().__init__()
        convolutions: list[nn.Module] = []
        inputs = DIMENSION
        for index, layer in enumerate(LAYERS):
            stride = SUBSAMPLING if index == _STRIDED else 1
            convolutions.append(nn.Conv1d(inputs, layer.width, len(layer.offsets), stride=stride))
            inputs = layer.width
        self.convolutions = nn.ModuleList(convolutions)
        self.norms = nn.ModuleList(nn.BatchNorm1d(layer.width) for layer in LAYERS)
        self.output = nn.Conv1d(inputs, pdfs, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Score a batch."""
        hidden = features
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            hidden = norm(functional.relu(convolution(hidden)))
        scores: Tensor = self.output(hidden)
        return scores


class _Chunks:
    """Utterances cut into pieces of equal length, normalised."""

    def __init__(self, corpus: Corpus) -> None:
        sample = corpus.features[::7].astype(np.float32)
        self.mean: NDArray[np.float32] = sample.mean(0)
        self.deviation: NDArray[np.float32] = sample.std(0)
        self._features = ((corpus.features - self.mean) / self.deviation).astype(np.float16)
        self._labels = corpus.labels
        self._lengths = corpus.lengths
        counts = -(-corpus.lengths // SUBSAMPLING)
        self._first_frame = np.concatenate([[0], np.cumsum(corpus.lengths)])
        self._first_label = np.concatenate([[0], np.cumsum(counts)])
        pieces = [(u, at) for u, count in enumerate(counts) for at in range(0, int(count), _CHUNK)]
        self.training = np.array([p for p in pieces if p[0] % _VALIDATION_EVERY])
        self.validation = np.array([p for p in pieces if p[0] % _VALIDATION_EVERY == 0])

    def batch(self, pieces: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Features with their context, edges repeated as Kaldi does, and labels, `_IGNORE` where there are none."""
        frames = SUBSAMPLING * (_CHUNK - 1) + 1 + 2 * CONTEXT
        features = np.zeros((len(pieces), frames, DIMENSION), np.float32)
        labels = np.full((len(pieces), _CHUNK), _IGNORE, np.int64)
        for row, (utterance, at) in enumerate(pieces):
            start = SUBSAMPLING * at - CONTEXT
            index = np.clip(np.arange(start, start + frames), 0, self._lengths[utterance] - 1)
            features[row] = self._features[self._first_frame[utterance] + index]
            first = self._first_label[utterance] + at
            last = min(first + _CHUNK, self._first_label[utterance + 1])
            labels[row, : last - first] = self._labels[first:last]
        return torch.from_numpy(features).transpose(1, 2).contiguous(), torch.from_numpy(labels)


def _loss(net: AcousticNet, features: Tensor, labels: Tensor) -> Tensor:
    scores = net(features).transpose(1, 2).flatten(0, 1)
    return functional.cross_entropy(
        scores, labels.flatten(), ignore_index=_IGNORE, label_smoothing=_LABEL_SMOOTHING
    )


def _measure(net: AcousticNet, chunks: _Chunks) -> float:
    net.eval()
    right = total = 0
    with torch.no_grad():
        for first in range(0, len(chunks.validation), _BATCH):
            features, labels = chunks.batch(chunks.validation[first : first + _BATCH])
            told = labels != _IGNORE
            right += int(((net(features).argmax(1) == labels) & told).sum())
            total += int(told.sum())
    return right / total


def train(corpus: Corpus, pdfs: int, epochs: int, seed: int, threads: int) -> Trained:
    """Train from nothing; the same corpus, seed and thread count give the same weights on the same machine."""
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(mode=True)
    shuffler = np.random.default_rng(seed)
    chunks = _Chunks(corpus)
    net = AcousticNet(pdfs)
    batches = len(chunks.training) // _BATCH
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, _PEAK_RATE, total_steps=epochs * batches + 1, pct_start=0.1
    )
    began = time.monotonic()
    accuracy = 0.0
    for epoch in range(1, epochs + 1):
        net.train()
        order = shuffler.permutation(chunks.training)
        total = 0.0
        for number in range(batches):
            features, labels = chunks.batch(order[number * _BATCH : (number + 1) * _BATCH])
            # the level of a call says nothing about its words: shift the energy cepstrum of each chunk a little
            features[:, 0, :] += torch.randn(len(features), 1) * 0.1
            loss = _loss(net, features, labels)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
        accuracy = _measure(net, chunks)
        seconds = time.monotonic() - began
        loss_mean = total / batches
        print(
            f"  epoch {epoch}/{epochs}: loss {loss_mean:.4f}, right {accuracy:.4f}, {seconds:.0f} s",
            flush=True,
        )
    counts = np.bincount(corpus.labels, minlength=pdfs) + 10.0
    return Trained(_fold(net, chunks.mean, chunks.deviation), counts / counts.sum(), accuracy)


def _fold(net: AcousticNet, mean: NDArray[np.float32], deviation: NDArray[np.float32]) -> tuple[Affine, ...]:
    """Fold input normalisation and batch norms (each follows a ReLU) into the affine layer after them."""
    scale = 1 / deviation.astype(np.float64)
    shift = -mean.astype(np.float64) * scale
    affines: list[Affine] = []
    offsets = [*(layer.offsets for layer in LAYERS), (0,)]
    layers: list[Any] = [*net.convolutions, net.output]
    norms: list[Any] = list(net.norms)
    for index, layer in enumerate(layers):
        weight = _array(layer.weight)  # (out, in, kernel)
        bias = _array(layer.bias) + (weight * shift[None, :, None]).sum((1, 2))
        spliced = (weight * scale[None, :, None]).transpose(0, 2, 1).reshape(len(weight), -1)
        affines.append(Affine(spliced, bias, offsets[index]))
        if index < len(norms):
            norm = norms[index]
            scale = _array(norm.weight) / np.sqrt(_array(norm.running_var) + norm.eps)
            shift = _array(norm.bias) - _array(norm.running_mean) * scale
    return tuple(affines)


def _array(tensor: Any) -> NDArray[np.float64]:
    """Leave torch, whose typing calls every attribute of a module a tensor or a module."""
    array: NDArray[np.float64] = tensor.detach().double().numpy()
    return array
