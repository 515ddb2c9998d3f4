"""What a policy is made of: rules, their conditions, and the slots they ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | bool | None
"""What RFC 8785 gives one form to; without floats, which policy has none of."""


class PayeeStanding(StrEnum):
    """How well the payee is known: in the register with these very details, or not."""

    TRUSTED = "trusted"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Slot:
    """So many distinct persons of one role.

    Raises:
        ValueError: ``count`` is below 1.
    """

    role: str
    count: int = 1

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"a slot for {self.count} persons of role {self.role!r}")


@dataclass(frozen=True, slots=True)
class Band:
    """Amounts in minor units of the base currency, both edges inclusive; ``high`` None is open."""

    low: int = 1
    high: int | None = None

    def __contains__(self, minor: int) -> bool:
        return self.low <= minor and (self.high is None or minor <= self.high)


@dataclass(frozen=True, slots=True)
class When:
    """What a rule is about: all that is given must hold; None holds for every payment."""

    amount: Band | None = None
    currency: frozenset[str] | None = None
    account: frozenset[str] | None = None
    payee: frozenset[str] | None = None
    requester_role: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        name: Unique in its policy, shown to people.
        require: Who must approve, each role once; empty for a refusal.
        expires_after: Life of a request that the rule applies to, its own or the policy's.
        refuse: Whether it forbids what it applies to.
    """

    name: str
    when: When
    require: tuple[Slot, ...]
    expires_after: timedelta
    refuse: bool = False

    def as_data(self) -> dict[str, Json]:
        """Return the rule as JSON data in which equal meaning is written in one way only."""
        when: dict[str, Json] = {}
        for each in fields(self.when):
            condition: Band | frozenset[str] | None = getattr(self.when, each.name)
            if isinstance(condition, Band):
                # As text: a canonical JSON number ends at 2**53, below the largest amount.
                high = None if condition.high is None else str(condition.high)
                when[each.name] = {"from_minor": str(condition.low), "up_to_minor": high}
            elif condition is not None:
                when[each.name] = sorted(condition)
        slots = sorted(self.require, key=lambda slot: slot.role)
        return {
            "name": self.name,
            "when": when,
            "require": [{"role": slot.role, "count": slot.count} for slot in slots],
            "expires_after": int(self.expires_after.total_seconds()),
            "refuse": self.refuse,
        }
