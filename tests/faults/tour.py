"""Every boundary of a payment, each once: a life ends at the first one where none has ended yet."""

from __future__ import annotations

import asyncio
import time

from tests.faults.campaign import START_SECONDS, Outcome, ended
from tests.faults.colleagues import NotDone
from tests.faults.company import World
from tests.faults.office import Office, Story
from tests.faults.plan import Plan
from tests.faults.processes import Life, Nursery

_STORIES = (
    # Between them, they take everybody's chat for everything.
    ("amara", ("bea",)),
    ("tomo", ("dora",)),
)


class Tour:
    """Payments, until all of them get through without another death.

    Args:
        spares_start: Whether boundaries that lie on the way to a first start are left out.
        where: What is found in the names of the boundaries that are visited.
        number: Which one of each name ends a life: the first, or a later one.
        limit: How many deaths there are at most.
        hurries: Whether a dead process is taken for dead within seconds, where others could live.
    """

    def __init__(
        self,
        world: World,
        nursery: Nursery,
        *,
        spares_start: bool = False,
        where: str = "",
        number: int = 1,
        limit: int = 1000,
        hurries: bool = False,
    ) -> None:
        self._world = world
        self._nursery = nursery
        self._office = Office(world)
        self._spares_start = spares_start
        self._where = where
        self._number = number
        self._limit = limit
        self._hurries = hurries
        self._spared: set[str] = set()
        self._life: Life | None = None
        self._last_death = 0.0
        self.outcome = Outcome()

    async def run(self) -> Outcome:
        """Visit them all, and be judged."""
        began = time.monotonic()
        if self._spares_start:
            await self._start_once()
        lives = asyncio.create_task(self._keep_alive())
        try:
            await self._work()
        except NotDone as error:
            self.outcome.verdict.wrong.append(str(error))
        finally:
            await ended(lives)
            if self._life is not None:
                await self.outcome.stop(self._life)
        await self.outcome.judge(self._office)
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    async def _start_once(self) -> None:
        """Start and stop in good order, and spare what is passed on the way."""
        for _ in range(2):  # at the first start there are old news to be told
            life = await self._bear(Plan())
            await life.is_ready(START_SECONDS)
            await self._office.until_quiet()
            await life.stop()
        self._spared |= set(life.counts)

    async def _keep_alive(self) -> None:
        died: float | None = None
        while True:
            plan = Plan(spared=frozenset(self._spared), where=self._where, number=self._number)
            has_room = self.outcome.kills < self._limit
            self._life = life = await self._bear(plan if has_room else Plan())
            if not await life.is_ready(START_SECONDS):
                await life.end_stuck("did not start")
            if life.ready is not None and died is not None:
                self.outcome.back.append(life.ready - died)
            await life.ended.wait()
            died = life.died
            self._last_death = time.monotonic()
            self.outcome.died(life, self._office)
            self._spared.add(life.killed_at or life.last)

    async def _bear(self, plan: Plan) -> Life:
        return await self._nursery.bear(
            self._world.settings_file, self._world.environ, plan, hurries=self._hurries
        )

    async def _work(self) -> None:
        """Pay until every story was told without a death."""
        number, before = 0, -1
        while before != self.outcome.kills:
            before = self.outcome.kills
            stories = []
            for asker, approvers in _STORIES:
                number += 1
                story = Story(10_000 + number * 101, asker, approvers)
                stories.append(self._office.see_through(number, story))
            await asyncio.gather(*stories)
            await self._office.until_quiet()
            if self.outcome.kills > before:
                self.outcome.quiet.append(time.monotonic() - self._last_death)
