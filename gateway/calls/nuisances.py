"""The list of nuisance callers: a file in the data folder, changed by the command, read by gateways.

Every entry stays, with who made it and who took it back, for a year after its end: the list is its own audit.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from config.document import ConfigError
from config.fault import Fault
from config.shared_file import alone, write
from gateway.calls.access import Nuisance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

FILE: Final = "nuisances.json"

_KEPT = timedelta(days=365)
_MOST_BYTES = 4 * 1024 * 1024


class NuisanceError(Fault):
    """The list cannot be changed so; the message says why."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Removal(_Part):
    """Who took an entry back, and when."""

    who: str
    at: AwareDatetime


class Entry(_Part):
    """A refusal as the file keeps it."""

    number: Annotated[str, Field(pattern=r"^[0-9]{3,20}$")]
    reason: Annotated[str, Field(min_length=1)]
    since: AwareDatetime
    until: AwareDatetime
    who: Annotated[str, Field(min_length=1)]
    removed: Removal | None = None

    def is_in_force(self, at: datetime) -> bool:
        """Whether the caller is refused at that time."""
        return self.removed is None and self.since <= at < self.until


class _List(_Part):
    version: Literal[1] = 1
    callers: tuple[Entry, ...] = ()


def read_entries(data: Path) -> tuple[Entry, ...]:
    """Every entry, in the order they were made; none without a file. Raises ConfigError, OSError."""
    file = data / FILE
    try:
        with file.open("rb") as stream:
            text = stream.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return ()
    try:
        return _List.model_validate_json(text).callers
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        remedy = "correct it, or move it away and add its callers anew (hotline nuisance add)"
        raise ConfigError(str(file), 0, f"{where}: {first['msg']}".removeprefix(": "), remedy) from None


def read_nuisances(data: Path) -> Mapping[str, Nuisance]:
    """Those that were not taken back, by number; their times are for who asks. Raises ConfigError, OSError."""
    return {
        one.number: Nuisance(one.number, one.reason, one.until, one.who, one.since)
        for one in read_entries(data)
        if one.removed is None
    }


def add_nuisance(data: Path, nuisance: Nuisance) -> None:
    """Refuse a caller; a refusal in force is replaced. Raises ConfigError, NuisanceError, OSError."""

    def change(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        entry = Entry(
            number=nuisance.number,
            reason=nuisance.reason,
            since=nuisance.since,
            until=nuisance.until,
            who=nuisance.who,
        )
        return (*_without(entries, nuisance.number, nuisance.who, nuisance.since), entry)

    _change(data, change, nuisance.since)


def remove_nuisance(data: Path, number: str, who: str, at: datetime) -> None:
    """Put a caller through again. Raises ConfigError, OSError; NuisanceError when he is not refused."""

    def change(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        if not any(one.number == number and one.is_in_force(at) for one in entries):
            raise NuisanceError(f"{number} 不在名单上 / is not on the list: hotline nuisance list")
        return _without(entries, number, who, at)

    _change(data, change, at)


def _without(entries: tuple[Entry, ...], number: str, who: str, at: datetime) -> tuple[Entry, ...]:
    removal = Removal(who=who, at=at)
    return tuple(
        one.model_copy(update={"removed": removal}) if one.number == number and one.removed is None else one
        for one in entries
    )


def _change(data: Path, change: Callable[[tuple[Entry, ...]], tuple[Entry, ...]], at: datetime) -> None:
    with alone(data / f"{FILE}.lock"):
        kept = tuple(one for one in read_entries(data) if one.until > at - _KEPT)
        text = _List(callers=change(kept)).model_dump_json(indent=1).encode()
        if len(text) > _MOST_BYTES:
            raise NuisanceError(f"{data / FILE} 已满 / is full: hotline nuisance remove")
        write(data / FILE, text)
