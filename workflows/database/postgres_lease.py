"""Leases that last as long as a connection: PostgreSQL's advisory locks of a session."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from typing import Any

import psycopg
import structlog

from workflows.database.lease import Lease
from workflows.database.postgres_server import LEASES, Server

log = structlog.get_logger(__name__)

_POLL_SECONDS = 1.0
# Together shorter than the server needs to notice a client that is gone (25 s): whoever loses
# the lease knows it before another has it.
_QUIET_SECONDS, _ANSWER_SECONDS = 2.0, 5.0


class PostgresLease(Lease):
    """Held by one connection of one process.

    Asked for once a second rather than waited for: a statement that waits keeps the server from
    cleaning up behind it.
    """

    def __init__(self, name: str, server: Server) -> None:
        super().__init__(name)
        self._server = server
        self._key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], signed=True)
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._watching: asyncio.Task[None] | None = None

    async def _take(self) -> None:
        while self._connection is None:
            connection = None
            try:
                connection = await self._server.connect_async()
                await self._wait(connection)
                self._connection = connection
            except psycopg.Error as error:
                log.warning("lease.unreachable", lease=self.name, error=type(error).__name__)
                await asyncio.sleep(_POLL_SECONDS)
            finally:
                if connection is not None and self._connection is None:
                    await connection.close()
        self._watching = asyncio.create_task(self._watch(self._connection))

    async def _wait(self, connection: psycopg.AsyncConnection[Any]) -> None:
        while True:
            cursor = await connection.execute(
                "SELECT pg_try_advisory_lock(%s, %s)", [LEASES, self._key]
            )
            (is_ours,) = await cursor.fetchone() or (False,)
            if is_ours:
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def _watch(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Set `lost` as soon as the connection may be gone."""
        try:
            while True:
                async for _ in connection.notifies(timeout=_QUIET_SECONDS):
                    pass
                async with asyncio.timeout(_ANSWER_SECONDS):
                    await connection.execute("SELECT 1")
        except (psycopg.Error, TimeoutError) as error:
            log.warning("lease.lost", lease=self.name, error=type(error).__name__)
        finally:
            self.lost.set()

    async def _give_back(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None
        if self._connection is not None:
            with suppress(psycopg.Error):
                await self._connection.close()
            self._connection = None
