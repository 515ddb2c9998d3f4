"""Payments that come again: each an order of its own, approved once or each time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from connectors.base import Enquiry, Instruction, Outcome, Progress
from connectors.money import Money
from tests.workflows.company import CIPHER, NEW_IBAN, PEOPLE, Hands, Phones
from tests.workflows.test_approvals import LARGE, PEOPLE_BY_ID, code_of
from tests.workflows.test_dispatch import Institution, Office
from tests.workflows.test_policy_in_force import take_back, under
from workflows import (
    bulk,
    orders,
    release,
    requests,
    restoring,
    running,
    series,
    tables,
)
from workflows.approvals import Approval, Decision, of_order
from workflows.database import Database
from workflows.orders import Order, OrderState
from workflows.people import Directory
from workflows.policy import Approve
from workflows.policy_explain import explain
from workflows.record import verification
from workflows.recurrence import Every, Repeats
from workflows.refusal import Refusal
from workflows.requests import Payment

ONCE = """
version: 1
rules:
  - name: Every payment
    series: once
    require: [ { role: controller } ]
  - name: From 10 000 up
    series: once
    when: { amount: { from: 10000 } }
    require: [ { role: cfo } ]
"""
EACH = ONCE.replace("    series: once\n", "")
FIRST = date(2026, 12, 1)
RENT = replace(
    LARGE,
    amount=Money(125_000, "EUR"),
    remittance="Rent",
    execution_date=FIRST,
    repeats=Repeats(Every.MONTH, date(2027, 3, 31)),
)


class Landlord(Office):
    """An office that pays its rent."""

    async def rented(self, payment: Payment = RENT, *approvers: str) -> Order:
        order = await self.ask(payment)
        for who in approvers or ("bea",):
            assert code_of(await self.decide(who, order)) == "decided"
            self.hands.forward(seconds=30)
        return await self.now(order)

    async def on(self, day: str, hour: int = 9) -> list[Order]:
        """Let it be a day, and return what is asked for on it."""
        self.hands.now = datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)
        return await self.database.write(
            lambda c: series.continue_due(c, self.company, now=self.hands())
        )

    async def given(self, order: Order) -> list[Approval]:
        return await self.database.read(lambda c: of_order(c, order))

    async def stop(self, who: str, order: Order) -> str:
        try:
            await self.database.write(
                lambda c: series.stop(
                    c, self.company, PEOPLE_BY_ID[who], order.id, now=self.hands()
                )
            )
        except Refusal as refusal:
            return refusal.code
        return "stopped"

    async def at(self, first: Order) -> running.Running:
        found = await self.database.read(lambda c: running.find(c, first.id))
        assert found is not None
        return found

    async def is_sound(self) -> bool:
        report = await self.database.read(verification.verify)
        assert report.findings == ()
        return True


async def amended(office: Landlord, order: Order, payment: Payment) -> Order:
    return await office.database.write(
        lambda c: requests.amend(
            c,
            office.company,
            PEOPLE_BY_ID["amara"],
            order.id,
            payment,
            version=order.version,
            now=office.hands(),
        )
    )


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


# ---- what a hostile reviewer found --------------------------------------------------------------


async def test_a_month_that_was_paid_is_not_paid_again_after_a_restore(office: Landlord) -> None:
    """The database is put back to before the payment was asked for."""
    first = await office.rented()
    before = await office.database.read(lambda c: orders.following_id(first, 2))
    # As it was at the backup; what came after it is forgotten.
    office.hands.now = datetime(2027, 1, 2, 9, tzinfo=UTC)
    await office.database.write(lambda c: restoring.mark(c, by="ops", now=office.hands()))
    await office.database.write(lambda c: orders_settled(c, first))
    made = await office.on("2027-01-04")
    assert [(each.id, each.end_to_end_id) for each in made] == [before], (
        "its ids are what they were"
    )
    (second,) = made
    assert second.state == OrderState.PENDING, "a person looks at it"
    assert code_of(await office.decide("bea", second)) == "decided"
    office.institution.enquiries = [Enquiry(Outcome(Progress.SETTLED, "ACSC", "R2"), True)]
    async with office.open() as dispatcher:
        await dispatcher.begin(second.id)
        await office.until(second, "settled")
    assert office.institution.ledger == [], "it was asked about, and nothing sent"
    (third,) = await office.on("2027-01-29")
    assert third.state == OrderState.PENDING, "whether it was stopped meanwhile nobody knows"
    assert await office.database.read(lambda c: restoring.may_have_left_since(c, third)) is None


def orders_settled(connection: Connection, first: Order) -> None:
    order = orders.get(connection, first.id)
    for state in (OrderState.RELEASED, OrderState.SETTLED):
        order = orders.change(
            connection, order, state, now=order.created_at, actor="test", kind="order.test"
        )


async def test_a_database_that_was_put_back_twice_goes_on(office: Landlord) -> None:
    before = await office.ask(replace(LARGE, amount=Money(90_000, "EUR")))
    await office.database.write(lambda c: restoring.mark(c, by="ops", now=office.hands()))
    assert await office.database.read(lambda c: restoring.was_since(c, before.id))
    office.hands.forward(minutes=2)  # codes of that time are void
    first = await office.rented()
    await office.database.write(lambda c: restoring.mark(c, by="ops", now=office.hands()))
    assert await office.database.read(lambda c: restoring.was_since(c, first.id))
    office.hands.forward(minutes=2)
    async with office.open() as dispatcher:
        order = await office.rented(replace(LARGE, remittance="After it", is_no_duplicate=True))
        await dispatcher.begin(order.id)
        await office.until(order, "settled")


async def test_a_payment_of_a_series_begins_no_other(office: Landlord) -> None:
    office.company = under(EACH)
    await office.rented()
    (second,) = await office.on("2026-12-29")
    more = replace(LARGE, repeats=Repeats(Every.MONTH, date(2028, 1, 1)), is_no_duplicate=True)
    with pytest.raises(Refusal, match=r"series\.of_another"):
        await amended(office, second, more)


async def test_terms_stand_once_more_was_asked_for(office: Landlord) -> None:
    weekly = replace(RENT, repeats=Repeats(Every.WEEK, date(2027, 1, 10)))
    first = await office.rented(weekly)
    assert len(await office.on("2026-12-07")) == 1
    taken = await take_back(office, "bea", first)
    assert isinstance(taken, Order)
    with pytest.raises(Refusal, match=r"series\.has_begun"):
        await amended(office, taken, replace(weekly, repeats=None, is_no_duplicate=True))


async def test_several_are_approved_at_once_and_no_series_among_them(office: Landlord) -> None:
    first = await office.ask(RENT)
    shown = [bulk.Shown(first.id, first.version, first.digest)]
    code = office.phones.code("bea")
    found = await office.database.write(
        lambda c: bulk.approve(
            c, office.company, CIPHER, PEOPLE_BY_ID["bea"], shown, code, now=office.hands()
        )
    )
    assert isinstance(found, bulk.Changed)
    assert [refusal.code for _, refusal in found.refusals] == ["bulk.one_by_one"]
    assert (await office.now(first)).state == OrderState.PENDING


async def test_one_broken_series_keeps_none_of_the_others(office: Landlord) -> None:
    broken = await office.rented()
    whole = await office.rented(replace(RENT, remittance="Parking", is_no_duplicate=True))
    await office.database.write(
        lambda c: (
            c.execute(
                update(tables.series)
                .where(tables.series.c.id == broken.id)
                .values(next_on=date(2026, 12, 30))
            ).rowcount
        )
    )
    (made,) = await office.on("2026-12-29")
    assert made.series_id == whole.id
    assert series.DELAYED in await office.kinds(broken.id), "somebody hears of it"


@pytest.mark.parametrize("is_paid_by_hand", [True, False])
async def test_what_its_approvers_were_not_warned_of_waits(
    office: Landlord, is_paid_by_hand: bool
) -> None:
    await office.rented(replace(RENT, payee_id=None, name="Landlord KG", iban=NEW_IBAN), "bea")
    office.hands.now = datetime(2026, 12, 28, 9, tzinfo=UTC)
    if is_paid_by_hand:
        await office.ask(
            replace(
                RENT,
                payee_id=None,
                name="Landlord KG",
                iban=NEW_IBAN,
                repeats=None,
                execution_date=None,
                is_no_duplicate=True,
            )
        )
    (second,) = await office.on("2026-12-29")
    assert ("duplicate" in second.risk_codes) is is_paid_by_hand
    assert (second.state == OrderState.PENDING) is is_paid_by_hand


async def test_whoever_has_a_conflict_counts_for_none_that_follow(office: Landlord) -> None:
    await office.rented()
    (second,) = await office.on("2026-12-29")
    out = await office.decide("bea", second, Decision.RECUSE, reason="My sister's house")
    assert not isinstance(out, Refusal)
    (third,) = await office.on("2027-01-29")
    assert third.state == OrderState.PENDING
    assert await office.given(third) == []


async def test_what_cannot_be_asked_for_is_told_once_and_tried_again(office: Landlord) -> None:
    first = await office.rented()
    without = replace(office.company, accounts={})
    there, office.company = office.company, without
    assert await office.on("2026-12-29") == []
    assert await office.on("2026-12-30") == []
    assert (await office.at(first)).next_on == date(2027, 1, 1)
    assert (await office.kinds(first.id)).count(series.DELAYED) == 1
    office.company = there
    (second,) = await office.on("2026-12-31")
    assert second.state == OrderState.APPROVED
    office.company = without
    assert await office.on("2027-02-09") == [], "it is told, and tried for another day"
    assert (await office.at(first)).ended is None
    assert await office.on("2027-02-10") == []
    assert (await office.at(first)).ended == series.TOO_LATE
    assert await office.is_sound()


async def test_settings_that_are_not_agreed_to_make_nothing(office: Landlord) -> None:
    first = await office.rented()
    office.company = replace(office.company, charter="0" * 64)
    assert await office.on("2026-12-29") == []
    assert (await office.at(first)).next_on == date(2027, 1, 1)


async def test_it_is_asked_for_when_people_are_at_work(office: Landlord) -> None:
    await office.rented()
    assert await office.on("2026-12-29", hour=2) == []
    (second,) = await office.on("2026-12-29", hour=9)
    assert second.policy_verdict.series is Approve.ONCE


async def test_a_cool_off_counts_from_when_a_payment_was_asked_for(office: Landlord) -> None:
    await office.rented()
    (second,) = await office.on("2026-12-29")
    office.company = under(
        ONCE.replace("    series: once\n", "    series: once\n    cool_off: 7d\n")
    )
    async with office.open() as dispatcher:
        office.hands.now = datetime(2027, 1, 1, 9, tzinfo=UTC)
        await dispatcher.begin(second.id)
        await asyncio.sleep(0.1)
        assert (await office.now(second)).state == OrderState.APPROVED
    assert second.end_to_end_id not in office.institution.ledger


async def test_what_is_due_next_year_takes_nothing_from_today(office: Landlord) -> None:
    await office.rented(replace(RENT, repeats=None, execution_date=date(2027, 11, 1)))
    now = replace(LARGE, available=LARGE.amount, is_no_duplicate=True)
    assert (await office.ask(now)).state == OrderState.PENDING


async def test_several_series_are_seen_as_what_they_come_to(office: Landlord) -> None:
    risks = []
    for number in range(3):
        months = Repeats(Every.MONTH, date(2027, 6, 30))
        order = await office.ask(
            replace(RENT, remittance=f"Floor {number}", repeats=months, is_no_duplicate=True)
        )
        risks.append("near_split" in order.risk_codes)
    assert risks == [False, True, True]


async def test_a_first_payment_that_came_back_covers_nothing(office: Landlord) -> None:
    first = await office.rented()
    (second,) = await office.on("2026-12-29")
    await office.database.write(lambda c: orders_settled(c, first))
    await office.database.write(
        lambda c: orders.change(
            c,
            orders.get(c, first.id),
            OrderState.RETURNED,
            now=office.hands(),
            actor="test",
            kind="order.returned",
        )
    )
    held = await office.database.read(
        lambda c: release.no_longer_holds(c, office.company, orders.get(c, second.id))
    )
    assert held == "release.series"
