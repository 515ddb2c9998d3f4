"""What policy says is what happens: stages, cool-off, limits, splitting, who is excluded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from schwifty import IBAN
from sqlalchemy import Connection, update

from connectors.money import Money
from tests.workflows.company import (
    ACME_IBAN,
    CIPHER,
    EUR_IBAN,
    NEW_IBAN,
    PEOPLE,
    Hands,
    Phones,
    company,
)
from tests.workflows.test_approvals import LARGE, PEOPLE_BY_ID, Desk, code_of
from tests.workflows.test_dispatch import Office
from workflows import approvals, orders, policy_facts, release, requests, tables
from workflows.approvals import Choice, Decided, Decision
from workflows.calendars import Calendar
from workflows.company import Company
from workflows.database import Database
from workflows.opening import Hours
from workflows.orders import Order, OrderState
from workflows.people import Directory, Person
from workflows.policy import Kind, Moment, Policy, Rates
from workflows.refusal import Refusal
from workflows.requests import Payment

BASE = """
version: 1
rules:
  - name: Every payment
    require: [ { role: controller } ]
"""
FAY = Person("fay", "Fay Novak", "fay@acme.test", frozenset({"controller", "cfo"}))


@pytest.fixture
def desk(database: Database, hands: Hands, phones: Phones) -> Desk:
    return Desk(database, hands, phones)


def under(policy: str, people: Iterable[Person] = PEOPLE) -> Company:
    """Return the company under a policy that may name its people and its connection."""
    people = tuple(people)
    there = company(people=people)
    roles = {role for person in PEOPLE for role in person.roles}
    parsed = Policy.parse(
        policy,
        base_currency="EUR",
        roles=roles,
        accounts=there.accounts.keys(),
        people=[person.id for person in people],
        connectors=["bank"],
    )
    return replace(there, policy=parsed)


async def take_back(desk: Desk, who: str, order: Order) -> Order | Refusal:
    def act(connection: Connection) -> Order | Refusal:
        try:
            return approvals.withdraw(
                connection,
                desk.company,
                PEOPLE_BY_ID[who],
                order.id,
                order.version,
                now=desk.hands(),
            )
        except Refusal as refusal:
            return refusal

    return await desk.database.write(act)


async def given(desk: Desk, order: Order) -> dict[str, bool]:
    """Return who approved and whether that counts."""
    found = await desk.database.read(partial(approvals.of_order, order=order))
    return {each.person_id: each.withdrawn_at is None for each in found}


# ---- stages -------------------------------------------------------------------------------------

STAGED = """
version: 1
rules:
  - name: First the controller, then the CFO
    require:
      - { role: controller }
      - { role: cfo, stage: 2 }
