"""A disk of its own that a test can let stand still, as a snapshot or a path that has failed over does: ext4, fsfreeze.

Who writes to it waits in the kernel until it goes on, and cannot even be killed. So that a test that fails, hangs or
dies leaves nobody waiting, a process beside it thaws and unmounts the disk when the test's process is gone, and thaws
it in any case after ``LONGEST_SECONDS``.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST_SECONDS: Final = 120
_GUARD: Final = """
while read -t "$3" -r _; do :; done
fsfreeze -u "$1" 2>/dev/null
while umount "$1" 2>/dev/null; do :; done
umount -l "$1" 2>/dev/null
rm -f "$2"
"""


class FreezableDisk:
    """An ext4 file system at ``folder``, which is made, in a file beside it; root alone can have one."""

    def __init__(self, folder: Path, mebibytes: int = 512) -> None:
        self.folder = folder
        self.frozen_at = 0.0
        """When it stood still for the last time, in seconds since 1970."""
        image = folder.with_suffix(".img")
        folder.mkdir(parents=True)
        with image.open("wb") as file:
            file.truncate(mebibytes * 1024 * 1024)
        _do("mkfs.ext4", "-q", "-m", "0", str(image))
        _do("mount", "-o", "loop", str(image), str(folder))
        self._guard = subprocess.Popen(
            ["bash", "-c", _GUARD, "guard", str(folder), str(image), str(LONGEST_SECONDS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def freeze(self) -> None:
        """Let it stand still."""
        self._tell()
        _do("fsfreeze", "-f", str(self.folder))
        self.frozen_at = time.time()

    def thaw(self) -> None:
        """Let it go on; harmless when it does."""
        subprocess.run(["fsfreeze", "-u", str(self.folder)], check=False, capture_output=True)
        self._tell()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """It stands still until the block ends."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    def _tell(self) -> None:
        """The guard's time begins anew."""
        assert self._guard.stdin
        self._guard.stdin.write(b"\n")
        self._guard.stdin.flush()

    def close(self) -> None:
        """Thaw and unmount it, whoever still has files there."""
        assert self._guard.stdin
        self._guard.stdin.close()
        self._guard.wait(30)


def _do(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.fail(f"{command[0]} is not installed: apt install util-linux e2fsprogs")
    if done.returncode:
        pytest.fail(
            f"no disk that can be let stand still: `{' '.join(command)}` says {done.stderr.strip()!r}; "
            "run these tests as root, on a machine with loop devices"
        )
