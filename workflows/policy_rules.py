"""What a policy is made of: rules, their conditions, and the slots they ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | bool | None
"""What RFC 8785 gives one form to; without floats, which policy has none of."""


class PayeeStanding(StrEnum):
    """How well the payee is known: in the register with these very details, or not."""

    TRUSTED = "trusted"
    NEW = "new"


class Kind(StrEnum):
    """What sort of payment it is."""

    SINGLE = "single"
    BATCH = "batch"
    """A line of a list that was requested as a whole."""
    PAYROLL = "payroll"
    REFUND = "refund"
    INTERNAL = "internal"
    """Between the company's own accounts; decided by the accounts, never by who asks."""


class Moment(StrEnum):
    """What can be odd about the time at which a payment is asked for."""

    OUTSIDE_HOURS = "outside_hours"
    WEEKEND = "weekend"
    NEAR_CUT_OFF = "near_cut_off"


class Approve(StrEnum):
    """How a series of payments is approved: where nothing is said, each payment anew."""

    EACH = "each"
    ONCE = "once"
    """One approval, of all payments up to the series' end and by their sum."""


ANY_FACTOR = "any"
"""A slot that takes whatever second factor a person has."""


@dataclass(frozen=True, slots=True)
class Slot:
    """So many distinct persons of one role, or one named person.

    Attributes:
        role: Whose holders fill it; empty where ``person`` is given.
        count: How many of them.
        person: Id of the one who fills it; then ``count`` is 1.
        stage: It opens once all slots of earlier stages are filled.
        factor: The second factor it takes; `ANY_FACTOR` or its name.

    Raises:
        ValueError: ``count`` or ``stage`` is below 1, or it is not for one role or one person.
    """

    role: str = ""
    count: int = 1
    person: str = ""
    stage: int = 1
    factor: str = ANY_FACTOR

    def __post_init__(self) -> None:
        if self.count < 1 or self.stage < 1:
            raise ValueError(f"a slot for {self.count} persons in stage {self.stage}")
        if bool(self.role) is bool(self.person) or (self.person and self.count > 1):
            raise ValueError("a slot is for persons of one role, or for one named person")

    @property
    def who(self) -> str:
        """The role, or the named person behind an ``@``: what it is filled as."""
        return self.role or f"@{self.person}"

    def suits(self, person: str, roles: frozenset[str]) -> bool:
        """Whether a person with these roles can fill it; as another, behind an ``@``, too."""
        return (bool(self.person) and person == self.person) or self.who in roles

    def as_data(self) -> dict[str, Json]:
        """Return it as JSON data; what is as usual is not written."""
        data: dict[str, Json] = {"count": self.count}
        data |= {"person": self.person} if self.person else {"role": self.role}
        if self.stage > 1:
            data["stage"] = self.stage
        if self.factor != ANY_FACTOR:
            data["factor"] = self.factor
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, str | int]) -> Slot:
        """Read what `as_data` wrote.

        Raises:
            ValueError: it is something else.
        """
        return cls(
            role=str(data.get("role", "")),
            count=int(data["count"]),
            person=str(data.get("person", "")),
            stage=int(data.get("stage", 1)),
            factor=str(data.get("factor", ANY_FACTOR)),
        )


@dataclass(frozen=True, slots=True)
class Band:
    """Amounts in minor units of the base currency, both edges inclusive; ``high`` None is open."""

    low: int = 1
    high: int | None = None

    def __contains__(self, minor: int) -> bool:
        return self.low <= minor and (self.high is None or minor <= self.high)


