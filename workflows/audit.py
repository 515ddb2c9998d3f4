"""The record: append-only, each entry holding the hash of the one before it.

An entry is written in the transaction of the change it tells of, so there is never one without
the other. The notifier and other followers read the same table with a durable cursor: the record
is also the outbox.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, cast

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    bindparam,
    func,
    insert,
    select,
    type_coerce,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import NULLTYPE

from workflows import canonical
from workflows.database import appending, suppose_end, supposed_end
from workflows.prepared import Prepared, Row
from workflows.tables import audit_entry, cursor

GENESIS = "0" * 64
"""The previous hash of the first entry."""

PAGE = 2000
"""How many entries are read at a time."""

_LARGEST = 2**53 - 1
_BELOW_ALL = -(2**63)

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
_NEWEST = audit_entry.alias("newest")
_APPEND_TO = Prepared(
    insert(audit_entry).from_select(
        audit_entry.c.keys(),
        select(*(bindparam(column.name, type_=column.type) for column in audit_entry.c)).where(
            select(_NEWEST.c.hash).order_by(_NEWEST.c.seq.desc()).limit(1).scalar_subquery()
            == bindparam("previous_hash", type_=audit_entry.c.previous_hash.type)
        ),
    )
)
"""Appends what follows the newest entry, and nothing where that is another."""
_RAW: Select[Any] = cast(
    "Select[Any]",
    select(*(type_coerce(column, NULLTYPE).label(column.name) for column in audit_entry.c)),
)
"""Entries as the driver gives them, so that nothing is mended by reading."""
_PAGE = Prepared(
    _RAW.where(audit_entry.c.seq > bindparam("after"))
    .order_by(audit_entry.c.seq)
    .limit(bindparam("most"))
)
_NUMBERS = Prepared(
    select(type_coerce(audit_entry.c.seq, NULLTYPE))
    .where(audit_entry.c.seq > bindparam("after"))
    .order_by(audit_entry.c.seq)
    .limit(bindparam("most"))
)
_ONE = Prepared(_RAW.where(audit_entry.c.seq == bindparam("seq")))
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
    appending(connection)
    said = {"actor": actor, "kind": kind, "subject": subject}
    supposed = supposed_end(connection)
    row = _follows(supposed or head(connection), at, said, facts)
    # Whether the end is where it is supposed to be, the statement itself finds out.
    if supposed is None:
        _APPEND.run(connection, row)
    elif not _APPEND_TO.run(connection, row):
        row = _follows(head(connection), at, said, facts)
        _APPEND.run(connection, row)
    seq: int = row["seq"]
    suppose_end(connection, seq, row["hash"])
    return seq


def _follows(
    end: tuple[int, str], at: datetime, said: Mapping[str, str], facts: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return the row of the entry that comes after the one with this number and hash."""
    newest, previous = end
    seq = newest + 1
    instant = at.isoformat(timespec="microseconds")
    body = canonical.dumps({"seq": seq, "at": instant, **said, "facts": dict(facts or {})})
    return {
        "seq": seq,
        "at": at,
        **said,
        "body": body.decode(),
        "previous_hash": previous,
        "hash": _link(previous, body),
    }


