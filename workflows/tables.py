"""What is stored, table by table.

SQLAlchemy Core, one style for the click path and the cold paths: docs/decisions/0002 says why.
Money is an integer of minor units beside its currency; instants are aware UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

SCHEMA = "0005"
"""The newest of workflows/migrations; an older database is brought up to it, a newer refused."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant; SQLite would forget the zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive datetime: it would silently mean another instant."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime is not an instant")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the instant its zone again."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _table(name: str, *parts: Any) -> Table:
    return Table(name, metadata, *parts)


schema_version = _table(
    # As Alembic keeps it; one row.
    "alembic_version",
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

audit_entry = _table(
    "audit_entry",
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("kind", String(48), nullable=False),
    Column("subject", String(64), nullable=False),
    # The exact bytes that were hashed: they are never serialised again to be verified.
    Column("body", Text, nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_audit_entry_subject", "subject", "seq"),
)

cursor = _table(
    "cursor",
    Column("name", String(64), primary_key=True),
    Column("seq", BigInteger, nullable=False),
)

chat_identity = _table(
    "chat_identity",
    Column("chat", String(16), primary_key=True),
    Column("external_id", String(64), primary_key=True),
    Column("person_id", String(64), nullable=False),
    Column("linked_at", Instant, nullable=False),
    # An administrator took it back. The row stays, or the next click would link it again.
    Column("unlinked_at", Instant),
    # The chat will not let us write to them: they blocked the bot.
    Column("unreachable_since", Instant),
    UniqueConstraint("chat", "person_id"),
)

# Whom settings alone name in a chat has no row above that could say it. No row here links anybody.
chat_unreachable = _table(
    "chat_unreachable",
    Column("chat", String(16), primary_key=True),
    Column("person_id", String(64), primary_key=True),
    Column("since", Instant, nullable=False),
)

chat_preference = _table(
    "chat_preference",
    Column("person_id", String(64), primary_key=True),
    Column("chat", String(16), nullable=False),
)

link_token = _table(
    "link_token",
    Column("token_hash", String(64), primary_key=True),
    Column("person_id", String(64), nullable=False),
    Column("chat", String(16), nullable=False),
    Column("expires_at", Instant, nullable=False),
    # Whoever opens it first has it to themselves.
    Column("claimed_by", String(64)),
    Column("used_at", Instant),
    # Wrong codes that were tried with it: they count against the link, not against the person.
    Column("failures", Integer, nullable=False),
)

payee = _table(
    "payee",
    Column("id", String(64), primary_key=True),
    Column("name", String(70), nullable=False),
    Column("iban", String(34), nullable=False),
    Column("bic", String(11)),
    Column("country", String(2)),
    Column("trusted", Boolean, nullable=False),
    # Set when the bank details changed; trust returns with the first settled payment after it.
    Column("changed_at", Instant),
    Column("active", Boolean, nullable=False),
    # JSON list of words that policy can match.
    Column("tags", String(400), nullable=False),
    # Who last changed the bank details, and may not approve payments to them; None for settings.
    Column("changed_by", String(64)),
)

proposal = _table(
    # A change that takes a quorum before it is in force, such as a payee's bank details.
    "proposal",
    Column("id", String(16), primary_key=True),
    Column("kind", String(32), nullable=False),
    # What it would change: a payee's id, say.
    Column("subject", String(64), nullable=False),
    # JSON: all that is needed to apply it, and what it was before.
    Column("content", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("proposer_id", String(64), nullable=False),
    # open -> applied | rejected | withdrawn | expired | outdated
    Column("state", String(16), nullable=False),
    Column("reason", String(500)),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("closed_at", Instant),
    Index("ix_proposal_state", "state", "expires_at"),
    Index("ix_proposal_subject", "kind", "subject"),
)

charter = _table(
    # What a quorum agreed settings to be; one row.
    "charter",
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
    # JSON, in canonical form.
    Column("document", Text, nullable=False),
    Column("adopted_at", Instant, nullable=False),
)

proposal_decision = _table(
    "proposal_decision",
    Column("proposal_id", String(16), primary_key=True),
    Column("person_id", String(64), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("decision", String(8), nullable=False),
    Column("factor", String(16), nullable=False),
    Column("reason", String(500)),
    Column("at", Instant, nullable=False),
)

payment_order = _table(
    "payment_order",
    Column("id", String(16), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("request_key", String(200), nullable=False, unique=True),
    Column("requester_id", String(64), nullable=False),
    Column("account_id", String(64), nullable=False),
    Column("debtor_iban", String(34), nullable=False),
    Column("connector", String(64), nullable=False),
    Column("payee_id", String(64)),
    Column("creditor_name", String(70), nullable=False),
    Column("creditor_iban", String(34), nullable=False),
    Column("creditor_bic", String(11)),
    Column("creditor_country", String(2)),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("remittance", String(140), nullable=False),
    Column("execution_date", Date),
    Column("end_to_end_id", String(35), nullable=False, unique=True),
    Column("verdict", Text, nullable=False),
    Column("risks", Text, nullable=False),
    # JSON: what was attached, by name and hash.
    Column("attachments", Text, nullable=False),
    Column("origin_channel", String(64)),
    Column("reason_code", String(64)),
    Column("reason_text", String(500)),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    # single | batch | payroll | refund | internal
    Column("kind", String(16), nullable=False),
    # When this version was asked for: what limits count from.
    Column("versioned_at", Instant, nullable=False),
    # An approved order leaves no sooner.
    Column("release_after", Instant),
    # JSON: how it comes again, where it is the first of a series.
    Column("repeats", String(80)),
    # Of which series it is, by the first order's id, and which payment of it, the first being 1.
    Column("series_id", String(16)),
    Column("occurrence", Integer),
    Index("ix_payment_order_series", "series_id", "occurrence", unique=True),
    Index("ix_payment_order_state", "state", "expires_at"),
    Index("ix_payment_order_versioned_at", "versioned_at"),
    Index("ix_payment_order_requester", "requester_id", "created_at"),
    Index("ix_payment_order_twin", "creditor_iban", "amount_minor", "created_at"),
    # Holds all that is asked to count what was paid to an account: rows are not read for it.
    Index("ix_payment_order_payee", "creditor_iban", "state", "created_at", "updated_at", "id"),
)

series = _table(
    # How far a series of payments has come, by the id of its first order.
    "series",
    Column("id", String(16), primary_key=True),
    # The day on which the next payment is due; none where no more comes.
    Column("next_on", Date),
    # Why no more comes.
    Column("ended", String(64)),
    Index("ix_series_next_on", "next_on"),
)

kept_file = _table(
    # What people sent: an invoice of an order's, or a list of payments.
    "kept_file",
    Column("id", String(24), primary_key=True),
    Column("person_id", String(64), nullable=False),
    Column("order_id", String(16)),
    Column("name", String(120), nullable=False),
    Column("media_type", String(80), nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("stored_at", Instant, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("ix_kept_file_person", "person_id", "stored_at"),
    Index("ix_kept_file_order_id", "order_id"),
)

approval = _table(
    "approval",
    Column("order_id", String(16), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("person_id", String(64), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("decision", String(8), nullable=False),
    Column("factor", String(16), nullable=False),
    Column("reason", String(500)),
    Column("at", Instant, nullable=False),
    # The newest stage that was open when it was given: it fills no slot of a later one.
    Column("stage", Integer, nullable=False),
    Column("withdrawn_at", Instant),
    # Whose roles it counts by, where that is not the person's own.
    Column("on_behalf_of", String(64)),
    # The digest of the series' first order, where it was given on that, for the whole series.
    Column("series_digest", String(64)),
)

delegation = _table(
    # Who is on leave, and who acts for them meanwhile, if anybody.
    "delegation",
    Column("id", String(16), primary_key=True),
    Column("person_id", String(64), nullable=False),
    Column("delegate_id", String(64)),
    # Days in the person's own zone, both of them included.
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date, nullable=False),
    Column("reason", String(300), nullable=False),
    Column("created_at", Instant, nullable=False),
    # Before its last day was over.
    Column("ended_at", Instant),
    Column("ended_by", String(64)),
    Index("ix_delegation_ends_on", "ends_on"),
    Index("ix_delegation_person_id", "person_id"),
)

instruction = _table(
    "instruction",
    Column("order_id", String(16), primary_key=True),
    Column("request_id", String(36), nullable=False, unique=True),
    # A payment is followed under the product it was sent as, whatever settings say later.
    Column("service", String(64), nullable=False),
    # Whose limits on calls at once and per second it counts towards.
    Column("connector", String(64), nullable=False),
    # prepared -> sending -> acknowledged; sending -> unknown -> acknowledged | closed
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("sent_at", Instant),
    Column("reference", String(128)),
    Column("status", String(16)),
    Column("waiting_for_person", String(500)),
    Column("entry_reference", String(128)),
    # A person wants it back, while the institution can still stop it.
    Column("cancel_asked_by", String(64)),
    Column("updated_at", Instant, nullable=False),
    Index("ix_instruction_connector", "connector", "state", "sent_at"),
)

receipt = _table(
    "receipt",
    Column("order_id", String(16), primary_key=True),
    Column("reference", String(128), nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("booked_on", Date),
    Column("is_official", Boolean, nullable=False),
    Column("stored_at", Instant, nullable=False),
)

second_factor = _table(
    "second_factor",
    Column("person_id", String(64), primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Instant),
    Column("enrolled_at", Instant, nullable=False),
)

enrolment = _table(
    "enrolment",
    Column("token_hash", String(64), primary_key=True),
    Column("person_id", String(64), nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("used_at", Instant),
    # The chat identity that has to open it, such as telegram:12345; None where the link is enough.
    Column("opener", String(80)),
)

posted_card = _table(
    "posted_card",
    Column("chat", String(16), primary_key=True),
    Column("subject", String(64), primary_key=True),
    Column("audience", String(80), primary_key=True),
    Column("channel", String(64)),
    Column("message_id", String(64)),
    Column("rendered", String(64)),
    Column("posted_at", Instant),
)

told = _table(
    # Which story lines were told under which card, so that a crash repeats at most one.
    "told",
    Column("chat", String(16), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("audience", String(80), primary_key=True),
)

telegram_update = _table(
    # What Telegram delivered, before it is acted on; update_id makes a redelivery known.
    "telegram_update",
    Column("update_id", BigInteger, primary_key=True, autoincrement=False),
    # Whose updates are dealt with one after the other; 0 where nobody sent it.
    Column("sender_id", BigInteger, nullable=False),
    Column("received_at", Instant, nullable=False),
    # Forgotten once it is dealt with: people type what they should not.
    Column("payload", Text),
    Column("attempts", Integer, nullable=False),
    # Until then whoever deals with it has it to themselves.
    Column("claimed_until", Instant),
    Column("done_at", Instant),
    Column("problem", String(200)),
    Index(
        "ix_telegram_update_waiting",
        "sender_id",
        "update_id",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
)

telegram_message = _table(
    # A message of ours that has buttons or more than one page: what its buttons mean.
    "telegram_message",
    Column("id", String(16), primary_key=True),
    Column("chat_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("message_id", BigInteger),
    Column("content", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("ix_telegram_message_place", "chat_id", "message_id"),
    Index("ix_telegram_message_created_at", "created_at"),
)

telegram_dialogue = _table(
    # A form that is being filled in, question by question.
    "telegram_dialogue",
    Column("id", String(16), primary_key=True),
    Column("user_id", BigInteger, nullable=False),
    Column("message_id", BigInteger),
    # Encrypted: it may hold the first digits of a code.
    Column("content", LargeBinary, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("ix_telegram_dialogue_user_id", "user_id", "updated_at"),
    Index("ix_telegram_dialogue_updated_at", "updated_at"),
)

telegram_deep_link = _table(
    # Where a link from a group leads in private: a pointer, never an authority.
    "telegram_deep_link",
    Column("id", String(24), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("action", String(32), nullable=False),
    Column("value", Text, nullable=False),
    # Whose link it is; 0 where anybody may follow it.
    Column("user_id", BigInteger, nullable=False),
    Column("key", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("ix_telegram_deep_link_created_at", "created_at"),
)

telegram_group = _table(
    # Groups that became supergroups: settings may still name the old id.
    "telegram_group",
    Column("old_id", BigInteger, primary_key=True, autoincrement=False),
    Column("new_id", BigInteger, nullable=False),
)

freeze = _table(
    # One row while nothing may leave.
    "freeze",
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("person_id", String(64), nullable=False),
    Column("reason", String(300), nullable=False),
    Column("at", Instant, nullable=False),
)

freeze_consent = _table(
    # Who wants the freeze lifted.
    "freeze_consent",
    Column("person_id", String(64), primary_key=True),
    Column("at", Instant, nullable=False),
)

replica = _table(
    # Processes that serve; one that is silent is taken over.
    "replica",
    Column("id", String(64), primary_key=True),
    Column("started_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("taken_by", String(64)),
    Column("taken_until", Instant),
)

home_viewer = _table(
    # Who has opened their own page in a chat: it is kept up to date from then on.
    "home_viewer",
    Column("chat", String(16), primary_key=True),
    Column("person_id", String(64), primary_key=True),
)

connector_state = _table(
    "connector_state",
    Column("connector", String(64), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("value", Text, nullable=False),
)

document = _table(
    "document",
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("account_id", String(64), nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("period_from", Date, nullable=False),
    Column("period_to", Date, nullable=False),
    Column("collected_at", Instant, nullable=False),
    # When these very bytes were last fetched: how fresh what they say is.
    Column("seen_at", Instant, nullable=False),
    # collected | synced | quarantined
    Column("state", String(16), nullable=False),
    # Why it is in quarantine: a code, and JSON facts for its sentence.
    Column("reason", String(64)),
    Column("reason_facts", Text),
    # Last, so that reading the rest of a row never walks through it.
    Column("content", LargeBinary, nullable=False),
    UniqueConstraint("account_id", "sha256"),
    Index("ix_document_account_state", "account_id", "state", "period_to", "seen_at"),
)

statement = _table(
    "statement",
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("account_id", String(64), nullable=False),
    Column("document_id", Integer, nullable=False),
    Column("period_from", Date, nullable=False),
    Column("period_to", Date, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("opening_minor", BigInteger, nullable=False),
    Column("closing_minor", BigInteger, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("synced_at", Instant, nullable=False),
    Index("ix_statement_account", "account_id", "id"),
)

statement_entry = _table(
    "statement_entry",
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("account_id", String(64), nullable=False),
    Column("key", String(256), nullable=False),
    Column("statement_id", Integer, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("booking_date", Date, nullable=False),
    Column("value_date", Date),
    Column("end_to_end_id", String(64)),
    Column("counterparty_name", String(140)),
    Column("counterparty_account", String(64)),
    Column("remittance", String(500), nullable=False),
    Column("institution_reference", String(256)),
    Column("order_id", String(16)),
    Column("matched_at", Instant),
    # Why nothing matches it, where something should; see workflows/reconciliation.py.
    Column("break_reason", String(32)),
    UniqueConstraint("account_id", "key"),
    Index("ix_statement_entry_end_to_end_id", "end_to_end_id"),
    Index("ix_statement_entry_booking_date", "account_id", "booking_date"),
    Index("ix_statement_entry_order_id", "order_id"),
    Index(
        "ix_statement_entry_break",
        "account_id",
        "booking_date",
        sqlite_where=text("break_reason IS NOT NULL"),
        postgresql_where=text("break_reason IS NOT NULL"),
    ),
)

balance_reading = _table(
    "balance_reading",
    Column("account_id", String(64), primary_key=True),
    Column("currency", String(3), nullable=False),
    Column("booked_minor", BigInteger),
    Column("available_minor", BigInteger),
    Column("at", Instant, nullable=False),
)

checkpoint = _table(
    # What the record was at some moments, signed; see workflows/record.
    "checkpoint",
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    # The exact bytes that were signed: they are never serialised again to be verified.
    Column("body", Text, nullable=False),
    # Base64; None where there is no key.
    Column("signature", String(88)),
)

record_node = _table(
    # Hashes of whole subtrees of the record's Merkle tree, so that nobody computes them again.
    "record_node",
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", String(64), nullable=False),
)
