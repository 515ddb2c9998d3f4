"""Policy: from rules and the facts of a payment to who must approve it, and why. Pure.

All rules that match apply together: each role is needed as often as the rule that wants most of
it says, a request lives as long as the most impatient rule allows, and one refusing rule refuses.
So for a payment that any rule covers, another rule can only make approval stricter; a payment
that no rule covers is refused. The language of the rules is `workflows.policy_language`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

import rfc8785

from connectors.money import MAX_MINOR, Money, exponent
from workflows import policy_language
from workflows.policy_problems import PolicyErrors, Problem
from workflows.policy_rules import (
    ANY_FACTOR,
    Approve,
    Band,
    Json,
    Kind,
    Limit,
    Moment,
    PayeeStanding,
    Per,
    Rule,
    Slot,
    When,
)

__all__ = [
    "Approve",
    "Band",
    "Facts",
    "Kind",
    "Limit",
    "Moment",
    "PayeeStanding",
    "Per",
    "Policy",
    "PolicyErrors",
    "Problem",
    "Rates",
    "Reason",
    "Rule",
    "Slot",
    "Verdict",
    "When",
    "matches",
    "united",
]

_MOST_RATE_DIGITS = 28
_LARGEST_RATE_EXPONENT = 12


@dataclass(frozen=True, slots=True)
class Rates:
    """What currencies are worth in the base currency, exactly.

    Attributes:
        base: ISO 4217 code of the base currency.
        rates: How much of ``base`` one unit (a dollar, not a cent) of each other currency is.
        dated: The same for currencies whose rate holds from a day on, by that day. `to_base` takes
            the newest of them; `on` gives the rates of a day.
        good_for: For how long a dated rate is used; for ever where it is not given.

    Raises:
        ValueError: a rate is not a positive Decimal of at most 28 digits between 1e-12 and 1e12,
            the base currency has another rate than 1 to itself, or one is given in both ways.
        MoneyError: an unknown currency.
    """

    base: str
    rates: Mapping[str, Decimal]
    dated: Mapping[str, Mapping[date, Decimal]] = field(default_factory=dict)
    good_for: timedelta | None = None
    _factors: Mapping[str, tuple[int, int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.rates.get(self.base, Decimal(1)) != 1:
            raise ValueError(f"{self.base} is the base currency, so its own rate is 1")
        if self.dated.keys() & {*self.rates, self.base}:
            raise ValueError("a currency's rate is dated or it is not")
        for currency, by_day in self.dated.items():
            for rate in by_day.values():
                _check_rate(currency, rate)
        newest = {currency: by_day[max(by_day)] for currency, by_day in self.dated.items()}
        digits = exponent(self.base)
        factors = {self.base: (1, 1)}
        for currency, rate in {**self.rates, **newest}.items():
            _check_rate(currency, rate)
            factor = Fraction(rate) * Fraction(10) ** (digits - exponent(currency))
            factors[currency] = factor.numerator, factor.denominator
        object.__setattr__(self, "rates", dict(self.rates))
        object.__setattr__(self, "_factors", factors)

    def on(self, day: date) -> Rates:
        """Return the rates of a day: of each dated one the newest that held and was still good."""
        if not self.dated:
            return self
        found = dict(self.rates)
        for currency, by_day in self.dated.items():
            since = max((each for each in by_day if each <= day), default=None)
            if since is not None and (self.good_for is None or day - since <= self.good_for):
                found[currency] = by_day[since]
        return Rates(self.base, found)

    def to_base(self, money: Money) -> Money | None:
        """Convert, rounding away from zero to a minor unit, so that rounding helps no payer.

        Returns:
            None where the currency has no rate, or the amount is beyond the largest `Money`.
        """
        factor = self._factors.get(money.currency)
        if factor is None:
            return None
        numerator, denominator = factor
        minor = -(-abs(money.minor) * numerator // denominator)
        if minor > MAX_MINOR:
            return None
        return Money(minor if money.minor >= 0 else -minor, self.base)


def _check_rate(currency: str, rate: Decimal) -> None:
    is_sound = (
        isinstance(rate, Decimal)
        and rate.is_finite()
        and rate > 0
        and len(rate.as_tuple().digits) <= _MOST_RATE_DIGITS
        and abs(rate.adjusted()) <= _LARGEST_RATE_EXPONENT
    )
    if not is_sound:
        raise ValueError(f"the rate of {currency} must be a positive decimal, not {rate!s:.40}")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at.

    Attributes:
        amount: What is to be paid, in its own currency.
        account: Id of the debtor account.
        payee: How well the payee is known.
        requester_roles: Of the person who asks.
        kind: What sort of payment it is.
        requester: Id of the person who asks.
        connector: Name of the connection it would leave by.
        payee_country: ISO 3166 code of the country that the payee's account is in.
        payee_tags: Of the payee in the register.
        payee_changed: How long ago the payee's bank details changed, when this version was asked
            for; None where they never did.
        moments: What is odd about the time at which it was asked for.
        totals: What else a limit counts, in minor units of the base currency, by the limit's name;
            None where it cannot be told. A limit that is not named has counted nothing.
        excluded: Ids of people who may not approve it, whatever their roles.
        series_total: The sum of the series that it belongs to, if it is of one.
        begins_series: Whether it is the first of that.

    Raises:
        ValueError: ``amount`` is not above zero.
    """

    amount: Money
    account: str
    payee: PayeeStanding
    requester_roles: frozenset[str]
    kind: Kind = Kind.SINGLE
    requester: str = ""
    connector: str = ""
    payee_country: str = ""
    payee_tags: frozenset[str] = frozenset()
    payee_changed: timedelta | None = None
    moments: frozenset[Moment] = frozenset()
    totals: Mapping[str, int | None] = field(default_factory=dict)
    excluded: frozenset[str] = frozenset()
    series_total: Money | None = None
    begins_series: bool = False

    def __post_init__(self) -> None:
        if self.amount.minor <= 0:
            raise ValueError(f"a payment of {self.amount}")


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that matched or a limit that is passed, and whom it alone asks for.

    Nobody where it refuses.
    """

    rule: str
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who must approve a payment, and why.

    Attributes:
        slots: Each role or person once in a stage, by stage and then in the order the rules
            mention them; empty unless allowed.
        reasons: The matching rules in file order, then the limits that are passed.
        refused_by: The first rule that forbids the payment.
        base_amount: In the base currency; None where it could not be converted, and then every
            amount condition matched.
        expires_after: How long the request may wait for its approvals.
        policy_hash: Of the policy that said so.
        cool_off: How long it waits, once approved, before it leaves.
        excluded: Ids of people who may not approve it, whatever their roles.
        series: How the series is approved that it belongs to; None where it is of none.
    """

    slots: tuple[Slot, ...]
    reasons: tuple[Reason, ...]
    refused_by: str | None
    base_amount: Money | None
    expires_after: timedelta
    policy_hash: str
    cool_off: timedelta = timedelta(0)
    excluded: frozenset[str] = frozenset()
    series: Approve | None = None

    @property
    def matched(self) -> tuple[str, ...]:
        """Names of the matching rules, in file order."""
        return tuple(reason.rule for reason in self.reasons)

    @property
    def is_allowed(self) -> bool:
        """Whether the payment may be asked for at all; False where no rule covers it."""
        return bool(self.slots) and self.refused_by is None

    def explain(self) -> tuple[Reason, ...]:
        """Return which rule asks for whom, in file order."""
        return self.reasons

    def to_json(self) -> str:
        """Return the verdict for storing, in RFC 8785 form; `from_json` gives an equal one."""
        base = self.base_amount
        data: dict[str, Json] = {
            "slots": _in_order(self.slots),
            "reasons": [
                {"rule": reason.rule, "slots": _in_order(reason.slots)} for reason in self.reasons
            ],
            "refused_by": self.refused_by,
            "base_amount": None if base is None else [f"{base.decimal:f}", base.currency],
            "expires_after": int(self.expires_after.total_seconds()),
            "policy_hash": self.policy_hash,
        }
        if self.cool_off:
            data["cool_off"] = int(self.cool_off.total_seconds())
        if self.excluded:
            data["excluded"] = sorted(self.excluded)
        if self.series is not None:
            data["series"] = str(self.series)
        return rfc8785.dumps(data).decode()

    @classmethod
    def from_json(cls, text: str) -> Verdict:
        """Read what `to_json` wrote.

        Raises:
            ValueError: ``text`` is something else.
        """
        return _stored_verdict(text)


