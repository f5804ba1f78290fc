"""What calls that we place are for, and what comes of one: the words of the table `recordings.callouts`.

They stand apart from it for whoever asks no database.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a call is for."""

    FOLLOW_UP = "回访"
    CARE = "关爱"
    MISSED = "未接回电"


class Result(StrEnum):
    """What came of an attempt; one without is unknown: it goes on, or its gateway has died."""

    DONE = "已完成"
    CUT = "未答完"
    WRONG = "非本人"
    NOBODY = "无人应答"
    BUSY = "占线"
    NO_ANSWER = "无人接听"
    FAILED = "呼叫失败"


FINAL: Final = frozenset({Result.DONE, Result.CUT, Result.WRONG})
"""Results after which a number is not called again: somebody has said who he is."""
