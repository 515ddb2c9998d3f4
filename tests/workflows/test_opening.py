"""Hours in which an institution takes payments: waiting, days, and clocks that change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.calendars import Calendar
from workflows.opening import LOOK_AGAIN, Hours

BERLIN = ZoneInfo("Europe/Berlin")
WEEKDAYS = Hours.parse("mon-fri 06:00-22:00")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-25 12:00", "2026-11-25 12:00"),  # Wednesday, open
        ("2026-11-25 05:59", "2026-11-25 06:00"),
        ("2026-11-25 21:59", "2026-11-25 21:59"),
        ("2026-11-25 22:00", "2026-11-26 06:00"),
        ("2026-11-27 22:30", "2026-11-30 06:00"),  # Friday night until Monday
        ("2026-11-29 12:00", "2026-11-30 06:00"),
        ("2026-03-29 01:30", "2026-03-30 06:00"),  # clocks go forward that Sunday
        ("2026-10-25 01:30", "2026-10-26 06:00"),  # and back that one
    ],
)
def test_payments_wait_until_it_opens(now: str, opens: str) -> None:
    assert at(now) + WEEKDAYS.wait(at(now), BERLIN) == at(opens)


@pytest.mark.parametrize(
    "text", ["", "mon-fri", "mon-fri 22:00-06:00", "day 06:00-07:00", "mon 6-7"]
)
def test_what_is_written_otherwise_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Hours.parse(text)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001 (bounds are naive)
    st.sampled_from(["mon-fri 06:00-22:00", "sat 08:00-12:00", "fri-mon 00:00-23:59"]),
    st.sampled_from(["Europe/Berlin", "Asia/Shanghai", "America/New_York", "UTC"]),
)
def test_after_the_wait_it_is_open(now: datetime, text: str, zone: str) -> None:
    hours, there = Hours.parse(text), ZoneInfo(zone)
    instant = now.replace(tzinfo=UTC)
    wait = hours.wait(instant, there)
    assert timedelta(0) <= wait <= timedelta(days=8)
    assert hours.wait(instant + wait, there) == timedelta(0)


@pytest.mark.parametrize(
    ("calendar", "zone", "now", "opens"),
    [
        ("TARGET", "Europe/Berlin", "2026-12-24 22:00", "2026-12-28 06:00"),
        ("TARGET", "Europe/Berlin", "2026-12-25 12:00", "2026-12-28 06:00"),
        ("TARGET", "Europe/Berlin", "2026-12-24 21:59", "2026-12-24 21:59"),
        # Easter of 2024: clocks go forward on the Sunday between.
        ("TARGET", "Europe/Berlin", "2024-03-28 22:00", "2024-04-02 06:00"),
        ("TARGET", "Europe/Berlin", "2024-03-31 01:59", "2024-04-02 06:00"),
        ("CN", "Asia/Shanghai", "2026-02-14 12:00", "2026-02-14 12:00"),  # a Saturday, worked
        ("CN", "Asia/Shanghai", "2026-02-14 22:00", "2026-02-24 06:00"),  # then Spring Festival
        ("CN", "Asia/Shanghai", "2026-09-30 22:00", "2026-10-08 06:00"),
        ("US-FED", "America/New_York", "2026-10-30 22:00", "2026-11-02 06:00"),  # clocks go back
    ],
)
def test_holidays_are_waited_out(calendar: str, zone: str, now: str, opens: str) -> None:
    there = ZoneInfo(zone)
    instant, expected = (
        datetime.fromisoformat(each).replace(tzinfo=there).astimezone(UTC) for each in (now, opens)
    )
    found = Calendar(calendar)
    assert WEEKDAYS.opens_at(instant, there, found) == expected
    assert instant + WEEKDAYS.wait(instant, there, found) == expected
    assert bool(WEEKDAYS.left(instant, there, found)) == (instant == expected)


def test_what_nobody_knows_counts_as_closed() -> None:
    china, there = Calendar("CN"), ZoneInfo("Asia/Shanghai")
    for now in ("2026-12-31T16:30:00+00:00", "2027-01-05T03:00:00+00:00"):
        instant = datetime.fromisoformat(now)
        assert WEEKDAYS.opens_at(instant, there, china) is None
        assert WEEKDAYS.wait(instant, there, china) == LOOK_AGAIN
        assert WEEKDAYS.left(instant, there, china) == timedelta(0)
    stated = Calendar("CN", open=frozenset({date(2027, 1, 9)}))
    opens = datetime(2027, 1, 8, 22, tzinfo=UTC)  # six o'clock in Shanghai
    assert WEEKDAYS.opens_at(datetime(2027, 1, 5, 3, tzinfo=UTC), there, stated) == opens


def test_a_calendar_narrows_hours_and_does_not_widen_them() -> None:
    always, target = Hours.parse("mon-sun 00:00-23:59"), Calendar("TARGET")
    saturday = at("2026-11-28 12:00")
    assert always.wait(saturday, BERLIN) == timedelta(0)
    assert saturday + always.wait(saturday, BERLIN, target) == at("2026-11-30 00:00")
    fridays = Hours.parse("fri 08:00-12:00")
    assert at("2026-12-24 08:00") + fridays.wait(at("2026-12-24 08:00"), BERLIN, target) == at(
        "2027-01-08 08:00"
    ), "Christmas and New Year are Fridays"


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 1)),  # noqa: DTZ001 (bounds are naive)
    st.sampled_from(["mon-fri 06:00-22:00", "fri-mon 00:00-23:59"]),
    st.sampled_from(["TARGET", "CN", "US-FED"]),
)
def test_after_the_wait_it_is_open_on_a_business_day(now: datetime, text: str, name: str) -> None:
    hours, calendar, instant = Hours.parse(text), Calendar(name), now.replace(tzinfo=UTC)
    opens = hours.opens_at(instant, BERLIN, calendar)
    assert opens is not None
    assert opens >= instant
    assert calendar.is_business_day(opens.astimezone(BERLIN).date())
    assert hours.left(opens, BERLIN, calendar) > timedelta(0)
