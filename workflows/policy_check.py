"""Checking a policy as a whole: what it leaves out, asks in vain, or asks of nobody. Pure.

`workflows.policy_language` finds mistakes in what is written; this finds those in what it comes to,
with the company's own people, accounts and rates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from connectors.money import Money
from workflows.matching import assign
from workflows.policy import Facts, Kind, Limit, PayeeStanding, Policy, Slot
from workflows.policy_cells import Aspect, Cell, Cells, Demand, TooManySituationsError
from workflows.policy_findings import Finding, Severity
from workflows.policy_rows import MOST_CELLS, Row, by_category, names, rows
from workflows.policy_world import World


@dataclass(frozen=True, slots=True)
class Report:
    """What a policy comes to.

    Attributes:
        rows: The weakest approval that any payment can get, by what the payment is like.
        findings: Errors first.
        is_by_category: Whether rows overlap: a payment gets no less than each that it fits says.
    """

    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]
    is_by_category: bool = False

    @property
    def is_sound(self) -> bool:
        """Whether there is no error."""
        return all(each.severity is not Severity.ERROR for each in self.findings)


MOST_ROWS = 20
"""More than these nobody reads; then the table is by category."""


def check(policy: Policy, world: World, *, is_whole: bool = False) -> Report:
    """Return what a policy asks of every payment there can be, and what is wrong with that.

    Args:
        is_whole: Whether each payment is to be in one row only, however many it takes.
    """
    if not world.requesters:
        return Report((), (Finding("requesters.none"),))
    try:
        cells = Cells(policy, world)
        whole = rows(cells) if cells.size <= MOST_CELLS else None
        findings = list(_Check(cells).findings(whole))
        is_by_category = whole is None or (len(whole) > MOST_ROWS and not is_whole)
        table = by_category(policy, world) if is_by_category else whole
    except TooManySituationsError:
        return Report((), (Finding("situations.too_many"),))
    findings.sort(key=lambda each: each.severity is not Severity.ERROR)
    return Report(tuple(table or ()), tuple(findings), is_by_category)


@dataclass(frozen=True, slots=True)
class _Lack:
    """A slot that nobody is left for.

    Attributes:
        why: In words.
        because_of: The limit or the editor without whom somebody would be.
    """

    code: str
    who: str
    why: str
    because_of: str


@dataclass(frozen=True, slots=True)
class _Case:
    """Who meets with a lack, and one of the payments with which they do."""

    requester: str
    cell: Cell


class _Check:
    """Looks through the situations of a policy."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.policy = cells.policy
        self.world = cells.world
        self.situations = list(cells.situations())
        self._left: dict[tuple[tuple[Slot, ...], frozenset[str]], Slot | None] = {}

    def findings(self, table: Sequence[Row] | None) -> Iterator[Finding]:
        """Return everything, in no order that matters.

        Args:
            table: All cells in rows, where they are few enough.
        """
        yield from self._unfillable()
        yield from self._unreachable()
        yield from self._redundant()
        yield from self._vain_limits()
        yield from self._gaps(table) if table is not None else self._gaps_by_example()
        yield from self._without_rate()

    # -- Slots that nobody can fill ----------------------------------------------------------------

    def _unfillable(self) -> Iterator[Finding]:
        always: dict[_Lack, list[_Case]] = {}
        told: set[str] = set()
        open_to: list[tuple[Cell, Demand]] = []
        for cell in self.situations:
            demand = self.cells.demand(cell)
            twice = _in_two_stages(demand)
            for person in twice.keys() - told:
                told.add(person)
                yield self._two_stages(cell, person, twice[person])
            if demand.is_allowed and not twice:
                open_to.append((cell, demand))
                self._note(always, cell, demand, "slot.nobody")
        yield from self._told(always)
        at_times: dict[_Lack, list[_Case]] = {}
        for cell, demand in open_to:
            for limit in self._limits_about(cell):
                over = self.cells.demand(cell, frozenset({limit}))
                self._note(at_times, cell, over, "slot.nobody_over_limit", limit)
            for editor in self.world.editors:
                self._note(at_times, cell, demand, "slot.nobody_after_edit", editor)
        known = {(case.requester, lack.who) for lack, cases in always.items() for case in cases}
        yield from self._told(
            {
                lack: [case for case in cases if (case.requester, lack.who) not in known]
                for lack, cases in at_times.items()
            }
        )

    def _limits_about(self, cell: Cell) -> Iterator[str]:
        for place, limit in enumerate(self.policy.limits):
            if cell.mask & self.cells.limit_bit(place):
                yield limit.name

    def _note(
        self,
        found: dict[_Lack, list[_Case]],
        cell: Cell,
        demand: Demand,
        code: str,
        because_of: str = "",
    ) -> None:
        """Note who may ask for such a payment, and then finds nobody for what slot."""
        editor = because_of if code == "slot.nobody_after_edit" else ""
        if not demand.is_allowed:
            return
        for requester in self.cells.requesters[cell.choices[Aspect.REQUESTER]].values:
            missing = self._missing(demand.slots, frozenset({requester, editor} - {""}))
            if missing is not None:
                # What an editor takes away is said by naming them.
                why = "" if editor else self._who_there_is(missing, requester)
                cases = found.setdefault(_Lack(code, missing.who, why, because_of), [])
                if all(case.requester != requester for case in cases):
                    cases.append(_Case(requester, cell))

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

    def _told(self, found: Mapping[_Lack, Sequence[_Case]]) -> Iterator[Finding]:
        for lack, cases in found.items():
            if not cases:
                continue
            first = cases[0]
            payment = self.cells.payment(first.cell, requester=first.requester)
            rules = names(self.cells, first.cell.mask)
            yield Finding(
                lack.code,
                {
                    "who": lack.who,
                    "requester": _several([case.requester for case in cases], "or"),
                    "payment": payment_words(payment),
                    "why": lack.why,
                    "rules": _several([f"“{name}”" for name in rules]),
                    "limit": lack.because_of,
                    "editor": lack.because_of,
                },
            )

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
        return f"only {_several(holders)} {has} the role, and nobody {rest}"

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
                "rules": _several([f"“{name}”" for name in rules]),
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

    def _gaps_by_example(self) -> Iterator[Finding]:
        """Return one payment that no rule covers, where there are too many kinds to name all."""
        for cell in self.situations:
            demand = self.cells.demand(cell)
            if not demand.is_allowed and demand.refused_by is None:
                example = payment_words(self.cells.payment(cell))
                yield Finding("gap", {"cell": f"for instance {example}"})
                return

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


def _several(words: Sequence[str], last: str = "and") -> str:
    """Return words as a list in a sentence, a long one cut short."""
    shown = [*words[:4], *([f"{len(words) - 4} more"] if len(words) > 4 else [])]
    joined = ", ".join(shown[:-1])
    return f"{joined} {last} {shown[-1]}" if joined else "".join(shown)


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
    changed = payment.payee_changed
    words = [
        f"{amount_words(payment.amount)} from {payment.account}",
        *([f"kind {payment.kind}"] if payment.kind is not Kind.SINGLE else []),
        *([f"to a {payment.payee} payee"] if payment.payee is not PayeeStanding.TRUSTED else []),
        *([f"tagged {_several(sorted(payment.payee_tags))}"] if payment.payee_tags else []),
        *(["whose bank details changed lately"] if changed is not None else []),
        *([f"at {_several(sorted(payment.moments))}"] if payment.moments else []),
    ]
    return " ".join(words)


def amount_words(amount: Money) -> str:
    """Return an amount for people at a terminal: ``1,250.00 EUR``."""
    return f"{amount.decimal:,f} {amount.currency}"
