"""Hours in which an institution takes payments: waiting, days, and clocks that change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.opening import Hours

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
