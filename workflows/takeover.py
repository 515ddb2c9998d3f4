"""One replica among others: it says that it lives, and takes over from those that are silent."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import structlog
from dbos import DBOS
from dbos import error as dbos_errors

from workflows import replicas
from workflows.clock import Clock
from workflows.database import Database, DatabaseError
from workflows.replicas import Replica

log = structlog.get_logger(__name__)

LOCAL = "local"
"""Name of the one process that serves where there are no replicas."""
_CUT_OFF = "CANCELLED"
"""Status of a workflow that was about to begin anew: nothing else cancels any."""


class Takeover:
    """This replica's part in keeping every workflow walked by somebody.

    Attributes:
        replica_id: DBOS knows this process by it.
    """

    def __init__(
        self, database: Database, clock: Clock, replica_id: str, workflow_version: str
    ) -> None:
        self.replica_id = replica_id
        self._database = database
        self._clock = clock
        self._version = workflow_version

    @property
    def is_alone(self) -> bool:
        """Whether no other process can serve the same database."""
        return self.replica_id == LOCAL

    async def beat(self) -> None:
        """Say that this replica lives, and take over from those that do not."""
        if self.is_alone:
            return
        beat = partial(replicas.beat, replica_id=self.replica_id, now=self._clock())
        await self._database.write(beat, recorded=False)
        while dead := await self._claim_dead():
            await self._take_over(dead)

    async def _claim_dead(self) -> str | None:
        claim = partial(replicas.claim_dead, by=self.replica_id, now=self._clock())
        return await self._database.write(claim, recorded=False)

    async def _take_over(self, dead: str) -> None:
        """Put what a dead replica was at back into DBOS's queue, from which one living takes it.

        From there nobody takes what is of a version that none of the living has: it begins anew.
        """
        cut_off = await DBOS.list_workflows_async(
            status="PENDING", executor_id=dead, load_input=False, load_output=False
        )
        log.warning("replica silent", replica=dead, workflows=len(cut_off))
        if own := [each.workflow_id for each in cut_off if each.app_version == self._version]:
            await DBOS.resume_workflows_async(own)
        await self.forget_outdated()
        bury = partial(replicas.buried, replica_id=dead, by=self.replica_id)
        await self._database.write(bury, recorded=False)

    async def forget_outdated(self) -> None:
        """Begin anew, in this version, what only another version could go on with.

        Where an order stands is in its own tables, so nothing is lost with what its workflow
        noted. Workflows of a living replica of the other version are left to it.
        """
        found = await DBOS.list_workflows_async(
            status=["PENDING", "ENQUEUED", _CUT_OFF], load_input=False, load_output=False
        )
        alive = {each.id for each in await self._living()} - {self.replica_id}
        outdated = [
            each.workflow_id
            for each in found
            if each.status == _CUT_OFF
            or (each.app_version != self._version and each.executor_id not in alive)
        ]
        if not outdated:
            return
        log.info("workflows of another version begin anew", count=len(outdated))
        await DBOS.cancel_workflows_async(outdated)
        for each in outdated:
            with suppress(dbos_errors.DBOSException):  # another replica was quicker
                await DBOS.rewind_workflow_async(each, application_version=self._version)

    async def _living(self) -> list[Replica]:
        now = self._clock()
        return await self._database.read(lambda connection: replicas.living(connection, now=now))

    async def leave(self) -> None:
        """Say that this replica stops, so that its work is taken over at once."""
        if self.is_alone:
            return
        leave = partial(replicas.leave, replica_id=self.replica_id, now=self._clock())
        with suppress(DatabaseError):
            await self._database.write(leave, recorded=False)
