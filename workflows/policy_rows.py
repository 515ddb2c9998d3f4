"""The cells of a policy as people can read them: few rows, each saying what it is about. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from functools import reduce
from itertools import product
from operator import and_, or_

from connectors.money import Money
from workflows.policy import Band, Facts, Policy, When
from workflows.policy_cells import Aspect, Cell, Cells, Choice, Demand
from workflows.policy_world import World

MOST_CELLS = 20_000
"""More than these are not put together into rows."""

_SPAN = len(Aspect)
"""Place of the amounts in a block, after its aspects."""

_Block = tuple[frozenset[int], ...]
"""For each aspect the choices, and then the spans, whose product it is."""


@dataclass(frozen=True, slots=True)
class Row:
    """Payments of which the same is asked.

    Attributes:
        amounts: In the base currency, in words.
        conditions: What else is so of them; empty where nothing else matters.
        rules: Why, in file order: those that match all of them, or some where that is not why.
            Then the limits that the amount passes by itself.
        example: One of them.
        others: What can be asked instead, and is neither more nor less.
    """

    amounts: str
    conditions: tuple[str, ...]
    demand: Demand
    rules: tuple[str, ...]
    example: Facts
    others: tuple[Demand, ...] = ()

    @property
    def is_gap(self) -> bool:
        """Whether it is refused for want of a rule that covers it."""
        return not self.demand.is_allowed and self.demand.refused_by is None

    @property
    def words(self) -> str:
        """Which payments these are, in one line."""
        about = f", {', '.join(self.conditions)}" if self.conditions else ""
        return f"{self.amounts}{about}"


def rows(cells: Cells) -> list[Row]:
    """Return all cells in few rows, each payment in one of them; at most `MOST_CELLS` of them."""
    return _Table(cells).rows()


def by_category(policy: Policy, world: World) -> list[Row]:
    """Return the weakest demand for each amount in each category that a rule is about.

    A payment is in all categories that it fits, and gets no less than any of their rows says.
    """
    bare = [replace(rule.when, amount=None) for rule in policy.rules]
    categories = list(dict.fromkeys([When(), *bare]))
    cells = Cells(policy, world, categories)
    inside: dict[tuple[int, int], list[Cell]] = {}
    for cell in cells.situations(by_span=True):
        for place in range(len(categories)):
            if cell.mask & cells.extra_bit(place):
                inside.setdefault((place, cell.span), []).append(cell)
    of_all = {span: _weakest(cells, each) for (at, span), each in inside.items() if at == 0}
    found = []
    for place, category in enumerate(categories):
        runs: list[tuple[list[int], list[Cell]]] = []
        for span in sorted(span for at, span in inside if at == place):
            weakest = _weakest(cells, inside[place, span])
            if place and _asked(cells, weakest) == _asked(cells, of_all[span]):
                continue  # the row of all payments says it already
            follows = runs and span - 1 in runs[-1][0] and cells.spans[span].band is not None
            if follows and _asked(cells, weakest) == _asked(cells, runs[-1][1]):
                runs[-1][0].append(span)
            else:
                runs.append(([span], weakest))
        found += [_category_row(cells, category, spans, weakest) for spans, weakest in runs]
    return found


def _weakest(cells: Cells, inside: Iterable[Cell]) -> list[Cell]:
    """Return one cell for each demand that no other is weaker than, fewest approvers first."""
    by_demand = {_seen(cells.demand(cell)): cell for cell in inside}
    # What is weaker than a demand comes before it in this order.
    ordered = sorted(
        by_demand,
        key=lambda each: (not each.is_allowed, each.approvers, each.cool_off, -each.expires_after),
    )
    found: list[Demand] = []
    for demand in ordered:
        if not any(demand.is_at_least(weaker) for weaker in found):
            found.append(demand)
    return [by_demand[demand] for demand in found]


def _asked(cells: Cells, weakest: Iterable[Cell]) -> list[Demand]:
    return [_seen(cells.demand(cell)) for cell in weakest]


def _category_row(
    cells: Cells, category: When, spans: Sequence[int], weakest: Sequence[Cell]
) -> Row:
    first, *others = weakest
    return Row(
        amounts(cells, spans),
        tuple(condition_words(category)),
        cells.demand(first),
        names(cells, first.mask),
        cells.payment(first),
        tuple(cells.demand(other) for other in others),
    )


def condition_words(when: When) -> list[str]:
    """Return conditions as the policy language writes them, without an amount."""
    found = []
    for each in fields(when):
        value: Band | frozenset[str] | timedelta | None = getattr(when, each.name)
        if isinstance(value, timedelta):
            found.append(f"{each.name} {duration(value)}")
        elif isinstance(value, frozenset):
            found.append(f"{each.name} {', '.join(sorted(value))}")
    return found


def _seen(demand: Demand) -> Demand:
    """Return what matters of a demand: of a refusal, nothing else."""
    if demand.is_allowed:
        return demand
    return Demand((), demand.refused_by, timedelta(0), timedelta(0))


def names(cells: Cells, mask: int) -> tuple[str, ...]:
    """Return the rules of a mask, and the limits that the amount passes by itself."""
    policy = cells.policy
    found = [rule.name for place, rule in enumerate(policy.rules) if mask >> place & 1]
    after = len(policy.rules) + len(policy.limits)
    found += [
        limit.name for place, limit in enumerate(policy.limits) if mask >> (after + place) & 1
    ]
    return tuple(found)


class _Table:
    """Puts cells together."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.all = {(*cell.choices, cell.span): cell for cell in cells}

    def rows(self) -> list[Row]:
        """Return the fewest rows that one of two ways of putting cells together leads to."""
        single = {
            tuple(frozenset({place}) for place in places): _seen(self.cells.demand(cell))
            for places, cell in self.all.items()
        }
        aspects = list(Aspect)
        ways = ([_SPAN, *reversed(aspects)], [*reversed(aspects), _SPAN])
        blocks = min((self._merged(single, way) for way in ways), key=len)
        by_amount = sorted(blocks, key=lambda block: (min(block[_SPAN]), *map(sorted, block)))
        return [self._row(block) for block in by_amount]

    def _merged(self, blocks: dict[_Block, Demand], way: Sequence[int]) -> dict[_Block, Demand]:
        while True:
            before = len(blocks)
            for place in way:
                blocks = self._merged_on(blocks, place)
            if len(blocks) == before:
                return blocks

    def _merged_on(self, blocks: dict[_Block, Demand], place: int) -> dict[_Block, Demand]:
        """Return blocks with those made one that differ in this place alone."""
        alike: dict[tuple[Demand, _Block], set[int]] = {}
        for block, demand in blocks.items():
            rest = (*block[:place], frozenset[int](), *block[place + 1 :])
            alike.setdefault((demand, rest), set()).update(block[place])
        found: dict[_Block, Demand] = {}
        for (demand, rest), places in alike.items():
            runs = self._runs(places) if place == _SPAN else [frozenset(places)]
            for run in runs:
                found[*rest[:place], run, *rest[place + 1 :]] = demand
        return found

    def _runs(self, spans: Collection[int]) -> list[frozenset[int]]:
        """Return spans that follow on each other together; what has no rate stands alone."""
        runs: list[set[int]] = []
        for span in sorted(spans):
            follows = runs and span - 1 in runs[-1] and self.cells.spans[span].band is not None
            if follows:
                runs[-1].add(span)
            else:
                runs.append({span})
        return [frozenset(run) for run in runs]

    def _row(self, block: _Block) -> Row:
        inside = [self.all[places] for places in product(*map(sorted, block)) if places in self.all]
        return Row(
            amounts(self.cells, block[_SPAN]),
            tuple(self._conditions(block)),
            self.cells.demand(inside[0]),
            self._why(inside),
            self.cells.payment(inside[0]),
        )

    def _why(self, inside: Sequence[Cell]) -> tuple[str, ...]:
        in_all = reduce(and_, (cell.mask for cell in inside))
        is_why = self.cells.asks(in_all) == self.cells.asks(inside[0].mask)
        return names(self.cells, in_all if is_why else reduce(or_, (cell.mask for cell in inside)))

    def _conditions(self, block: _Block) -> Iterable[str]:
        """Return what must be said of a block; not what goes without saying, or cannot be else."""
        for aspect in Aspect:
            every = frozenset(range(len(self.cells.aspects[aspect])))
            wider = (*block[:aspect], every, *block[aspect + 1 :])
            beyond = (*block[:aspect], every - block[aspect], *block[aspect + 1 :])
            if any(places in self.all for places in product(*beyond)):
                yield described(self.cells, aspect, block[aspect])
            else:
                block = wider


