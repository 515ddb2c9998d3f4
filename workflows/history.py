"""How booked balances went over the last days: from statements alone, asking nobody.

The balance at the end of a day is the last statement's closing balance less what was booked after
that day, so an entry that the bank booked late moves the days it belongs to. A day that no
statement reaches has no figures; nothing is filled in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, case, func, select

from connectors.money import MAX_MINOR, Money
from workflows.company import Company, OwnAccount
from workflows.policy import Rates
from workflows.tables import document, statement, statement_entry

DAYS = 14
"""How many days there are, today included."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One day in one currency.

    Attributes:
        closing: Booked balance at its end; negative when overdrawn.
        incoming: Credits booked on it, never negative.
        outgoing: Debits booked on it, never negative.
    """

    closing: Money
    incoming: Money
    outgoing: Money


@dataclass(frozen=True, slots=True)
class Day:
    """One calendar day of an account.

    Attributes:
        figures: In the account's currency; None where no statement reaches.
        in_base: The same in the base currency; None also without a rate, or beyond what is money.
        is_over: Whether the statement was fetched after the day; else more may be booked on it.
    """

    day: date
    figures: Figures | None
    in_base: Figures | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class Together:
    """One calendar day of all accounts that count, in the base currency.

    Attributes:
        figures: Of those known on that day; None when none is, or beyond what is money.
        without: The others, which the figures lack.
        is_over: As of `Day`, for every account in the figures.
    """

    day: date
    figures: Figures | None
    without: tuple[str, ...]
    is_over: bool


@dataclass(frozen=True, slots=True)
class AccountHistory:
    """One account, day by day, in its own calendar.

    Attributes:
        days: Oldest first; the same days for every account.
    """

    account_id: str
    currency: str
    days: tuple[Day, ...]

    @property
    def is_known(self) -> bool:
        """Whether statements tell of any of the days."""
        return any(each.figures is not None for each in self.days)

    @property
    def counts(self) -> bool:
        """Whether the account is part of the total."""
        return any(each.in_base is not None for each in self.days)


@dataclass(frozen=True, slots=True)
class History:
    """The last days of some accounts.

    Attributes:
        days: Oldest first; the last is the latest day that has begun for any of the accounts.
        accounts: In the order of settings.
        total: All of them together, as far as they count; see `AccountHistory.counts`.
    """

    days: tuple[date, ...]
    accounts: tuple[AccountHistory, ...]
    total: tuple[Together, ...]

    def of(self, account_id: str) -> AccountHistory | None:
        """Return one account's history."""
        return next((each for each in self.accounts if each.account_id == account_id), None)


def recent(
    connection: Connection,
    company: Company,
    *,
    now: datetime,
    for_accounts: Collection[str],
    days: int = DAYS,
) -> History:
    """Return the last days of some accounts; ids that are none of ours are passed over."""
    owned = [own for own in company.accounts.values() if own.id in for_accounts]
    zones = [ZoneInfo(own.account.timezone) for own in owned] or [company.timezone]
    last = max(now.astimezone(zone).date() for zone in zones)
    span = tuple(last - timedelta(days=back) for back in reversed(range(days)))
    accounts = tuple(_account(connection, company.rates, own, span) for own in owned)
    return History(span, accounts, _total(company.base_currency, accounts, span))


@dataclass(frozen=True, slots=True)
class _Reach:
    """From when to when statements tell of an account, and what it held then.

    Attributes:
        over_to: Last day that was over when the last statement was fetched.
    """

    first: date
    last: date
    over_to: date
    closing_minor: int


