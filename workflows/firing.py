"""Firings of the clockwork, each run once whoever's clock strikes first.

Every replica has the same jobs and the same clock. What strikes is a DBOS workflow whose id is the
job and the instant it was scheduled for: the second replica to start it finds it started, and one
that was cut off is taken over like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from apscheduler.executors.base import BaseExecutor
from dbos import DBOS, SetWorkflowID

log = structlog.get_logger(__name__)

Job = Callable[[], Awaitable[None]]

_jobs: dict[str, Job] = {}
"""The jobs of this process, by name: DBOS finds a workflow's work by what it stored, a name."""


def register(name: str, job: Job) -> None:
    """Name the work that is done when ``name`` strikes."""
    _jobs[name] = job


async def once(name: str, scheduled: datetime) -> None:
    """Do a job for the instant it was scheduled for, unless that was begun before, anywhere."""
    instant = scheduled.astimezone(UTC).isoformat(timespec="seconds")
    with SetWorkflowID(f"{name}@{instant}"):
        await DBOS.start_workflow_async(_fire, name)


@DBOS.workflow(name="fire", max_recovery_attempts=1_000)
async def _fire(name: str) -> None:
    await DBOS.run_step_async({"name": name}, _do, name)


async def _do(name: str) -> None:
    """Do a job; one that fails is done again at its next firing."""
    job = _jobs.get(name)
    if job is None:  # settings have changed since it struck
        return
    try:
        await job()
    except Exception:
        log.exception("job", name=name)


class Striker(BaseExecutor):  # type: ignore[misc]
    """Tells each job for which instant it is called; APScheduler's own executors do not."""

    def start(self, scheduler: Any, alias: str) -> None:
        """Begin, in the scheduler's event loop."""
        super().start(scheduler, alias)
        self._under_way: set[asyncio.Task[None]] = set()

    def shutdown(self, wait: bool = True) -> None:
        """Cancel what has not been started; what was is DBOS's to finish."""
        del wait
        for task in self._under_way:
            task.cancel()

    def _do_submit_job(self, job: Any, run_times: list[datetime]) -> None:
        async def strike() -> None:
            try:
                await job.func(run_times[-1])
            except Exception as error:
                log.exception("firing", job=job.id)
                self._run_job_error(job.id, error, error.__traceback__)
            else:
                self._run_job_success(job.id, [])

        task = asyncio.create_task(strike())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
