"""Vosk. The only module that imports it: a model loaded once, and recognisers that share it."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import vosk

from asr.grammar import UNKNOWN, segment
from config.fault import LastingFault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asr.catalogue import ModelFolder

_log = logging.getLogger(__name__)


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

    def __init__(self, handle: vosk.KaldiRecognizer) -> None:
        self._handle = handle

    def accept(self, pcm: bytes) -> bool:
        """Decode some audio; true when Vosk itself found the end of an utterance (then take ``result``)."""
        with _translated("Vosk could not decode"):
            return bool(self._handle.AcceptWaveform(pcm))

    def partial(self) -> str:
        """What is understood so far, as Vosk's JSON."""
        return str(self._handle.PartialResult())

    def result(self) -> str:
        """The utterance Vosk ended, as its JSON."""
        return str(self._handle.Result())

    def final(self) -> str:
        """End the utterance and return it as Vosk's JSON; the next audio begins a new one.

        Word times go on counting over all audio of the stream, whatever was ended in between.
        """
        return str(self._handle.FinalResult())


class Engine:
    """A loaded model. Safe to share: recognisers may be made and used by many threads at once."""

    def __init__(self, folder: ModelFolder) -> None:
        self.fingerprint = folder.fingerprint
        self._static = folder.static_graph
        self._warned: set[str] = set()
        vosk.SetLogLevel(-1)
        with _translated(f"{folder.path}: Vosk could not load this model"):
            self._model = vosk.Model(str(folder.path))

    def recognizer(
        self,
        sample_rate: float,
        phrases: Sequence[str] | None = None,
        *,
        words: bool = True,
        max_alternatives: int = 0,
    ) -> Recognizer:
        """Make a recogniser for audio of SAMPLE_RATE, listening for PHRASES only (None: free speech).

        A phrase outside the vocabulary is dropped with one warning; when none is left, speech is free.
        """
        grammar = self._grammar(phrases) if phrases else None
        with _translated("Vosk could not make a recogniser"):
            handle = (
                vosk.KaldiRecognizer(self._model, sample_rate, grammar)
                if grammar
                else vosk.KaldiRecognizer(self._model, sample_rate)
            )
        handle.SetWords(words)
        if max_alternatives:
            handle.SetMaxAlternatives(max_alternatives)
        return Recognizer(handle)

    def _grammar(self, phrases: Sequence[str]) -> str | None:
        if self._static:
            self._warn(
                "this model's graph is static: phrases cannot be given to it, speech is free everywhere"
            )
            return None
        choices = []
        for phrase in phrases:
            if words := segment(phrase, self._knows):
                choices.append(" ".join(words))
            else:
                self._warn(f"phrase {phrase!r} is outside the model's vocabulary and was dropped")
        if not choices:
            return None
        # Vosk reads no \uXXXX escapes: escaped Chinese would silently be an empty grammar.
        return json.dumps(list(dict.fromkeys([*choices, UNKNOWN])), ensure_ascii=False)

    def _knows(self, word: str) -> bool:
        return bool(self._model.vosk_model_find_word(word) >= 0)

    def _warn(self, message: str) -> None:
        if message not in self._warned and len(self._warned) < 1000:  # noqa: PLR2004 - clients may send anything
            self._warned.add(message)
            _log.warning("%s", message)
