"""The transcript of a call: what the recogniser heard, when, how surely, and by which model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class ModelFingerprint:
    """Which model heard it. ``sha256`` is over the model's files; ``demo`` marks the built-in demonstration model."""

    name: str
    sha256: str
    demo: bool


@dataclass(frozen=True, slots=True)
class Word:
    """One word; ``start`` and ``end`` in seconds of the recording, ``confidence`` 0..1."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Utterance:
    """One phrase between two pauses, of the caller, or of the ``target`` his call was passed on to: ``speaker``.

    ``text`` is without spaces (but between Latin words), empty when nothing was understood; ``level`` is the speech
    level in dBFS; ``confirmed`` is false for a partial result that was never finished. ``pitched`` says that a voice
    hummed in it.
    """

    text: str
    words: tuple[Word, ...]
    start: float
    end: float
    confidence: float
    level: float
    confirmed: bool = True
    speaker: str = "caller"
    pitched: bool = True


@dataclass(frozen=True, slots=True)
class Transcript:
    """Everything heard in one call, in order.

    ``complete`` is false when some of the caller's speech is known to be missing (the recogniser was away, the
    process died); the recording is then transcribed again later.
    """

    model: ModelFingerprint | None
    utterances: tuple[Utterance, ...]
    complete: bool = True

    @property
    def text(self) -> str:
        """All phrases, one a line."""
        return "\n".join(u.text for u in self.utterances if u.text)

    def to_json(self) -> dict[str, Any]:
        """The document kept with the call, version 1; what is so of nearly every phrase is left unsaid, as ever."""
        document = {"version": 1, **asdict(self)}
        for told in document["utterances"]:
            if told["speaker"] == "caller":
                del told["speaker"]
            if told["pitched"]:
                del told["pitched"]
        return document

    @classmethod
    def from_json(cls, document: Any) -> Transcript:
        """Read what is known of a document, be it of a newer version; raises ValueError when that is no transcript."""
        try:
            model, utterances = document["model"], document["utterances"]
            return cls(
                model=_read(ModelFingerprint, model) if model else None,
                utterances=tuple(
                    _read(Utterance, told, words=tuple(_read(Word, word) for word in told["words"]))
                    for told in utterances
                ),
                complete=bool(document["complete"]),
            )
        except (LookupError, TypeError) as error:
            raise ValueError(f"not a transcript that this program can read: {error!r}") from error


_PLAIN: Final[Mapping[Any, Any]] = {"str": str, "float": (int, float), "bool": bool}


def _read(kind: type[_Part], told: Mapping[str, Any], **parts: Any) -> _Part:
    """The dataclass of those fields that it has; raises LookupError or TypeError when they do not make one."""
    values = dict(parts)
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name in told and field.name not in parts:
            value = values[field.name] = told[field.name]
            if not isinstance(value, _PLAIN[field.type]):
                raise TypeError(
                    f"{field.name} is a {type(value).__name__}"
                )  # no more: it may be what was said
    return kind(**values)
