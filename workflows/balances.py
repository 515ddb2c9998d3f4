"""What is known of an account's balances: the last live reading, or its statement if that is newer.

Booked and available have an instant each, because a statement tells only the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from connectors.base import Account, Balance, BalanceType
from connectors.money import Money
from workflows import tables


@dataclass(frozen=True, slots=True)
class Reading:
    """An account's balances as last known.

    Attributes:
        booked_at: When the institution said ``booked``.
        available_at: When the institution said ``available``.
        is_fresh: Whether the institution answered just now.
        error: Why it did not, where it was asked: the code of a `ConnectorError`.
    """

    account_id: str
    currency: str
    booked: Money | None = None
    booked_at: datetime | None = None
    available: Money | None = None
    available_at: datetime | None = None
    is_fresh: bool = False
    error: str | None = None

    @property
    def at(self) -> datetime | None:
        """Since when the oldest of the two may have changed; None when nothing is known."""
        return min((at for at in (self.booked_at, self.available_at) if at), default=None)


def reading_of(account: Account, answer: Iterable[Balance], now: datetime) -> Reading | None:
    """Return an institution's answer as a fresh reading; None when it has neither balance."""
    found: dict[BalanceType, Money] = {}
    for balance in answer:
        if balance.amount.currency == account.currency:
            found.setdefault(balance.type, balance.amount)
    booked = found.get(BalanceType.BOOKED) or found.get(BalanceType.CLOSING_BOOKED)
    available = found.get(BalanceType.AVAILABLE)
    if booked is None and available is None:
        return None
    return Reading(
        account_id=account.id,
        currency=account.currency,
        booked=booked,
        booked_at=now if booked else None,
        available=available,
        available_at=now if available else None,
        is_fresh=True,
    )


def remember(connection: Connection, readings: Iterable[Reading], *, now: datetime) -> None:
    """Keep fresh readings; one that came back later than a newer one is dropped."""
    table = tables.balance_reading
    for reading in readings:
        at = connection.execute(
            select(table.c.at).where(table.c.account_id == reading.account_id)
        ).scalar_one_or_none()
        values = {
            "currency": reading.currency,
            "booked_minor": reading.booked.minor if reading.booked else None,
            "available_minor": reading.available.minor if reading.available else None,
            "at": now,
        }
        if at is None:
            connection.execute(insert(table).values(account_id=reading.account_id, **values))
        elif at <= now:
            connection.execute(
                update(table).where(table.c.account_id == reading.account_id).values(**values)
            )


def known(connection: Connection, accounts: Sequence[Account]) -> list[Reading]:
    """Return what is known of each account, asking nobody."""
    return [_known(connection, account) for account in accounts]


def _known(connection: Connection, account: Account) -> Reading:
    reading = Reading(account.id, account.currency)
    table = tables.balance_reading
    row = connection.execute(
        select(table).where(table.c.account_id == account.id, table.c.currency == account.currency)
    ).one_or_none()
    if row is not None:
        has_booked, has_available = row.booked_minor is not None, row.available_minor is not None
        reading = replace(
            reading,
            booked=Money(row.booked_minor, row.currency) if has_booked else None,
            booked_at=row.at if has_booked else None,
            available=Money(row.available_minor, row.currency) if has_available else None,
            available_at=row.at if has_available else None,
        )
    stated = _stated(connection, account)
    if stated and (reading.booked_at is None or stated[1] > reading.booked_at):
        reading = replace(reading, booked=stated[0], booked_at=stated[1])
    return reading


def _stated(connection: Connection, account: Account) -> tuple[Money, datetime] | None:
    """Return the closing balance of the last statement, and when it was last confirmed."""
    at = collected_at(connection, account.id)
    statement = tables.statement
    closing = connection.execute(
        select(statement.c.closing_minor)
        .where(statement.c.account_id == account.id, statement.c.currency == account.currency)
        .order_by(statement.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return (Money(closing, account.currency), at) if at and closing is not None else None


def collected_at(connection: Connection, account_id: str) -> datetime | None:
    """Return when a statement of the account was last taken in without fault."""
    document = tables.document
    return connection.execute(
        select(document.c.seen_at)
        .where(document.c.account_id == account_id, document.c.state == "synced")
        .order_by(document.c.period_to.desc(), document.c.seen_at.desc())
        .limit(1)
    ).scalar_one_or_none()
