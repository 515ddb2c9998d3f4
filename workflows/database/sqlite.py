"""The company's records in one SQLite file (WAL, synchronous=FULL).

SQLite's own busy handler is unfair: several writers stall one another for half a second where one
writing thread serves all within a few milliseconds (docs/performance.md). Work that waits while a
commit is on its way to the disk shares the next one, each piece inside its own savepoint.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from workflows.database import schema
from workflows.database.base import (
    LARGEST_GROUP,
    READERS,
    Database,
    DatabaseError,
    Job,
    Work,
    Writer,
    has_appended,
    set_recorded,
)
from workflows.database.disk import copy_file, refuse_network
from workflows.database.lease import Lease
from workflows.database.mark import Mark, newest
from workflows.database.sqlite_errors import explained
from workflows.database.use import Use
from workflows.tables import SCHEMA

T = TypeVar("T")

_PATIENCE_SECONDS = 30.0


class SqliteDatabase(Database):
    """One file, one process that serves.

    Args:
        migrates: Whether `open` may bring older tables up to date.
        is_put_back: It shows an earlier state than before, and is about to be marked so.
    """

    def __init__(self, path: Path, *, migrates: bool = True, is_put_back: bool = False) -> None:
        super().__init__()
        self.path = path
        self.name = str(path)
        self._migrates = migrates
        self._is_put_back = is_put_back
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._writer = Writer(self._write_group, self.committed)
        self._engine = create_engine(
            f"sqlite:///{self.path}",
            connect_args={"isolation_level": None, "check_same_thread": False, "timeout": 30},
            pool_size=READERS + 1,
            hide_parameters=True,  # errors are logged; names and numbers of accounts are not
        )
        self._writing: Connection | None = None
        self._use = Use(path)
        self._mark = Mark(path.with_name(f"{path.name}.head"), self.name)
        event.listen(self._engine, "connect", _prepare)
        event.listen(self._engine, "begin", _begin)

    async def open(self) -> None:
        """Create, check or migrate the tables and start the writer; errors as `Database.open`."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._readers, self._open)
        except BaseException:
            self._let_go()
            raise
        self._writer.start()

    async def close(self) -> None:
        """Finish what waits, then close."""
        await self._writer.stop()
        if self._writing is not None:
            self._writing.close()
            self._writing = None
        self._readers.shutdown(wait=True)
        self._let_go()

    def _let_go(self) -> None:
        self._engine.dispose()
        self._mark.close()
        self._use.release()

    async def write(self, work: Work[T], *, recorded: bool = True) -> T:
        """Run ``work`` in one durable transaction; see `Database.write`."""
        loop = asyncio.get_running_loop()
        job = Job(work, recorded, loop, loop.create_future())
        self._writer.put(job)
        result: T = await job.future
        return result

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` against a consistent snapshot; see `Database.read`."""
        if self._writing is None:
            raise DatabaseError("the database is not open")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, work)

    def lease(self, name: str) -> Lease:
        """Return a lease that is always held: no other process serves this file."""
        return Lease(name)

    def _read(self, work: Work[T]) -> T:
        try:
            with self._engine.connect().execution_options(countersign_read=True) as connection:
                return work(connection)
        except DBAPIError as error:
            raise self._explained(error) from error

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            refuse_network(self.path.parent)
            is_alone = self._use.take_alone()
            if not is_alone and not self._use.share(_PATIENCE_SECONDS):
                raise DatabaseError(f"{self.name} is being replaced. Start again when it is done.")
            if self._is_put_back and not is_alone:
                raise DatabaseError(f"{self.name} is in use. Stop the service first.")
            with self._engine.begin() as connection:
                self.was = schema.prepare(
                    connection,
                    self.name,
                    migrates=self._migrates,
                    before_change=lambda found: self._before_change(found, is_alone=is_alone),
                )
                self._mark.open(connection, is_put_back=self._is_put_back)
            self._use.share(_PATIENCE_SECONDS)
            self._writing = self._engine.connect()
        except OSError as error:
            raise DatabaseError(
                f"{error.filename or self.path.parent} cannot be made or opened "
                f"({error.strerror}). Let the service's user own storage.folder, on a disk that "
                "takes what is written."
            ) from error
        except sqlite3.Error as error:
            raise DatabaseError(f"{self.name} cannot be copied ({error}).") from error
        except DBAPIError as error:
            raise self._explained(error) from error

    def _before_change(self, found: str, *, is_alone: bool) -> None:
        """Keep a copy of what is there before its tables are changed."""
        if not is_alone:
            raise DatabaseError(
                f"{self.name} has tables of version {found} and is in use. Stop the service, then "
                "start the new version."
            )
        copy_file(self.path, self.path.with_name(f"{self.path.name}.before-{SCHEMA}"))

    def _explained(self, error: SQLAlchemyError) -> BaseException:
        return explained(error, self.path) or error

    def _write_group(self, first: Job, next_job: Callable[[], Job | None]) -> Sequence[Job]:
        """Run ``first`` and what waits behind it, and commit once."""
        connection = self._writing
        assert connection is not None
        group: list[Job] = []
        job: Job | None = first
        try:
            with connection.begin():
                driver = connection.connection.driver_connection
                while job is not None:
                    group.append(job)
                    _run(job, connection, driver)
                    job = next_job() if len(group) < LARGEST_GROUP else None
                head = newest(connection) if has_appended(connection) else None
            self._mark.set(head)
        except BaseException as error:  # the whole group is undone; each caller must know
            group = group or [first]
            for each in group:
                each.error = each.error or error
        for each in group:
            if isinstance(each.error, SQLAlchemyError):
                each.error = self._explained(each.error)
        return group


def _run(job: Job, connection: Connection, driver: Any) -> None:
    """Do a job so that its failure undoes nothing else."""
    driver.execute("SAVEPOINT job")
    set_recorded(connection, job.is_recorded)
    try:
        job.result = job.work(connection)
    except BaseException as error:
        job.error = error
        driver.execute("ROLLBACK TO job")
    finally:
        set_recorded(connection, False)
    # SQLite ends the transaction by itself after some errors, and work may have hidden one.
    driver.execute("RELEASE job")


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
