"""A prompt is known again by its sound, whatever the line has made of it, and no other is taken for it."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.caller.likeness import compare
from gateway.caller.probe import LIKENESS

RATE = 8000


def babble(seed: int, seconds: float = 6.0) -> np.ndarray:
    """Syllables of random length and loudness, as a voice's."""
    dice = np.random.default_rng(seed)
    pieces = []
    while sum(map(len, pieces)) < seconds * RATE:
        length = int(dice.uniform(0.08, 0.3) * RATE)
        level = dice.choice([0.0, 0.3, 0.6, 1.0]) * 6000
        pieces.append(level * np.sin(np.arange(length) * dice.uniform(0.1, 0.9)))
    return np.concatenate(pieces)[: int(seconds * RATE)]


def pcm(samples: np.ndarray) -> bytes:
    return samples.astype("<i2").tobytes()


@pytest.mark.parametrize("late", [0.0, 0.37, 3.0])
def test_a_prompt_is_known_again_when_it_begins_late_is_softer_and_noisy(late: float) -> None:
    prompt = babble(1)
    noise = np.random.default_rng(2).normal(0, 60, len(prompt))
    heard = np.concatenate([np.zeros(int(late * RATE)), 0.5 * prompt + noise, np.zeros(RATE), babble(3)])
    assert compare(pcm(heard), pcm(prompt)) > 0.95


@pytest.mark.parametrize("gaps", [(9000,), (12_000, 30_000)])
def test_a_line_that_swallows_or_stutters_is_no_other_prompt(gaps: tuple[int, ...]) -> None:
    prompt = babble(1)
    stuttering, swallowing = prompt, prompt
    for at in reversed(gaps):
        stuttering = np.concatenate([stuttering[:at], np.zeros(1600), stuttering[at:]])
        swallowing = np.concatenate([swallowing[:at], swallowing[at + 1600 :]])
    assert compare(pcm(stuttering), pcm(prompt)) > LIKENESS
    assert compare(pcm(swallowing), pcm(prompt)) > LIKENESS


@pytest.mark.parametrize("seed", range(4, 12))
def test_another_prompt_silence_and_a_piece_of_it_are_not(seed: int) -> None:
    prompt = babble(1)
    assert compare(pcm(babble(seed, 12.0)), pcm(prompt)) < LIKENESS
    assert compare(pcm(prompt[: RATE * 2]), pcm(prompt)) < LIKENESS
    assert compare(pcm(np.zeros(12 * RATE)), pcm(prompt)) == compare(b"", pcm(prompt)) == 0.0
    assert compare(pcm(prompt), pcm(np.zeros(RATE))) == 0.0
