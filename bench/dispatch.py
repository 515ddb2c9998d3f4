"""Payments per second through the whole workflow, beside bare DBOS, interleaved in one run.

``python -m bench.dispatch`` carries orders that two people have approved from release to receipt,
and beside them the same number of bare DBOS workflows of three steps that do nothing:

* ``http``: the Berlin Group connector against the simulated bank, a process of its own on
  loopback, that settles at once;
* ``instant``: an institution inside the process that settles at once: what HTTP costs is the
  difference;
* ``bare``: DBOS alone, set up the same way on a database of the same kind.

On SQLite one process serves, by design: its file has one writer. On PostgreSQL 1, 2 and 4 workers
share a database. Slices of all take turns, so that what else the machine does strikes all alike.
Prints tables for people and, last, one line of JSON.

Settings: ROUNDS (5), PAYMENTS (per slice and worker, 60), IN_FLIGHT (per worker, 16), DATABASES
(sqlite,postgresql), MEMORY_ORDERS (100000; 0 leaves memory out) and those of `bench.memory`.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sqlite3
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from bench import dispatch_company, memory
from bench.dispatch_workers import BANK, BARE, COUNTERSIGN, Job, Span
from bench.process import Process
from workflows import audit, orders, takeover
from workflows.clock import system_clock
from workflows.database import Database, open_database
from workflows.orders import OrderState

HTTP, INSTANT = "http", "instant"
WORKERS = {"sqlite": (1,), "postgresql": (1, 2, 4)}
_VERSIONS = ("dbos", "sqlalchemy", "psycopg", "httpx", "slack-bolt", "python-telegram-bot")


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int
    payments: int
    in_flight: int

    def orders(self, database: str) -> int:
        """Return how many orders one database has to hold: every slice, and one to warm up."""
        return (self.rounds + 1) * self.payments * sum(WORKERS[database])


@dataclass
class Side:
    """Processes of one kind that share a database.

    Attributes:
        names: Of the workflows still to be run.
        where: The company's database.
        rates: Workflows per second of every slice, by number of workers.
    """

    kind: str
    processes: list[Process]
    names: list[str] = field(default_factory=list)
    where: Path | str = ""
    rates: dict[int, list[float]] = field(default_factory=dict)

    async def slice(self, workers: int, each: int) -> float:
        """Have the first ``workers`` processes run ``each`` workflows; return the common rate."""
        parts = []
        for _ in range(workers):
            parts.append(self.names[:each])
            del self.names[:each]
        found = await asyncio.gather(
            *(
                process.ask(part)
                for process, part in zip(self.processes[:workers], parts, strict=True)
            )
        )
        spans = [Span(**each) for each in found]
        seconds = max(span.ended for span in spans) - min(span.began for span in spans)
        return workers * each / seconds


@dataclass(frozen=True, slots=True)
class Place:
    """Where one side keeps its things: its tables and DBOS's."""

    database: Path | str
    workflows: Path | str


@dataclass
class Bench:
    """Everything that runs for one kind of database."""

    name: str
    plan: Plan
    places: dict[str, Place]
    sides: dict[str, Side] = field(default_factory=dict)
    bank: Process | None = None

    async def start(self) -> None:
        """Start every process, then have the orders approved."""
        self.bank = await Process.start(Job(BANK))
        bank_url = str(await self.bank.line())
        for kind, place in self.places.items():
            side = self.sides[kind] = Side(kind, [], where=place.database)
            for number in range(max(WORKERS[self.name])):
                url = bank_url if kind == HTTP else ""
                side.processes.append(await self._process(kind, place, url, number))
            await self._fill(side)

    async def _process(self, kind: str, place: Place, bank: str, number: int) -> Process:
        is_alone = self.name == "sqlite"
        job = Job(
            BARE if kind == BARE else COUNTERSIGN,
            workflows=str(place.workflows),
            database=str(place.database),
            bank=bank,
            name=takeover.LOCAL if is_alone else f"worker-{number}",
            in_flight=self.plan.in_flight,
        )
        process = await Process.start(job)
        await process.line()
        return process

    async def _fill(self, side: Side) -> None:
        count = self.plan.orders(self.name)
        if side.kind == BARE:
            side.names = [f"bare-{number}" for number in range(count)]
            return
        async with open_database(side.where) as database:
            side.names = await dispatch_company.approved(database, count, system_clock())

    async def measure(self) -> None:
        """Let all sides take turns; the first round warms up."""
        for round_ in range(self.plan.rounds + 1):
            for workers in WORKERS[self.name]:
                for side in self.sides.values():
                    rate = await side.slice(workers, self.plan.payments)
                    if round_:
                        side.rates.setdefault(workers, []).append(rate)

    async def check(self) -> None:
        """See that every payment was made, once, and that the record tells of it."""
        for side in self.sides.values():
            if side.kind != BARE:
                async with open_database(side.where) as database:
                    made = await _settled(database)
                assert len(made) == self.plan.orders(self.name), f"{side.kind}: {len(made)}"
                if side.kind == HTTP:
                    assert self.bank is not None
                    assert sorted(made) == sorted(await self.bank.ask([])), "the bank differs"

    async def stop(self) -> None:
        """Stop every process."""
        found = [process for side in self.sides.values() for process in side.processes]
        for process in [*found, *([self.bank] if self.bank else [])]:
            await process.stop()


