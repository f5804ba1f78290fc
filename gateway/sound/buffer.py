"""Sound between two clocks: the event loop's and the sound card's."""

from __future__ import annotations

import threading


class Buffer:
    """Bytes in the order in which they came, any thread. What comes too fast loses its oldest.

    ``ahead`` bytes are gathered before any is given, and again whenever there was too little; ``room`` is the most
    that is held, ``unit`` how many belong together (a sample, times channels).
    """

    def __init__(self, *, ahead: int, room: int, unit: int = 2) -> None:
        self.ahead, self._room, self._unit = ahead - ahead % unit, room - room % unit, unit
        self._held = bytearray()
        self._flows = False
        self._lock = threading.Lock()
        self.lost = 0
        """Bytes that there was no room for."""

    def put(self, pcm: bytes) -> None:
        """Add what has come."""
        with self._lock:
            self._held += pcm
            if len(self._held) > self._room:
                over = len(self._held) - self.ahead
                over -= over % self._unit
                del self._held[:over]
                self.lost += over

    def take(self) -> bytes:
        """All that is held."""
        with self._lock:
            pcm = bytes(self._held)
            self._held.clear()
        return pcm

    def give(self, size: int) -> bytes:
        """So many bytes: what is held, and silence behind it."""
        with self._lock:
            if not self._flows and len(self._held) < max(self.ahead, size):
                return bytes(size)
            pcm = bytes(self._held[:size])
            del self._held[:size]
            self._flows = len(pcm) == size
        return pcm + bytes(size - len(pcm))

    def __len__(self) -> int:
        """How many are held."""
        with self._lock:
            return len(self._held)
