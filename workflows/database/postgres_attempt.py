"""One transaction that does what waits, each piece so that its failure undoes nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from workflows.database import postgres_errors as errors
from workflows.database.base import (
    LARGEST_GROUP,
    DatabaseError,
    Job,
    has_appended,
    set_recorded,
)
from workflows.database.mark import Head, Mark, newest
from workflows.database.postgres_server import CHANNEL, RECORD_LOCK, Session, session_of

T = TypeVar("T")

_IS_CHECKED = "countersign_checked"
_SESSION = "countersign_session"


class Undone(Exception):
    """The transaction was undone and is to be run again; the cause says why."""


class Attempt:
    """One transaction that does a group's jobs, each so that its failure undoes nothing else.

    Attributes:
        xid: By which the server knows it afterwards.
        session: In which it ran.
        head: The newest entry of the record, where one was appended.
    """

    def __init__(self, connection: Connection, token: str, mark: Mark) -> None:
        self._connection = connection
        self._driver = driver_of(connection)
        self._token = token
        self._mark = mark
        self.session = _session(connection, self._driver)
        self.xid = ""
        self.head: Head | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone."""
        return bool(self._driver.closed)

    def run(self, group: list[Job], next_job: Callable[[], Job | None]) -> bool:
        """Do the jobs, and those that wait; False when all failed, so that nothing is open.

        Raises:
            Undone: the database undid it all.
            psycopg.Error: it could not even begin.
        """
        self._begin(is_recorded=group[0].is_recorded)
        for number, job in enumerate(group):  # grows meanwhile
            if number:
                self._execute("RELEASE job; SAVEPOINT job")
            self._run(job)
            if number + 1 == len(group) < LARGEST_GROUP and (another := next_job()) is not None:
                group.append(another)
        if all(job.error is not None for job in group):
            self._connection.rollback()
            return False
        if has_appended(self._connection):
            self.head = self._asked(newest)
        return True

    def commit(self) -> None:
        """Commit; raises `DBAPIError`."""
        self._connection.commit()

    def _begin(self, *, is_recorded: bool) -> None:
        self._connection.begin()
        statement = "SELECT pg_current_xact_id()::text"
        if is_recorded:
            # The lock before anything is read: every later statement sees what others committed.
            statement = (
                f"NOTIFY {CHANNEL}, '{self._token}'; SELECT pg_advisory_xact_lock({RECORD_LOCK});"
                + statement
            )
        cursor = self._execute(f"{statement}; SAVEPOINT job")
        while cursor.description is None or cursor.description[0].name != "pg_current_xact_id":
            cursor.nextset()
        (self.xid,) = cursor.fetchone() or ("",)
        set_recorded(self._connection, is_recorded)
        if is_recorded and not self._connection.info.get(_IS_CHECKED):
            # A new connection may lead to another server, which took over from the one before.
            self._asked(self._mark.check)
            self._connection.info[_IS_CHECKED] = True

    def _asked(self, question: Callable[[Connection], T]) -> T:
        try:
            return question(self._connection)
        except DBAPIError as error:
            if self.is_lost or errors.gives_way(error):
                raise Undone from error
            raise

    def _run(self, job: Job) -> None:
        try:
            job.result = job.work(self._connection)
            if self._driver.info.transaction_status == TransactionStatus.INERROR:
                raise DatabaseError("work went on after an error of the database")
        except BaseException as error:
            if self.is_lost or errors.gives_way(error):
                raise Undone from error
            job.error = error
            self._execute("ROLLBACK TO job")

    def _execute(self, statement: str) -> psycopg.Cursor[Any]:
        try:
            return self._driver.execute(statement)
        except psycopg.Error as error:
            if self.is_lost or errors.gives_way(error):
                raise Undone from error
            raise


def driver_of(connection: Connection) -> psycopg.Connection[Any]:
    """Return the driver's own connection."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def _session(connection: Connection, driver: psycopg.Connection[Any]) -> Session:
    """Return who serves a connection; asked for once."""
    known = connection.info.get(_SESSION)
    if isinstance(known, Session):
        return known
    found = session_of(driver)
    connection.info[_SESSION] = found
    return found
