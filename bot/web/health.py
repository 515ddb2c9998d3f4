"""The health page: whether the bot can really work, not whether its process lives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, update
from starlette.requests import Request
from starlette.responses import JSONResponse

from workflows.clock import Clock
from workflows.database import Database
from workflows.tables import schema_version

log = structlog.get_logger(__name__)

_LONGEST_WAIT_SECONDS = 5.0
_LONGEST_BEHIND = timedelta(minutes=5)
"""News may wait so long to be told; what is wrong then does not pass by itself."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a chat is reached at this moment.

    Attributes:
        is_connected: Whether the chat could deliver now.
        last: When it last truly delivered something; None when it never has since the start.
        behind_since: Since when news wait that could not be told; None while all are.
    """

    is_connected: bool
    last: datetime | None = None
    behind_since: datetime | None = None


Deliveries = Callable[[], Mapping[str, Delivery]]
"""Returns the state of each chat, by its name."""


class Health:
    """Answers ``GET /health`` for load balancers and monitoring.

    200 with ``status`` ``ok`` while the database takes writes and every chat is connected; else
    503 with ``status`` ``degraded`` and what is wrong. Nothing in it is confidential.
    """

    def __init__(
        self, database: Database, deliveries: Deliveries, clock: Clock, version: str
    ) -> None:
        self._database = database
        self._deliveries = deliveries
        self._clock = clock
        self._version = version
        self._asking: asyncio.Task[bool] | None = None

    async def answer(self, _request: Request) -> JSONResponse:
        """Return what holds at this moment."""
        is_writable = await self._is_writable()
        chats = self._deliveries()
        patience = self._clock() - _LONGEST_BEHIND
        is_ok = is_writable and all(
            each.is_connected and not (each.behind_since and each.behind_since < patience)
            for each in chats.values()
        )
        body = {
            "status": "ok" if is_ok else "degraded",
            "version": self._version,
            "at": self._clock().isoformat(timespec="seconds"),
            "database": {"writable": is_writable},
            "chats": {
                name: {
                    "connected": each.is_connected,
                    "last_delivery": each.last.isoformat(timespec="seconds") if each.last else None,
                    **(
                        {"behind_since": each.behind_since.isoformat(timespec="seconds")}
                        if each.behind_since
                        else {}
                    ),
                }
                for name, each in chats.items()
            },
        }
        return JSONResponse(body, status_code=200 if is_ok else 503)

    async def _is_writable(self) -> bool:
        # However many ask at once, the disk is asked once.
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._write())
        return await asyncio.shield(self._asking)

    async def _write(self) -> bool:
        try:
            async with asyncio.timeout(_LONGEST_WAIT_SECONDS):
                await self._database.write(_touch)
        except Exception as error:  # whatever keeps it from being written
            log.error("health.database", error=type(error).__name__)
            return False
        return True


def _touch(connection: Connection) -> None:
    """Write something that changes nothing: it goes the whole way to the disk even so."""
    same = update(schema_version).values(version_num=schema_version.c.version_num)
    assert connection.execute(same).rowcount == 1
