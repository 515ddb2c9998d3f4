"""Telegram beside Slack, and files with orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make it so."""
    with op.batch_alter_table("chat_identity") as table:
        table.add_column(sa.Column("unlinked_at", INSTANT))
        table.add_column(sa.Column("unreachable_since", INSTANT))
    with op.batch_alter_table("enrolment") as table:
        table.add_column(sa.Column("opener", sa.String(80)))
    op.add_column("payment_order", sa.Column("attachments", sa.Text))
    op.execute("UPDATE payment_order SET attachments = '[]'")
    with op.batch_alter_table("payment_order") as table:
        table.alter_column("attachments", existing_type=sa.Text, nullable=False)
    op.create_table(
        "chat_preference",
        sa.Column("person_id", sa.String(64), primary_key=True),
        sa.Column("chat", sa.String(16), nullable=False),
    )
    op.create_table(
        "link_token",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("chat", sa.String(16), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("claimed_by", sa.String(64)),
        sa.Column("used_at", INSTANT),
    )
    op.create_table(
        "kept_file",
        sa.Column("id", sa.String(24), primary_key=True),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(16)),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("media_type", sa.String(80), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("stored_at", INSTANT, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Index("ix_kept_file_person", "person_id", "stored_at"),
        sa.Index("ix_kept_file_order_id", "order_id"),
    )
    op.create_table(
        "telegram_update",
        sa.Column("update_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("sender_id", sa.BigInteger, nullable=False),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("payload", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("claimed_until", INSTANT),
        sa.Column("done_at", INSTANT),
        sa.Column("problem", sa.String(200)),
        sa.Index(
            "ix_telegram_update_waiting",
            "sender_id",
            "update_id",
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        ),
    )
    op.create_table(
        "telegram_message",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("chat_id", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("message_id", sa.BigInteger),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Index("ix_telegram_message_place", "chat_id", "message_id"),
        sa.Index("ix_telegram_message_created_at", "created_at"),
    )
    op.create_table(
        "telegram_dialogue",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("message_id", sa.BigInteger),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Index("ix_telegram_dialogue_user_id", "user_id", "updated_at"),
        sa.Index("ix_telegram_dialogue_updated_at", "updated_at"),
    )
    op.create_table(
        "telegram_deep_link",
        sa.Column("id", sa.String(24), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Index("ix_telegram_deep_link_created_at", "created_at"),
    )
    op.create_table(
        "telegram_group",
        sa.Column("old_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("new_id", sa.BigInteger, nullable=False),
    )
