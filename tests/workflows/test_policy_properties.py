"""What holds for everything the policy language can say, whoever approves.

The theorem: let a payment be allowed. Add any rule or limit anywhere in the file. Then whatever
approvals satisfy the new policy satisfy the old one too, the request lives no longer, it cools off
no shorter, and no slot takes a weaker factor. What was refused by a rule stays refused. Only a
payment that *no rule covered* can become allowed, and only by a rule that matches it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

from connectors.money import MAX_MINOR, Money
from tests.workflows.policies import PEOPLE, RATES, ROLES, limits, payments, policies, rules
from workflows.matching import LAST_STAGE, Assignment, assign
from workflows.policy import (
    Approve,
    Facts,
    Limit,
    PayeeStanding,
    Per,
    Policy,
    Rates,
    Rule,
    Slot,
    Verdict,
    When,
)
from workflows.policy_explain import unmet

APPROVALS = st.dictionaries(
    st.sampled_from(list(PEOPLE)), st.sampled_from([1, 2, 3, 3, 3]), min_size=2
)
"""Who approved, and the newest stage that was open then."""


def satisfies(approvals: Mapping[str, int], verdict: Verdict) -> bool:
    """Whether these approvals are what a verdict asks for."""
    counting = {who: PEOPLE[who] for who in approvals if who not in verdict.excluded}
    return verdict.is_allowed and assign(verdict.slots, counting, approvals).is_complete


def is_among(slot: Slot, verdict: Verdict) -> bool:
    """Whether a slot is asked for: of as many, and by as good a factor."""
    return any(
        (each.stage, each.who) == (slot.stage, slot.who)
        and each.count >= slot.count
        and slot.factor in ("any", each.factor)
        for each in verdict.slots
    )


def is_no_looser(after: Verdict, before: Verdict, approvals: Mapping[str, int]) -> bool:
    """Whether an allowed payment is still held back as it was, at least."""
    if not after.is_allowed:
        return True
    return (
        (satisfies(approvals, before) or not satisfies(approvals, after))
        and after.expires_after <= before.expires_after
        and after.cool_off >= before.cool_off
        and all(is_among(slot, after) for slot in before.slots)
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Policy, Policy, Rule | Limit, Facts]:
    """Return a policy, the same with one thing more, that, and a payment."""
    before = draw(policies())
    more: Rule | Limit = draw(rules()) if draw(st.booleans()) else draw(limits())
    assume(all(more.name != rule.name for rule in before.rules))
    assume(all(more.name != limit.name for limit in before.limits))
    at = draw(st.integers(0, 5))
    if isinstance(more, Rule):
        after = replace(before, rules=(*before.rules[:at], more, *before.rules[at:]))
    else:
        after = replace(before, limits=(*before.limits[:at], more, *before.limits[at:]))
    return before, after, more, draw(payments(after))


@given(cases(), APPROVALS)
def test_one_more_rule_or_limit_never_loosens(
    case: tuple[Policy, Policy, Rule | Limit, Facts], approvals: dict[str, int]
) -> None:
    old, new, more, payment = case
    before, after = old.evaluate(payment, RATES), new.evaluate(payment, RATES)
    assert after.excluded == before.excluded == payment.excluded
    if before.is_allowed:
        assert is_no_looser(after, before, approvals)
    elif before.refused_by is not None:
        assert not after.is_allowed
        assert after.refused_by is not None
    elif after.is_allowed:
        assert isinstance(more, Rule), "a limit covers nothing"
        assert more.name in after.matched, "only a rule that covers a payment can admit it"


@given(cases(), st.integers(2, 300), APPROVALS)
def test_one_more_rule_or_limit_never_loosens_a_series(
    case: tuple[Policy, Policy, Rule | Limit, Facts], count: int, approvals: dict[str, int]
) -> None:
    """One approval never comes to be for more payments, nor to take less."""
    old, new, _, alone = case
    total = Money(min(alone.amount.minor * count, MAX_MINOR), alone.amount.currency)
    first = replace(alone, series_total=total, begins_series=True)
    before, after = old.evaluate(first, RATES), new.evaluate(first, RATES)
    if before.is_allowed and after.is_allowed:
        assert before.series is Approve.ONCE or after.series is Approve.EACH
        assert is_no_looser(after, before, approvals)
    payment = replace(alone, series_total=total)
    before, after = old.evaluate(payment, RATES), new.evaluate(payment, RATES)
    if not before.is_allowed or not after.is_allowed:
        return
    if before.series is Approve.EACH:
        assert after.series is Approve.EACH
        assert is_no_looser(after, before, approvals)
    elif after.series is Approve.ONCE:
        assert is_no_looser(after, before, approvals)
    else:  # each is approved by itself from now on, as if it were of no series
        assert is_no_looser(after, old.evaluate(alone, RATES), approvals)


@given(st.data(), st.integers(2, 300), APPROVALS)
def test_a_series_gains_nothing_over_one_payment_of_its_sum(
    data: st.DataObject, count: int, approvals: dict[str, int]
) -> None:
    policy = data.draw(policies())
    alone = data.draw(payments(policy))
    total = Money(min(alone.amount.minor * count, MAX_MINOR), alone.amount.currency)
    whole = replace(policy, limits=()).evaluate(replace(alone, amount=total), RATES)
    found = policy.evaluate(replace(alone, series_total=total), RATES)
    single = policy.evaluate(alone, RATES)
    if found.series is Approve.ONCE and found.is_allowed:
        assert whole.is_allowed
        assert is_no_looser(found, whole, approvals)
    if found.is_allowed:
        assert single.is_allowed
        assert is_no_looser(found, single, approvals)


@given(st.data(), APPROVALS)
def test_what_cannot_be_told_is_as_strict_as_anything_it_could_be(
    data: st.DataObject, approvals: dict[str, int]
) -> None:
    policy = data.draw(policies())
    payment = data.draw(payments(policy))
    rate = data.draw(st.decimals("0.01", "100", places=2))
    franc = replace(payment, amount=Money(payment.amount.minor, "CHF"))
    known = policy.evaluate(franc, Rates("EUR", {**RATES.rates, "CHF": Decimal(rate)}))
    unknown = policy.evaluate(franc, RATES)
    assert known.is_allowed or not unknown.is_allowed
    if known.is_allowed:
        assert is_no_looser(unknown, known, approvals)
    lost = replace(payment, totals=dict.fromkeys(payment.totals))
    counted = policy.evaluate(payment, RATES)
    if counted.is_allowed:
        assert is_no_looser(policy.evaluate(lost, RATES), counted, approvals)


@given(st.data(), APPROVALS)
def test_the_more_was_paid_before_the_stricter(
    data: st.DataObject, approvals: dict[str, int]
) -> None:
    policy = data.draw(policies())
    payment = data.draw(payments(policy))
    more = {
        name: None if total is None else total + data.draw(st.integers(0, 100))
        for name, total in payment.totals.items()
    }
    before = policy.evaluate(payment, RATES)
    if before.is_allowed:
        after = policy.evaluate(replace(payment, totals=more), RATES)
        assert is_no_looser(after, before, approvals)


@given(st.data(), st.randoms(use_true_random=False))
def test_the_order_of_rules_and_limits_does_not_matter(data: st.DataObject, random: Random) -> None:
    policy = data.draw(policies())
    payment = data.draw(payments(policy))
    turned = replace(
        policy,
        rules=tuple(random.sample(policy.rules, len(policy.rules))),
        limits=tuple(random.sample(policy.limits, len(policy.limits))),
    )
    one, other = (each.evaluate(payment, RATES) for each in (policy, turned))
    assert set(one.slots) == set(other.slots)
    assert set(one.reasons) == set(other.reasons)
    assert (one.refused_by is None) == (other.refused_by is None)
    assert (one.expires_after, one.cool_off, one.base_amount, one.excluded) == (
        other.expires_after,
        other.cool_off,
        other.base_amount,
        other.excluded,
    )


@given(st.data())
def test_a_stored_verdict_on_anything_is_the_verdict(data: st.DataObject) -> None:
    policy = data.draw(policies())
    verdict = policy.evaluate(data.draw(payments(policy)), RATES)
    assert Verdict.from_json(verdict.to_json()) == verdict
    assert Verdict.from_json(verdict.to_json()).to_json() == verdict.to_json()


@given(st.data())
def test_a_rule_applies_where_no_condition_is_unmet(data: st.DataObject) -> None:
    policy = data.draw(policies())
    payment = data.draw(payments(policy))
    verdict = policy.evaluate(payment, RATES)
    for rule in policy.rules:
        missing = unmet(rule.when, payment, verdict.base_amount)
        assert (not missing) == (rule.name in verdict.matched)


def test_a_limit_is_passed_by_what_goes_beyond_it_not_by_what_reaches_it() -> None:
    limit = Limit("Day", Per.PAYEE, 100, timedelta(days=1), When(), (Slot("cfo"),))
    every = Rule("Every", When(), (Slot("controller"),), timedelta(hours=1))
    policy = Policy("EUR", (every,), limits=(limit,))
    for amount, before, is_passed in (
        (100, 0, False),
        (101, 0, True),
        (1, 99, False),
        (1, 100, True),
    ):
        payment = Facts(
            Money(amount, "EUR"),
            "eur",
            PayeeStanding.NEW,
            frozenset(),
            totals={"Day": before},
        )
        assert ("Day" in policy.evaluate(payment, RATES).matched) is is_passed


# -- Quorum ----------------------------------------------------------------------------------------

_WANTED = st.lists(
    st.builds(Slot, role=st.sampled_from(ROLES), count=st.integers(1, 2), stage=st.integers(1, 3))
    | st.builds(Slot, person=st.sampled_from("abc"), stage=st.integers(1, 3)),
    max_size=4,
)
_STAGES = st.dictionaries(st.sampled_from("abcde"), st.integers(1, 3))
_CANDIDATES = st.dictionaries(
    st.sampled_from("abcde"), st.frozensets(st.sampled_from(ROLES), max_size=3), max_size=5
)


def may_sit(
    slot: Slot, person: str, people: Mapping[str, frozenset[str]], stages: Mapping[str, int]
) -> bool:
    return slot.suits(person, people[person]) and slot.stage <= stages.get(person, LAST_STAGE)


def most_seats(
    slots: Sequence[Slot], people: Mapping[str, frozenset[str]], stages: Mapping[str, int]
) -> int:
    """Return how many places distinct people can fill, by trying everything."""
    places = [slot for slot in slots for _ in range(slot.count)]

    def most(at: int, left: frozenset[str]) -> int:
        if at == len(places):
            return 0
        found = most(at + 1, left)
        for person in left:
            if may_sit(places[at], person, people, stages):
                found = max(found, 1 + most(at + 1, left - {person}))
        return found

    return most(0, frozenset(people))


def seated(slots: Sequence[Slot], assignment: Assignment) -> list[tuple[Slot, str]]:
    """Return who sits where, of an assignment that tells it slot by slot."""
    missing = list(assignment.missing)
    persons = iter(assignment.filled)
    found = []
    for slot in slots:
        short = 0
        if missing and (missing[0].who, missing[0].stage) == (slot.who, slot.stage):
            short = missing.pop(0).count
        for _ in range(slot.count - short):
            who, person = next(persons)
            assert who == slot.who
            found.append((slot, person))
    assert not missing
    assert next(persons, None) is None
    return found


@given(_WANTED, _CANDIDATES, _STAGES)
def test_a_quorum_is_found_whenever_there_is_one_and_early_stages_come_first(
    slots: list[Slot], people: Mapping[str, frozenset[str]], stages: Mapping[str, int]
) -> None:
    slots = list({(slot.stage, slot.who): slot for slot in slots}.values())
    assignment = assign(slots, people, stages)
    sitting = seated(slots, assignment)
    for upto in (1, 2, 3):
        early = [slot for slot in slots if slot.stage <= upto]
        filled = sum(slot.stage <= upto for slot, _ in sitting)
        assert filled == most_seats(early, people, stages)
    assert len({person for _, person in sitting}) == len(sitting), "nobody fills two"
    assert all(may_sit(slot, person, people, stages) for slot, person in sitting)
    wanted = sum(slot.count for slot in slots)
    assert assignment.is_complete == (len(sitting) == wanted > 0)
