"""Errors in one line, for whoever has to do something about them."""

from __future__ import annotations


def tell(error: Exception) -> str:
    """One line for an error; of a database's only its own words, which may quote what it was asked to write."""
    told = str(getattr(error, "orig", None) or error)  # as SQLAlchemy's DBAPIError keeps the driver's
    return told.partition("\n")[0] or type(error).__name__
