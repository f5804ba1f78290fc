"""Vosk. The only module that imports it: a model loaded once, and recognisers that share it."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import vosk

from asr.grammar import UNKNOWNS, is_marker, segment
from asr.overlay import overlaid
from asr.pool import Pool
from config.fault import LastingFault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from asr.catalogue import ModelFolder
    from asr.overlay import Profile

_log = logging.getLogger(__name__)

_SAMPLE_BYTES = 2
_MOST_KEPT, _MOST_KEPT_LATE = (
    8,
    2,
)  # recognisers of a sample rate: 20 to 40 MB each with an official small model
_MOST_POOLS = 8  # those used last: clients may send audio of any sample rate
_MOST_SAMPLES = 1 << 22  # of one recogniser: Vosk counts them in a float, exactly up to 1 << 24
_MOST_KNOWN = 1000  # lists of phrases of which something is remembered: clients may send anything
_TRIAL_RATE = 8000  # samples a second
_TRIAL_SECONDS = 1.5
_TRIAL_LEVELS = (400.0, 1500.0)  # RMS: -38 and -27 dBFS


class EngineError(LastingFault):
    """Vosk refused a model or failed to decode."""


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Vosk raises bare ``Exception`` and nothing narrower; everything else passes."""
    try:
        yield
    except Exception as error:
        if type(error) is not Exception:
            raise
        raise EngineError(f"{what}: {error}") from error


class Recognizer:
    """Decodes one stream of s16le mono audio. Not thread-safe: one thread at a time."""

    def __init__(self, handle: vosk.KaldiRecognizer, pool: Pool | None = None) -> None:
        self._handle, self._pool = handle, pool
        self._samples = 0  # decoded by it so far
        self._shift = 0.0
        self._ended = True

    def accept(self, pcm: bytes) -> bool:
        """Decode some audio; true when Vosk itself found the end of an utterance (then take ``result``)."""
        self._ended = False
        self._samples += len(pcm) // _SAMPLE_BYTES
        with _translated("Vosk could not decode"):
            return bool(self._handle.AcceptWaveform(pcm))

    def partial(self) -> str:
        """What is understood so far, as Vosk's JSON."""
        return str(self._handle.PartialResult())

    def result(self) -> str:
        """The utterance Vosk ended, as its JSON."""
        return self._moved(str(self._handle.Result()))

    def final(self) -> str:
        """End the utterance and return it as Vosk's JSON; the next audio begins a new one.

        Word times go on counting over all audio of the stream, whatever was ended in between.
        """
        self._ended = True
        return self._moved(str(self._handle.FinalResult()))

    def release(self) -> bool:
        """Give it back for other streams; false when it must be kept until its stream is over.

        Only after ``final``, and not those for phrases, which are nobody else's.
        """
        if self._pool is None or not self._ended:
            return False
        self._pool.put(self)
        return True

    def lease(self, rate: int, at: float, *, words: bool, max_alternatives: int) -> None:
        """Begin a client's next utterance, AT seconds into its audio of RATE."""
        self._handle.SetWords(words)
        self._handle.SetMaxAlternatives(max_alternatives)
        self._shift = at - self._samples / rate

    @property
    def is_worn(self) -> bool:
        """Whether its clock is about to lose its exactness."""
        return self._samples > _MOST_SAMPLES

    def _moved(self, text: str) -> str:
        if not self._shift:
            return text
        return json.dumps(_move(json.loads(text), self._shift), ensure_ascii=False, indent=2)


def name_model(folder: ModelFolder, profile: Profile) -> str:
    """What a model is called, with the profile where that is not its own."""
    name = folder.fingerprint.name
    return name if profile == "packed" else f"{name}+{profile}"


