"""Root folders of Debian, made by debootstrap once and kept under ${HOTLINE_CACHE:-~/.cache/minsheng-hotline}."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
OPTIONS = ("--variant=minbase", f"--keyring={KEYRING}")


def find_archive() -> str:
    """Where this machine takes its Debian packages, of every suite."""
    command = ["apt-get", "indextargets", "--format", "$(SITE)", "Origin: Debian", "Codename: bookworm"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert found, "apt knows no Debian archive of bookworm: run apt-get update"
    return found[0]


def make_root(kind: str, suite: str, packages: Sequence[str]) -> Path:
    """A folder ``kind`` of the cache with ``suite`` and ``packages``, by the content of what it is made of."""
    home = Path(os.environ.get("HOTLINE_CACHE") or Path.home() / ".cache" / "minsheng-hotline") / kind
    included = ",".join(packages)
    key = hashlib.sha256(" ".join([suite, *OPTIONS, included]).encode()).hexdigest()[:16]
    root = home / key
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of tests side by side, one makes it
        if not root.is_dir():
            draft = home / f"{key}.draft"
            if draft.is_dir():  # of who was killed while making it
                _remove(draft)
            draft.mkdir()
            command = ["debootstrap", *OPTIONS, f"--include={included}", suite, str(draft), find_archive()]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                _remove(draft)
                raise AssertionError(f"debootstrap: {done.stdout[-2000:]}{done.stderr[-2000:]}")
            draft.rename(root)
    return root


def unpack(package: str) -> Path:
    """A folder of the cache with the files of this package of the machine's own suite, which is not installed."""
    home = Path(os.environ.get("HOTLINE_CACHE") or Path.home() / ".cache" / "minsheng-hotline") / "packages"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / package).is_dir():
            with tempfile.TemporaryDirectory(dir=home) as scratch:
                done = subprocess.run(
                    ["apt-get", "download", package], cwd=scratch, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, f"apt-get download {package}: {done.stderr}"
                (archive,) = Path(scratch).glob("*.deb")
                subprocess.run(["dpkg-deb", "-x", archive, Path(scratch) / "files"], check=True)
                (Path(scratch) / "files").rename(home / package)
    return home / package


def _remove(draft: Path) -> None:
    """Take away a folder that was not finished, and first what debootstrap has mounted there (proc, sys)."""
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for place in sorted((m for m in mounted if Path(m).is_relative_to(draft)), reverse=True):
        subprocess.run(["umount", place], check=True, capture_output=True)
    shutil.rmtree(draft)
