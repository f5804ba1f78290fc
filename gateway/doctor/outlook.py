"""What will be wrong soon: a disk that fills."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.doctor.finding import Finding
from gateway.service.observe import free_bytes
from gateway.service.outlook import tell_time
from recordings.growth import forecast, read_growth

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.doctor.finding import Patient
    from recordings.database import Database

_DAY_SECONDS = 86400


async def look_ahead(patient: Patient, db: Database) -> AsyncIterator[Finding]:
    """For how long the disk lasts at the last day's rate."""
    async with db.read() as connection:
        nodes, data = patient.settings.nodes, patient.paths.data
        rate = await read_growth(connection, nodes, data, datetime.now(UTC))
    left = forecast(free_bytes(data), rate)
    days = left / _DAY_SECONDS
    if days < patient.settings.disk.warn_days:
        what = f"按近一天的速度,磁盘 {days:.1f} 天后就满 / at the last day's rate the disk is full in {tell_time(left)}"
        mend = f"腾出或增加空间 / free some, or add some: {data}"
        yield Finding("disk", "warning", what, mend)
    elif rate:
        yield Finding(
            "disk",
            "ok",
            f"按近一天的速度,磁盘够用 {days:.0f} 天 / at this rate the disk lasts {tell_time(left)}",
        )
