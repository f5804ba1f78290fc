"""The city's gazetteer: the file, and the patterns made of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from config.document import embedded, load

if TYPE_CHECKING:
    from collections.abc import Iterable

Name = Annotated[str, Field(min_length=2)]

_KIND = re.compile(r"(?:镇|乡|街道)$")
# A county's short name may begin the name of something else ("太和小区").
_NOT_BARE = r"(?!小区|花园|[东西南北中]?路|大道|街|大桥|公园)"


class CountyDocument(BaseModel):
    """A county of the file; ``code`` has six digits (GB/T 2260), ``also`` are other names for it."""

    model_config = ConfigDict(frozen=True)

    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")]
    name: Name
    also: tuple[Name, ...] = ()
    townships: tuple[Name, ...]


class GazetteerDocument(BaseModel):
    """The gazetteer file."""

    model_config = ConfigDict(frozen=True)

    counties: tuple[CountyDocument, ...]
    roads: tuple[Name, ...] = ()
    landmarks: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """What callers say, and what it means.

    ``counties`` gives a county's proper name by each of its names, ``codes`` its code by its proper name,
    ``township_counties`` a township's county, ``short_townships`` a township by its name without 镇 or 街道. The
    patterns find names, the longest first; ``road`` finds landmarks too.
    """

    counties: dict[str, str]
    codes: dict[str, str]
    township_counties: dict[str, str]
    short_townships: dict[str, str]
    county: re.Pattern[str]
    township: re.Pattern[str]
    road: re.Pattern[str]


@cache
def open_gazetteer() -> Gazetteer:
    """The embedded gazetteer, read once. Raises config.document.ConfigError."""
    document = load(GazetteerDocument, embedded("gazetteer.yaml"))
    full = [county.name for county in document.counties]
    also = [name for county in document.counties for name in county.also]
    townships = {township: county.name for county in document.counties for township in county.townships}
    return Gazetteer(
        counties={name: county.name for county in document.counties for name in (county.name, *county.also)},
        codes={county.name: county.code for county in document.counties},
        township_counties=townships,
        short_townships={
            short: township for township in townships if len(short := _KIND.sub("", township)) > 1
        },
        county=re.compile(f"{_any(full)}|{_any(also)}{_NOT_BARE}"),
        township=re.compile(_any(townships)),
        road=re.compile(_any((*document.roads, *document.landmarks))),
    )


def _any(names: Iterable[str]) -> str:
    longest_first = sorted(names, key=len, reverse=True)
    return f"(?:{'|'.join(map(re.escape, longest_first))})"
