"""Assertions: what they mean, that a proof is one, and that a counter-example is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.money import Money
from tests.workflows.policies import EDGE, LANES, PEOPLE, RATES, WORLD, payments, policies
from workflows.policy import Facts, Policy, Rates, Slot
from workflows.policy_assertions import Assertion, AssertionMistakeError, parse, prove
from workflows.policy_cells import Demand
from workflows.policy_world import World

POLICY = """
version: 1
rules:
  - name: Every payment
    require: [{ role: controller }]
  - name: From 1000 up
    when: { amount: { from: 1000 } }
    require: [{ role: cfo, stage: 2 }]
    cool_off: 24h
  - name: New payees
    when: { payee: new }
    require: [{ person: dong }, { person: carl, stage: 2 }]
    expires_after: 12h
  - name: Dear dollars
    when: { currency: USD, amount: { from: 50000 } }
    refuse: true
"""


def policy(text: str = POLICY) -> Policy:
    return Policy.parse(
        text,
        base_currency="EUR",
        roles=WORLD.roles,
        accounts=[lane.account for lane in LANES],
        people=PEOPLE.keys(),
        connectors=("hausbank", "ginza"),
    )


def holds(text: str, world: World = WORLD) -> bool:
    return prove(parse(text, world), policy(), world).holds


@pytest.mark.parametrize(
    ("text", "is_so"),
    [
        ("needs 1 approver", True),
        ("needs 1 approver incl. controller", True),
        ("needs 2 approvers", False),
        ("amount >= 1000 needs 2 approvers incl. controller, cfo", True),
        ("amount >= 999.99 needs 2 approvers", False),
        ("amount > 999.99 needs 2 approvers", True),
        ("amount > 0 needs 1 approver", True),
        ("amount < 1000 and payee trusted needs 2 approvers", False),
        ("amount >= 1086.96 USD needs 2 approvers including cfo", True),
        ("amount > 1086.95 USD needs 2 approvers incl. cfo", True),
        ("amount >= 1086.95 USD needs 2 approvers incl. cfo", True),  # worth 999.994: rounds up
        ("amount >= 1086.94 USD needs 2 approvers incl. cfo", False),  # worth 999.985, and EUR
        ("payee new needs 3 approvers incl. @dong, @carl, controller", True),
        ("payee new needs 3 approvers incl. cfo", True),  # carl is one
        ("payee new needs 3 approvers incl. 2 cfo", False),
        ("payee new needs 3 approvers incl. 2 controller", True),  # dong is one, by name
        ("payee new needs 3 approvers incl. @bea", False),
        ("account chf needs 2 approvers incl. cfo", True),  # no rate: the strictest
        ("account eur, usd needs 2 approvers", False),
        ("currency USD and amount >= 50000 is refused", True),  # of the base currency
        ("currency USD and amount >= 54347.82 USD is refused", True),
        ("currency USD and amount >= 54347 USD is refused", False),
        ("currency EUR is refused", False),
        ("currency SEK is refused", True),
        ("amount >= 1000 cools off 24h", True),
        ("amount >= 1000 cools off 25h", False),
        ("expires within 3d", True),
        ("expires within 71h", False),
        ("payee new expires within 12h and needs 2 approvers", True),
        ("payee new and amount > 2000 needs 4 approvers and cools off 1d", True),
        ("requester_role cfo and kind payroll needs 1 approver", True),
        ("time weekend needs 2 approvers", False),
        ("payee_changed_within 30d needs 1 approver", True),
        ("payee_country RU needs 2 approvers", False),
        ("payee_tag charity, ngo needs 1 approver", True),
        ("AMOUNT >= 1000 Needs 2 approvers INCL. cfo", True),
    ],
)
def test_an_assertion_holds_or_does_not(text: str, is_so: bool) -> None:
    assert holds(text) is is_so


def test_a_counter_example_is_a_payment_that_somebody_can_ask_for() -> None:
    proof = prove(parse("amount > 500 USD needs 2 approvers", WORLD), policy(), WORLD)
    found = proof.counter_example
    assert found is not None
    assert found.payment.amount == Money.parse("500.01", "USD")
    assert found.payment.account == "usd"
    assert found.payment.requester in WORLD.requesters
    assert [slot.who for slot in found.verdict.slots] == ["controller"]


def test_what_no_payment_can_be_like_holds_of_none() -> None:
    proof = prove(parse("currency SEK needs 9 approvers", WORLD), policy(), WORLD)
    assert (proof.holds, proof.kinds) == (True, 0)
    assert prove(parse("needs 1 approver", WORLD), policy(), WORLD).kinds > 1


def test_an_amount_is_of_worth_not_of_digits() -> None:
    world = replace(WORLD, rates=Rates("EUR", {"USD": Decimal("0.5"), "JPY": Decimal("0.01")}))
    assert holds("amount >= 2000 USD needs 2 approvers", world)
    assert holds("amount >= 100000 JPY needs 2 approvers", world)
    assert not holds("amount >= 99999 JPY needs 2 approvers", world)


# -- Mistakes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "ends too early"),
        ("amount > 5", "it says nothing"),
        ("amount", "ends too early"),
        ("amount 5 needs 1 approver", "“5” is not a comparison"),
        ("amount > five needs 1 approver", "“five” is not an amount"),
        ("amount > 1e3 needs 1 approver", "“1e3” is not an amount"),
        ("amount > 5 EURO needs 1 approver", "“EURO” is not a currency"),
        ("amount > 5 CHF needs 1 approver", "amounts in CHF cannot be compared without a rate"),
        ("amount > 5.001 EUR needs 1 approver", "cannot be paid"),
        ("amont > 5 needs 1 approver", "did you mean “amount”"),
        ("kind payrol needs 1 approver", "did you mean “payroll”"),
        ("payee unknown is refused", "Write one of: trusted, new"),
        ("account eurr is refused", "did you mean “eur”"),
        ("payee_country RUS is refused", "not a country"),
        ("payee new payee new is refused", "cannot follow"),
        ("payee new and payee trusted is refused", "“payee” is given twice"),
        ("needs two approvers", "“two” is not a number of people"),
        ("needs 2 persons", "“persons” is not “approvers”"),
        ("needs 1 approver incl. boss", "“boss” is not a role"),
        ("needs 1 approver incl. @zoe", "“@zoe” is not a person"),
        ("needs 1 approver incl.", "ends too early"),
        ("needs 1 approver or so", "“or” cannot follow what is asked"),
        ("is allowed", "“allowed” is not “refused”"),
        ("cools off soon", "“soon” is not a length of time"),
        ("expires within 0h", "“0h” is not a length of time"),
        ("needs 1 approver " + "and needs 1 approver " * 40, "at most 500 characters"),
    ],
)
def test_a_mistake_is_told_with_a_remedy(text: str, words: str) -> None:
    with pytest.raises(AssertionMistakeError) as caught:
        parse(text, WORLD)
    said = str(caught.value)
    assert words.casefold() in said.casefold()
    assert said.endswith(".")
    assert said.isprintable()


@given(st.text(max_size=60) | st.lists(st.sampled_from(
    ["amount", ">", "5", "EUR", "needs", "1", "approver", "incl.", "cfo", ",", "and", "is",
     "refused", "kind", "payroll", "cools", "off", "1h", "\x1b[2J", "@carl", "payee", "new"]
), max_size=14).map(" ".join))  # fmt: skip
def test_any_text_is_an_assertion_or_a_mistake(text: str) -> None:
    said = ""
    try:
        parse(text, WORLD)
    except AssertionMistakeError as mistake:
        said = str(mistake)
    assert not said or said.isprintable()


# -- Proofs ----------------------------------------------------------------------------------------

_CONDITIONS = st.sampled_from(
    [
        "payee new",
        "payee trusted",
        "kind payroll",
        "kind internal, refund",
        "account eur, jpy",
        "currency USD, CHF",
        "connector ginza",
        "payee_country RU, DE",
        "payee_tag charity, ngo",
        "payee_changed_within 2d",
        "requester carl",
        "requester_role staff",
        "time weekend, near_cut_off",
    ]
)
_BOUNDS = st.tuples(
    st.sampled_from([">", ">=", "<", "<="]),
    st.integers(0, 3 * EDGE),
    st.sampled_from(["EUR", "USD", "JPY"]),
).map(lambda each: f"amount {each[0]} {_digits(each[1], each[2])}")


def _digits(minor: int, currency: str) -> str:
    amount = Money(minor, currency)
    return f"{amount.decimal:f} {currency}"


_DEMANDS = st.sampled_from(
    [
        "is refused",
        "needs 1 approver",
        "needs 2 approvers",
        "needs 3 approvers",
        "needs 1 approver incl. cfo",
        "needs 2 approvers incl. controller, cfo",
        "needs 1 approver incl. 2 controller",
        "needs 1 approver incl. @dong",
        "cools off 1h",
        "expires within 50h",
    ]
)


@st.composite
def assertions(draw: st.DrawFn) -> Assertion:
    conditions: Sequence[str] = [
        *draw(st.lists(_BOUNDS, max_size=2)),
        *draw(st.lists(_CONDITIONS, max_size=2, unique_by=lambda text: text.split()[0])),
    ]
    return parse(f"{' and '.join(conditions)} {draw(_DEMANDS)}", WORLD)


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_what_is_proved_holds_of_every_payment_and_a_counter_example_violates(
    data: st.DataObject,
) -> None:
    there = data.draw(policies(3))
    assertion = data.draw(assertions())
    proof = prove(assertion, there, WORLD)
    if proof.counter_example is not None:
        payment = proof.counter_example.payment
        assert assertion.is_about(payment, WORLD)
        verdict = there.evaluate(payment, RATES)
        assert verdict == proof.counter_example.verdict
        assert not assertion.claim.holds(Demand.of(verdict), WORLD)
        return
    for _ in range(8):
        drawn: Facts = data.draw(payments(there))
        if assertion.is_about(drawn, WORLD):
            asked = Demand.of(there.evaluate(drawn, RATES))
            assert assertion.claim.holds(asked, WORLD), drawn


@given(st.data())
def test_a_bound_takes_the_amounts_that_it_holds_for(data: st.DataObject) -> None:
    (bound, *_) = parse(f"{data.draw(_BOUNDS)} needs 1 approver", WORLD).bounds
    currency = data.draw(st.sampled_from(["EUR", "USD", "JPY", "KWD", "CHF"]))
    taken = bound.within(range(1, 10 * EDGE), currency, WORLD)
    for minor in range(1, 10 * EDGE, 7):
        assert (minor in taken) == bound.holds(Money(minor, currency), WORLD)


def test_what_is_included_is_by_different_people() -> None:
    asked = Demand(
        (Slot("controller", 2), Slot(person="carl", stage=2)),
        None,
        timedelta(hours=1),
        timedelta(0),
    )
    for including, is_so in (
        ("cfo, 2 controller", True),
        ("3 controller", True),
        ("cfo, 3 controller", False),
        ("@carl, cfo", False),
        ("@carl, 2 controller", True),
        ("staff", False),
    ):
        claim = parse(f"needs 1 approver incl. {including}", WORLD).claim
        assert claim.holds(asked, WORLD) is is_so, including
