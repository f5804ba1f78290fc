"""What processes use, from /proc (proc(5))."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """A moment of a process: CPU seconds used so far, resident bytes, and when (monotonic seconds)."""

    cpu_seconds: float
    resident: int
    at: float

    @classmethod
    def of(cls, pid: int) -> Usage:
        """Look now; raises FileNotFoundError when the process is gone."""
        # After the name, which may hold anything, fields are counted from the state (3): utime 14, stime 15, rss 24.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return cls((int(fields[11]) + int(fields[12])) / _TICKS, int(fields[21]) * _PAGE, time.monotonic())

    def percent_since(self, earlier: Usage) -> float:
        """CPU used since then, as a percentage of one core."""
        return 100 * (self.cpu_seconds - earlier.cpu_seconds) / (self.at - earlier.at)


@dataclass(frozen=True, slots=True)
class Busy:
    """A moment of the whole machine: CPU seconds used by everybody, and when (monotonic seconds)."""

    cpu_seconds: float
    at: float

    @classmethod
    def now(cls) -> Busy:
        """Look now. User, nice, system, interrupts and stolen time count; idle and waiting for disks do not."""
        line, _, _ = Path("/proc/stat").read_text(encoding="ascii").partition("\n")
        fields = [int(field) for field in line.split()[1:9]]
        return cls((sum(fields) - fields[3] - fields[4]) / _TICKS, time.monotonic())

    def percent_since(self, earlier: Busy) -> float:
        """CPU used since then, as a percentage of one core."""
        return 100 * (self.cpu_seconds - earlier.cpu_seconds) / (self.at - earlier.at)


def child(parent: int, command: str) -> int:
    """The child of PARENT that runs `python -m gateway … COMMAND`; raises LookupError."""
    for process in psutil.Process(parent).children():
        if command in process.cmdline()[3:]:
            return process.pid
    raise LookupError(f"process {parent} has no child `{command}`")
