"""What the reference intake has accepted, in an SQLite file of its own. Accepted means committed to disk."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCEPTED: Final = "受理"

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS tickets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    number TEXT NOT NULL UNIQUE,
    intake_number TEXT NOT NULL,
    status TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS revisions (
    number TEXT NOT NULL REFERENCES tickets (number),
    revision INTEGER NOT NULL,
    idempotency_key TEXT NOT NULL UNIQUE,
    body_sha256 TEXT NOT NULL,
    document TEXT NOT NULL,
    call_id TEXT NOT NULL,
    sip_call_id TEXT NOT NULL,
    accepted_at TEXT NOT NULL,
    answer_status INTEGER NOT NULL,
    PRIMARY KEY (number, revision)
) STRICT;
CREATE INDEX IF NOT EXISTS revisions_call_id ON revisions (call_id);
CREATE INDEX IF NOT EXISTS revisions_sip_call_id ON revisions (sip_call_id);
CREATE TABLE IF NOT EXISTS alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    idempotency_key TEXT NOT NULL UNIQUE,
    alert_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    intake_number TEXT NOT NULL,
    kind TEXT NOT NULL,
    call_id TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    document TEXT NOT NULL,
    accepted_at TEXT NOT NULL,
    UNIQUE (alert_id, revision)
) STRICT;
CREATE INDEX IF NOT EXISTS alerts_call_id ON alerts (call_id);
"""

_WITHOUT_REVISIONS: Final = """
BEGIN;
DROP INDEX alerts_call_id;
ALTER TABLE alerts RENAME TO alerts_before;
{tables}
INSERT INTO alerts SELECT id, idempotency_key, alert_id, 1, intake_number, kind, call_id, body_sha256, document,
    accepted_at FROM alerts_before;
DROP TABLE alerts_before;
COMMIT;
"""
"""Makes the table of alerts anew in a file of before they had revisions."""


class Conflict(ValueError):  # noqa: N818 - the name says the error
    """The idempotency key, or the revision, is taken by another document."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one accepted revision of a ticket or an alert; ``status`` is 201 for the first, 200 for others.

    ``accepted_at`` is ISO 8601 in UTC with microseconds; ``replayed``: it was accepted before, this is the
    same answer again.
    """

    status: int
    number: str
    state: str
    accepted_at: str
    replayed: bool


