"""When an institution takes payments: at other hours, and on holidays, they wait, not fail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from workflows.calendars import Calendar

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM = re.compile(
    r"(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?\s+"
    r"(?P<open>[0-2][0-9]:[0-5][0-9])-(?P<close>[0-2][0-9]:[0-5][0-9])"
)
_FARTHEST = timedelta(days=60)
"""How far ahead a day is looked for on which it is open; no holidays last longer."""
LOOK_AGAIN = timedelta(hours=1)
"""How long payments wait at a time where nobody knows on which day it is open next."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Opening hours, the same on each of some days of the week.

    Attributes:
        days: 0 for Monday.
        opens: Local time from which payments are taken.
        closes: Local time from which they are not: the cut-off.
    """

    days: frozenset[int]
    opens: time
    closes: time

    def __str__(self) -> str:
        days = " ".join(_DAYS[each] for each in sorted(self.days))
        return f"{days} {self.opens:%H:%M}-{self.closes:%H:%M}"

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Read ``mon-fri 06:00-22:00`` or ``sat 08:00-12:00``.

        Raises:
            ValueError: it is written otherwise.
        """
        found = _FORM.fullmatch(text.strip().lower())
        if found is None:
            raise ValueError("write it as mon-fri 06:00-22:00")
        first = _DAYS.index(found["first"])
        last = _DAYS.index(found["last"]) if found["last"] else first
        days = range(first, last + 1) if first <= last else (*range(first, 7), *range(last + 1))
        opens, closes = (time.fromisoformat(found[name]) for name in ("open", "close"))
        if opens >= closes:
            raise ValueError("it must open before it closes")
        return cls(frozenset(days), opens, closes)

    def left(self, now: datetime, zone: ZoneInfo, calendar: Calendar | None = None) -> timedelta:
        """Return how long it is still open at ``now``; nothing while it is closed."""
        day = now.astimezone(zone).date()
        opens, closes = (
            datetime.combine(day, edge, zone).astimezone(now.tzinfo)
            for edge in (self.opens, self.closes)
        )
        is_open = opens <= now < closes and self._is_open_on(day, calendar)
        return closes - now if is_open else timedelta(0)

    def wait(self, now: datetime, zone: ZoneInfo, calendar: Calendar | None = None) -> timedelta:
        """Return how long payments wait at ``now``; nothing while it is open.

        Clocks that go forward or back are the zone's own: the wait is between instants.
        """
        opens = self.opens_at(now, zone, calendar)
        return LOOK_AGAIN if opens is None else opens - now

    def opens_at(
        self, now: datetime, zone: ZoneInfo, calendar: Calendar | None = None
    ) -> datetime | None:
        """Return from when on it is open, which is ``now`` while it is; None if nobody knows.

        Args:
            calendar: It is open on business days only, and on a weekend's day that is worked, as
                China decrees some, like on any other. What is not known counts as closed.
        """
        local = now.astimezone(zone)
        day = local.date()
        while day <= local.date() + _FARTHEST:
            if self._is_open_on(day, calendar):
                opens = datetime.combine(day, self.opens, zone)
                closes = datetime.combine(day, self.closes, zone)
                if now < closes:
                    return max(now, opens.astimezone(now.tzinfo))
            day += timedelta(days=1)
        assert calendar is not None, "open on no day of the week"
        return None

    def _is_open_on(self, day: date, calendar: Calendar | None) -> bool:
        is_usual = day.weekday() in self.days
        if calendar is None:
            return is_usual
        return calendar.is_surely_open(day) and (is_usual or calendar.is_made_up(day))
