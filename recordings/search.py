"""Full-text search that finds Chinese words of any length, the same on SQLite and PostgreSQL.

Neither database cuts Chinese into words, so the index does not either: its terms are all pairs of neighbouring
characters (overlapping bigrams), and the last character of each run alone, so that a single character is found as
the beginning of a term. A search takes the candidates of its rarest pair, and looks into their text for the rest.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from recordings.database import insert
from recordings.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

_LAST: Final = "\U0010ffff"  # sorts behind every character
_COUNTED: Final = 2000  # a term of more calls than this is simply common
_ROWS_AT_ONCE: Final = 5000

search_texts = sa.Table(
    "search_texts",
    metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id"), primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
)

search_terms = sa.Table(
    "search_terms",
    metadata,
    sa.Column("term", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), primary_key=True),
    sa.Column("call_id", sa.Text, primary_key=True),
    sqlite_with_rowid=False,
)


def split(text: str) -> list[str]:
    """The runs of letters, digits and Han characters in ``text``, in one width and case."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c if c.isalnum() else " " for c in plain).split()


def list_terms(runs: Iterable[str]) -> set[str]:
    """The index terms of these runs: each of one or two characters."""
    return {run[i : i + 2] for run in runs for i in range(len(run))}


async def index(connection: AsyncConnection, texts: Mapping[str, str]) -> None:
    """Make the calls' texts (by call id) what is searched; call it in the transaction that stores them.

    A text that is indexed already costs one look; of a changed one only the difference is written.
    """
    if not texts:
        return
    query = sa.select(search_texts.c.call_id, search_texts.c.text).where(search_texts.c.call_id.in_(texts))
    known: dict[str, str] = {row.call_id: row.text for row in await connection.execute(query)}
    wanted = {call_id: "\n".join(split(text)) for call_id, text in texts.items()}
    changed = {call_id: text for call_id, text in wanted.items() if known.get(call_id) != text}
    if not changed:
        return
    before = {(t, c) for c in changed for t in list_terms(known.get(c, "").split("\n"))}
    after = {(t, c) for c, text in changed.items() for t in list_terms(text.split("\n"))}
    statement = insert(connection, search_texts)
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["call_id"], set_={"text": statement.excluded.text}),
        [{"call_id": call_id, "text": text} for call_id, text in sorted(changed.items())],
    )
    for term, call_id in sorted(before - after):
        await connection.execute(
            sa.delete(search_terms).where(search_terms.c.term == term, search_terms.c.call_id == call_id)
        )
    # In the index's order, so that neighbours are written together.
    rows = [{"term": term, "call_id": call_id} for term, call_id in sorted(after - before)]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        await connection.execute(
            insert(connection, search_terms).on_conflict_do_nothing(), rows[start : start + _ROWS_AT_ONCE]
        )


async def match(connection: AsyncConnection, runs: list[str]) -> sa.ColumnElement[bool]:
    """A condition on ``search_texts`` that holds for the calls in whose text every one of ``runs`` stands.

    ``runs`` as ``split`` gives them, at least one. The calls' own table is to be joined by its call id.
    """
    pairs = sorted({run[i : i + 2] for run in runs for i in range(max(1, len(run) - 1))})
    counts = (await connection.execute(sa.select(*map(_count, pairs)))).one()
    rarest = min(zip(counts, pairs, strict=True))[1]
    candidates = sa.select(search_terms.c.call_id).where(_is_term(rarest))
    return sa.and_(
        search_texts.c.call_id.in_(candidates),
        *(search_texts.c.text.contains(run) for run in runs if run != rarest),
    )


def _count(pair: str) -> sa.ScalarSelect[int]:
    """In how many calls the pair stands, as far as it is worth counting."""
    some = sa.select(sa.literal(1)).select_from(search_terms).where(_is_term(pair)).limit(_COUNTED)
    return sa.select(sa.func.count()).select_from(some.subquery()).scalar_subquery()


def _is_term(pair: str) -> sa.ColumnElement[bool]:
    if len(pair) > 1:
        return search_terms.c.term == pair
    return sa.and_(search_terms.c.term >= pair, search_terms.c.term <= pair + _LAST)
