"""What survives a power failure."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power failure."""
    _sync(folder, os.O_DIRECTORY)


def sync_file(file: Path) -> None:
    """Make what is in a file, whoever wrote it, survive a power failure."""
    _sync(file, 0)


def _sync(path: Path, kind: int) -> None:
    descriptor = os.open(path, os.O_RDONLY | kind)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
