"""What a client of speech servers has to expect of them."""

from __future__ import annotations


class AsrUnavailable(Exception):  # noqa: N818 - a state of the world, not a mistake
    """The speech server cannot be reached, went away, or talks nonsense; the message says which."""


class AsrBusy(AsrUnavailable):
    """The speech server is there, and has too much to do; the message says how much."""
