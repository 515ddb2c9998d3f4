"""What happens by the clock: collecting statements, the digest, deadlines.

Every job can run at any time and any number of times: what it does, it does to what the tables
say is due.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import Connection, select

from workflows import audit, requests
from workflows.clock import Clock
from workflows.company import Company
from workflows.database import Database
from workflows.dispatch import Dispatcher
from workflows.statements import Collector
from workflows.tables import audit_entry

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 15


class Schedule:
    """Runs the jobs of one process."""

    def __init__(
        self,
        database: Database,
        company: Company,
        collector: Collector,
        dispatcher: Dispatcher,
        clock: Clock,
        *,
        digest_at: time | None,
        digest_weekdays: str = "mon-fri",
    ) -> None:
        self._database = database
        self._company = company
        self._collector = collector
        self._dispatcher = dispatcher
        self._clock = clock
        self._scheduler = AsyncIOScheduler(timezone=company.timezone)
        for own in company.accounts.values():
            zone = ZoneInfo(own.account.timezone)
            self._add(
                f"collect:{own.id}",
                CronTrigger.from_crontab(own.collect, timezone=zone),
                self._collect_one(own.id),
            )
        if digest_at is not None:
            trigger = CronTrigger(
                day_of_week=digest_weekdays,
                hour=digest_at.hour,
                minute=digest_at.minute,
                timezone=company.timezone,
            )
            self._add("digest", trigger, self.digest)
        self._add("sweep", IntervalTrigger(seconds=SWEEP_SECONDS), self.sweep)

    def start(self) -> None:
        """Start the clockwork in the running event loop."""
        self._scheduler.start()

    def stop(self) -> None:
        """Start no further job."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _add(self, name: str, trigger: object, job: Callable[[], Awaitable[None]]) -> None:
        async def guarded() -> None:
            try:
                await job()
            except Exception:
                log.exception("job", name=name)

        self._scheduler.add_job(
            guarded,
            trigger,
            id=name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=3600,
        )

    def _collect_one(self, account_id: str) -> Callable[[], Awaitable[None]]:
        async def collect() -> None:
            await self._collector.collect(account_id)

        return collect

    async def collect(self) -> None:
        """Collect every account's statement now."""
        for account_id in self._company.accounts:
            await self._collector.collect(account_id)

    async def digest(self) -> None:
        """Put on the record that today's digest is due; once a day, whoever calls."""
        now = self._clock()
        today = now.astimezone(self._company.timezone).date()
        await self._database.write(lambda connection: declare_digest(connection, today, now=now))

    async def sweep(self) -> None:
        """Enforce deadlines, and start what a crash kept from starting."""
        now = self._clock()
        await self._database.write(lambda connection: requests.expire_due(connection, now=now))
        await self._dispatcher.sweep()


def declare_digest(connection: Connection, day: date, *, now: datetime) -> bool:
    """Put on the record that the digest of ``day`` is due; False when it was before."""
    subject = f"digest:{day.isoformat()}"
    present = connection.execute(
        select(audit_entry.c.seq).where(
            audit_entry.c.subject == subject, audit_entry.c.kind == "digest.due"
        )
    ).first()
    if present is not None:
        return False
    audit.append(connection, at=now, actor=audit.SYSTEM, kind="digest.due", subject=subject)
    return True
