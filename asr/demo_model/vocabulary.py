"""The words the demo model knows (`vocabulary.yaml`) and how they are read.

Pronunciation goes word → pinyin with tone digits → phone names of espeak-ng. Both steps are kept in the committed
`lexicon.tsv`, so that the decoding graph can be rebuilt with neither pypinyin nor espeak-ng.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

VOCABULARY = Path(__file__).with_name("vocabulary.yaml")
LEXICON = Path(__file__).with_name("lexicon.tsv")

UNKNOWN = "[unk]"
"""Vosk's word for speech outside the vocabulary; its pronunciation is the one garbage phone."""
GARBAGE = "GBG"
SILENCE = "SIL"


class VocabularyError(ValueError):
    """The vocabulary or the lexicon does not fit together."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words in file order, their groups, and the readings that the file itself gives."""

    words: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    pinyin: Mapping[str, str]
    """Every word → syllables with tone digits separated by spaces; empty where the file leaves it to pypinyin."""
    syllables: tuple[str, ...]
    """Toneless syllables that no word need have; speech outside the vocabulary is made of them."""


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """How a word is read: pinyin syllables with tone digits, and the phones espeak-ng makes of them."""

    pinyin: tuple[str, ...]
    phones: tuple[str, ...]


def load_vocabulary(path: Path = VOCABULARY) -> Vocabulary:
    """Read the vocabulary.

    Raises:
        VocabularyError: if a reading is given for a word that no group has.
    """
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    groups = {name: tuple(str(text).split()) for name, text in document["groups"].items()}
    words = tuple(dict.fromkeys(word for group in groups.values() for word in group))
    given: dict[str, str] = document["pinyin"]
    strangers = sorted(set(given) - set(words))
    if strangers:
        raise VocabularyError(
            f"{path.name}: pinyin for words in no group: {' '.join(strangers)}; add or remove them"
        )
    pinyin = {word: given.get(word, "") for word in words}
    return Vocabulary(words, groups, pinyin, tuple(document["syllables"].split()))


def load_lexicon(vocabulary: Vocabulary, path: Path = LEXICON) -> dict[str, Pronunciation]:
    """Read the committed lexicon: one line a word, `word TAB pinyin TAB phones`, in the vocabulary's order.

    Raises:
        VocabularyError: if it is not the lexicon of this vocabulary; rebuild it then.
    """
    lexicon: dict[str, Pronunciation] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, pinyin, phones = line.split("\t")
        lexicon[word] = Pronunciation(tuple(pinyin.split()), tuple(phones.split()))
    if tuple(lexicon) != vocabulary.words:
        raise VocabularyError(
            f"{path.name} does not fit vocabulary.yaml: run `python -m asr.demo_model lexicon` to make it again"
        )
    return lexicon


def list_phones(lexicon: Mapping[str, Pronunciation]) -> tuple[str, ...]:
    """Silence first, the garbage phone second, then every phone of the lexicon in code point order."""
    spoken = sorted({phone for entry in lexicon.values() for phone in entry.phones})
    return (SILENCE, GARBAGE, *spoken)
