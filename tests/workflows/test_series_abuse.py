"""What was tried, and must not be: restores, conflicts, warnings, broken rows and cuts half way."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, update
from sqlalchemy.exc import SQLAlchemyError

from connectors.base import Enquiry, Outcome, Progress
from connectors.money import Money
from tests.workflows.company import CIPHER, NEW_IBAN, Hands, Phones
from tests.workflows.landlord import EACH, ONCE, RENT, Landlord, amended
from tests.workflows.test_approvals import LARGE, PEOPLE_BY_ID, code_of
from tests.workflows.test_policy_in_force import take_back, under
from workflows import (
    bulk,
    orders,
    release,
    restoring,
    series,
    tables,
)
from workflows.approvals import Decision
from workflows.database import Database
from workflows.orders import Order, OrderState
from workflows.policy import Approve
from workflows.recurrence import Every, Repeats
from workflows.refusal import Refusal


@pytest.fixture
def office(database: Database, hands: Hands, phones: Phones, tmp_path: Path) -> Landlord:
    made = Landlord(database, hands, phones, tmp_path)
    made.company = under(ONCE)
    return made


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


@pytest.mark.parametrize(
    "what",
    [
        "INSERT ON payment_order",
        "UPDATE ON series",
        "INSERT ON approval",
        "UPDATE ON payment_order",
    ],
)
async def test_a_cut_half_way_leaves_nothing_and_it_is_made_once_after_it(
    office: Landlord, what: str
) -> None:
    first = await office.rented()
    await office.database.write(lambda c: refuse(c, what), recorded=False)
    with suppress(SQLAlchemyError):
        assert await office.on("2026-12-29") == []
    assert await office.database.read(lambda c: series.of_series(c, first)) == []
    assert (await office.at(first)).next_on == date(2027, 1, 1)
    await office.database.write(lambda c: allow(c, what), recorded=False)
    (second,) = await office.on("2026-12-30")
    assert second.state == OrderState.APPROVED
    assert await office.on("2026-12-30") == []
    assert await office.database.read(lambda c: series.of_series(c, first)) == [second]
    assert await office.is_sound()


def refuse(connection: Connection, what: str) -> None:
    """Have the database refuse something, at whatever point of the transaction it comes."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(
            f"CREATE TRIGGER refused BEFORE {what} BEGIN SELECT RAISE(ABORT, 'cut'); END"
        )
        return
    connection.exec_driver_sql(
        "CREATE FUNCTION refuse() RETURNS trigger AS "
        "$$ BEGIN RAISE EXCEPTION 'cut'; END $$ LANGUAGE plpgsql"
    )
    connection.exec_driver_sql(
        f"CREATE TRIGGER refused BEFORE {what} FOR EACH ROW EXECUTE FUNCTION refuse()"
    )


def allow(connection: Connection, what: str) -> None:
    """Undo `refuse`."""
    on = "" if connection.dialect.name == "sqlite" else what[what.index(" ON ") :]
    connection.exec_driver_sql(f"DROP TRIGGER refused{on}")
