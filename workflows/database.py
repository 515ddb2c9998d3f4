"""One writer that commits waiting work together, many readers, never the event loop.

SQLite's own busy handler is unfair: several writers stall one another for half a second where one
writing thread serves all within a few milliseconds (docs/performance.md). Work that waits while a
commit is on its way to the disk shares the next one, each piece inside its own savepoint.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event, insert, select
from sqlalchemy.exc import OperationalError

from workflows.tables import SCHEMA_VERSION, metadata, schema_info

T = TypeVar("T")
Work = Callable[[Connection], T]

_LARGEST_GROUP = 64
_READERS = 4


class DatabaseError(Exception):
    """The database cannot be used; the text says why and what to do."""


@dataclass(slots=True)
class _Job:
    work: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


@dataclass
class Database:
    """The company's records in one SQLite file (WAL, synchronous=FULL).

    Use `open` and `close`. `write` and `read` take a function of a connection; it runs in
    another thread, must not touch the event loop, and for `write` is one transaction: all of it
    is on the disk when the await returns, or none of it.
    """

    path: Path
    committed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set after every commit; whoever waits for news clears it first."""

    def __post_init__(self) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="reader")
        self._writer: threading.Thread | None = None
        self._engine = create_engine(
            f"sqlite:///{self.path}",
            connect_args={"isolation_level": None, "check_same_thread": False, "timeout": 30},
            pool_size=_READERS + 1,
        )
        event.listen(self._engine, "connect", _prepare)
        event.listen(self._engine, "begin", _begin)

    async def open(self) -> None:
        """Create or check the tables and start the writer.

        Raises:
            DatabaseError: the file cannot be opened or belongs to another version.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.get_running_loop().run_in_executor(self._readers, self._check)
        self._writer = threading.Thread(target=self._write_loop, name="writer", daemon=True)
        self._writer.start()

    async def close(self) -> None:
        """Finish what waits, then close."""
        if self._writer is not None:
            self._jobs.put(None)
            await asyncio.get_running_loop().run_in_executor(None, self._writer.join)
            self._writer = None
        self._readers.shutdown(wait=True)
        self._engine.dispose()

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` in one durable transaction and return what it returns.

        An exception from ``work`` undoes its changes and is raised here.
        """
        if self._writer is None:
            raise DatabaseError("the database is not open")
        loop = asyncio.get_running_loop()
        job = _Job(work, loop, loop.create_future())
        self._jobs.put(job)
        result: T = await job.future
        return result

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` against a consistent snapshot and return what it returns."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, work)

    def _read(self, work: Work[T]) -> T:
        with self._engine.connect().execution_options(countersign_read=True) as connection:
            return work(connection)

    def _check(self) -> None:
        try:
            with self._engine.begin() as connection:
                metadata.create_all(connection)
                found = connection.execute(select(schema_info.c.version)).scalar()
                if found is None:
                    connection.execute(insert(schema_info).values(version=SCHEMA_VERSION))
        except OperationalError as error:
            raise DatabaseError(
                f"{self.path} cannot be opened ({error.orig}). Check that the folder exists, is "
                "writable, and is on a local disk."
            ) from error
        if found not in (None, SCHEMA_VERSION):
            raise DatabaseError(
                f"{self.path} has tables of version {found}, this program needs version "
                f"{SCHEMA_VERSION}. Start the version that wrote it, or restore a backup."
            )

    def _write_loop(self) -> None:
        with self._engine.connect() as connection:
            while (first := self._jobs.get()) is not None:
                if not self._write_group(connection, first):
                    return

    def _write_group(self, connection: Connection, first: _Job) -> bool:
        """Run ``first`` and what waits behind it, commit once; False when told to stop."""
        group: list[_Job] = []
        job: _Job | None = first
        try:
            with connection.begin():
                driver = connection.connection.driver_connection
                assert driver is not None
                while job is not None:
                    group.append(job)
                    _run(job, connection, driver)
                    if len(group) == _LARGEST_GROUP:
                        break
                    try:
                        job = self._jobs.get_nowait()
                    except queue.Empty:
                        break
        except BaseException as error:  # the whole group is undone; each caller must know
            for each in group:
                each.error = each.error or error
        _settle(group, self.committed)
        return job is not None


def _run(job: _Job, connection: Connection, driver: Any) -> None:
    driver.execute("SAVEPOINT job")
    try:
        job.result = job.work(connection)
    except BaseException as error:
        job.error = error
        driver.execute("ROLLBACK TO job")
    driver.execute("RELEASE job")


def _settle(group: list[_Job], committed: asyncio.Event) -> None:
    """Tell every waiting caller, once per event loop."""
    loops: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in group:
        loops.setdefault(job.loop, []).append(job)

    def tell(jobs: list[_Job]) -> None:
        for job in jobs:
            if job.future.cancelled():
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)
        committed.set()

    for loop, jobs in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, jobs)


def _prepare(connection: Any, _record: Any) -> None:
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A deferred transaction that later writes can fail half-way; a writer says so at once.
    reading = connection.get_execution_options().get("countersign_read", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
