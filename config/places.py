"""Where things are: an optional file of points (POI), each a name with its coordinates and, where known, its place."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from config.document import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("name", "longitude", "latitude", "county", "township")
_SHORTEST = 2  # characters of a name
_EAST, _NORTH = 180.0, 90.0


class Point(NamedTuple):
    """Degrees east and north (CGCS2000)."""

    longitude: float
    latitude: float


@dataclass(frozen=True, slots=True)
class _Row:
    county: str
    township: str
    point: Point


class Points:
    """The points in use, by name."""

    def __init__(self, rows: dict[str, list[_Row]] | None = None) -> None:
        self._rows = rows or {}

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def find(self, county: str, township: str, village: str, address: str) -> Point | None:
        """Where a place is; its parts are "" where they are not known.

        The longest name that its address begins with counts (阳光小区 of 阳光小区3号楼), then its village. None when
        there is no such point there, or more than one: nobody is sent to a guess.
        """
        for name in (*(address[:length] for length in range(len(address), _SHORTEST - 1, -1)), village):
            if name not in self._rows:
                continue
            here = [
                row.point
                for row in self._rows[name]
                if _agree(row.county, county) and _agree(row.township, township)
            ]
            return here[0] if len(set(here)) == 1 else None
        return None


def read_points(file: Path) -> Points:
    """Read a CSV file (UTF-8) with the columns of ``COLUMNS``, the last two perhaps left out. Raises ConfigError."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            table = csv.DictReader(lines, strict=True)
            missing = [name for name in COLUMNS[:3] if name not in (table.fieldnames or ())]
            if missing:
                what = f"the column {missing[0]!r} is missing"
                raise ConfigError(str(file), 1, what, f"give the first line as {','.join(COLUMNS)}")
            rows: dict[str, list[_Row]] = {}
            for row in table:
                name, told = _read_row(row, file, table.line_num)
                rows.setdefault(name, []).append(told)
    except UnicodeDecodeError:
        raise ConfigError(str(file), 0, "not UTF-8 text", "save the file in UTF-8") from None
    except csv.Error as error:
        raise ConfigError(str(file), 0, f"not CSV: {error}", "save the file as CSV") from None
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise ConfigError(str(file), 0, what, "check the path and its permissions") from None
    return Points(rows)


def _read_row(row: dict[str, str], file: Path, line: int) -> tuple[str, _Row]:
    name = (row["name"] or "").strip()
    try:
        point = Point(float(row["longitude"]), float(row["latitude"]))
    except (TypeError, ValueError):
        point = Point(_EAST + 1, 0)
    if len(name) < _SHORTEST or not (abs(point.longitude) <= _EAST and abs(point.latitude) <= _NORTH):
        what = f"{name!r}: a name of two characters or more, and two numbers in degrees are needed"
        raise ConfigError(str(file), line, what, "correct the line, or delete it")
    return name, _Row((row.get("county") or "").strip(), (row.get("township") or "").strip(), point)


def _agree(listed: str, said: str) -> bool:
    return not listed or not said or listed == said
