"""Checking a policy as a whole: what it leaves out, asks in vain, or asks of nobody. Pure.

`workflows.policy_language` finds mistakes in what is written; this finds those in what it comes to,
with the company's own people, accounts and rates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from connectors.money import Money
from workflows.policy import Facts, Limit, Policy, Slot, assign
from workflows.policy_cells import Cell, Cells, Demand, TooManySituationsError
from workflows.policy_findings import Finding, Severity
from workflows.policy_rows import MOST_CELLS, Row, names, rows
from workflows.policy_world import World


@dataclass(frozen=True, slots=True)
class Report:
    """What a policy comes to.

    Attributes:
        rows: The weakest approval that any payment can get, by what the payment is like.
        findings: Errors first.
    """

    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether there is no error."""
        return all(each.severity is not Severity.ERROR for each in self.findings)


def check(policy: Policy, world: World) -> Report:
    """Return what a policy asks of every payment there can be, and what is wrong with that."""
    if not world.requesters:
        return Report((), (Finding("requesters.none"),))
    try:
        cells = Cells(policy, world)
        found = _Check(cells)
        table = tuple(rows(cells))
        findings = list(found.findings(table))
    except TooManySituationsError:
        return Report((), (Finding("situations.too_many"),))
    findings.sort(key=lambda each: each.severity is not Severity.ERROR)
    return Report(table, tuple(findings))


