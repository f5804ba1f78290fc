"""What agents decided about categories, as examples to train a classifier with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlalchemy as sa

from recordings.schema import reviews
from tickets.categories.rules import join
from tickets.categories.samples import Sample
from tickets.numerals import DIGIT, LINK
from tickets.review import Sheet

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_PARTED = rf"(?:[\s,,、.—-]|{LINK})*"
_NUMBERS = re.compile(
    rf"[0-9xX]{{5,}}|[〇零一二两三四五六七八九十幺]{{6,}}|{DIGIT}(?:{_PARTED}(?:{DIGIT}|[腰妖])){{6,}}"
)
"""Telephone, identity and account numbers, as digits or as they are spoken, also part by part."""


async def read_corrections(connection: AsyncConnection) -> list[Sample]:
    """The content of each accepted ticket that an agent gave a category, with that category, the oldest first.

    What is to be kept confidential is left out, and so is a text that was filed under two categories; numbers that
    belong to a person are written as 0.
    """
    last = sa.select(reviews.c.number, sa.func.max(reviews.c.review).label("review")).group_by(
        reviews.c.number
    )
    latest = last.subquery()
    query = (
        sa.select(reviews.c.document)
        .join(latest, (reviews.c.number == latest.c.number) & (reviews.c.review == latest.c.review))
        .where(reviews.c.decision == "accepted")
        .order_by(reviews.c.created_at, reviews.c.number)
    )
    labels: dict[str, set[str]] = {}
    for (document,) in await connection.execute(query):
        fields = Sheet.model_validate_json(document).fields
        label = join((fields.category_1, fields.category_2, fields.category_3))
        if label and not fields.confidential:
            labels.setdefault(forget_numbers(fields.content), set()).add(label)
    return [Sample(text, next(iter(each))) for text, each in labels.items() if len(each) == 1]


def forget_numbers(text: str) -> str:
    """The text with a 0 for each number that may belong to a person."""
    return _NUMBERS.sub("0", text)
