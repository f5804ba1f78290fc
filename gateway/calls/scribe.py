"""What is written of a call: its journal, before each effect, and the same for who follows it live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recordings.entries import Partial, withhold
from tickets.entries import note_utterance

if TYPE_CHECKING:
    from pathlib import Path

    from asr.transcript import Utterance
    from gateway.calls.live import Board
    from recordings.entries import Entry
    from recordings.journals import JournalWriter


class Scribe:
    """Writes one call down; of an anonymous line's call only how the dialogue went."""

    def __init__(self, journal: JournalWriter, board: Board, *, anonymous: bool) -> None:
        self._journal, self._board = journal, board
        self.anonymous = anonymous

    @property
    def call_id(self) -> str:
        """The call's identifier, the name of its folder."""
        return self._journal.folder.name

    @property
    def folder(self) -> Path:
        """The call's folder."""
        return self._journal.folder

    def note(self, entry: Entry) -> None:
        """Have one entry written after all before it; never waits. Raises JournalError."""
        kept = withhold(entry) if self.anonymous else entry
        self._journal.append(kept)
        self._board.publish(self.call_id, kept)

    def take_down(self, utterance: Utterance, question: str) -> None:
        """Have written what the caller has said to ``question``; raises JournalError."""
        self.note(note_utterance(utterance, question))

    def show(self, text: str) -> None:
        """Show the words so far of a phrase to who follows live; nothing is kept."""
        if not self.anonymous:
            self._board.publish(self.call_id, Partial(text))

    async def settle(self) -> None:
        """Wait until what was noted is written, but for no disk that stands still; raises JournalError."""
        await self._journal.settle()

    async def caught_up(self) -> None:
        """Wait until what was noted is written, or the disk has refused it, however long it stands still."""
        await self._journal.caught_up()

    async def sync(self) -> None:
        """Make what was noted survive a power failure, however long that takes; raises JournalError."""
        await self._journal.sync()
