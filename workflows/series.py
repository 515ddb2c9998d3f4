"""Series: a payment that comes again, each time as an order of its own.

A series is its first order, with how it comes again in the digest. The orders that follow are made
some days before they are due. Where policy has a series approved once, the approvals of the first
count for each of them, as long as it is the very same payment and policy still says so; else each
waits for approvals of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

from workflows import (
    approvals,
    audit,
    away,
    calendars,
    in_force,
    orders,
    requests,
    restoring,
    running,
    tables,
)
from workflows.approvals import Approval, Decision
from workflows.company import Company
from workflows.orders import NO_MONEY_MOVED, Order, OrderState
from workflows.people import Person
from workflows.policy import Approve, Kind, Verdict
from workflows.recurrence import LATE, MADE_BEFORE
from workflows.refusal import Refusal
from workflows.requests import Payment
from workflows.running import Running
from workflows.tables import approval, payment_order

log = structlog.get_logger(__name__)

APPROVED = "order.approved_in_series"
DELAYED = "series.delayed"
"""A payment is due that cannot be asked for; it is tried again."""
TOO_LATE = "too_late"
"""The end of one of which a payment could not be asked for, in all the time there was."""
STOPPED = "stopped"
"""The end that a person made of it."""

_APPROVAL = tuple(each.name for each in fields(Approval))
_OF_THE_DAY = frozenset({"funds_unchecked", "near_split", "far_above_usual"})
"""Warnings that say nothing new of a payment that was agreed to as one of many."""
_BROKEN = (Refusal, IntegrityError, ValueError, LookupError, TypeError, AssertionError)
"""What is wrong with one series alone."""
_UNSENT = (OrderState.PENDING, OrderState.APPROVED)
_SAME = (
    "account_id",
    "debtor_iban",
    "connector",
    "creditor_name",
    "creditor_iban",
    "creditor_bic",
    "creditor_country",
    "amount_minor",
    "currency",
    "remittance",
    "kind",
)
"""What a payment of a series has in common with the first, to the letter."""


# ---- going on -----------------------------------------------------------------------------------


def continue_due(connection: Connection, company: Company, *, now: datetime) -> list[Order]:
    """Ask for the payments that are due soon; return the orders that were made.

    Each is made once, whoever comes first: its number is its own, and how far the series has come
    is changed with it by compare-and-set. What cannot be asked for is told, and tried again until
    it is too late; then the series ends, with the reason. One series that is broken keeps none of
    the others.
    """
    if not in_force.is_in_force(connection, company):
        return []  # accounts and people may be missing that are not gone
    made: list[Order] = []
    for each in running.due(connection, (now + MADE_BEFORE).date() + timedelta(days=1)):
        try:
            with connection.begin_nested():
                made += list(_catch_up(connection, company, each, now))
        except _BROKEN as error:  # what the database has to say is the writer's to hear
            if isinstance(error, Refusal) and error.code == "order.changed":
                continue  # another replica was faster
            log.exception("series", series=each.id)
            with connection.begin_nested():
                first = orders.find(connection, each.id)
                if first is not None:
                    _put_off(connection, company, first, each, Refusal("series.broken"), now)
    return made


def _catch_up(
    connection: Connection, company: Company, at: Running, now: datetime
) -> Iterator[Order]:
    first = orders.get(connection, at.id)
    today = _today(company, first, now)
    # While the first waits for approvals nothing follows: it is approved with it, or not at all.
    while at.next_on is not None and first.state != OrderState.PENDING:
        if not _is_time(company, at.next_on, today, now):
            return
        if _is_gone(first):
            running.end(connection, at, f"first_{first.state}", actor=audit.SYSTEM, now=now)
            return
        if (day := _payable_on(company, first, max(at.next_on, today))) is None:
            own = company.accounts[first.account_id]
            assert own.calendar is not None
            unknown = Refusal("series.day_unknown", calendar=own.calendar.name)
            _delay(connection, first, at, unknown, now)
            return
        made, after = _continued(connection, company, first, at, day, now)
        if after == at:
            return
        at = after
        if made is not None:
            yield made


def _is_time(company: Company, due: date, today: date, now: datetime) -> bool:
    """Whether a payment is to be asked for: some days before, when people are at work."""
    is_near = due <= today + MADE_BEFORE
    return is_near and (due < today or not company.business_hours.wait(now, company.timezone))


def _today(company: Company, order: Order, now: datetime) -> date:
    own = company.accounts.get(order.account_id)
    zone = ZoneInfo(own.account.timezone) if own is not None else company.timezone
    return now.astimezone(zone).date()


def _payable_on(company: Company, order: Order, day: date) -> date | None:
    """Return the business day on which what is due on a day is paid; None where nobody knows."""
    own = company.accounts.get(order.account_id)
    return calendars.payable_on(own.calendar if own is not None else None, day)


def _continued(
    connection: Connection, company: Company, first: Order, at: Running, day: date, now: datetime
) -> tuple[Order | None, Running]:
    """Make the next order of a series; return it, if it could be made, and how far it has come."""

    dates = first.due_dates
    assert at.next_on is not None
    number = dates.index(at.next_on) + 1
    requester = company.directory.get(first.requester_id)
    try:
        if requester is None:
            raise Refusal("series.requester_left")
        made = _request(connection, company, requester, first, number, day, now)
    except Refusal as refusal:
        return None, _put_off(connection, company, first, at, refusal, now)
    following = dates[number] if number < len(dates) else None
    after = running.go_on(connection, at, following, order_id=made.id, now=now)
    return _with_approvals(connection, company, first, made, now), after


def _put_off(
    connection: Connection,
    company: Company,
    first: Order,
    at: Running,
    refusal: Refusal,
    now: datetime,
) -> Running:
    """Try a payment again later that cannot be asked for, as long as it is not much too late.

    Even then it is tried for a day after it was told.
    """
    assert at.next_on is not None
    told = _delay(connection, first, at, refusal, now)
    is_late = _today(company, first, now) > at.next_on + LATE
    if is_late and now - told >= timedelta(days=1):
        return running.end(connection, at, TOO_LATE, actor=audit.SYSTEM, now=now)
    return at


def _delay(
    connection: Connection, first: Order, at: Running, refusal: Refusal, now: datetime
) -> datetime:
    """Put on the record, once, that a payment is due and cannot be asked for; return since when."""
    facts = {"due": str(at.next_on), "code": refusal.code, "params": dict(refusal.facts)}
    told = [
        each
        for each in audit.of_subject(connection, first.id)
        if each.kind == DELAYED and each.facts["due"] == facts["due"]
    ]
    if not any(each.facts == facts for each in told):
        audit.append(
            connection, at=now, actor=audit.SYSTEM, kind=DELAYED, subject=first.id, facts=facts
        )
    return told[0].at if told else now


def _request(
    connection: Connection,
    company: Company,
    requester: Person,
    first: Order,
    number: int,
    day: date,
    now: datetime,
) -> Order:
    payment = Payment(
        account_id=first.account_id,
        amount=first.amount,
        payee_id=first.payee_id,
        name=first.creditor_name,
        iban=first.creditor_iban,
        remittance=first.remittance,
        execution_date=day,
        is_no_duplicate=True,
        kind=Kind(first.kind),
        series_id=first.id,
        occurrence=number,
    )
    key = f"series:{first.id}:{number}"
    return requests.request(
        connection,
        company,
        requester,
        payment,
        key=key,
        now=now,
        origin_channel=first.origin_channel,
    )


def _with_approvals(
    connection: Connection, company: Company, first: Order, order: Order, now: datetime
) -> Order:
    """Give an order the approvals of its series, if they are of this very payment."""
    if restoring.was_since(connection, first.id) or _is_warned_of(first, order):
        return order
    given = _carried(connection, company, first, order)
    if not _is_covered(company, first, order, given, order.policy_verdict):
        return order
    mine = [
        replace(
            each,
            order_id=order.id,
            version=order.version,
            digest=order.digest,
            series_digest=first.digest,
        )
        for each in given
    ]
    rows = [{name: getattr(each, name) for name in _APPROVAL} for each in mine]
    connection.execute(insert(approval), rows)
    return approvals.put_where_it_belongs(
        connection,
        order,
        approvals.assignment_of(company, order, mine),
        now=now,
        actor=audit.SYSTEM,
        kind=APPROVED,
        facts={"series": first.id, "approvals": [audit.told(row) for row in rows]},
    )


def _is_gone(first: Order) -> bool:
    """Whether the first payment of a series was not made, or came back."""
    return OrderState(first.state) in NO_MONEY_MOVED or first.state == OrderState.RETURNED


def _is_warned_of(first: Order, order: Order) -> bool:
    """Whether there is something about a payment that nobody knew who approved its series."""
    known = {*first.risk_codes, *_OF_THE_DAY}
    return not known.issuperset(order.risk_codes)


def _carried(
    connection: Connection, company: Company, first: Order, order: Order
) -> list[Approval]:
    """Return the approvals of a series that count for one payment of it.

    Not of whoever has had a conflict of interest with any of them, nor by a leave that was revoked
    or is over by then.
    """
    recused = set(
        connection.execute(
            select(approval.c.person_id)
            .join(payment_order, payment_order.c.id == approval.c.order_id)
            .where(
                payment_order.c.series_id == first.id,
                approval.c.decision == str(Decision.RECUSE),
            )
        ).scalars()
    )
    found = []
    for each in _standing(connection, first):
        if each.on_behalf_of:
            leave = away.behind(connection, company, each)
            if leave is None or leave.ended_at is not None or order.execution_date is None:
                continue
            if leave.ends_on < order.execution_date:
                continue
        if recused.isdisjoint((each.person_id, each.whose)):
            found.append(each)
    return found


# ---- what it covers -----------------------------------------------------------------------------


def still_covers(
    connection: Connection,
    company: Company,
    order: Order,
    given: Sequence[Approval],
    verdict: Verdict,
) -> bool:
    """Whether approvals that were given for a whole series may still count for one payment of it.

    Args:
        given: The order's approvals.
        verdict: What policy says of the order now.
    """
    carried = [each for each in given if each.series_digest is not None and each.is_standing]
    if not carried:
        return True
    first = orders.find(connection, order.series_id or "")
    if first is None:
        return False
    there = {each.person_id for each in _standing(connection, first)}
    return all(
        each.series_digest == first.digest and each.person_id in there for each in carried
    ) and _is_covered(company, first, order, carried, verdict)


def _standing(connection: Connection, first: Order) -> list[Approval]:
    """Return the approvals of a series that count."""
    return [
        each
        for each in approvals.of_order(connection, first)
        if each.decision == Decision.APPROVE
        and each.is_standing
        and each.digest == first.digest
        and each.series_digest is None
    ]


def _is_covered(
    company: Company,
    first: Order,
    order: Order,
    given: Sequence[Approval],
    verdict: Verdict,
) -> bool:
    """Whether an order is the payment that was approved with its series."""
    number = order.occurrence or 0
    dates = first.due_dates
    if verdict.series is not Approve.ONCE or first.policy_verdict.series is not Approve.ONCE:
        return False
    if not given or _is_gone(first) or order.series_id != first.id:
        return False
    if first.digest != orders.digest_of(first) or not 1 < number <= len(dates):
        return False
    due, wanted = dates[number - 1], order.execution_date
    return (
        wanted is not None
        and due <= wanted <= due + LATE
        and not order.files
        and order.version == 1
        and all(getattr(first, name) == getattr(order, name) for name in _SAME)
    )


# ---- the end ------------------------------------------------------------------------------------


def of_series(connection: Connection, first: Order) -> list[Order]:
    """Return the orders that a series has come to after its first, oldest first."""
    rows = connection.execute(
        select(payment_order)
        .where(payment_order.c.series_id == first.id)
        .order_by(payment_order.c.occurrence)
    )
    return [Order(*row) for row in rows]


def going_on(connection: Connection, *, most: int) -> list[tuple[Order, Running, int]]:
    """Return the series of which more comes, the soonest first.

    Each by its first order, with how far it has come and how many of its payments were asked for.
    """
    at = tables.series
    followers = payment_order.alias()
    count = (
        select(func.count())
        .select_from(followers)
        .where(followers.c.series_id == payment_order.c.id)
        .scalar_subquery()
    )
    rows = connection.execute(
        select(*payment_order.c, *at.c, count)
        .join(at, at.c.id == payment_order.c.id)
        .where(at.c.next_on.is_not(None))
        .order_by(at.c.next_on, at.c.id)
        .limit(most)
    )
    size = len(payment_order.c)
    return [(Order(*row[:size]), Running(*row[size:-1]), 1 + row[-1]) for row in rows]


def first_of(connection: Connection, order: Order) -> Order:
    """Return the first order of the series that an order is of.

    Raises:
        Refusal: ``series.none`` where it is of none.
    """
    first = orders.find(connection, order.series_id) if order.series_id else order
    if first is None or first.repeats is None:
        raise Refusal("series.none", order=order.id)
    return first


def may_stop(connection: Connection, company: Company, person: Person, first: Order) -> bool:
    """Whether a person may end a series: who asked, who approved it, and who may freeze all."""
    may_freeze = bool(person.roles & company.permissions.freeze)
    return may_freeze or person.id in stoppers(connection, first)


def stoppers(connection: Connection, first: Order) -> frozenset[str]:
    """Return who may end a series whatever their roles: who asked for it, and who approved it."""
    approved = [
        each for each in approvals.of_order(connection, first) if each.decision == Decision.APPROVE
    ]
    hands = {each.person_id for each in approved} | {each.whose for each in approved}
    return frozenset({first.requester_id, *hands})


def stop(
    connection: Connection, company: Company, person: Person, order_id: str, *, now: datetime
) -> Order:
    """End a series: nothing more of it is asked for, and what was not released is cancelled.

    Returns its first order.

    Raises:
        Refusal: ``order.unknown``, ``series.none``, ``series.not_yours`` or ``series.over``.
    """
    first = first_of(connection, orders.get(connection, order_id))
    if not may_stop(connection, company, person, first):
        raise Refusal("series.not_yours", order=first.id)
    at = running.find(connection, first.id)
    assert at is not None
    unsent = [each for each in (first, *of_series(connection, first)) if each.state in _UNSENT]
    if at.next_on is None and not unsent:
        raise Refusal("series.over", order=first.id)
    if at.next_on is not None:
        running.end(connection, at, STOPPED, actor=person.id, now=now)
    for each in unsent:
        _cancel(connection, each, person, now)
    return orders.get(connection, first.id)


def _cancel(connection: Connection, order: Order, person: Person, now: datetime) -> None:
    orders.change(
        connection,
        order,
        OrderState.CANCELLED,
        now=now,
        actor=person.id,
        kind="order.cancelled",
        facts={"series": order.series_id or order.id},
    )
