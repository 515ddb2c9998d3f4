"""The processes that bench/dispatch.py sets to work.

``python -m bench.dispatch_workers JOB`` is one of them; JOB says which, as JSON. It says that it is
ready, then answers every line of its input (JSON) with one of its output.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog
from dbos import DBOS, DBOSConfig, SetWorkflowID

from bench import dispatch_company
from bench.dispatch_company import CONNECTOR, HOLDER
from bot.app import DatabaseState
from connectors import registry
from connectors.api.berlin_group_settings import BerlinGroupSettings
from connectors.base import Capability, Connector, Instruction, Outcome, Progress, Receipt
from sandbox.bank import Account, Bank, Phone, Sca, serve
from workflows.clock import system_clock
from workflows.database import Database, database_at
from workflows.dispatch import Dispatcher, write_ahead
from workflows.release import Allowance
from workflows.takeover import LOCAL

BARE, COUNTERSIGN, BANK = "bare", "countersign", "bank"
UNLIMITED = Allowance(at_once=1000, per_second=10_000)
"""What settings allow at most: the institution's limit is not what is measured."""
_OPENING = 10**12


@dataclass(frozen=True, slots=True)
class Job:
    """What a process is to be.

    Attributes:
        kind: `BARE`, `COUNTERSIGN` or `BANK`.
        workflows: Where DBOS keeps its tables: a file, or an address.
        database: Where the company's tables are: a folder, or an address.
        bank: Address of the bank; empty for an institution inside the process.
        name: Of this replica.
        in_flight: How many workflows are under way at the same time.
    """

    kind: str
    workflows: str = ""
    database: str = ""
    bank: str = ""
    name: str = LOCAL
    in_flight: int = 1

    def to_json(self) -> str:
        """Return it as the process takes it."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Span:
    """When the work of one slice began and ended, by a clock all processes share."""

    began: float
    ended: float


class Instant(Connector):
    """An institution inside the process: it settles at once and knows every payment."""

    name = CONNECTOR
    capabilities = frozenset({Capability.PAYMENTS, Capability.RECEIPTS})

    async def submit(self, instruction: Instruction) -> Outcome:
        """Settle it."""
        return Outcome(Progress.SETTLED, "ACSC", f"R-{instruction.order_id}")

    async def follow(self, instruction: Instruction, reference: str) -> Outcome:
        """Say again that it is settled."""
        return Outcome(Progress.SETTLED, "ACSC", reference)

    async def receipt(self, instruction: Instruction, reference: str) -> Receipt:
        """Say so in writing."""
        return Receipt(reference, "text/plain", f"paid {instruction.end_to_end_id}".encode())


class Flight:
    """Keeps a number of workflows under way until all of a slice have ended."""

    def __init__(self, in_flight: int) -> None:
        self._places = asyncio.Semaphore(in_flight)
        self._left = 0
        self._ended = asyncio.Event()

    async def run(self, names: Iterable[str], begin: Callable[[str], Awaitable[None]]) -> Span:
        """Begin a workflow for each name as soon as there is room; return when all have ended."""
        names = list(names)
        self._left = len(names)
        self._ended.clear()
        began = time.monotonic()
        for name in names:
            await self._places.acquire()
            await begin(name)
        await self._ended.wait()
        return Span(began, time.monotonic())

    @contextmanager
    def one(self) -> Iterator[None]:
        """Be one of them."""
        yield
        self._places.release()
        self._left -= 1
        if not self._left:
            self._ended.set()


class Measured(Dispatcher):
    """The dispatcher as it is, whose workflows are counted as they end."""

    flight: Flight

    @contextmanager
    def walking(self) -> Iterator[None]:
        """Note a workflow's end too."""
        with super().walking(), self.flight.one():
            yield


_bare_flight: Flight | None = None


@DBOS.workflow(name="bare")
async def _bare(name: str) -> None:
    assert _bare_flight is not None
    with _bare_flight.one():
        for step in ("one", "two", "three"):
            await DBOS.run_step_async({"name": step}, _nothing, step, name)


async def _nothing(step: str, name: str) -> tuple[str, float]:
    del name
    return step, 0.0


Run = Callable[[Sequence[str]], Awaitable[Any]]


@asynccontextmanager
async def bare(job: Job) -> AsyncIterator[Run]:
    """Serve DBOS alone, set up as `Dispatcher` sets it up."""
    global _bare_flight  # noqa: PLW0603 (DBOS finds workflows by their module)
    flight = _bare_flight = Flight(job.in_flight)
    config: DBOSConfig = {
        "name": "bare",
        "system_database_url": _address(job.workflows),
        "dbos_system_schema": "dispatch",
        "application_version": "bench",
        "executor_id": job.name,
        "log_level": "ERROR",
        "enable_otlp": False,
    }
    if _is_file(job.workflows):
        write_ahead(Path(job.workflows))
    DBOS(config=config)
    DBOS.launch()

    async def begin(name: str) -> None:
        with SetWorkflowID(name):
            await DBOS.start_workflow_async(_bare, name)

    try:
        yield lambda names: flight.run(names, begin)
    finally:
        DBOS.destroy()


@asynccontextmanager
async def countersign(job: Job) -> AsyncIterator[Run]:
    """Serve the whole dispatch, as the service does."""
    database = database_at(Path(job.database) if _is_file(job.database) else job.database)
    await database.open()
    connector = _connector(job, database)
    dispatcher = Measured(
        database,
        dispatch_company.company(),
        {CONNECTOR: connector},
        system_clock,
        allowances={CONNECTOR: UNLIMITED},
        replica_id=job.name,
    )
    flight = dispatcher.flight = Flight(job.in_flight)
    await dispatcher.takeover.beat()
    await dispatcher.start(Path(job.workflows) if _is_file(job.workflows) else job.workflows)
    try:
        yield lambda names: flight.run(names, dispatcher.begin)
    finally:
        await dispatcher.stop()
        await connector.close()
        await database.close()


def _connector(job: Job, database: Database) -> Connector:
    if not job.bank:
        return Instant()
    settings = BerlinGroupSettings(url=job.bank)
    return registry.build(CONNECTOR, settings, DatabaseState(database, CONNECTOR), system_clock)


@asynccontextmanager
async def bank(job: Job) -> AsyncIterator[Run]:
    """Serve a bank that asks nobody and executes at once; it answers with what it executed."""
    del job
    accounts = [Account(iban, "EUR", HOLDER, _OPENING) for iban in dispatch_company.ibans()]
    made = Bank(open_accounts=accounts, sca=Sca(Phone.EXEMPT), settles_after_polls=0)
    serving = await serve(made)
    print(json.dumps(serving.url), flush=True)

    async def executed(_names: Sequence[str]) -> list[str]:
        return [each.end_to_end_id for each in made.ledger]

    try:
        yield executed
    finally:
        await serving.stop()


def _is_file(where: str) -> bool:
    return "://" not in where


def _address(where: str) -> str:
    return f"sqlite:///{where}" if _is_file(where) else where


async def serve_job(job: Job) -> None:
    """Be one of the processes until the input ends."""
    kinds = {BARE: bare, COUNTERSIGN: countersign, BANK: bank}
    lines = asyncio.StreamReader(limit=2**24)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    async with kinds[job.kind](job) as run:
        if job.kind != BANK:
            print('"ready"', flush=True)
        while line := await lines.readline():
            answer = await run(json.loads(line))
            print(json.dumps(asdict(answer) if isinstance(answer, Span) else answer), flush=True)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(serve_job(Job(**json.loads(sys.argv[1]))))
