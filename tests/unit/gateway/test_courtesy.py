from __future__ import annotations

import subprocess
import sys
from pathlib import Path

STEP_BACK = """
import os, threading
from pathlib import Path
from gateway.service.courtesy import step_back
os.nice({already})
step_back({nice})
nices = []
thread = threading.Thread(target=lambda: nices.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))
thread.start()
thread.join()
group = Path("/proc/self/autogroup")
print(os.getpriority(os.PRIO_PROCESS, 0), nices[0], group.read_text().split()[-1] if group.exists() else {nice})
"""


def stepped_back(nice: int, already: int = 0) -> list[int]:
    told = subprocess.run(
        [sys.executable, "-c", STEP_BACK.format(nice=nice, already=already)],
        cwd=Path(__file__).parents[3],
        start_new_session=True,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [int(word) for word in told.split()]


def test_a_process_steps_back_with_its_threads_and_its_session() -> None:
    assert stepped_back(10) == [10, 10, 10]


def test_who_is_nice_already_stays_so() -> None:
    assert stepped_back(5, already=12)[:2] == [12, 12]
