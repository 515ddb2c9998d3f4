"""The record: append-only, each entry holding the hash of the one before it.

An entry is written in the transaction of the change it tells of, so there is never one without
the other. The notifier and other followers read the same table with a durable cursor: the record
is also the outbox.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, insert, select

from workflows import canonical
from workflows.prepared import Prepared
from workflows.tables import audit_entry, cursor

GENESIS = "0" * 64
"""The previous hash of the first entry."""

SYSTEM = "system"
"""Actor of what no person did."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the record.

    Attributes:
        seq: 1, 2, 3 … without gaps.
        actor: Person's id, or ``system``.
        kind: What happened, such as ``order.requested``.
        subject: What it happened to: an order's id, an account's, a person's.
        facts: JSON object; no secret and no code ever enters it.
    """

    seq: int
    at: datetime
    actor: str
    kind: str
    subject: str
    facts: Mapping[str, Any]
    hash: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found: the first broken entry, if any, and why."""

    entries: int
    head: str
    broken_at: int | None = None
    problem: str | None = None

    @property
    def is_intact(self) -> bool:
        """Whether every entry is what it was when it was written."""
        return self.broken_at is None


_HEAD = Prepared(
    select(audit_entry.c.seq, audit_entry.c.hash).order_by(audit_entry.c.seq.desc()).limit(1)
)
_APPEND = Prepared(insert(audit_entry))
_AFTER = (
    select(audit_entry)
    .where(audit_entry.c.seq > bindparam("after"))
    .order_by(audit_entry.c.seq)
    .limit(bindparam("most"))
)


def append(
    connection: Connection,
    *,
    at: datetime,
    actor: str,
    kind: str,
    subject: str,
    facts: Mapping[str, Any] | None = None,
) -> int:
    """Add an entry in the caller's transaction and return its number.

    ``facts`` must be JSON whose integers fit RFC 8785 (±2^53); amounts go in as strings.
    """
    newest, previous = head(connection)
    seq = newest + 1
    body = canonical.dumps(
        {
            "seq": seq,
            "at": at.isoformat(timespec="microseconds"),
            "actor": actor,
            "kind": kind,
            "subject": subject,
            "facts": dict(facts or {}),
        }
    )
    _APPEND.run(
        connection,
        {
            "seq": seq,
            "at": at,
            "actor": actor,
            "kind": kind,
            "subject": subject,
            "body": body.decode(),
            "previous_hash": previous,
            "hash": _link(previous, body),
        },
    )
    return seq


def after(connection: Connection, seq: int, most: int = 200) -> list[Entry]:
    """Return up to ``most`` entries that follow number ``seq``."""
    rows = connection.execute(_AFTER, {"after": seq, "most": most})
    return [_entry(row._mapping) for row in rows]


def of_subject(connection: Connection, subject: str) -> list[Entry]:
    """Return everything that happened to ``subject``, oldest first."""
    rows = connection.execute(
        select(audit_entry).where(audit_entry.c.subject == subject).order_by(audit_entry.c.seq)
    )
    return [_entry(row._mapping) for row in rows]


def head(connection: Connection) -> tuple[int, str]:
    """Return number and hash of the newest entry; (0, `GENESIS`) for an empty record."""
    return _HEAD.row(connection, {}) or (0, GENESIS)


def position(connection: Connection, name: str) -> int | None:
    """Return how far the follower ``name`` has read, or None when it never did."""
    return connection.execute(
        select(cursor.c.seq).where(cursor.c.name == name)
    ).scalar_one_or_none()


def advance(connection: Connection, name: str, seq: int) -> None:
    """Remember that the follower ``name`` has dealt with everything up to ``seq``."""
    if position(connection, name) is None:
        connection.execute(insert(cursor).values(name=name, seq=seq))
    else:
        connection.execute(cursor.update().where(cursor.c.name == name).values(seq=seq))


def verify(connection: Connection, *, page: int = 5000) -> Verification:
    """Walk the whole chain: numbers without gaps, bodies as hashed, columns as the bodies say."""
    seq, previous = 0, GENESIS
    total = connection.execute(select(func.count()).select_from(audit_entry)).scalar_one()
    for row in _walk(connection, page):
        if row["seq"] != seq + 1:
            return Verification(total, previous, seq + 1, "missing")
        problem = _fault(row, previous)
        if problem:
            return Verification(total, previous, row["seq"], problem)
        seq, previous = row["seq"], row["hash"]
    return Verification(total, previous)


def _walk(connection: Connection, page: int) -> Iterator[RowMapping]:
    seq = -1
    while rows := connection.execute(_AFTER, {"after": seq, "most": page}).mappings().all():
        yield from rows
        seq = rows[-1]["seq"]


def _fault(row: RowMapping, previous: str) -> str | None:
    if row["previous_hash"] != previous:
        return "does not follow the entry before it"
    if row["hash"] != _link(previous, row["body"].encode()):
        return "does not have the hash it was given"
    body = json.loads(row["body"])
    names: Sequence[str] = ("seq", "actor", "kind", "subject")
    if any(body[name] != row[name] for name in names):
        return "has columns that differ from its body"
    if body["at"] != row["at"].isoformat(timespec="microseconds"):
        return "has columns that differ from its body"
    return None


def _link(previous: str, body: bytes) -> str:
    return hashlib.sha256(previous.encode() + b"\n" + body).hexdigest()


def _entry(row: RowMapping) -> Entry:
    return Entry(
        seq=row["seq"],
        at=row["at"],
        actor=row["actor"],
        kind=row["kind"],
        subject=row["subject"],
        facts=json.loads(row["body"])["facts"],
        hash=row["hash"],
    )
