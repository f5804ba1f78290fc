"""The transcript of a call: what the recogniser heard, when, how surely, and by which model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


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
    """One phrase of the caller between two pauses.

    ``text`` is without spaces, empty when nothing was understood; ``level`` is the speech level in dBFS;
    ``confirmed`` is false for a partial result that was never finished.
    """

    text: str
    words: tuple[Word, ...]
    start: float
    end: float
    confidence: float
    level: float
    confirmed: bool = True


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
        """The document kept with the call, version 1."""
        return {"version": 1, **asdict(self)}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Transcript:
        """Read a version 1 document; raises ValueError for any other version."""
        if document.get("version") != 1:
            raise ValueError(
                f"transcript document of version {document.get('version')!r}: this program reads 1"
            )
        model = document["model"]
        return cls(
            model=ModelFingerprint(**model) if model else None,
            utterances=tuple(
                Utterance(**{**u, "words": tuple(Word(**w) for w in u["words"])})
                for u in document["utterances"]
            ),
            complete=document["complete"],
        )
