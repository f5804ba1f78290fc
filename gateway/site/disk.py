"""The settings of the disk that recordings lie on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gateway.site.section import Section


class DiskSettings(Section):
    """With less than ``warn_days`` left at the last day's rate, `hotline doctor` and the log warn.

    Recordings end, and none begins, with less than ``reserve_mib`` MiB left, or a twentieth of a smaller disk.
    """

    warn_days: Annotated[float, Field(ge=0, le=3650)] = 7.0
    reserve_mib: Annotated[int, Field(ge=0, le=1_000_000)] = 512