async def _settled(database: Database) -> list[str]:
    """Return the end-to-end ids of what was paid, after a look at the record."""
    assert (await database.read(audit.verify)).is_intact
    found = await database.read(lambda connection: orders.in_states(connection, OrderState.SETTLED))
    return [order.end_to_end_id for order in found]


def report(name: str, sides: dict[str, Side]) -> dict[str, object]:
    """Print one database's table and return its figures."""
    figures: dict[str, object] = {}
    print(f"\n{name}\n{'workers':>7}  {'kind':<8}{'of bare':>8}{'growth':>8}{'per second':>12}")
    bare = sides[BARE].rates
    for workers in WORKERS[name]:
        for kind, side in sides.items():
            rates = side.rates[workers]
            of_bare = _ratio(rates, bare[workers])
            growth = _ratio(rates, side.rates[1])
            rate = statistics.median(rates)
            print(f"{workers:>7}  {kind:<8}{of_bare:>8.2f}{growth:>8.2f}{rate:>12.1f}")
            figures[f"{name}_{kind}_w{workers}"] = {
                "of_bare": round(of_bare, 3),
                "growth": round(growth, 3),
                "per_second": round(rate, 1),
            }
    return figures


def _ratio(some: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of the ratios of neighbouring slices."""
    return statistics.median(one / other for one, other in zip(some, others, strict=True))


async def on_sqlite(plan: Plan, folder: Path) -> dict[str, object]:
    """Measure on SQLite."""
    places = {}
    for kind in (HTTP, INSTANT, BARE):
        (folder / kind).mkdir()
        places[kind] = Place(folder / kind, folder / kind / "dispatch.sqlite")
    return await _measured(Bench("sqlite", plan, places))


async def on_postgresql(plan: Plan, folder: Path) -> dict[str, object]:
    """Measure on a PostgreSQL server of our own; its files are not in ``folder``."""
    # Only who measures on PostgreSQL needs one.
    from bench import postgres  # noqa: PLC0415

    del folder
    with postgres.running() as server:
        places = {}
        for kind in (HTTP, INSTANT, BARE):
            server.execute(f"CREATE DATABASE {kind}")
            places[kind] = Place(server.at(kind), server.at(kind))
        return await _measured(Bench("postgresql", plan, places))


async def _measured(bench: Bench) -> dict[str, object]:
    try:
        await bench.start()
        await bench.measure()
        await bench.check()
    finally:
        await bench.stop()
    return report(bench.name, bench.sides)


def about() -> dict[str, object]:
    """Return what was measured with."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in _VERSIONS},
    }


async def run() -> None:
    """Run the whole measurement."""
    plan = Plan(
        int(os.environ.get("ROUNDS", "5")),
        int(os.environ.get("PAYMENTS", "60")),
        int(os.environ.get("IN_FLIGHT", "16")),
    )
    wanted = os.environ.get("DATABASES", "sqlite,postgresql").split(",")
    figures: dict[str, object] = {}
    for name, measure in (("sqlite", on_sqlite), ("postgresql", on_postgresql)):
        if name in wanted:
            with tempfile.TemporaryDirectory() as folder:
                figures |= await measure(plan, Path(folder))
    if many := int(os.environ.get("MEMORY_ORDERS", "100000")):
        figures |= await memory.measure(many)
    print(json.dumps({"bench": "dispatch", **about(), **vars_of(plan), **figures}))


def vars_of(plan: Plan) -> dict[str, int]:
    """Return the plan as figures."""
    return {"rounds": plan.rounds, "payments": plan.payments, "in_flight": plan.in_flight}


if __name__ == "__main__":
    asyncio.run(run())