@dataclass(frozen=True, slots=True)
class When:
    """What a rule is about: all that is given must hold; None holds for every payment.

    Attributes:
        payee_changed_within: The payee's bank details changed less than this before.
        time: Any of these `Moment`.
    """

    amount: Band | None = None
    currency: frozenset[str] | None = None
    kind: frozenset[str] | None = None
    account: frozenset[str] | None = None
    connector: frozenset[str] | None = None
    payee: frozenset[str] | None = None
    payee_country: frozenset[str] | None = None
    payee_tag: frozenset[str] | None = None
    payee_changed_within: timedelta | None = None
    requester: frozenset[str] | None = None
    requester_role: frozenset[str] | None = None
    time: frozenset[str] | None = None

    def as_data(self) -> dict[str, Json]:
        """Return the conditions as JSON data in which equal meaning is written in one way only."""
        data: dict[str, Json] = {}
        for each in fields(self):
            condition: Band | frozenset[str] | timedelta | None = getattr(self, each.name)
            if isinstance(condition, Band):
                # As text: a canonical JSON number ends at 2**53, below the largest amount.
                high = None if condition.high is None else str(condition.high)
                data[each.name] = {"from_minor": str(condition.low), "up_to_minor": high}
            elif isinstance(condition, timedelta):
                data[each.name] = int(condition.total_seconds())
            elif condition is not None:
                data[each.name] = sorted(condition)
        return data


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        name: Unique in its policy, shown to people.
        require: Who must approve, each role or person once in a stage; empty for a refusal.
        expires_after: Life of a request that the rule applies to, its own or the policy's.
        refuse: Whether it forbids what it applies to.
        cool_off: How long an approved payment waits before it leaves.
        series: How a series is approved that the rule applies to.
    """

    name: str
    when: When
    require: tuple[Slot, ...]
    expires_after: timedelta
    refuse: bool = False
    cool_off: timedelta = timedelta(0)
    series: Approve = Approve.EACH

    def as_data(self) -> dict[str, Json]:
        """Return the rule as JSON data in which equal meaning is written in one way only."""
        data: dict[str, Json] = {
            "name": self.name,
            "when": self.when.as_data(),
            "require": slots_data(self.require),
            "expires_after": int(self.expires_after.total_seconds()),
            "refuse": self.refuse,
        }
        if self.cool_off:
            data["cool_off"] = int(self.cool_off.total_seconds())
        if self.series is Approve.ONCE:
            data["series"] = str(self.series)
        return data


class Per(StrEnum):
    """Over whose payments a limit counts."""

    PAYEE = "payee"
    """To one account, under whatever name."""
    ACCOUNT = "account"
    REQUESTER = "requester"
    ROLE = "role"
    """By all who have one of the roles that the limit is about."""
    COMPANY = "company"


@dataclass(frozen=True, slots=True)
class Limit:
    """How much may go out within a sliding window before more is asked for.

    Attributes:
        name: Unique among limits and rules, shown to people.
        per: Whose payments are added up.
        most: In minor units of the base currency; what is beyond it is over the limit.
        within: Length of the window, which ends with the payment in question.
        when: What it is about and what it counts: only conditions that `COUNTABLE` names.
        require: Who must approve a payment that is over it; empty for a refusal.
        refuse: Whether such a payment is forbidden.
    """

    name: str
    per: Per
    most: int
    within: timedelta
    when: When
    require: tuple[Slot, ...]
    refuse: bool = False

    def as_data(self) -> dict[str, Json]:
        """Return the limit as JSON data in which equal meaning is written in one way only."""
        return {
            "name": self.name,
            "per": str(self.per),
            "most_minor": str(self.most),
            "within": int(self.within.total_seconds()),
            "when": self.when.as_data(),
            "require": slots_data(self.require),
            "refuse": self.refuse,
        }


COUNTABLE = ("currency", "kind", "account", "connector", "requester", "requester_role")
"""Conditions that can be told of any stored payment, and so of those that a limit counts."""


def slots_data(slots: Iterable[Slot]) -> Json:
    """Return slots as JSON data, in an order of their own."""
    ordered = sorted(slots, key=lambda slot: (slot.stage, slot.who))
    return [slot.as_data() for slot in ordered]
