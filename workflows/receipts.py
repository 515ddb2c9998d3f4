"""Receipts as institutions gave them, kept with their hash."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, insert, select

from connectors.base import Receipt
from workflows import audit
from workflows.prepared import Prepared
from workflows.tables import payment_order, receipt

_PRESENT = receipt.alias("present")
_STORE = Prepared(
    insert(receipt).from_select(
        receipt.c.keys(),
        select(*(bindparam(column.name, type_=column.type) for column in receipt.c)).where(
            ~exists().where(
                _PRESENT.c.order_id == bindparam("order_id", type_=receipt.c.order_id.type)
            )
        ),
    )
)
"""Stores a receipt unless the order has one."""


def outstanding(connection: Connection, since: datetime) -> list[str]:
    """Return ids of the orders that settled after ``since`` and have no receipt yet."""
    rows = connection.execute(
        select(payment_order.c.id)
        .outerjoin(receipt, receipt.c.order_id == payment_order.c.id)
        .where(
            payment_order.c.state == "settled",
            payment_order.c.updated_at > since,
            receipt.c.order_id.is_(None),
        )
        .order_by(payment_order.c.updated_at)
    )
    return list(rows.scalars())


def keep(connection: Connection, order_id: str, found: Receipt, *, now: datetime) -> None:
    """Keep the receipt of an order, unless there is one."""
    sha256 = hashlib.sha256(found.content).hexdigest()
    stored = _STORE.run(
        connection,
        {
            "order_id": order_id,
            "reference": found.reference[:128],
            "media_type": found.media_type,
            "content": found.content,
            "sha256": sha256,
            "booked_on": found.booked_on,
            "is_official": found.is_official,
            "stored_at": now,
        },
    )
    if not stored:
        return
    audit.append(
        connection,
        at=now,
        actor=audit.SYSTEM,
        kind="receipt.stored",
        subject=order_id,
        facts={
            "reference": found.reference[:128],
            "media_type": found.media_type,
            "sha256": sha256,
            "booked_on": found.booked_on.isoformat() if found.booked_on else None,
            "official": found.is_official,
        },
    )
