"""What a campaign found, in figures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.faults.campaign import Outcome
from tests.faults.plan import GROUPS


class Report:
    """Adds up rounds.

    Attributes:
        kills: How many processes were killed so far.
        problems: What must not be, by round.
    """

    def __init__(self, seed: str, database: str, replicas: int) -> None:
        self._seed = seed
        self._database = database
        self._replicas = replicas
        self.rounds = 0
        self.kills = 0
        self.lost = 0
        self.doubled = 0
        self.problems: list[str] = []
        self.states: Counter[str] = Counter()
        self.boundaries: Counter[str] = Counter()
        self.between: Counter[str] = Counter()
        self.troubles: Counter[str] = Counter()
        self.doubles: Counter[str] = Counter()
        self.cards = self.stale = 0
        self.back: list[float] = []
        self.quiet: list[float] = []
        self.seconds = 0.0

    def add(self, name: str, outcome: Outcome) -> None:
        """Add a round or a tour, and say how it went."""
        self.rounds += 1
        self.kills += outcome.kills
        self.lost += len(outcome.verdict.lost)
        self.doubled += len(outcome.verdict.doubled)
        self.problems += [f"{name}: {each}" for each in outcome.problems]
        self.states += outcome.verdict.states
        self.boundaries += outcome.boundaries
        self.between += outcome.between
        self.troubles += outcome.troubles
        self.doubles += outcome.chats.doubles
        self.cards += outcome.chats.cards
        self.stale += outcome.chats.stale
        self.back += outcome.back
        self.quiet += outcome.quiet
        self.seconds += outcome.seconds
        print(self._progress(name, outcome), flush=True)

    @property
    def is_good(self) -> bool:
        """Whether nothing was found that must not be."""
        return not self.problems

    def _progress(self, name: str, outcome: Outcome) -> str:
        found = "good" if not outcome.problems else f"{len(outcome.problems)} PROBLEMS"
        return (
            f"{name}: {outcome.kills} kills, "
            f"{sum(outcome.verdict.states.values())} payments, {outcome.seconds:.0f} s, {found}; "
            f"{self.kills} kills so far, lost {self.lost}, doubled {self.doubled}"
        )

    def table(self) -> str:
        """Return everything, for people."""
        groups = Counter[str]()
        for name, times in self.boundaries.items():
            groups[name.partition(" ")[0]] += times
        lines = [
            "",
            f"kills                {self.kills} in {self.rounds} rounds, {self.seconds:.0f} s",
            f"  at a boundary      {self.boundaries.total()}, {len(self.boundaries)} different: "
            + ", ".join(f"{name} {groups[name]}" for name in GROUPS),
            f"  at an instant      {self.between.total()}, after {len(self.between)} different",
            f"payments             {_counted(self.states)}",
            f"lost                 {self.lost}",
            f"doubled              {self.doubled}",
            f"cards                {self.cards}, all as they should be"
            if self.is_good
            else f"cards                {self.cards}",
            f"said twice           {_counted(self.doubles) or 'nothing'}",
            f"  left behind        {self.stale} cards that nobody knows of show something old",
            f"other troubles       {self.troubles.total()}: {_counted(self.troubles)}",
            f"serving again        {_spread(self.back)}",
            f"all done and shown   {_spread(self.quiet)}",
            f"seed                 {self._seed}",
        ]
        return "\n".join([*lines, *(f"PROBLEM {each}" for each in self.problems)])

    def facts(self) -> dict[str, Any]:
        """Return the figures, for programs."""
        return {
            "seed": self._seed,
            "database": self._database,
            "replicas": self._replicas,
            "rounds": self.rounds,
            "kills": self.kills,
            "at_boundaries": self.boundaries.total(),
            "different_boundaries": len(self.boundaries),
            "payments": dict(self.states),
            "lost": self.lost,
            "doubled": self.doubled,
            "problems": len(self.problems),
            "cards": self.cards,
            "left_behind": self.stale,
            "said_twice": dict(self.doubles),
            "troubles": self.troubles.total(),
            "serving_again_seconds": _percentiles(self.back),
            "all_done_seconds": _percentiles(self.quiet),
            "seconds": round(self.seconds),
        }


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{times} {name}" for name, times in counts.most_common())


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    inorder = sorted(values)
    return {
        name: round(inorder[min(len(inorder), math.ceil(len(inorder) * share)) - 1], 2)
        for name, share in (("median", 0.5), ("p99", 0.99), ("most", 1.0))
    } | {"count": len(inorder)}


def _spread(values: Sequence[float]) -> str:
    found = _percentiles(values)
    if not found:
        return "not measured"
    return (
        f"median {found['median']} s, p99 {found['p99']} s, longest {found['most']} s "
        f"({found['count']} times)"
    )
