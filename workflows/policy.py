"""Policy: from rules and the facts of a payment to who must approve it, and why. Pure.

All rules that match apply together: each role is needed as often as the rule that wants most of
it says, a request lives as long as the most impatient rule allows, and one refusing rule refuses.
So for a payment that any rule covers, another rule can only make approval stricter; a payment
that no rule covers is refused. The language of the rules is `workflows.policy_language`.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

import rfc8785

from connectors.money import MAX_MINOR, Money, exponent
from workflows import policy_language
from workflows.policy_problems import PolicyErrors, Problem
from workflows.policy_rules import Band, Json, PayeeStanding, Rule, Slot, When

__all__ = [
    "Assignment",
    "Band",
    "Facts",
    "PayeeStanding",
    "Policy",
    "PolicyErrors",
    "Problem",
    "Rates",
    "Reason",
    "Rule",
    "Slot",
    "Verdict",
    "When",
    "assign",
    "can_be_filled",
]

_MOST_RATE_DIGITS = 28
_LARGEST_RATE_EXPONENT = 12


@dataclass(frozen=True, slots=True)
class Rates:
    """What currencies are worth in the base currency, exactly.

    Attributes:
        base: ISO 4217 code of the base currency.
        rates: How much of ``base`` one unit (a dollar, not a cent) of each other currency is.

    Raises:
        ValueError: a rate is not a positive Decimal of at most 28 digits between 1e-12 and 1e12,
            or the base currency has another rate than 1 to itself.
        MoneyError: an unknown currency.
    """

    base: str
    rates: Mapping[str, Decimal]
    _factors: Mapping[str, tuple[int, int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.rates.get(self.base, Decimal(1)) != 1:
            raise ValueError(f"{self.base} is the base currency, so its own rate is 1")
        digits = exponent(self.base)
        factors = {self.base: (1, 1)}
        for currency, rate in self.rates.items():
            _check_rate(currency, rate)
            factor = Fraction(rate) * Fraction(10) ** (digits - exponent(currency))
            factors[currency] = factor.numerator, factor.denominator
        object.__setattr__(self, "rates", dict(self.rates))
        object.__setattr__(self, "_factors", factors)

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

    Raises:
        ValueError: ``amount`` is not above zero.
    """

    amount: Money
    account: str
    payee: PayeeStanding
    requester_roles: frozenset[str]

    def __post_init__(self) -> None:
        if self.amount.minor <= 0:
            raise ValueError(f"a payment of {self.amount}")


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that matched, and whom it alone asks for (nobody where it refuses)."""

    rule: str
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who must approve a payment, and why.

    Attributes:
        slots: Each role once, in the order the rules mention them; empty unless allowed.
        reasons: The matching rules in file order.
        refused_by: The first rule that forbids the payment.
        base_amount: In the base currency; None where it could not be converted, and then every
            amount condition matched.
        expires_after: How long the request may wait for its approvals.
        policy_hash: Of the policy that said so.
    """

    slots: tuple[Slot, ...]
    reasons: tuple[Reason, ...]
    refused_by: str | None
    base_amount: Money | None
    expires_after: timedelta
    policy_hash: str

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
        data: Json = {
            "slots": _slots_data(self.slots),
            "reasons": [
                {"rule": reason.rule, "slots": _slots_data(reason.slots)} for reason in self.reasons
            ],
            "refused_by": self.refused_by,
            "base_amount": None if base is None else [f"{base.decimal:f}", base.currency],
            "expires_after": int(self.expires_after.total_seconds()),
            "policy_hash": self.policy_hash,
        }
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
        )
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise ValueError("not a stored verdict") from error


def _slots_data(slots: Iterable[Slot]) -> Json:
    return [{"role": slot.role, "count": slot.count} for slot in slots]


