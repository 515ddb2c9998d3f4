"""Replicas, the freeze, and the record's checkpoints."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make it so."""
    op.add_column("instruction", sa.Column("connector", sa.String(64)))
    op.execute(
        "UPDATE instruction SET connector = (SELECT payment_order.connector FROM payment_order"
        " WHERE payment_order.id = instruction.order_id)"
    )
    with op.batch_alter_table("instruction") as table:
        table.alter_column("connector", existing_type=sa.String(64), nullable=False)
        table.add_column(sa.Column("cancel_asked_by", sa.String(64)))
    op.create_index("ix_instruction_connector", "instruction", ["connector", "state", "sent_at"])
    op.create_table(
        "chat_unreachable",
        sa.Column("chat", sa.String(16), primary_key=True),
        sa.Column("person_id", sa.String(64), primary_key=True),
        sa.Column("since", INSTANT, nullable=False),
    )
    op.add_column("link_token", sa.Column("failures", sa.Integer))
    op.execute("UPDATE link_token SET failures = 0")
    with op.batch_alter_table("link_token") as table:
        table.alter_column("failures", existing_type=sa.Integer, nullable=False)
    op.create_table(
        "freeze",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_table(
        "freeze_consent",
        sa.Column("person_id", sa.String(64), primary_key=True),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_table(
        "replica",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("taken_by", sa.String(64)),
        sa.Column("taken_until", INSTANT),
    )
    op.create_table(
        "home_viewer",
        sa.Column("chat", sa.String(16), primary_key=True),
        sa.Column("person_id", sa.String(64), primary_key=True),
    )
    op.create_table(
        "checkpoint",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("signature", sa.String(88)),
    )
    op.create_table(
        "record_node",
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    # Alembic's own table says the version from here on.
    op.drop_table("schema_info")
