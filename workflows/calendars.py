"""Business days: on which days banks work, by the calendar that an account follows.

Weekends and holidays come from the library `holidays`. Where a state decrees them year by year, as
China does with working weekends, nobody knows a year before its decree; then it is said that it is
not known, never taken for Monday to Friday. Settings can state days, and how far they are complete.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from workflows.refusal import Refusal

if TYPE_CHECKING:
    from holidays import HolidayBase

_FINANCIAL = MappingProxyType({"TARGET": "ECB", "US-FED": "FED"})
"""Calendars of payment systems, by the name that treasurers use: T2 and Fedwire."""
_PLAIN = MappingProxyType({"GB": "ENG"})
"""Of which part a country without one means, where that is not all of it: CHAPS is English."""
_MEANT = MappingProxyType(
    {
        "ECB": "TARGET",
        "T2": "TARGET",
        "TARGET2": "TARGET",
        "EUR": "TARGET",
        "SEPA": "TARGET",
        "FED": "US-FED",
        "FEDWIRE": "US-FED",
        "USD": "US-FED",
        "UK": "GB",
        "CHAPS": "GB",
        "GBP": "GB",
        "CNY": "CN",
    }
)
"""What people call them besides."""
_DAY = timedelta(days=1)
_LONGEST = 800
"""In so many days there is a business day, or none is known."""
_DOUBT = 2
"""How many days a holiday that follows the moon may be off from where it is estimated."""


class UnknownCalendar(Exception):
    """There is no calendar of that name; ``near`` are those it could mean."""

    def __init__(self, name: str, near: tuple[str, ...]) -> None:
        super().__init__(name)
        self.near = near


class NotKnownYet(Exception):
    """Nobody knows yet whether ``day`` is a business day of ``calendar``."""

    def __init__(self, calendar: str, day: date) -> None:
        super().__init__(f"{calendar}: {day.isoformat()} is not known yet")
        self.calendar = calendar
        self.day = day


@dataclass(frozen=True, slots=True)
class Calendar:
    """On which days banks work; two of the same content are equal.

    Attributes:
        name: ``TARGET``, ``US-FED``, an ISO 3166 code of a country (``CN``), or of a part of one
            where holidays differ there (``DE-BY``).
        closed: Days stated in settings to be none; they win over what the library knows.
        open: Days stated in settings to be business days; likewise.
        known_until: Up to this day settings state that ``closed`` and ``open`` hold all that is
            decreed besides what the law has for every year.
    """

    name: str
    closed: frozenset[date] = frozenset()
    open: frozenset[date] = frozenset()
    known_until: date | None = None

    def is_business_day(self, day: date) -> bool:
        """Whether banks work on a day.

        Raises:
            NotKnownYet: nobody can say.
        """
        if day in self.closed:
            return False
        if day in self.open:
            return True
        year = _year(self.name, day.year)
        if not year.knows(day) and (self.known_until is None or day > self.known_until):
            raise NotKnownYet(self.name, day)
        return year.works(day)

    def is_known(self, day: date) -> bool:
        """Whether it is known if a day is a business day."""
        try:
            self.is_business_day(day)
        except NotKnownYet:
            return False
        return True

    def is_surely_open(self, day: date) -> bool:
        """Whether a day is known to be a business day."""
        try:
            return self.is_business_day(day)
        except NotKnownYet:
            return False

    def is_made_up(self, day: date) -> bool:
        """Whether a day of the weekend is a business day all the same."""
        return self.is_weekend(day) and self.is_surely_open(day)

    def is_weekend(self, day: date) -> bool:
        """Whether a day is one of the weekend where the calendar holds, worked or not."""
        return day.weekday() in _year(self.name, day.year).weekend

    def holiday(self, day: date) -> str | None:
        """Return what a day is called that the library knows as a holiday."""
        return _year(self.name, day.year).closed.get(day)

    def on_or_after(self, day: date) -> date:
        """Return the first business day from ``day`` on; raises `NotKnownYet`."""
        return self._next(day, _DAY)

    def before(self, day: date) -> date:
        """Return the last business day before ``day``; raises `NotKnownYet`."""
        return self._next(day - _DAY, -_DAY)

    def plus(self, day: date, days: int) -> date:
        """Return the business day that is ``days`` (not negative) of them after ``day``.

        With none, it is ``day`` itself or the first after it; raises `NotKnownYet`.
        """
        found = self.on_or_after(day)
        for _ in range(days):
            found = self.on_or_after(found + _DAY)
        return found

    def unknown_from(self, day: date, within: timedelta) -> date | None:
        """Return the first day from ``day`` on of which nobody can say; None if all are known."""
        days = (day + number * _DAY for number in range(within.days + 1))
        return next((each for each in days if not self.is_known(each)), None)

    def _next(self, day: date, step: timedelta) -> date:
        for number in range(_LONGEST):
            if self.is_business_day(day + number * step):
                return day + number * step
        raise NotKnownYet(self.name, day)


def checked(name: str) -> str:
    """Return the name of a calendar that there is.

    Raises:
        UnknownCalendar: there is none of that name.
    """
    if name in _FINANCIAL or name in _countries() or _is_part(name):
        return name
    wanted = name.upper()
    if wanted in _MEANT:
        raise UnknownCalendar(name, (_MEANT[wanted],))
    country = wanted.partition("-")[0]
    parts = [f"{country}-{each}" for each in _parts(country)] if "-" in wanted else []
    known = [*_FINANCIAL, *parts, *_countries()]
    near = difflib.get_close_matches(wanted[:20], known, n=4, cutoff=0.5)
    raise UnknownCalendar(name, tuple(near) or ("TARGET", "US-FED", "CN", "GB"))


def prepare(used: Iterable[Calendar | None], today: date) -> None:
    """Read what is needed of calendars now, which takes a moment, and not while somebody waits."""
    for each in used:
        if each is not None:
            each.unknown_from(today, timedelta(days=366))


def check_execution(calendar: Calendar | None, day: date) -> None:
    """Refuse a requested execution date on which banks do not work; any will do without calendar.

    Raises:
        Refusal: ``date.weekend``, ``date.holiday`` or, where nobody can say,
            ``date.calendar_unknown``.
    """
    if calendar is None:
        return
    try:
        following = calendar.on_or_after(day)
    except NotKnownYet as error:
        raise Refusal(
            "date.calendar_unknown",
            field="date",
            day=error.day.isoformat(),
            calendar=error.calendar,
        ) from None
    if following == day:
        return
    name = calendar.holiday(day)
    is_weekend = name is None and calendar.is_weekend(day) and day not in calendar.closed
    raise Refusal(
        "date.weekend" if is_weekend else "date.holiday",
        field="date",
        day=day.isoformat(),
        following=following.isoformat(),
        **({} if is_weekend else {"holiday": name or calendar.name}),
    )


def payable_on(calendar: Calendar | None, day: date) -> date | None:
    """Return the first business day from ``day`` on, itself without calendar; None if unknown."""
    if calendar is None:
        return day
    try:
        return calendar.on_or_after(day)
    except NotKnownYet:
        return None


# ---- what the library knows ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Year:
    """A year of a calendar, in values that threads may share.

    Attributes:
        closed: Holidays, with what they are called.
        made_up: Days of the weekend that are worked.
        weekend: 0 for Monday.
        doubtful: Days that an estimated holiday may yet fall on.
    """

    closed: Mapping[date, str]
    made_up: frozenset[date]
    weekend: frozenset[int]
    doubtful: frozenset[date]
    is_known: bool

    def knows(self, day: date) -> bool:
        return self.is_known and day not in self.doubtful

    def works(self, day: date) -> bool:
        if day.weekday() in self.weekend:
            return day in self.made_up
        return day not in self.closed


@lru_cache(maxsize=512)
def _year(name: str, year: int) -> _Year:
    found = _entity(name, year)
    closed = {day: str(text) for day, text in found.items() if day.year == year}
    estimated = [day for day, text in found.items() if "estimated" in text]
    doubtful = (day + number * _DAY for day in estimated for number in range(-_DOUBT, _DOUBT + 1))
    return _Year(
        closed,
        frozenset(day for day in found.weekend_workdays if day.year == year),
        frozenset(found.weekend),
        frozenset(day for day in doubtful if day.year == year),
        found.start_year <= year <= found.end_year and year <= _decreed_until(found),
    )


def _entity(name: str, year: int) -> HolidayBase:
    """Return what the library has for a year and those beside it, which reach into it."""
    import holidays  # noqa: PLC0415 (only who has a calendar pays for it)

    years = range(year - 1, year + 2)
    if name in _FINANCIAL:
        return holidays.financial_holidays(_FINANCIAL[name], years=years, language="en_US")
    country, _, part = name.partition("-")
    known = holidays.country_holidays(country).supported_categories
    return holidays.country_holidays(
        country,
        subdiv=part or _PLAIN.get(country),
        years=years,
        language="en_US",
        categories=tuple(each for each in ("public", "bank") if each in known),
    )


def _decreed_until(found: HolidayBase) -> int:
    """Return the last year whose exchanged days the library has; the last of all without any."""
    if not getattr(found, "has_substituted_holidays", False):
        return found.end_year
    special: Mapping[int, object] = getattr(found, "special_public_holidays", {})
    return max((year for year, days in special.items() if _exchanges(days)), default=0)


def _exchanges(days: object) -> bool:
    """Whether some of a year's special days are exchanged for others: day off, day worked."""
    assert isinstance(days, tuple)
    each = days if days and isinstance(days[0], tuple) else (days,)
    return any(len(day) >= 4 for day in each)


@lru_cache(maxsize=1)
def _countries() -> tuple[str, ...]:
    from holidays.registry import EntityLoader  # noqa: PLC0415 (see above)

    codes = EntityLoader.get_country_codes(include_aliases=False)
    return tuple(sorted(code for code in codes if len(code) == 2))


def _parts(country: str) -> tuple[str, ...]:
    """Return the parts of a country (ISO 3166-2, without its own code) that differ."""
    import holidays  # noqa: PLC0415 (see above)

    if country not in _countries():
        return ()
    return tuple(holidays.country_holidays(country).subdivisions)


def _is_part(name: str) -> bool:
    country, _, part = name.partition("-")
    return bool(part) and part in _parts(country)
