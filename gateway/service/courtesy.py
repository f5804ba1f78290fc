"""Who runs first when there is too little CPU: audio goes out every 20 ms, whatever else waits."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

DECODING = 10
"""Nice value of the speech server: it uses every core it gets."""
FOLLOWING = 5
"""Nice value of what follows a call."""


def step_back(nice: int) -> None:
    """Give way, with all threads begun from now on, to processes that are less nice; never the other way round.

    systemd's units say the same with Nice=. Under `hotline up` every process has a session of its own, and Linux weighs
    sessions before it weighs their processes (sched(7), the autogroup feature): the session steps back as well.
    """
    os.setpriority(os.PRIO_PROCESS, 0, max(nice, os.getpriority(os.PRIO_PROCESS, 0)))
    with contextlib.suppress(OSError):  # a kernel without it, or somebody else's session
        Path("/proc/self/autogroup").write_text(str(nice), encoding="ascii")
