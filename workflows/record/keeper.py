"""Makes checkpoints while the service runs, and notices at each that the last one still holds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import structlog
from sqlalchemy import Connection, select

from workflows import audit
from workflows.clock import Clock
from workflows.database import Database
from workflows.record import checkpoints
from workflows.record.checkpoints import Checkpoint, Growth, PublicKey, RecordKey
from workflows.record.problems import RecordBroken
from workflows.record.witness import Witness
from workflows.tables import checkpoint

log = structlog.get_logger(__name__)

EVERY = 1000
"""Entries after which a checkpoint is due."""
WITHIN = timedelta(hours=1)
"""Time after which one is due, if there was any entry at all."""


class Checkpoints:
    """Keeps the record checkpointed; one per process, any number over replicas.

    What is to be signed is computed and checked by a reader, beside the writer: no click waits for
    it. A record that is not what its last checkpoint or the witness says is not signed; the digest
    channel is told.

    Args:
        key: None for an installation without one: its checkpoints are unsigned.
        witness: None where there is nowhere to write one.
        former: Public keys that signed earlier checkpoints.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        key: RecordKey | None,
        witness: Witness | None,
        *,
        former: Iterable[PublicKey] = (),
        every: int = EVERY,
        within: timedelta = WITHIN,
    ) -> None:
        self._database = database
        self._clock = clock
        self._key = key
        self._witness = witness
        self._keys = {each.id: each for each in former}
        if key is not None:
            self._keys[key.public.id] = key.public
        self._every, self._within = every, within
        self._one_at_a_time = asyncio.Lock()
        self._told: set[str] = set()

    async def due(self) -> bool:
        """Whether enough was appended, or enough time has passed, since the last checkpoint."""
        return await self._database.read(self._is_due)

    async def checkpoint_if_due(self) -> Checkpoint | None:
        """Make a checkpoint if one is due; return it, or None."""
        return await self.make() if await self.due() else None

    async def make(self) -> Checkpoint | None:
        """Make a checkpoint of all there is now, and have it witnessed.

        Returns the newest checkpoint, which is an older one where nothing was appended since; None
        of an empty record, and of one that must not be signed.
        """
        async with self._one_at_a_time:
            try:
                growth = await self._database.read(self._look)
            except RecordBroken as problem:
                await self._alarm(problem)
                return None
            if not growth.seq:
                return None
            made = growth.last
            if growth.is_new:
                made = await self._database.write(
                    lambda connection: checkpoints.store(
                        connection, growth, self._key, self._clock()
                    )
                )
            assert made is not None
            await asyncio.to_thread(self._have_witnessed, made)
            return made

    def _is_due(self, connection: Connection) -> bool:
        seq, _ = audit.head(connection)
        try:
            last = checkpoints.newest(connection)
        except RecordBroken:
            return True  # and it will be told why it cannot be made
        if last is None:
            return seq > 0
        since = seq - last.seq
        return since >= self._every or bool(since and self._clock() - last.made_at >= self._within)

    def _look(self, connection: Connection) -> Growth:
        if self._witness is not None:
            look_back(connection, self._witness)
        return checkpoints.grown(connection, self._keys)

    def _have_witnessed(self, made: Checkpoint) -> None:
        if self._witness is None:
            return
        try:
            if self._witness.newest() != made:
                self._witness.append(made)
        except OSError as error:
            # The service goes on: the checkpoint itself is stored, and the digest tells it too.
            log.warning("record witness", file=str(self._witness), error=error.strerror)

    async def _alarm(self, problem: RecordBroken) -> None:
        """Say once, in the log and in the digest channel, that nothing more is signed."""
        text = str(problem)
        log.critical("the record is not signed", code=problem.code, problem=text)
        if text in self._told:
            return
        self._told.add(text)
        now = self._clock()
        await self._database.write(
            lambda connection: audit.append(
                connection,
                at=now,
                actor=audit.SYSTEM,
                kind="record.alarm",
                subject="record",
                facts={"code": f"record.{problem.code}", "detail": text},
            )
        )


def look_back(connection: Connection, witness: Witness) -> None:
    """See that the last checkpoint that was witnessed is still there.

    Raises:
        RecordBroken: it is not: this is an older copy of the database, or another one.
    """
    try:
        seen = witness.newest()
    except OSError as error:
        log.warning("record witness", file=str(witness), error=error.strerror)
        return
    if seen is None:
        return
    stored = connection.execute(
        select(checkpoint.c.body, checkpoint.c.signature).where(checkpoint.c.seq == seen.seq)
    ).one_or_none()
    if stored is not None and (stored.body, stored.signature) == (seen.body, seen.signature):
        return
    seq, _ = audit.head(connection)
    what = "has another" if stored is not None else "does not have it"
    raise RecordBroken(
        "rollback",
        f"the witness has seen checkpoint {seen.seq}, the database (entry {seq}) {what}",
    )
