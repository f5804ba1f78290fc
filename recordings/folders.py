"""Where calls lie under the data directory: running ones in ``spool``, others in ``calls/YYYY/MM/DD``."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from recordings import journal
from recordings.syncing import sync_file, sync_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

AUDIO = "audio.wav"
LATE = "late.json"
SECOND = "second.json"

_RETRY_S = 0.02
_CALL_ID = re.compile(r"\d{8}T\d{6}-[0-9a-f]{8}")


def is_call_id(text: str) -> bool:
    """Whether this is the name of a call, and so of a folder that may be looked for."""
    return bool(_CALL_ID.fullmatch(text))


def spool(data: Path) -> Path:
    """Where the folders of running calls lie."""
    return data / "spool"


def archived(call_id: str) -> PurePosixPath:
    """A finished call's folder, relative to the data directory: by the UTC date the call id begins with."""
    return PurePosixPath("calls", call_id[:4], call_id[4:6], call_id[6:8], call_id)


def locate(data: Path, call_id: str) -> Path | None:
    """The call's folder, wherever it lies now; None when it is nowhere."""
    # The spool first: a folder moves from there to the archive, never back, and may do so between the two looks.
    for folder in (spool(data) / call_id, data / archived(call_id)):
        if folder.is_dir():
            return folder
    return None


def archive(folder: Path, data: Path) -> Path:
    """Move a filed call out of the spool, durably; returns its new folder. Harmless a second time.

    Recording and journal are on the disk before. Waits for that, and for whoever is `alone` with the folder.
    Raises OSError when neither the folder nor its archived form exists, or the disk refuses.
    """
    target = data / archived(folder.name)
    if folder == target:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _opened(folder) as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            for name in (AUDIO, journal.NAME):
                with suppress(FileNotFoundError):
                    sync_file(folder / name)
            folder.rename(target)
    except FileNotFoundError:
        if not target.is_dir():
            raise
    for parent in (target.parent, *target.relative_to(data).parent.parents):
        sync_folder(data / parent)
    sync_folder(folder.parent)
    return target


def orphans(data: Path) -> list[Path]:
    """Folders in the spool that no living process works on, oldest first; those among them that cannot be read."""
    found = [folder for folder in spool(data).glob("*/") if is_call_id(folder.name)]
    return [folder for folder in sorted(found) if not _is_live(folder)]


def _is_live(folder: Path) -> bool:
    try:
        return journal.is_live(folder)
    except OSError:  # whoever takes the folder up meets the same, and says so of this call alone
        return False


@asynccontextmanager
async def alone(folder: Path) -> AsyncIterator[None]:
    """Keep others who ask for the same, in this process or another, out of a call's folder; it stays in place.

    Death lets go of it. Raises FileNotFoundError when the folder is not, or no longer, there.
    """
    with _opened(folder) as descriptor:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:  # waiting in a thread could take the very threads the other one needs
                await asyncio.sleep(_RETRY_S)
        there = os.stat(folder)  # noqa: PTH116 - answered from memory; a thread would cost more
        if not os.path.samestat(there, os.fstat(descriptor)):
            raise FileNotFoundError(f"{folder}: moved away just now")
        yield


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
