"""The start-up sweep: every call a crash orphaned is finished, so that nobody was heard in vain."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from recordings.entries import Answered, Finished, HungUp, Interrupted
from recordings.folders import AUDIO, orphans
from recordings.journal import Journal, read
from recordings.threads import Threads
from recordings.wav import NotARecordingError, repair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

_sweeping = Threads("sweep", 1)


async def take_up(data: Path, file: Callable[[Path], None]) -> None:
    """Sweep beside the calls that come meanwhile: ``file`` gets each folder as it is ready. Never fails."""
    found = sweep(data)
    try:
        while (folder := await _sweeping.run(next, found, None)) is not None:
            file(folder)
    except OSError as error:
        log.error("the spool cannot be read, calls in it wait for the next start: %s", error)  # noqa: TRY400


def sweep(data: Path) -> Iterator[Path]:
    """Close the journals of calls whose gateway died; yields each folder, ready to be filed.

    The recording's header is repaired from its length; the journal gets ``interrupted`` (unless the call was never
    answered) and ``finished``. A power failure may leave a recording without a readable journal: that was a call, and
    is closed as an interrupted one. Folders of a gateway that lives are left alone. One that cannot be worked on stays
    where it is, and the log says why. Repeatable.
    """
    for folder in orphans(data):
        try:
            _close(folder)
        except OSError as error:  # JournalError among them
            log.error("orphaned call not taken up: %s", error, extra={"call_id": folder.name})  # noqa: TRY400
        except (
            Exception
        ):  # boundary, call task: one call's trouble must not keep the others from being finished
            log.exception("orphaned call not taken up", extra={"call_id": folder.name})
        else:
            yield folder


def _close(folder: Path) -> None:
    kinds = {type(written.entry) for written in read(folder).entries}
    seconds = _repair(folder)
    if not kinds and not seconds:
        raise FileNotFoundError(
            f"{folder}: neither journal nor recording; look into the folder, and move it away when it holds no call"
        )
    if Finished in kinds:
        return
    journal = Journal.reopen(folder)
    try:
        # Recording begins with the answer; a call that was hung up before has a breath of it at most.
        if Answered in kinds or (seconds and HungUp not in kinds):
            journal.append(Interrupted("the gateway stopped during the call"))
        journal.append(Finished())
    finally:
        journal.close()
    log.warning("orphaned call taken up", extra={"call_id": folder.name, "journal": bool(kinds)})


def _repair(folder: Path) -> float:
    """Make the recording playable; its length in seconds, 0 without one."""
    try:
        return repair(folder / AUDIO)
    except (NotARecordingError, FileNotFoundError) as error:
        log.warning("orphaned call without a recording: %s", error, extra={"call_id": folder.name})
        return 0.0
