"""Hears what other replicas record, and says that this process uses the tables."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import psycopg
import structlog

from workflows.database.base import DatabaseError
from workflows.database.postgres_errors import unreachable
from workflows.database.postgres_server import CHANNEL, USE_LOCK, Server
from workflows.tables import SCHEMA

log = structlog.get_logger(__name__)

_QUIET_SECONDS = 10.0
_FIRST_RETRY, _LONGEST_RETRY = 0.1, 5.0


class News:
    """One connection that listens for as long as the database is open.

    Attributes:
        refusal: Why this process may use the database no longer: its tables were changed while
            the connection was away.
    """

    def __init__(self, server: Server, committed: asyncio.Event, token: str) -> None:
        self.refusal: DatabaseError | None = None
        self._server = server
        self._committed = committed
        self._token = token
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen; raises `DatabaseError`."""
        try:
            connection = await self._connect()
        except psycopg.Error as error:
            raise unreachable(error, self._server.name) from error
        self._task = asyncio.create_task(self._keep_listening(connection))

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        connection = await self._server.connect_async()
        try:
            await connection.execute(f"LISTEN {CHANNEL}")
            # Waits while somebody changes the tables.
            await connection.execute("SET lock_timeout TO 0")
            await connection.execute("SELECT pg_advisory_lock_shared(%s)", [USE_LOCK])
            cursor = await connection.execute("SELECT version_num FROM alembic_version")
            (found,) = await cursor.fetchone() or (None,)
            if found != SCHEMA:
                raise DatabaseError(
                    f"{self._server.name} has tables of version {found} now, this program needs "
                    f"version {SCHEMA}. Start the version that changed them."
                )
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _keep_listening(self, connection: psycopg.AsyncConnection[Any]) -> None:
        while True:
            try:
                async with connection:
                    await self._listen(connection)
            except psycopg.Error as error:
                log.warning("database.listener_lost", error=type(error).__name__)
            connection = await self._reconnected()
            # Something may have been recorded in between.
            self._committed.set()

    async def _listen(self, connection: psycopg.AsyncConnection[Any]) -> None:
        while True:
            async for each in connection.notifies(timeout=_QUIET_SECONDS):
                if each.payload != self._token:
                    self._committed.set()
            await connection.execute("SELECT 1")

    async def _reconnected(self) -> psycopg.AsyncConnection[Any]:
        wait = _FIRST_RETRY
        while True:
            await asyncio.sleep(wait)
            wait = min(_LONGEST_RETRY, wait * 2)
            with suppress(psycopg.Error):
                try:
                    return await self._connect()
                except DatabaseError as error:
                    if self.refusal is None:
                        log.error("database.refused", reason=str(error))
                    self.refusal = error
