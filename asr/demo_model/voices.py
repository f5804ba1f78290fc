"""The voices of the synthesiser, and how a training sentence is delivered."""

import random
from dataclasses import dataclass
from pathlib import Path

import yaml

from asr.demo_model.dice import happens
from asr.demo_model.espeak import PLAIN, PLAIN_RATE, Prosody
from asr.demo_model.utterance import Delivery

VOICES = Path(__file__).with_name("voices.yaml")


@dataclass(frozen=True, slots=True)
class Voices:
    """Variants with their plus sign (`+f2`); training never hears the held-out ones."""

    training: tuple[str, ...]
    held_out: tuple[str, ...]


def load_voices() -> Voices:
    """Read `voices.yaml`."""
    document: dict[str, str] = yaml.safe_load(VOICES.read_text(encoding="utf-8"))
    training, held_out = (tuple("+" + n for n in document[key].split()) for key in ("training", "held_out"))
    return Voices(training, held_out)


def draw_delivery(voices: Voices, rng: random.Random) -> Delivery:
    """Draw a voice: in one case of four the plain one, which is what test callers use."""
    prosody = Prosody(rng.randint(135, 240), rng.randint(20, 80), rng.randint(20, 80))
    stretch = 1.0
    variant = ""
    spaced = happens(rng, 0.3)
    if happens(rng, 0.25):
        if happens(rng, 0.6):
            prosody = Prosody(rng.choice([PLAIN_RATE, 160, 170, 150]), PLAIN.pitch, PLAIN.pitch_range)
    else:
        variant = rng.choice(voices.training)
        if happens(rng, 0.6):
            stretch = rng.uniform(0.86, 1.16) if happens(rng, 0.8) else rng.uniform(1.16, 1.35)
    return Delivery(
        variant, prosody, spaced, stretch, before=rng.uniform(0.03, 0.6), after=rng.uniform(0.2, 0.8)
    )
