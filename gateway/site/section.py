"""What every part of the settings is made of: strict, frozen sections, and the values they share."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Port = Annotated[int, Field(ge=0, le=65535)]
Node = Annotated[int, Field(ge=0, le=99)]


def _check_address(text: str) -> str:
    if text:
        ipaddress.IPv4Address(text)  # its ValueError says what is wrong with it
    return text


Address = Annotated[str, AfterValidator(_check_address)]
"""An IPv4 address, no name: the SIP stack looks up none. "" where the setting has a default of its own."""


class Section(BaseModel):
    """A mapping of the settings file; a key it does not know is an error."""

    # Built as parts of the whole: each by itself would take as long once more.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
