"""Titles are searched by the same terms as words. Indexes: calls of a state by their time; the calls of a number."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"

_AT_ONCE = 1000


def upgrade() -> None:
    op.create_index("ix_worklist_state_call_id", "worklist", ["state", "call_id"])
    op.drop_index("ix_calls_caller", "calls")
    op.create_index("ix_calls_caller", "calls", ["caller", "call_id"])
    op.add_column("search_texts", sa.Column("title", sa.Text, nullable=False, server_default=""))
    _index_titles()


def _index_titles() -> None:
    """As ``recordings.search.index`` does. Of most calls the title's words were said, and stand there already."""
    listed = sa.text(
        "SELECT worklist.call_id, worklist.title, search_texts.text FROM worklist "
        "JOIN search_texts ON search_texts.call_id = worklist.call_id "
        "WHERE worklist.title <> '' AND worklist.call_id > :last ORDER BY worklist.call_id LIMIT :some"
    )
    enter = sa.text("UPDATE search_texts SET title = :title WHERE call_id = :call_id")
    add = sa.text("INSERT INTO search_terms (term, call_id) VALUES (:term, :call_id) ON CONFLICT DO NOTHING")
    connection, last = op.get_bind(), ""
    while rows := connection.execute(listed, {"last": last, "some": _AT_ONCE}).all():
        titles = [{"call_id": row.call_id, "title": "\n".join(_split(row.title))} for row in rows]
        connection.execute(enter, titles)
        new = {
            (term, row.call_id)
            for row, entered in zip(rows, titles, strict=True)
            for term in _list_terms(entered["title"]) - _list_terms(row.text)
        }
        if new:
            connection.execute(add, [{"term": term, "call_id": call_id} for term, call_id in sorted(new)])
        last = rows[-1].call_id


def _split(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c if c.isalnum() else " " for c in plain).split()


def _list_terms(text: str) -> set[str]:
    return {run[i : i + 2] for run in text.split("\n") for i in range(len(run))}
