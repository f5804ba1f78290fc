"""Writes `am/final.mdl`: Kaldi's binary transition model and nnet3 network, with no Kaldi at hand.

The format is Kaldi's own (`transition-model.cc`, `nnet-nnet.cc`, `nnet-simple-component.cc`, binary mode): a token is
its text and a space, a scalar is its size in bytes and its little-endian value.
"""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from asr.demo_model.features import DIMENSION
from asr.demo_model.network import CONTEXT, Affine, Trained
from asr.demo_model.phones import PhoneTable

_FOUR_BYTES = b"\4"
_FORWARD_PDF_CLASS, _LOOP_PDF_CLASS = 0, 1
_NO_PDF = -1
_EXTENDED_TOPOLOGY = -1
_HALF = 0.5


class _Writer:
    def __init__(self) -> None:
        self.parts: list[bytes] = [b"\0B"]

    def token(self, *names: str) -> None:
        self.parts += [name.encode() + b" " for name in names]

    def text(self, text: str) -> None:
        self.parts.append(text.encode())

    def integer(self, *values: int) -> None:
        self.parts += [_FOUR_BYTES + struct.pack("<i", value) for value in values]

    def real(self, value: float) -> None:
        self.parts.append(_FOUR_BYTES + struct.pack("<f", value))

    def integers(self, values: Sequence[int]) -> None:
        self.parts.append(_FOUR_BYTES + struct.pack(f"<i{len(values)}i", len(values), *values))

    def vector(self, values: ArrayLike) -> None:
        data = np.asarray(values, "<f4")
        self.parts.append(b"FV " + _FOUR_BYTES + struct.pack("<i", data.size) + data.tobytes())

    def matrix(self, values: ArrayLike) -> None:
        data = np.ascontiguousarray(values, "<f4")
        self.parts.append(b"FM ")
        self.integer(*data.shape)
        self.parts.append(data.tobytes())


def write_acoustic_model(table: PhoneTable, trained: Trained) -> bytes:
    """Give the bytes of `final.mdl`."""
    writer = _Writer()
    _write_transitions(writer, table)
    _write_network(writer, trained.affines)
    writer.token("<LeftContext>")
    writer.integer(CONTEXT)
    writer.token("<RightContext>")
    writer.integer(CONTEXT)
    writer.token("<Priors>")
    writer.vector(trained.priors)
    return b"".join(writer.parts)


def _write_transitions(writer: _Writer, table: PhoneTable) -> None:
    count = len(table.phones)
    writer.token("<TransitionModel>", "<Topology>")
    writer.integers(list(range(1, count + 1)))
    writer.integers([-1] + [0] * count)  # phone id → topology entry
    writer.integer(_EXTENDED_TOPOLOGY, 1)
    writer.integer(2)  # states: the emitting one and the final one
    writer.integer(_FORWARD_PDF_CLASS, _LOOP_PDF_CLASS, 2)
    for target in (0, 1):
        writer.integer(target)
        writer.real(_HALF)
    writer.integer(_NO_PDF, _NO_PDF, 0)
    writer.token("</Topology>", "<Tuples>")
    writer.integer(count)
    for number, phone in enumerate(table.phones, 1):
        writer.integer(number, 0, 2 * phone.base, 2 * phone.base + 1)
    writer.token("</Tuples>", "<LogProbs>")
    writer.vector([0.0] + [np.log(_HALF)] * (2 * count))
    writer.token("</LogProbs>", "</TransitionModel>")


def _write_network(writer: _Writer, affines: Sequence[Affine]) -> None:
    lines = [f"input-node name=input dim={DIMENSION}"]
    names = [f"tdnn{number}" for number in range(1, len(affines))] + ["output"]
    previous = "input"
    for name, affine in zip(names, affines, strict=True):
        source = _splice(previous, affine.offsets)
        lines.append(f"component-node name={name}.affine component={name}.affine input={source}")
        after = "log-softmax" if name == "output" else "relu"
        lines.append(f"component-node name={name}.{after} component={name}.{after} input={name}.affine")
        previous = f"{name}.{after}"
    lines.append(f"output-node name=output input={previous} objective=linear")
    writer.token("<Nnet3>")
    writer.text("\n" + "\n".join(lines) + "\n\n")
    writer.token("<NumComponents>")
    writer.integer(2 * len(affines))
    for name, affine in zip(names, affines, strict=True):
        writer.token("<ComponentName>", f"{name}.affine", "<FixedAffineComponent>", "<LinearParams>")
        writer.matrix(affine.weight)
        writer.token("<BiasParams>")
        writer.vector(affine.bias)
        writer.token("</FixedAffineComponent>")
        if name == "output":
            _write_pointwise(writer, f"{name}.log-softmax", "LogSoftmaxComponent", len(affine.bias))
        else:
            _write_pointwise(writer, f"{name}.relu", "RectifiedLinearComponent", len(affine.bias))
    writer.token("</Nnet3>")


def _splice(node: str, offsets: Sequence[int]) -> str:
    if len(offsets) == 1:
        return node
    return "Append(" + ", ".join(f"Offset({node}, {o})" if o else node for o in offsets) + ")"


def _write_pointwise(writer: _Writer, name: str, kind: str, width: int) -> None:
    writer.token("<ComponentName>", name, f"<{kind}>", "<Dim>")
    writer.integer(width)
    for statistic in ("<ValueAvg>", "<DerivAvg>"):
        writer.token(statistic)
        writer.vector([])
    writer.token("<Count>")
    writer.real(0.0)
    writer.token(f"</{kind}>")
