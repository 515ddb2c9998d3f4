"""Why an order needs what it needs: what policy looked at, rule by rule, and who is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta

from sqlalchemy import Connection, select

from connectors.money import Money
from workflows import approvals, orders, payees, policy_facts
from workflows.approvals import Approval, Decision
from workflows.company import Company
from workflows.matching import Assignment
from workflows.orders import Order
from workflows.people import Person
from workflows.policy import Band, Facts, Limit, Policy, Rates, Slot, Verdict, When, matches
from workflows.policy_rows import duration
from workflows.tables import approval


@dataclass(frozen=True, slots=True)
class Unmet:
    """A condition that does not hold for a payment.

    Attributes:
        wanted: What the rule names.
        found: What the payment has.
    """

    condition: str
    wanted: str
    found: str


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """What came of one rule.

    Attributes:
        unmet: Empty where it applies.
    """

    name: str
    unmet: tuple[Unmet, ...]
    asks: tuple[Slot, ...]
    refuses: bool


@dataclass(frozen=True, slots=True)
class LimitTrace:
    """What came of one limit.

    Attributes:
        unmet: Empty where it is about the payment.
        counted: What others count, in the base currency; None where it cannot be told.
        most: What may go out within ``within``.
        is_passed: Whether this payment is over it.
    """

    name: str
    unmet: tuple[Unmet, ...]
    counted: Money | None
    most: Money
    within: timedelta
    per: str
    is_passed: bool
    asks: tuple[Slot, ...]
    refuses: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an approval has come.

    Attributes:
        verdict: What is asked.
        assignment: Who fills which slot, and what is missing.
        could: For each slot that is missing something, who could still fill it: a person, and by
            whose roles if that is somebody else whom they act for.
    """

    verdict: Verdict
    assignment: Assignment
    could: tuple[tuple[Slot, tuple[tuple[str, str | None], ...]], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that bears on who must approve an order.

    Attributes:
        facts: As they are today.
        rates: Of the day on which it was asked for.
        asked: What was decided when it was asked for, and what counts.
        today: What the policy of today says of the facts of today.
        rules: Of today's policy, in file order.
        limits: Likewise.
        excluded: Person id to why they may not approve it.
        left: Whether the requester is no longer in the directory.
    """

    order: Order
    facts: Facts
    rates: Rates
    asked: Standing
    today: Standing
    rules: tuple[RuleTrace, ...]
    limits: tuple[LimitTrace, ...]
    excluded: Mapping[str, tuple[str, ...]]
    left: bool

    @property
    def is_other_policy(self) -> bool:
        """Whether the policy has changed since it was asked for."""
        return self.asked.verdict.policy_hash != self.today.verdict.policy_hash


def explain(connection: Connection, company: Company, order_id: str) -> Explanation:
    """Return why an order needs what it needs.

    Args:
        company: With those who are away now.

    Raises:
        Refusal: ``order.unknown``.
    """
    order = orders.get(connection, order_id)
    requester = company.directory.get(order.requester_id)
    facts = policy_facts.facts_of(
        connection,
        company,
        order,
        requester or Person(order.requester_id, order.requester_id, "", frozenset()),
        until=order.versioned_at,
    )
    rates = policy_facts.rates_of(company, order)
    policy = company.policy
    today = policy.evaluate(facts, rates)
    asked = order.policy_verdict
    given = approvals.of_order(connection, order)
    barred = facts.excluded | asked.excluded | {order.requester_id}
    return Explanation(
        order=order,
        facts=facts,
        rates=rates,
        asked=_standing(company, order, asked, given, barred),
        today=_standing(company, order, today, given, barred),
        rules=tuple(
            RuleTrace(
                rule.name,
                # One that is about the sum of a series applies to its payments as well.
                () if rule.name in today.matched else unmet(rule.when, facts, today.base_amount),
                rule.require,
                rule.refuse,
            )
            for rule in policy.rules
        ),
        limits=tuple(_limit(policy, each, facts, today) for each in policy.limits),
        excluded=_excluded(connection, order, barred),
        left=requester is None,
    )


def unmet(when: When, facts: Facts, base: Money | None) -> tuple[Unmet, ...]:
    """Return the conditions that do not hold for a payment; none of them where `matches` does.

    Args:
        base: Its amount in the base currency; None meets every amount.
    """
    minor = None if base is None else base.minor
    found = []
    for each in fields(when):
        wanted = getattr(when, each.name)
        if wanted is None or matches(replace(When(), **{each.name: wanted}), facts, minor):
            continue
        currency = base.currency if base is not None else ""
        found.append(Unmet(each.name, _wanted(wanted, currency), _found(each.name, facts, base)))
    return tuple(found)


def _wanted(wanted: Band | frozenset[str] | timedelta, currency: str) -> str:
    if isinstance(wanted, timedelta):
        return duration(wanted)
    if isinstance(wanted, frozenset):
        return " or ".join(sorted(wanted))
    low = f"{Money(wanted.low, currency).decimal:,f}"
    if wanted.high is None:
        return f"from {low}"
    high = f"{Money(wanted.high, currency).decimal:,f}"
    return f"up to {high}" if wanted.low == 1 else f"{low} to {high}"


def _found(condition: str, facts: Facts, base: Money | None) -> str:
    changed = facts.payee_changed
    words: Mapping[str, str] = {
        "amount": f"{base.decimal:,f}" if base is not None else "without a rate",
        "currency": facts.amount.currency,
        "kind": facts.kind,
        "account": facts.account,
        "connector": facts.connector,
        "payee": facts.payee,
        "payee_country": facts.payee_country,
        "payee_tag": ", ".join(sorted(facts.payee_tags)),
        "payee_changed_within": "never changed" if changed is None else f"{changed.days} days ago",
        "requester": facts.requester,
        "requester_role": ", ".join(sorted(facts.requester_roles)),
        "time": ", ".join(sorted(facts.moments)) or "a usual time",
    }
    return words[condition] or "none"


def _limit(policy: Policy, limit: Limit, facts: Facts, verdict: Verdict) -> LimitTrace:
    counted = facts.totals.get(limit.name, 0)
    base = policy.base_currency
    return LimitTrace(
        name=limit.name,
        unmet=unmet(limit.when, facts, verdict.base_amount),
        counted=None if counted is None else Money(counted, base),
        most=Money(limit.most, base),
        within=limit.within,
        per=str(limit.per),
        is_passed=limit.name in verdict.matched,
        asks=limit.require,
        refuses=limit.refuse,
    )


def _standing(
    company: Company,
    order: Order,
    verdict: Verdict,
    given: Sequence[Approval],
    barred: frozenset[str],
) -> Standing:
    assignment = approvals.assignment_for(company, order, verdict.slots, given, verdict.excluded)
    decided = {each.person_id for each in given if each.is_standing}
    used = decided | {each.whose for each in given if each.is_standing}
    able = [
        (person, whose)
        for person in company.directory
        if person.id not in barred | decided
        for whose in approvals.acts_as(company, person, order)
        if whose.id not in barred | used
    ]
    could = tuple(
        (
            slot,
            tuple(
                (person.id, whose.id if whose is not person else None)
                for person, whose in able
                if slot.suits(whose.id, whose.roles)
            ),
        )
        for slot in assignment.missing
    )
    return Standing(verdict, assignment, could)


def _excluded(
    connection: Connection, order: Order, barred: frozenset[str]
) -> Mapping[str, tuple[str, ...]]:
    """Return why each of these people may not approve an order."""
    editor = payees.profile(connection, order.payee_id, order.creditor_iban).changed_by
    # Of whatever version: who is partial stays so.
    recused = set(
        connection.execute(
            select(approval.c.person_id).where(
                approval.c.order_id == order.id, approval.c.decision == str(Decision.RECUSE)
            )
        ).scalars()
    )
    found = {}
    for person in sorted(barred):
        reasons = (
            (person == order.requester_id, "asked for it"),
            (person == editor, "was the last to change the payee's bank details"),
            (person in recused, "reported a conflict of interest"),
        )
        why = tuple(words for is_so, words in reasons if is_so)
        found[person] = why or ("was excluded when it was asked for",)
    return found
