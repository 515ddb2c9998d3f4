"""Files that people sent: kept as they came, with their hash, until an order has them.

A file is its sender's until it is bound to an order; from then on it is part of what is approved,
because the order's digest holds its hash.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from workflows import audit
from workflows.people import Person
from workflows.refusal import Refusal
from workflows.tables import kept_file

MOST_LOOSE = 20
"""Files of one person that no order has; the oldest give way."""
LOOSE_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file without its content.

    Attributes:
        sha256: Of the content, hexadecimal.
        size: Bytes.
    """

    id: str
    name: str
    media_type: str
    size: int
    sha256: str


def keep(
    connection: Connection,
    person: Person,
    *,
    name: str,
    media_type: str,
    content: bytes,
    now: datetime,
) -> KeptFile:
    """Keep a file that was checked; the same content again gives the file that is there."""
    sha256 = hashlib.sha256(content).hexdigest()
    same = connection.execute(
        select(*_COLUMNS).where(
            kept_file.c.person_id == person.id,
            kept_file.c.sha256 == sha256,
            kept_file.c.name == name,
            kept_file.c.order_id.is_(None),
        )
    ).first()
    if same is not None:
        return _file(same)
    _make_room(connection, person)
    found = KeptFile(secrets.token_urlsafe(12), name, media_type, len(content), sha256)
    connection.execute(
        insert(kept_file).values(
            id=found.id,
            person_id=person.id,
            name=name,
            media_type=media_type,
            size=found.size,
            sha256=sha256,
            content=content,
            stored_at=now,
        )
    )
    audit.append(
        connection,
        at=now,
        actor=person.id,
        kind="file.kept",
        subject=found.id,
        facts={"name": name, "media_type": media_type, "size": found.size, "sha256": sha256},
    )
    return found


def own(connection: Connection, person: Person, file_ids: Sequence[str]) -> tuple[KeptFile, ...]:
    """Return files that ``person`` sent and no other order has, in the order asked for.

    Raises:
        Refusal: ``file.unknown``.
    """
    rows = connection.execute(
        select(*_COLUMNS).where(kept_file.c.id.in_(file_ids), kept_file.c.person_id == person.id)
    )
    found = {row.id: _file(row) for row in rows}
    if missing := [each for each in file_ids if each not in found]:
        raise Refusal("file.unknown", field="invoice", file=missing[0][:24])
    return tuple(found[each] for each in file_ids)


def bind(connection: Connection, files: Sequence[KeptFile], order_id: str) -> None:
    """Give files to an order.

    Raises:
        Refusal: ``file.taken`` when another order has one of them.
    """
    for each in files:
        bound = connection.execute(
            update(kept_file)
            .where(
                kept_file.c.id == each.id,
                kept_file.c.order_id.is_(None) | (kept_file.c.order_id == order_id),
            )
            .values(order_id=order_id)
        )
        if not bound.rowcount:
            raise Refusal("file.taken", field="invoice", file=each.name)


def content(connection: Connection, file_id: str, *, sha256: str) -> bytes:
    """Return a file's content.

    Args:
        sha256: What its hash must be, from where it was agreed upon: what the file's own row says
            could have been changed together with the content.

    Raises:
        Refusal: ``file.unknown``; or ``file.damaged``: it is not what was kept.
    """
    found = connection.execute(
        select(kept_file.c.content).where(kept_file.c.id == file_id)
    ).scalar_one_or_none()
    if found is None:
        raise Refusal("file.unknown", file=file_id[:24])
    if hashlib.sha256(found).hexdigest() != sha256:
        raise Refusal("file.damaged", file=file_id[:24])
    return bytes(found)


def are_whole(connection: Connection, files: Sequence[KeptFile]) -> bool:
    """Whether all of these are still there, with the very content that they had."""
    try:
        for each in files:
            content(connection, each.id, sha256=each.sha256)
    except Refusal:
        return False
    return True


def forget_loose(connection: Connection, *, now: datetime) -> None:
    """Drop files that nobody asked a payment with; every so often, so that they do not gather."""
    connection.execute(
        delete(kept_file).where(
            kept_file.c.order_id.is_(None), kept_file.c.stored_at < now - LOOSE_FOR
        )
    )


def _make_room(connection: Connection, person: Person) -> None:
    loose = connection.execute(
        select(kept_file.c.id)
        .where(kept_file.c.person_id == person.id, kept_file.c.order_id.is_(None))
        .order_by(kept_file.c.stored_at.desc(), kept_file.c.id)
        .offset(MOST_LOOSE - 1)
    ).scalars()
    gone = list(loose)
    if gone:
        connection.execute(delete(kept_file).where(kept_file.c.id.in_(gone)))


_COLUMNS = (
    kept_file.c.id,
    kept_file.c.name,
    kept_file.c.media_type,
    kept_file.c.size,
    kept_file.c.sha256,
)


def _file(row: Any) -> KeptFile:
    return KeptFile(row.id, row.name, row.media_type, row.size, row.sha256)
