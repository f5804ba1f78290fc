"""The vosk-server WebSocket protocol, both directions. Sans-IO.

Client: ``{"config": {...}}`` before any audio (no reply), then binary s16le PCM (one reply each: ``{"partial": …}``,
or ``{"text": …, "result": [...]}`` when Vosk ended an utterance by itself), ``{"reset" : 1}`` (reply: the final; then
more audio may follow), ``{"eof" : 1}`` (reply: the final; then the server closes). Beyond that protocol, this server

- answers ``{"error": …}`` and closes when a message makes no sense, and never lets a client replace the model;
- lets a stream say what it is for by the config key ``purpose``: ``question``, ``dictation`` (also without the key) or
  ``late``, which is the order in which it decodes when there is more to decode than it can (audio that comes faster
  than anybody speaks is served as late);
- answers ``{"error": …, "code": "busy"}`` to the config (or to the first audio, if that comes without), and closes,
  when it could not decode the stream in time; also in the middle of a stream that cannot be kept up with any more;
- may answer audio of a stream that is behind with the partial it gave before.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from asr.grammar import UNKNOWN
from asr.transcript import Word

Purpose = Literal["question", "dictation", "late"]
"""What a stream is for: a short answer that a dialogue waits for, what a caller has to say, a recording."""
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
"""The most urgent first."""

RESET = '{"reset" : 1}'  # stock servers compare these two as strings, blanks included
EOF = '{"eof" : 1}'

_KEYS = ("sample_rate", "phrase_list", "words", "max_alternatives", "purpose")
_RATES = (8000, 48000)
_MOST_PHRASES = 10_000
_MOST_ALTERNATIVES = 10


class ProtocolError(Exception):
    """The other side sent something that makes no sense; the message says what."""


class BusyError(Exception):
    """The server has more to decode than it can; the message says how much."""


@dataclass(frozen=True, slots=True)
class Configure:
    """How a stream is decoded: samples a second, phrases (None: free speech), word times, alternatives; what for."""

    sample_rate: float = 8000
    phrases: tuple[str, ...] | None = None
    words: bool = True
    max_alternatives: int = 0
    purpose: Purpose = "dictation"


@dataclass(frozen=True, slots=True)
class Audio:
    """Some s16le mono PCM."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Finish:
    """Give the final of what was said so far; ``close``: and nothing comes after it."""

    close: bool


@dataclass(frozen=True, slots=True)
class Partial:
    """What is understood so far of an utterance, without spaces."""

    text: str


@dataclass(frozen=True, slots=True)
class Final:
    """An utterance. Word times are seconds of the stream's audio."""

    text: str
    words: tuple[Word, ...]


def read_request(message: str | bytes) -> Configure | Audio | Finish:
    """Read what a client sent; raises ProtocolError."""
    if isinstance(message, bytes):
        if len(message) % 2:
            raise ProtocolError(f"{len(message)} bytes of audio are no whole number of 16-bit samples")
        return Audio(message)
    document = _read_object(message, _short(message))
    match list(document):
        case ["config"]:
            return _read_config(document["config"])
        case ["reset" | "eof" as name] if document[name] in (1, True):
            return Finish(close=name == "eof")
    raise ProtocolError(f'{_short(message)}: expected {{"config": …}}, {RESET}, {EOF} or binary audio')


def write_config(config: Configure) -> str:
    """The configuration message for a server."""
    fields: dict[str, Any] = {"sample_rate": config.sample_rate, "words": config.words}
    if config.phrases is not None:
        fields["phrase_list"] = config.phrases
    if config.max_alternatives:
        fields["max_alternatives"] = config.max_alternatives
    if config.purpose != "dictation":
        fields["purpose"] = config.purpose
    return json.dumps({"config": fields}, ensure_ascii=False)


def write_error(reason: str) -> str:
    """The message that ends a stream which makes no sense, or cannot be decoded."""
    return json.dumps({"error": reason})


def write_busy(reason: str) -> str:
    """The message that refuses a stream."""
    return json.dumps({"error": f"busy: {reason}", "code": "busy"})


def read_reply(message: str) -> Partial | Final:
    """Read what a server sent; raises BusyError, and ProtocolError, also for a server's own error message."""
    # Named by its length only: it may hold a caller's words, and the error goes into logs.
    document = _read_object(message, f"a reply of {len(message)} characters")
    match document:
        case {"error": str(error), "code": "busy"}:
            raise BusyError(f"the speech server is {error}")
        case {"error": str(error)}:
            raise ProtocolError(f"the speech server refuses: {error}")
        case {"partial": str(text)}:
            return Partial(join(text.split()))
        case {"text": str(text), "result": list(words)}:
            return Final(join(text.split()), tuple(_read_word(word) for word in words))
        case {"text": str(text)} if "result" not in document:
            return Final(join(text.split()), ())
    raise ProtocolError(f"a reply of {len(message)} characters: neither a partial nor a final result")


def join(words: list[str]) -> str:
    """Words to text: Chinese has no spaces, and what was not understood, or is no text at all, is left out."""
    return "".join(w for w in words if w != UNKNOWN and w.isprintable())


def _read_word(word: object) -> Word:
    match word:
        case {"word": str(text), "start": float(start), "end": float(end), "conf": float(confidence)} if (
            math.isfinite(start + end + confidence)
        ):
            return Word(join([text]), start, end, confidence)
    raise ProtocolError(f"a {type(word).__name__} that is no word with its times")


def _read_object(message: str, name: str) -> dict[str, Any]:
    try:
        document = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"{name}: not JSON ({type(error).__name__})") from error
    if not isinstance(document, dict):
        raise ProtocolError(f"{name}: not a JSON object")
    return document


def _read_config(fields: object) -> Configure:
    if not isinstance(fields, dict):
        raise ProtocolError("config is not an object")
    if unknown := sorted(set(fields) - set(_KEYS)):
        raise ProtocolError(
            f"config: unknown keys {', '.join(map(repr, unknown))}; known are {', '.join(_KEYS)}"
        )
    rate, alternatives = fields.get("sample_rate", 8000), fields.get("max_alternatives", 0)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not _RATES[0] <= rate <= _RATES[1]:
        raise ProtocolError(f"config: sample_rate {rate!r} is not between {_RATES[0]} and {_RATES[1]}")
    if type(alternatives) is not int or not 0 <= alternatives <= _MOST_ALTERNATIVES:
        raise ProtocolError(
            f"config: max_alternatives {alternatives!r} is not between 0 and {_MOST_ALTERNATIVES}"
        )
    words = fields.get("words", True)
    if words not in (0, 1):
        raise ProtocolError(f"config: words {words!r} is neither true nor false")
    purpose = fields.get("purpose", "dictation")
    if purpose not in PURPOSES:
        raise ProtocolError(f"config: purpose {_short(repr(purpose))} is none of {', '.join(PURPOSES)}")
    return Configure(rate, _read_phrases(fields.get("phrase_list")), bool(words), alternatives, purpose)


def _read_phrases(phrases: object) -> tuple[str, ...] | None:
    if phrases is None:
        return None
    if not isinstance(phrases, list) or len(phrases) > _MOST_PHRASES:
        raise ProtocolError(f"config: phrase_list is not a list of at most {_MOST_PHRASES} phrases")
    for phrase in phrases:
        if not isinstance(phrase, str) or not phrase.isprintable():
            raise ProtocolError(
                f"config: phrase_list holds {_short(repr(phrase))}, which is no printable text"
            )
    return tuple(phrases)


def _short(text: str) -> str:
    return ascii(text if len(text) <= 60 else text[:60] + "…")  # noqa: PLR2004 - enough to recognise it
