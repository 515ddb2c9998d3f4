"""Payments that come again: on which days, and how often. Pure."""

from __future__ import annotations

import json
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from workflows import canonical

LONGEST = timedelta(days=5 * 366)
"""From the first payment of a series to its last: who agreed to it should still be there."""

MADE_BEFORE = timedelta(days=3)
"""A payment of a series is asked for so long before it is due: approvers need their time."""
LATE = timedelta(days=7)
"""One that is made later than this, because nothing ran, is not covered by the series' approval."""


class Every(StrEnum):
    """How often a payment comes again."""

    WEEK = "week"
    TWO_WEEKS = "two_weeks"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_DAYS = {Every.WEEK: 7, Every.TWO_WEEKS: 14}
_MONTHS = {Every.MONTH: 1, Every.QUARTER: 3, Every.YEAR: 12}


@dataclass(frozen=True, slots=True)
class Repeats:
    """How a payment comes again: a series has an end, so that what is agreed to has a sum.

    Attributes:
        until: The last day on which one may be due, in the account's calendar.
    """

    every: Every
    until: date

    def dates(self, first: date) -> tuple[date, ...]:
        """Return the days on which payments are due, ``first`` among them, as a calendar has them.

        Those by the month keep the day of the month of the first; a shorter month's last day takes
        its place. Nothing is said here of weekends and holidays.
        """
        last = min(self.until, first + LONGEST)
        found = [first]
        while (following := self._due(first, len(found))) <= last:
            found.append(following)
        return tuple(found)

    def _due(self, first: date, number: int) -> date:
        if (days := _DAYS.get(self.every)) is not None:
            return first + timedelta(days=days * number)
        months = first.month - 1 + _MONTHS[self.every] * number
        year, month = first.year + months // 12, months % 12 + 1
        return date(year, month, min(first.day, monthrange(year, month)[1]))

    def as_data(self) -> dict[str, str]:
        """Return it as JSON data."""
        return {"every": str(self.every), "until": self.until.isoformat()}

    def to_json(self) -> str:
        """Return it for storing, in RFC 8785 form; `from_json` gives an equal one."""
        return canonical.dumps(self.as_data()).decode()

    @classmethod
    def from_json(cls, text: str) -> Repeats:
        """Read what `to_json` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            data = json.loads(text)
            return cls(Every(data["every"]), date.fromisoformat(data["until"]))
        except (KeyError, TypeError) as error:
            raise ValueError("not a stored recurrence") from error