class Store:
    """The intake's file, made when missing. For one thread, or several taking turns; ``close`` it."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        columns = {row["name"] for row in self._connection.execute("PRAGMA table_info(alerts)")}
        old = columns and "revision" not in columns
        self._connection.executescript(_WITHOUT_REVISIONS.format(tables=_TABLES) if old else _TABLES)

    def accept(self, key: str, body: bytes, ticket: dict[str, Any]) -> Answer:
        """Keep one revision, or find that it is kept already.

        Raises Conflict, or sqlite3.Error when it cannot be written.
        """
        digest = hashlib.sha256(body).hexdigest()
        with self._transaction():
            return self._find(key, digest) or self._insert(key, digest, body, ticket)

    def accept_alert(self, key: str, body: bytes, alert: dict[str, Any]) -> Answer:
        """Keep one revision of an alert, or find that it is kept already.

        Raises Conflict, or sqlite3.Error when it cannot be written.
        """
        digest = hashlib.sha256(body).hexdigest()
        with self._transaction():
            return self._find_alert(key, digest) or self._insert_alert(key, digest, body, alert)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _find_alert(self, key: str, digest: str) -> Answer | None:
        row = self._connection.execute("SELECT * FROM alerts WHERE idempotency_key = ?", (key,)).fetchone()
        if row is None:
            return None
        if row["body_sha256"] != digest:
            raise Conflict("this Idempotency-Key was used before with another body")
        first = self._connection.execute(
            "SELECT min(id) FROM alerts WHERE alert_id = ?", (row["alert_id"],)
        ).fetchone()[0]
        status = 201 if row["id"] == first else 200
        return Answer(status, row["intake_number"], ACCEPTED, row["accepted_at"], replayed=True)

    def _insert_alert(self, key: str, digest: str, body: bytes, alert: dict[str, Any]) -> Answer:
        now = datetime.now(UTC)
        known = self._connection.execute(
            "SELECT intake_number FROM alerts WHERE alert_id = ?", (alert["id"],)
        ).fetchone()
        if known:
            status, number = 200, known["intake_number"]
        else:
            count = self._connection.execute("SELECT coalesce(max(id), 0) + 1 FROM alerts").fetchone()[0]
            status, number = 201, f"YJ{now:%Y%m%d}{count:06d}"
        accepted_at = now.isoformat(timespec="microseconds")
        values = (
            key,
            alert["id"],
            alert.get("revision", 1),
            number,
            alert["kind"],
            alert.get("call_id", ""),
            digest,
            body.decode(),
            accepted_at,
        )
        try:
            self._connection.execute(
                "INSERT INTO alerts (idempotency_key, alert_id, revision, intake_number, kind, call_id, body_sha256,"
                " document, accepted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
        except sqlite3.IntegrityError as error:
            raise Conflict("this alert came before under another key") from error
        return Answer(status, number, ACCEPTED, accepted_at, replayed=False)

    def _find(self, key: str, digest: str) -> Answer | None:
        row = self._connection.execute(
            "SELECT * FROM revisions JOIN tickets USING (number) WHERE idempotency_key = ?", (key,)
        ).fetchone()
        if row is None:
            return None
        if row["body_sha256"] != digest:
            raise Conflict("this Idempotency-Key was used before with another body")
        return Answer(row["answer_status"], row["intake_number"], ACCEPTED, row["accepted_at"], replayed=True)

    def _insert(self, key: str, digest: str, body: bytes, ticket: dict[str, Any]) -> Answer:
        number, revision = ticket["number"], ticket["revision"]
        now = datetime.now(UTC)
        known = self._connection.execute(
            "SELECT intake_number FROM tickets WHERE number = ?", (number,)
        ).fetchone()
        if known:
            status, intake_number = 200, known["intake_number"]
        else:
            status = 201
            count = self._connection.execute("SELECT coalesce(max(id), 0) + 1 FROM tickets").fetchone()[0]
            intake_number = f"FY{now:%Y%m%d}{count:06d}"
            self._connection.execute(
                "INSERT INTO tickets (number, intake_number, status) VALUES (?, ?, ?)",
                (number, intake_number, ACCEPTED),
            )
        accepted_at = now.isoformat(timespec="microseconds")
        try:
            self._connection.execute(
                "INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    number,
                    revision,
                    key,
                    digest,
                    body.decode(),
                    ticket["call"]["call_id"],
                    ticket["call"]["sip_call_id"],
                    accepted_at,
                    status,
                ),
            )
        except sqlite3.IntegrityError as error:
            raise Conflict(f"revision {revision} of this ticket came before under another key") from error
        return Answer(status, intake_number, ACCEPTED, accepted_at, replayed=False)

    def list_tickets(
        self, *, number: str = "", call_id: str = "", sip_call_id: str = "", limit: int
    ) -> list[dict[str, Any]]:
        """The newest ``limit`` tickets that match every filter given ("" is no filter), newest first.

        Each is ``{number, intake_number, status, revisions}``, and each revision, ascending,
        ``{revision, idempotency_key, accepted_at, ticket}``.
        """
        rows = self._connection.execute(
            """
            SELECT * FROM (
                SELECT * FROM tickets
                WHERE (:number = '' OR number = :number)
                AND (:call_id = '' OR number IN (SELECT number FROM revisions WHERE call_id = :call_id))
                AND (:sip = '' OR number IN (SELECT number FROM revisions WHERE sip_call_id = :sip))
                ORDER BY id DESC LIMIT :limit
            ) JOIN revisions USING (number) ORDER BY id DESC, revision
            """,
            {"number": number, "call_id": call_id, "sip": sip_call_id, "limit": limit},
        )
        found: dict[str, dict[str, Any]] = {}
        for row in rows:
            ticket = found.setdefault(
                row["number"],
                {
                    "number": row["number"],
                    "intake_number": row["intake_number"],
                    "status": row["status"],
                    "revisions": [],
                },
            )
            ticket["revisions"].append(
                {
                    "revision": row["revision"],
                    "idempotency_key": row["idempotency_key"],
                    "accepted_at": row["accepted_at"],
                    "ticket": json.loads(row["document"]),
                }
            )
        return list(found.values())

    def list_alerts(self, *, kind: str = "", call_id: str = "", limit: int) -> list[dict[str, Any]]:
        """The newest ``limit`` alerts that match every filter given ("" is no filter), newest first.

        Each by its latest revision, ``{intake_number, status, idempotency_key, accepted_at, alert}``.
        """
        rows = self._connection.execute(
            "SELECT * FROM alerts WHERE (:kind = '' OR kind = :kind) AND (:call_id = '' OR call_id = :call_id)"
            " AND NOT EXISTS (SELECT 1 FROM alerts AS later"
            " WHERE later.alert_id = alerts.alert_id AND later.revision > alerts.revision)"
            " ORDER BY id DESC LIMIT :limit",
            {"kind": kind, "call_id": call_id, "limit": limit},
        )
        return [
            {
                "intake_number": row["intake_number"],
                "status": ACCEPTED,
                "idempotency_key": row["idempotency_key"],
                "accepted_at": row["accepted_at"],
                "alert": json.loads(row["document"]),
            }
            for row in rows
        ]

    def count(self) -> int:
        """How many tickets there are."""
        return int(self._connection.execute("SELECT count(*) FROM tickets").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
