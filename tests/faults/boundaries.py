"""Where a process can die between two instructions of ours, found from outside the production code.

`install` wraps what every effect on the world passes through: the commits of both databases, the
HTTP of connectors and chats, the socket on which Slack delivers, the steps of the workflow. At each
of these `Trap` counts, and ends the process there if that is the plan.
"""

from __future__ import annotations

import functools
import mmap
import os
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import aiohttp
import httpcore
from aiohttp import ClientResponse
from httpcore._async.http11 import AsyncHTTP11Connection
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from sqlalchemy.engine.default import DefaultDialect

from tests.faults.plan import Plan
from workflows import audit
from workflows.database import Database, SqliteDatabase
from workflows.dispatch import Dispatcher

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SOCKET_KINDS = ("slash_commands", "interactive", "events_api")
_MARK = 120
_local = threading.local()


class Trap:
    """Counts boundaries, and ends the process at the one that is planned.

    Args:
        plan: Where to die.
        mark: Where the last boundary's name is left for whoever looks after the death.
        last_words: Called with the boundary's name just before the end.
    """

    def __init__(self, plan: Plan, mark: mmap.mmap, last_words: Callable[[str], None]) -> None:
        self._plan = plan
        self._mark = mark
        self._last_words = last_words
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self._in_group: Counter[str] = Counter()

    def arm(self, plan: Plan) -> None:
        """Follow another plan from now on, counting anew."""
        with self._lock:
            self._plan = plan
            self.counts.clear()
            self._in_group.clear()

    def reach(self, group: str, name: str, edge: str) -> None:
        """Be at a boundary."""
        whole = f"{group} {name}, {edge}"
        with self._lock:
            self.counts[whole] += 1
            self._in_group[group] += 1
            self._mark[:_MARK] = whole.encode()[:_MARK].ljust(_MARK)
            if self._plan.strikes(whole, self.counts[whole], group, self._in_group[group]):
                self._last_words(whole)
                os.kill(os.getpid(), signal.SIGKILL)


def read_mark(mark: mmap.mmap) -> str:
    """Return the name of the last boundary that a process reached."""
    return mark[:_MARK].decode(errors="replace").strip("\0 ")


