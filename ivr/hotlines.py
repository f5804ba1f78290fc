"""The public lines that this gateway answers for, and which of them was called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from config.document import read
from ivr.matter import AppealType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ivr.flow import Flow

Mode = Literal["总线", "整体并入", "双号并行", "设分中心", "转接"]
"""The front door itself; merged into it; parallel numbers; a department's sub-centre; passed on, never answered."""

_SCHEME = re.compile(r"^(?:tel|sips?):", re.IGNORECASE)
_COUNTRY = re.compile(r"^(?:\+|00)86")


@dataclass(frozen=True, slots=True)
class Hotline:
    """One public line.

    ``appeal`` is the kind of appeal its calls have unless the caller names another, ``opening`` the prompt that
    replaces the flow's own. ``known`` is false when the called number is none of ours: it is answered as the front
    door.
    """

    number: str
    name: str
    department: str
    mode: Mode
    appeal: AppealType | None = None
    opening: str | None = None
    known: bool = True


class HotlinePart(BaseModel):
    """One line of the hotlines file."""

    model_config = ConfigDict(frozen=True)

    number: Annotated[str, Field(pattern=r"^[0-9]{3,8}$")]
    name: str = Field(min_length=1)
    department: str = Field(min_length=1)
    mode: Mode
    appeal: AppealType | None = None
    opening: str | None = None


class HotlinesFile(BaseModel):
    """The hotlines file: ``area_code`` and ``front`` door, then the lines."""

    model_config = ConfigDict(frozen=True)

    area_code: Annotated[str, Field(pattern=r"^0[0-9]{2,3}$")]
    front: str
    hotlines: tuple[HotlinePart, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        numbers = [h.number for h in self.hotlines]
        if twice := sorted({n for n in numbers if numbers.count(n) > 1}):
            raise ValueError(f"the hotline {twice[0]} is listed twice")
        if self.front not in numbers:
            raise ValueError(f"the front door {self.front!r} is not among the hotlines")
        return self


@dataclass(frozen=True, slots=True)
class Hotlines:
    """All lines by number."""

    area_code: str
    front: Hotline
    by_number: Mapping[str, Hotline]

    def __len__(self) -> int:
        return len(self.by_number)

    def find(self, called: str) -> Hotline:
        """The line that was called, however it is spelled.

        N, 0558N, 0558-N, +86558N, 0086558N, and each as tel: or sip: URI. An unknown number is answered as the front
        door, with ``known`` false.
        """
        number = normalise(called, self.area_code)
        found = self.by_number.get(number)
        if found is not None:
            return found
        front = self.front
        return Hotline(
            front.number, front.name, front.department, front.mode, front.appeal, front.opening, known=False
        )


def normalise(called: str, area_code: str) -> str:
    """The called number without scheme, host, parameters, signs, country and area code."""
    user = _SCHEME.sub("", called.strip().strip("<>")).partition("@")[0].partition(";")[0]
    digits = re.sub(r"[^0-9+]", "", user)
    local = re.sub(rf"^(?:(?:\+|00)?860?|0){area_code[1:]}", "", digits)
    return _COUNTRY.sub("", local) if local == digits else local


def read_hotlines(file: Path, flow: Flow) -> Hotlines:
    """The lines of that file, their openings checked against the flow's prompts; raises ConfigError."""
    document = read(HotlinesFile, file)
    for i, part in enumerate(document.value.hotlines):
        if part.opening is not None and flow.slots.get(part.opening, frozenset("?")):
            raise document.error(
                ("hotlines", i, "opening"),
                f"the opening {part.opening!r} is no prompt, or one with slots",
                "name a prompt of prompts.yaml",
            )
    lines = {
        part.number: Hotline(part.number, part.name, part.department, part.mode, part.appeal, part.opening)
        for part in document.value.hotlines
    }
    return Hotlines(document.value.area_code, lines[document.value.front], lines)