def _slots_from(data: Iterable[Mapping[str, str | int]]) -> tuple[Slot, ...]:
    return tuple(Slot(str(slot["role"]), int(slot["count"])) for slot in data)


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of a company.

    Attributes:
        base_currency: ISO 4217 code that amounts in rules are in.
        rules: In file order.
        expires_after: Life of a request where no rule applies.
        hash: SHA-256 (hex) of `as_json`, so layout and comments do not change it.
    """

    base_currency: str
    rules: tuple[Rule, ...]
    expires_after: timedelta = policy_language.DEFAULT_LIFE
    hash: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(self.as_json().encode()).hexdigest()
        object.__setattr__(self, "hash", digest)

    @classmethod
    def parse(
        cls, text: str, *, base_currency: str, roles: Collection[str], accounts: Collection[str]
    ) -> Policy:
        """Read a policy file; the arguments are those of `policy_language.read`.

        Raises:
            PolicyErrors: with every mistake's line and remedy.
            MoneyError: ``base_currency`` is not a currency.
        """
        document = policy_language.read(
            text, base_currency=base_currency, roles=roles, accounts=accounts
        )
        return cls(base_currency, document.rules, document.expires_after)

    def as_json(self) -> str:
        """Return all that the policy means, in RFC 8785 form."""
        data: Json = {
            "version": policy_language.VERSION,
            "base_currency": self.base_currency,
            "expires_after": int(self.expires_after.total_seconds()),
            "rules": [rule.as_data() for rule in self.rules],
        }
        return rfc8785.dumps(data).decode()

    def evaluate(self, facts: Facts, rates: Rates) -> Verdict:
        """Say who must approve a payment.

        An amount that cannot be converted matches every amount condition, so it meets whatever
        the strictest amount would; where some amount would meet no rule, that is a refusal.

        Raises:
            ValueError: ``rates`` are to another base currency.
        """
        if rates.base != self.base_currency:
            raise ValueError(f"rates to {rates.base} for a policy in {self.base_currency}")
        base = rates.to_base(facts.amount)
        minor = None if base is None else base.minor
        rules = [rule for rule in self.rules if _matches(rule.when, facts, minor)]
        refused_by = next((rule.name for rule in rules if rule.refuse), None)
        is_covered = minor is not None or _cover_every_amount(rules)
        return Verdict(
            slots=_united(rules) if refused_by is None and is_covered else (),
            reasons=tuple(Reason(rule.name, rule.require) for rule in rules),
            refused_by=refused_by,
            base_amount=base,
            expires_after=min((rule.expires_after for rule in rules), default=self.expires_after),
            policy_hash=self.hash,
        )


def _matches(when: When, facts: Facts, base_minor: int | None) -> bool:
    return (
        (when.amount is None or base_minor is None or base_minor in when.amount)
        and (when.currency is None or facts.amount.currency in when.currency)
        and (when.account is None or facts.account in when.account)
        and (when.payee is None or facts.payee in when.payee)
        and (
            when.requester_role is None or not when.requester_role.isdisjoint(facts.requester_roles)
        )
    )


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


def _united(rules: Iterable[Rule]) -> tuple[Slot, ...]:
    counts: dict[str, int] = {}
    for rule in rules:
        for slot in rule.require:
            counts[slot.role] = max(slot.count, counts.get(slot.role, 0))
    return tuple(Slot(role, count) for role, count in counts.items())


# -- Quorum ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which slots are filled by whom.

    Attributes:
        filled: (role, person) pairs, each person once; by slot, then by person.
        missing: What is still to be filled, by slot.
    """

    filled: tuple[tuple[str, str], ...]
    missing: tuple[Slot, ...]

    @property
    def is_complete(self) -> bool:
        """Whether there is a quorum; a quorum of nobody is none."""
        return bool(self.filled) and not self.missing


def assign(slots: Sequence[Slot], candidates: Mapping[str, frozenset[str]]) -> Assignment:
    """Fill as many slots as possible with distinct persons.

    A maximum bipartite matching by augmenting paths (Berge 1957): a person who cannot be seated
    moves somebody else to another slot they could fill, as often as that helps. Roles are nodes
    with room for ``count`` persons, so the search is over roles, of which there are few.

    Args:
        slots: What is needed.
        candidates: Person id to the roles of that person. Their order does not matter.
    """
    room: dict[str, int] = {}
    for slot in slots:
        room[slot.role] = room.get(slot.role, 0) + slot.count
    seating = _Seating(room, candidates)
    to_fill = sum(room.values())
    for person in sorted(candidates):
        if not to_fill:
            break
        to_fill -= seating.seat(person)
    return Assignment(
        tuple((role, person) for role in room for person in sorted(seating.seated[role])),
        tuple(
            Slot(role, count - len(seating.seated[role]))
            for role, count in room.items()
            if count > len(seating.seated[role])
        ),
    )


def can_be_filled(slots: Sequence[Slot], people: Mapping[str, frozenset[str]]) -> bool:
    """Whether these people are enough, and different enough, to fill all of ``slots``."""
    return assign(slots, people).is_complete


class _Seating:
    """Who sits where while an assignment is being found."""

    def __init__(self, room: Mapping[str, int], candidates: Mapping[str, frozenset[str]]) -> None:
        self.room = room
        self.candidates = candidates
        self.seated: dict[str, list[str]] = {role: [] for role in room}
        self.role_of: dict[str, str] = {}
        self.closed: set[str] = set()

    def seat(self, person: str) -> bool:
        """Seat a person, moving others if need be; False where no way of sitting has room."""
        comes: dict[str, str] = {}  # for each role reached: who would move there
        to_visit: deque[str] = deque()
        self._reach(person, comes, to_visit)
        while to_visit:
            role = to_visit.popleft()
            if len(self.seated[role]) < self.room[role]:
                self._move(role, comes)
                return True
            for holder in self.seated[role]:
                self._reach(holder, comes, to_visit)
        # Whoever sits in these roles can only go to these roles, and all are full: they stay so.
        self.closed.update(comes)
        return False

    def _reach(self, person: str, comes: dict[str, str], to_visit: deque[str]) -> None:
        for role in self.room:
            is_new = role not in comes and role not in self.closed
            if is_new and role in self.candidates[person]:
                comes[role] = person
                to_visit.append(role)

    def _move(self, role: str | None, comes: Mapping[str, str]) -> None:
        while role is not None:
            person = comes[role]
            left = self.role_of.get(person)
            if left is not None:
                self.seated[left].remove(person)
            self.seated[role].append(person)
            self.role_of[person] = role
            role = left
