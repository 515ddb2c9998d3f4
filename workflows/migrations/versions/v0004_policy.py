"""What a richer policy needs: kinds of payment, stages, cool-off, tags, leave; and proposals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make it so."""
    _orders()
    _approvals()
    _payees()
    _proposals()
    _leave()


def _orders() -> None:
    op.add_column("payment_order", sa.Column("kind", sa.String(16)))
    op.add_column("payment_order", sa.Column("versioned_at", INSTANT))
    op.add_column("payment_order", sa.Column("release_after", INSTANT))
    op.execute("UPDATE payment_order SET kind = 'single', versioned_at = created_at")
    with op.batch_alter_table("payment_order") as table:
        table.alter_column("kind", existing_type=sa.String(16), nullable=False)
        table.alter_column("versioned_at", existing_type=INSTANT, nullable=False)
    op.create_index("ix_payment_order_versioned_at", "payment_order", ["versioned_at"])
    op.create_index(
        "ix_payment_order_payee", "payment_order", ["creditor_iban", "state", "created_at"]
    )


def _approvals() -> None:
    op.add_column("approval", sa.Column("stage", sa.Integer))
    op.add_column("approval", sa.Column("withdrawn_at", INSTANT))
    op.add_column("approval", sa.Column("on_behalf_of", sa.String(64)))
    op.execute("UPDATE approval SET stage = 1")
    with op.batch_alter_table("approval") as table:
        table.alter_column("stage", existing_type=sa.Integer, nullable=False)


def _payees() -> None:
    op.add_column("payee", sa.Column("tags", sa.String(400)))
    op.add_column("payee", sa.Column("changed_by", sa.String(64)))
    op.execute("UPDATE payee SET tags = '[]'")
    with op.batch_alter_table("payee") as table:
        table.alter_column("tags", existing_type=sa.String(400), nullable=False)


def _proposals() -> None:
    op.create_table(
        "proposal",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("proposer_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(500)),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("closed_at", INSTANT),
    )
    op.create_index("ix_proposal_state", "proposal", ["state", "expires_at"])
    op.create_index("ix_proposal_subject", "proposal", ["kind", "subject"])
    op.create_table(
        "charter",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("adopted_at", INSTANT, nullable=False),
    )
    op.create_table(
        "proposal_decision",
        sa.Column("proposal_id", sa.String(16), primary_key=True),
        sa.Column("person_id", sa.String(64), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("decision", sa.String(8), nullable=False),
        sa.Column("factor", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(500)),
        sa.Column("at", INSTANT, nullable=False),
    )


def _leave() -> None:
    op.create_table(
        "delegation",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("delegate_id", sa.String(64)),
        sa.Column("starts_on", sa.Date, nullable=False),
        sa.Column("ends_on", sa.Date, nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        sa.Column("ended_by", sa.String(64)),
    )
    op.create_index("ix_delegation_ends_on", "delegation", ["ends_on"])
    op.create_index("ix_delegation_person_id", "delegation", ["person_id"])