def told(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a row's columns as facts, from which the row can be told again.

    `workflows.record` compares every row with what its entries say of it.
    """
    return {name: _as_fact(value) for name, value in values.items()}


def _as_fact(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int) and abs(value) > _LARGEST:
        return str(value)
    return str(value) if isinstance(value, str) else value


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


def hash_of(connection: Connection, seq: int) -> str | None:
    """Return the hash of entry ``seq``, or None where there is none."""
    return connection.execute(
        select(audit_entry.c.hash).where(audit_entry.c.seq == seq)
    ).scalar_one_or_none()


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


def verify(connection: Connection) -> Verification:
    """Walk the whole chain: numbers without gaps, bodies as hashed, columns as the bodies say.

    What the chain alone cannot tell (its end cut off, all of it written anew, tables that say
    something else) is `workflows.record.verification`'s to find.
    """
    total = connection.execute(select(func.count()).select_from(audit_entry)).scalar_one()
    newest = GENESIS
    for seq, found, flaw, _ in walk(connection):
        if flaw:
            return Verification(total, newest, seq, flaw)
        newest = found
    return Verification(total, newest)


def walk(
    connection: Connection, seq: int = 0, previous: str = GENESIS
) -> Iterator[tuple[int, str, str | None, Row]]:
    """Check every entry that follows number ``seq``, whose hash is ``previous``, in order.

    Yields number, hash, what is wrong with it, and the whole entry as the driver gives it. A gap
    is told once, where it begins, without a hash. After something wrong, the walk goes on from
    what is there.
    """
    expected: str | None = previous
    for row in _rows(connection, seq):
        number = row[0]
        if type(number) is not int or number <= seq:
            yield seq, "", f"is followed by one whose number is {number!r:.40}", ()
            continue
        if number != seq + 1:
            gap = number - seq - 1
            text = "is missing" if gap == 1 else f"and {gap - 1} after it are missing"
            yield seq + 1, "", text, ()
            expected = None
        seq = number
        if len(row) == 1:
            yield seq, "", "cannot be read", ()
            expected = None
            continue
        try:
            flaw = _flaw(row, row[6] if expected is None else expected)
        except (TypeError, AttributeError, ValueError, LookupError, RecursionError):
            flaw = "has a value of another kind than was written"
        expected = str(row[7])
        yield seq, expected, flaw, row


def _rows(connection: Connection, seq: int) -> Iterator[Row]:
    """Return entries as the driver gives them; of one that it cannot read, only the number."""
    broken = driver_errors(connection)
    position: Any = seq if seq else _BELOW_ALL
    while True:
        try:
            rows = _PAGE.rows(connection, {"after": position, "most": PAGE})
        except broken:
            rows = _one_by_one(connection, position, broken)
        if not rows:
            return
        yield from rows
        position = rows[-1][0]


def _one_by_one(
    connection: Connection, position: Any, broken: tuple[type[Exception], ...]
) -> list[Row]:
    found: list[Row] = []
    for (number,) in _NUMBERS.rows(connection, {"after": position, "most": PAGE}):
        try:
            found += _ONE.rows(connection, {"seq": number})
        except broken:
            found.append((number,))
    return found


def driver_errors(connection: Connection) -> tuple[type[Exception], ...]:
    """Return what a driver raises when it cannot read what is stored."""
    assert connection.dialect.loaded_dbapi is not None
    return (DBAPIError, connection.dialect.loaded_dbapi.Error)


def driver_text(error: Exception) -> str:
    """Return what a driver said, without the statement and its parameters."""
    return str(error.orig if isinstance(error, DBAPIError) else error)


def stored_instant(value: Any) -> str | None:
    """Return an instant in the record's form from what a driver returns for it, or None."""
    if type(value) is str:
        return f"{value[:10]}T{value[11:]}+00:00" if value[10:11] == " " else None
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return None


def _flaw(row: Row, previous: str) -> str | None:
    seq, at, actor, kind, subject, body, previous_hash, own = row
    if previous_hash != previous:
        return "does not follow the entry before it"
    if own != hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest():
        return "does not have the hash it was given"
    instant = stored_instant(at)
    texts = f"{actor}{kind}{subject}"
    # The body's own ends, as `append` writes them where nothing has to be escaped.
    if (
        '"' not in texts
        and "\\" not in texts
        and body.startswith(f'{{"actor":"{actor}","at":"{instant}","facts":{{')
        and body.endswith(f'}},"kind":"{kind}","seq":{seq},"subject":"{subject}"}}')
    ):
        return None
    said = json.loads(body)
    columns = {"seq": seq, "at": instant, "actor": actor, "kind": kind, "subject": subject}
    for name, value in columns.items():
        if said[name] != value:
            return f"has columns that differ from its body: {name} is {value!r:.80}"
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
