"""Replaying real orders under another policy: what would have been asked of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, select

from connectors.money import Money
from workflows import approvals, policy_facts
from workflows.company import Company
from workflows.matching import assign
from workflows.orders import NO_MONEY_MOVED, Order, OrderState
from workflows.people import Person
from workflows.policy import PayeeStanding, Policy, Verdict
from workflows.policy_cells import Demand
from workflows.tables import payment_order

_AT_ONCE = 500


class Outcome(StrEnum):
    """What another policy would have made of a payment."""

    REFUSED = "refused"
    """It could not have been asked for, or nobody could have approved it."""
    STRICTER = "stricter"
    LOOSER = "looser"
    DIFFERENT = "different"
    """Stricter in one thing, looser in another."""
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One order under another policy.

    Attributes:
        before: What was asked of it when it was.
        after: What would have been asked.
        base: Its amount in the base currency; None without a rate.
        suffices: Whether the approvals it got would have done; None where it got no quorum.
    """

    order: Order
    outcome: Outcome
    before: Verdict
    after: Verdict
    base: Money | None
    nobody_for: str | None
    suffices: bool | None


def replay(
    connection: Connection,
    company: Company,
    policy: Policy,
    *,
    since: datetime,
    until: datetime | None = None,
) -> Iterator[Replayed]:
    """Return the orders of a time under another policy, oldest first.

    Each in the version that it has now, against what was asked of that version. What is compared
    is the policy: whether the payee was new is taken from then, and limits count what had been
    asked for by then. Roles, tags and what is known of changed bank details are today's.
    """
    there = replace(company, policy=policy)
    wanted = select(payment_order).where(payment_order.c.versioned_at >= since)
    if until is not None:
        wanted = wanted.where(payment_order.c.versioned_at < until)
    result = connection.execute(wanted.order_by(payment_order.c.versioned_at, payment_order.c.id))
    for rows in result.partitions(_AT_ONCE):
        for row in rows:
            yield _replayed(connection, there, Order(*row))


def _replayed(connection: Connection, company: Company, order: Order) -> Replayed:
    before = order.policy_verdict
    requester = company.directory.get(order.requester_id)
    facts = policy_facts.facts_of(
        connection,
        company,
        order,
        requester or Person(order.requester_id, order.requester_id, "", frozenset()),
        until=order.versioned_at,
    )
    was_new = "payee_new" in order.risk_codes
    changed = facts.payee_changed
    facts = replace(
        facts,
        payee=PayeeStanding.NEW if was_new else PayeeStanding.TRUSTED,
        # What was changed after it was asked for, had not been.
        payee_changed=changed if changed is not None and changed >= timedelta(0) else None,
        excluded=before.excluded | {order.requester_id},
    )
    after = company.policy.evaluate(facts, policy_facts.rates_of(company, order))
    others = {each.id: each.roles for each in company.directory if each.id not in after.excluded}
    missing = assign(after.slots, others).missing
    is_refused = not after.is_allowed or bool(missing)
    return Replayed(
        order=order,
        outcome=Outcome.REFUSED if is_refused else compare(Demand.of(before), Demand.of(after)),
        before=before,
        after=after,
        base=after.base_amount,
        nobody_for=missing[0].who if missing else None,
        suffices=_suffices(connection, company, order, after),
    )


def _suffices(
    connection: Connection, company: Company, order: Order, verdict: Verdict
) -> bool | None:
    state = OrderState(order.state)
    if state is OrderState.PENDING or state in NO_MONEY_MOVED - {OrderState.FAILED}:
        return None
    given = approvals.of_order(connection, order)
    found = approvals.assignment_for(company, order, verdict.slots, given, verdict.excluded)
    return verdict.is_allowed and found.is_complete


def compare(before: Demand, after: Demand) -> Outcome:
    """Return how one demand differs from another; neither of them is a refusal."""
    is_more, is_less = after.is_at_least(before), before.is_at_least(after)
    if is_more and is_less:
        return Outcome.UNCHANGED
    if is_more:
        return Outcome.STRICTER
    return Outcome.LOOSER if is_less else Outcome.DIFFERENT
