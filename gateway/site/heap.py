"""What a start makes stays: no garbage is looked for in it."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def uncollected() -> Iterator[None]:
    """While the block loads modules and files, which make hundreds of thousands of objects and hardly any garbage.

    To look through all of them again and again, as Python does while they become more, takes a sixth of a start. Nor
    are they looked through afterwards.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def keep() -> None:
    """What there is now stays: never look through it again.

    That is 140,000 objects of a gateway's start, which would hold up its loop for a tenth of a second in each full
    collection. What belongs to a call is collected as ever, and leans on none of it.
    """
    gc.collect()
    gc.freeze()
