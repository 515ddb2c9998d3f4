"""Closing the loop: what the bank booked beside what we asked for.

An entry that should have a match and has none is a break; its reason is kept with it. A break in
which one of our own orders is involved is an alarm and goes on the record at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, case, func, literal, select, update

from connectors.money import Money
from workflows import audit, instructions, orders
from workflows.orders import Order, OrderState
from workflows.tables import document, payment_order, statement, statement_entry

NO_REFERENCE = "no_reference"
"""Money left the account under no end-to-end id."""
UNKNOWN_ORDER = "unknown_order"
"""Money left the account under an end-to-end id that is none of ours."""
DUPLICATE_ENTRY = "duplicate_entry"
"""The end-to-end id is booked, or came back, a second time: it may have been paid twice."""
ACCOUNT_DIFFERS = "account_differs"
"""Our payment was booked on another of our accounts than it was ordered from."""
AMOUNT_DIFFERS = "amount_differs"
"""Our payment was booked with another amount than was ordered."""
BOOKED_THOUGH = "booked_though_"
"""Followed by the state: our payment was booked though by that state it was never sent."""
RETURN_DIFFERS = "return_differs"
"""A settled payment of ours came back with another amount."""
RETURN_UNEXPECTED = "return_unexpected"
"""A payment of ours came back which, for all we know, had not been made."""
NOT_BOOKED = "not_booked"
"""A settled order is on no statement, though statements of its time were collected."""

_MAY_BE_BOOKED = frozenset(
    {
        OrderState.RELEASED,
        OrderState.SUBMITTED,
        OrderState.UNKNOWN,
        OrderState.SETTLED,
        OrderState.RETURNED,
    }
)
_NO_ALARM = (NO_REFERENCE, UNKNOWN_ORDER)
_IDS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A booked entry as stored; field for field the table ``statement_entry``."""

    id: int
    account_id: str
    key: str
    statement_id: int
    amount_minor: int
    currency: str
    booking_date: date
    value_date: date | None
    end_to_end_id: str | None
    counterparty_name: str | None
    counterparty_account: str | None
    remittance: str
    institution_reference: str | None
    order_id: str | None
    matched_at: datetime | None
    break_reason: str | None

    @property
    def amount(self) -> Money:
        """Signed: negative when money left the account."""
        return Money(self.amount_minor, self.currency)


@dataclass(frozen=True, slots=True)
class Matches:
    """What matching found: payments booked, payments come back, breaks and alarms among them."""

    booked: int = 0
    returned: int = 0
    breaks: int = 0
    alarms: int = 0


@dataclass(frozen=True, slots=True)
class Break:
    """An entry or order without its counterpart.

    Attributes:
        reason: One of this module's reasons.
        amount: Signed, as booked; for `NOT_BOOKED` what should have left the account.
        on: Booking date of the entry; for `NOT_BOOKED` the day (UTC) the order settled.
        entry_key: None for `NOT_BOOKED`.
        order_id: The order of ours that is involved, if any.
        counterparty: Name of the other side, where known.
    """

    reason: str
    account_id: str
    amount: Money
    on: date
    entry_key: str | None
    order_id: str | None
    counterparty: str | None

    @property
    def is_alarm(self) -> bool:
        """Whether money may have gone wrong, rather than only be unexplained."""
        return self.reason not in (*_NO_ALARM, NOT_BOOKED)


def of_statement(connection: Connection, statement_id: int) -> list[StoredEntry]:
    """Return the entries that a statement brought, oldest first."""
    rows = connection.execute(
        select(statement_entry)
        .where(statement_entry.c.statement_id == statement_id)
        .order_by(statement_entry.c.booking_date, statement_entry.c.id)
    )
    names = [each.name for each in fields(StoredEntry)]
    return [StoredEntry(**{name: row._mapping[name] for name in names}) for row in rows]


def match(
    connection: Connection,
    entries: Sequence[StoredEntry],
    *,
    now: datetime,
    begins: date | None = None,
) -> Matches:
    """Match newly synced entries to orders by end-to-end id, in the caller's transaction.

    A debit matches the order of its account with exactly its amount, once; an order on its way
    becomes settled by it. A credit under the id of a settled order is that payment come back. What
    was booked before ``begins``, the first day of collection, and is not ours is history and no
    break.
    """
    ours = _orders_of(connection, entries)
    booked = returned = 0
    reasons: dict[int, str] = {}
    # On one day a payment may be booked and come back: the payment first.
    for entry in sorted(entries, key=lambda each: each.amount_minor > 0):
        order_id = ours.get(entry.end_to_end_id or "")
        order = orders.get(connection, order_id) if order_id else None
        if order is None or _is_arrival(entry, order):
            order, reason = None, _reason_without_order(entry, begins)
        else:
            reason = _reason_against(connection, entry, order)
        if reason is not None:
            reasons[entry.id] = reason
            _alarm(connection, entry, order, reason, now)
        elif order is not None and entry.amount_minor < 0:
            booked += 1
            _book(connection, entry, order, now)
        elif order is not None:
            returned += 1
            _return(connection, entry, order, now)
    _keep_reasons(connection, reasons)
    alarms = sum(reason not in _NO_ALARM for reason in reasons.values())
    return Matches(booked, returned, len(reasons), alarms)


