"""What payments a company can be asked for at all: what a policy is checked against. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from connectors.money import MAX_MINOR, exponent
from workflows.company import Company, OwnAccount
from workflows.policy import Moment, Rates
from workflows.policy_facts import moments_of

_INSTANT = timedelta(microseconds=1)
_AHEAD = timedelta(days=6 * 365)
"""For so long a calendar is looked through: a fixed holiday falls on each weekday by and by."""
_USUAL: tuple[frozenset[Moment], ...] = (frozenset(),)


@dataclass(frozen=True, slots=True)
class Lane:
    """An account that payments leave from, and with it their currency and connection.

    Attributes:
        country: ISO 3166 code of the country that the account is in.
        times: What can be odd about the time at which one is asked for; always at least one way.
    """

    account: str
    currency: str
    connector: str
    country: str = ""
    times: tuple[frozenset[Moment], ...] = _USUAL


@dataclass(frozen=True, slots=True)
class World:
    """Everything of a company that rules can tell apart.

    Attributes:
        people: Person id to the roles of that person.
        requesters: Ids of those who may ask for payments.
        editors: Ids of those who may change payees' bank details.
        rates: Of one day, so without dated ones.
    """

    people: Mapping[str, frozenset[str]]
    requesters: tuple[str, ...]
    editors: tuple[str, ...]
    lanes: tuple[Lane, ...]
    rates: Rates

    @classmethod
    def of(cls, company: Company, now: datetime) -> World:
        """Return the world of a company, with the rates of today."""
        may = company.permissions
        return cls(
            people={each.id: each.roles for each in company.directory},
            requesters=tuple(each.id for each in company.directory.holding(may.request)),
            editors=tuple(each.id for each in company.directory.holding(may.payees)),
            lanes=tuple(_lane(company, own, now) for own in company.accounts.values()),
            rates=company.rates.on(now.astimezone(company.timezone).date()),
        )

    @property
    def countries(self) -> tuple[str, ...]:
        """Where the company has accounts, so where an internal payment can go."""
        return tuple(sorted({lane.country for lane in self.lanes}))

    @property
    def roles(self) -> frozenset[str]:
        """All roles that somebody has."""
        return frozenset(role for roles in self.people.values() for role in roles)

    def has_rate(self, currency: str) -> bool:
        """Whether amounts in this currency can be converted."""
        return currency == self.rates.base or currency in self.rates.rates

    def worth(self, currency: str) -> Fraction:
        """Return what one minor unit is, exactly, in minor units of the base currency.

        Raises:
            KeyError: the currency has no rate.
        """
        if currency == self.rates.base:
            return Fraction(1)
        digits = exponent(self.rates.base) - exponent(currency)
        return Fraction(self.rates.rates[currency]) * Fraction(10) ** digits

    def minors(self, currency: str, low: int, high: int | None) -> range:
        """Return the amounts in a currency that policy takes for ``low`` to ``high``.

        Policy rounds up, so these are exactly the amounts worth more than ``low - 1``.

        Args:
            high: None for no end; then amounts too large to be converted are still left out.
        """
        worth = self.worth(currency)
        top = MAX_MINOR if high is None else min(high, MAX_MINOR)
        first = max(1, int((low - 1) // worth) + 1)
        return range(first, min(MAX_MINOR, int(top // worth)) + 1)


def _lane(company: Company, own: OwnAccount, now: datetime) -> Lane:
    times = {
        moments_of(company, own.id, own.connector, instant)
        for instant in _telling_instants(company, own, now)
    }
    return Lane(
        own.id,
        own.account.currency,
        own.connector,
        own.account.iban[:2],
        tuple(sorted(times, key=sorted)),
    )


def _telling_instants(company: Company, own: OwnAccount, now: datetime) -> Iterator[datetime]:
    """Return instants of which at least one lies in each stretch of time that rules tell apart.

    Within a week what is odd changes only at midnight, when hours begin or end, and when an
    institution is about to close. Two weeks half a year apart, as clocks may go forward and back;
    and whatever days the account's calendar has besides, each with the day before and after it.
    """
    opening = company.opening.get(own.connector)
    weeks = (now, now + timedelta(days=182))
    days = [week + timedelta(days=number) for week in weeks for number in range(8)]
    for day in _unlike_days(company, own, now):
        days += [day + timedelta(days=number) for number in (-1, 0, 1)]
    for day in days:
        for hours, zone in (
            (company.business_hours, company.timezone),
            (opening, ZoneInfo(own.account.timezone)),
        ):
            local = day.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
            edges = [local]
            if hours is not None:
                edges += [
                    datetime.combine(local.date(), edge, zone)
                    for edge in (hours.opens, hours.closes)
                ]
                edges.append(edges[-1] - company.near_cut_off)
            for edge in edges:
                yield from (edge - _INSTANT, edge, edge + _INSTANT)


def _unlike_days(company: Company, own: OwnAccount, now: datetime) -> Iterator[datetime]:
    """Return the noon of one day of each sort that the account's calendar has in the years ahead.

    Days are alike that fall on the same day of the week, are business days or not, as are those
    beside them, and for which clocks stand apart by as much between the company and the account.
    """
    calendar, zone = own.calendar, ZoneInfo(own.account.timezone)
    if calendar is None:
        return
    seen = set()
    for number in range(_AHEAD.days):
        noon = datetime.combine(now.astimezone(zone).date() + timedelta(number), time(12), zone)
        beside = (noon.date() + timedelta(days) for days in (-1, 0, 1))
        apart = noon.astimezone(company.timezone).utcoffset(), noon.utcoffset()
        sort = (noon.weekday(), *map(calendar.is_surely_open, beside), *apart)
        if sort not in seen:
            seen.add(sort)
            yield noon
