"""Whether a statement may be believed: by itself, and beside what was believed before.

What fails is a `Refusal` whose code and facts say what was expected and what was found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select

from connectors.base import Account, Document, Entry, Statement
from connectors.money import MAX_MINOR, Money
from workflows import tables
from workflows.refusal import Refusal

MOST_ENTRIES = 200_000
LONGEST_KEY = 256
_KEYS_AT_ONCE = 500


class Opening(StrEnum):
    """Where a statement's opening balance comes from."""

    CONTINUED = "continued"
    """The closing balance of what was synced before."""
    STATED = "stated"
    """Nothing was synced before; the institution gave it."""
    DERIVED = "derived"
    """Nothing was synced before; it is the closing balance less the entries."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a statement goes on from what was synced before.

    Attributes:
        opening: Booked balance before the new entries.
        source: Where ``opening`` comes from.
        new: Entries not seen before, in the statement's order.
        known: How many were seen before.
        is_first: Whether nothing of the account was synced before.
    """

    opening: Money
    source: Opening
    new: tuple[Entry, ...]
    known: int
    is_first: bool


def check_itself(account: Account, document: Document, statement: Statement) -> None:
    """Check everything that the statement alone can show; pure.

    Raises:
        Refusal: ``statement.other_account``, ``statement.other_period``, ``statement.currency``,
            ``statement.too_large``, ``statement.sum``, ``entry.key``, ``entry.duplicate``,
            ``entry.currency``, ``statement.outside_period``.
    """
    if _compact(statement.account_iban) != _compact(account.iban):
        raise Refusal("statement.other_account", account=account.id)
    asked = (document.period_from, document.period_to)
    if (statement.period_from, statement.period_to) != asked:
        raise Refusal(
            "statement.other_period",
            asked=_period(*asked),
            found=_period(statement.period_from, statement.period_to),
        )
    for balance in (statement.opening, statement.closing):
        if balance is not None and balance.currency != account.currency:
            raise Refusal("statement.currency", expected=account.currency, found=balance.currency)
    _check_entries(account, statement)
    if statement.opening is not None:
        _check_balance(
            "statement.sum", statement.opening.minor + _sum(statement.entries), statement.closing
        )


def _check_entries(account: Account, statement: Statement) -> None:
    entries = statement.entries
    # The bound on what moved keeps every later sum within 64 bits.
    if len(entries) > MOST_ENTRIES or sum(abs(each.amount.minor) for each in entries) > MAX_MINOR:
        raise Refusal("statement.too_large", entries=len(entries))
    seen: set[str] = set()
    for entry in entries:
        if not 0 < len(entry.key) <= LONGEST_KEY:
            raise Refusal("entry.key", entry=entry.key[:40])
        if entry.key in seen:
            raise Refusal("entry.duplicate", entry=entry.key)
        seen.add(entry.key)
        if entry.amount.currency != account.currency:
            raise Refusal("entry.currency", entry=entry.key, found=entry.amount.currency)
        if not statement.period_from <= entry.booking_date <= statement.period_to:
            raise Refusal(
                "statement.outside_period",
                entry=entry.key,
                found=entry.booking_date.isoformat(),
                asked=_period(statement.period_from, statement.period_to),
            )


def check_against_record(connection: Connection, account: Account, statement: Statement) -> Fit:
    """Check that the statement goes on from what was synced before, and say how.

    Raises:
        Refusal: ``statement.out_of_order``, ``statement.discontinuous``, ``statement.currency``,
            ``entry.changed``, ``entry.missing``.
    """
    last = _last(connection, account.id)
    if last is not None and statement.period_to < last.period_to:
        raise Refusal(
            "statement.out_of_order",
            last=last.period_to.isoformat(),
            found=statement.period_to.isoformat(),
        )
    new = _unseen(connection, account.id, statement)
    known = len(statement.entries) - len(new)
    if last is None:
        opening = statement.closing.minor - _sum(new)
        if abs(opening) > MAX_MINOR:
            raise Refusal("statement.too_large", entries=len(new))
        source = Opening.DERIVED if statement.opening is None else Opening.STATED
        return Fit(Money(opening, account.currency), source, new, known, is_first=True)
    if last.currency != account.currency:
        raise Refusal("statement.currency", expected=last.currency, found=account.currency)
    _check_balance("statement.discontinuous", last.closing_minor + _sum(new), statement.closing)
    opened = Money(last.closing_minor, last.currency)
    return Fit(opened, Opening.CONTINUED, new, known, is_first=False)


def _last(connection: Connection, account_id: str) -> Row[Any] | None:
    table = tables.statement
    return connection.execute(
        select(table).where(table.c.account_id == account_id).order_by(table.c.id.desc()).limit(1)
    ).one_or_none()


def _unseen(connection: Connection, account_id: str, statement: Statement) -> tuple[Entry, ...]:
    """Return the entries that are new; those seen before must all be there, unchanged."""
    table = tables.statement_entry
    of_period = connection.execute(
        select(table).where(
            table.c.account_id == account_id,
            table.c.booking_date.between(statement.period_from, statement.period_to),
        )
    )
    stored = {row.key: row for row in of_period}
    new = []
    for entry in statement.entries:
        row = stored.pop(entry.key, None)
        if row is None:
            new.append(entry)
        elif not _is_same(row, entry):
            raise Refusal("entry.changed", entry=entry.key)
    if stored:
        raise Refusal("entry.missing", entry=min(stored), entries=len(stored))
    keys = [entry.key for entry in new]
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        moved = connection.execute(
            select(table.c.key).where(
                table.c.account_id == account_id,
                table.c.key.in_(keys[start : start + _KEYS_AT_ONCE]),
            )
        ).first()
        if moved is not None:  # known, but under a booking date outside the period
            raise Refusal("entry.changed", entry=moved.key)
    return tuple(new)


def _is_same(row: Row[Any], entry: Entry) -> bool:
    """Compare what makes the movement; institutions do reword names and remittance texts."""
    return all(
        getattr(row, name) == value
        for name, value in stored_values(entry).items()
        if name not in {"counterparty_name", "remittance"}
    )


def stored_values(entry: Entry) -> dict[str, object]:
    """Return an entry as the table keeps it; texts are clipped, the document has them in full."""
    return {
        "key": entry.key,
        "amount_minor": entry.amount.minor,
        "currency": entry.amount.currency,
        "booking_date": entry.booking_date,
        "value_date": entry.value_date,
        "end_to_end_id": _clipped(entry.end_to_end_id, 64),
        "counterparty_name": _clipped(entry.counterparty_name, 140),
        "counterparty_account": _clipped(entry.counterparty_account, 64),
        "remittance": entry.remittance_information[:500],
        "institution_reference": _clipped(entry.institution_reference, 256),
    }


def _clipped(text: str | None, longest: int) -> str | None:
    return text[:longest] if text else None


def _check_balance(code: str, expected: int, found: Money) -> None:
    if expected != found.minor:
        difference = found.minor - expected
        raise Refusal(code, closing=str(found), difference=_amount(difference, found.currency))


def _amount(minor: int, currency: str) -> str:
    """Return an amount for a fact, even one too large to be money."""
    return str(Money(minor, currency)) if abs(minor) <= MAX_MINOR else f"{minor} {currency} minor"


def _sum(entries: Iterable[Entry]) -> int:
    return sum(entry.amount.minor for entry in entries)


def _period(first: date, last: date) -> str:
    return f"{first.isoformat()}/{last.isoformat()}"


def _compact(iban: str) -> str:
    return "".join(iban.split()).upper()