def _orders_of(connection: Connection, entries: Iterable[StoredEntry]) -> dict[str, str]:
    """Return the orders whose payments travel under the entries' end-to-end ids, by those."""
    ids = sorted({each.end_to_end_id for each in entries if each.end_to_end_id})
    found: dict[str, str] = {}
    for start in range(0, len(ids), _IDS_AT_ONCE):
        rows = connection.execute(
            select(payment_order.c.end_to_end_id, payment_order.c.id).where(
                payment_order.c.end_to_end_id.in_(ids[start : start + _IDS_AT_ONCE])
            )
        )
        found.update((row.end_to_end_id, row.id) for row in rows)
    return found


def _is_arrival(entry: StoredEntry, order: Order) -> bool:
    """Whether a transfer between our own accounts arrives: no counterpart of its order."""
    return entry.amount_minor > 0 and entry.account_id != order.account_id


def _reason_without_order(entry: StoredEntry, begins: date | None) -> str | None:
    is_history = begins is not None and entry.booking_date < begins
    if entry.amount_minor >= 0 or is_history:
        return None
    return UNKNOWN_ORDER if entry.end_to_end_id else NO_REFERENCE


def _reason_against(connection: Connection, entry: StoredEntry, order: Order) -> str | None:
    """Return why the entry is not the order's, or None when it is."""
    is_debit = entry.amount_minor < 0
    if _came_before(connection, entry):
        return DUPLICATE_ENTRY
    if entry.account_id != order.account_id:
        return ACCOUNT_DIFFERS
    if entry.amount != (-order.amount if is_debit else order.amount):
        return AMOUNT_DIFFERS if is_debit else RETURN_DIFFERS
    if is_debit:
        return None if order.state in _MAY_BE_BOOKED else BOOKED_THOUGH + order.state
    return None if order.state == OrderState.SETTLED else RETURN_UNEXPECTED


def _came_before(connection: Connection, entry: StoredEntry) -> bool:
    """Whether an earlier entry, on any account of ours, moved money the same way for this id."""
    table = statement_entry.c
    is_debit = entry.amount_minor < 0
    # A transfer between our accounts is a credit on the other one, and no return.
    others = table.amount_minor < 0 if is_debit else table.amount_minor > 0
    same_account = literal(True) if is_debit else table.account_id == entry.account_id
    found = connection.execute(
        select(table.id)
        .where(
            table.end_to_end_id == entry.end_to_end_id, table.id < entry.id, others, same_account
        )
        .limit(1)
    ).first()
    return found is not None


def _book(connection: Connection, entry: StoredEntry, order: Order, now: datetime) -> None:
    _link(connection, entry, order, now)
    audit.append(
        connection,
        at=now,
        actor=audit.SYSTEM,
        kind="entry.matched",
        subject=order.id,
        facts=_facts(entry),
    )
    reference = entry.institution_reference or entry.key
    instructions.booked(connection, order.id, reference, now=now)


def _return(connection: Connection, entry: StoredEntry, order: Order, now: datetime) -> None:
    _link(connection, entry, order, now)
    orders.change(
        connection,
        order,
        OrderState.RETURNED,
        now=now,
        actor=audit.SYSTEM,
        kind="order.returned",
        facts=_facts(entry),
    )


def _link(connection: Connection, entry: StoredEntry, order: Order, now: datetime) -> None:
    connection.execute(
        update(statement_entry)
        .where(statement_entry.c.id == entry.id)
        .values(order_id=order.id, matched_at=now)
    )


def _keep_reasons(connection: Connection, reasons: Mapping[int, str]) -> None:
    if reasons:
        connection.execute(
            update(statement_entry)
            .where(statement_entry.c.id == bindparam("entry"))
            .values(break_reason=bindparam("reason")),
            [{"entry": entry, "reason": reason} for entry, reason in reasons.items()],
        )


