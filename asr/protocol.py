"""The vosk-server WebSocket protocol, both directions. Sans-IO.

Client: ``{"config": {...}}`` (no reply; later ones add to earlier ones), then binary s16le PCM (one reply each:
``{"partial": …}``, or ``{"text": …, "result": [...]}`` when Vosk ended an utterance by itself), ``{"reset" : 1}``
(reply: the final; then more audio may follow), ``{"eof" : 1}`` (reply: the final; then the server closes). As the
stock server does, this one bears what public clients send: keys it does not know, numbers and truths as strings, a
configuration amid audio (for the next utterance), half a sample, ``eof`` and ``reset`` in binary. Beyond that, it

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
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from asr.joining import join
from asr.transcript import Word

Purpose = Literal["question", "dictation", "late"]
"""What a stream is for: a short answer that a dialogue waits for, what a caller has to say, a recording."""
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
"""The most urgent first."""

RESET = '{"reset" : 1}'  # stock servers compare these two as strings, blanks included
EOF = '{"eof" : 1}'

_RATES = (8000, 48000)
_MOST_PHRASES, _MOST_CHARACTERS = 10_000, 200_000
_MOST_ALTERNATIVES = 100  # more are as many
_LONGEST_CONTROL = 64  # bytes of a binary message that may be no audio
_TRUTHS = {
    "true": True,
    "1": True,
    "1.0": True,
    "false": False,
    "0": False,
    "0.0": False,
    "": False,
    "none": False,
}


class ProtocolError(Exception):
    """The other side sent something that makes no sense; the message says what."""


class BusyError(Exception):
    """The server has more to decode than it can; the message says how much."""


@dataclass(frozen=True, slots=True)
class Configure:
    """How a stream is decoded: samples a second, phrases (None: free speech), word times, alternatives; what for.

    ``model`` is the one that the client asks for ("": whichever it is), ``ignored`` how many keys were not understood.
    """

    sample_rate: int = 8000
    phrases: tuple[str, ...] | None = None
    words: bool = True
    max_alternatives: int = 0
    purpose: Purpose = "dictation"
    model: str = ""
    ignored: int = 0


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


def read_request(message: str | bytes, before: Configure = Configure()) -> Configure | Audio | Finish:
    """Read what a client sent whose configuration so far is BEFORE; raises ProtocolError."""
    if isinstance(message, bytes):
        if len(message) > _LONGEST_CONTROL or not (message.startswith(b"{") and message.endswith(b"}")):
            return Audio(message)
        try:  # some clients send everything in binary
            return read_request(message.decode(), before)
        except (ProtocolError, UnicodeDecodeError):
            return Audio(message)
    document = _read_object(message, _short(message))
    match list(document):
        case ["config"]:
            return _read_config(document["config"], before)
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
        case {"alternatives": [dict(best), *others]} if "text" in best:
            surely = _share(best, others)
            return Final(
                join(_text(best)), tuple(_read_word(word, surely) for word in _list(best.get("result", [])))
            )
        case {"alternatives": []}:
            return Final("", ())
        case {"text": str(text)}:
            return Final(join(text.split()), tuple(_read_word(w) for w in _list(document.get("result", []))))
    raise ProtocolError(f"a reply of {len(message)} characters: neither a partial nor a final result")


def _read_word(word: object, surely: float | None = None) -> Word:
    """A word of a result, without text if it stands for none; SURELY where its own confidence is not told."""
    match word:
        case {"word": str(text), **rest}:
            told: list[Any] = [rest.get("start"), rest.get("end"), rest.get("conf", surely)]
            if all(map(_is_number, told)):
                return Word(join([text]), *map(float, told))
    raise ProtocolError(f"a {type(word).__name__} that is no word with its times")


def _share(best: dict[str, Any], others: list[Any]) -> float:
    """How sure the first of some alternatives is beside the others: they are told with logarithms."""
    scores = [a.get("confidence", 0) for a in (best, *others) if isinstance(a, dict)]
    if not all(map(_is_number, scores)):
        raise ProtocolError("an alternative's confidence is no number")
    return 1 / sum(math.exp(min(0.0, score - max(scores))) for score in scores)


def _text(alternative: dict[str, Any]) -> list[str]:
    if not isinstance(alternative["text"], str):
        raise ProtocolError("an alternative's text is no text")
    return alternative["text"].split()


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise ProtocolError(f"a {type(value).__name__} where a result's words are expected")
    return value


def _is_number(value: Any) -> bool:
    """Old servers print whole numbers without a point."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False


