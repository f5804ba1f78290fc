"""The prompts file: what is said on the line, by name."""

from __future__ import annotations

import re
import string
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Tone(BaseModel):
    """A tone instead of a text: ``tone`` in Hz, ``seconds`` long."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    tone: float = Field(ge=200, le=3400)
    seconds: float = Field(gt=0, le=2)


class Melody(BaseModel):
    """Soft music instead of a text: ``melody`` are its chords, each of notes in Hz; each fades over ``seconds``."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    melody: tuple[tuple[Annotated[float, Field(ge=100, le=3400)], ...], ...] = Field(
        min_length=1, max_length=64
    )
    seconds: float = Field(gt=0.2, le=10)


class PromptTexts(BaseModel):
    """All prompts: a text, in which ``{slot}`` stands for what is filled in when it is said, a tone, or a melody."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    prompts: dict[str, str | Tone | Melody]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, prompt in self.prompts.items():
            if not _NAME.fullmatch(name):
                raise ValueError(f"the prompt name {name!r} must be lower-case letters, digits and _")
            if isinstance(prompt, str):
                if not prompt.strip():
                    raise ValueError(f"the prompt {name!r} says nothing")
                split(prompt)
        return self

    def slots(self, name: str) -> frozenset[str]:
        """The slots of that prompt; raises KeyError for an unknown name."""
        prompt = self.prompts[name]
        return frozenset(s for _, s in split(prompt) if s) if isinstance(prompt, str) else frozenset()


def split(text: str) -> tuple[tuple[str, str], ...]:
    """A prompt's text as (fixed part, slot that follows or "") pairs; raises ValueError for a bad brace."""
    try:
        parts = tuple(string.Formatter().parse(text))
    except ValueError:
        raise ValueError(f"a brace without its partner in {text!r}: slots are written {{name}}") from None
    if any(slot is not None and (not _NAME.fullmatch(slot) or spec or conv) for _, slot, spec, conv in parts):
        raise ValueError(f"a slot that is not a plain {{name}} in {text!r}")
    return tuple((fixed, slot or "") for fixed, slot, _, _ in parts)
