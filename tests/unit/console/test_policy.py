"""When a shift began."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from console.policy import Policy

THREE = (time(0), time(8), time(16))


@pytest.mark.parametrize(
    ("shifts", "now", "began"),
    [
        (THREE, "2026-07-01T09:30", "2026-07-01T08:00"),
        (THREE, "2026-07-01T08:00", "2026-07-01T08:00"),
        (THREE, "2026-07-01T07:59", "2026-07-01T00:00"),
        ((time(8, 30), time(20, 30)), "2026-07-01T03:00", "2026-06-30T20:30"),
        ((time(20, 30), time(8, 30)), "2026-07-01T21:00", "2026-07-01T20:30"),
    ],
)
def test_a_shift_began_at_the_last_of_its_times(shifts, now, began):
    moment = datetime.fromisoformat(f"{now}+08:00").astimezone(UTC)
    assert Policy(shifts=shifts).find_shift(moment) == datetime.fromisoformat(f"{began}+08:00")
