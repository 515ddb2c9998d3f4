"""Which replicas live: each says so every few seconds, and one that is silent is taken over.

A replica that is only slow, not dead, may go on with what another has taken over. That is safe:
whoever sends must first have won the instruction's claim, and whoever finds an instruction being
sent waits until no call of the other can be under way any more (`workflows.release`).
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, or_, select, update

from workflows.tables import replica

HEARTBEAT_SECONDS = 10
SILENT_FOR = timedelta(seconds=35)
"""A replica is taken for dead after missing three heartbeats."""

_CLAIM = timedelta(seconds=60)


def new_id() -> str:
    """Return the name of this process among the replicas: readable, and never used before."""
    host = socket.gethostname().partition(".")[0][:24]
    return f"{host}-{os.getpid()}-{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class Replica:
    """A process that serves, or did."""

    id: str
    started_at: datetime
    seen_at: datetime


def beat(connection: Connection, replica_id: str, *, now: datetime) -> None:
    """Say that a replica lives; one that was taken for dead is back."""
    alive = connection.execute(
        update(replica)
        .where(replica.c.id == replica_id)
        .values(seen_at=now, taken_by=None, taken_until=None)
    )
    if not alive.rowcount:
        connection.execute(insert(replica).values(id=replica_id, started_at=now, seen_at=now))


def living(connection: Connection, *, now: datetime) -> list[Replica]:
    """Return the replicas that were heard of lately, the oldest first."""
    rows = connection.execute(
        select(replica.c.id, replica.c.started_at, replica.c.seen_at)
        .where(replica.c.seen_at >= now - SILENT_FOR)
        .order_by(replica.c.started_at, replica.c.id)
    )
    return [Replica(*row) for row in rows]


def claim_dead(connection: Connection, by: str, *, now: datetime) -> str | None:
    """Return a dead replica whose work is ``by``'s to take over, or None."""
    row = connection.execute(
        select(replica.c.id)
        .where(
            replica.c.id != by,
            replica.c.seen_at < now - SILENT_FOR,
            or_(replica.c.taken_until.is_(None), replica.c.taken_until < now),
        )
        .order_by(replica.c.seen_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    connection.execute(
        update(replica).where(replica.c.id == row.id).values(taken_by=by, taken_until=now + _CLAIM)
    )
    return str(row.id)


def buried(connection: Connection, replica_id: str, by: str) -> None:
    """Forget a replica all of whose work was taken over, unless it came back meanwhile."""
    connection.execute(delete(replica).where(replica.c.id == replica_id, replica.c.taken_by == by))


def leave(connection: Connection, replica_id: str, *, now: datetime) -> None:
    """Say that a replica stops: its work is taken over without waiting for its silence."""
    connection.execute(
        update(replica)
        .where(replica.c.id == replica_id)
        .values(seen_at=now - SILENT_FOR - timedelta(seconds=1))
    )
