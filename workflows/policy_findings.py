"""What `workflows.policy_check` can find in a policy that reads well, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"
    """Somebody could not pay what they should, or the rule does not do what it says."""
    WARNING = "warning"
    """It may be meant."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that the whole of a policy does, or does not do, in this company.

    Attributes:
        code: Stable, such as ``rule.unreachable``.
        params: For a sentence about it.
    """

    code: str
    params: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return _SENTENCES[self.code][0]

    @property
    def message(self) -> str:
        """What was found, in English."""
        return _SENTENCES[self.code][1].format_map(self.params)

    @property
    def remedy(self) -> str:
        """What to do about it, in English."""
        return _SENTENCES[self.code][2].format_map(self.params)

    def __str__(self) -> str:
        return f"{self.severity}: {self.message} {self.remedy}"


_E, _W = Severity.ERROR, Severity.WARNING
_SENTENCES: Mapping[str, tuple[Severity, str, str]] = {
    "requesters.none": (
        _E,
        "Nobody may ask for payments, so no rule ever applies.",
        "Give somebody a role of [permissions] request.",
    ),
    "slot.nobody": (
        _E,
        "Nobody is left to fill “{who}” when {requester} asks for {payment}: {why}.",
        "Give the role to more people, or ask for fewer; the rules are {rules}.",
    ),
    "slot.nobody_over_limit": (
        _E,
        "Nobody is left to fill “{who}” when {requester} asks for {payment} over the limit "
        "“{limit}”: {why}.",
        "Give the role to more people, ask for fewer, or write “refuse: true” if that is meant.",
    ),
    "slot.nobody_after_edit": (
        _W,
        "Nobody is left to fill “{who}” when {requester} asks for {payment} and {editor} was the "
        "last to change the payee's bank details.",
        "Give the role to one more person, or let others change payees ([permissions] payees).",
    ),
    "person.two_stages": (
        _E,
        "@{person} is asked for in stages {stages} of one payment, and nobody fills two places: "
        "{payment} could never be approved.",
        "Ask for the person in one stage in all of: {rules}.",
    ),
    "rule.unreachable": (
        _E,
        "The rule “{rule}” can never apply: {why}.",
        "Correct its conditions, or delete it.",
    ),
    "rule.idle_refusal": (
        _W,
        "The rule “{rule}” refuses what nobody can ask for: {why}.",
        "Keep it against the day when somebody can, or delete it.",
    ),
    "rule.redundant": (
        _W,
        "The rule “{rule}” changes nothing: all it asks is asked by other rules already.",
        "Delete it, or make it stricter if it was meant to be.",
    ),
    "limit.unreachable": (
        _E,
        "The limit “{limit}” can never apply: {why}.",
        "Correct its conditions, or delete it.",
    ),
    "limit.never_passed": (
        _W,
        "The limit “{limit}” is only about payments that are refused anyway.",
        "Delete it, or look at the rules that refuse them.",
    ),
    "limit.redundant": (
        _W,
        "The limit “{limit}” changes nothing: whom it asks for is asked by the rules already.",
        "Ask for somebody else once it is passed, or write “refuse: true”.",
    ),
    "gap": (
        _W,
        "No rule covers these payments, so they are refused: {cell}.",
        "Add a rule for them, or a rule with “refuse: true” so that people are told why.",
    ),
    "gap.no_rate": (
        _W,
        "Payments in {currency} have no rate, and the bands of the rules leave an amount "
        "uncovered, so they are refused: {cell}.",
        "Give {currency} a rate in [rates], or add a rule without “amount”.",
    ),
    "currency.no_rate": (
        _W,
        "{currency} has no rate, so payments from {accounts} meet every “amount” at once: the "
        "strictest applies, and every limit counts as passed.",
        "Add {currency} to [rates].",
    ),
    "situations.too_many": (
        _E,
        "The rules tell apart too much to look through all of it.",
        "Use fewer different conditions, or lists instead of many rules.",
    ),
}
