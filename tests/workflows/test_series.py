"""Payments that come again: each an order of its own, approved once or each time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from connectors.base import Instruction, Outcome
from connectors.money import Money
from tests.workflows.company import PEOPLE, Hands, Phones
from tests.workflows.landlord import EACH, FIRST, ONCE, RENT, Landlord, amended
from tests.workflows.test_approvals import LARGE, PEOPLE_BY_ID, code_of
from tests.workflows.test_dispatch import Institution
from tests.workflows.test_policy_in_force import take_back, under
from workflows import (
    orders,
    requests,
    running,
    series,
    tables,
)
from workflows.approvals import Decision
from workflows.database import Database
from workflows.orders import Order, OrderState
from workflows.people import Directory
from workflows.policy import Approve
from workflows.policy_explain import explain
from workflows.recurrence import Every, Repeats
from workflows.refusal import Refusal
from workflows.requests import Payment


@pytest.fixture
def office(database: Database, hands: Hands, phones: Phones, tmp_path: Path) -> Landlord:
    made = Landlord(database, hands, phones, tmp_path)
    made.company = under(ONCE)
    return made


# ---- approved once ------------------------------------------------------------------------------


async def test_a_series_that_is_approved_once_is_paid_each_month(office: Landlord) -> None:
    first = await office.rented()
    assert first.policy_verdict.series is Approve.ONCE
    assert first.state == OrderState.APPROVED
    assert await office.on("2026-12-28") == []
    (second,) = await office.on("2026-12-29")
    assert (second.series_id, second.occurrence) == (first.id, 2)
    assert second.execution_date == date(2027, 1, 1)
    assert second.state == OrderState.APPROVED
    assert second.id != first.id
    assert second.end_to_end_id != first.end_to_end_id
    assert await office.on("2026-12-29") == [], "each is made once"
    (mine,) = await office.given(second)
    assert (mine.person_id, mine.digest, mine.series_digest) == ("bea", second.digest, first.digest)
    async with office.open() as dispatcher:
        await dispatcher.sweep()
        await office.until(first, "settled")
        assert office.institution.ledger == [first.end_to_end_id], "the second is not due yet"
        office.hands.now = datetime(2027, 1, 1, 8, tzinfo=UTC)
        await dispatcher.sweep()
        await office.until(second, "settled", kind="receipt.stored")
    assert office.institution.ledger == [first.end_to_end_id, second.end_to_end_id]
    assert await office.is_sound()


async def test_it_ends_with_its_last_payment(office: Landlord) -> None:
    first = await office.rented()
    made = [
        order
        for day in ("2026-12-29", "2027-01-29", "2027-02-26")
        for order in await office.on(day)
    ]
    assert [each.execution_date for each in made] == [
        date(2027, 1, 1),
        date(2027, 2, 1),
        date(2027, 3, 1),
    ]
    assert await office.at(first) == running.Running(first.id, None, running.COMPLETED)
    assert await office.on("2027-06-01") == []
    assert await office.is_sound()


async def test_nothing_follows_while_the_first_waits_or_after_it_was_refused(
    office: Landlord,
) -> None:
    first = await office.ask(RENT)
    assert await office.on("2026-12-30") == []
    later = replace(RENT, remittance="Other rent", execution_date=date(2027, 1, 4))
    other = await office.ask(later)
    await office.decide("bea", other, Decision.REJECT, reason="No")
    await office.database.write(lambda c: requests.expire_due(c, now=office.hands()))
    assert await office.on("2027-01-30") == []
    assert (await office.at(first)).ended == "first_expired"
    assert await office.on("2027-02-03") == []
    assert (await office.at(other)).ended == "first_rejected"
    assert await office.is_sound()


async def test_approvers_of_the_sum_are_asked(office: Landlord) -> None:
    """Eight payments of 1 250 are one of 10 000: in parts it gains nothing."""
    long = replace(RENT, repeats=Repeats(Every.MONTH, date(2027, 7, 31)))
    first = await office.ask(long)
    assert {slot.who for slot in first.policy_verdict.slots} == {"controller", "cfo"}
    short = replace(RENT, repeats=Repeats(Every.MONTH, date(2027, 6, 30)), is_no_duplicate=True)
    second = await office.ask(short)
    assert {slot.who for slot in second.policy_verdict.slots} == {"controller"}
    other = await office.ask(replace(LARGE, is_no_duplicate=True))
    assert other.policy_verdict.series is None


# ---- approved each time -------------------------------------------------------------------------


async def test_without_a_word_of_it_each_payment_is_approved_anew(office: Landlord) -> None:
    office.company = under(EACH)
    first = await office.rented()
    assert first.policy_verdict.series is Approve.EACH
    (second,) = await office.on("2026-12-29")
    assert second.state == OrderState.PENDING
    assert await office.given(second) == []
    assert code_of(await office.decide("bea", second)) == "decided"
    assert (await office.now(second)).state == OrderState.APPROVED
    assert await office.is_sound()


@pytest.mark.parametrize(
    "rule",
    [
        "  - name: Rents\n    when: { payee: trusted }\n    require: [ { role: cfo } ]\n",
        "  - name: A sum\n    when: { amount: { from: 5000 } }\n    require: [ { role: cfo } ]\n",
        "  - name: Never so much\n    when: { amount: { from: 5000 } }\n    refuse: true\n",
    ],
)
async def test_one_rule_that_wants_each_is_enough(office: Landlord, rule: str) -> None:
    office.company = under(ONCE + rule)
    first = await office.ask(RENT)
    assert first.policy_verdict.series is Approve.EACH


async def test_what_is_over_a_limit_is_approved_by_itself(office: Landlord) -> None:
    limit = (
        "limits:\n  - name: To one payee\n    per: payee\n    most: 2000\n    within: 10d\n"
        "    require: [ { role: cfo } ]\n"
    )
    office.company = under(ONCE + limit)
    first = await office.rented()
    assert first.policy_verdict.series is Approve.ONCE
    office.hands.now = datetime(2026, 12, 28, 9, tzinfo=UTC)
    await office.ask(replace(LARGE, amount=Money(90_000, "EUR"), remittance="X"))
    (second,) = await office.on("2026-12-29")
    assert second.policy_verdict.series is Approve.EACH
    assert second.state == OrderState.PENDING
    assert await office.given(second) == []


# ---- what is covered, and what is not -----------------------------------------------------------


async def renamed(office: Landlord, first: Order) -> None:
    await office.database.write(
        lambda c: c.execute(update(tables.payee).values(name="Other GmbH")).rowcount
    )


async def moved(office: Landlord, first: Order) -> None:
    iban = "DE02100100100006820101"
    await office.database.write(
        lambda c: c.execute(update(tables.payee).values(iban=iban)).rowcount
    )


async def stricter(office: Landlord, first: Order) -> None:
    office.company = under(EACH)


async def forged(office: Landlord, first: Order) -> None:
    change = {"repeats": Repeats(Every.MONTH, date(2030, 1, 1)).to_json()}
    await office.database.write(
        lambda c: (
            c.execute(
                update(tables.payment_order)
                .where(tables.payment_order.c.id == first.id)
                .values(change)
            ).rowcount
        )
    )


Change = Callable[[Landlord, Order], Awaitable[None]]


@pytest.mark.parametrize("change", [renamed, moved, stricter, forged])
async def test_anything_else_waits_for_approvals_of_its_own(
    office: Landlord, change: Change
) -> None:
    first = await office.rented()
    await change(office, first)
    (second,) = await office.on("2026-12-29")
    assert second.state == OrderState.PENDING
    assert await office.given(second) == []


@pytest.mark.parametrize("change", [stricter, forged])
async def test_what_changes_after_it_was_made_stops_it_at_the_door(
    office: Landlord, change: Change
) -> None:
    first = await office.rented()
    (second,) = await office.on("2026-12-29")
    assert second.state == OrderState.APPROVED
    await change(office, first)
    async with office.open() as dispatcher:
        office.hands.now = datetime(2027, 1, 1, 8, tzinfo=UTC)
        await dispatcher.begin(second.id)
        failed = await office.until(second, "failed")
    assert failed.reason_code in ("release.series", "release.policy")
    assert second.end_to_end_id not in office.institution.ledger


async def test_an_approver_who_lost_the_role_covers_nothing(office: Landlord) -> None:
    await office.rented()
    people = [
        replace(each, roles=frozenset({"intern"})) if each.id == "bea" else each for each in PEOPLE
    ]
    office.company = replace(office.company, directory=Directory(people))
    (second,) = await office.on("2026-12-29")
    assert second.state == OrderState.PENDING
    assert code_of(await office.decide("dong", second)) == "decided"
    assert (await office.now(second)).state == OrderState.APPROVED


async def test_one_that_is_asked_for_much_too_late_is_not_covered(office: Landlord) -> None:
    first = await office.rented()
    second, third = await office.on("2027-02-05")
    assert (second.execution_date, third.execution_date) == (date(2027, 2, 5), date(2027, 2, 5))
    assert second.state == OrderState.PENDING, "five weeks late: somebody should look at it"
    assert third.state == OrderState.APPROVED, "four days late"
    assert first.id == second.series_id == third.series_id


async def test_an_approver_can_take_back_one_payment_of_it(office: Landlord) -> None:
    await office.rented()
    (second,) = await office.on("2026-12-29")
    taken = await take_back(office, "bea", second)
    assert isinstance(taken, Order)
    assert taken.state == OrderState.PENDING
    assert code_of(await office.decide("dong", taken)) == "decided"
    assert (await office.now(second)).state == OrderState.APPROVED
    (third,) = await office.on("2027-01-29")
    assert third.state == OrderState.APPROVED
    assert await office.is_sound()


async def test_a_payment_of_it_that_is_changed_needs_its_own_approvals(office: Landlord) -> None:
    office.company = under(EACH)
    first = await office.rented()
    (second,) = await office.on("2026-12-29")
    more = replace(LARGE, amount=Money(130_000, "EUR"), remittance="Rent", is_no_duplicate=True)
    changed = await amended(office, second, more)
    assert (changed.series_id, changed.occurrence) == (first.id, 2)
    assert changed.digest == orders.digest_of(changed)
    assert await office.is_sound()


# ---- stopping -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("amara", "stopped"),
        ("bea", "stopped"),
        ("dong", "series.not_yours"),
        ("eve", "series.not_yours"),
    ],
)
async def test_who_may_stop_it(office: Landlord, who: str, said: str) -> None:
    await office.rented()
    (second,) = await office.on("2026-12-29")
    assert await office.stop(who, second) == said


async def test_once_it_is_stopped_nothing_more_leaves(office: Landlord) -> None:
    first = await office.rented()
    async with office.open() as dispatcher:
        office.hands.now = datetime(2026, 12, 1, 9, tzinfo=UTC)
        await dispatcher.begin(first.id)
        await office.until(first, "settled")
        (second,) = await office.on("2026-12-29")
        assert await office.stop("amara", first) == "stopped"
        assert (await office.now(first)).state == OrderState.SETTLED
        assert (await office.now(second)).state == OrderState.CANCELLED
        assert await office.on("2027-01-29") == []
        office.hands.now = datetime(2027, 1, 1, 9, tzinfo=UTC)
        await dispatcher.begin(second.id)
        await asyncio.sleep(0.1)
    assert office.institution.ledger == [first.end_to_end_id]
    assert await office.stop("amara", first) == "series.over"
    assert (await office.at(first)).ended == series.STOPPED
    assert await office.is_sound()


async def test_what_is_no_series_cannot_be_stopped(office: Landlord) -> None:
    order = await office.ask()
    assert await office.stop("amara", order) == "series.none"


async def test_two_that_go_on_at_once_make_one(office: Landlord) -> None:
    await office.rented()
    office.hands.now = datetime(2026, 12, 29, 9, tzinfo=UTC)
    company = office.company

    async def go_on() -> int:
        try:
            made = await office.database.write(
                lambda c: series.continue_due(c, company, now=office.hands())
            )
        except Refusal as refusal:
            return 0 if refusal.code == "order.changed" else -1
        return len(made)

    assert sorted(await asyncio.gather(*(go_on() for _ in range(5)))) == [0, 0, 0, 0, 1]


# ---- asking -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payment", "code"),
    [
        (replace(RENT, repeats=Repeats(Every.MONTH, date(2026, 12, 31))), "series.only_one"),
        (replace(RENT, repeats=Repeats(Every.MONTH, date(2020, 1, 1))), "series.only_one"),
        (replace(RENT, repeats=Repeats(Every.WEEK, date(2032, 1, 1))), "series.too_long"),
        (
            replace(
                RENT,
                amount=Money(10**17, "EUR"),
                repeats=Repeats(Every.WEEK, date(2031, 1, 1)),
            ),
            "amount.too_large",
        ),
    ],
)
async def test_what_is_no_series_is_refused(office: Landlord, payment: Payment, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        await office.ask(payment)
    assert caught.value.code == code


async def test_one_without_a_day_begins_today(office: Landlord) -> None:
    order = await office.ask(replace(RENT, execution_date=None))
    assert order.execution_date == office.hands().date()
    again = await office.database.write(
        lambda c: requests.request(
            c,
            office.company,
            PEOPLE_BY_ID["amara"],
            replace(RENT, execution_date=None),
            key=order.request_key,
            now=office.hands(),
        )
    )
    assert again == order


async def test_a_pending_series_can_be_changed_into_another_or_none(office: Landlord) -> None:
    first = await office.ask(RENT)
    for payment in (
        replace(RENT, repeats=Repeats(Every.WEEK, date(2026, 12, 20))),
        replace(RENT, repeats=None),
        RENT,
    ):
        first = await amended(office, first, replace(payment, is_no_duplicate=True))
        at = await office.at(first)
        dates = first.due_dates
        assert at.next_on == (dates[1] if dates else None)
        assert (at.ended == running.AMENDED) is not bool(dates)
    assert await office.is_sound()


# ---- a payment for later ------------------------------------------------------------------------


async def test_a_payment_for_later_stays_here_until_its_day(office: Landlord) -> None:
    order = await office.rented(replace(RENT, repeats=None))
    async with office.open() as dispatcher:
        await dispatcher.sweep()
        await dispatcher.begin(order.id)  # whoever begins it too early
        await asyncio.sleep(0.1)
        assert (await office.now(order)).state == OrderState.APPROVED
        office.hands.now = datetime(2026, 11, 30, 22, 59, tzinfo=UTC)
        await dispatcher.wake(order.id)
        await asyncio.sleep(0.1)
        assert office.institution.ledger == []
        office.hands.now = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)  # midnight in Berlin
        await dispatcher.wake(order.id)
        await office.until(order, "settled")
    assert office.institution.ledger == [order.end_to_end_id]


async def test_until_its_day_it_can_still_be_withdrawn(office: Landlord) -> None:
    order = await office.rented(replace(RENT, repeats=None))
    office.hands.forward(days=3)
    cancelled = await office.database.write(
        lambda c: requests.cancel(c, PEOPLE_BY_ID["amara"], order.id, now=office.hands())
    )
    assert cancelled.state == OrderState.CANCELLED


@pytest.mark.parametrize(("late", "is_said"), [(False, True), (True, False)])
async def test_the_institution_is_told_the_day_unless_it_has_passed(
    office: Landlord, late: bool, is_said: bool
) -> None:
    told: list[date | None] = []

    class Attentive(Institution):
        async def submit(self, instruction: Instruction) -> Outcome:
            told.append(instruction.requested_execution_date)
            return await super().submit(instruction)

    office.institution = Attentive()
    order = await office.ask(replace(RENT, repeats=None))
    office.hands.now = datetime(2026, 12, 2 if late else 1, 9, tzinfo=UTC)
    await office.database.write(
        lambda c: (
            c.execute(
                update(tables.payment_order).values(expires_at=datetime(2027, 1, 1, tzinfo=UTC))
            ).rowcount
        )
    )
    assert code_of(await office.decide("bea", await office.now(order))) == "decided"
    async with office.open() as dispatcher:
        await dispatcher.sweep()
        await office.until(order, "settled")
    assert told == [FIRST if is_said else None]


async def test_an_explanation_tells_of_the_whole_series(office: Landlord) -> None:
    first = await office.rented(
        replace(RENT, repeats=Repeats(Every.MONTH, date(2027, 7, 31))), "bea"
    )
    found = await office.database.read(lambda c: explain(c, office.company, first.id))
    assert found.facts.series_total == Money(1_000_000, "EUR")
    assert [rule.unmet for rule in found.rules] == [(), ()], "the sum meets the rule for large ones"
    assert [slot.who for slot, _ in found.asked.could] == ["cfo"]