# What is asked of an order again and again; a verdict never changes, so all may have the same.
@lru_cache(maxsize=1024)
def _stored_verdict(text: str) -> Verdict:
    try:
        data = json.loads(text)
        base = data["base_amount"]
        return Verdict(
            slots=_slots_from(data["slots"]),
            reasons=tuple(
                Reason(reason["rule"], _slots_from(reason["slots"])) for reason in data["reasons"]
            ),
            refused_by=data["refused_by"],
            base_amount=None if base is None else Money.parse(*base),
            expires_after=timedelta(seconds=data["expires_after"]),
            policy_hash=data["policy_hash"],
            cool_off=timedelta(seconds=data.get("cool_off", 0)),
            excluded=frozenset(map(str, data.get("excluded", ()))),
            series=Approve(data["series"]) if "series" in data else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError("not a stored verdict") from error


def _in_order(slots: Iterable[Slot]) -> Json:
    return [slot.as_data() for slot in slots]


def _slots_from(data: Iterable[Mapping[str, str | int]]) -> tuple[Slot, ...]:
    return tuple(Slot.from_data(each) for each in data)


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of a company.

    Attributes:
        base_currency: ISO 4217 code that amounts in rules are in.
        rules: In file order.
        expires_after: Life of a request where no rule applies.
        limits: In file order.
        hash: SHA-256 (hex) of `as_json`, so layout and comments do not change it.
    """

    base_currency: str
    rules: tuple[Rule, ...]
    expires_after: timedelta = policy_language.DEFAULT_LIFE
    limits: tuple[Limit, ...] = ()
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(self.as_json().encode()).hexdigest()
        object.__setattr__(self, "hash", digest)

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        base_currency: str,
        roles: Collection[str],
        accounts: Collection[str],
        people: Collection[str] = (),
        connectors: Collection[str] = (),
    ) -> Policy:
        """Read a policy file; the arguments are those of `policy_language.read`.

        Raises:
            PolicyErrors: with every mistake's line and remedy.
            MoneyError: ``base_currency`` is not a currency.
        """
        document = policy_language.read(
            text,
            base_currency=base_currency,
            roles=roles,
            accounts=accounts,
            people=people,
            connectors=connectors,
        )
        return cls(base_currency, document.rules, document.expires_after, document.limits)

    def as_json(self) -> str:
        """Return all that the policy means, in RFC 8785 form."""
        data: dict[str, Json] = {
            "version": policy_language.VERSION,
            "base_currency": self.base_currency,
            "expires_after": int(self.expires_after.total_seconds()),
            "rules": [rule.as_data() for rule in self.rules],
        }
        if self.limits:
            data["limits"] = [limit.as_data() for limit in self.limits]
        return rfc8785.dumps(data).decode()

    def evaluate(self, facts: Facts, rates: Rates) -> Verdict:
        """Say who must approve a payment.

        An amount that cannot be converted matches every amount condition and passes every limit,
        so it meets whatever the strictest amount would; where some amount would meet no rule, that
        is a refusal. A limit adds to what rules ask for; it covers nothing by itself.

        A payment of a series is approved once, with the whole series, only if every rule says so
        that applies to it or to one payment of the series' sum. Then, and whenever a series is
        begun, by whomever both ask for: in parts a sum gains nothing. What is over a limit is
        always approved by itself.

        Raises:
            ValueError: ``rates`` are to another base currency.
        """
        if rates.base != self.base_currency:
            raise ValueError(f"rates to {rates.base} for a policy in {self.base_currency}")
        base = rates.to_base(facts.amount)
        rules = self._matching(facts, base)
        minor = None if base is None else base.minor
        limits = [each for each in self.limits if _is_passed(each, facts, minor)]
        is_covered = _covers(rules, base)
        series: Approve | None = None
        if facts.series_total is not None:
            whole = rates.to_base(facts.series_total)
            of_sum = self._matching(facts, whole)
            series = Approve.EACH
            if not limits and is_covered and _covers(of_sum, whole) and _once([*rules, *of_sum]):
                series = Approve.ONCE
            if series is Approve.ONCE or facts.begins_series:
                # What forbids a payment of that sum does not forbid to pay it bit by bit.
                asked = [each for each in of_sum if not each.refuse]
                rules = [each for each in self.rules if each in rules or each in asked]
        applying: list[Rule | Limit] = [*rules, *limits]
        refused_by = next((each.name for each in applying if each.refuse), None)
        return Verdict(
            slots=united(applying) if refused_by is None and is_covered else (),
            reasons=tuple(Reason(each.name, each.require) for each in applying),
            refused_by=refused_by,
            base_amount=base,
            expires_after=min((rule.expires_after for rule in rules), default=self.expires_after),
            policy_hash=self.hash,
            cool_off=max((rule.cool_off for rule in rules), default=timedelta(0)),
            excluded=facts.excluded,
            series=series,
        )

    def _matching(self, facts: Facts, base: Money | None) -> list[Rule]:
        """Return the rules that apply, were the amount ``base``; None is any amount."""
        minor = None if base is None else base.minor
        return [rule for rule in self.rules if matches(rule.when, facts, minor)]


def _covers(rules: Sequence[Rule], base: Money | None) -> bool:
    """Whether rules that match say who approves: without a rate, whatever the amount is."""
    return bool(rules) and (base is not None or _cover_every_amount(rules))


def _once(rules: Iterable[Rule]) -> bool:
    """Whether no rule wants each payment of a series approved anew."""
    return all(rule.series is Approve.ONCE for rule in rules)


def matches(when: When, facts: Facts, base_minor: int | None) -> bool:
    """Whether all conditions hold for a payment.

    Args:
        base_minor: Its amount in minor units of the base currency; None matches every amount.
    """
    one_of = (
        (when.currency, facts.amount.currency),
        (when.kind, facts.kind),
        (when.account, facts.account),
        (when.connector, facts.connector),
        (when.payee, facts.payee),
        (when.payee_country, facts.payee_country),
        (when.requester, facts.requester),
    )
    any_of = (
        (when.payee_tag, facts.payee_tags),
        (when.requester_role, facts.requester_roles),
        (when.time, facts.moments),
    )
    within, changed = when.payee_changed_within, facts.payee_changed
    return (
        (when.amount is None or base_minor is None or base_minor in when.amount)
        and all(wanted is None or fact in wanted for wanted, fact in one_of)
        and all(wanted is None or not wanted.isdisjoint(facts) for wanted, facts in any_of)
        and (within is None or (changed is not None and changed < within))
    )


def _is_passed(limit: Limit, facts: Facts, base_minor: int | None) -> bool:
    if not matches(limit.when, facts, base_minor):
        return False
    total = facts.totals.get(limit.name, 0)
    return base_minor is None or total is None or total + base_minor > limit.most


def _cover_every_amount(rules: Iterable[Rule]) -> bool:
    """Whether every amount above zero is in some rule's band."""
    bands = [rule.when.amount or Band() for rule in rules]
    covered = 0
    for band in sorted(bands, key=lambda band: band.low):
        if band.low > covered + 1:
            return False
        if band.high is None:
            return True
        covered = max(covered, band.high)
    return False


def united(rules: Iterable[Rule | Limit]) -> tuple[Slot, ...]:
    """Return what rules ask for together: for each stage, of each the most that one wants."""
    found: dict[tuple[int, str], Slot] = {}
    for rule in rules:
        for slot in rule.require:
            key = slot.stage, slot.who
            other = found.get(key, slot)
            count = max(slot.count, other.count)
            factor = other.factor if slot.factor == ANY_FACTOR else slot.factor
            found[key] = dataclasses.replace(slot, count=count, factor=factor)
    return tuple(sorted(found.values(), key=lambda slot: slot.stage))
