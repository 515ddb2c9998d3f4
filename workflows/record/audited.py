"""The tables that the record tells of, and their rows as entries tell them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Date,
    LargeBinary,
    Select,
    Table,
    bindparam,
    select,
    type_coerce,
)
from sqlalchemy.types import NULLTYPE

from workflows import audit
from workflows.prepared import Prepared
from workflows.record.replay import Key
from workflows.tables import (
    Instant,
    approval,
    charter,
    chat_identity,
    delegation,
    freeze,
    freeze_consent,
    instruction,
    kept_file,
    payee,
    payment_order,
    proposal,
    proposal_decision,
    receipt,
    series,
)

BRAKE, CHARTER = "freeze", "charter"
"""The subjects of all entries about the brake, and about the charter."""


class Audited:
    """A table that is compared.

    Attributes:
        subject: The column with the subject of its entries; None where that is ``common``.
        common: The subject of the entries of all its rows, where they have none of their own.
        origins: Kinds of the entries that tell of a new row.
        names: Columns that are compared as they are.
        content: Returns a row's ``content`` by its key; its SHA-256 is compared.
    """

    def __init__(self, table: Table, subject: Column[Any] | str, *origins: str) -> None:
        self.table = table
        self.common = subject if isinstance(subject, str) else ""
        self.subject = None if isinstance(subject, str) else subject
        self.origins = origins
        columns = [each for each in table.c if not _is_content(each)]
        keys = list(table.primary_key)
        self.names = [each.name for each in columns]
        self.select = cast("Select[Any]", select(*map(raw, columns)))
        self.keys = cast("Select[Any]", select(*map(raw, keys)))
        self.content: Prepared | None = None
        if len(columns) < len(table.c):
            by_key = select(raw(table.c.content)).where(keys[0] == bindparam("key"))
            self.content = Prepared(by_key)
        self._subject = None if self.subject is None else columns.index(self.subject)
        self._key = [columns.index(each) for each in keys]
        self._converted = [
            (place, convert)
            for place, each in enumerate(columns)
            if (convert := _conversion(each)) is not None
        ]

    def key(self, row: Sequence[Any]) -> Key:
        """Return a row's primary key."""
        return tuple(row[place] for place in self._key)

    def subject_of(self, row: Sequence[Any]) -> str:
        """Return the subject of a row's entries."""
        return self.common if self._subject is None else row[self._subject]

    def as_told(self, row: Sequence[Any]) -> list[Any]:
        """Return a row as entries tell it; what is no such value stays what it is."""
        values = list(row)
        for place, convert in self._converted:
            if values[place] is not None:
                values[place] = convert(values[place])
        return values


def _is_content(column: Column[Any]) -> bool:
    """Whether a column holds bytes that are told by their hash."""
    return column.name == "content" and isinstance(column.type, LargeBinary)


def raw(column: Column[Any]) -> ColumnElement[Any]:
    """Return a column as the driver gives it, so that nothing is mended by reading."""
    return type_coerce(column, NULLTYPE).label(column.name)


def _conversion(column: Column[Any]) -> Callable[[Any], Any] | None:
    if isinstance(column.type, Instant):
        return lambda value: audit.stored_instant(value) or value
    if isinstance(column.type, Date):
        return lambda value: value.isoformat() if isinstance(value, date) else value
    if isinstance(column.type, BigInteger):
        return lambda value: audit.told({"": value})[""] if type(value) is int else value
    return None


AUDITED = (
    Audited(payment_order, payment_order.c.id, "order.requested"),
    Audited(approval, approval.c.order_id, "order.requested"),
    Audited(instruction, instruction.c.order_id, "order.requested"),
    Audited(receipt, receipt.c.order_id, "order.requested"),
    Audited(series, series.c.id, "order.requested"),
    Audited(kept_file, kept_file.c.id, "file.kept"),
    Audited(payee, payee.c.id, "payee.registered"),
    Audited(chat_identity, chat_identity.c.person_id, "person.linked", "person.unlinked"),
    Audited(proposal, proposal.c.id, "proposal.made"),
    Audited(proposal_decision, proposal_decision.c.proposal_id, "proposal.made"),
    Audited(delegation, delegation.c.id, "absence.begun", "delegation.begun"),
    Audited(freeze, BRAKE, "freeze.begun"),
    Audited(freeze_consent, BRAKE, "freeze.consent"),
    Audited(charter, CHARTER, "charter.begun"),
)

ORIGINS = frozenset(kind for each in AUDITED for kind in each.origins)
"""Kinds of entries with which a subject begins."""
