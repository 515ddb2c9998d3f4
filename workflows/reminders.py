"""Reminding approvers, in their own working hours, and telling the next in line in the end.

What was reminded of is on the record, and read from there: a reminder is news for those it names,
and nothing else about the order changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from workflows import approvals, audit, away, orders
from workflows.approvals import Approval
from workflows.audit import Entry
from workflows.company import Company, OwnAccount
from workflows.orders import Order, OrderState
from workflows.people import Person
from workflows.visibility import may_see

REMINDED, ESCALATED = "order.reminder", "order.escalated"


@dataclass(frozen=True, slots=True)
class Reminders:
    """When people are reminded.

    Attributes:
        after: How long they are waited for before the first, and before each further one.
        times: How many each gets for one version; with none, nobody is reminded.
        escalate_to: Roles that are told, once, when the last one was of no use either.
    """

    after: timedelta = timedelta(hours=4)
    times: int = 3
    escalate_to: frozenset[str] = frozenset()


def remind(
    connection: Connection, company: Company, rules: Reminders, *, now: datetime
) -> list[Order]:
    """Put on the record who is to be reminded now; return the orders that wait for them."""
    if not rules.times:
        return []
    company = away.seen(connection, company, now=now)
    return [
        order
        for order in orders.in_states(connection, OrderState.PENDING)
        if now < order.expires_at and _remind_of(connection, company, rules, order, now)
    ]


def told_too(connection: Connection, order: Order) -> tuple[str, ...]:
    """Return ids of those who were told of an order because it waits in vain."""
    return tuple(
        str(person_id)
        for entry in audit.of_subject(connection, order.id)
        if entry.kind == ESCALATED
        for person_id in entry.facts["people"]
    )


def closes_at(company: Company, order: Order, now: datetime) -> datetime | None:
    """Return until when today a payment would still leave; None where that is no matter today."""
    own, opening = company.accounts.get(order.account_id), company.opening.get(order.connector)
    if own is None or opening is None or _is_later(own, order, now):
        return None
    left = opening.left(now, ZoneInfo(own.account.timezone), own.calendar)
    return now + left if left else None


def opens_at(company: Company, order: Order, now: datetime) -> datetime | None:
    """Return when a payment that is approved now would leave; None where it would at once.

    None, too, where nobody knows which business day is next.
    """
    own, opening = company.accounts.get(order.account_id), company.opening.get(order.connector)
    if own is None or opening is None or _is_later(own, order, now):
        return None
    opens = opening.opens_at(now, ZoneInfo(own.account.timezone), own.calendar)
    return opens if opens is not None and opens > now else None


def _is_later(own: OwnAccount, order: Order, now: datetime) -> bool:
    """Whether an order is not to be executed today, but on a day that its card names."""
    today = now.astimezone(ZoneInfo(own.account.timezone)).date()
    return order.execution_date is not None and order.execution_date > today


def _remind_of(
    connection: Connection, company: Company, rules: Reminders, order: Order, now: datetime
) -> bool:
    told = [
        entry
        for entry in audit.of_subject(connection, order.id)
        if entry.kind in (REMINDED, ESCALATED) and entry.facts["version"] == order.version
    ]
    given = approvals.of_order(connection, order)
    awaited = approvals.awaited(company, order, given)
    since = _waiting_since(order, given)
    due = [person.id for person in awaited if _is_due(company, rules, person, told, since, now)]
    closing, opening = closes_at(company, order, now), opens_at(company, order, now)
    facts = {
        "version": order.version,
        "people": due,
        "closes_at": closing.isoformat() if closing else None,
        "opens_at": opening.isoformat() if opening else None,
    }
    if due:
        _tell(connection, order, REMINDED, facts, now)
    if _is_hopeless(rules, awaited, told, now):
        to = [
            person.id
            for person in sorted(company.directory, key=lambda each: each.id)
            if person.roles & rules.escalate_to
            and person not in awaited
            and may_see(company, person, order)
        ]
        waiting = [person.id for person in awaited]
        if to:
            _tell(connection, order, ESCALATED, {**facts, "people": to, "awaited": waiting}, now)
            return True
    return bool(due)


def _waiting_since(order: Order, given: Sequence[Approval]) -> datetime:
    """Return since when those who are awaited now could have decided."""
    return max([order.versioned_at, *(each.withdrawn_at or each.at for each in given)])


def _is_due(
    company: Company,
    rules: Reminders,
    person: Person,
    told: Sequence[Entry],
    since: datetime,
    now: datetime,
) -> bool:
    """Whether a person was waited for long enough, and is at work."""
    mine = [each for each in told if each.kind == REMINDED and person.id in each.facts["people"]]
    if len(mine) >= rules.times or now - max([since, *(each.at for each in mine)]) < rules.after:
        return False
    zone = ZoneInfo(person.timezone) if person.timezone else company.timezone
    return not company.business_hours.wait(now, zone)


def _is_hopeless(
    rules: Reminders, awaited: Sequence[Person], told: Sequence[Entry], now: datetime
) -> bool:
    """Whether everybody who is awaited got their last reminder, and time enough after it."""
    if not rules.escalate_to or not awaited or any(each.kind == ESCALATED for each in told):
        return False
    for person in awaited:
        mine = [
            each.at for each in told if each.kind == REMINDED and person.id in each.facts["people"]
        ]
        if len(mine) < rules.times or now - max(mine) < rules.after:
            return False
    return True


def _tell(
    connection: Connection, order: Order, kind: str, facts: dict[str, object], now: datetime
) -> None:
    audit.append(connection, at=now, actor=audit.SYSTEM, kind=kind, subject=order.id, facts=facts)
