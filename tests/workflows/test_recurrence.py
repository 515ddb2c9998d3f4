"""When payments that come again are due."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.recurrence import LONGEST, Every, Repeats


@pytest.mark.parametrize(
    ("every", "first", "until", "days"),
    [
        (Every.WEEK, "2026-12-01", "2026-12-15", ["2026-12-01", "2026-12-08", "2026-12-15"]),
        (Every.TWO_WEEKS, "2026-12-01", "2026-12-28", ["2026-12-01", "2026-12-15"]),
        (
            Every.MONTH,
            "2027-01-31",
            "2027-04-30",
            ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"],
        ),
        (Every.QUARTER, "2026-11-30", "2027-05-30", ["2026-11-30", "2027-02-28", "2027-05-30"]),
        (Every.YEAR, "2028-02-29", "2030-03-01", ["2028-02-29", "2029-02-28", "2030-02-28"]),
        (Every.MONTH, "2026-12-01", "2026-12-31", ["2026-12-01"]),
    ],
)
def test_the_days_of_a_series(every: Every, first: str, until: str, days: list[str]) -> None:
    found = Repeats(every, date.fromisoformat(until)).dates(date.fromisoformat(first))
    assert [each.isoformat() for each in found] == days


@given(
    every=st.sampled_from(Every),
    first=st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    length=st.integers(0, 3000),
)
def test_a_series_rises_keeps_its_day_and_ends(every: Every, first: date, length: int) -> None:
    repeats = Repeats(every, first + timedelta(days=length))
    found = repeats.dates(first)
    assert found[0] == first
    assert all(one < other for one, other in pairwise(found))
    assert found[-1] <= min(repeats.until, first + LONGEST) or len(found) == 1
    assert len(found) <= 262
    if every in (Every.MONTH, Every.QUARTER, Every.YEAR):
        last_of = [monthrange(each.year, each.month)[1] for each in found]
        assert [each.day for each in found] == [min(first.day, last) for last in last_of]
    assert Repeats.from_json(repeats.to_json()) == repeats


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"every":"day","until":"2027-01-01"}', "null"])
def test_what_is_not_stored_so_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Repeats.from_json(text)
