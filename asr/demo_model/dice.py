"""Chance, from a seeded generator: the same seed makes the same model."""

import random


def happens(rng: random.Random, chance: float) -> bool:
    """Whether something that happens with `chance` (0 to 1) happens this time."""
    return rng.random() < chance
