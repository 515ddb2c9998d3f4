"""The cells of a policy: all payments, split where rules or limits tell them apart. Pure.

A rule is a product of conditions, each on one aspect of a payment. So of each aspect it is enough
to look at one of all the values that the same conditions hold for: a `Choice`, with a bit for each
rule. Which rules match a payment is the conjunction of the bits of its choices. Nothing is sampled,
and what a set of matching rules asks for is found out once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import IntEnum
from itertools import pairwise, product
from math import prod
from typing import Any, Generic, TypeVar

from connectors.money import MAX_MINOR, Money
from workflows.policy import (
    Approve,
    Band,
    Facts,
    Kind,
    Limit,
    PayeeStanding,
    Policy,
    Rule,
    Slot,
    Verdict,
    When,
    united,
)
from workflows.policy_rules import ANY_FACTOR
from workflows.policy_world import Lane, World

MOST_SITUATIONS = 100_000
"""More different sets of matching rules than these are not looked through."""

_LIKELY = ("DE", "FR", "NL", "GB", "CN", "US", "AT", "BE", "ES", "IT", "PL", "SE", "CH", "NO")

T = TypeVar("T")


class Aspect(IntEnum):
    """What conditions are on, apart from the amount; where it is in `Cells.aspects`."""

    ACCOUNT = 0
    TIME = 1
    KIND = 2
    COUNTRY = 3
    PAYEE = 4
    TAG = 5
    CHANGED = 6
    REQUESTER = 7


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """Values of one aspect that no condition tells apart.

    Attributes:
        values: At least one.
        mask: A bit for each of `Cells.whens` whose condition on this aspect holds.
    """

    values: tuple[T, ...]
    mask: int


@dataclass(frozen=True, slots=True)
class Span:
    """Amounts that no band tells apart.

    Attributes:
        band: In minor units of the base currency; None for those in a currency without a rate.
        mask: As of a `Choice`.
    """

    band: Band | None
    mask: int


@dataclass(frozen=True, slots=True)
class Cell:
    """Payments to which the same rules apply.

    Attributes:
        choices: One for each `Aspect`, by its place.
        span: By its place.
        mask: A bit for each of `Cells.whens` that holds.
    """

    choices: tuple[int, ...]
    span: int
    mask: int


@dataclass(frozen=True, slots=True)
class Demand:
    """What a policy asks for.

    Attributes:
        slots: Who must approve; empty where it is refused.
        refused_by: The rule or limit that forbids it.
        is_once: Whether it asks once of a whole series.
    """

    slots: tuple[Slot, ...]
    refused_by: str | None
    expires_after: timedelta
    cool_off: timedelta
    is_once: bool = False

    @classmethod
    def of(cls, verdict: Verdict) -> Demand:
        """Return what a verdict asks for, without why."""
        slots = tuple(sorted(verdict.slots, key=lambda slot: (slot.stage, slot.who)))
        is_once = verdict.series is Approve.ONCE
        return cls(slots, verdict.refused_by, verdict.expires_after, verdict.cool_off, is_once)

    @property
    def is_allowed(self) -> bool:
        """Whether such a payment may be asked for at all."""
        return bool(self.slots)

    @property
    def approvers(self) -> int:
        """How many distinct persons must approve: nobody fills two slots."""
        return sum(slot.count for slot in self.slots)

    def is_at_least(self, other: Demand) -> bool:
        """Whether it asks everything that ``other`` asks; to refuse is to ask most."""
        if not self.is_allowed:
            return True
        return (
            other.is_allowed
            and self.cool_off >= other.cool_off
            and self.is_once <= other.is_once
            and self.expires_after <= other.expires_after
            and all(any(_covers(mine, slot) for mine in self.slots) for slot in other.slots)
        )


def _covers(mine: Slot, slot: Slot) -> bool:
    return (
        (mine.who, mine.stage) == (slot.who, slot.stage)
        and mine.count >= slot.count
        and slot.factor in (ANY_FACTOR, mine.factor)
    )


class TooManySituationsError(Exception):
    """The rules tell apart more than can be looked through."""


class Cells:
    """The payments of a world, as a policy tells them apart.

    Args:
        extra: More conditions; then each cell is wholly inside or outside of each of them.

    Attributes:
        whens: Conditions of the rules, of the limits, of those limits that an amount passes by
            itself, and ``extra``: the bits of all masks, in this order.
        aspects: The choices there are, by `Aspect`.
        spans: Of amounts, ascending; then one for currencies without a rate.
    """

    def __init__(self, policy: Policy, world: World, extra: Sequence[When] = ()) -> None:
        self.policy = policy
        self.world = world
        limits = policy.limits
        self.whens: tuple[When, ...] = (
            *(rule.when for rule in policy.rules),
            *(limit.when for limit in limits),
            *(replace(limit.when, amount=Band(limit.most + 1)) for limit in limits),
            *extra,
        )
        self.lanes = self._grouped(world.lanes, self._holds_for_lane, self._has_rate)
        self.times = self._grouped(
            sorted({time for lane in world.lanes for time in lane.times}, key=sorted),
            lambda when, time: when.time is None or not when.time.isdisjoint(time),
        )
        self.kinds = self._grouped(Kind, lambda when, kind: _in(when.kind, kind))
        self.countries = self._grouped(
            self._all_countries(), lambda when, code: _in(when.payee_country, code)
        )
        self.standings = self._grouped(PayeeStanding, lambda when, each: _in(when.payee, each))
        self.tags = self._grouped(
            self._all_tags(),
            lambda when, tags: when.payee_tag is None or not when.payee_tag.isdisjoint(tags),
        )
        self.changes = self._grouped(self._all_changes(), _changed_within)
        self.requesters = self._grouped(world.requesters, self._holds_for_requester)
        self.aspects: tuple[tuple[Choice[Any], ...], ...] = (
            self.lanes,
            self.times,
            self.kinds,
            self.countries,
            self.standings,
            self.tags,
            self.changes,
            self.requesters,
        )
        self.spans = self._all_spans()
        self._demands: dict[tuple[int, bool, frozenset[str]], Demand] = {}

    @property
    def size(self) -> int:
        """At most so many cells."""
        return len(self.spans) * prod(len(choices) for choices in self.aspects)

    def extra_bit(self, place: int = 0) -> int:
        """Of one of the conditions that were given as ``extra``."""
        return 1 << (len(self.policy.rules) + 2 * len(self.policy.limits) + place)

    def limit_bit(self, place: int) -> int:
        """Of the condition of the limit in this place: that it is about a payment."""
        return 1 << (len(self.policy.rules) + place)

    # -- What rules tell apart ---------------------------------------------------------------------

    def _mask(self, holds: Callable[[When], bool]) -> int:
        return sum(1 << place for place, when in enumerate(self.whens) if holds(when))

    def _grouped(
        self,
        values: Iterable[T],
        holds: Callable[[When, T], bool],
        key: Callable[[T], bool] = lambda value: True,
    ) -> tuple[Choice[T], ...]:
        found: dict[tuple[int, bool], list[T]] = {}
        for value in values:
            mask = sum(1 << n for n, when in enumerate(self.whens) if holds(when, value))
            found.setdefault((mask, key(value)), []).append(value)
        return tuple(Choice(tuple(each), mask) for (mask, _), each in found.items())

    def _has_rate(self, lane: Lane) -> bool:
        return self.world.has_rate(lane.currency)

    @staticmethod
    def _holds_for_lane(when: When, lane: Lane) -> bool:
        return (
            _in(when.account, lane.account)
            and _in(when.currency, lane.currency)
            and _in(when.connector, lane.connector)
        )

    def _holds_for_requester(self, when: When, person: str) -> bool:
        roles = when.requester_role
        return _in(when.requester, person) and (
            roles is None or not roles.isdisjoint(self.world.people[person])
        )

    def _all_countries(self) -> list[str]:
        """Return those that are named, those that internal payments go to, and another."""
        named = {code for when in self.whens for code in when.payee_country or ()}
        known = sorted(named | set(self.world.countries))
        every = (first + second for first, second in product(map(chr, range(65, 91)), repeat=2))
        return [*known, next(code for code in (*_LIKELY, *every) if code not in known)]

    @property
    def countries_unnamed(self) -> str:
        """A country that stands for all that no condition names."""
        return self._all_countries()[-1]

    def _all_tags(self) -> list[frozenset[str]]:
        """Return sets of tags, one for each set of conditions that some tags together meet."""
        alike: dict[int, frozenset[str]] = {}
        for tag in {tag for when in self.whens for tag in when.payee_tag or ()}:
            bits = self._mask(lambda when, tag=tag: tag in (when.payee_tag or ()))  # type: ignore[misc]
            alike[bits] = alike.get(bits, frozenset()) | {tag}
        found: dict[int, frozenset[str]] = {0: frozenset()}
        for bits, tags in sorted(alike.items()):
            for mask, others in list(found.items()):
                found.setdefault(mask | bits, others | tags)
                _check_number(found)
        return list(found.values())

    def _all_changes(self) -> list[timedelta | None]:
        """Return, for each stretch between thresholds, when the payee last changed; or never."""
        edges = {when.payee_changed_within for when in self.whens if when.payee_changed_within}
        return [None, *sorted(edge - timedelta(seconds=1) for edge in edges)]

    def _all_spans(self) -> tuple[Span, ...]:
        bands = [when.amount for when in self.whens if when.amount is not None]
        edges = {1, *(band.low for band in bands)}
        edges |= {band.high + 1 for band in bands if band.high is not None}
        starts = [*sorted(edge for edge in edges if edge <= MAX_MINOR), None]
        found = [
            Band(low, None if after is None else after - 1)
            for low, after in pairwise(starts)
            if low is not None
        ]
        spans = [
            Span(band, self._mask(lambda when, low=band.low: _amount_in(when, low)))  # type: ignore[misc]
            for band in found
        ]
        return (*spans, Span(None, self._mask(lambda when: True)))

    # -- What there can be -------------------------------------------------------------------------

    def payers(
        self,
        lane: int,
        time: int,
        span: int,
        amounts: Callable[[Lane, int], range] | None = None,
    ) -> Iterator[Lane]:
        """Return the accounts of a choice that can pay an amount of a span at such a time.

        Args:
            amounts: Which of the amounts of an account and a span count; all, where not given.
        """
        times = self.times[time].values
        for each in self.lanes[lane].values:
            has_amounts = (amounts or self.amounts)(each, span)
            if has_amounts and any(when in times for when in each.times):
                yield each

    def _goes_to(self, kind: int, country: int) -> bool:
        if self.kinds[kind].values != (Kind.INTERNAL,):
            return True
        return any(code in self.world.countries for code in self.countries[country].values)

    def amounts(self, lane: Lane, span: int) -> range:
        """Return the amounts, in the account's own currency, that are in a span."""
        band = self.spans[span].band
        if band is None or not self.world.has_rate(lane.currency):
            is_both = band is None and not self.world.has_rate(lane.currency)
            return range(1, MAX_MINOR + 1) if is_both else range(0)
        return self.world.minors(lane.currency, band.low, band.high)

    def __iter__(self) -> Iterator[Cell]:
        """Return every cell that some payment is in, account by account, amounts ascending."""
        for choices in product(*(range(len(each)) for each in self.aspects)):
            if not self._goes_to(choices[Aspect.KIND], choices[Aspect.COUNTRY]):
                continue
            mask = ~0
            for aspect, place in zip(self.aspects, choices, strict=True):
                mask &= aspect[place].mask
            for place, span in enumerate(self.spans):
                if any(self.payers(choices[Aspect.ACCOUNT], choices[Aspect.TIME], place)):
                    yield Cell(choices, place, mask & span.mask)

    def situations(
        self,
        amounts: Callable[[Lane, int], range] | None = None,
        *,
        by_span: bool = False,
    ) -> Iterator[Cell]:
        """Return one cell for each set of rules that match together, with and without a rate.

        Those of requesters whom rules tell apart stay apart: they have others to approve.

        Args:
            amounts: As for `payers`.
            by_span: One for each span too.

        Raises:
            TooManySituationsError: there are more than `MOST_SITUATIONS`.
        """
        found: dict[tuple[int, int], Cell] = {}
        for lane, time in _pairs(self.lanes, self.times):
            for place, span in enumerate(self.spans):
                if any(self.payers(lane, time, place, amounts)):
                    mask = self.lanes[lane].mask & self.times[time].mask & span.mask
                    apart = place if by_span or span.band is None else 0
                    found.setdefault((mask, apart), Cell((lane, time), place, mask))
        goes = [pair for pair in _pairs(self.kinds, self.countries) if self._goes_to(*pair)]
        found = self._joined(found, goes, Aspect.KIND)
        for first in range(Aspect.PAYEE, Aspect.REQUESTER):
            found = self._joined(found, [(n,) for n in range(len(self.aspects[first]))], first)
        for place in range(len(self.requesters)):
            yield from self._joined(found, [(place,)], Aspect.REQUESTER).values()

    def _joined(
        self,
        cells: dict[tuple[int, int], Cell],
        places: Iterable[tuple[int, ...]],
        first: int,
    ) -> dict[tuple[int, int], Cell]:
        """Return cells with choices of further aspects, the first of each set of rules."""
        found: dict[tuple[int, int], Cell] = {}
        for chosen in places:
            mask = ~0
            for offset, place in enumerate(chosen):
                mask &= self.aspects[first + offset][place].mask
            for (before, apart), cell in cells.items():
                key = before & mask, apart
                if key not in found:
                    found[key] = Cell((*cell.choices, *chosen), cell.span, before & mask)
                    _check_number(found)
        return found

    # -- What is asked of it -----------------------------------------------------------------------

    def asks(self, mask: int) -> tuple[frozenset[Slot], str | None]:
        """Return whom the rules of a mask ask for, with the limits that its amount passes."""
        after = len(self.policy.rules) + len(self.policy.limits)
        applying: list[Rule | Limit] = [
            rule for place, rule in enumerate(self.policy.rules) if mask >> place & 1
        ]
        applying += [
            each for place, each in enumerate(self.policy.limits) if mask >> (after + place) & 1
        ]
        return frozenset(united(applying)), next((e.name for e in applying if e.refuse), None)

    def demand(self, cell: Cell, passed: frozenset[str] = frozenset()) -> Demand:
        """Return what the policy asks of the payments of a cell.

        Args:
            passed: Names of limits that other payments have used up.
        """
        # Conditions that were given as extra are not asked about.
        mask = cell.mask & (self.extra_bit() - 1)
        key = mask, self.spans[cell.span].band is None, passed
        if key not in self._demands:
            self._demands[key] = Demand.of(self.verdict(self.payment(cell, passed=passed)))
        return self._demands[key]

    def verdict(self, payment: Facts) -> Verdict:
        """Return what the policy says of a payment."""
        return self.policy.evaluate(payment, self.world.rates)

    def payment(
        self, cell: Cell, *, passed: frozenset[str] = frozenset(), requester: str | None = None
    ) -> Facts:
        """Return a payment of a cell: of the smallest amount, unless one is chosen."""
        choices = cell.choices
        lane = next(self.payers(choices[Aspect.ACCOUNT], choices[Aspect.TIME], cell.span))
        return self.payment_from(
            cell, lane, self.amounts(lane, cell.span)[0], passed=passed, requester=requester
        )

    def payment_from(
        self,
        cell: Cell,
        lane: Lane,
        minor: int,
        *,
        passed: frozenset[str] = frozenset(),
        requester: str | None = None,
    ) -> Facts:
        """Return a payment of a cell from one of its accounts, of one of its amounts."""
        choices = cell.choices
        person = requester or self.requesters[choices[Aspect.REQUESTER]].values[0]
        kinds = self.kinds[choices[Aspect.KIND]].values
        countries = self.countries[choices[Aspect.COUNTRY]].values
        kind = next((each for each in kinds if each is not Kind.INTERNAL), Kind.INTERNAL)
        if kind is Kind.INTERNAL:
            countries = tuple(each for each in countries if each in self.world.countries)
        times = self.times[choices[Aspect.TIME]].values
        return Facts(
            amount=Money(minor, lane.currency),
            account=lane.account,
            payee=self.standings[choices[Aspect.PAYEE]].values[0],
            requester_roles=self.world.people[person],
            kind=kind,
            requester=person,
            connector=lane.connector,
            payee_country=countries[0],
            payee_tags=self.tags[choices[Aspect.TAG]].values[0],
            payee_changed=self.changes[choices[Aspect.CHANGED]].values[0],
            moments=next(each for each in lane.times if each in times),
            totals={
                limit.name: MAX_MINOR if limit.name in passed else 0 for limit in self.policy.limits
            },
            excluded=frozenset({person}),
        )


def _in(wanted: frozenset[str] | None, value: str) -> bool:
    return wanted is None or value in wanted


def _changed_within(when: When, ago: timedelta | None) -> bool:
    within = when.payee_changed_within
    return within is None or (ago is not None and ago < within)


def _amount_in(when: When, minor: int) -> bool:
    return when.amount is None or minor in when.amount


def _pairs(first: Sized, second: Sized) -> Iterator[tuple[int, int]]:
    return product(range(len(first)), range(len(second)))


def _check_number(found: Sized) -> None:
    if len(found) > MOST_SITUATIONS:
        raise TooManySituationsError
