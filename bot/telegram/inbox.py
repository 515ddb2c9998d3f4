"""What Telegram delivers, made durable and unique before it counts as taken.

Telegram forgets an update as soon as it is confirmed, and delivers it again until then; the
library keeps it in memory alone, acts on it as often as it comes, and cannot get past one that it
does not understand. So updates are stored as they come, by their id, and dealt with from there:
one after the other for each sender, several senders at once, again after a crash, and not for
ever where one cannot be dealt with.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, delete, func, insert, or_, select, update

from workflows.clock import Clock
from workflows.database import Database
from workflows.tables import telegram_update

log = structlog.get_logger(__name__)

LARGEST = 256 * 1024
"""Bytes of one update's JSON; Telegram's own are far below."""
KEPT_FOR = timedelta(days=3)
"""Telegram repeats an update for a day at most."""

_MOST_ATTEMPTS = 3
_LEASE = timedelta(minutes=2)
_PAUSE = timedelta(seconds=3)
_AT_ONCE = 16
_IDLE_SECONDS = 5.0
_REST_SECONDS = 1.0
"""Before a sender is served again where the database would not have it."""

Raw = Mapping[str, Any]
Handler = Callable[[Raw], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Claimed:
    """An update that is ours to deal with."""

    update_id: int
    payload: str
    attempts: int


class Inbox:
    """Takes updates in and has ``handler`` deal with each.

    Args:
        dropped: Told what could not be dealt with, after the last attempt.
    """

    def __init__(
        self, database: Database, clock: Clock, handler: Handler, dropped: Handler
    ) -> None:
        self._database = database
        self._clock = clock
        self._handler = handler
        self._dropped = dropped
        self._news = asyncio.Event()
        self._busy: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, updates: Sequence[Raw]) -> None:
        """Store updates; one that came before is not taken again.

        Returning means that they are durable: they may be confirmed to Telegram.
        """
        now = self._clock()
        await self._database.write(lambda connection: _store(connection, updates, now))
        self._news.set()

    async def run(self) -> None:
        """Deal with what is there and what comes, until cancelled."""
        while True:
            self._news.clear()
            while len(self._busy) < _AT_ONCE and await self._start_one():
                pass
            # Not wait_for: when the news comes just then, that one forgets it was cancelled.
            with suppress(TimeoutError):
                async with asyncio.timeout(_IDLE_SECONDS):
                    await self._news.wait()

    async def reclaim(self) -> None:
        """Give up what a process that died had claimed; only where no other process lives."""
        await self._database.write(
            lambda connection: connection.execute(
                update(telegram_update)
                .where(telegram_update.c.done_at.is_(None))
                .values(claimed_until=None)
            )
        )

    async def stop(self) -> None:
        """Let what is under way finish, for a moment."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        for task in self._tasks:
            task.cancel()

    async def forget(self) -> None:
        """Drop what is dealt with and cannot come again."""
        before = self._clock() - KEPT_FOR
        await self._database.write(
            lambda connection: connection.execute(
                delete(telegram_update).where(telegram_update.c.done_at < before)
            )
        )

    async def waiting(self) -> int:
        """Return how many updates are not dealt with yet."""
        return await self._database.read(
            lambda connection: connection.execute(
                select(func.count()).where(telegram_update.c.done_at.is_(None))
            ).scalar_one()
        )

    async def _start_one(self) -> bool:
        """Begin with the next sender who has something waiting; False when there is none."""
        now = self._clock()
        busy = frozenset(self._busy)
        sender = await self._database.read(lambda connection: _next_sender(connection, busy, now))
        if sender is None:
            return False
        self._busy.add(sender)
        task = asyncio.create_task(self._serve(sender))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _serve(self, sender: int) -> None:
        """Deal with one sender's updates, in order."""
        try:
            while (claimed := await self._claim(sender)) is not None:
                await self._deal_with(claimed)
        except Exception:  # the database: what is claimed comes again when the lease is over
            log.exception("telegram inbox")
            await asyncio.sleep(_REST_SECONDS)
        finally:
            self._busy.discard(sender)
            self._news.set()

    async def _claim(self, sender: int) -> Claimed | None:
        now = self._clock()
        return await self._database.write(lambda connection: _claim(connection, sender, now))

    async def _deal_with(self, claimed: Claimed) -> None:
        """Have the handler deal with an update, again later if it fails, not for ever."""
        raw = json.loads(claimed.payload)
        if claimed.attempts > _MOST_ATTEMPTS:  # each time the process died over it
            await self._drop(claimed, raw, "kept failing")
            return
        try:
            await self._handler(raw)
        except Exception as error:
            log.exception("telegram update", update=claimed.update_id, attempt=claimed.attempts)
            if claimed.attempts == _MOST_ATTEMPTS:
                await self._drop(claimed, raw, type(error).__name__)
                return
            later = self._clock() + _PAUSE * claimed.attempts**2
            await self._set(claimed, claimed_until=later, problem=type(error).__name__)
        else:
            await self._set(claimed, payload=None, done_at=self._clock(), problem=None)

    async def _drop(self, claimed: Claimed, raw: Raw, problem: str) -> None:
        await self._set(claimed, payload=None, done_at=self._clock(), problem=problem)
        try:
            await self._dropped(raw)
        except Exception:
            log.exception("telegram update dropped", update=claimed.update_id)

    async def _set(self, claimed: Claimed, **values: object) -> None:
        await self._database.write(
            lambda connection: connection.execute(
                update(telegram_update)
                .where(telegram_update.c.update_id == claimed.update_id)
                .values(**values)
            )
        )


