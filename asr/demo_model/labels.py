"""From the times of phones to one label for every output of the network."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from asr.demo_model.features import FRAME_LENGTH, FRAME_SHIFT, SUBSAMPLING
from asr.demo_model.utterance import Segment
from asr.demo_model.vocabulary import SILENCE


def label_frames(
    segments: Sequence[Segment], frames: int, phone_ids: Mapping[str, int]
) -> NDArray[np.int16] | None:
    """Label every third feature frame with a pdf: 2·phone for its first frame, 2·phone+1 for those after.

    Args:
        segments: phones in time order.
        frames: feature frames of the utterance.
        phone_ids: phone → base index.

    Returns:
        Nothing if there are fewer label frames than phones.
    """
    merged: list[Segment] = []
    for segment in segments:
        if not (merged and merged[-1].label == segment.label == SILENCE):
            merged.append(segment)
    count = -(-frames // SUBSAMPLING)
    step = FRAME_SHIFT * SUBSAMPLING
    starts = [max(0, int(np.ceil((s.start - FRAME_LENGTH / 2) / step))) for s in merged]
    for i in range(1, len(starts)):
        starts[i] = max(starts[i], starts[i - 1] + 1)
    limit = count
    for i in reversed(range(len(starts))):
        starts[i] = min(starts[i], limit - 1)
        limit = starts[i]
    if limit < 0:
        return None
    labels = np.zeros(count, np.int16)
    for segment, first, last in zip(merged, starts, [*starts[1:], count], strict=True):
        pdf = 2 * phone_ids[segment.label]
        labels[first] = pdf
        labels[first + 1 : last] = pdf + 1
    return labels
