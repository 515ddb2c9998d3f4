"""The tables of version 0.1.0."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make it so."""
    op.create_table("schema_info", sa.Column("version", sa.Integer, primary_key=True))
    op.create_table(
        "audit_entry",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(48), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Index("ix_audit_entry_subject", "subject", "seq"),
    )
    op.create_table(
        "cursor",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "chat_identity",
        sa.Column("chat", sa.String(16), primary_key=True),
        sa.Column("external_id", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("linked_at", INSTANT, nullable=False),
        sa.UniqueConstraint("chat", "person_id"),
    )
    op.create_table(
        "payee",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(70), nullable=False),
        sa.Column("iban", sa.String(34), nullable=False),
        sa.Column("bic", sa.String(11)),
        sa.Column("country", sa.String(2)),
        sa.Column("trusted", sa.Boolean, nullable=False),
        sa.Column("changed_at", INSTANT),
        sa.Column("active", sa.Boolean, nullable=False),
    )
    op.create_table(
        "payment_order",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("request_key", sa.String(200), nullable=False, unique=True),
        sa.Column("requester_id", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("debtor_iban", sa.String(34), nullable=False),
        sa.Column("connector", sa.String(64), nullable=False),
        sa.Column("payee_id", sa.String(64)),
        sa.Column("creditor_name", sa.String(70), nullable=False),
        sa.Column("creditor_iban", sa.String(34), nullable=False),
        sa.Column("creditor_bic", sa.String(11)),
        sa.Column("creditor_country", sa.String(2)),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("remittance", sa.String(140), nullable=False),
        sa.Column("execution_date", sa.Date),
        sa.Column("end_to_end_id", sa.String(35), nullable=False, unique=True),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("risks", sa.Text, nullable=False),
        sa.Column("origin_channel", sa.String(64)),
        sa.Column("reason_code", sa.String(64)),
        sa.Column("reason_text", sa.String(500)),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Index("ix_payment_order_state", "state", "expires_at"),
        sa.Index("ix_payment_order_requester", "requester_id", "created_at"),
        sa.Index("ix_payment_order_twin", "creditor_iban", "amount_minor", "created_at"),
    )
    op.create_table(
        "approval",
        sa.Column("order_id", sa.String(16), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("person_id", sa.String(64), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("decision", sa.String(8), nullable=False),
        sa.Column("factor", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(500)),
        sa.Column("at", INSTANT, nullable=False),
    )
    op.create_table(
        "instruction",
        sa.Column("order_id", sa.String(16), primary_key=True),
        sa.Column("request_id", sa.String(36), nullable=False, unique=True),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("sent_at", INSTANT),
        sa.Column("reference", sa.String(128)),
        sa.Column("status", sa.String(16)),
        sa.Column("waiting_for_person", sa.String(500)),
        sa.Column("entry_reference", sa.String(128)),
        sa.Column("updated_at", INSTANT, nullable=False),
    )
    op.create_table(
        "receipt",
        sa.Column("order_id", sa.String(16), primary_key=True),
        sa.Column("reference", sa.String(128), nullable=False),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("booked_on", sa.Date),
        sa.Column("is_official", sa.Boolean, nullable=False),
        sa.Column("stored_at", INSTANT, nullable=False),
    )
    op.create_table(
        "second_factor",
        sa.Column("person_id", sa.String(64), primary_key=True),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until", INSTANT),
        sa.Column("enrolled_at", INSTANT, nullable=False),
    )
    op.create_table(
        "enrolment",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("used_at", INSTANT),
    )
    op.create_table(
        "posted_card",
        sa.Column("chat", sa.String(16), primary_key=True),
        sa.Column("subject", sa.String(64), primary_key=True),
        sa.Column("audience", sa.String(80), primary_key=True),
        sa.Column("channel", sa.String(64)),
        sa.Column("message_id", sa.String(64)),
        sa.Column("rendered", sa.String(64)),
        sa.Column("posted_at", INSTANT),
    )
    op.create_table(
        "told",
        sa.Column("chat", sa.String(16), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        sa.Column("audience", sa.String(80), primary_key=True),
    )
    op.create_table(
        "connector_state",
        sa.Column("connector", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "document",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("period_from", sa.Date, nullable=False),
        sa.Column("period_to", sa.Date, nullable=False),
        sa.Column("collected_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(64)),
        sa.Column("reason_facts", sa.Text),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("account_id", "sha256"),
        sa.Index("ix_document_account_state", "account_id", "state", "period_to", "seen_at"),
    )
    op.create_table(
        "statement",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("document_id", sa.Integer, nullable=False),
        sa.Column("period_from", sa.Date, nullable=False),
        sa.Column("period_to", sa.Date, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("opening_minor", sa.BigInteger, nullable=False),
        sa.Column("closing_minor", sa.BigInteger, nullable=False),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.Column("synced_at", INSTANT, nullable=False),
        sa.Index("ix_statement_account", "account_id", "id"),
    )
    op.create_table(
        "statement_entry",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("key", sa.String(256), nullable=False),
        sa.Column("statement_id", sa.Integer, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("booking_date", sa.Date, nullable=False),
        sa.Column("value_date", sa.Date),
        sa.Column("end_to_end_id", sa.String(64)),
        sa.Column("counterparty_name", sa.String(140)),
        sa.Column("counterparty_account", sa.String(64)),
        sa.Column("remittance", sa.String(500), nullable=False),
        sa.Column("institution_reference", sa.String(256)),
        sa.Column("order_id", sa.String(16)),
        sa.Column("matched_at", INSTANT),
        sa.Column("break_reason", sa.String(32)),
        sa.UniqueConstraint("account_id", "key"),
        sa.Index("ix_statement_entry_end_to_end_id", "end_to_end_id"),
        sa.Index("ix_statement_entry_booking_date", "account_id", "booking_date"),
        sa.Index("ix_statement_entry_order_id", "order_id"),
        sa.Index(
            "ix_statement_entry_break",
            "account_id",
            "booking_date",
            sqlite_where=sa.text("break_reason IS NOT NULL"),
            postgresql_where=sa.text("break_reason IS NOT NULL"),
        ),
    )
    op.create_table(
        "balance_reading",
        sa.Column("account_id", sa.String(64), primary_key=True),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("booked_minor", sa.BigInteger),
        sa.Column("available_minor", sa.BigInteger),
        sa.Column("at", INSTANT, nullable=False),
    )
