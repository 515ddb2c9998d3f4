"""What happens by the clock: collecting statements, the digest, deadlines.

Every job can run at any time and any number of times: what it does, it does to what the tables
say is due. Those that talk to the world strike once over all replicas (`workflows.firing`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import Connection, select

from workflows import absence, audit, firing, kept_files, proposals, requests, series
from workflows.clock import Clock
from workflows.company import Company
from workflows.completion import complete_due
from workflows.database import Database
from workflows.dispatch import Dispatcher
from workflows.firing import Striker
from workflows.record.keeper import Checkpoints
from workflows.reminders import Reminders, remind
from workflows.replicas import HEARTBEAT_SECONDS
from workflows.statements import Collector
from workflows.tables import audit_entry

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 15
CHECK_SECONDS = 60
_FORGET_EVERY = timedelta(hours=1)
_REMIND_EVERY = timedelta(minutes=5)


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
        checkpoints: Checkpoints,
        digest_at: time | None,
        reminders: Reminders,
        digest_weekdays: str = "mon-fri",
    ) -> None:
        self._database = database
        self._company = company
        self._collector = collector
        self._dispatcher = dispatcher
        self._clock = clock
        self._checkpoints = checkpoints
        self._reminders = reminders
        self._forgot_at: datetime | None = None
        self._reminded_at: datetime | None = None
        self._scheduler = AsyncIOScheduler(
            timezone=company.timezone, executors={"default": Striker()}
        )
        for own in company.accounts.values():
            zone = ZoneInfo(own.account.timezone)
            trigger = CronTrigger.from_crontab(own.collect, timezone=zone)
            self._add_once(f"collect:{own.id}", trigger, partial(self._collector.collect, own.id))
        if digest_at is not None:
            trigger = CronTrigger(
                day_of_week=digest_weekdays,
                hour=digest_at.hour,
                minute=digest_at.minute,
                timezone=company.timezone,
            )
            self._add_once("digest", trigger, self.digest)
        self._add("sweep", IntervalTrigger(seconds=SWEEP_SECONDS), self.sweep)
        self._add("checkpoint", IntervalTrigger(seconds=CHECK_SECONDS), self.checkpoint)
        self._add("beat", IntervalTrigger(seconds=HEARTBEAT_SECONDS), dispatcher.takeover.beat)

    def start(self) -> None:
        """Start the clockwork in the running event loop."""
        self._scheduler.start()

    def stop(self) -> None:
        """Start no further job."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _add_once(self, name: str, trigger: object, job: Callable[[], Awaitable[object]]) -> None:
        """Have a job done once at each of its instants, by one of the replicas."""

        async def do() -> None:
            await job()

        firing.register(name, do)
        self._schedule(name, trigger, partial(firing.once, name))

    def _add(self, name: str, trigger: object, job: Callable[[], Awaitable[None]]) -> None:
        """Have a job done by every replica."""

        async def strike(scheduled: datetime) -> None:
            del scheduled
            await job()

        self._schedule(name, trigger, strike)

    def _schedule(
        self, name: str, trigger: object, strike: Callable[[datetime], Awaitable[None]]
    ) -> None:
        self._scheduler.add_job(
            strike,
            trigger,
            args=(None,),  # the instant takes its place when it strikes
            id=name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=3600,
        )

    async def collect(self) -> None:
        """Collect every account's statement now."""
        for account_id in self._company.accounts:
            await self._collector.collect(account_id)

    async def digest(self) -> None:
        """Put on the record that today's digest is due; once a day, whoever calls."""
        now = self._clock()
        today = now.astimezone(self._company.timezone).date()
        await self._database.write(lambda connection: declare_digest(connection, today, now=now))
        await self._checkpoints.make()  # what the digest tells of is what was signed

    async def checkpoint(self) -> None:
        """Have the record signed, if enough was added to it."""
        await self._checkpoints.checkpoint_if_due()

    async def sweep(self) -> None:
        """Enforce deadlines, and start what a crash kept from starting."""
        now = self._clock()
        await self._database.write(lambda connection: self._due(connection, now))
        await self._continue_series(now)
        await self._dispatcher.sweep()
        await self._remind(now)
        await self._forget(now)

    def _due(self, connection: Connection, now: datetime) -> None:
        expire_due(connection, now=now)
        absence.tell_due(connection, self._company, now=now)

    async def _continue_series(self, now: datetime) -> None:
        """Ask for what comes again; nothing else waits for what goes wrong with it."""
        try:
            await self._database.write(
                lambda connection: series.continue_due(connection, self._company, now=now)
            )
        except Exception:
            log.exception("series")

    async def _remind(self, now: datetime) -> None:
        """Remind whom payments wait for, and move on those that wait for nobody.

        What another replica told already is on the record.
        """
        if self._reminded_at is not None and now - self._reminded_at < _REMIND_EVERY:
            return

        def remind_and_complete(connection: Connection) -> None:
            complete_due(connection, self._company, now=now)
            remind(connection, self._company, self._reminders, now=now)

        await self._database.write(remind_and_complete)
        self._reminded_at = now

    async def _forget(self, now: datetime) -> None:
        """Drop files that no payment came of, now and then."""
        if self._forgot_at is not None and now - self._forgot_at < _FORGET_EVERY:
            return
        await self._database.write(lambda connection: kept_files.forget_loose(connection, now=now))
        self._forgot_at = now


def expire_due(connection: Connection, *, now: datetime) -> None:
    """Close what waited for its approvals for too long."""
    requests.expire_due(connection, now=now)
    proposals.expire_due(connection, now=now)


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
