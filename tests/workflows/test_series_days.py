"""Payments that come again, on business days."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.workflows.company import Hands, Phones
from tests.workflows.landlord import ONCE, RENT, Landlord
from tests.workflows.test_calendars import following
from tests.workflows.test_policy_in_force import under
from workflows.calendars import Calendar
from workflows.database import Database
from workflows.orders import OrderState


@pytest.fixture
def office(database: Database, hands: Hands, phones: Phones, tmp_path: Path) -> Landlord:
    made = Landlord(database, hands, phones, tmp_path)
    made.company = following(under(ONCE), Calendar("TARGET"))
    return made


async def test_what_is_due_on_a_holiday_is_paid_on_the_next_business_day(office: Landlord) -> None:
    first = await office.rented()
    (second,) = await office.on("2026-12-29")
    assert second.execution_date == date(2027, 1, 4), "New Year is a Friday"
    assert second.state == OrderState.APPROVED
    assert (await office.at(first)).next_on == date(2027, 2, 1)


async def test_a_series_waits_while_nobody_knows_the_next_business_day(office: Landlord) -> None:
    office.company = following(office.company, Calendar("CN"))
    first = await office.rented()
    assert await office.on("2026-12-30") == []
    assert (await office.at(first)).ended is None
    office.company = following(office.company, Calendar("CN", known_until=date(2027, 12, 31)))
    (second,) = await office.on("2026-12-31")
    assert second.execution_date == date(2027, 1, 4)


async def test_what_begins_at_once_begins_on_a_business_day(office: Landlord) -> None:
    office.hands.now = datetime(2026, 12, 25, 9, tzinfo=UTC)
    order = await office.ask(replace(RENT, execution_date=None))
    assert order.execution_date == date(2026, 12, 28)
