"""The company's records in a PostgreSQL database, for any number of replicas.

Recorded writes take one lock of the record's for the length of their transaction, so that they are
serial over all replicas as SQLite's are: the chain has one end, and nothing changes between what a
transaction reads and what it writes. docs/decisions/0009 says why.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import structlog
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError

from workflows.database import postgres_errors as errors
from workflows.database import schema
from workflows.database.base import (
    READERS,
    Database,
    DatabaseError,
    Job,
    OutcomeUnknown,
    Work,
    Writer,
    settle,
)
from workflows.database.lease import Lease
from workflows.database.mark import Mark, WentBack
from workflows.database.postgres_attempt import Attempt, Undone, driver_of
from workflows.database.postgres_commit import was_committed
from workflows.database.postgres_lease import PostgresLease
from workflows.database.postgres_news import News
from workflows.database.postgres_server import SETUP_LOCK, USE_LOCK, Server

log = structlog.get_logger(__name__)

T = TypeVar("T")

_UNRECORDED = 4
_MOST_ATTEMPTS = 8
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


@dataclass
class _Patience:
    """How long one caller goes on trying.

    Attributes:
        until: When it ends (monotonic).
        given_way: How often the database preferred another transaction.
    """

    until: float
    given_way: int = 0
    pause: float = field(default=_FIRST_PAUSE)

    def wait(self) -> bool:
        """Wait a little longer than the last time; False when it is over."""
        left = self.until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(self.pause * (0.5 + secrets.randbelow(1000) / 1000), left))
        self.pause = min(_LONGEST_PAUSE, self.pause * 2)
        return True


_WAITS = (0.1, 0.5, 1.0)
"""Before the connection is made anew, where it breaks while the database is opened; seconds."""


class PostgresDatabase(Database):
    """One PostgreSQL database, shared by replicas.

    Args:
        url: ``postgresql://user@host/database``, as libpq takes it.
        migrates: Whether `open` may bring older tables up to date.
        patience: Seconds for which a lost connection is mended before callers are told.
        folder: Of this process alone or of those on this machine; there is kept how far the
            record had come. None keeps it in memory.
        is_put_back: It shows an earlier state than before, and is about to be marked so.
    """

    def __init__(
        self,
        url: str,
        *,
        migrates: bool = True,
        patience: float = 30.0,
        folder: Path | None = None,
        is_put_back: bool = False,
    ) -> None:
        super().__init__()
        self._server = Server(url)
        self.name = self._server.name
        self._migrates = migrates
        self._is_put_back = is_put_back
        self._patience = patience
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._unrecorded = ThreadPoolExecutor(_UNRECORDED, thread_name_prefix="claim")
        self._writer = Writer(self._write_group, self.committed)
        self._token = secrets.token_hex(8)
        self._news = News(self._server, self.committed, self._token)
        self._mark = Mark(self._mark_in(folder), self.name)
        self._refusal: DatabaseError | None = None
        self._lost_at: float | None = None
        self._is_open = False
        self._engine = create_engine(
            "postgresql+psycopg://",
            creator=self._server.connect,
            use_native_hstore=False,
            pool_size=READERS + _UNRECORDED + 1,
            max_overflow=2,
            hide_parameters=True,  # errors are logged; names and numbers of accounts are not
        )
        event.listen(self._engine, "begin", _begin)
        event.listen(self._engine, "handle_error", errors.without_values)

    def _mark_in(self, folder: Path | None) -> Path | None:
        key = hashlib.sha256(self.name.encode()).hexdigest()[:12]
        return folder / f"postgresql-{key}.head" if folder is not None else None

    async def open(self) -> None:
        """Create, check or migrate the tables and begin to serve; errors as `Database.open`.

        A connection that breaks meanwhile is made anew: nothing was done then, or all of it.
        """
        loop = asyncio.get_running_loop()
        for wait in (*_WAITS, None):
            try:
                await loop.run_in_executor(self._readers, self._prepare)
                break
            except Exception as error:
                if wait is None or not errors.is_connection_lost(error):
                    raise
                await asyncio.sleep(wait)
        await self._news.start()
        self._writer.start()
        self._is_open = True

    async def close(self) -> None:
        """Finish what waits, then close."""
        self._is_open = False
        await self._writer.stop()
        await self._news.stop()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self._unrecorded.shutdown)
        await loop.run_in_executor(None, self._readers.shutdown)
        self._engine.dispose()
        self._mark.close()

    async def write(self, work: Work[T], *, recorded: bool = True) -> T:
        """Run ``work`` in one durable transaction; see `Database.write`."""
        self._check_usable()
        loop = asyncio.get_running_loop()
        job = Job(work, recorded, loop, loop.create_future())
        if recorded:
            self._writer.put(job)
        else:
            self._unrecorded.submit(self._write_alone, job)
        result: T = await job.future
        return result

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` against a consistent snapshot; see `Database.read`."""
        self._check_usable()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, work)

    def lease(self, name: str) -> Lease:
        """Return a lease that lasts as long as a connection of its own."""
        return PostgresLease(name, self._server)

    def _check_usable(self) -> None:
        if not self._is_open:
            raise DatabaseError("the database is not open")
        refusal = self._refusal or self._news.refusal
        if refusal is not None:
            raise type(refusal)(*refusal.args)

    # ---- opening ------------------------------------------------------------------------------

    def _prepare(self) -> None:
        if self._mark.path is not None:
            self._mark.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self._server.connect() as connection:
                self._server.check(connection)
        except psycopg.Error as error:
            raise errors.unreachable(error, self.name) from error
        try:
            with self._engine.begin() as connection:
                driver = driver_of(connection)
                # Replicas that start together: the first one makes the tables.
                driver.execute("SELECT pg_advisory_xact_lock(%s)", [SETUP_LOCK])
                if self._is_put_back:
                    self._keep_others_out(driver, "")
                self.was = schema.prepare(
                    connection,
                    self.name,
                    migrates=self._migrates,
                    is_put_back=self._is_put_back,
                    before_change=lambda found: self._keep_others_out(driver, found),
                )
                self._mark.open(connection, is_put_back=self._is_put_back)
        except OSError as error:
            raise DatabaseError(
                f"{error.filename} cannot be made or opened ({error.strerror}). Let the service's "
                "user own storage.folder."
            ) from error
        except (DBAPIError, psycopg.Error) as error:
            raise errors.explained(error, self.name) from error

    def _keep_others_out(self, driver: psycopg.Connection[Any], found: str) -> None:
        """See that nobody uses the tables, and that nobody begins to before this is over."""
        (is_alone,) = driver.execute(
            "SELECT pg_try_advisory_xact_lock(%s)", [USE_LOCK]
        ).fetchone() or (False,)
        if not is_alone:
            what = f"has tables of version {found} and is in use" if found else "is in use"
            then = ", then start the new version." if found else " first."
            raise DatabaseError(f"{self.name} {what}. Stop the service on every machine{then}")

    # ---- reading ------------------------------------------------------------------------------

    def _read(self, work: Work[T]) -> T:
        patience = self._patience_left()
        while True:
            try:
                found = self._try_read(work)
                self._lost_at = None
                return found
            except (Undone, DBAPIError, psycopg.Error) as error:
                try:
                    self._may_repeat(error, patience)
                except (DBAPIError, psycopg.Error) as final:
                    raise errors.explained(final, self.name) from final

    def _try_read(self, work: Work[T]) -> T:
        with self._engine.connect().execution_options(countersign_read=True) as connection:
            driver = driver_of(connection)
            try:
                return work(connection)
            except (DBAPIError, psycopg.Error) as error:
                if driver.closed or errors.gives_way(error):
                    raise Undone from error
                raise

    # ---- writing ------------------------------------------------------------------------------

    def _write_alone(self, job: Job) -> None:
        settle(self._write_group(job, lambda: None), self.committed)

    def _write_group(self, first: Job, next_job: Callable[[], Job | None]) -> Sequence[Job]:
        """Run ``first`` and what waits behind it and commit once, as often as it takes."""
        group = [first]
        patience = self._patience_left()
        try:
            while not self._try_group(group, next_job, patience):
                for job in group:
                    job.result = job.error = None
        except BaseException as error:  # the whole group is undone; each caller must know
            for job in group:
                job.error = job.error or error
        for job in group:
            if job.error is not None:
                job.error = errors.explained(job.error, self.name)
        return group

    def _try_group(
        self, group: list[Job], next_job: Callable[[], Job | None], patience: _Patience
    ) -> bool:
        """Do the group's jobs and those that wait; False when it is to be done again."""
        try:
            with self._engine.connect() as connection:
                attempt = Attempt(connection, self._token, self._mark)
                if not attempt.run(group, next_job):
                    return True
                try:
                    attempt.commit()
                except DBAPIError as error:
                    if not attempt.is_lost:
                        raise
                    lost = error
                else:
                    self._lost_at = None
                    self._mark.set(attempt.head)
                    return True
        except WentBack as error:
            self._refusal = error
            raise
        except (Undone, DBAPIError, psycopg.Error) as error:
            self._may_repeat(error, patience)
            return False
        log.warning("database.commit_unanswered", database=self.name, xid=attempt.xid)
        is_done = self._was_committed(attempt, patience, lost)
        if is_done:
            self._mark.set(attempt.head)
        return is_done

    def _may_repeat(self, error: Exception, patience: _Patience) -> None:
        """Wait a moment before work is done again; raises what keeps it from being done."""
        cause = error.__cause__ if isinstance(error, Undone) else error
        assert cause is not None
        if errors.gives_way(cause):
            patience.given_way += 1
            if patience.given_way == _MOST_ATTEMPTS:
                raise cause
            time.sleep(secrets.randbelow(100) / 1000)
            return
        if isinstance(error, Undone) or _could_not_connect(cause):
            self._lost_at = self._lost_at or time.monotonic()
            log.warning("database.connection_lost", database=self.name, error=type(cause).__name__)
            if patience.wait():
                return
            raise errors.unreachable(cause, self.name) from cause
        raise cause

    def _was_committed(self, attempt: Attempt, patience: _Patience, lost: Exception) -> bool:
        """Find out what became of a commit that was not answered."""
        while True:
            try:
                with self._server.connect() as connection:
                    return was_committed(connection, attempt.xid, attempt.session, self.name)
            except psycopg.Error as error:
                if not patience.wait():
                    raise OutcomeUnknown(
                        f"{self.name}: the connection was lost during a commit, and the server "
                        "cannot be asked what became of it. Look whether it happened before you "
                        "try again."
                    ) from (error or lost)

    def _patience_left(self) -> _Patience:
        """Return how long to try; who comes when it is long gone does not wait as long again."""
        since = self._lost_at or time.monotonic()
        return _Patience(max(since + self._patience, time.monotonic() + _LONGEST_PAUSE))


def _could_not_connect(error: BaseException) -> bool:
    """Whether an error came from connecting: it has no statement and no code of a statement's."""
    found = errors.orig(error)
    return isinstance(found, psycopg.OperationalError) and (
        found.sqlstate is None or found.sqlstate.startswith(("08", "57P", "53300"))
    )


def _begin(connection: Connection) -> None:
    is_reading = connection.get_execution_options().get("countersign_read", False)
    driver_of(connection).execute(_READ if is_reading else "BEGIN")
