"""Assertions about a policy: ``amount > 50000 CNY needs 2 approvers incl. cfo``. Pure.

    assertion   = [ condition { "and" condition } ] demand { "and" demand }
    condition   = "amount" ( ">" | ">=" | "<" | "<=" ) number [ currency ]
                | name value { "," value }             as in “when” of a rule, such as: payee new
    demand      = "needs" number ( "approver" | "approvers" ) [ "incl." who { "," who } ]
                | "is refused" | "cools off" length | "expires within" length
    who         = [ number ] role | "@" person

It is about all payments that the conditions hold for, in whatever currency: their worth is
compared exactly. What cannot be compared, because its currency has no rate, is included.
A payment that is refused has every approval that could be asked for, as it never leaves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction

from connectors.money import Money, MoneyError
from workflows.matching import assign
from workflows.policy import (
    Facts,
    Kind,
    Moment,
    PayeeStanding,
    Policy,
    Slot,
    Verdict,
    When,
    matches,
)
from workflows.policy_cells import Cells, Demand
from workflows.policy_nodes import closest, listed, shown
from workflows.policy_world import Lane, World

LONGEST = 500
"""Characters of an assertion."""


class AssertionMistakeError(ValueError):
    """An assertion that cannot be understood; ``str()`` says what is wrong and what to write."""


@dataclass(frozen=True, slots=True)
class Bound:
    """An edge of amounts: ``amount > 50000 CNY``."""

    sign: str
    amount: Money

    def holds(self, payment: Money, world: World) -> bool:
        """Whether the worth of a payment is beyond it, or cannot be told."""
        if not world.has_rate(payment.currency):
            return True
        worth = payment.minor * world.worth(payment.currency)
        return _SIGNS[self.sign](worth, self.amount.minor * world.worth(self.amount.currency))

    def within(self, amounts: range, currency: str, world: World) -> range:
        """Return those of some amounts that it holds for."""
        if not world.has_rate(currency):
            return amounts
        edge = self.amount.minor * world.worth(self.amount.currency) / world.worth(currency)
        below, is_whole = edge.numerator // edge.denominator, edge.denominator == 1
        low, high = amounts.start, amounts.stop
        match self.sign:
            case ">":
                low = max(low, below + 1)
            case ">=":
                low = max(low, below if is_whole else below + 1)
            case "<":
                high = min(high, below if is_whole else below + 1)
            case _:
                high = min(high, below + 1)
        return range(low, max(low, high))


_SIGNS = {
    ">": Fraction.__gt__,
    ">=": Fraction.__ge__,
    "<": Fraction.__lt__,
    "<=": Fraction.__le__,
}


@dataclass(frozen=True, slots=True)
class Claim:
    """What an assertion says of some payments; all that is given must hold.

    Attributes:
        approvers: At least so many distinct persons.
        including: Among them, each of these by somebody of their own.
        cool_off: At least so long.
        expires_after: At most so long.
    """

    approvers: int = 0
    including: tuple[Slot, ...] = ()
    is_refused: bool = False
    cool_off: timedelta = timedelta(0)
    expires_after: timedelta | None = None

    def holds(self, demand: Demand, world: World) -> bool:
        """Whether it is so of payments of which this is asked."""
        if not demand.is_allowed:
            return True
        return (
            not self.is_refused
            and demand.approvers >= self.approvers
            and _include(demand.slots, self.including, world)
            and demand.cool_off >= self.cool_off
            and (self.expires_after is None or demand.expires_after <= self.expires_after)
        )


def _include(slots: Sequence[Slot], wanted: Sequence[Slot], world: World) -> bool:
    """Whether whoever fills ``slots``, those who are wanted are among them.

    A role is among them where it is asked for, or a person by name who has it. That nobody else
    happens to be there does not count: people come and go without a change of the policy.
    """
    there: dict[str, frozenset[str]] = {}
    for slot in slots:
        if slot.person:
            there[slot.person] = world.people.get(slot.person, frozenset())
        for number in range(slot.count if slot.role else 0):
            there[f"{slot.stage} {slot.role} {number}"] = frozenset({slot.role})
    return not assign(wanted, there).missing


@dataclass(frozen=True, slots=True)
class Assertion:
    """Something that is to be so of all payments that it is about.

    Attributes:
        text: As it was written.
        when: Which payments; without an amount.
        bounds: Of their amounts.
    """

    text: str
    when: When
    bounds: tuple[Bound, ...]
    claim: Claim

    def is_about(self, payment: Facts, world: World) -> bool:
        """Whether the conditions hold for a payment."""
        return matches(self.when, payment, None) and all(
            bound.holds(payment.amount, world) for bound in self.bounds
        )


@dataclass(frozen=True, slots=True)
class CounterExample:
    """A payment of which less is asked than was asserted."""

    payment: Facts
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Proof:
    """What became of an assertion.

    Attributes:
        kinds: So many kinds of payments it is about, all of which were looked at unless one
            is the counter-example; none where no payment can be like that.
    """

    assertion: Assertion
    kinds: int
    counter_example: CounterExample | None = None

    @property
    def holds(self) -> bool:
        """Whether it is so of all payments."""
        return self.counter_example is None


def prove(assertion: Assertion, policy: Policy, world: World) -> Proof:
    """Look at every kind of payment that an assertion is about.

    Limits that other payments have used up need not be looked at: they only add to what is asked.

    Raises:
        TooManySituationsError: the rules tell apart too much.
    """
    wanted = {bound.amount.currency for bound in assertion.bounds}
    # A counter-example reads best in the currency that was asked about.
    lanes = sorted(world.lanes, key=lambda lane: lane.currency not in wanted)
    cells = Cells(policy, replace(world, lanes=tuple(lanes)), [assertion.when])

    def amounts(lane: Lane, span: int) -> range:
        found = cells.amounts(lane, span)
        for bound in assertion.bounds:
            found = bound.within(found, lane.currency, world)
        return found

    kinds = 0
    for cell in cells.situations(amounts):
        if not cell.mask & cells.extra_bit():
            continue
        kinds += 1
        if not assertion.claim.holds(cells.demand(cell), world):
            lane = next(cells.payers(cell.choices[0], cell.choices[1], cell.span, amounts))
            payment = cells.payment_from(cell, lane, amounts(lane, cell.span)[0])
            return Proof(assertion, kinds, CounterExample(payment, cells.verdict(payment)))
    return Proof(assertion, kinds)


# -- Reading ---------------------------------------------------------------------------------------

_TOKEN = re.compile(r"\s*(>=|<=|>|<|,|[^\s,<>]+)")
_NUMBER = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,9})?", re.ASCII)
_LENGTH = re.compile(r"([1-9][0-9]{0,4})([mhd])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_EXAMPLE = "amount > 50000 EUR needs 2 approvers incl. cfo"
_DEMANDS = ("needs", "is", "cools", "expires")
_FIELDS = (
    "amount",
    "currency",
    "kind",
    "account",
    "connector",
    "payee",
    "payee_country",
    "payee_tag",
    "payee_changed_within",
    "requester",
    "requester_role",
    "time",
)


def parse(text: str, world: World) -> Assertion:
    """Read an assertion about a company.

    Raises:
        AssertionMistakeError: it cannot be understood, or names what the company has not.
    """
    if len(text) > LONGEST:
        raise AssertionMistakeError(f"An assertion has at most {LONGEST} characters.")
    return _Parser(text, world).assertion()


class _Parser:
    """Reads an assertion word by word."""

    def __init__(self, text: str, world: World) -> None:
        self.text = " ".join(text.split())
        self.world = world
        self.words = _TOKEN.findall(text)
        self.at = 0
        accounts = world.lanes
        self.known: dict[str, list[str]] = {
            "kind": [str(each) for each in Kind],
            "payee": [str(each) for each in PayeeStanding],
            "time": [str(each) for each in Moment],
            "account": [lane.account for lane in accounts],
            "connector": sorted({lane.connector for lane in accounts}),
            "requester": sorted(world.people),
            "requester_role": sorted(world.roles),
        }

    def assertion(self) -> Assertion:
        """Read all of it."""
        conditions: dict[str, frozenset[str]] = {}
        within: timedelta | None = None
        bounds: list[Bound] = []
        while self.next not in _DEMANDS:
            name = self._one_of(_FIELDS, "a condition")
            if name == "amount":
                bounds.append(self._bound())
            elif name in conditions or (name == "payee_changed_within" and within is not None):
                raise self._mistake(f"“{name}” is given twice", "list its values: kind a, b")
            elif name == "payee_changed_within":
                within = self._length()
            else:
                conditions[name] = self._values(name)
            if self.next == "and":
                self.at += 1
            elif self.next not in _DEMANDS:
                raise self._mistake(
                    f"“{shown(self.next)}” cannot follow" if self.next else "it says nothing",
                    f"go on with “and”, or with one of: {', '.join(_DEMANDS)}",
                )
        claim = self._claim()
        when = replace(When(payee_changed_within=within), **conditions)  # type: ignore[arg-type]
        return Assertion(self.text, when, tuple(bounds), claim)

    @property
    def next(self) -> str:
        """The word that is next, in small letters; empty at the end."""
        return self.words[self.at].casefold() if self.at < len(self.words) else ""

    def _take(self, what: str) -> str:
        if self.at >= len(self.words):
            raise self._mistake("it ends too early", f"write {what}: {_EXAMPLE}")
        self.at += 1
        return str(self.words[self.at - 1])

    def _mistake(self, what: str, remedy: str) -> AssertionMistakeError:
        return AssertionMistakeError(
            f"“{shown(self.text, 100)}”: {what}. {remedy[:1].upper()}{remedy[1:]}."
        )

    def _one_of(self, known: Sequence[str], what: str) -> str:
        word = self._take(what)
        found = word if word in known else word.casefold()
        if found in known:
            return found
        near = closest(word, known)
        hint = f"did you mean “{near}”? Write" if near else "write"
        raise self._mistake(f"“{shown(word)}” is not {what}", f"{hint} one of: {listed(known)}")

    def _word(self, *words: str) -> None:
        self._one_of(words, f"“{words[0]}”")

    def _number(self) -> int:
        word = self._take("a whole number")
        if not word.isascii() or not word.isdigit() or len(word) > 3:
            raise self._mistake(f"“{shown(word)}” is not a number of people", "write 1, 2 or more")
        return int(word)

    def _length(self) -> timedelta:
        word = self._take("a length of time")
        found = _LENGTH.fullmatch(word)
        if found is None:
            raise self._mistake(f"“{shown(word)}” is not a length of time", "write 90m, 72h or 3d")
        return timedelta(**{_UNITS[found[2]]: int(found[1])})

    def _bound(self) -> Bound:
        sign = self._one_of(tuple(_SIGNS), "a comparison")
        number = self._take("an amount")
        if not _NUMBER.fullmatch(number):
            raise self._mistake(
                f"“{shown(number)}” is not an amount", "write digits with at most one point"
            )
        currency = self.world.rates.base
        if self.next and self.next != "and" and self.next not in _DEMANDS:
            currency = self._currency(self._take("a currency"))
        if not self.world.has_rate(currency):
            known = ", ".join(sorted({self.world.rates.base, *self.world.rates.rates}))
            raise self._mistake(
                f"amounts in {currency} cannot be compared without a rate",
                f"give {currency} one in [rates], or write the amount in one of: {known}",
            )
        try:
            return Bound(sign, Money.parse(number, currency))
        except MoneyError:
            raise self._mistake(
                f"{shown(number)} {currency} cannot be paid", "write fewer digits"
            ) from None

    def _currency(self, word: str) -> str:
        try:
            Money(0, word.upper())
        except MoneyError:
            raise self._mistake(
                f"“{shown(word)}” is not a currency", "write its ISO 4217 code"
            ) from None
        return word.upper()

    def _values(self, name: str) -> frozenset[str]:
        found = {self._value(name)}
        while self.next == ",":
            self.at += 1
            found.add(self._value(name))
        return frozenset(found)

    def _value(self, name: str) -> str:
        if name in self.known:
            return self._one_of(self.known[name], f"a value of “{name}”")
        word = self._take(f"a value of “{name}”")
        if name == "currency":
            return self._currency(word)
        if name == "payee_country" and not (word.isascii() and word.isalpha() and len(word) == 2):
            raise self._mistake(f"“{shown(word)}” is not a country", "write two letters: DE")
        return word.upper() if name == "payee_country" else word

    def _claim(self) -> Claim:
        claim = self._demand(Claim())
        while self.next == "and":
            self.at += 1
            claim = self._demand(claim)
        if self.next:
            raise self._mistake(
                f"“{shown(self.next)}” cannot follow what is asked",
                "end there, or go on with “and”",
            )
        return claim

    def _demand(self, claim: Claim) -> Claim:
        match self._one_of(_DEMANDS, "what is asked"):
            case "is":
                self._word("refused")
                return replace(claim, is_refused=True)
            case "cools":
                self._word("off")
                return replace(claim, cool_off=self._length())
            case "expires":
                self._word("within")
                return replace(claim, expires_after=self._length())
        count = self._number()
        self._word("approvers" if count != 1 else "approver", "approver", "approvers")
        including: list[Slot] = []
        if self.next in ("incl.", "incl", "including"):
            self.at += 1
            including.append(self._who())
            while self.next == ",":
                self.at += 1
                including.append(self._who())
        return replace(claim, approvers=count, including=tuple(including))

    def _who(self) -> Slot:
        count = self._number() if self.next.isdigit() else 1
        if self.next.startswith("@"):
            people = [f"@{each}" for each in sorted(self.world.people)]
            return Slot(person=self._one_of(people, "a person").removeprefix("@"))
        return Slot(self._one_of(sorted(self.world.roles), "a role"), max(1, count))