def _account(
    connection: Connection, rates: Rates, own: OwnAccount, span: tuple[date, ...]
) -> AccountHistory:
    currency = own.account.currency
    reach = _reach(connection, own)
    if reach is None:
        return AccountHistory(own.id, currency, tuple(Day(day, None, None, False) for day in span))
    moved = _moved(connection, own, span[0])
    closing = reach.closing_minor - sum(
        incoming - outgoing for day, (incoming, outgoing) in moved.items() if day > span[-1]
    )
    days = []
    for day in reversed(span):
        incoming, outgoing = moved.get(day, (0, 0))
        figures = None
        if reach.first <= day <= reach.last:
            figures = _figures(currency, closing, incoming, outgoing)
        in_base = _in_base(rates, figures) if figures else None
        days.append(Day(day, figures, in_base, day <= reach.over_to))
        closing -= incoming - outgoing
    return AccountHistory(own.id, currency, tuple(reversed(days)))


def _reach(connection: Connection, own: OwnAccount) -> _Reach | None:
    # Statements follow on from one another without a gap (workflows/statement_checks.py).
    chain = (
        select(statement)
        .where(statement.c.account_id == own.id, statement.c.currency == own.account.currency)
        .limit(1)
    )
    first = connection.execute(chain.order_by(statement.c.id)).one_or_none()
    # One that brought nothing new has no row of its own, but its document has.
    fetched = connection.execute(
        select(document.c.period_to, document.c.seen_at)
        .where(document.c.account_id == own.id, document.c.state == "synced")
        .order_by(document.c.period_to.desc(), document.c.seen_at.desc())
        .limit(1)
    ).one_or_none()
    if first is None or fetched is None:
        return None
    newest = connection.execute(chain.order_by(statement.c.id.desc())).one()
    seen_on = fetched.seen_at.astimezone(ZoneInfo(own.account.timezone)).date()
    over_to = min(fetched.period_to, seen_on - timedelta(days=1))
    return _Reach(first.period_from, fetched.period_to, over_to, newest.closing_minor)


def _moved(connection: Connection, own: OwnAccount, since: date) -> dict[date, tuple[int, int]]:
    """Return credits and debits by booking date, from ``since`` on, both never negative."""
    entry = statement_entry.c
    rows = connection.execute(
        select(
            entry.booking_date,
            func.sum(case((entry.amount_minor > 0, entry.amount_minor), else_=0)),
            func.sum(case((entry.amount_minor < 0, -entry.amount_minor), else_=0)),
        )
        .where(
            entry.account_id == own.id,
            entry.currency == own.account.currency,
            entry.booking_date >= since,
        )
        .group_by(entry.booking_date)
    )
    return {day: (int(incoming), int(outgoing)) for day, incoming, outgoing in rows}


def _in_base(rates: Rates, figures: Figures) -> Figures | None:
    closing = rates.to_base(figures.closing)
    incoming = rates.to_base(figures.incoming)
    outgoing = rates.to_base(figures.outgoing)
    if closing is None or incoming is None or outgoing is None:
        return None
    return Figures(closing, incoming, outgoing)


def _total(
    currency: str, accounts: Iterable[AccountHistory], span: tuple[date, ...]
) -> tuple[Together, ...]:
    counted = [each for each in accounts if each.counts]
    days = []
    for index, day in enumerate(span):
        known: list[tuple[Figures, bool]] = []
        without: list[str] = []
        for account in counted:
            there = account.days[index]
            if there.in_base is None:
                without.append(account.account_id)
            else:
                known.append((there.in_base, there.is_over))
        summed = None
        if known:
            summed = _figures(
                currency,
                sum(each.closing.minor for each, _ in known),
                sum(each.incoming.minor for each, _ in known),
                sum(each.outgoing.minor for each, _ in known),
            )
        days.append(Together(day, summed, tuple(without), all(is_over for _, is_over in known)))
    return tuple(days)


def _figures(currency: str, closing: int, incoming: int, outgoing: int) -> Figures | None:
    """Return a day's figures, unless one of them is more than can be money."""
    if max(abs(closing), incoming, outgoing) > MAX_MINOR:
        return None
    return Figures(Money(closing, currency), Money(incoming, currency), Money(outgoing, currency))
