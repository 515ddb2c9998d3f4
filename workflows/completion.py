"""Quorums that are there without anybody's coming: who approved has gained a role since."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from workflows import approvals, audit, away, orders
from workflows.company import Company
from workflows.orders import Order, OrderState

COMPLETED = "order.completed"


def complete_due(connection: Connection, company: Company, *, now: datetime) -> list[Order]:
    """Move on the pending orders that wait for nobody any more; return them.

    Else they would wait until they expire: whoever approved cannot approve again.
    """
    company = away.seen(connection, company, now=now)
    found = (
        _completed(connection, company, order, now)
        for order in orders.in_states(connection, OrderState.PENDING)
        if now < order.expires_at
    )
    return [order for order in found if order is not None]


def _completed(
    connection: Connection, company: Company, order: Order, now: datetime
) -> Order | None:
    given = approvals.of_order(connection, order)
    assignment = approvals.assignment_of(company, order, given)
    if not assignment.is_complete:
        return None
    return approvals.put_where_it_belongs(
        connection, order, assignment, now=now, actor=audit.SYSTEM, kind=COMPLETED
    )