"""


async def test_a_later_stage_opens_when_the_earlier_is_filled(desk: Desk) -> None:
    desk.company = under(STAGED)
    order = await desk.ask()
    first = await desk.database.read(lambda c: approvals.approvers(desk.company, order, []))
    assert [person.id for person in first] == ["bea", "dong"]
    assert await waiting(desk, "carl") == []
    assert code_of(await desk.decide("carl", order)) == "approval.not_yet"
    assert (await desk.decide("carl", order, Decision.REJECT)).__class__ is Refusal  # no reason
    assert code_of(await desk.decide("bea", order)) == "decided"
    assert await waiting(desk, "carl") == [order.id]
    assert await waiting(desk, "dong") == []
    assert code_of(await desk.decide("carl", order)) == "decided"
    assert (await desk.now(order)).state == OrderState.APPROVED


async def test_anybody_asked_may_reject_before_it_is_their_turn(desk: Desk) -> None:
    desk.company = under(STAGED)
    order = await desk.ask()
    assert code_of(await desk.decide("carl", order, Decision.REJECT, reason="Odd")) == "decided"
    assert (await desk.now(order)).state == OrderState.REJECTED


async def waiting(desk: Desk, who: str) -> list[str]:
    found = await desk.database.read(
        lambda c: approvals.awaiting(c, desk.company, PEOPLE_BY_ID[who])
    )
    return [order.id for order in found]


async def test_nobody_spends_themselves_on_an_early_stage(desk: Desk) -> None:
    """Fay is the only CFO left, and a controller too; another controller has to come first."""
    people = [each for each in PEOPLE if each.id != "carl"] + [FAY]
    desk.company = under(STAGED, people)
    order = await desk.ask()
    choice = Choice(order.id, order.version, order.digest, Decision.APPROVE, "000000")
    refused = await desk.database.write(
        lambda c: approvals.decide(c, desk.company, CIPHER, FAY, choice, now=desk.hands())
    )
    assert isinstance(refused, Refusal)
    assert refused.code == "approval.needed_later"
    await desk.decide("bea", order)
    late = await desk.database.write(
        lambda c: approvals.decide(c, desk.company, CIPHER, FAY, choice, now=desk.hands())
    )
    assert isinstance(late, Refusal)
    assert late.code.startswith("factor."), "only the code is in the way now"


async def test_a_named_person_is_waited_for(desk: Desk) -> None:
    desk.company = under(BASE + "  - name: Carl\n    require: [ { person: carl } ]\n")
    order = await desk.ask()
    await desk.decide("bea", order)
    assert code_of(await desk.decide("dong", order)) == "decided"
    assert (await desk.now(order)).state == OrderState.PENDING
    done = await desk.decide("carl", order)
    assert isinstance(done, Decided)
    assert ("@carl", "carl") in done.assignment.filled
    assert done.order.state == OrderState.APPROVED


async def test_one_who_left_the_role_leaves_the_payment_unapproved(desk: Desk) -> None:
    order = await desk.ask()
    await desk.decide("bea", order)
    await desk.decide("carl", order)
    moved = [
        replace(each, roles=frozenset({"staff"})) if each.id == "carl" else each for each in PEOPLE
    ]
    desk.company = replace(desk.company, directory=Directory(moved))
    state = await desk.database.read(
        lambda c: release.no_longer_holds(c, desk.company, orders.get(c, order.id))
    )
    assert state == "release.approvals"


# ---- taking back --------------------------------------------------------------------------------


async def test_an_approval_can_be_taken_back_and_given_again(desk: Desk) -> None:
    order = await desk.ask()
    await desk.decide("bea", order)
    await desk.decide("carl", order)
    back = await take_back(desk, "carl", await desk.now(order))
    assert isinstance(back, Order)
    assert back.state == OrderState.PENDING
    assert await given(desk, order) == {"bea": True, "carl": False}
    again = await take_back(desk, "carl", order)
    assert isinstance(again, Refusal)
    assert again.code == "approval.none"
    desk.hands.forward(seconds=30)
    assert code_of(await desk.decide("carl", order)) == "decided"
    assert (await desk.now(order)).state == OrderState.APPROVED
    assert await given(desk, order) == {"bea": True, "carl": True}


async def test_what_was_given_on_the_strength_of_it_goes_with_it(desk: Desk) -> None:
    desk.company = under(STAGED)
    order = await desk.ask()
    await desk.decide("bea", order)
    await desk.decide("carl", order)
    back = await take_back(desk, "bea", order)
    assert isinstance(back, Order)
    assert back.state == OrderState.PENDING
    assert await given(desk, order) == {"bea": False, "carl": False}
    assert code_of(await desk.decide("carl", order)) == "approval.not_yet"


async def test_a_payment_taken_back_and_approved_again_is_sent_once(
    database: Database, hands: Hands, phones: Phones, tmp_path: Path
) -> None:
    office = Office(database, hands, phones, tmp_path)
    async with office.open() as dispatcher:
        order = await office.approved()
        taken = await take_back(office, "carl", order)
        assert isinstance(taken, Order)
        await dispatcher.begin(order.id)  # its workflow finds it pending, and waits
        await asyncio.sleep(0.2)
        assert office.institution.ledger == []
        await office.decide("carl", order)
        await dispatcher.wake(order.id)
        await office.until(order, "settled")
        late = await take_back(office, "carl", order)
        assert isinstance(late, Refusal)
        assert late.code == "order.too_late"
    assert office.institution.ledger == [order.end_to_end_id]


# ---- who is excluded ----------------------------------------------------------------------------


async def test_whoever_has_a_conflict_is_out_also_of_the_next_version(desk: Desk) -> None:
    order = await desk.ask()
    await desk.decide("bea", order)
    assert code_of(await desk.decide("bea", order, Decision.RECUSE)) == "recuse.reason_missing"
    out = await desk.decide("bea", order, Decision.RECUSE, reason="My brother's firm")
    assert isinstance(out, Decided)
    assert out.assignment.filled == ()
    assert code_of(await desk.decide("bea", order)) == "approval.already"
    payment = replace(LARGE, amount=Money(126_000, "EUR"))
    amended = await desk.database.write(
        lambda c: requests.amend(
            c, desk.company, PEOPLE_BY_ID["amara"], order.id, payment, version=1, now=desk.hands()
        )
    )
    assert code_of(await desk.decide("bea", amended)) == "approval.excluded"
    assert code_of(await desk.decide("dong", amended)) == "decided"


async def test_who_changed_the_payee_last_does_not_approve(desk: Desk) -> None:
    await desk.database.write(
        lambda c: c.execute(update(tables.payee).values(changed_by="bea")).rowcount
    )
    order = await desk.ask()
    assert code_of(await desk.decide("bea", order)) == "approval.excluded"
    assert code_of(await desk.decide("dong", order)) == "decided"


async def test_who_changes_the_payee_after_approving_stops_the_payment(desk: Desk) -> None:
    order = await desk.ask()
    await desk.decide("bea", order)
    await desk.decide("carl", order)
    await desk.database.write(
        lambda c: c.execute(update(tables.payee).values(changed_by="bea")).rowcount
    )
    reason = await desk.database.read(
        lambda c: release.no_longer_holds(c, desk.company, orders.get(c, order.id))
    )
    assert reason == "release.policy"


# ---- cool-off -----------------------------------------------------------------------------------


async def test_an_approved_payment_cools_off_before_it_leaves(
    database: Database, hands: Hands, phones: Phones, tmp_path: Path
) -> None:
    office = Office(database, hands, phones, tmp_path)
    office.company = under(BASE.replace("require:", "cool_off: 4h\n    require:"))
    async with office.open() as dispatcher:
        order = await office.ask()
        await office.decide("bea", order)
        approved = await office.now(order)
        assert approved.release_after == hands() + timedelta(hours=4)
        await dispatcher.begin(order.id)
        await asyncio.sleep(0.2)
        hands.forward(hours=3, minutes=59)
        await dispatcher.wake(order.id)
        await asyncio.sleep(0.2)
        assert office.institution.ledger == []
        hands.forward(minutes=1)
        await dispatcher.wake(order.id)
        await office.until(order, "settled")
    assert office.institution.ledger == [order.end_to_end_id]


# ---- limits -------------------------------------------------------------------------------------

WEEKLY = (
    BASE
    + """
