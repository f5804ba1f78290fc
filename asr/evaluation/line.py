"""What a telephone line does to speech: noise, lost packets, G.711. The same dice for every file, so figures repeat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from asr.demo_model.g711 import ALAW, ULAW, pass_through
from asr.evaluation.samples import RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

Codec = Literal["alaw", "ulaw"]
CODECS: tuple[Codec, ...] = get_args(Codec)
_LEVELS = {"alaw": ALAW, "ulaw": ULAW}
_PACKET = RATE // 50  # 20 ms, as usual
_SPEECH_SHARE = 0.02  # of the peak: what is louder counts for the level


@dataclass(frozen=True, slots=True)
class TelephoneLine:
    """What is simulated; None and 0 leave the sound as it is.

    ``codec``: G.711 by this law; ``snr_db``: white noise so far below the speech; ``loss``: 0..1 of the packets are
    silent.
    """

    codec: Codec | None = None
    snr_db: float | None = None
    loss: float = 0.0

    def carry(self, samples: NDArray[np.int16], seed: int) -> NDArray[np.int16]:
        """What arrives of SAMPLES (8 kHz)."""
        dice = np.random.default_rng(seed)
        sound = samples.astype(np.float64)
        if self.snr_db is not None and len(sound):
            loud = sound[np.abs(sound) > _SPEECH_SHARE * np.abs(sound).max()]
            level = float(np.sqrt(np.mean(loud * loud))) if len(loud) else 0.0
            sound += dice.standard_normal(len(sound)) * level * 10 ** (-self.snr_db / 20)
        for start in range(0, len(sound), _PACKET):
            if dice.random() < self.loss:
                sound[start : start + _PACKET] = 0
        if self.codec:
            sound = pass_through(sound, _LEVELS[self.codec])
        return np.clip(np.round(sound), -32768, 32767).astype(np.int16)