def sender_of(raw: Raw) -> int:
    """Return who caused an update; 0 where that cannot be told."""
    for kind in raw.values():
        if isinstance(kind, dict):
            sender = kind.get("from")
            if isinstance(sender, dict) and isinstance(sender.get("id"), int):
                return int(sender["id"])
    return 0


def _store(connection: Connection, updates: Sequence[Raw], now: datetime) -> None:
    given = {each["update_id"]: each for each in updates if isinstance(each.get("update_id"), int)}
    known = set(
        connection.execute(
            select(telegram_update.c.update_id).where(telegram_update.c.update_id.in_(given))
        ).scalars()
    )
    for update_id, raw in given.items():
        if update_id in known:
            continue
        # In ASCII: half a character, which JSON can carry, is none that could be stored.
        payload = json.dumps(raw, separators=(",", ":"))
        is_too_large = len(payload) > LARGEST
        connection.execute(
            insert(telegram_update).values(
                update_id=update_id,
                sender_id=sender_of(raw),
                received_at=now,
                payload=None if is_too_large else payload,
                attempts=0,
                done_at=now if is_too_large else None,
                problem="too large" if is_too_large else None,
            )
        )


def _free(now: datetime) -> Any:
    claimed_until = telegram_update.c.claimed_until
    return or_(claimed_until.is_(None), claimed_until < now)


def _next_sender(connection: Connection, busy: frozenset[int], now: datetime) -> int | None:
    """Return whose first update waits: nobody's who is served, here or by another replica."""
    earlier = telegram_update.alias()
    is_served = (
        select(earlier.c.update_id)
        .where(
            earlier.c.sender_id == telegram_update.c.sender_id,
            earlier.c.done_at.is_(None),
            earlier.c.update_id < telegram_update.c.update_id,
        )
        .exists()
    )
    return connection.execute(
        select(telegram_update.c.sender_id)
        .where(
            telegram_update.c.done_at.is_(None),
            _free(now),
            telegram_update.c.sender_id.not_in(busy),
            ~is_served,
        )
        .order_by(telegram_update.c.update_id)
        .limit(1)
    ).scalar()


def _claim(connection: Connection, sender: int, now: datetime) -> Claimed | None:
    """Return a sender's first update, if nobody else is at it or at an earlier one."""
    row = connection.execute(
        select(telegram_update)
        .where(telegram_update.c.done_at.is_(None), telegram_update.c.sender_id == sender)
        .order_by(telegram_update.c.update_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    taken = connection.execute(
        update(telegram_update)
        .where(
            telegram_update.c.update_id == row.update_id,
            telegram_update.c.done_at.is_(None),
            telegram_update.c.attempts == row.attempts,
            _free(now),
        )
        .values(claimed_until=now + _LEASE, attempts=row.attempts + 1)
    )
    if not taken.rowcount:
        return None
    return Claimed(row.update_id, row.payload or "{}", row.attempts + 1)
