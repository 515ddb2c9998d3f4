"""What a database does for the rest, whichever it is.

One writing thread takes what waits, runs each piece so that it fails alone, and commits once.
Nothing here knows SQL of one database; see `sqlite` and `postgres`.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from workflows.database.lease import Lease

T = TypeVar("T")
Work = Callable[[Connection], T]

LARGEST_GROUP = 64
READERS = 4

_RECORDED = "countersign_recorded"
_APPENDED = "countersign_appended"
_END = "countersign_end"


class DatabaseError(Exception):
    """The database cannot be used; the text says why and what to do."""


class DatabaseUnwritable(DatabaseError):
    """Nothing can be stored at present, such as on a full disk; nothing was."""


class OutcomeUnknown(DatabaseError):
    """The connection went with a commit under way, and nobody can say what became of it."""


@dataclass(slots=True, eq=False)
class Job:
    """Work that somebody waits for."""

    work: Callable[[Connection], Any]
    is_recorded: bool
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class Database(ABC):
    """The company's records. Use `open` and `close`, or `open_database`.

    `write` and `read` take a function of a connection; it runs in another thread, must not touch
    the event loop, and for `write` is one transaction: all of it is durable when the await
    returns, or none of it.

    Attributes:
        committed: Set after every commit, also of other replicas; whoever waits for news clears
            it first.
        name: What people call it in messages; holds no secret.
        was: Version of the tables before `open`, which may have changed them.
    """

    name: str
    was: str = ""

    def __init__(self) -> None:
        self.committed = asyncio.Event()

    @abstractmethod
    async def open(self) -> None:
        """Create, check or migrate the tables, and begin to serve.

        Raises:
            DatabaseError: it cannot be used, or its tables are of another version.
        """

    @abstractmethod
    async def close(self) -> None:
        """Finish what waits, then close."""

    @abstractmethod
    async def write(self, work: Work[T], *, recorded: bool = True) -> T:
        """Run ``work`` in one durable transaction and return what it returns.

        An exception from ``work`` undoes its changes and is raised here. Recorded writes happen
        one after the other, over all replicas, as the record's chain needs it. What appends
        nothing to the record (a claim, a heartbeat) passes ``recorded=False`` and waits for
        nobody; it must expect others at the same rows.

        ``work`` may run again where the database undid it: it changes nothing but the database.

        Raises:
            DatabaseError: it could not be stored.
        """

    @abstractmethod
    async def read(self, work: Work[T]) -> T:
        """Run ``work`` against a consistent snapshot and return what it returns.

        Raises:
            DatabaseError: the database cannot be read.
        """

    @abstractmethod
    def lease(self, name: str) -> Lease:
        """Return a lease on ``name``, which at most one process holds: ``async with`` waits."""


def is_recorded(connection: Connection) -> bool:
    """Whether the record may be appended to in this connection's transaction."""
    return bool(connection.info.get(_RECORDED))


def appending(connection: Connection) -> None:
    """Note that the record is appended to, which only a recorded write may do."""
    assert is_recorded(connection), "only a recorded write may append to the record"
    connection.info[_APPENDED] = True


def has_appended(connection: Connection) -> bool:
    """Whether the record was appended to since this was asked last."""
    return bool(connection.info.pop(_APPENDED, False))


def set_recorded(connection: Connection, value: bool) -> None:
    """Say of a connection whether what begins in it now may append to the record."""
    connection.info[_RECORDED] = value
    connection.info.pop(_END, None)


def supposed_end(connection: Connection) -> tuple[int, str] | None:
    """Return number and hash of what this transaction appended last; None before it did.

    A supposition: it may have been undone with a part of the transaction.
    """
    found: tuple[int, str] | None = connection.info.get(_END)
    return found


def suppose_end(connection: Connection, seq: int, hash_: str) -> None:
    """Note what was appended to the record last."""
    connection.info[_END] = (seq, hash_)


class Writer:
    """The thread that groups what waits.

    ``run`` is given the first job and a function that returns the next one waiting, or None; it
    returns the jobs it has settled one way or the other, whose results are then told.
    """

    def __init__(
        self,
        run: Callable[[Job, Callable[[], Job | None]], Sequence[Job]],
        committed: asyncio.Event,
    ) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._run = run
        self._committed = committed
        self._thread: threading.Thread | None = None
        self._is_closing = False
        self._was_last = False

    def start(self) -> None:
        """Begin to take work."""
        self._is_closing = self._was_last = False
        self._thread = threading.Thread(target=self._serve, name="writer", daemon=True)
        self._thread.start()

    def put(self, job: Job) -> None:
        """Have a job done after those that wait."""
        if self._thread is None or self._is_closing:
            raise DatabaseError("the database is not open")
        self._jobs.put(job)

    async def stop(self) -> None:
        """Do what waits, then stop."""
        if self._thread is not None:
            self._is_closing = True
            self._jobs.put(None)
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join)
            self._thread = None

    def _serve(self) -> None:
        while not self._was_last and (first := self._jobs.get()) is not None:
            settle(self._run(first, self._next), self._committed)

    def _next(self) -> Job | None:
        try:
            job = self._jobs.get_nowait()
        except queue.Empty:
            return None
        self._was_last = job is None
        return job


def settle(jobs: Sequence[Job], committed: asyncio.Event) -> None:
    """Tell every waiting caller, once per event loop."""
    loops: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        loops.setdefault(job.loop, []).append(job)

    def tell(jobs: list[Job]) -> None:
        for job in jobs:
            if job.future.done():  # cancelled meanwhile
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)
        if any(job.error is None for job in jobs):
            committed.set()

    for loop, its in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, its)
