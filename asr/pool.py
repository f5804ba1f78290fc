"""Recognisers of free speech that have served and wait for the next phrase."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from asr.engine import Recognizer


class Pool:
    """Recognisers of one sample rate, MOST of which are kept.

    What they have learnt of the graph makes them twice as fast as new ones: so recordings have others than who speaks
    live.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._free: list[Recognizer] = []
        self._all: WeakSet[Recognizer] = (
            WeakSet()
        )  # those in use among them; one that is dropped is none any more
        self._lock = threading.Lock()

    @property
    def lacks(self) -> bool:
        """Whether there are fewer than are kept, free or in use."""
        with self._lock:
            return len(self._all) < self.most

    def get(self) -> Recognizer | None:
        """The one that was given back last; None: all are in use."""
        with self._lock:
            return self._free.pop() if self._free else None

    def adopt(self, recognizer: Recognizer) -> None:
        """It was made for this pool, and is in use."""
        with self._lock:
            self._all.add(recognizer)

    def put(self, recognizer: Recognizer) -> None:
        """It is in use no longer."""
        with self._lock:
            if recognizer.is_worn or len(self._all) > self.most:
                self._all.discard(recognizer)
            else:
                self._free.append(recognizer)

    def close(self) -> None:
        """Keep none any more."""
        with self._lock:
            self.most = 0
            self._free.clear()
