"""What a readiness probe costs the loop it is asked on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gateway.service.process.database import look_at_database

if TYPE_CHECKING:
    from recordings.database import Database


async def test_to_ask_whether_the_tables_are_ours_costs_the_loop_next_to_nothing(database: Database) -> None:
    """Each probe used to import every migration twice, 39 ms of it on the loop that answers calls."""
    assert await look_at_database(database) == ([], [])
    costs = []
    for _ in range(20):
        began = time.thread_time()
        await look_at_database(database)
        costs.append(time.thread_time() - began)
    assert sorted(costs)[len(costs) // 2] < 0.006
