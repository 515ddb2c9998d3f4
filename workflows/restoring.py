"""What a database that was put back does not know, and what follows for payments.

Between the moment a backup shows and the one it is put back, payments may have left of which it
knows nothing. Nothing of that time is sent again: every order that was there already and had not
left is first asked about under its end-to-end id, which it kept; where the institution cannot say,
a person does. See docs/operations.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import Connection, bindparam, func, select, update

from workflows import audit, instructions, orders, second_factor
from workflows.orders import Order, OrderState
from workflows.prepared import Prepared
from workflows.recurrence import MADE_BEFORE
from workflows.tables import audit_entry, enrolment, link_token, telegram_update
from workflows.tables import second_factor as factors

KIND, SUBJECT = "service.restored", "service"
CODE = "restored"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was found in a database that was put back.

    Attributes:
        entries: How far its record goes.
        since: Of what happened after this it knows nothing; None for an empty record.
        asked: Orders that are asked about now, because they were about to be sent.
        waiting: How many orders will be asked about before they are sent.
    """

    entries: int
    since: datetime | None
    asked: tuple[str, ...]
    waiting: int


def mark(connection: Connection, *, by: str, now: datetime) -> Restored:
    """Say that this database shows an earlier state, and act on it. Again only if it went back."""
    seq, _ = audit.head(connection)
    since = connection.execute(
        select(audit_entry.c.at).where(audit_entry.c.seq == seq)
    ).scalar_one_or_none()
    if since is None:
        return Restored(0, None, (), 0)
    audit.append(
        connection,
        at=now,
        actor=by,
        kind=KIND,
        subject=SUBJECT,
        facts={
            "since": since.isoformat(timespec="microseconds"),
            "reason": f"{since:%Y-%m-%d %H:%M} UTC, #{seq}",
        },
    )
    about_to_leave = orders.in_states(connection, OrderState.RELEASED)
    for order in about_to_leave:
        instructions.lost(connection, order.id, CODE, None, now=now, since=since)
    waiting = orders.in_states(connection, OrderState.PENDING, OrderState.APPROVED)
    _void_what_was_used(connection, now)
    return Restored(seq, since, tuple(each.id for each in about_to_leave), len(waiting))


def _void_what_was_used(connection: Connection, now: datetime) -> None:
    """What works once may have been used in the time that is forgotten."""
    for links in (enrolment, link_token):
        connection.execute(update(links).where(links.c.used_at.is_(None)).values(used_at=now))
    step = int(now.timestamp()) // second_factor.STEP_SECONDS + 1  # a code may be one ahead
    connection.execute(update(factors).where(factors.c.last_step < step).values(last_step=step))
    connection.execute(
        update(telegram_update)
        .where(telegram_update.c.done_at.is_(None))
        .values(done_at=now, payload=None, problem=CODE)
    )


_FIRST_OF = Prepared(
    select(func.min(audit_entry.c.seq)).where(audit_entry.c.subject == bindparam("subject"))
)
_RESTORED_AFTER = Prepared(
    select(audit_entry.c.body)
    .where(
        audit_entry.c.subject == SUBJECT,
        audit_entry.c.kind == KIND,
        audit_entry.c.seq > bindparam("seq"),
    )
    .order_by(audit_entry.c.seq)
)
_EVER = Prepared(
    select(audit_entry.c.seq)
    .where(audit_entry.c.subject == SUBJECT, audit_entry.c.kind == KIND)
    .limit(1)
)
_ZONES = timedelta(days=1)
"""A day begins sooner elsewhere."""


def may_have_left_since(connection: Connection, order: Order) -> datetime | None:
    """Return from when on an order may have been sent without this database's knowing.

    None for an order that came after the last time the database was put back. Numbers of entries
    are compared, not times: a clock may have been set back. A later payment of a series may have
    been asked for before, and again after that: it is asked about, too, if it could have been.
    """
    if _EVER.row(connection, {}) is None:  # as is usual
        return None
    if found := _restored_after(connection, order.id):
        return found[0][0]
    if order.series_id is None:
        return None
    first = orders.get(connection, order.series_id)
    due = first.due_dates[(order.occurrence or 1) - 1]
    could_be_asked_for = datetime.combine(due - MADE_BEFORE - _ZONES, time(), UTC)
    found = _restored_after(connection, first.id)
    return next((since for since, at in found if at >= could_be_asked_for), None)


def was_since(connection: Connection, order_id: str) -> bool:
    """Whether the database was put back since an order was asked for."""
    if _EVER.row(connection, {}) is None:
        return False
    return bool(_restored_after(connection, order_id))


def _restored_after(connection: Connection, order_id: str) -> list[tuple[datetime, datetime]]:
    """Return each time the database was put back after an order came: to when, and when."""
    ((requested,),) = _FIRST_OF.rows(connection, {"subject": order_id})
    entries = (
        json.loads(body) for (body,) in _RESTORED_AFTER.rows(connection, {"seq": requested or 0})
    )
    return [
        (datetime.fromisoformat(each["facts"]["since"]), datetime.fromisoformat(each["at"]))
        for each in entries
    ]
