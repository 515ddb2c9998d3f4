"""How far each series of payments has come: on which day the next is due, or why none is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, insert, select, update

from workflows import audit
from workflows.orders import Order
from workflows.refusal import Refusal
from workflows.tables import series

BEGUN = "series.begun"
CONTINUED = "series.continued"
ENDED = "series.ended"

COMPLETED = "completed"
"""The end that was agreed to."""
AMENDED = "amended"
"""It was changed to a payment that does not come again."""


@dataclass(frozen=True, slots=True)
class Running:
    """How far a series has come.

    Attributes:
        id: Of its first order.
        next_on: When the next payment is due, as the calendar has it; None where no more comes.
        ended: Why no more comes, as a code; None while more does.
    """

    id: str
    next_on: date | None
    ended: str | None


def find(connection: Connection, first_id: str) -> Running | None:
    """Return how far a series has come, by its first order; None where there is none."""
    row = connection.execute(select(series).where(series.c.id == first_id)).one_or_none()
    return Running(*row) if row else None


def due(connection: Connection, until: date) -> list[Running]:
    """Return the series of which a payment is due by then, the soonest first."""
    rows = connection.execute(
        select(series).where(series.c.next_on <= until).order_by(series.c.next_on, series.c.id)
    )
    return [Running(*row) for row in rows]


def keep(connection: Connection, first: Order, *, actor: str, now: datetime) -> None:
    """Keep the series that an order begins, as it is asked for now; or that it is none any more."""
    dates = first.due_dates
    before = find(connection, first.id)
    if before is None and not dates:
        return
    row = {"next_on": dates[1] if dates else None, "ended": None if dates else AMENDED}
    if before is None:
        connection.execute(insert(series).values(id=first.id, **row))
    else:
        connection.execute(update(series).where(series.c.id == first.id).values(row))
    _tell(connection, first.id, BEGUN if dates else ENDED, actor, now, row)


def go_on(
    connection: Connection, before: Running, next_on: date | None, *, order_id: str, now: datetime
) -> Running:
    """Note that a payment of a series was asked for, and when the next is due; None for never.

    Raises:
        Refusal: ``order.changed`` when another has gone on meanwhile.
    """
    row = {"next_on": next_on, "ended": None if next_on else COMPLETED}
    return _change(connection, before, row, CONTINUED, audit.SYSTEM, now, order=order_id)


def end(
    connection: Connection, before: Running, code: str, *, actor: str, now: datetime
) -> Running:
    """Have no more of a series come.

    Raises:
        Refusal: ``order.changed`` when it has gone on meanwhile.
    """
    row = {"next_on": None, "ended": code}
    return _change(connection, before, row, ENDED, actor, now)


def _change(
    connection: Connection,
    before: Running,
    row: Mapping[str, date | str | None],
    kind: str,
    actor: str,
    now: datetime,
    **facts: str,
) -> Running:
    changed = connection.execute(
        update(series)
        .where(series.c.id == before.id, series.c.next_on.is_not_distinct_from(before.next_on))
        .values(row)
    ).rowcount
    if changed != 1:
        raise Refusal("order.changed", order=before.id)
    _tell(connection, before.id, kind, actor, now, row, **facts)
    found = find(connection, before.id)
    assert found is not None
    return found


def _tell(
    connection: Connection,
    subject: str,
    kind: str,
    actor: str,
    now: datetime,
    row: Mapping[str, date | str | None],
    **facts: str,
) -> None:
    audit.append(
        connection,
        at=now,
        actor=actor,
        kind=kind,
        subject=subject,
        facts={**facts, "row": audit.told(row)},
    )