class _Check:
    """Looks through the situations of a policy."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.policy = cells.policy
        self.world = cells.world
        self.situations = list(cells.situations())
        self._left: dict[tuple[tuple[Slot, ...], frozenset[str]], Slot | None] = {}

    def findings(self, table: Sequence[Row]) -> Iterator[Finding]:
        """Return everything, in no order that matters."""
        if self.cells.size > MOST_CELLS:
            yield Finding("table.too_large", {"cells": self.cells.size})
        yield from self._unfillable()
        yield from self._unreachable()
        yield from self._redundant()
        yield from self._vain_limits()
        yield from self._gaps(table)
        yield from self._without_rate()

    # -- Slots that nobody can fill ----------------------------------------------------------------

    def _unfillable(self) -> Iterator[Finding]:
        seen: set[tuple[str, str]] = set()
        told: set[str] = set()
        for cell in self.situations:
            demand = self.cells.demand(cell)
            twice = _in_two_stages(demand)
            for person, stages in twice.items():
                if person not in told:
                    told.add(person)
                    yield self._two_stages(cell, person, stages)
            if twice:
                continue
            for requester, missing in self._stuck(cell, demand):
                if (requester, missing.who) not in seen:
                    seen.add((requester, missing.who))
                    yield self._nobody("slot.nobody", cell, requester, missing)
            yield from self._unfillable_beyond(cell, demand, seen)

    def _unfillable_beyond(
        self, cell: Cell, demand: Demand, seen: set[tuple[str, str]]
    ) -> Iterator[Finding]:
        """Return what nobody can fill once a limit is passed, or somebody changed the payee."""
        for passed in self._limits_about(cell):
            over = self.cells.demand(cell, frozenset({passed}))
            for requester, missing in self._stuck(cell, over):
                if not seen & {(requester, missing.who), (f"{requester}>{passed}", missing.who)}:
                    seen.add((f"{requester}>{passed}", missing.who))
                    yield self._nobody(
                        "slot.nobody_over_limit", cell, requester, missing, limit=passed
                    )
        for editor in self.world.editors:
            for requester, missing in self._stuck(cell, demand, editor):
                if not seen & {(requester, missing.who), (f"{requester}+{editor}", missing.who)}:
                    seen.add((f"{requester}+{editor}", missing.who))
                    yield self._nobody(
                        "slot.nobody_after_edit", cell, requester, missing, editor=editor
                    )

    def _limits_about(self, cell: Cell) -> Iterator[str]:
        for place, limit in enumerate(self.policy.limits):
            if cell.mask & self.cells.limit_bit(place):
                yield limit.name

    def _stuck(
        self, cell: Cell, demand: Demand, editor: str | None = None
    ) -> Iterator[tuple[str, Slot]]:
        """Return who may ask for such a payment, and then finds nobody for what slot."""
        if not demand.is_allowed:
            return
        for requester in self.cells.requesters[cell.choices[-1]].values:
            excluded = {requester, editor} if editor else {requester}
            missing = self._missing(demand.slots, frozenset(excluded))
            if missing is not None:
                yield requester, missing

    def _missing(self, slots: tuple[Slot, ...], excluded: frozenset[str]) -> Slot | None:
        """Return the first slot that the others cannot fill."""
        people = self.world.people
        # Who suits no slot anyway makes no difference, so one answer serves for many.
        key = (
            slots,
            frozenset(
                each for each in excluded if any(slot.suits(each, people[each]) for slot in slots)
            ),
        )
        if key not in self._left:
            others = {each: roles for each, roles in people.items() if each not in excluded}
            self._left[key] = next(iter(assign(slots, others).missing), None)
        return self._left[key]

    def _nobody(self, code: str, cell: Cell, requester: str, missing: Slot, **more: str) -> Finding:
        payment = self.cells.payment(cell, requester=requester)
        params = {
            "who": missing.who,
            "requester": requester,
            "payment": payment_words(payment),
            "why": self._who_there_is(missing, requester),
            "rules": ", ".join(f"“{name}”" for name in names(self.cells, cell.mask)),
            **more,
        }
        return Finding(code, params)

    def _who_there_is(self, missing: Slot, requester: str) -> str:
        if missing.person == requester:
            return f"nobody approves what they ask for, and it is for {requester} alone"
        if missing.person:
            return "nobody fills two places"
        holders = sorted(each for each, roles in self.world.people.items() if missing.role in roles)
        if not holders:
            return "nobody has the role"
        has = "has" if len(holders) == 1 else "have"
        rest = "approves what they ask for" if requester in holders else "fills two places"
        return f"only {', '.join(holders)} {has} the role, and nobody {rest}"

    def _two_stages(self, cell: Cell, person: str, stages: str) -> Finding:
        rules = [
            rule.name
            for place, rule in enumerate(self.policy.rules)
            if cell.mask >> place & 1 and any(slot.person == person for slot in rule.require)
        ]
        payment = payment_words(self.cells.payment(cell))
        return Finding(
            "person.two_stages",
            {
                "person": person,
                "stages": stages,
                "payment": payment,
                "rules": ", ".join(f"“{name}”" for name in rules),
            },
        )

    # -- Rules and limits in vain ------------------------------------------------------------------

    @cached_property
    def _met(self) -> int:
        """A bit for each condition that some payment meets."""
        met = 0
        for cell in self.situations:
            met |= cell.mask
        return met

    def _unreachable(self) -> Iterator[Finding]:
        for place, rule in enumerate(self.policy.rules):
            if not self._met >> place & 1:
                code = "rule.idle_refusal" if rule.refuse else "rule.unreachable"
                yield Finding(code, {"rule": rule.name, "why": self._why_never(place)})
        for place, limit in enumerate(self.policy.limits):
            if not self._met & self.cells.limit_bit(place):
                where = len(self.policy.rules) + place
                params = {"limit": limit.name, "why": self._why_never(where)}
                yield Finding("limit.unreachable", params)

    def _why_never(self, place: int) -> str:
        """Return which of the conditions nothing meets, or that no two of them meet."""
        when = self.cells.whens[place]
        world = self.world
        single: tuple[tuple[bool, Callable[[], str]], ...] = (
            (
                when.currency is not None
                and when.currency.isdisjoint({lane.currency for lane in world.lanes}),
                lambda: f"no account is kept in {_either(when.currency)}",
            ),
            (
                when.connector is not None
                and when.connector.isdisjoint({lane.connector for lane in world.lanes}),
                lambda: f"no account is reached by {_either(when.connector)}",
            ),
            (
                not any(each.mask >> place & 1 for each in self.cells.lanes),
                lambda: self._lane_words(place),
            ),
            (
                not any(each.mask >> place & 1 for each in self.cells.requesters),
                lambda: "nobody who may ask for payments is such a requester",
            ),
            (
                not any(each.mask >> place & 1 for each in self.cells.times),
                lambda: f"it is never {_either(when.time)} for any account",
            ),
            (
                not any(each.mask >> place & 1 for each in self.cells.spans[:-1]),
                lambda: "no payment is that large",
            ),
        )
        return next((say() for is_so, say in single if is_so), "its conditions exclude each other")

    def _lane_words(self, place: int) -> str:
        when = self.cells.whens[place]
        kept = [
            f"{lane.account} is kept in {lane.currency} and reached by {lane.connector}"
            for lane in self.world.lanes
            if when.account is None or lane.account in when.account
        ]
        return "; ".join(kept[:3]) or "there is no such account"

    def _redundant(self) -> Iterator[Finding]:
        """Return rules without which everything would be the same, all taken away together."""
        kept = self.policy
        payments = [self.cells.payment(cell) for cell in self.situations]
        for place in reversed(range(len(self.policy.rules))):
            rule = self.policy.rules[place]
            less = replace(kept, rules=tuple(each for each in kept.rules if each is not rule))
            touched = [
                payment
                for payment, cell in zip(payments, self.situations, strict=True)
                if cell.mask >> place & 1
            ]
            if touched and all(self._is_same(kept, less, payment) for payment in touched):
                kept = less
                yield Finding("rule.redundant", {"rule": rule.name})

    def _is_same(self, one: Policy, other: Policy, payment: Facts) -> bool:
        rates = self.world.rates
        first, second = (Demand.of(each.evaluate(payment, rates)) for each in (one, other))
        if not first.is_allowed and not second.is_allowed:
            # People are told which rule refuses; one that says it first is not in vain.
            return first.refused_by == second.refused_by
        return first == second

    def _vain_limits(self) -> Iterator[Finding]:
        for place, limit in enumerate(self.policy.limits):
            about = [each for each in self.situations if each.mask & self.cells.limit_bit(place)]
            allowed = [each for each in about if self._is_let_through(each, limit)]
            over = frozenset({limit.name})
            if about and not allowed:
                yield Finding("limit.never_passed", {"limit": limit.name})
            elif about and all(
                self.cells.demand(each, over) == self._below(each, limit) for each in allowed
            ):
                yield Finding("limit.redundant", {"limit": limit.name})

    def _below(self, cell: Cell, limit: Limit) -> Demand:
        """Return what is asked of a cell where this limit is not there."""
        others = tuple(each for each in self.policy.limits if each is not limit)
        policy = replace(self.policy, limits=others)
        return Demand.of(policy.evaluate(self.cells.payment(cell), self.world.rates))

    def _is_let_through(self, cell: Cell, limit: Limit) -> bool:
        return self._below(cell, limit).is_allowed

    # -- Gaps --------------------------------------------------------------------------------------

    def _gaps(self, table: Sequence[Row]) -> Iterator[Finding]:
        for row in table:
            if not row.is_gap:
                continue
            currency = row.example.amount.currency
            if self.world.has_rate(currency):
                yield Finding("gap", {"cell": self._amount_words(row)})
            else:
                yield Finding("gap.no_rate", {"currency": currency, "cell": row.words})

    def _amount_words(self, row: Row) -> str:
        about = f", {', '.join(row.conditions)}" if row.conditions else ""
        return f"{row.amounts} {self.policy.base_currency}{about}".replace(
            f"any {self.policy.base_currency}", "any amount"
        )

    def _without_rate(self) -> Iterator[Finding]:
        by_currency: dict[str, list[str]] = {}
        for lane in self.world.lanes:
            if not self.world.has_rate(lane.currency):
                by_currency.setdefault(lane.currency, []).append(lane.account)
        for currency, accounts in by_currency.items():
            params = {"currency": currency, "accounts": ", ".join(accounts)}
            yield Finding("currency.no_rate", params)


def _in_two_stages(demand: Demand) -> Mapping[str, str]:
    found: dict[str, list[str]] = {}
    for slot in demand.slots:
        if slot.person:
            found.setdefault(slot.person, []).append(str(slot.stage))
    return {each: " and ".join(stages) for each, stages in found.items() if len(stages) > 1}


def _either(words: frozenset[str] | None) -> str:
    return " or ".join(sorted(words or ()))


def payment_words(payment: Facts) -> str:
    """Return a payment in words: its amount and what is not as usual."""
    usual = Facts(payment.amount, payment.account, type(payment.payee).TRUSTED, frozenset())
    words = [f"{amount_words(payment.amount)} from {payment.account}"]
    if payment.payee is not usual.payee:
        words.append(f"to a {payment.payee} payee")
    if payment.kind is not usual.kind:
        words.append(f"kind {payment.kind}")
    return ", ".join(words)


def amount_words(amount: Money) -> str:
    """Return an amount for people at a terminal: ``1,250.00 EUR``."""
    return f"{amount.decimal:,f} {amount.currency}"