limits:
  - name: A week of one payee
    per: payee
    most: 3000
    within: 7d
    require: [ { role: cfo } ]
  - name: A day of one person
    per: requester
    most: 10000
    within: 1d
    refuse: true
"""
)


async def rules_of(desk: Desk, amount: int, **other: object) -> tuple[str, ...]:
    payment = Payment(
        "operating-eur",
        Money(amount, "EUR"),
        payee_id="acme",
        remittance=f"INV-{amount}",
        is_no_duplicate=True,
    )
    order = await desk.ask(replace(payment, **other))  # type: ignore[arg-type]
    return order.policy_verdict.matched


async def test_what_is_pending_counts_so_that_splitting_gains_nothing(desk: Desk) -> None:
    desk.company = under(WEEKLY)
    for _ in range(3):
        assert await rules_of(desk, 100_000) == ("Every payment",)
    assert await rules_of(desk, 1) == ("Every payment", "A week of one payee")
    desk.hands.forward(days=7, seconds=1)
    assert await rules_of(desk, 300_000) == ("Every payment",), "the window has moved on"


async def test_the_limit_is_what_may_be_spent_exactly(desk: Desk) -> None:
    desk.company = under(WEEKLY)
    assert await rules_of(desk, 300_000) == ("Every payment",)
    assert "A week of one payee" in await rules_of(desk, 1)


async def test_money_that_was_not_moved_does_not_count(desk: Desk) -> None:
    desk.company = under(WEEKLY)
    order = await desk.ask(replace(LARGE, amount=Money(300_000, "EUR")))
    await desk.decide("bea", order, Decision.REJECT, reason="No")
    assert await rules_of(desk, 300_000) == ("Every payment",)


async def test_a_limit_that_refuses(desk: Desk) -> None:
    desk.company = under(WEEKLY)
    refusal = await desk.refused(replace(LARGE, amount=Money(1_000_001, "EUR")))
    assert (refusal.code, refusal.facts["rule"]) == ("policy.refused", "A day of one person")


async def test_an_amendment_counts_from_when_it_is_made(desk: Desk) -> None:
    """Or an early small payment could be made large, past what came after it."""
    desk.company = under(WEEKLY)
    early = await desk.ask(replace(LARGE, amount=Money(10_000, "EUR")))
    desk.hands.forward(hours=1)
    assert await rules_of(desk, 250_000) == ("Every payment",)
    desk.hands.forward(hours=1)
    larger = replace(LARGE, amount=Money(200_000, "EUR"))
    amended = await desk.database.write(
        lambda c: requests.amend(
            c, desk.company, PEOPLE_BY_ID["amara"], early.id, larger, version=1, now=desk.hands()
        )
    )
    assert "A week of one payee" in amended.policy_verdict.matched


async def test_a_later_payment_takes_nothing_from_an_earlier_one(desk: Desk) -> None:
    desk.company = under(WEEKLY)
    first = await desk.ask(replace(LARGE, amount=Money(300_000, "EUR")))
    await desk.decide("bea", first)
    desk.hands.forward(minutes=1)
    await rules_of(desk, 100_000)
    holds = await desk.database.read(
        lambda c: release.no_longer_holds(c, desk.company, orders.get(c, first.id))
    )
    assert holds is None


async def test_two_at_once_do_not_both_slip_below_the_limit(desk: Desk) -> None:
    desk.company = under(WEEKLY)
    found = await asyncio.gather(*(rules_of(desk, 200_000, remittance=f"I{n}") for n in range(4)))
    assert sum("A week of one payee" in rules for rules in found) == 3


async def test_other_currencies_count_at_the_days_rate_and_without_one_pass_it(desk: Desk) -> None:
    desk.company = under(WEEKLY)
    in_dollars = Payment(
        "operating-usd",
        Money(320_000, "USD"),
        payee_id="acme",
        remittance="D",
        is_no_duplicate=True,
    )
    order = await desk.ask(in_dollars)
    assert order.policy_verdict.matched == ("Every payment",)  # 2 944.00 EUR
    assert "A week of one payee" in await rules_of(desk, 5_700)
    desk.company = replace(desk.company, rates=Rates("EUR", {}))
    with pytest.raises(Refusal, match="policy"):  # passes every limit, and one of them refuses
        await rules_of(desk, 1, remittance="E")


# ---- splitting ----------------------------------------------------------------------------------

BANDED = (
    BASE
    + """
  - name: From 1 000 up
    when: { amount: { from: 1000 } }
    require: [ { role: cfo } ]
