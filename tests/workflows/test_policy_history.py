"""Why an order needs what it needs, and what another policy would have made of real orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.money import Money
from tests.workflows.company import NEW_IBAN, POLICY, START, Hands, Phones, company
from tests.workflows.policies import RATES, payments, policies
from tests.workflows.test_approvals import LARGE, PEOPLE_BY_ID, Desk
from workflows import approvals, payees
from workflows.approvals import Choice, Decision
from workflows.database import Database
from workflows.orders import Order
from workflows.payees import Payee
from workflows.policy import Policy
from workflows.policy_cells import Demand
from workflows.policy_explain import Explanation, explain
from workflows.policy_history import Outcome, Replayed, compare, replay
from workflows.refusal import Refusal
from workflows.requests import Payment

SMALL = Payment("operating-eur", Money(5_000, "EUR"), payee_id="acme", remittance="INV-1")
STRANGER = Payment("operating-eur", Money(7_000, "EUR"), name="Zoe", iban=NEW_IBAN)


@pytest.fixture
def desk(database: Database, hands: Hands, phones: Phones) -> Desk:
    return Desk(database, hands, phones)


def policy(text: str) -> Policy:
    return company(text).policy


async def replayed(
    desk: Desk, text: str, since: datetime = START, until: datetime | None = None
) -> list[Replayed]:
    return await desk.database.read(
        lambda c: list(replay(c, desk.company, policy(text), since=since, until=until))
    )


async def outcomes(desk: Desk, text: str) -> dict[str, Outcome]:
    return {each.order.id: each.outcome for each in await replayed(desk, text)}


async def explained(desk: Desk, order: Order) -> Explanation:
    return await desk.database.read(lambda c: explain(c, desk.company, order.id))


# -- Replaying -------------------------------------------------------------------------------------


async def test_the_same_policy_changes_nothing(desk: Desk) -> None:
    for payment in (SMALL, LARGE, STRANGER):
        await desk.ask(payment)
        desk.hands.forward(days=1)
    assert set((await outcomes(desk, POLICY)).values()) == {Outcome.UNCHANGED}


async def test_each_order_is_told_what_another_policy_asks(desk: Desk) -> None:
    small, large, stranger = [await desk.ask(each) for each in (SMALL, LARGE, STRANGER)]
    rule = "  - {{name: N, when: {{{}}}, {}}}\n"
    cases: Mapping[str, Mapping[str, Outcome]] = {
        POLICY + rule.format("payee: new", "require: [{role: controller, count: 2}]"): {
            small.id: Outcome.UNCHANGED,
            large.id: Outcome.UNCHANGED,
            stranger.id: Outcome.STRICTER,
        },
        POLICY + rule.format("amount: {from: 1000}", "refuse: true"): {
            small.id: Outcome.UNCHANGED,
            large.id: Outcome.REFUSED,
            stranger.id: Outcome.UNCHANGED,
        },
        POLICY + rule.format("payee: trusted", "require: [{role: controller}], cool_off: 1h"): {
            small.id: Outcome.STRICTER,
            large.id: Outcome.STRICTER,
            stranger.id: Outcome.UNCHANGED,
        },
        POLICY.replace("[{ role: controller }, { role: cfo }]", "[{ role: controller }]").replace(
            "[{role: controller}, {role: cfo}]", "[{role: controller}]"
        ): {
            small.id: Outcome.UNCHANGED,
            large.id: Outcome.LOOSER,
            stranger.id: Outcome.UNCHANGED,
        },
        "version: 1\nrules: [{name: A, require: [{role: cfo}]}]": {
            small.id: Outcome.DIFFERENT,
            large.id: Outcome.LOOSER,
            stranger.id: Outcome.LOOSER,
        },
        POLICY + rule.format("amount: {below: 60}", "require: [{role: cfo, count: 2}]"): {
            small.id: Outcome.REFUSED,
            large.id: Outcome.UNCHANGED,
            stranger.id: Outcome.UNCHANGED,
        },
    }
    for text, wanted in cases.items():
        assert await outcomes(desk, text) == wanted, text
    missing = {each.order.id: each.nobody_for for each in await replayed(desk, list(cases)[-1])}
    assert missing[small.id] == "cfo", "no rule refuses it, but nobody could approve it"


async def test_limits_count_what_had_been_asked_for_by_then(desk: Desk) -> None:
    orders = []
    for number in range(4):
        payment = replace(SMALL, amount=Money(5_000 + number, "EUR"))
        orders.append(await desk.ask(payment))
        desk.hands.forward(hours=1)
    text = POLICY + (
        "limits: [{name: Day, per: payee, most: 120, within: 1d, require: [{role: cfo}]}]\n"
    )
    found = await outcomes(desk, text)
    assert [found[order.id] for order in orders] == [
        Outcome.UNCHANGED,
        Outcome.UNCHANGED,
        Outcome.STRICTER,
        Outcome.STRICTER,
    ]


async def test_whether_the_payee_was_new_is_as_of_then(desk: Desk) -> None:
    before = await desk.ask(SMALL)
    changed = Payee("acme", "ACME GmbH", NEW_IBAN, trusted=True)
    desk.hands.forward(hours=1)
    await desk.database.write(lambda c: payees.register(c, [changed], now=desk.hands()))
    after = await desk.ask(replace(SMALL, amount=Money(6_000, "EUR")))
    assert set((await outcomes(desk, POLICY)).values()) == {Outcome.UNCHANGED}
    lately = POLICY + (
        "  - {name: L, when: {payee_changed_within: 7d}, require: [{role: controller, count: 2}]}\n"
    )
    assert await outcomes(desk, lately) == {
        before.id: Outcome.UNCHANGED,
        after.id: Outcome.STRICTER,
    }


async def test_a_window_takes_what_was_asked_for_in_it(desk: Desk) -> None:
    first = await desk.ask(SMALL)
    desk.hands.forward(days=2)
    second = await desk.ask(LARGE)
    day = timedelta(days=1)
    late = await replayed(desk, POLICY, since=START + day)
    early = await replayed(desk, POLICY, until=START + day)
    assert [each.order.id for each in late] == [second.id]
    assert [each.order.id for each in early] == [first.id]


async def test_the_approvals_that_were_given_are_held_against_it(desk: Desk) -> None:
    order = await desk.ask(SMALL)
    waiting = await desk.ask(STRANGER)
    await desk.decide("bea", order)
    same = {each.order.id: each.suffices for each in await replayed(desk, POLICY)}
    assert same == {order.id: True, waiting.id: None}
    stricter = POLICY.replace("[{ role: controller }]", "[{ role: controller }, { role: cfo }]")
    stricter = stricter.replace("[{role: controller}]", "[{role: controller}, {role: cfo}]")
    found = {each.order.id: each.suffices for each in await replayed(desk, stricter)}
    assert found == {order.id: False, waiting.id: None}


async def test_a_requester_who_left_has_no_roles_any_more(desk: Desk) -> None:
    await desk.ask(SMALL)
    desk.company = company(people=[each for each in PEOPLE_BY_ID.values() if each.id != "amara"])
    text = POLICY + "  - {name: S, when: {requester_role: staff}, refuse: true}\n"
    assert set((await outcomes(desk, text)).values()) == {Outcome.UNCHANGED}


@given(st.data())
def test_comparing_is_an_order(data: st.DataObject) -> None:
    one, other = (data.draw(policies()) for _ in range(2))
    payment = data.draw(payments())
    before, after = (Demand.of(each.evaluate(payment, RATES)) for each in (one, other))
    opposite = {
        Outcome.STRICTER: Outcome.LOOSER,
        Outcome.LOOSER: Outcome.STRICTER,
        Outcome.UNCHANGED: Outcome.UNCHANGED,
        Outcome.DIFFERENT: Outcome.DIFFERENT,
    }
    assert compare(after, before) is opposite[compare(before, after)]
    assert compare(before, before) is Outcome.UNCHANGED


# -- Explaining ------------------------------------------------------------------------------------


async def test_an_explanation_goes_rule_by_rule(desk: Desk) -> None:
    order = await desk.ask(LARGE)
    found = await explained(desk, order)
    assert found.asked.verdict == order.policy_verdict
    assert not found.is_other_policy
    applies = {rule.name: not rule.unmet for rule in found.rules}
    assert applies == {
        "Every payment": True,
        "From 1 000 up": True,
        "New payees": False,
        "Closed lane": False,
    }
    (_, _, new, closed) = found.rules
    assert [(each.condition, each.wanted, each.found) for each in new.unmet] == [
        ("payee", "new", "trusted")
    ]
    assert [(each.condition, each.wanted, each.found) for each in closed.unmet] == [
        ("amount", "from 50,000.01", "1,250.00"),
        ("currency", "USD", "EUR"),
    ]
    assert {slot.who: could for slot, could in found.asked.could} == {
        "controller": (("bea", None), ("dong", None)),
        "cfo": (("carl", None),),
    }
    assert found.excluded == {"amara": ("asked for it",)}


async def test_who_has_approved_fills_and_who_is_partial_is_out(desk: Desk) -> None:
    order = await desk.ask(LARGE)
    await desk.decide("bea", order)
    order = await desk.now(order)
    choice = Choice(
        order.id, order.version, order.digest, Decision.RECUSE, reason="The owner is my cousin"
    )
    await desk.database.write(
        lambda c: approvals.recuse(c, desk.company, PEOPLE_BY_ID["carl"], choice, now=desk.hands())
    )
    found = await explained(desk, order)
    assert found.asked.assignment.filled == (("controller", "bea"),)
    assert found.excluded["carl"] == ("reported a conflict of interest",)
    assert {slot.who: could for slot, could in found.asked.could} == {"cfo": ()}


async def test_limits_are_told_with_what_they_counted(desk: Desk) -> None:
    text = POLICY + (
        "limits:\n"
        "  - {name: Day, per: payee, most: 120, within: 1d, require: [{role: cfo}]}\n"
        "  - {name: Dollars, per: payee, most: 1, within: 1d, when: {currency: USD}, "
        "refuse: true}\n"
    )
    desk.company = company(text)
    await desk.ask(SMALL)
    desk.hands.forward(hours=1)
    order = await desk.ask(replace(SMALL, amount=Money(8_000, "EUR")))
    day, dollars = (await explained(desk, order)).limits
    assert (day.counted, day.most, day.is_passed) == (
        Money(5_000, "EUR"),
        Money(12_000, "EUR"),
        True,
    )
    assert not dollars.is_passed
    assert [each.condition for each in dollars.unmet] == ["currency"]


async def test_another_policy_since_is_told_beside_what_counts(desk: Desk) -> None:
    order = await desk.ask(SMALL)
    desk.company = company(POLICY.replace("from: 1000", "from: 10"))
    found = await explained(desk, order)
    assert found.is_other_policy
    assert [slot.who for slot in found.asked.verdict.slots] == ["controller"]
    assert [slot.who for slot in found.today.verdict.slots] == ["controller", "cfo"]


async def test_an_order_that_is_not_there_is_refused(desk: Desk) -> None:
    with pytest.raises(Refusal) as caught:
        await desk.database.read(lambda c: explain(c, desk.company, "P00000000"))
    assert caught.value.code == "order.unknown"
