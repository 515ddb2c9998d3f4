"""What policy looks at, of a payment: read from the database at the moment it is asked about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, bindparam, func, select

from connectors.money import MAX_MINOR, Money
from workflows import orders, payees
from workflows.company import Company, OwnAccount
from workflows.orders import NO_MONEY_MOVED, Order
from workflows.people import Person
from workflows.policy import Facts, Kind, Limit, Moment, Per, Rates
from workflows.prepared import Prepared
from workflows.recurrence import Repeats
from workflows.tables import approval, payment_order

SPLIT_WITHIN = timedelta(days=7)
"""How far back payments are looked at as parts of one that was split."""
_PART = 10**9
_JUST_BELOW = 5
"""A payment is just below an edge in the last fifth of the way there."""
_SEVERAL = 3
"""So many payments just below one edge are no chance any more."""

RECUSED = "recuse"
"""The decision of somebody who reported a conflict of interest."""

_ORDER = payment_order.c
_COUNTS = _ORDER.state.not_in([str(state) for state in NO_MONEY_MOVED])
_RECUSED = Prepared(
    select(approval.c.person_id).where(
        approval.c.order_id == bindparam("order"), approval.c.decision == RECUSED
    )
)


def facts_of(
    connection: Connection,
    company: Company,
    order: Order,
    requester: Person,
    *,
    until: datetime | None = None,
    known: payees.Profile | None = None,
) -> Facts:
    """Return what policy looks at, of an order's present version.

    Args:
        known: What `profile_of` says in this transaction, where it was asked already.
        until: Limits count what was asked for up to then; everything there is, where not given. A
            later payment must not take from an earlier one what that was granted.
    """
    asked_at = order.versioned_at
    known = known or profile_of(connection, company, order)
    return Facts(
        amount=order.amount,
        account=order.account_id,
        payee=known.standing,
        requester_roles=requester.roles,
        kind=Kind(order.kind),
        requester=order.requester_id,
        connector=order.connector,
        payee_country=order.creditor_iban[:2],
        payee_tags=frozenset(known.tags),
        payee_changed=asked_at - known.changed_at if known.changed_at else None,
        moments=moments_of(company, order.account_id, order.connector, asked_at),
        totals=_totals(connection, company, order, until),
        excluded=_excluded(connection, order, known.changed_by),
        series_total=_series_total(connection, order),
        begins_series=order.repeats is not None,
    )


def _series_total(connection: Connection, order: Order) -> Money | None:
    """Return the sum of the series that an order is of; None where it is of none."""
    first = orders.find(connection, order.series_id) if order.series_id else order
    if first is None or first.repeats is None:
        return None
    return _sum_of(first.amount, first.repeats, first.execution_date)


def profile_of(connection: Connection, company: Company, order: Order) -> payees.Profile:
    """Return what is known of the payee of an order."""
    return payees.profile(
        connection, order.payee_id, order.creditor_iban, cool_off=company.payee_cool_off
    )


def rates_of(company: Company, order: Order) -> Rates:
    """Return the rates of the day on which an order's present version was asked for."""
    return company.rates.on(order.versioned_at.astimezone(company.timezone).date())


def moments_of(
    company: Company, account_id: str, connector: str, asked_at: datetime
) -> frozenset[Moment]:
    """Return what is odd about asking for a payment at that time."""
    own, opening = company.accounts.get(account_id), company.opening.get(connector)
    found = set()
    if _is_day_off(company, own, asked_at):
        found.add(Moment.WEEKEND)
    if company.business_hours.wait(asked_at, company.timezone):
        found.add(Moment.OUTSIDE_HOURS)
    if own is not None and opening is not None:
        left = opening.left(asked_at, ZoneInfo(own.account.timezone), own.calendar)
        if timedelta(0) < left <= company.near_cut_off:
            found.add(Moment.NEAR_CUT_OFF)
    return frozenset(found)


def _is_day_off(company: Company, own: OwnAccount | None, asked_at: datetime) -> bool:
    """Whether it is no business day of the account's calendar, or is not known to be one.

    For an account without calendar it is the company's Saturday and Sunday.
    """
    if own is None or own.calendar is None:
        return asked_at.astimezone(company.timezone).weekday() >= 5
    return not own.calendar.is_surely_open(
        asked_at.astimezone(ZoneInfo(own.account.timezone)).date()
    )


