"""When an institution takes payments: outside its hours they wait rather than fail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM = re.compile(
    r"(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?\s+"
    r"(?P<open>[0-2][0-9]:[0-5][0-9])-(?P<close>[0-2][0-9]:[0-5][0-9])"
)
_WEEK = timedelta(days=8)


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

    def left(self, now: datetime, zone: ZoneInfo) -> timedelta:
        """Return how long it is still open at ``now``; nothing while it is closed."""
        if self.wait(now, zone):
            return timedelta(0)
        closes = datetime.combine(now.astimezone(zone).date(), self.closes, zone)
        return closes.astimezone(now.tzinfo) - now

    def wait(self, now: datetime, zone: ZoneInfo) -> timedelta:
        """Return how long payments wait at ``now``; nothing while it is open.

        Clocks that go forward or back are the zone's own: the wait is between instants.
        """
        local = now.astimezone(zone)
        day = local.date()
        while day <= local.date() + _WEEK:
            if day.weekday() in self.days:
                opens = datetime.combine(day, self.opens, zone)
                closes = datetime.combine(day, self.closes, zone)
                if now < closes:
                    return max(timedelta(0), opens.astimezone(now.tzinfo) - now)
            day += timedelta(days=1)
        raise AssertionError("open on no day of the week")