def amounts(cells: Cells, spans: Iterable[int]) -> str:
    """Return which amounts some spans are that follow on each other."""
    bands = [cells.spans[span].band for span in sorted(spans)]
    first, last = bands[0], bands[-1]
    if first is None or last is None:
        return "any, without a rate"
    base = cells.policy.base_currency
    low, high = (
        f"{Money(each, base).decimal:,f}" if each is not None else None
        for each in (first.low, last.high)
    )
    if high is None:
        return "any" if first.low == 1 else f"from {low}"
    return f"up to {high}" if first.low == 1 else f"{low} to {high}"


# -- What choices are called -----------------------------------------------------------------------


def described(cells: Cells, aspect: Aspect, places: Collection[int]) -> str:
    """Return some choices of an aspect in the words of the policy language."""
    choices = cells.aspects[aspect]
    chosen = [value for n in sorted(places) for value in choices[n].values]
    rest = [value for n, each in enumerate(choices) if n not in places for value in each.values]
    match aspect:
        case Aspect.ACCOUNT:
            return _lanes(cells, chosen, rest)
        case Aspect.TIME:
            return _any_of("time", chosen, rest, "usual")
        case Aspect.KIND:
            return _listed("kind", chosen, rest)
        case Aspect.COUNTRY:
            return _listed("payee_country", chosen, rest, never=cells.countries_unnamed)
        case Aspect.PAYEE:
            return _listed("payee", chosen, rest)
        case Aspect.TAG:
            return _any_of("payee_tag", chosen, rest, "none")
        case Aspect.CHANGED:
            return _changed(cells.changes, places)
        case Aspect.REQUESTER:
            return _people(cells, chosen, rest)


