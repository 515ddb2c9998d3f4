"""Receipts as institutions gave them, kept with their hash."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import Connection, insert, select

from connectors.base import Receipt
from workflows import audit
from workflows.tables import receipt


def keep(connection: Connection, order_id: str, found: Receipt, *, now: datetime) -> None:
    """Keep the receipt of an order, unless there is one."""
    present = connection.execute(
        select(receipt.c.order_id).where(receipt.c.order_id == order_id)
    ).first()
    if present is not None:
        return
    sha256 = hashlib.sha256(found.content).hexdigest()
    connection.execute(
        insert(receipt).values(
            order_id=order_id,
            reference=found.reference[:128],
            media_type=found.media_type,
            content=found.content,
            sha256=sha256,
            booked_on=found.booked_on,
            is_official=found.is_official,
            stored_at=now,
        )
    )
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
