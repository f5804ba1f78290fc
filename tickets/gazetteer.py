"""The city's gazetteer: the file, the divisions beneath it, and the patterns made of both."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from config.document import embedded, load
from tickets.divisions import Divisions, Village, read_divisions
from tickets.meaning.files import chosen
from tickets.meaning.sound import Sound, readings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tickets.meaning.files import RuleFiles

Name = Annotated[str, Field(min_length=2)]

_KIND = re.compile(r"(?:镇|乡|街道)$")
_BARE = 2  # characters of a name without its kind, which may be a word like any other
# A county's short name may begin the name of something else ("太和小区").
_NOT_BARE = r"(?!小区|花园|[东西南北中]?路|大道|街|大桥|公园)"


class CountyDocument(BaseModel):
    """A county of the file; ``code`` has six digits (GB/T 2260), ``also`` are other names for it."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    code: Annotated[str, Field(pattern=r"^[0-9]{6}$")]
    name: Name
    also: tuple[Name, ...] = ()
    aliases: dict[Name, Name] = {}
    townships: tuple[Name, ...]


class GazetteerDocument(BaseModel):
    """The gazetteer file."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    counties: tuple[CountyDocument, ...]
    roads: tuple[Name, ...] = ()
    landmarks: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """What callers say, and what it means.

    ``counties`` gives a county's proper name by each of its names, ``codes`` its code by its proper name,
    ``township_counties`` a township's county, ``short_townships`` a township by its name without 镇 or 街道. The
    patterns find names, the longest first; ``road`` finds landmarks too.

    ``aliases`` gives the townships that go by another name, ``spoken`` are all names of counties and townships whose
    sound tells which is meant. ``divisions`` gives a township's 9 digits, ``villages`` its villages;
    ``known_villages`` gives by a village's name, with and without its kind, every (township, village).
    """

    counties: dict[str, str]
    codes: dict[str, str]
    township_counties: dict[str, str]
    short_townships: dict[str, str]
    county: re.Pattern[str]
    township: re.Pattern[str]
    road: re.Pattern[str]
    aliases: dict[str, tuple[str, ...]]
    spoken: tuple[str, ...]
    divisions: dict[str, str]
    villages: dict[str, tuple[Village, ...]]
    known_villages: dict[str, tuple[tuple[str, Village], ...]]

    def meant(self, said: str, county: str = "") -> tuple[str, ...]:
        """The townships that go by a name, only those of ``county`` when there are such."""
        named = (said,) if said in self.township_counties else ()
        every = (*named, *(t for t in self.aliases.get(said, ()) if t not in named))
        return tuple(t for t in every if self.township_counties[t] == county) or every

    def sounding(self, sound: Sound) -> tuple[str, ...]:
        """The names among ``spoken`` that sound so."""
        return _hear(self.spoken).get(sound, ())


def open_gazetteer() -> Gazetteer:
    """The gazetteer in use, read once. Raises config.document.ConfigError, tickets.divisions.DivisionsError."""
    return read_gazetteer(chosen())


def read_gazetteer(files: RuleFiles) -> Gazetteer:
    """That of these files; the last ones are kept. Raises as `open_gazetteer`."""
    gazetteer, divisions = (
        files.gazetteer or embedded("gazetteer.yaml"),
        files.divisions or embedded("divisions.tsv"),
    )
    return _open(gazetteer, divisions, files.digest("gazetteer", "divisions"))


@lru_cache(maxsize=2)
def _open(file: Path, divisions_file: Path, _digest: str) -> Gazetteer:
    document = load(GazetteerDocument, file)
    full = [county.name for county in document.counties]
    also = [name for county in document.counties for name in county.also]
    divisions, villages = _lay_over(document, read_divisions(divisions_file))
    townships = {township: county.name for county in document.counties for township in county.townships}
    townships |= {
        township: _county(document, code) for township, code in divisions.items() if township not in townships
    }
    aliases = _find_aliases(document, townships)
    known: dict[str, list[tuple[str, Village]]] = {}
    for township, below in villages.items():
        for village in below:
            for name in dict.fromkeys((village.name, village.bare)):
                known.setdefault(name, []).append((township, village))
    return Gazetteer(
        counties={name: county.name for county in document.counties for name in (county.name, *county.also)},
        codes={county.name: county.code for county in document.counties},
        township_counties=townships,
        short_townships={
            short: township for township in townships if len(short := _KIND.sub("", township)) > 1
        },
        county=re.compile(f"{_any(full)}|{_any(also)}{_NOT_BARE}"),
        township=re.compile(_any((*townships, *(name for name in aliases if len(name) > _BARE)))),
        road=re.compile(_any((*document.roads, *document.landmarks))),
        aliases=aliases,
        spoken=(*full, *townships, *(name for name in aliases if _KIND.search(name))),
        divisions=divisions,
        villages=villages,
        known_villages={name: tuple(places) for name, places in known.items()},
    )


def _lay_over(
    document: GazetteerDocument, read: Divisions
) -> tuple[dict[str, str], dict[str, tuple[Village, ...]]]:
    """The divisions' codes and villages by the names that the gazetteer has for their townships."""
    renamed = {
        (county.code, said): name for county in document.counties for said, name in county.aliases.items()
    }
    codes = {renamed.get((code[:6], name), name): code for code, name in read.townships.items()}
    return codes, {name: read.villages.get(code, ()) for name, code in codes.items()}


def _county(document: GazetteerDocument, code: str) -> str:
    return next((county.name for county in document.counties if county.code == code[:6]), "")


def _find_aliases(document: GazetteerDocument, townships: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """The file's own, and a township by another kind than its own, as callers call it (王店乡, 清河办事处)."""
    aliases: dict[str, list[str]] = {}
    for county in document.counties:
        for said, name in county.aliases.items():
            aliases.setdefault(said, []).append(name)
    stems: dict[str, list[str]] = {}
    for township in townships:
        if len(stem := _KIND.sub("", township)) > 1:
            stems.setdefault(stem, []).append(township)
    for stem, named in stems.items():
        for kind in ("镇", "乡", "街道办", "街道", "办事处"):
            if len(named) == 1 and stem + kind not in townships:
                aliases.setdefault(stem + kind, []).extend(named)
    return {said: tuple(dict.fromkeys(named)) for said, named in aliases.items()}


@lru_cache(maxsize=2)
def _hear(names: tuple[str, ...]) -> dict[Sound, tuple[str, ...]]:
    sounds: dict[Sound, list[str]] = {}
    for name in dict.fromkeys(names):
        for sound in readings(name):
            sounds.setdefault(sound, []).append(name)
    return {sound: tuple(named) for sound, named in sounds.items()}


def _any(names: Iterable[str]) -> str:
    longest_first = sorted(names, key=len, reverse=True)
    return f"(?:{'|'.join(map(re.escape, longest_first)) or '(?!)'})"
