"""Business days: known holidays, decreed weekends, years nobody knows, and days of one's own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.money import Money
from tests.workflows.company import Hands, Phones
from tests.workflows.test_approvals import LARGE
from tests.workflows.test_dispatch import QUICK, Office
from workflows import calendars
from workflows.calendars import Calendar, NotKnownYet, UnknownCalendar
from workflows.company import Company
from workflows.database import Database
from workflows.dispatch import CLOSED_FOR, Dispatcher
from workflows.opening import LOOK_AGAIN, Hours
from workflows.orders import Order
from workflows.refusal import Refusal

TARGET, CHINA = Calendar("TARGET"), Calendar("CN")
DAYS = st.dates(date(2020, 1, 1), date(2026, 11, 30))
STATED = st.frozensets(st.dates(date(2026, 1, 1), date(2026, 3, 31)), max_size=20)


def on(text: str) -> date:
    return date.fromisoformat(text)


def following(there: Company, calendar: Calendar) -> Company:
    """Return a company all of whose accounts follow a calendar."""
    accounts = {name: replace(own, calendar=calendar) for name, own in there.accounts.items()}
    return replace(there, accounts=accounts)


# ---- what days are ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("year", "holidays"),
    [
        (2026, "01-01 04-03 04-06 05-01 12-25 12-26"),
        (2027, "01-01 03-26 03-29 05-01 12-25 12-26"),
    ],
)
def test_the_closing_days_of_target_are_those_the_central_bank_names(
    year: int, holidays: str
) -> None:
    first, closed = date(year, 1, 1), {on(f"{year}-{day}") for day in holidays.split()}
    for number in range(365):
        day = first + timedelta(days=number)
        expected = day.weekday() < 5 and day not in closed
        assert TARGET.is_business_day(day) == expected, day


@pytest.mark.parametrize(
    "day",
    ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"],
)
def test_china_works_on_the_weekends_that_the_state_council_named_for_2026(day: str) -> None:
    assert on(day).weekday() >= 5
    assert CHINA.is_business_day(on(day))
    assert CHINA.is_made_up(on(day))


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-01-01", "2026-01-03"),
        ("2026-02-15", "2026-02-23"),
        ("2026-04-04", "2026-04-06"),
        ("2026-05-01", "2026-05-05"),
        ("2026-06-19", "2026-06-21"),
        ("2026-09-25", "2026-09-27"),
        ("2026-10-01", "2026-10-07"),
    ],
)
def test_china_rests_as_the_state_council_named_for_2026(first: str, last: str) -> None:
    days = (on(last) - on(first)).days + 1
    assert not any(CHINA.is_business_day(on(first) + timedelta(days=n)) for n in range(days))
    assert CHINA.is_business_day(on(last) + timedelta(days=1))
    assert CHINA.on_or_after(on(first)) == on(last) + timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "day", "is_open"),
    [
        ("US-FED", "2026-07-03", True),  # the 4th is a Saturday: Reserve Banks do not move it
        ("US-FED", "2026-11-26", False),
        ("US-FED", "2027-07-05", False),  # a Sunday's holiday is kept on Monday
        ("GB", "2026-08-31", False),  # not in all of the kingdom, but where its payments are made
        ("GB", "2026-04-06", False),
        ("DE", "2026-01-06", True),
        ("DE-BY", "2026-01-06", False),
        ("AT", "2026-04-03", False),  # no public holiday, but banks are closed
        ("AE", "2026-11-28", False),
        ("AE", "2026-11-27", True),
    ],
)
def test_other_calendars(name: str, day: str, is_open: bool) -> None:
    assert calendars.checked(name) == name
    assert Calendar(name).is_business_day(on(day)) is is_open


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("T2", "TARGET"),
        ("target", "TARGET"),
        ("FED", "US-FED"),
        ("UK", "GB"),
        ("de", "DE"),
        ("de-by", "DE-BY"),
        ("DE-XX", "DE-"),
        ("GERMANY", "TARGET"),
        ("", "TARGET"),
        ("-", "TARGET"),
        ("X" * 5000, "TARGET"),
    ],
)
def test_there_is_no_calendar_of_another_name(name: str, near: str) -> None:
    with pytest.raises(UnknownCalendar) as caught:
        calendars.checked(name)
    assert any(each.startswith(near) for each in caught.value.near)


# ---- what nobody knows --------------------------------------------------------------------------


def test_a_year_before_its_decree_is_not_taken_for_monday_to_friday() -> None:
    for day in ("2027-01-04", "2027-01-01", "2027-06-05", "2030-03-12"):
        with pytest.raises(NotKnownYet) as caught:
            CHINA.is_business_day(on(day))
        assert (caught.value.calendar, caught.value.day) == ("CN", on(day))
        assert not CHINA.is_known(on(day))
        assert not CHINA.is_surely_open(on(day))
    with pytest.raises(NotKnownYet):
        CHINA.on_or_after(on("2026-12-31") + timedelta(days=1))
    assert CHINA.unknown_from(on("2026-12-01"), timedelta(days=31)) == on("2027-01-01")
    assert CHINA.unknown_from(on("2026-12-01"), timedelta(days=30)) is None


def test_holidays_that_follow_the_moon_are_doubtful_by_a_few_days() -> None:
    emirates = Calendar("AE")
    doubtful = emirates.unknown_from(on("2027-01-04"), timedelta(days=200))
    assert doubtful == on("2027-03-07"), "two days before the feast is expected"
    assert emirates.is_business_day(on("2027-02-01"))


def test_years_that_the_library_has_nothing_of_are_not_known() -> None:
    assert not Calendar("LK").is_known(on("2027-03-01"))
    assert not TARGET.is_known(on("1998-03-03"))


def test_settings_make_a_year_known_up_to_a_day() -> None:
    stated = Calendar(
        "CN", frozenset({on("2027-02-11")}), frozenset({on("2027-02-20")}), on("2027-06-30")
    )
    assert stated.is_business_day(on("2027-02-20"))
    assert not stated.is_business_day(on("2027-02-11"))
    assert not stated.is_business_day(on("2027-02-08")), "what the law has for every year"
    assert stated.is_business_day(on("2027-06-30"))
    assert not stated.is_known(on("2027-07-01"))


# ---- properties ---------------------------------------------------------------------------------


@given(DAYS, st.sampled_from([TARGET, CHINA, Calendar("US-FED"), Calendar("DE-BY")]), STATED)
def test_the_next_and_the_last_business_day(
    day: date, calendar: Calendar, closed: frozenset[date]
) -> None:
    calendar = replace(calendar, closed=closed)
    after, before = calendar.on_or_after(day), calendar.before(day)
    assert before < day <= after
    assert calendar.is_business_day(after)
    assert calendar.is_business_day(before)
    assert calendar.on_or_after(after) == after
    assert (after == day) == calendar.is_business_day(day)
    between = (before + timedelta(days=n) for n in range(1, (after - before).days))
    assert not any(calendar.is_business_day(each) for each in between)
    assert calendar.before(after + timedelta(days=1)) == after


@given(DAYS, st.integers(0, 30))
def test_counting_business_days(day: date, days: int) -> None:
    found = TARGET.plus(day, days)
    steps = (day + timedelta(days=n) for n in range((found - day).days + 1))
    assert sum(map(TARGET.is_business_day, steps)) == days + 1


@given(STATED, STATED, st.sampled_from(["TARGET", "CN"]))
def test_days_of_ones_own_win(closed: frozenset[date], opened: frozenset[date], name: str) -> None:
    calendar = Calendar(name, closed, opened - closed)
    assert not any(map(calendar.is_business_day, closed))
    assert all(map(calendar.is_business_day, opened - closed))
    day = on("2026-01-01")
    while day < on("2026-04-01"):
        if day not in closed | opened:
            assert calendar.is_business_day(day) == Calendar(name).is_business_day(day)
        day += timedelta(days=1)


# ---- asking for a day ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calendar", "day", "code", "facts"),
    [
        (
            TARGET,
            "2026-12-25",
            "date.holiday",
            {"day": "2026-12-25", "following": "2026-12-28", "holiday": "Christmas Day"},
        ),
        (TARGET, "2026-12-06", "date.weekend", {"day": "2026-12-06", "following": "2026-12-07"}),
        (
            Calendar("TARGET", closed=frozenset({date(2026, 12, 7)})),
            "2026-12-07",
            "date.holiday",
            {"day": "2026-12-07", "following": "2026-12-08", "holiday": "TARGET"},
        ),
        (CHINA, "2027-01-04", "date.calendar_unknown", {"day": "2027-01-04", "calendar": "CN"}),
        (CHINA, "2026-12-31", "", {}),
        (TARGET, "2026-12-24", "", {}),
    ],
)
async def test_a_payment_cannot_be_asked_for_on_a_holiday(
    desk: Office, calendar: Calendar, day: str, code: str, facts: dict[str, str]
) -> None:
    desk.company = following(desk.company, calendar)
    payment = replace(LARGE, execution_date=on(day))
    if not code:
        assert (await desk.ask(payment)).execution_date == on(day)
        return
    with pytest.raises(Refusal) as caught:
        await desk.ask(payment)
    assert (caught.value.code, caught.value.field, caught.value.facts) == (code, "date", facts)


async def test_an_account_without_a_calendar_takes_any_day(desk: Office) -> None:
    order = await desk.ask(replace(LARGE, execution_date=on("2026-12-25")))
    assert order.execution_date == on("2026-12-25")
    assert order.amount == Money(125_000, "EUR")


# ---- leaving ------------------------------------------------------------------------------------


@pytest.fixture
def desk(database: Database, hands: Hands, phones: Phones, tmp_path: Path) -> Office:
    return Office(database, hands, phones, tmp_path)


def dispatcher_of(office: Office) -> Dispatcher:
    hours = {"bank": Hours.parse("mon-fri 06:00-22:00")}
    banks = {"bank": office.institution}
    return Dispatcher(office.database, office.company, banks, office.hands, QUICK, hours=hours)


async def stays(office: Office, dispatcher: Dispatcher, order: Order, at: str) -> None:
    """Move the clock, and have the order looked at."""
    office.hands.now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    await dispatcher.wake(order.id)
    await asyncio.sleep(0.1)
    assert office.institution.ledger == [], at


async def test_what_is_approved_on_good_friday_leaves_on_the_tuesday_after_easter(
    desk: Office,
) -> None:
    desk.company = following(desk.company, TARGET)
    desk.hands.now = datetime(2027, 3, 26, 9, tzinfo=UTC)
    dispatcher = dispatcher_of(desk)
    await dispatcher.start(desk.folder / "dispatch.sqlite")
    try:
        order = await desk.approved()
        await dispatcher.begin(order.id)
        await desk.until(order, "released")
        found = await dispatcher.submit(order.id)
        assert (found.step, found.wait) == ("submit", CLOSED_FOR.total_seconds())
        for at in ("2027-03-27T12:00", "2027-03-29T12:00", "2027-03-30T03:59"):
            await stays(desk, dispatcher, order, at)
        desk.hands.now = datetime(2027, 3, 30, 4, 0, tzinfo=UTC)  # six o'clock: summer time began
        await dispatcher.wake(order.id)
        await desk.until(order, "settled")
    finally:
        await dispatcher.stop()
    assert desk.institution.ledger == [order.end_to_end_id]


async def test_in_a_year_that_nobody_knows_a_payment_waits_until_settings_state_it(
    desk: Office,
) -> None:
    desk.company = following(desk.company, CHINA)
    desk.hands.now = datetime(2027, 1, 5, 9, tzinfo=UTC)
    dispatcher = dispatcher_of(desk)
    await dispatcher.start(desk.folder / "dispatch.sqlite")
    try:
        order = await desk.approved()
        found = await dispatcher.submit(order.id)
        assert (found.step, found.wait) == ("submit", LOOK_AGAIN.total_seconds())
        assert desk.institution.ledger == []
        dispatcher.company = following(desk.company, replace(CHINA, known_until=date(2027, 1, 31)))
        await dispatcher.submit(order.id)
    finally:
        await dispatcher.stop()
    assert desk.institution.ledger == [order.end_to_end_id]


async def test_an_institution_without_hours_is_open_on_holidays(desk: Office) -> None:
    desk.company = following(desk.company, TARGET)
    desk.hands.now = datetime(2027, 3, 26, 9, tzinfo=UTC)
    async with desk.open() as dispatcher:
        order = await desk.approved()
        await dispatcher.begin(order.id)
        await desk.until(order, "settled")
