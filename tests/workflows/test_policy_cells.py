"""The cells of a policy are all payments there can be, and no others."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.money import MAX_MINOR, Money
from tests.workflows.company import START, company
from tests.workflows.policies import LANES, PEOPLE, RATES, WORLD, payments, policies
from workflows import policy_facts
from workflows.calendars import Calendar
from workflows.company import Company
from workflows.opening import Hours
from workflows.policy import Kind, matches
from workflows.policy_cells import Cells, Demand
from workflows.policy_rows import MOST_CELLS, by_category, rows
from workflows.policy_world import World


@settings(deadline=None)
@given(st.data())
def test_every_payment_is_in_a_cell_that_says_what_is_asked_of_it(data: st.DataObject) -> None:
    policy = data.draw(policies(3))
    payment = replace(data.draw(payments()), totals={}, excluded=frozenset())
    verdict = policy.evaluate(payment, RATES)
    cells = Cells(policy, WORLD)
    base = None if verdict.base_amount is None else verdict.base_amount.minor
    mask = sum(1 << n for n, when in enumerate(cells.whens) if matches(when, payment, base))
    if WORLD.has_rate(payment.amount.currency) and base is None:
        return  # beyond the largest amount: stricter than the last cell of its account
    found = [
        cell
        for cell in cells.situations()
        if cell.mask == mask and (cells.spans[cell.span].band is None) == (base is None)
    ]
    assert found
    for cell in found:
        assert cells.demand(cell) == Demand.of(verdict)


@settings(deadline=None)
@given(st.data())
def test_every_cell_is_of_payments_that_there_are(data: st.DataObject) -> None:
    cells = Cells(data.draw(policies(3)), WORLD)
    for cell in list(cells.situations())[:50]:
        payment = cells.payment(cell)
        base = WORLD.rates.to_base(payment.amount)
        (lane,) = (each for each in LANES if each.account == payment.account)
        assert (lane.currency, lane.connector) == (payment.amount.currency, payment.connector)
        assert payment.moments in lane.times
        assert payment.requester in WORLD.requesters
        assert payment.requester_roles == PEOPLE[payment.requester]
        assert payment.kind is not Kind.INTERNAL or payment.payee_country in WORLD.countries
        minor = None if base is None else base.minor
        assert cell.mask == sum(
            1 << n for n, when in enumerate(cells.whens) if matches(when, payment, minor)
        )


@settings(deadline=None)
@given(st.data())
def test_rows_hold_each_cell_once_and_say_what_is_asked_of_it(data: st.DataObject) -> None:
    policy = data.draw(policies(2))
    cells = Cells(policy, WORLD)
    if cells.size > MOST_CELLS // 10:
        return
    table = rows(cells)
    asked = {cells.demand(cell).slots for cell in cells}
    assert {row.demand.slots for row in table} == asked
    assert len(table) <= len(list(cells))
    for row in table:
        assert Demand.of(policy.evaluate(row.example, RATES)).slots == row.demand.slots


@settings(deadline=None)
@given(st.data())
def test_a_payment_gets_no_less_than_the_rows_of_its_categories_say(data: st.DataObject) -> None:
    policy = data.draw(policies(3))
    payment = replace(data.draw(payments()), totals={})
    verdict = Demand.of(policy.evaluate(payment, RATES))
    of_all = [row for row in by_category(policy, WORLD) if not row.conditions]
    weakest = [each for row in of_all for each in (row.demand, *row.others)]
    assert any(verdict.is_at_least(each) for each in weakest)


@given(st.sampled_from(["EUR", "USD", "KWD", "JPY"]), st.integers(1, 10**6), st.integers(0, 10**6))
def test_amounts_of_a_band_are_exactly_those_that_policy_counts_into_it(
    currency: str, low: int, width: int
) -> None:
    amounts = WORLD.minors(currency, low, low + width)
    edges = {amounts.start - 1, amounts.start, amounts.stop - 1, amounts.stop}
    for minor in edges - {0}:
        base = RATES.to_base(Money(minor, currency))
        assert base is not None
        assert (low <= base.minor <= low + width) == (minor in amounts)


def test_the_largest_amounts_are_those_that_can_be_converted() -> None:
    last = WORLD.minors("JPY", 1, None)[-1]
    assert last < MAX_MINOR
    assert RATES.to_base(Money(last, "JPY")) is not None
    assert RATES.to_base(Money(last + 1, "JPY")) is None
    assert WORLD.minors("EUR", 1, None)[-1] == MAX_MINOR


def followed(calendar: str | None) -> Company:
    """Return the company, whose accounts follow a calendar."""
    there = company()
    found = Calendar(calendar) if calendar else None
    accounts = {name: replace(own, calendar=found) for name, own in there.accounts.items()}
    return replace(there, accounts=accounts)


@pytest.mark.parametrize(
    ("calendar", "times"),
    [
        (None, {"", "outside_hours", "outside_hours+weekend"}),
        ("TARGET", {"", "outside_hours", "outside_hours+weekend", "weekend"}),
    ],
)
def test_a_holiday_is_a_weekend_within_business_hours(
    calendar: str | None, times: set[str]
) -> None:
    world = World.of(followed(calendar), START)
    assert {"+".join(sorted(time)) for time in world.lanes[0].times} == times


def test_a_world_is_what_the_company_can_be_asked_for() -> None:
    world = World.of(
        replace(company(), opening={"bank": Hours.parse("mon-sat 06:00-20:00")}), START
    )
    assert world.requesters == ("amara", "bea", "dong")
    assert {lane.currency for lane in world.lanes} == {"EUR", "USD"}
    times = {"+".join(sorted(time)) for time in world.lanes[0].times}
    assert times == {
        "",
        "outside_hours",
        "outside_hours+weekend",
        "near_cut_off+outside_hours",
        "near_cut_off+outside_hours+weekend",
    }


@pytest.mark.parametrize("calendar", [None, "TARGET", "US-FED", "CN"])
def test_all_times_of_a_year_are_times_of_the_world(calendar: str | None) -> None:
    """So the check claims no gap at a time that never comes, and misses none that does."""
    there = replace(
        followed(calendar),
        business_hours=Hours.parse("mon-fri 09:00-17:30"),
        opening={"bank": Hours.parse("mon-fri 07:15-18:00")},
        timezone=ZoneInfo("America/New_York"),
    )
    lane = World.of(there, START).lanes[0]
    moment = datetime(2026, 11, 25, tzinfo=UTC)
    while moment < datetime(2027, 12, 1, tzinfo=UTC):
        assert policy_facts.moments_of(there, lane.account, lane.connector, moment) in lane.times
        moment += timedelta(minutes=67)
