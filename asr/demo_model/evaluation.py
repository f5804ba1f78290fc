"""Measures a model as it will be used: through Vosk, on sentences and voices that training never met.

The numbers are about one synthesiser. They say that the model is sound, and nothing about people.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asr.catalogue import open_model
from asr.demo_model.channel import Samples, round_samples
from asr.demo_model.conditions import Condition, list_conditions
from asr.demo_model.espeak import PLAIN, Prosody, open_espeak
from asr.demo_model.features import SAMPLE_RATE
from asr.demo_model.g711 import ALAW, ULAW, pass_through
from asr.demo_model.source import Source
from asr.demo_model.utterance import Delivery, Speaker
from asr.engine import Engine

_PACKET = 640  # bytes, 40 ms


@dataclass(frozen=True, slots=True)
class Outcome:
    """Character errors of one condition."""

    name: str
    says: str
    sentences: int
    sentences_wrong: int
    characters: int
    errors: int
    wrong: tuple[tuple[str, str, str], ...]
    """Variant, what was said, what was heard."""

    @property
    def cer(self) -> float:
        """Character error rate, 0 to 1 and above."""
        return self.errors / self.characters


def count_errors(reference: str, heard: str) -> int:
    """Count the fewest insertions, deletions and replacements (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for i, said in enumerate(reference, 1):
        diagonal, row[0] = row[0], i
        for j, got in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (said != got))
    return row[-1]


def decode(engine: Engine, samples: Samples, phrases: Sequence[str] = ()) -> str:
    """Decode 8 kHz samples (16-bit scale) in packets, as a call would; the text has no spaces.

    Args:
        engine: a loaded model.
        samples: the audio.
        phrases: the only phrases to listen for; none means the language model.
    """
    recognizer = engine.recognizer(SAMPLE_RATE, phrases)
    data = samples.astype("<i2").tobytes()
    packets = (data[first : first + _PACKET] for first in range(0, len(data), _PACKET))
    results = [recognizer.result() for packet in packets if recognizer.accept(packet)]
    results.append(recognizer.final())
    return "".join(json.loads(result)["text"] for result in results).replace(" ", "")


def measure(engine: Engine, speaker: Speaker, condition: Condition) -> Outcome:
    """Speak and decode every text of a condition; the same dice every time."""
    characters = errors = spoken = 0
    wrong: list[tuple[str, str, str]] = []
    for index, text in enumerate(condition.texts):
        rng = random.Random(f"{condition.name}:{index}")
        variant = condition.variants[index % len(condition.variants)]
        drawn = Prosody(rng.randint(145, 220), rng.randint(30, 70), rng.randint(30, 70))
        prosody = PLAIN if condition.default_prosody else drawn
        delivery = Delivery(variant, prosody, condition.spaced, before=rng.uniform(0.15, 0.3), after=0.5)
        utterance = speaker.say(text, delivery)
        if utterance is None:
            continue
        carried = round_samples(condition.line(utterance.samples, rng))
        heard = decode(engine, pass_through(carried, ULAW if condition.mu_law else ALAW), condition.phrases)
        reference = "".join(text)
        spoken += 1
        characters += len(reference)
        found = count_errors(reference, heard)
        errors += found
        if found:
            wrong.append((variant, " ".join(text), heard))
    return Outcome(condition.name, condition.says, spoken, len(wrong), characters, errors, tuple(wrong))


def evaluate(source: Source, model_folder: Path) -> list[Outcome]:
    """Measure a model folder under every condition."""
    engine = Engine(open_model(model_folder))
    speaker = Speaker(open_espeak(), source.lexicon)
    return [measure(engine, speaker, condition) for condition in list_conditions(source)]


def format_outcomes(outcomes: Sequence[Outcome], shown: int) -> str:
    """Write a table, each line followed by at most `shown` of its mistakes."""
    lines: list[str] = []
    for outcome in outcomes:
        lines.append(
            f"{outcome.name:22} CER {100 * outcome.cer:5.2f} %  ({outcome.errors}/{outcome.characters} characters,"
            f" {outcome.sentences_wrong}/{outcome.sentences} sentences)  {outcome.says}"
        )
        lines += [
            f"    {variant or 'plain':8} {said} → {heard}" for variant, said, heard in outcome.wrong[:shown]
        ]
    return "\n".join(lines)
