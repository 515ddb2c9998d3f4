"""Policy: who must approve. What must hold whatever the rules, the payment and the people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.money import MAX_MINOR, Money, MoneyError, exponent
from workflows.matching import assign, can_be_filled
from workflows.policy import (
    Band,
    Facts,
    PayeeStanding,
    Policy,
    Rates,
    Reason,
    Rule,
    Slot,
    Verdict,
    When,
)

ROLES = ("staff", "controller", "cfo", "treasurer")
ACCOUNTS = ("operating-eur", "operating-usd")
RATES = Rates("EUR", {"USD": Decimal("0.9137"), "JPY": Decimal("0.0058"), "KWD": Decimal("2.97")})

POLICY = """
version: 1
rules:
  - name: Every payment
    require: [ { role: controller } ]
  - name: From 1000 up
    when: { amount: { from: 1000 } }
    require: [ { role: controller }, { role: cfo } ]
  - name: New payees
    when: { payee: new }
    require: [ { role: cfo } ]
  - name: Dollars of staff
    when: { currency: [USD, GBP], account: operating-usd, requester_role: [staff] }
    require: [ { role: treasurer, count: 2 } ]
    expires_after: 24h
  - name: Roubles
    when: { currency: RUB }
    refuse: true
"""


def parse(text: str, base: str = "EUR") -> Policy:
    return Policy.parse(text, base_currency=base, roles=ROLES, accounts=ACCOUNTS)


def facts(
    amount: str,
    *,
    account: str = "operating-eur",
    payee: PayeeStanding = PayeeStanding.TRUSTED,
    requester_roles: frozenset[str] = frozenset({"staff"}),
) -> Facts:
    """Return the facts of a payment, such as of ``1250.00 EUR``."""
    number, currency = amount.split()
    return Facts(Money.parse(number, currency), account, payee, requester_roles)


# -- What rules mean -------------------------------------------------------------------------------


def test_all_matching_rules_apply_together_and_say_why() -> None:
    payment = facts("2000 USD", account="operating-usd", payee=PayeeStanding.NEW)
    policy = parse(POLICY)
    verdict = policy.evaluate(payment, RATES)
    assert verdict.is_allowed
    assert verdict.slots == (Slot("controller", 1), Slot("cfo", 1), Slot("treasurer", 2))
    assert verdict.explain() == (
        Reason("Every payment", (Slot("controller"),)),
        Reason("From 1000 up", (Slot("controller"), Slot("cfo"))),
        Reason("New payees", (Slot("cfo"),)),
        Reason("Dollars of staff", (Slot("treasurer", 2),)),
    )
    assert verdict.matched == tuple(reason.rule for reason in verdict.explain())
    assert verdict.expires_after == timedelta(hours=24), "the shortest of 72h and 24h"
    assert verdict.base_amount == Money.parse("1827.40", "EUR")
    assert verdict.policy_hash == policy.hash


@pytest.mark.parametrize(
    "payment",
    [
        facts("10 EUR", account="operating-usd"),
        facts("10 USD", account="operating-eur"),
        facts("10 USD", account="operating-usd", requester_roles=frozenset({"cfo"})),
        facts("10 USD", account="operating-usd", requester_roles=frozenset()),
    ],
)
def test_a_rule_applies_only_when_all_its_conditions_hold(payment: Facts) -> None:
    assert parse(POLICY).evaluate(payment, RATES).matched == ("Every payment",)


def test_a_rule_that_refuses_wins() -> None:
    verdict = parse(POLICY).evaluate(facts("1 RUB"), RATES)
    assert (verdict.is_allowed, verdict.refused_by, verdict.slots) == (False, "Roubles", ())
    assert not can_be_filled(verdict.slots, {"ann": frozenset(ROLES)})


def test_a_payment_without_a_rule_is_refused() -> None:
    text = "version: 1\nrules: [{name: New, when: {payee: new}, require: [{role: cfo}]}]"
    verdict = parse(text).evaluate(facts("1 EUR"), RATES)
    assert (verdict.is_allowed, verdict.refused_by, verdict.matched) == (False, None, ())
    assert verdict.expires_after == timedelta(hours=72)


@pytest.mark.parametrize(
    ("base", "band", "inside", "outside"),
    [
        ("EUR", "from: 1000", ["1000.00", "1000.01", "999999999"], ["999.99", "0.01"]),
        ("EUR", "above: 1000", ["1000.01"], ["1000.00", "999.99"]),
        ("EUR", "up_to: 1000", ["1000.00", "0.01"], ["1000.01"]),
        ("EUR", "below: 1000", ["999.99"], ["1000.00", "1000.01"]),
        ("EUR", "from: 0.1, below: 0.3", ["0.10", "0.29"], ["0.09", "0.30"]),
        ("EUR", "above: 1, up_to: 1.01", ["1.01"], ["1.00", "1.02"]),
        ("EUR", "from: '5', up_to: 5.00", ["5.00"], ["4.99", "5.01"]),
        ("EUR", "from: 0", ["0.01"], []),
        ("JPY", "above: 1000", ["1001"], ["1000"]),
        ("KWD", "below: 1.001", ["1.000"], ["1.001"]),
    ],
)
def test_bands_are_exact_to_the_minor_unit(
    base: str, band: str, inside: Sequence[str], outside: Sequence[str]
) -> None:
    policy = parse(
        f"version: 1\nrules: [{{name: A, when: {{amount: {{{band}}}}}, require: [{{role: cfo}}]}}]",
        base,
    )
    rates = Rates(base, {})
    assert all(policy.evaluate(facts(f"{each} {base}"), rates).is_allowed for each in inside)
    assert not any(policy.evaluate(facts(f"{each} {base}"), rates).is_allowed for each in outside)


def test_a_converted_amount_that_is_a_hair_over_an_edge_is_over_it() -> None:
    text = "version: 1\nrules: [{name: A, when: {amount: {above: 1000}}, require: [{role: cfo}]}]"
    rates = Rates("EUR", {"USD": Decimal("0.50000001")})
    assert parse(text).evaluate(facts("2000.00 USD"), rates).base_amount == Money(100001, "EUR")
    assert parse(text).evaluate(facts("2000.00 USD"), rates).is_allowed
    assert not parse(text).evaluate(facts("1999.99 USD"), rates).is_allowed


def test_without_a_rate_every_band_is_met() -> None:
    verdict = parse(POLICY).evaluate(facts("0.01 CHF"), RATES)
    assert verdict.base_amount is None
    assert verdict.matched == ("Every payment", "From 1000 up")


@pytest.mark.parametrize(
    ("bands", "is_allowed"),
    [
        (["up_to: 1000"], False),
        (["up_to: 1000", "above: 1000"], True),
        (["above: 1000", "below: 1000"], False),
        (["from: 1000", "below: 500", "from: 400, up_to: 999.99"], True),
        (["from: 0.02"], False),
        (["from: 0.01"], True),
    ],
)
def test_without_a_rate_bands_that_leave_a_gap_do_not_let_through(
    bands: Sequence[str], is_allowed: bool
) -> None:
    rules = "".join(
        f"  - {{name: R{n}, when: {{amount: {{{band}}}}}, require: [{{role: cfo}}]}}\n"
        for n, band in enumerate(bands)
    )
    verdict = parse("version: 1\nrules:\n" + rules).evaluate(facts("5 CHF"), RATES)
    assert verdict.is_allowed is is_allowed
    assert verdict.refused_by is None


def test_rates_and_policy_have_one_base() -> None:
    with pytest.raises(ValueError, match="rates to USD for a policy in EUR"):
        parse(POLICY).evaluate(facts("1 EUR"), Rates("USD", {}))


@pytest.mark.parametrize("minor", [0, -1])
def test_a_payment_is_above_zero(minor: int) -> None:
    with pytest.raises(ValueError, match="a payment of"):
        Facts(Money(minor, "EUR"), "operating-eur", PayeeStanding.NEW, frozenset())


# -- Rates -----------------------------------------------------------------------------------------

_CURRENCIES = ("EUR", "USD", "JPY", "KWD", "CLF", "CHF")
_RATE = st.decimals("0.000000001", "100000", places=9)


@given(
    st.integers(-(10**12), 10**12),
    st.sampled_from(_CURRENCIES),
    st.sampled_from(_CURRENCIES),
    _RATE,
)
def test_converting_is_exact_and_rounds_away_from_zero(
    minor: int, currency: str, base: str, rate: Decimal
) -> None:
    rate = Decimal(1) if currency == base else rate
    converted = Rates(base, {currency: rate}).to_base(Money(minor, currency))
    exact = Fraction(minor, 10 ** exponent(currency)) * Fraction(rate) * 10 ** exponent(base)
    if converted is None:  # more than can be money: it meets the strictest rules
        assert abs(exact) > MAX_MINOR - 1
        return
    assert converted.currency == base
    assert 0 <= abs(converted.minor) - abs(exact) < 1
    assert converted.minor * exact >= 0


def test_what_cannot_be_converted_is_none() -> None:
    assert RATES.to_base(Money(1, "CHF")) is None
    huge = Rates("JPY", {"EUR": Decimal(160)})
    assert huge.to_base(Money(MAX_MINOR, "EUR")) is None
    assert Rates("EUR", {}).to_base(Money(MAX_MINOR, "EUR")) == Money(MAX_MINOR, "EUR")


@pytest.mark.parametrize(
    "rate", ["0", "-1", "NaN", "sNaN", "Infinity", "1e99", "1e-99", "1." + "1" * 40]
)
def test_a_rate_is_a_positive_number_of_sensible_size(rate: str) -> None:
    with pytest.raises(ValueError, match="rate of USD must be a positive decimal"):
        Rates("EUR", {"USD": Decimal(rate)})


def test_rates_are_of_currencies_and_never_floats() -> None:
    a_float: Any = 0.5
    with pytest.raises(ValueError, match="must be a positive decimal"):
        Rates("EUR", {"USD": a_float})
    with pytest.raises(ValueError, match="its own rate is 1"):
        Rates("EUR", {"EUR": Decimal(2)})
    with pytest.raises(MoneyError):
        Rates("EUR", {"ZZZ": Decimal(2)})


# -- What holds for all rules ----------------------------------------------------------------------

_ROLE_SETS = st.frozensets(st.sampled_from(ROLES), max_size=3)
_SLOTS = st.dictionaries(st.sampled_from(ROLES), st.integers(1, 3), min_size=1, max_size=3).map(
    lambda counts: tuple(Slot(role, count) for role, count in counts.items())
)
_EDGE = st.integers(1, 60)
_BANDS = st.tuples(_EDGE, st.none() | _EDGE).map(
    lambda edges: Band(edges[0], None if edges[1] is None else edges[0] + edges[1])
)


def _some(values: Sequence[str]) -> st.SearchStrategy[frozenset[str] | None]:
    return st.none() | st.frozensets(st.sampled_from(values), min_size=1)


_WHEN = st.builds(
    When,
    amount=st.none() | _BANDS,
    currency=_some(["EUR", "USD", "CHF"]),
    account=_some(ACCOUNTS),
    payee=_some(list(PayeeStanding)),
    requester_role=_some(ROLES),
)
_LIVES = st.integers(1, 100).map(lambda hours: timedelta(hours=hours))


@st.composite
def _rules(draw: st.DrawFn, when: st.SearchStrategy[When] = _WHEN) -> Rule:
    name = f"Rule {draw(st.integers(0, 10**9))}"
    refuse = draw(st.integers(0, 9)) == 0
    return Rule(name, draw(when), () if refuse else draw(_SLOTS), draw(_LIVES), refuse)


_POLICIES = st.lists(_rules(), max_size=4, unique_by=lambda rule: rule.name).map(
    lambda rules: Policy("EUR", tuple(rules))
)
_FACTS = st.builds(
    Facts,
    amount=st.builds(Money, st.integers(1, 130), st.sampled_from(["EUR", "USD", "CHF"])),
    account=st.sampled_from(ACCOUNTS),
    payee=st.sampled_from(PayeeStanding),
    requester_roles=_ROLE_SETS,
)
_PEOPLE = st.dictionaries(st.sampled_from("abcdefgh"), _ROLE_SETS, max_size=8)


def _passes(verdict: Verdict, people: Mapping[str, frozenset[str]]) -> bool:
    return verdict.is_allowed and can_be_filled(verdict.slots, people)


def _with_rule(policy: Policy, rule: Rule, at: int) -> Policy:
    rules = list(policy.rules)
    rules.insert(at, rule)
    return Policy("EUR", tuple(rules))


@given(_POLICIES, _rules(), st.integers(0, 4), _FACTS, _PEOPLE)
def test_adding_a_rule_never_loosens_what_rules_cover(
    policy: Policy, rule: Rule, at: int, payment: Facts, people: Mapping[str, frozenset[str]]
) -> None:
    before = policy.evaluate(payment, RATES)
    after = _with_rule(policy, rule, at).evaluate(payment, RATES)
    if before.refused_by is not None:
        assert after.refused_by is not None
    if before.is_allowed:
        assert _passes(before, people) or not _passes(after, people)
        assert after.expires_after <= before.expires_after
    elif after.is_allowed:
        assert rule.name in after.matched, "only a rule that covers a payment can admit it"


@given(_POLICIES, _rules(st.just(When())), _rules(), _FACTS, _PEOPLE)
def test_adding_a_rule_never_loosens_a_policy_that_covers_everything(
    policy: Policy, base: Rule, rule: Rule, payment: Facts, people: Mapping[str, frozenset[str]]
) -> None:
    covering = _with_rule(policy, base, 0)
    before = covering.evaluate(payment, RATES)
    after = _with_rule(covering, rule, 1).evaluate(payment, RATES)
    assert _passes(before, people) or not _passes(after, people)
    assert after.expires_after <= before.expires_after


@given(_POLICIES, _FACTS, _RATE, _PEOPLE)
def test_a_missing_rate_is_as_strict_as_any_rate(
    policy: Policy, payment: Facts, rate: Decimal, people: Mapping[str, frozenset[str]]
) -> None:
    payment = Facts(
        Money(payment.amount.minor, "CHF"), payment.account, payment.payee, payment.requester_roles
    )
    unknown = policy.evaluate(payment, RATES)
    known = policy.evaluate(payment, Rates("EUR", {"CHF": rate}))
    assert _passes(known, people) or not _passes(unknown, people)
    if unknown.is_allowed:
        assert unknown.expires_after <= known.expires_after


@given(_POLICIES, _FACTS)
def test_a_verdict_is_the_union_of_its_reasons(policy: Policy, payment: Facts) -> None:
    verdict = policy.evaluate(payment, RATES)
    assert verdict == policy.evaluate(payment, RATES)
    by_name = {rule.name: rule for rule in policy.rules}
    refusing = [name for name in verdict.matched if by_name[name].refuse]
    assert verdict.refused_by == (refusing[0] if refusing else None)
    assert verdict.expires_after == min(
        (by_name[name].expires_after for name in verdict.matched), default=policy.expires_after
    )
    counts: dict[str, int] = {}
    for reason in verdict.explain():
        assert reason.slots == by_name[reason.rule].require
        for slot in reason.slots:
            counts[slot.role] = max(slot.count, counts.get(slot.role, 0))
    if verdict.is_allowed:
        assert {slot.role: slot.count for slot in verdict.slots} == counts
    else:
        assert verdict.slots == ()


@given(_POLICIES, _FACTS)
def test_a_stored_verdict_is_the_verdict(policy: Policy, payment: Facts) -> None:
    verdict = policy.evaluate(payment, RATES)
    text = verdict.to_json()
    assert Verdict.from_json(text) == verdict
    assert Verdict.from_json(text).to_json() == text


def test_a_verdict_on_the_largest_amount_can_be_stored() -> None:
    verdict = parse(POLICY).evaluate(
        Facts(Money(MAX_MINOR, "EUR"), "operating-eur", PayeeStanding.NEW, frozenset()), RATES
    )
    assert Verdict.from_json(verdict.to_json()) == verdict
    assert MAX_MINOR in Band(1, None)


@given(st.text() | st.recursive(st.none() | st.integers(), st.lists).map(json.dumps))
def test_what_is_no_verdict_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="not a stored verdict"):
        Verdict.from_json(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("slots", [{"role": "cfo", "count": 0}]),
        ("slots", [{"role": "cfo"}]),
        ("base_amount", ["1e3", "EUR"]),
        ("base_amount", [1, "EUR"]),
        ("expires_after", "soon"),
        ("expires_after", 10**30),
        ("reasons", None),
    ],
)
def test_a_spoilt_verdict_is_not_read(key: str, value: object) -> None:
    stored = json.loads(parse(POLICY).evaluate(facts("1 EUR"), RATES).to_json())
    with pytest.raises(ValueError, match="not a stored verdict"):
        Verdict.from_json(json.dumps(stored | {key: value}))


def test_the_hash_is_of_what_the_policy_says_of_itself() -> None:
    policy = parse(POLICY)
    assert policy.hash == hashlib.sha256(policy.as_json().encode()).hexdigest()
    assert json.loads(policy.as_json())["base_currency"] == "EUR"


# -- Quorum ----------------------------------------------------------------------------------------

_WANTED = st.lists(st.builds(Slot, st.sampled_from(ROLES), st.integers(1, 2)), max_size=4)


def _most(needed: Sequence[str], people: Mapping[str, frozenset[str]]) -> int:
    """Return how many of ``needed`` distinct people can fill, by trying everything."""
    if not needed:
        return 0
    first, *others = needed
    found = _most(others, people)
    for person, roles in people.items():
        if first in roles:
            rest = {name: people[name] for name in people if name != person}
            found = max(found, 1 + _most(others, rest))
    return found


@given(_WANTED, st.dictionaries(st.sampled_from("abcde"), _ROLE_SETS, max_size=5))
def test_as_many_slots_are_filled_as_can_be(
    slots: list[Slot], people: Mapping[str, frozenset[str]]
) -> None:
    needed = [slot.role for slot in slots for _ in range(slot.count)]
    assignment = assign(slots, people)
    assert len(assignment.filled) == _most(needed, people)
    assert assignment.is_complete == (len(assignment.filled) == len(needed) > 0)
    assert can_be_filled(slots, people) == assignment.is_complete


@given(_WANTED, _PEOPLE)
def test_nobody_fills_two_slots_or_one_of_another_role(
    slots: list[Slot], people: Mapping[str, frozenset[str]]
) -> None:
    assignment = assign(slots, people)
    persons = [person for _, person in assignment.filled]
    assert len(persons) == len(set(persons))
    assert all(role in people[person] for role, person in assignment.filled)
    roles = [role for role, _ in assignment.filled]
    roles += [slot.role for slot in assignment.missing for _ in range(slot.count)]
    assert sorted(roles) == sorted(slot.role for slot in slots for _ in range(slot.count))


@given(_WANTED, _PEOPLE, st.randoms())
def test_the_order_of_people_does_not_matter(
    slots: list[Slot], people: Mapping[str, frozenset[str]], random: Random
) -> None:
    names = list(people)
    random.shuffle(names)
    assert assign(slots, {name: people[name] for name in names}) == assign(slots, people)


@given(_WANTED, _PEOPLE, _ROLE_SETS)
def test_one_more_person_never_unfills_a_slot(
    slots: list[Slot], people: Mapping[str, frozenset[str]], roles: frozenset[str]
) -> None:
    before, after = assign(slots, people), assign(slots, {**people, "z": roles})
    assert 0 <= len(after.filled) - len(before.filled) <= 1
    assert after.is_complete or not before.is_complete


def test_somebody_with_two_roles_makes_room_for_somebody_with_one() -> None:
    slots = (Slot("controller"), Slot("cfo"))
    both = {"ann": frozenset({"controller", "cfo"})}
    assert assign(slots, both).filled == (("controller", "ann"),)
    assert assign(slots, both).missing == (Slot("cfo"),)
    two = {**both, "bob": frozenset({"controller"})}
    assert assign(slots, two).filled == (("controller", "bob"), ("cfo", "ann"))
    assert assign(slots, two).is_complete


def test_a_long_chain_of_people_moves_to_seat_one_more() -> None:
    size = 60
    slots = [Slot(f"role{n:02}") for n in range(size)]
    people = {
        f"p{n:02}": frozenset({f"role{n:02}", f"role{n + 1:02}"}) for n in range(size - 1)
    } | {"z": frozenset({"role00"})}
    assert can_be_filled(slots, people)
    assert not can_be_filled(slots, {name: people[name] for name in people if name != "p30"})


def test_a_quorum_of_nobody_is_none() -> None:
    assert not assign((), {"ann": frozenset(ROLES)}).is_complete
    assert not can_be_filled((), {})
    with pytest.raises(ValueError, match="a slot for 0 persons"):
        Slot("cfo", 0)