def is_split(connection: Connection, company: Company, order: Order) -> bool:
    """Whether an order looks like a part of a larger payment that would have met another rule.

    It does where an edge of the policy's amounts lies above it, and together with other recent
    payments to the same account it would pass that edge; or where the same person asks for several
    payments that stay just below it.
    """
    rates = rates_of(company, order)
    base = rates.to_base(_sum_of(order.amount, order.repeats, order.execution_date))
    if base is None:
        return False
    edges = sorted({rule.when.amount.low for rule in company.policy.rules if rule.when.amount})
    above = next((edge for edge in edges if edge > base.minor), None)
    if above is None:
        return False
    recent = connection.execute(
        select(
            _ORDER.creditor_iban,
            _ORDER.requester_id,
            _ORDER.amount_minor,
            _ORDER.currency,
            _ORDER.repeats,
            _ORDER.execution_date,
        )
        .where(
            _COUNTS,
            _ORDER.id.not_in([order.id, order.series_id or order.id]),
            func.coalesce(_ORDER.series_id, "") != (order.series_id or order.id or "-"),
            _ORDER.versioned_at > order.versioned_at - SPLIT_WITHIN,
            (_ORDER.creditor_iban == order.creditor_iban)
            | (_ORDER.requester_id == order.requester_id),
        )
        .order_by(_ORDER.versioned_at.desc())
        .limit(1000)
    )
    together, just_below = base.minor, int(_is_just_below(base.minor, above))
    for iban, requester, minor, currency, repeats, first_on in recent:
        other = rates.to_base(_sum_of(Money(minor, currency), repeats, first_on))
        if other is None or other.minor >= above:
            continue
        together += other.minor if iban == order.creditor_iban else 0
        just_below += requester == order.requester_id and _is_just_below(other.minor, above)
    return together >= above or (_is_just_below(base.minor, above) and just_below >= _SEVERAL)


def _sum_of(amount: Money, repeats: str | None, first_on: date | None) -> Money:
    """Return what a payment comes to with all that follow it, if it begins a series."""
    if repeats is None or first_on is None:
        return amount
    count = len(Repeats.from_json(repeats).dates(first_on))
    return Money(min(amount.minor * count, MAX_MINOR), amount.currency)


def _is_just_below(minor: int, edge: int) -> bool:
    return edge - edge // _JUST_BELOW <= minor < edge


def _totals(
    connection: Connection, company: Company, order: Order, until: datetime | None
) -> Mapping[str, int | None]:
    limits = company.policy.limits
    if not limits:
        return {}
    rates = rates_of(company, order)
    return {limit.name: _total(connection, company, limit, order, rates, until) for limit in limits}


def _total(
    connection: Connection,
    company: Company,
    limit: Limit,
    order: Order,
    rates: Rates,
    until: datetime | None,
) -> int | None:
    """Return what else counts towards a limit, in minor units of the base currency.

    None where some of it is in a currency without a rate.
    """
    sums = connection.execute(
        # In two parts: all payments there may be are more than a number of SQLite's holds.
        select(
            _ORDER.currency,
            func.sum(_ORDER.amount_minor // _PART),
            func.sum(_ORDER.amount_minor % _PART),
        )
        .where(
            _COUNTS,
            _ORDER.id != order.id,
            _ORDER.versioned_at > order.versioned_at - limit.within,
            *([_ORDER.versioned_at <= until] if until else []),
            *_counted(company, limit, order),
        )
        .group_by(_ORDER.currency)
    )
    total = 0
    for currency, parts, rest in sums:
        if (base := _converted(int(parts) * _PART + int(rest), currency, rates)) is None:
            return None
        total += base
    return total


def _converted(minor: int, currency: str, rates: Rates) -> int | None:
    if minor > MAX_MINOR:  # more than any payment: whatever the limit is, it is passed
        return MAX_MINOR
    base = rates.to_base(Money(minor, currency))
    return None if base is None else base.minor


def _counted(company: Company, limit: Limit, order: Order) -> list[ColumnElement[bool]]:
    """Return which orders a limit adds up, for an order that it is about."""
    when = limit.when
    wanted = (
        (_ORDER.currency, when.currency),
        (_ORDER.kind, when.kind),
        (_ORDER.account_id, when.account),
        (_ORDER.connector, when.connector),
        (_ORDER.requester_id, when.requester),
    )
    found: list[ColumnElement[bool]] = [
        column.in_(sorted(values)) for column, values in wanted if values is not None
    ]
    if when.requester_role is not None:
        holders = [each.id for each in company.directory if each.roles & when.requester_role]
        found.append(_ORDER.requester_id.in_(holders))
    match limit.per:
        case Per.PAYEE:
            found.append(_ORDER.creditor_iban == order.creditor_iban)
        case Per.ACCOUNT:
            found.append(_ORDER.account_id == order.account_id)
        case Per.REQUESTER:
            found.append(_ORDER.requester_id == order.requester_id)
        case Per.ROLE | Per.COMPANY:
            pass  # whoever the conditions above leave
    return found


def _excluded(connection: Connection, order: Order, editor: str | None) -> frozenset[str]:
    """Return who may not approve an order: requester, last editor of the payee, the partial."""
    recused = {person for (person,) in _RECUSED.rows(connection, {"order": order.id})}
    return frozenset({order.requester_id, *recused, *([editor] if editor else [])})