def new_mark(path: str) -> mmap.mmap:
    """Open the file in which a process leaves the name of its last boundary."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.ftruncate(descriptor, _MARK)
        return mmap.mmap(descriptor, _MARK)
    finally:
        os.close(descriptor)


def put(owner: object, name: str, value: object) -> None:
    """Put something else in the place of a part of a module or class."""
    assert hasattr(owner, name), f"{owner} has no {name} any more"
    setattr(owner, name, value)


def install(trap: Trap) -> None:
    """Wrap everything through which this process acts on the world."""
    _commits(trap)
    _works()
    _httpx(trap)
    _aiohttp(trap)
    _socket_mode(trap)
    _steps(trap)


# ---- databases --------------------------------------------------------------------------------


def _commits(trap: Trap) -> None:
    do_commit = DefaultDialect.do_commit

    def committing(self: Any, dbapi_connection: Any) -> None:
        group, name = _whose()
        trap.reach(group, name, "before the commit")
        do_commit(self, dbapi_connection)  # type: ignore[no-untyped-call]
        trap.reach(group, name, "after the commit")

    put(DefaultDialect, "do_commit", committing)


def _whose() -> tuple[str, str]:
    """Return whose commit this is, and what it is about."""
    frame = sys._getframe(2)
    for _ in range(40):
        if frame.f_code.co_filename.endswith(("_sys_db.py", "_sys_db_sqlite.py")):
            return "workflow", frame.f_code.co_name
        if frame.f_back is None:
            break
        frame = frame.f_back
    first: str | None = getattr(_local, "first", None)
    _local.first = None
    return "database", first or "open"


def _works() -> None:
    """Name a commit by the entries it puts on the record, else by the work that writes it."""
    append = audit.append

    def appending(connection: Any, *, kind: str, **rest: Any) -> int:
        if getattr(_local, "is_fresh", False):
            _local.first, _local.is_fresh = kind, False
        return append(connection, kind=kind, **rest)

    put(audit, "append", appending)
    for database in (SqliteDatabase, _postgres()):
        if database is not None:
            _name_works(database)


def _postgres() -> type[Database] | None:
    try:
        from workflows.database.postgres import PostgresDatabase  # noqa: PLC0415
    except ImportError:
        return None
    return PostgresDatabase


def _name_works(database: type[Any]) -> None:
    write = database.write

    async def writing(self: Any, work: Any, **options: Any) -> Any:
        function = work
        while isinstance(function, functools.partial):
            function = function.func
        name = getattr(function, "__qualname__", "work").partition(".<locals>")[0]

        def named(connection: Any) -> Any:
            # Of works that share a commit, the first one names it.
            if getattr(_local, "first", None) is None:
                _local.first, _local.is_fresh = name, True
            try:
                return work(connection)
            finally:
                _local.is_fresh = False

        return await write(self, named, **options)

    put(database, "write", writing)


# ---- the wire ---------------------------------------------------------------------------------


def _httpx(trap: Trap) -> None:
    """Connectors and Telegram: asking, sent, answered."""
    begin = AsyncHTTP11Connection._send_request_headers
    answer = AsyncHTTP11Connection._receive_response_headers

    async def beginning(self: Any, request: httpcore.Request) -> None:
        trap.reach(*_asked(request), "before it is asked")
        await begin(self, request)

    async def answering(self: Any, request: httpcore.Request) -> Any:
        group, name = _asked(request)
        trap.reach(group, name, "asked, not answered")
        answered = await answer(self, request)
        trap.reach(group, name, "answered")
        return answered

    put(AsyncHTTP11Connection, "_send_request_headers", beginning)
    put(AsyncHTTP11Connection, "_receive_response_headers", answering)


def _asked(request: httpcore.Request) -> tuple[str, str]:
    path = request.url.target.decode("ascii", "replace").partition("?")[0]
    if path.startswith("/bot"):
        return "telegram", path.rpartition("/")[2]
    return "bank", f"{request.method.decode()} {_UUID.sub('…', path).removeprefix('/v1/')}"


def _aiohttp(trap: Trap) -> None:
    """Slack's Web API, its files and response addresses, and the dialling of Socket Mode."""
    request = aiohttp.ClientSession._request
    start = ClientResponse.start

    async def requesting(self: Any, method: str, url: Any, **rest: Any) -> Any:
        trap.reach("slack", _called(str(url)), "before it is asked")
        return await request(self, method, url, **rest)

    async def starting(self: Any, connection: Any) -> Any:
        name = _called(str(self.url))
        trap.reach("slack", name, "asked, not answered")
        started = await start(self, connection)
        trap.reach("slack", name, "answered")
        return started

    put(aiohttp.ClientSession, "_request", requesting)
    put(ClientResponse, "start", starting)


def _called(url: str) -> str:
    path = url.partition("?")[0].partition("://")[2].partition("/")[2]
    parts = path.split("/")
    if parts[0] == "api":
        return parts[-1]
    return {"link": "socket", "upload": "upload"}.get(parts[0], "response_url")


def _socket_mode(trap: Trap) -> None:
    """What Slack delivers, and that it was taken."""
    hear = AsyncBaseSocketModeClient.run_message_listeners
    acknowledge = AsyncBaseSocketModeClient.send_socket_mode_response

    async def hearing(self: Any, message: dict[str, Any], raw_message: str) -> None:
        if (kind := message.get("type")) in _SOCKET_KINDS:
            trap.reach("delivery", str(kind), "delivered")
        await hear(self, message, raw_message)

    async def acknowledging(self: Any, response: Any) -> None:
        trap.reach("delivery", "of Slack", "not acknowledged")
        await acknowledge(self, response)
        trap.reach("delivery", "of Slack", "acknowledged")

    put(AsyncBaseSocketModeClient, "run_message_listeners", hearing)
    put(AsyncBaseSocketModeClient, "send_socket_mode_response", acknowledging)


# ---- the workflow -----------------------------------------------------------------------------


def _steps(trap: Trap) -> None:
    take = Dispatcher.take

    async def taking(self: Any, step: str, order_id: str) -> Any:
        trap.reach("step", step, "before")
        onward = await take(self, step, order_id)
        trap.reach("step", step, "after")
        return onward

    put(Dispatcher, "take", taking)
