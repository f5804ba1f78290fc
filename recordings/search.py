"""Full-text search that finds Chinese words of any length, the same on SQLite and PostgreSQL.

Neither database cuts Chinese into words, so the index does not either: its terms are all pairs of neighbouring
characters (overlapping bigrams), and the last character of each run alone, so that a single character is found as
the beginning of a term. A search takes the candidates of its rarest pair, and looks into their text for the rest; where
even that one is common, it goes through the list and looks into each call.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from recordings.database import insert, upsert
from recordings.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

Words = Callable[[sa.ColumnElement[str]], sa.ColumnElement[bool]]
"""Makes a condition on the ids of calls, of whichever table."""

_LAST: Final = "\U0010ffff"  # sorts behind every character
_COUNTED: Final = 2000  # a term of more calls than this is simply common
_ROWS_AT_ONCE: Final = 5000

search_texts = sa.Table(
    "search_texts",
    metadata,
    sa.Column("call_id", sa.Text, sa.ForeignKey("calls.call_id"), primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False, server_default=""),  # of its tickets
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


async def index(
    connection: AsyncConnection, texts: Mapping[str, str], titles: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Make the calls' texts and titles (by call id) what is searched; call it in the transaction that stores them.

    A call that is in ``texts`` alone has no title. What is indexed already costs one look; of what changed only the
    difference is written.
    """
    if not texts:
        return
    query = sa.select(search_texts).where(search_texts.c.call_id.in_(texts))
    known = {row.call_id: (row.text, row.title) for row in await connection.execute(query)}
    wanted = {call_id: (_join(text), _join(titles.get(call_id, ""))) for call_id, text in texts.items()}
    changed = {call_id: told for call_id, told in wanted.items() if known.get(call_id) != told}
    if not changed:
        return
    before = {(t, c) for c in changed for t in _list_terms_of(known.get(c, ()))}
    after = {(t, c) for c, told in changed.items() for t in _list_terms_of(told)}
    await upsert(
        connection,
        search_texts,
        ["call_id"],
        [
            {"call_id": call_id, "text": text, "title": title}
            for call_id, (text, title) in sorted(changed.items())
        ],
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


def _join(text: str) -> str:
    return "\n".join(split(text))


def _list_terms_of(told: Iterable[str]) -> set[str]:
    return list_terms(run for text in told for run in text.split("\n"))


async def match(
    connection: AsyncConnection, runs: Sequence[str], besides: Sequence[sa.Select[tuple[str]]] = ()
) -> Words:
    """A maker of conditions on a call's id: each of ``runs`` stands in text or title, or one of ``besides`` has it.

    ``runs`` as ``split`` gives them, at least one.
    """
    pairs = sorted({run[i : i + 2] for run in runs for i in range(max(1, len(run) - 1))})
    counts = (await connection.execute(sa.select(*map(_count, pairs)))).one()
    count, rarest = min(zip(counts, pairs, strict=True))
    stands = [_stands(run) for run in runs if run != rarest]  # the terms tell of that one
    if count < _COUNTED or besides:
        said = sa.select(search_terms.c.call_id).where(_is_term(rarest))
        if stands:
            # A subquery of one value: PostgreSQL would look through all texts, rather than up those of the few.
            own = sa.select(sa.and_(*stands)).where(search_texts.c.call_id == search_terms.c.call_id)
            said = said.where(own.scalar_subquery())
        found = sa.union(said, *besides) if besides else said
        return lambda call_id: call_id.in_(found)
    # Of what stands in many calls the first ones are met with soon, in whatever order they are listed.
    if len(rarest) == 1:  # the beginning of many terms: quicker to be seen in a text
        return lambda call_id: sa.exists().where(search_texts.c.call_id == call_id, *map(_stands, runs))
    has_term = search_terms.c.term == rarest
    if not stands:
        return lambda call_id: sa.exists().where(has_term, search_terms.c.call_id == call_id)
    return lambda call_id: sa.and_(
        sa.exists().where(has_term, search_terms.c.call_id == call_id),
        sa.exists().where(search_texts.c.call_id == call_id, *stands),
    )


def _stands(run: str) -> sa.ColumnElement[bool]:
    return sa.or_(search_texts.c.text.contains(run), search_texts.c.title.contains(run))


def _count(pair: str) -> sa.ScalarSelect[int]:
    """In how many calls the pair stands, as far as it is worth counting."""
    some = sa.select(sa.literal(1)).select_from(search_terms).where(_is_term(pair)).limit(_COUNTED)
    return sa.select(sa.func.count()).select_from(some.subquery()).scalar_subquery()


def _is_term(pair: str) -> sa.ColumnElement[bool]:
    if len(pair) > 1:
        return search_terms.c.term == pair
    return sa.and_(search_terms.c.term >= pair, search_terms.c.term <= pair + _LAST)