def _listed(name: str, chosen: Sequence[str], rest: Sequence[str], never: str = "") -> str:
    """Return values, or those that it is not where they are fewer; ``never`` is not named."""
    if never in chosen or (len(rest) < len(chosen) and never not in rest):
        return f"{name} not {', '.join(rest)}"
    return f"{name} {', '.join(chosen)}"


def _any_of(
    name: str, chosen: Sequence[frozenset[str]], rest: Sequence[frozenset[str]], nothing: str
) -> str:
    """Return sets as a condition that is met by any of some words, or is not met by any."""
    for some, others, word in ((chosen, rest, name), (rest, chosen, f"{name} not")):
        elsewhere = {each for others_set in others for each in others_set}
        words = {each for some_set in some for each in some_set} - elsewhere
        if words and all(not each.isdisjoint(words) for each in some):
            return f"{word} {', '.join(sorted(words))}"
    return f"{name} " + " or ".join("+".join(sorted(each)) or nothing for each in chosen)


def _lanes(cells: Cells, chosen: Sequence[object], rest: Sequence[object]) -> str:
    ways: list[tuple[str, Callable[[object], str]]] = [
        (name, lambda lane, name=name: str(getattr(lane, name)))  # type: ignore[misc]
        for name in ("currency", "connector")
        if any(getattr(when, name) is not None for when in cells.whens)
    ]
    for name, of in ways:
        some, others = {of(each) for each in chosen}, {of(each) for each in rest}
        if some.isdisjoint(others):
            return _listed(name, sorted(some), sorted(others))
    account = "account"
    return _listed(
        account,
        [str(getattr(each, account)) for each in chosen],
        [str(getattr(each, account)) for each in rest],
    )


def _changed(choices: Sequence[Choice[timedelta | None]], places: Collection[int]) -> str:
    # In order of time: the first choice is that of never, or longer ago than any rule looks.
    edges = [each.values[0] for each in choices[1:]]
    lengths = [duration(edge + timedelta(seconds=1)) for edge in edges if edge is not None]
    chosen = sorted(place - 1 if place else len(lengths) for place in places)
    first, last = chosen[0], chosen[-1]
    if chosen != list(range(first, last + 1)):
        return f"payee changed within {', '.join(lengths)}: in part"
    if first == 0:
        return f"payee_changed_within {lengths[last]}"
    if last == len(lengths):
        return f"payee_changed_within not {lengths[first - 1]}"
    return f"payee_changed {lengths[first - 1]} to {lengths[last]} ago"


def _people(cells: Cells, chosen: Sequence[str], rest: Sequence[str]) -> str:
    roles = cells.world.people
    named = {role for when in cells.whens for role in when.requester_role or ()}
    by_role = _any_of(
        "requester_role",
        [roles[each] & named for each in chosen],
        [roles[each] & named for each in rest],
        "",
    )
    return _listed("requester", chosen, rest) if " or " in by_role or not named else by_role


def duration(length: timedelta) -> str:
    """Return a length of time as the policy language writes it."""
    minutes = int(length.total_seconds()) // 60
    if minutes % (24 * 60) == 0 and minutes >= 3 * 24 * 60:
        return f"{minutes // (24 * 60)}d"
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"
