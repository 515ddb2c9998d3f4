"""The daily digest: how the company's money stands, in facts, for any chat to say.

Composed from the tables alone, asking nobody: the same record and the same instant give the same
digest.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, case, func, select

from connectors.money import MAX_MINOR, Money
from workflows import audit, balances, reconciliation, statements
from workflows.balances import Reading
from workflows.calendars import Calendar, NotKnownYet
from workflows.company import Company, OwnAccount
from workflows.instructions import Stage
from workflows.orders import OrderState
from workflows.reconciliation import Break
from workflows.record.problems import RecordBroken
from workflows.record.tree import Tree
from workflows.statements import Trouble
from workflows.tables import document, instruction, payment_order, statement_entry

FORESIGHT = timedelta(days=30)
"""How long before it matters it is told that nobody knows which days are business days."""
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Tally:
    """How many entries, and how much they come to (never negative)."""

    count: int
    amount: Money


@dataclass(frozen=True, slots=True)
class AccountDigest:
    """One account.

    Attributes:
        name: As people call it.
        reading: Its balances as last known, each with its instant.
        collected_at: When a statement was last taken in without fault; None if never.
        period_from: First booking date of the movements, in the account's calendar.
        period_to: Last one.
        incoming: Credits of the period.
        outgoing: Debits of the period; ``matched`` and ``unmatched`` together.
        matched: Debits that are payments we ordered.
        unmatched: All other debits.
        trouble: What keeps its statements from coming in, if anything.
        quarantined: Documents of the period that are in quarantine.
        calendar: Which business days it has, where settings say so.
        unknown_from: Day, soon, from which on nobody knows its business days.
    """

    account_id: str
    name: str
    currency: str
    reading: Reading
    collected_at: datetime | None
    period_from: date
    period_to: date
    incoming: Tally
    outgoing: Tally
    matched: Tally
    unmatched: Tally
    trouble: Trouble | None
    quarantined: int
    calendar: str = ""
    unknown_from: date | None = None

    @property
    def entries(self) -> int:
        """How many entries were booked in the period."""
        return self.incoming.count + self.outgoing.count


@dataclass(frozen=True, slots=True)
class Digest:
    """The company at ``at``, as far as the accounts asked for go.

    Attributes:
        accounts: In the order of settings.
        total: Booked balances in the base currency, of the accounts that count; None when none
            does, or when it is more than can be money.
        without_rate: Accounts that do not count because their currency has no rate.
        without_balance: Accounts that do not count because nothing is known of them.
        waiting: Orders waiting for approvals.
        waiting_since: When the oldest of them was asked for.
        undecided: Orders of which the institution cannot say what became of them: a person must.
        breaks: The first open breaks; alarms come first.
        break_count: All open breaks.
        audit_seq: Number of the record's newest entry.
        audit_hash: Its hash, at the end of the chain.
        audit_root: Merkle root of the whole record up to it, by which this digest witnesses it;
            empty where the record is broken.
    """

    at: datetime
    base_currency: str
    accounts: tuple[AccountDigest, ...]
    total: Money | None
    without_rate: tuple[str, ...]
    without_balance: tuple[str, ...]
    waiting: int
    waiting_since: datetime | None
    undecided: tuple[str, ...]
    breaks: tuple[Break, ...]
    break_count: int
    audit_seq: int
    audit_hash: str
    audit_root: str

    @property
    def troubled(self) -> tuple[AccountDigest, ...]:
        """Accounts whose statements do not come in."""
        return tuple(each for each in self.accounts if each.trouble is not None)


def compose(
    connection: Connection,
    company: Company,
    *,
    now: datetime,
    since: datetime | None = None,
    for_accounts: Collection[str],
    most_breaks: int = 5,
) -> Digest:
    """Compose the digest of some accounts; ids that are none of ours are passed over.

    Movements run to today, from the day of ``since`` or else from the previous business day, both
    in each account's calendar.
    """
    owned = [own for own in company.accounts.values() if own.id in for_accounts]
    ids = [own.id for own in owned]
    accounts = tuple(_account(connection, own, now, since) for own in owned)
    total, without_rate = _total(company, accounts)
    waiting, waiting_since = _waiting(connection, ids)
    seq, head = audit.head(connection)
    return Digest(
        at=now,
        base_currency=company.base_currency,
        accounts=accounts,
        total=total,
        without_rate=without_rate,
        without_balance=tuple(each.account_id for each in accounts if each.reading.booked is None),
        waiting=waiting,
        waiting_since=waiting_since,
        undecided=_undecided(connection, ids),
        breaks=tuple(reconciliation.breaks(connection, ids, now=now, most=most_breaks)),
        break_count=reconciliation.count_breaks(connection, ids, now=now),
        audit_seq=seq,
        audit_hash=head,
        audit_root=_root(connection, seq),
    )


def _root(connection: Connection, seq: int) -> str:
    try:
        return Tree(connection, seq).root().hex()
    except RecordBroken:
        return ""


def previous_business_day(day: date, calendar: Calendar | None = None) -> date:
    """Return the last business day before ``day``.

    Without a calendar, and where it does not know, it is the last that is no Saturday or Sunday:
    only how far back movements are shown depends on it, and the digest says since when they are.
    """
    if calendar is not None:
        with suppress(NotKnownYet):
            return calendar.before(day)
    day -= timedelta(days=1)
    while day.weekday() >= _SATURDAY:
        day -= timedelta(days=1)
    return day


def _account(
    connection: Connection, own: OwnAccount, now: datetime, since: datetime | None
) -> AccountDigest:
    zone = ZoneInfo(own.account.timezone)
    today = now.astimezone(zone).date()
    first = since.astimezone(zone).date() if since else previous_business_day(today, own.calendar)
    matched, unmatched, incoming = _movements(connection, own, first, today)
    (reading,) = balances.known(connection, [own.account])
    return AccountDigest(
        account_id=own.id,
        name=own.name,
        currency=own.account.currency,
        reading=reading,
        collected_at=balances.collected_at(connection, own.id),
        period_from=first,
        period_to=today,
        incoming=incoming,
        outgoing=Tally(matched.count + unmatched.count, matched.amount + unmatched.amount),
        matched=matched,
        unmatched=unmatched,
        trouble=statements.trouble_of(connection, own.id),
        quarantined=_quarantined(connection, own.id, first),
        calendar=own.calendar.name if own.calendar else "",
        unknown_from=own.calendar.unknown_from(today, FORESIGHT) if own.calendar else None,
    )


def _movements(
    connection: Connection, own: OwnAccount, first: date, last: date
) -> tuple[Tally, Tally, Tally]:
    """Return matched debits, other debits, and credits."""
    table = statement_entry.c
    kind = case(
        (table.amount_minor >= 0, "in"), (table.order_id.is_not(None), "matched"), else_="unmatched"
    )
    rows = connection.execute(
        select(kind, func.count(), func.sum(table.amount_minor))
        .where(
            table.account_id == own.id,
            table.currency == own.account.currency,
            table.booking_date.between(first, last),
        )
        .group_by(kind)
    )
    found = {name: (count, abs(int(total))) for name, count, total in rows}

    def tally(name: str) -> Tally:
        count, minor = found.get(name, (0, 0))
        return Tally(count, Money(minor, own.account.currency))

    return tally("matched"), tally("unmatched"), tally("in")


def _quarantined(connection: Connection, account_id: str, first: date) -> int:
    return connection.execute(
        select(func.count())
        .select_from(document)
        .where(
            document.c.account_id == account_id,
            document.c.state == "quarantined",
            document.c.period_to >= first,
        )
    ).scalar_one()


def _total(
    company: Company, accounts: Sequence[AccountDigest]
) -> tuple[Money | None, tuple[str, ...]]:
    """Return the booked balances in the base currency, and the accounts that have no rate."""
    converted, without_rate = [], []
    for each in accounts:
        if each.reading.booked is None:
            continue
        in_base = company.rates.to_base(each.reading.booked)
        if in_base is None:
            without_rate.append(each.account_id)
        else:
            converted.append(in_base.minor)
    if not converted or abs(sum(converted)) > MAX_MINOR:
        return None, tuple(without_rate)
    return Money(sum(converted), company.base_currency), tuple(without_rate)


def _waiting(connection: Connection, ids: Sequence[str]) -> tuple[int, datetime | None]:
    order = payment_order.c
    created = (
        connection.execute(
            select(order.created_at)
            .where(order.state == str(OrderState.PENDING), order.account_id.in_(ids))
            .order_by(order.created_at)
        )
        .scalars()
        .all()
    )
    return len(created), created[0] if created else None


def _undecided(connection: Connection, ids: Sequence[str]) -> tuple[str, ...]:
    order = payment_order.c
    rows = connection.execute(
        select(order.id)
        .join(instruction, instruction.c.order_id == order.id)
        .where(
            order.state == str(OrderState.UNKNOWN),
            instruction.c.state == str(Stage.UNDECIDED),
            order.account_id.in_(ids),
        )
        .order_by(order.created_at, order.id)
    )
    return tuple(rows.scalars())
