"""Any policy, any payment and any approvals of a small company, for properties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from connectors.money import MAX_MINOR, Money
from workflows.policy import (
    Approve,
    Band,
    Facts,
    Kind,
    Limit,
    Moment,
    PayeeStanding,
    Per,
    Policy,
    Rates,
    Rule,
    Slot,
    When,
)
from workflows.policy_world import Lane, World

ROLES = ("staff", "controller", "cfo")
PEOPLE: Mapping[str, frozenset[str]] = {
    "amara": frozenset({"staff"}),
    "bea": frozenset({"controller", "staff"}),
    "carl": frozenset({"cfo", "controller"}),
    "dong": frozenset({"controller"}),
}
RATES = Rates("EUR", {"USD": Decimal("0.92"), "JPY": Decimal("0.031"), "KWD": Decimal("2.97")})
_QUIET, _LATE = frozenset[Moment](), frozenset({Moment.OUTSIDE_HOURS})
_TIMES = (_QUIET, _LATE, frozenset({Moment.WEEKEND, Moment.OUTSIDE_HOURS}))
LANES = (
    Lane("eur", "EUR", "hausbank", "DE", _TIMES),
    Lane("usd", "USD", "hausbank", "DE", _TIMES),
    Lane("jpy", "JPY", "ginza", "JP", (*_TIMES, frozenset({Moment.NEAR_CUT_OFF}))),
    Lane("chf", "CHF", "ginza", "CH", _TIMES),
)
"""One of them in a currency without a rate, and one in which a minor unit is worth several."""
WORLD = World(PEOPLE, ("amara", "bea", "carl"), ("dong", "carl"), LANES, RATES)
TAGS = ("charity", "ngo", "utility")
COUNTRIES = ("DE", "JP", "RU", "NO")
EDGE = 60
"""Amounts of rules are up to twice this: so small that payments often meet them exactly."""


def some(values: Sequence[str]) -> st.SearchStrategy[frozenset[str] | None]:
    """Return any condition on values, or none."""
    return st.none() | st.frozensets(st.sampled_from(values), min_size=1, max_size=3)


_EDGES = st.integers(1, EDGE)
BANDS = st.tuples(_EDGES, st.none() | st.integers(0, EDGE)).map(
    lambda edges: Band(edges[0], None if edges[1] is None else edges[0] + edges[1])
)
LENGTHS = st.sampled_from([timedelta(hours=1), timedelta(days=1), timedelta(days=7)])
_COUNTABLE = {
    "currency": some([lane.currency for lane in LANES]),
    "kind": some(list(Kind)),
    "account": some([lane.account for lane in LANES]),
    "connector": some(["hausbank", "ginza"]),
    "requester": some(list(PEOPLE)),
    "requester_role": some(ROLES),
}
_CONDITIONS: Mapping[str, st.SearchStrategy[object]] = {
    **_COUNTABLE,
    "amount": BANDS,
    "payee": some(list(PayeeStanding)),
    "payee_country": some(COUNTRIES),
    "payee_tag": some(TAGS),
    "payee_changed_within": LENGTHS,
    "time": some(list(Moment)),
}


@st.composite
def whens(draw: st.DrawFn, most: int = 3, *, countable: bool = False) -> When:
    """Return any conditions, of a limit or of a rule."""
    of = _COUNTABLE if countable else _CONDITIONS
    # Rules that are about little meet each other seldom, and it is about their meeting.
    count = min(most, draw(st.sampled_from([0, 0, 1, 1, 2, 3])))
    names = {*draw(st.permutations(sorted(of)))[:count]}
    if not countable and draw(st.booleans()):
        names.add("amount")
    conditions: dict[str, Any] = {name: draw(of[name]) for name in sorted(names)}
    return replace(When(), **conditions)


_STAGES = st.sampled_from([1, 1, 1, 2, 3])
_FACTORS = st.sampled_from(["any", "totp"])
_ROLE_SLOTS = st.builds(
    Slot, role=st.sampled_from(ROLES), count=st.integers(1, 2), stage=_STAGES, factor=_FACTORS
)
_PERSON_SLOTS = st.builds(
    Slot, person=st.sampled_from(list(PEOPLE)), stage=_STAGES, factor=_FACTORS
)
SLOTS = st.lists(
    _ROLE_SLOTS | _PERSON_SLOTS,
    min_size=1,
    max_size=3,
    unique_by=lambda slot: (slot.stage if slot.role else 0, slot.who),
).map(tuple)


@st.composite
def rules(draw: st.DrawFn, when: st.SearchStrategy[When] | None = None) -> Rule:
    """Return any rule."""
    refuse = draw(st.integers(0, 9)) == 0
    return Rule(
        name=f"Rule {draw(st.integers(0, 10**9))}",
        when=draw(whens() if when is None else when),
        require=() if refuse else draw(SLOTS),
        expires_after=draw(st.integers(1, 99)) * timedelta(hours=1),
        refuse=refuse,
        cool_off=timedelta(0) if refuse else draw(st.integers(0, 3)) * timedelta(hours=1),
        series=Approve.EACH if refuse else draw(st.sampled_from(Approve)),
    )


@st.composite
def limits(draw: st.DrawFn) -> Limit:
    """Return any limit."""
    refuse = draw(st.integers(0, 4)) == 0
    return Limit(
        name=f"Limit {draw(st.integers(0, 10**9))}",
        per=draw(st.sampled_from(Per)),
        most=draw(st.integers(0, 2 * EDGE)),
        within=draw(LENGTHS),
        when=draw(whens(2, countable=True)),
        require=() if refuse else draw(SLOTS),
        refuse=refuse,
    )


@st.composite
def policies(draw: st.DrawFn, most: int = 4) -> Policy:
    """Return any policy; often one that covers every payment."""
    there = draw(st.lists(rules(), max_size=most, unique_by=lambda rule: rule.name))
    if draw(st.booleans()):
        there.append(Rule("Every payment", When(), draw(SLOTS), timedelta(hours=72)))
    counting = draw(st.lists(limits(), max_size=2, unique_by=lambda limit: limit.name))
    return Policy("EUR", tuple(there), limits=tuple(counting))


AMOUNTS = st.integers(1, 3 * EDGE) | st.sampled_from([10**4, 10**6, MAX_MINOR])


@st.composite
def payments(draw: st.DrawFn, policy: Policy | None = None) -> Facts:
    """Return any payment that somebody of the company can ask for.

    Args:
        policy: Whose limits other payments have used up, a little, or by nobody knows how much.
    """
    lane = draw(st.sampled_from(LANES))
    requester = draw(st.sampled_from(WORLD.requesters))
    kind = draw(st.sampled_from(Kind))
    countries = WORLD.countries if kind is Kind.INTERNAL else (*COUNTRIES, "FR")
    totals = st.none() | st.integers(0, 3 * EDGE)
    return Facts(
        amount=Money(draw(AMOUNTS), lane.currency),
        account=lane.account,
        payee=draw(st.sampled_from(PayeeStanding)),
        requester_roles=PEOPLE[requester],
        kind=kind,
        requester=requester,
        connector=lane.connector,
        payee_country=draw(st.sampled_from(countries)),
        payee_tags=draw(st.frozensets(st.sampled_from([*TAGS, "other"]), max_size=2)),
        payee_changed=draw(st.none() | st.integers(0, 24 * 20).map(lambda n: timedelta(hours=n))),
        moments=draw(st.sampled_from(lane.times)),
        totals={each.name: draw(totals) for each in (policy.limits if policy else ())},
        excluded=frozenset({requester})
        | draw(st.frozensets(st.sampled_from(list(PEOPLE)), max_size=1)),
    )
