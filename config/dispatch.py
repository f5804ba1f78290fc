"""The city's 派单目录: who handles which category in which place, and within how many days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from config.document import ConfigError, Document, embedded, read

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from config.categories import Category

Name = Annotated[str, Field(min_length=1, max_length=100)]
Days = Annotated[int, Field(ge=1, le=365)]
AREA = "{area}"


class _Model(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")


class DispatchEntry(_Model):
    """An entry: a category (一级, 一级_二级 or 一级_二级_三级), perhaps in a ``place`` (a county, a township)."""

    category: Name
    place: str = ""
    department: Name
    assisting: tuple[Name, ...] = ()
    days: Days | None = None


class DispatchDocument(_Model):
    """The file. ``city`` stands for the area where no county is known; ``days`` hold where an entry has none."""

    city: Name
    days: Days
    entries: tuple[DispatchEntry, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who handles a matter (主办单位), who helps (协办单位), and within how many working days (办理时限).

    ``reason`` names in Chinese the entry it comes from.
    """

    department: str
    assisting: tuple[str, ...]
    days: int
    reason: str


class Dispatch:
    """The catalogue in use."""

    def __init__(self, document: DispatchDocument) -> None:
        self._city, self._days = document.city, document.days
        self._entries = {(entry.category, entry.place): entry for entry in document.entries}

    def assign(self, category: Sequence[str], county: str = "", township: str = "") -> Assignment | None:
        """Who is to handle a matter of this category (its levels, "" or missing ones not known) in this place.

        The entry of the lowest level that has one counts, and of these the one of the narrowest place. None where the
        catalogue has none.
        """
        names = [name for name in category if name]
        for depth in range(len(names), 0, -1):
            label = "_".join(names[:depth])
            for place in dict.fromkeys((f"{county}{township}", county, "")):
                if entry := self._entries.get((label, place)):
                    return self._tell(entry, county)
        return None

    def _tell(self, entry: DispatchEntry, county: str) -> Assignment:
        area = county or self._city
        return Assignment(
            department=entry.department.replace(AREA, area),
            assisting=tuple(name.replace(AREA, area) for name in entry.assisting),
            days=entry.days or self._days,
            reason=f"派单目录:{entry.category}" + (f",{entry.place}" if entry.place else ""),
        )


def read_dispatch(categories: Collection[Category], file: Path | None = None) -> Dispatch:
    """The dispatch catalogue in ``file`` (None: the embedded one), for these ``categories``. Raises ConfigError."""
    document = read(DispatchDocument, file or embedded("dispatch.yaml"))
    known = {"_".join(filter(None, path)) for path in categories}
    faults: list[ConfigError] = []
    seen: set[tuple[str, str]] = set()
    for i, entry in enumerate(document.value.entries):
        if entry.category not in known:
            what = f"the category {entry.category!r} is not in the catalogue"
            faults.append(_fault(document, i, what, "correct it, or add it to the file of categories"))
        if (entry.category, entry.place) in seen:
            what = f"{entry.category}{entry.place} stands here a second time"
            faults.append(_fault(document, i, what, "keep one of the two"))
        seen.add((entry.category, entry.place))
    if faults:
        first, *more = faults
        raise ConfigError(first.file, first.line, first.what, first.remedy, tuple(more))
    return Dispatch(document.value)


def _fault(document: Document[DispatchDocument], entry: int, what: str, remedy: str) -> ConfigError:
    return document.error(("entries", entry, "category"), what, remedy)
