"""The settings of calls that we place (回访, 关爱, 未接回电)."""

from __future__ import annotations

import re
from pathlib import Path  # noqa: TC003 - pydantic reads it at run time
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from gateway.site.section import Section
from ivr.targets import HoursPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.site.trunks import TrunkSettings

_CITIZENS = re.compile(r"1[3-9][0-9]{9}|0(?:10|2[0-9]|(?!400|800|950|96)[3-9][0-9]{2})[2-8][0-9]{6,7}")
"""A mobile number, or a landline by its area code: nobody else's telephone costs more, or rings abroad."""

_EXTENSION = re.compile(r"[0-9]{2,12}")


def _check_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from None
    return text


class CallbackSettings(Section):
    """Calls that we place. Without a ``trunk`` nobody is called; it is the only one they go out by.

    ``caller`` is the number shown. A number is called that matches one of ``numbers`` (regular expressions) as a whole,
    and is a mobile or a landline of this country in any case. ``per_minute`` is of the whole site, ``at_once`` of one
    gateway; ``keep_free`` lines are left to those who call us. An answer is waited for ``ring_seconds``. A number is
    tried ``tries`` times; after the first again in ``busy_seconds`` or ``no_answer_seconds``, after each further one in
    twice as long. ``flows`` is a folder of your own flows.

    Agents call by the same trunk from the page, whatever the hour, ``agents_at_once`` of them in one gateway: each his
    own telephone, whose number there matches one of ``extensions`` as a whole. ``announce``: the citizen is told that
    the talk is recorded.
    """

    trunk: str = ""
    caller: Annotated[str, Field(pattern=r"^[0-9]{3,12}$")] = "12345"
    numbers: Annotated[tuple[Annotated[str, AfterValidator(_check_pattern)], ...], Field(min_length=1)] = (
        "1[3-9][0-9]{9}",
        "0558[0-9]{7}",
    )
    hours: Annotated[tuple[HoursPart, ...], Field(min_length=1)] = (
        HoursPart.model_validate({"days": "workdays", "from": "09:00", "until": "12:00"}),
        HoursPart.model_validate({"days": "workdays", "from": "14:30", "until": "18:00"}),
    )
    per_minute: Annotated[int, Field(ge=1, le=600)] = 6
    at_once: Annotated[int, Field(ge=1, le=100)] = 5
    keep_free: Annotated[int, Field(ge=1, le=1000)] = 20
    ring_seconds: Annotated[float, Field(ge=1, le=120)] = 40.0
    tries: Annotated[int, Field(ge=1, le=10)] = 3
    busy_seconds: Annotated[float, Field(ge=60, le=86400)] = 600.0
    no_answer_seconds: Annotated[float, Field(ge=60, le=86400)] = 3600.0
    flows: Path | None = None
    extensions: Annotated[tuple[Annotated[str, AfterValidator(_check_pattern)], ...], Field(min_length=1)] = (
        "[2-8][0-9]{2,4}",
    )
    agents_at_once: Annotated[int, Field(ge=1, le=200)] = 10
    announce: bool = True

    def allows(self, number: str) -> bool:
        """Whether this number, as dialled within the country, may be called."""
        return bool(_CITIZENS.fullmatch(number)) and any(re.fullmatch(p, number) for p in self.numbers)

    def allows_extension(self, number: str) -> bool:
        """Whether this may be the telephone of an agent: digits, as dialled on the trunk."""
        return bool(_EXTENSION.fullmatch(number)) and any(re.fullmatch(p, number) for p in self.extensions)


def check_callback(callback: CallbackSettings, trunks: Sequence[TrunkSettings], cap: int) -> None:
    """Raises ValueError when the trunk that calls are to go out by is none, leads nowhere, or has no line to spare.

    ``cap`` is how many callers a gateway lets in at once.
    """
    if not callback.trunk:
        return
    found = next((trunk for trunk in trunks if trunk.name == callback.trunk), None)
    if found is None:
        raise ValueError(f"callback.trunk: there is no trunk {callback.trunk!r}: name one of `trunks`")
    if not found.address and found.registration is None:
        raise ValueError(f"callback.trunk: {found.name} has no address to call: set trunks.address")
    most = min(found.cap, cap)
    if callback.keep_free >= most:
        raise ValueError(
            f"callback.keep_free: {callback.keep_free} of {most} lines leave none to call anybody by"
        )
