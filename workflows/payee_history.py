"""What was paid to an account before: how often, when last, and how much it usually is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from statistics import median_low

from sqlalchemy import Connection, bindparam, func, literal_column, select

from connectors.money import Money
from workflows.orders import Order, OrderState
from workflows.prepared import Prepared
from workflows.tables import payment_order

MOST = 60
"""Payments that are looked at one by one: the newest."""
MOST_COUNTED = 1000
FAR_ABOVE = 3
"""So many times what is usual is far above it."""
ENOUGH = 3
"""So many payments make something usual."""


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment that was settled."""

    order_id: str
    amount: Money
    at: datetime


@dataclass(frozen=True, slots=True)
class PayeeHistory:
    """What the company has paid to one account.

    Attributes:
        count: Settled payments, in whatever currency, counted up to `MOST_COUNTED`.
        recent: The newest of them, newest first.
        currency: That which is asked about; usual amounts are told in no other.
    """

    count: int
    recent: tuple[Paid, ...]
    currency: str

    @property
    def newest(self) -> Paid | None:
        """The payment that was settled last."""
        return max(self.recent, key=lambda each: each.at, default=None)

    def last_on(self, zone: tzinfo) -> date | None:
        """Return the day of the last payment."""
        return self.newest.at.astimezone(zone).date() if self.newest else None

    @property
    def alike(self) -> tuple[Paid, ...]:
        """The recent payments in this currency, newest first."""
        return tuple(each for each in self.recent if each.amount.currency == self.currency)

    @property
    def usual(self) -> Money | None:
        """The median of the recent payments in this currency."""
        found = [each.amount.minor for each in self.alike]
        return Money(median_low(found), self.currency) if found else None

    @property
    def range(self) -> tuple[Money, Money] | None:
        """Between what the middle half of the recent payments in this currency are."""
        found = sorted(each.amount.minor for each in self.alike)
        if not found:
            return None
        quarter = len(found) // 4
        low, high = found[quarter], found[-1 - quarter]
        return Money(low, self.currency), Money(high, self.currency)

    def is_exceeded_by(self, amount: Money) -> bool:
        """Whether ``amount`` is far above what is usual, where enough was paid to say so."""
        usual = self.usual
        if usual is None or amount.currency != self.currency or len(self.alike) < ENOUGH:
            return False
        return amount.minor > FAR_ABOVE * usual.minor


_ORDER = payment_order.c
_TO_THEM = (
    _ORDER.creditor_iban == bindparam("iban"),
    _ORDER.state == literal_column(f"'{OrderState.SETTLED}'"),
    _ORDER.id != bindparam("order"),
    # An order's last change is its settlement, as long as nothing came back.
    _ORDER.updated_at <= bindparam("before"),
)
_RECENT = Prepared(
    select(_ORDER.id, _ORDER.amount_minor, _ORDER.currency, _ORDER.updated_at)
    .where(*_TO_THEM)
    .order_by(_ORDER.created_at.desc())
    .limit(bindparam("most"))
)
_COUNT = Prepared(
    select(func.count()).select_from(
        select(_ORDER.id).where(*_TO_THEM).limit(bindparam("most")).subquery()
    )
)


def of_order(connection: Connection, order: Order) -> PayeeHistory:
    """Return what was paid to the account of an order before its present version was asked for.

    So it is the same for all who look at that version, whenever they do.
    """
    asked = {"iban": order.creditor_iban, "order": order.id, "before": order.versioned_at}
    recent = tuple(
        Paid(order_id, Money(minor, currency), at)
        for order_id, minor, currency, at in _RECENT.rows(connection, {**asked, "most": MOST})
    )
    count = len(recent)
    if count == MOST:
        row = _COUNT.row(connection, {**asked, "most": MOST_COUNTED})
        assert row is not None
        count = row[0]
    return PayeeHistory(count, recent, order.currency)
