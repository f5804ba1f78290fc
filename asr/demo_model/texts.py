"""Which sentences are spoken for training, which are counted for the language model, and which are kept out of both."""

import random

from asr.demo_model.dice import happens
from asr.demo_model.grammar import Grammar, spell_digits
from asr.demo_model.vocabulary import UNKNOWN, Vocabulary

HELD_OUT = 600
_HELD_OUT_SEED = 99
_HELD_OUT_WORDS = 5

Text = tuple[str, ...]


def hold_out(grammar: Grammar) -> tuple[Text, ...]:
    """Draw the test sentences: distinct, of five words or more, never trained on or counted."""
    rng = random.Random(_HELD_OUT_SEED)
    held: dict[Text, None] = {}
    while len(held) < HELD_OUT:
        text = tuple(grammar.draw(rng, "held_out"))
        if len(text) >= _HELD_OUT_WORDS:
            held[text] = None
    return tuple(held)


def draw_language(grammar: Grammar, count: int, seed: int) -> list[Text]:
    """Draw sentences for the language model."""
    rng = random.Random(seed)
    held = set(hold_out(grammar))
    texts = (tuple(grammar.draw(rng)) for _ in range(count))
    return [text for text in texts if text not in held]


def draw_training(grammar: Grammar, vocabulary: Vocabulary, count: int, seed: int) -> list[Text]:
    """Draw texts to speak.

    About half are sentences; the rest are what sentences alone would not teach: no speech at all, digits said again
    and again, any word after any other, and syllables outside the vocabulary.
    """
    rng = random.Random(seed)
    held = set(hold_out(grammar))
    texts: list[Text] = []
    while len(texts) < count:
        kind = rng.choices(("sentence", "nothing", "digits", "salad", "unknown"), (50, 5, 13, 25, 7))[0]
        match kind:
            case "sentence":
                text = tuple(grammar.draw(rng))
            case "nothing":
                text = ()
            case "digits":
                text = _stutter_digits(rng)
            case "salad":
                text = tuple(rng.choice(vocabulary.words) for _ in range(rng.randint(2, 7)))
            case _:
                text = _strew_unknown(rng, vocabulary)
        if text not in held:
            texts.append(text)
    return texts


def _stutter_digits(rng: random.Random) -> Text:
    """Digits of which many come twice or three times: the hardest case for a network that hears every 30 ms."""
    count = rng.randint(2, 11)
    digits: list[str] = []
    for digit in spell_digits(rng, count):
        digits += [digit] * (1 if happens(rng, 0.6) else rng.randint(2, 3))
    return tuple(digits[:count])


def _strew_unknown(rng: random.Random, vocabulary: Vocabulary) -> Text:
    """Words with `[unk]` between them, never two in a row: two would be one longer one."""
    words: list[str] = []
    for _ in range(rng.randint(1, 5)):
        word = UNKNOWN if happens(rng, 0.5) else rng.choice(vocabulary.words)
        if not (words and word == UNKNOWN == words[-1]):
            words.append(word)
    return tuple(words)
