"""What a series of payments needs: how one comes again, of which it is, and what was seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make it so."""
    op.add_column("payment_order", sa.Column("repeats", sa.String(80)))
    op.add_column("payment_order", sa.Column("series_id", sa.String(16)))
    op.add_column("payment_order", sa.Column("occurrence", sa.Integer))
    op.create_index(
        "ix_payment_order_series", "payment_order", ["series_id", "occurrence"], unique=True
    )
    op.drop_index("ix_payment_order_payee", "payment_order")
    op.create_index(
        "ix_payment_order_payee",
        "payment_order",
        ["creditor_iban", "state", "created_at", "updated_at", "id"],
    )
    op.create_table(
        "series",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("next_on", sa.Date),
        sa.Column("ended", sa.String(64)),
    )
    op.create_index("ix_series_next_on", "series", ["next_on"])
    op.add_column("approval", sa.Column("series_digest", sa.String(64)))