def _alarm(
    connection: Connection, entry: StoredEntry, order: Order | None, reason: str, now: datetime
) -> None:
    """Put a break on the record at once if an order of ours is involved."""
    if order is None:
        return
    audit.append(
        connection,
        at=now,
        actor=audit.SYSTEM,
        kind="reconciliation.alarm",
        subject=order.id,
        facts={"reason": reason, "ordered": str(order.amount), **_facts(entry)},
    )


def _facts(entry: StoredEntry) -> dict[str, str]:
    return {
        "entry": entry.key,
        "account": entry.account_id,
        "booking_date": entry.booking_date.isoformat(),
        "amount": str(entry.amount),
    }


# ---- open breaks ------------------------------------------------------------------------------


def breaks(
    connection: Connection,
    account_ids: Collection[str],
    *,
    now: datetime,
    missing_after: timedelta = timedelta(days=5),
    most: int = 1000,
) -> list[Break]:
    """Return up to ``most`` open breaks of some accounts: alarms first, then the oldest first.

    A settled order is one when, ``missing_after`` its settlement, the statements of the time since
    it was asked for were collected and it is on none of them.
    """
    rows = connection.execute(_of_entries(account_ids).limit(most))
    found = [
        Break(
            reason=row.break_reason,
            account_id=row.account_id,
            amount=Money(row.amount_minor, row.currency),
            on=row.booking_date,
            entry_key=row.key,
            order_id=row.order_id,
            counterparty=row.counterparty_name,
        )
        for row in rows
    ]
    missing = connection.execute(_not_booked(account_ids, now - missing_after).limit(most))
    found += [
        Break(
            reason=NOT_BOOKED,
            account_id=row.account_id,
            amount=Money(-row.amount_minor, row.currency),
            on=row.updated_at.date(),
            entry_key=None,
            order_id=row.id,
            counterparty=row.creditor_name,
        )
        for row in missing
    ]
    found.sort(key=lambda each: (not each.is_alarm, each.on, each.account_id, each.entry_key or ""))
    return found[:most]


def count_breaks(
    connection: Connection,
    account_ids: Collection[str],
    *,
    now: datetime,
    missing_after: timedelta = timedelta(days=5),
) -> int:
    """Return how many open breaks `breaks` would list without its limit."""
    of_entries = select(func.count()).select_from(_of_entries(account_ids).subquery())
    missing = select(func.count()).select_from(
        _not_booked(account_ids, now - missing_after).subquery()
    )
    return int(
        connection.execute(of_entries).scalar_one() + connection.execute(missing).scalar_one()
    )


def _of_entries(account_ids: Collection[str]) -> Select[Any]:
    table = statement_entry
    is_quiet = case((table.c.break_reason.in_(_NO_ALARM), 1), else_=0)
    return (
        select(
            table.c.break_reason,
            table.c.account_id,
            table.c.amount_minor,
            table.c.currency,
            table.c.booking_date,
            table.c.key,
            table.c.counterparty_name,
            payment_order.c.id.label("order_id"),
        )
        .join(
            payment_order,
            and_(
                payment_order.c.end_to_end_id == table.c.end_to_end_id,
                table.c.break_reason.not_in(_NO_ALARM),
            ),
            isouter=True,
        )
        .where(table.c.account_id.in_(sorted(account_ids)), table.c.break_reason.is_not(None))
        .order_by(is_quiet, table.c.booking_date, table.c.id)
    )


def _not_booked(account_ids: Collection[str], settled_before: datetime) -> Select[Any]:
    """Select settled orders on no statement, of a time whose statements were all collected."""
    order = payment_order.c
    is_booked = (
        select(statement_entry.c.id)
        .where(statement_entry.c.order_id == order.id, statement_entry.c.amount_minor < 0)
        .exists()
    )
    began_before = (
        select(statement.c.id)
        .where(
            statement.c.account_id == order.account_id,
            statement.c.period_from <= func.date(order.created_at),
        )
        .exists()
    )
    collected_since = (
        select(document.c.id)
        .where(
            document.c.account_id == order.account_id,
            document.c.state == "synced",
            document.c.seen_at >= order.updated_at,
        )
        .exists()
    )
    return (
        select(
            order.id,
            order.account_id,
            order.amount_minor,
            order.currency,
            order.creditor_name,
            order.updated_at,
        )
        .where(
            order.account_id.in_(sorted(account_ids)),
            order.state == str(OrderState.SETTLED),
            order.updated_at <= settled_before,
            ~is_booked,
            began_before,
            collected_since,
        )
        .order_by(order.updated_at, order.id)
    )