"""
)


async def risks(desk: Desk, amount: int, **other: object) -> bool:
    payment = replace(
        LARGE, amount=Money(amount, "EUR"), remittance=f"R{amount}", is_no_duplicate=True
    )
    order = await desk.ask(replace(payment, **other))  # type: ignore[arg-type]
    return "near_split" in order.risk_codes


async def test_parts_of_one_payment_are_marked(desk: Desk) -> None:
    desk.company = under(BANDED)
    assert not await risks(desk, 60_000)
    assert not await risks(desk, 30_000)
    assert await risks(desk, 20_000), "1 100.00 together"
    assert not await risks(desk, 150_000), "above the edge by itself"
    desk.hands.forward(days=7, seconds=1)
    assert not await risks(desk, 60_000)


async def test_thirty_payments_just_below_an_edge_are_marked(desk: Desk) -> None:
    desk.company = under(BANDED)
    new = {"payee_id": None, "name": "Somebody"}
    marks = []
    for number in range(30):
        iban = NEW_IBAN if number == 0 else _iban(number)
        marks.append(await risks(desk, 95_000, iban=iban, **new))
    assert marks == [False, False] + [True] * 28


def _iban(number: int) -> str:
    return str(IBAN.generate("DE", "37040044", f"{number:010}"))


# ---- kinds, times, rates ------------------------------------------------------------------------


async def test_between_own_accounts_is_internal_whatever_is_said(desk: Desk) -> None:
    desk.company = under(BASE)
    own = replace(
        desk.company.accounts["operating-usd"],
        account=replace(desk.company.accounts["operating-usd"].account, currency="EUR"),
    )
    desk.company = replace(desk.company, accounts={**desk.company.accounts, "operating-usd": own})
    payment = Payment(
        "operating-usd", Money(100, "EUR"), name="Northwind GmbH", iban=EUR_IBAN, remittance="x"
    )
    assert (await desk.ask(payment)).kind == "internal"
    outside = replace(LARGE, kind=Kind.INTERNAL)
    assert (await desk.ask(outside)).kind == "single"


@pytest.mark.parametrize(
    ("at", "moments"),
    [
        # Berlin is an hour ahead of UTC in November and two in July.
        ("2026-11-24T09:00", set()),
        ("2026-11-24T07:00", set()),
        ("2026-11-24T06:59", {Moment.OUTSIDE_HOURS}),
        ("2026-11-24T14:30", {Moment.NEAR_CUT_OFF}),
        ("2026-11-24T14:29", set()),
        ("2026-11-24T15:30", set()),
        ("2026-07-21T13:30", {Moment.NEAR_CUT_OFF}),
        ("2026-07-21T14:30", set()),
        ("2026-11-28T10:00", {Moment.OUTSIDE_HOURS, Moment.WEEKEND}),
        # The clocks go back on Sunday 25 October and forward on Sunday 29 March.
        ("2026-10-23T05:59", {Moment.OUTSIDE_HOURS}),
        ("2026-10-23T06:00", set()),
        ("2026-10-26T06:59", {Moment.OUTSIDE_HOURS}),
        ("2026-10-26T07:00", set()),
        ("2026-03-27T07:00", set()),
        ("2026-03-30T06:00", set()),
        ("2026-03-30T05:59", {Moment.OUTSIDE_HOURS}),
        # It is Sunday in Berlin already, and still Saturday in London.
        ("2026-11-22T23:30", {Moment.OUTSIDE_HOURS}),
    ],
)
def test_what_is_odd_about_a_time(at: str, moments: set[Moment]) -> None:
    there = replace(company(), opening={"bank": Hours.parse("mon-fri 06:00-16:30")})
    asked_at = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert policy_facts.moments_of(there, "operating-eur", "bank", asked_at) == moments


@pytest.mark.parametrize(
    ("calendar", "at", "is_weekend"),
    [
        ("TARGET", "2026-12-25T10:00", True),
        ("TARGET", "2026-12-24T10:00", False),
        ("TARGET", "2026-12-24T23:30", True),  # it is Christmas in Berlin already
        ("TARGET", "2026-11-28T10:00", True),
        ("CN", "2026-10-10T02:00", False),  # a Saturday on which China works
        ("CN", "2026-10-01T02:00", True),
        ("CN", "2027-06-02T02:00", True),  # nobody knows yet
        (None, "2026-12-25T10:00", False),
    ],
)
def test_a_day_that_is_no_business_day_is_a_weekend(
    calendar: str | None, at: str, is_weekend: bool
) -> None:
    there = company()
    found = Calendar(calendar) if calendar else None
    accounts = {name: replace(own, calendar=found) for name, own in there.accounts.items()}
    there = replace(there, accounts=accounts, opening={"bank": Hours.parse("mon-fri 06:00-16:30")})
    asked_at = datetime.fromisoformat(at).replace(tzinfo=UTC)
    moments = policy_facts.moments_of(there, "operating-eur", "bank", asked_at)
    assert (Moment.WEEKEND in moments) is is_weekend


def test_no_cut_off_is_near_on_a_holiday() -> None:
    there = company()
    accounts = {
        name: replace(own, calendar=Calendar("TARGET")) for name, own in there.accounts.items()
    }
    there = replace(there, accounts=accounts, opening={"bank": Hours.parse("mon-fri 06:00-16:30")})
    for day, found in ((24, {Moment.NEAR_CUT_OFF}), (25, {Moment.WEEKEND})):
        asked_at = datetime(2026, 12, day, 15, 0, tzinfo=UTC)
        assert policy_facts.moments_of(there, "operating-eur", "bank", asked_at) == found


def test_a_rate_holds_from_its_day_until_it_is_too_old() -> None:
    rates = Rates(
        "EUR",
        {"GBP": Decimal("1.1")},
        {"USD": {date(2026, 11, 1): Decimal("0.9"), date(2026, 11, 20): Decimal("0.8")}},
        timedelta(days=10),
    )
    dollar, pound = Money(100, "USD"), Money(100, "GBP")
    worth = {
        date(2026, 10, 31): None,
        date(2026, 11, 1): 90,
        date(2026, 11, 11): 90,
        date(2026, 11, 12): None,
        date(2026, 11, 19): None,
        date(2026, 11, 20): 80,
        date(2026, 11, 30): 80,
        date(2026, 12, 1): None,
    }
    for day, minor in worth.items():
        found = rates.on(day).to_base(dollar)
        assert (found.minor if found else None) == minor, day
        assert rates.on(day).to_base(pound) == Money(110, "EUR")
    assert rates.to_base(dollar) == Money(80, "EUR"), "the newest, where no day is asked about"


# ---- whom it goes to ----------------------------------------------------------------------------

CYRILLIC = "\u0410\u0421\u041c\u0415 GmbH"
"""Reads ACME GmbH."""


async def test_a_payee_named_like_a_trusted_one_has_to_be_looked_at(desk: Desk) -> None:
    desk.company = under(BASE)
    payment = Payment(
        "operating-eur", Money(90_000, "EUR"), name=CYRILLIC, iban=NEW_IBAN, remittance="x"
    )
    order = await desk.ask(payment)
    assert "payee_lookalike:ACME GmbH" in order.risk_codes
    assert order.must_be_acknowledged
    assert code_of(await desk.decide("bea", order)) == "approval.unacknowledged"
    choice = Choice(
        order.id,
        order.version,
        order.digest,
        Decision.APPROVE,
        desk.phones.code("bea"),
        has_acknowledged=True,
    )
    done = await desk.database.write(
        lambda c: approvals.decide(
            c, desk.company, CIPHER, PEOPLE_BY_ID["bea"], choice, now=desk.hands()
        )
    )
    assert isinstance(done, Decided), "the code was not used up by the first try"


async def test_the_same_account_under_another_name_has_to_be_looked_at(desk: Desk) -> None:
    desk.company = under(BASE)
    payment = Payment(
        "operating-eur", Money(90_000, "EUR"), name="Somebody", iban=ACME_IBAN, remittance="x"
    )
    assert "payee_account_reused:ACME GmbH" in (await desk.ask(payment)).risk_codes


async def test_nothing_goes_to_a_payee_who_was_suspended_meanwhile(desk: Desk) -> None:
    order = await desk.ask()
    await desk.decide("bea", order)
    await desk.decide("carl", order)
    await desk.database.write(
        lambda c: c.execute(update(tables.payee).values(active=False)).rowcount
    )
    reason = await desk.database.read(
        lambda c: release.no_longer_holds(c, desk.company, orders.get(c, order.id))
    )
    assert reason == "release.payee"


async def test_new_bank_details_are_told_and_trusted_only_after_the_cool_off(desk: Desk) -> None:
    desk.company = replace(under(BASE), payee_cool_off=timedelta(hours=24))
    changed_at = desk.hands()
    await desk.database.write(
        lambda c: c.execute(update(tables.payee).values(changed_at=changed_at)).rowcount
    )
    desk.hands.forward(hours=1)
    early = await desk.ask()
    assert {"payee_new", "payee_changed"} <= set(early.risk_codes)
    await settle(desk, early)
    soon = await desk.ask(replace(LARGE, is_no_duplicate=True))
    assert "payee_new" in soon.risk_codes, "a payment of before the cool-off proves nothing"
    desk.hands.forward(hours=24)
    await settle(desk, await desk.ask(replace(LARGE, is_no_duplicate=True)))
    late = await desk.ask(replace(LARGE, is_no_duplicate=True))
    assert "payee_new" not in late.risk_codes
    assert "payee_changed" in late.risk_codes
    desk.hands.forward(days=30)
    assert "payee_changed" not in (await desk.ask()).risk_codes


async def settle(desk: Desk, order: Order) -> None:
    await desk.database.write(
        lambda c: (
            c.execute(
                update(tables.payment_order)
                .where(tables.payment_order.c.id == order.id)
                .values(state="settled")
            ).rowcount
        )
    )
