"""Makes `lexicon.tsv`: reads every word with pypinyin, then lets espeak-ng say which phones it makes of it."""

from collections.abc import Iterator, Sequence

from pypinyin import Style, lazy_pinyin

from asr.demo_model.espeak import Espeak, PhoneEvent
from asr.demo_model.vocabulary import Pronunciation, Vocabulary, VocabularyError

ER = "@r"
ER_TAIL = "@r2"
"""espeak-ng speaks 二 as one phone without an onset; two halves keep 二二 from collapsing into one 二."""


def read_pinyin(word: str) -> tuple[str, ...]:
    """Read a word with pypinyin: syllables with tone digits, the neutral tone as 5, ü written as ü."""
    syllables = lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True, errors="ignore")
    if not syllables:
        raise VocabularyError(
            f"vocabulary.yaml: pypinyin cannot read {word!r}; give it an entry under `pinyin`"
        )
    return tuple(s.replace("v", "ü") for s in syllables)


def split_er(events: Sequence[PhoneEvent]) -> Iterator[PhoneEvent]:
    """Pass events on with every 二 cut in two halves."""
    for event, following in zip(events, [*events[1:], events[-1]] if events else [], strict=True):
        yield event
        if event.name == ER:
            yield PhoneEvent(ER_TAIL, (event.sample + following.sample) // 2)


def spoken_phones(espeak: Espeak, pinyin: Sequence[str]) -> tuple[str, ...]:
    """Say the syllables as one word and list its phones without pauses."""
    events = espeak.say("".join(pinyin)).phones
    return tuple(event.name for event in split_er(events) if not event.is_pause)


def build_lexicon(vocabulary: Vocabulary, espeak: Espeak) -> dict[str, Pronunciation]:
    """Pronounce every word of the vocabulary, in its order."""
    lexicon: dict[str, Pronunciation] = {}
    for word, given in vocabulary.pinyin.items():
        pinyin = tuple(given.split()) or read_pinyin(word)
        lexicon[word] = Pronunciation(pinyin, spoken_phones(espeak, pinyin))
    return lexicon


def format_lexicon(lexicon: dict[str, Pronunciation]) -> str:
    """Write the lexicon as `load_lexicon` reads it."""
    return "".join(f"{w}\t{' '.join(p.pinyin)}\t{' '.join(p.phones)}\n" for w, p in lexicon.items())


def pronounce_syllables(vocabulary: Vocabulary, espeak: Espeak) -> list[tuple[str, tuple[str, ...]]]:
    """Pronounce the toneless syllables: the raw material of speech outside the vocabulary."""
    return [(name, spoken_phones(espeak, [name + "4"])) for name in vocabulary.syllables]