def _read_object(message: str, name: str) -> dict[str, Any]:
    try:
        document = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"{name}: not JSON ({type(error).__name__})") from error
    if not isinstance(document, dict):
        raise ProtocolError(f"{name}: not a JSON object")
    return document


def _read_config(fields: object, before: Configure) -> Configure:
    """BEFORE with what FIELDS say. What they do not name stays."""
    if not isinstance(fields, dict):
        raise ProtocolError("config is not an object")
    changed: dict[str, Any] = {}
    for key, value in fields.items():
        match key:
            case "sample_rate":
                changed["sample_rate"] = _read_rate(value)
            case "phrase_list" | "grammar":
                changed["phrases"] = _read_phrases(value, key)
            case "words":
                changed["words"] = _read_truth(value)
            case "max_alternatives":
                changed["max_alternatives"] = min(_read_whole(value, key), _MOST_ALTERNATIVES)
            case "purpose" if value in PURPOSES:
                changed["purpose"] = value
            case "purpose":
                raise ProtocolError(f"config: purpose {_short(repr(value))} is none of {', '.join(PURPOSES)}")
            case "model":
                changed["model"] = str(value) if value else ""
    known = ("sample_rate", "phrase_list", "grammar", "words", "max_alternatives", "purpose", "model")
    return replace(before, **changed, ignored=sum(key not in known for key in fields))


def _read_whole(value: object, key: str) -> int:
    """A whole number, be it written as a fraction or a string, as several clients do."""
    try:
        if not isinstance(value, bool) and isinstance(value, int | float | str):
            number = float(value)
            if number.is_integer() and 0 <= number < _RATES[1] * 1000:
                return int(number)
    except (ValueError, OverflowError):
        pass
    raise ProtocolError(f"config: {key} {_short(repr(value))} is no whole number")


def _read_rate(value: object) -> int:
    rate = _read_whole(value, "sample_rate")
    if not _RATES[0] <= rate <= _RATES[1]:
        raise ProtocolError(f"config: sample_rate {rate} is not between {_RATES[0]} and {_RATES[1]}")
    return rate


def _read_truth(value: object) -> bool:
    truth = _TRUTHS.get(str(value).lower())
    if truth is None:
        raise ProtocolError(f"config: words {_short(repr(value))} is neither true nor false")
    return truth


def _read_phrases(phrases: object, key: str) -> tuple[str, ...] | None:
    """A list, or one written as JSON, as Vosk's own interface takes it; an empty one is free speech."""
    if isinstance(phrases, str):
        try:
            phrases = json.loads(phrases) if phrases else None
        except (ValueError, RecursionError) as error:
            raise ProtocolError(f"config: {key} is neither a list nor one written as JSON") from error
    if phrases is None:
        return None
    if not isinstance(phrases, list) or len(phrases) > _MOST_PHRASES:
        raise ProtocolError(f"config: {key} is not a list of at most {_MOST_PHRASES} phrases")
    for phrase in phrases:
        if not isinstance(phrase, str) or not phrase.isprintable():
            raise ProtocolError(f"config: {key} holds {_short(repr(phrase))}, which is no printable text")
    if sum(map(len, phrases)) > _MOST_CHARACTERS:
        raise ProtocolError(f"config: {key} has more than {_MOST_CHARACTERS} characters")
    return tuple(phrases)


def _short(text: str) -> str:
    return ascii(text if len(text) <= 60 else text[:60] + "…")  # noqa: PLR2004 - enough to recognise it
