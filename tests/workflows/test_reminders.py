"""Reminders: whom a payment waits for, when they are at work, and who is told in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.money import Money
from tests.workflows.company import PEOPLE, START, Hands, Phones
from tests.workflows.test_approvals import LARGE, Desk
from tests.workflows.test_policy_in_force import STAGED, under
from workflows import audit, reminders, requests
from workflows.calendars import Calendar
from workflows.database import Database
from workflows.opening import Hours
from workflows.orders import Order
from workflows.people import Directory
from workflows.reminders import Reminders

FOUR = Reminders(timedelta(hours=4), 2)
ALWAYS = Hours.parse("mon-sun 00:00-23:59")


class Office(Desk):
    """A desk at which people are reminded."""

    rules = FOUR

    async def remind(self) -> None:
        now = self.hands()
        await self.database.write(lambda c: reminders.remind(c, self.company, self.rules, now=now))

    async def told(self, order: Order) -> list[dict[str, Any]]:
        entries = await self.database.read(lambda c: audit.of_subject(c, order.id))
        return [
            {"kind": each.kind.partition(".")[2], **each.facts}
            for each in entries
            if each.kind in (reminders.REMINDED, reminders.ESCALATED)
        ]

    async def people(self, order: Order) -> list[Sequence[str]]:
        return [each["people"] for each in await self.told(order)]


@pytest.fixture
def office(database: Database, hands: Hands, phones: Phones) -> Office:
    made = Office(database, hands, phones)
    made.company = replace(made.company, business_hours=ALWAYS)
    return made


async def test_whoever_is_waited_for_is_reminded_so_often_and_no_more(office: Office) -> None:
    order = await office.ask()
    office.hands.forward(hours=3, minutes=59)
    await office.remind()
    assert await office.people(order) == []
    office.hands.forward(minutes=1)
    await office.remind()
    await office.remind()
    assert await office.people(order) == [["bea", "carl", "dong"]]
    office.hands.forward(hours=4)
    await office.remind()
    office.hands.forward(hours=40)
    await office.remind()
    assert len(await office.people(order)) == 2


async def test_who_has_decided_or_is_not_needed_any_more_is_left_in_peace(office: Office) -> None:
    order = await office.ask()
    office.hands.forward(hours=2)
    await office.decide("bea", order)
    office.hands.forward(hours=3)
    await office.remind()
    assert await office.people(order) == [], "the others wait since the last approval"
    office.hands.forward(hours=1)
    await office.remind()
    assert await office.people(order) == [["carl"]]
    await office.decide("carl", order)
    office.hands.forward(hours=4)
    await office.remind()
    assert len(await office.people(order)) == 1


async def test_a_later_stage_is_reminded_when_it_is_open(office: Office) -> None:
    office.company = replace(under(STAGED), business_hours=ALWAYS)
    order = await office.ask()
    office.hands.forward(hours=4)
    await office.remind()
    assert await office.people(order) == [["bea", "dong"]]
    await office.decide("bea", order)
    office.hands.forward(hours=4)
    await office.remind()
    assert (await office.people(order))[1:] == [["carl"]]


async def test_nobody_is_reminded_outside_their_own_working_hours(office: Office) -> None:
    zones = {"bea": "Asia/Shanghai", "carl": "America/New_York", "dong": None}
    people = [replace(each, timezone=zones.get(each.id)) for each in PEOPLE]
    office.company = replace(
        office.company,
        directory=Directory(people),
        business_hours=Hours.parse("mon-fri 09:00-17:00"),
    )
    assert datetime(2026, 11, 24, 9, tzinfo=UTC) == START  # 10:00 in Berlin, 17:00 in Shanghai
    order = await office.ask()
    found = []
    for hours in (4, 2, 11, 1):  # 13, 15, 2 and 3 o'clock UTC
        office.hands.forward(hours=hours)
        await office.remind()
        found.append(await office.people(order))
    assert found[0] == [["dong"]]
    assert found[1] == [["dong"], ["carl"]], "ten in New York"
    assert found[2] == [["dong"], ["carl"], ["bea"]], "ten in Shanghai, the next day"
    assert found[3] == found[2]


async def test_an_amended_payment_is_a_new_one_to_wait_for(office: Office) -> None:
    office.rules = replace(FOUR, times=1)
    order = await office.ask()
    office.hands.forward(hours=4)
    await office.remind()
    larger = replace(LARGE, amount=Money(130_000, "EUR"))
    await office.database.write(
        lambda c: requests.amend(
            c,
            office.company,
            PEOPLE[0],
            order.id,
            larger,
            version=1,
            now=office.hands(),
        )
    )
    await office.remind()
    assert len(await office.people(order)) == 1
    office.hands.forward(hours=4)
    await office.remind()
    assert [each["version"] for each in await office.told(order)] == [1, 2]


async def test_the_next_in_line_is_told_once_when_reminders_are_of_no_use(office: Office) -> None:
    office.rules = replace(FOUR, escalate_to=frozenset({"cfo"}))
    order = await office.ask()
    await office.decide("carl", order)
    for _ in range(2):
        office.hands.forward(hours=4)
        await office.remind()
    assert [each["kind"] for each in await office.told(order)] == ["reminder", "reminder"]
    office.hands.forward(hours=4)
    await office.remind()
    office.hands.forward(hours=4)
    await office.remind()
    *_, last = await office.told(order)
    assert (last["kind"], last["people"], last["awaited"]) == (
        "escalated",
        ["carl"],
        ["bea", "dong"],
    )
    assert len(await office.told(order)) == 3
    assert await office.database.read(lambda c: reminders.told_too(c, order)) == ("carl",)


async def test_nobody_is_told_who_may_not_see_it(office: Office) -> None:
    office.rules = Reminders(timedelta(hours=1), 1, frozenset({"intern"}))
    order = await office.ask()
    for _ in range(3):
        office.hands.forward(hours=1)
        await office.remind()
    assert [each["kind"] for each in await office.told(order)] == ["reminder"]


async def test_it_says_until_when_it_would_leave_today(office: Office) -> None:
    office.company = replace(office.company, opening={"bank": Hours.parse("mon-fri 06:00-16:30")})
    order = await office.ask()
    office.hands.forward(hours=4)
    await office.remind()
    office.hands.forward(hours=4)  # 17:00 UTC: closed
    await office.remind()
    assert [each["closes_at"] for each in await office.told(order)] == [
        "2026-11-24T15:30:00+00:00",
        None,
    ]
    assert [each["opens_at"] for each in await office.told(order)] == [
        None,
        "2026-11-25T05:00:00+00:00",
    ]


async def test_on_a_holiday_it_says_on_which_day_it_would_leave(office: Office) -> None:
    office.hands.now = datetime(2026, 12, 24, 21, tzinfo=UTC)
    accounts = {
        name: replace(own, calendar=Calendar("TARGET"))
        for name, own in office.company.accounts.items()
    }
    opening = {"bank": Hours.parse("mon-fri 06:00-16:30")}
    office.company = replace(office.company, opening=opening, accounts=accounts)
    order = await office.ask()
    office.hands.forward(hours=12)
    await office.remind()
    (told,) = await office.told(order)
    assert (told["closes_at"], told["opens_at"]) == (None, "2026-12-28T05:00:00+00:00")


async def test_with_none_wanted_nobody_is_reminded(office: Office) -> None:
    office.rules = Reminders(times=0)
    order = await office.ask()
    office.hands.forward(hours=40)
    await office.remind()
    assert await office.told(order) == []
