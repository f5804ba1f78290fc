"""What a model is made from, and the decoding graph made of it. Needs nothing of the `train` extra."""

from dataclasses import dataclass
from pathlib import Path

from asr.demo_model.grammar import Grammar, load_grammar
from asr.demo_model.graph import build_graph
from asr.demo_model.phones import PhoneTable
from asr.demo_model.texts import draw_language
from asr.demo_model.vocabulary import Pronunciation, Vocabulary, list_phones, load_lexicon, load_vocabulary

MODEL = Path(__file__).with_name("model")
"""The committed model."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The size of a build; the defaults made the committed model."""

    utterances: int = 16000
    epochs: int = 6
    language_sentences: int = 60000
    seed: int = 12345
    processes: int = 2
    """Processes that speak, and threads that train; the weights depend on the second."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a model is made from: the words, their pronunciations, and the sentences they stand in."""

    vocabulary: Vocabulary
    lexicon: dict[str, Pronunciation]
    grammar: Grammar
    phones: PhoneTable


def load_source() -> Source:
    """Read `vocabulary.yaml`, `lexicon.tsv` and `sentences.yaml`."""
    vocabulary = load_vocabulary()
    lexicon = load_lexicon(vocabulary)
    return Source(vocabulary, lexicon, load_grammar(vocabulary), PhoneTable(list_phones(lexicon)))


def export_graph(source: Source, settings: Settings) -> dict[str, bytes]:
    """Make the files under `graph/`, as path → bytes; the same on every machine."""
    texts = draw_language(source.grammar, settings.language_sentences, settings.seed)
    return build_graph(source.lexicon, texts, source.phones)
