"""The duty switch (全部转人工): whose callers are passed to a person at once, until when, and who said so.

Its state is one small file in the data folder, written whole or not at all by the command and by the page, and read by
every gateway. A person's order is never in the way of a call: nobody waits for this file but who changes it.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic's
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from config.fault import Fault
from config.shared_file import alone, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONGEST_WHY: Final = 200
"""Characters that a reason may have."""

_LONGEST_BY: Final = 200


class DutyError(Fault):
    """The duty switch cannot be read or thrown; the message says why and what to do."""


class Order(BaseModel):
    """From ``since`` until ``until`` (None: until it is taken back) the callers of ``line`` are passed to a person.

    ``line`` is a public line's number, "" for all. ``by`` is who said so, ``why`` his reason.
    """

    model_config = ConfigDict(defer_build=True, frozen=True)

    line: Annotated[str, Field(pattern=r"^([0-9]{3,8})?$")] = ""
    since: AwareDatetime
    until: AwareDatetime | None = None
    by: Annotated[str, Field(max_length=_LONGEST_BY)] = ""
    why: Annotated[str, Field(max_length=LONGEST_WHY)] = ""

    def is_in_force(self, now: datetime) -> bool:
        """Whether it holds at that moment."""
        return self.until is None or now < self.until


class Duty(BaseModel):
    """All orders, at most one a line."""

    model_config = ConfigDict(defer_build=True, frozen=True)

    version: Literal[1] = 1
    orders: tuple[Order, ...] = ()

    def in_force(self, now: datetime) -> tuple[Order, ...]:
        """The orders that hold at that moment, that for all lines first."""
        return tuple(sorted((o for o in self.orders if o.is_in_force(now)), key=lambda order: order.line))

    def order_for(self, line: str, now: datetime) -> Order | None:
        """What sends that line's callers to a person at that moment; None when nothing does."""
        return next((order for order in self.in_force(now) if order.line in ("", line)), None)


def place_of(data: Path) -> Path:
    """The file, in the data folder."""
    return data / "duty.json"


def read_duty(data: Path) -> Duty:
    """What the file says; without one nothing was ordered. Raises DutyError when it cannot be read or understood."""
    file = place_of(data)
    try:
        return Duty.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return Duty()
    except OSError as error:
        raise DutyError(f"{file}: {error.strerror}: make it readable for the services' user") from error
    except ValidationError:
        raise DutyError(
            f"{file}: not understood: say anew what is to hold, with `hotline duty on` or `off`"
        ) from None


def turn_on(data: Path, order: Order) -> Duty:
    """Order this instead of what was ordered for its line; what holds now. Raises DutyError."""
    return _change(data, order.since, lambda orders: (*(o for o in orders if o.line != order.line), order))


def turn_off(data: Path, line: str | None, now: datetime) -> Duty:
    """Take back what was ordered for that line ("": for all at once; None: whatever was); what holds now.

    Raises DutyError.
    """
    return _change(data, now, lambda orders: tuple(o for o in orders if line is not None and o.line != line))


def _change(data: Path, now: datetime, change: Callable[[tuple[Order, ...]], tuple[Order, ...]]) -> Duty:
    file = place_of(data)
    try:
        with alone(file.with_suffix(".lock")):
            try:
                before = read_duty(data).in_force(now)
            except DutyError:  # said anew
                before = ()
            duty = Duty(orders=change(before))
            write(file, duty.model_dump_json(indent=1).encode())
    except OSError as error:
        raise DutyError(
            f"{error.filename or file}: {error.strerror}: the duty switch was not thrown"
        ) from error
    return duty