class Engine:
    """A loaded model. Safe to share: recognisers may be made and used by many threads at once.

    ``classes`` are phrases that mean the same answer: where all of one are unknown, anything would become another.
    """

    def __init__(
        self,
        folder: ModelFolder,
        profile: Profile = "packed",
        classes: Collection[frozenset[str]] = (),
    ) -> None:
        self._classes = classes
        self.fingerprint = replace(folder.fingerprint, name=name_model(folder, profile))
        self._static = folder.static_graph
        self._lock = threading.Lock()
        self._pools: dict[tuple[int, bool], Pool] = {}
        self._grammars: dict[tuple[str, ...], str | None] = {}
        self._warned: set[str] = set()
        vosk.SetLogLevel(-1)
        with (
            overlaid(folder.path, profile) as path,
            _translated(f"{folder.path}: Vosk could not load this model"),
        ):
            self._model = vosk.Model(str(path))
        self.unknown = next((word for word in UNKNOWNS if self._find(word)), None)
        """The model's word for what is none of a question's answers; None: it has none."""

    @property
    def takes_phrases(self) -> bool:
        """Whether phrases can be told from anything else by it; otherwise speech is free everywhere."""
        return self.unknown is not None and not self._static

    def recognizer(
        self,
        sample_rate: int,
        phrases: Sequence[str] | None = None,
        *,
        words: bool = True,
        max_alternatives: int = 0,
        at: float = 0.0,
        late: bool = False,
    ) -> Recognizer:
        """Give a recogniser for audio of SAMPLE_RATE from AT seconds on, for PHRASES only (None: free speech).

        ``late``: the audio is a recording's.

        Speech is free also where the model would take anything for one of the phrases: it has no word for what is none
        of them, or noise is one of them to it, or it knows none of them, or none of
        a class of answers.
        """
        grammar = self._grammar(tuple(phrases)) if phrases else None
        recognizer = self._make(sample_rate, grammar) if grammar else self._free(sample_rate, late=late)
        recognizer.lease(sample_rate, at, words=words, max_alternatives=max_alternatives)
        return recognizer

    def knows(self, word: str) -> bool:
        """Whether WORD can be recognised; what stands for silence, noise or nothing cannot."""
        return bool(word) and not is_marker(word) and self._find(word)

    def _find(self, word: str) -> bool:
        # 0 is the word for nothing, which ends the process when a phrase holds it
        return bool("\0" not in word and self._model.vosk_model_find_word(word) > 0)

    def spare(self, sample_rate: int, most: int) -> Recognizer | None:
        """Make one more for who will speak live, freely; None: there are MOST, which will be kept from now on.

        It serves once it has heard something and was given back.
        """
        pool = self._pool(sample_rate, late=False)
        pool.most = most
        return self._make(sample_rate, None, pool) if pool.lacks else None

    def _free(self, sample_rate: int, *, late: bool) -> Recognizer:
        pool = self._pool(sample_rate, late=late)
        return pool.get() or self._make(sample_rate, None, pool)

    def _pool(self, sample_rate: int, *, late: bool) -> Pool:
        key = sample_rate, late
        with self._lock:
            pool = self._pools.pop(key, None) or Pool(_MOST_KEPT_LATE if late else _MOST_KEPT)
            self._pools[key] = pool
            if len(self._pools) > _MOST_POOLS:
                self._pools.pop(next(iter(self._pools))).close()
            return pool

    def _make(self, sample_rate: int, grammar: str | None, pool: Pool | None = None) -> Recognizer:
        arguments = (grammar,) if grammar else ()
        with _translated("Vosk could not make a recogniser"):
            made = Recognizer(vosk.KaldiRecognizer(self._model, sample_rate, *arguments), pool)
        if pool:
            pool.adopt(made)
        return made

    def _grammar(self, phrases: tuple[str, ...]) -> str | None:
        with self._lock:
            if phrases in self._grammars:
                return self._grammars[phrases]
        grammar = self._compose(phrases)
        with self._lock:
            if len(self._grammars) >= _MOST_KNOWN:
                self._grammars.clear()
            self._grammars[phrases] = grammar
        return grammar

    def _compose(self, phrases: tuple[str, ...]) -> str | None:
        if not self.takes_phrases:
            why = "its graph is static" if self._static else "it has no word for what is none of the answers"
            self._warn(f"this model takes no phrases ({why}): speech is free everywhere")
            return None
        wanted = [phrase for phrase in phrases if phrase not in UNKNOWNS]
        split = [segment(phrase, self.knows) for phrase in wanted]
        known = [" ".join(words) for words in split if words]
        if len(known) < len(wanted):
            # by their number only: what a client sends is not for the log
            self._warn(
                f"{len(wanted) - len(known)} of {len(wanted)} phrases are unknown to the model, dropped"
            )
        lost = {phrase for phrase, words in zip(wanted, split, strict=True) if not words}
        if any(of and of <= lost for of in self._classes):
            self._warn(
                "a whole class of answers is unknown to the model: where it is asked for, speech is free"
            )
            return None
        if not known:
            return None
        # Vosk reads no \uXXXX escapes: escaped Chinese would silently be an empty grammar.
        grammar = json.dumps(list(dict.fromkeys([*known, self.unknown])), ensure_ascii=False)
        if self._hears_in_noise(grammar):
            self._warn("this model takes noise for an answer: to the questions where it does, speech is free")
            return None
        return grammar

    def _hears_in_noise(self, grammar: str) -> bool:
        """Whether noise, faint or loud, is one of the phrases: then anything else would be, too."""
        recognizer = self._make(_TRIAL_RATE, grammar)
        for level in _TRIAL_LEVELS:
            recognizer.accept(_noise(level))
            heard = json.loads(recognizer.final())["text"].split()
            if any(not is_marker(word) for word in heard):
                return True
        return False

    def _warn(self, message: str) -> None:
        with self._lock:
            if message in self._warned or len(self._warned) >= _MOST_KNOWN:
                return
            self._warned.add(message)
        _log.warning("%s", message)


def _noise(level: float) -> bytes:
    """White noise, always the same."""
    dice = np.random.default_rng(1)
    samples = dice.standard_normal(round(_TRIAL_RATE * _TRIAL_SECONDS)) * level
    return samples.clip(-32768, 32767).astype("<i2").tobytes()


def _move(document: Any, seconds: float) -> Any:
    """The same result, SECONDS later."""
    for entry in (document, *document.get("alternatives", ())):
        for word in entry.get("result", ()):
            for name in ("start", "end"):
                word[name] = round(word[name] + seconds, 4)
    return document
