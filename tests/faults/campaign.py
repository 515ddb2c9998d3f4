"""A round: a company at work, while its service is killed over and over; then the judgement."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults import weather
from tests.faults.colleagues import NotDone
from tests.faults.company import World
from tests.faults.judge import Verdict
from tests.faults.judge_chats import Chats
from tests.faults.office import Office, Story
from tests.faults.plan import GROUPS, Plan
from tests.faults.processes import Life, Nursery

_REACH = {
    # How many boundaries of a group a life of a second or two comes by.
    "database": 30,
    "workflow": 60,
    "bank": 14,
    "slack": 30,
    "telegram": 45,
    "delivery": 4,
    "step": 5,
}
_LONGEST_LIFE, _LONGER_BESIDE_OTHERS = 2.5, 1.5
START_SECONDS = 45.0
_AT_ONCE = 3

Cut = Callable[[], Awaitable[int]]
"""Cuts some connections to the database; returns how many."""


@dataclass
class Outcome:
    """What came of a round.

    Attributes:
        boundaries: At which boundaries processes died by plan.
        between: After which boundary they had come by when they died at an instant.
        back: Seconds from each death until the same one of the replicas served again.
        quiet: Seconds from the last death until everything was done and shown.
        troubles: What else went wrong with the world, by kind.
        missed: What was to be killed, and was not reached.
    """

    boundaries: Counter[str] = field(default_factory=Counter)
    between: Counter[str] = field(default_factory=Counter)
    back: list[float] = field(default_factory=list)
    quiet: list[float] = field(default_factory=list)
    troubles: Counter[str] = field(default_factory=Counter)
    verdict: Verdict = field(default_factory=Verdict)
    chats: Chats = field(default_factory=Chats)
    seconds: float = 0.0

    @property
    def kills(self) -> int:
        """How many processes were killed."""
        return self.boundaries.total() + self.between.total()

    @property
    def problems(self) -> list[str]:
        """Everything that must not be."""
        return [*self.verdict.lines(), *(f"chats: {each}" for each in self.chats.wrong)]

    def died(self, life: Life, office: Office) -> None:
        """Take note of the end of a process that did not stop by itself."""
        office.excuses.ends.append(time.time())
        if life.stuck:
            self.verdict.wrong.append(f"the service {life.stuck}; it was last at {life.last!r}")
        elif not life.was_killed:
            self.verdict.wrong.append(f"the service ended by itself with {life.status}")
        elif life.killed_at:
            self.boundaries[life.killed_at] += 1
        else:
            self.between[life.last] += 1

    async def stop(self, *lives: Life) -> None:
        """Have processes stop in good order."""
        await asyncio.gather(*(life.stop() for life in lives))
        for life in lives:
            if life.killed_at and not life.stuck:  # the plan had it die, and it came to that now
                self.boundaries[life.killed_at] += 1
            elif life.status or life.stuck:
                what = life.stuck or f"stopped with {life.status}"
                self.verdict.wrong.append(f"the service {what}; it was last at {life.last!r}")

    async def judge(self, office: Office) -> None:
        """Add what the end of it all looks like."""
        before = self.verdict.wrong
        self.verdict, self.chats = await office.judged()
        self.verdict.wrong = [*before, *self.verdict.wrong]


class Round:
    """One company, one world, and a number of deaths.

    Args:
        kills: How many processes are to be killed, all in all.
        replicas: How many serve at once.
        is_stormy: Whether the bank and the chats have trouble, too.
        cut: How connections to the database are cut, where there are any.
    """

    def __init__(
        self,
        world: World,
        nursery: Nursery,
        *,
        seed: str,
        kills: int,
        replicas: int = 1,
        is_stormy: bool = True,
        cut: Cut | None = None,
    ) -> None:
        self._world = world
        self._nursery = nursery
        self._office = Office(world)
        self._seed = seed
        self._left = kills
        self._replicas = replicas
        self._is_stormy = is_stormy
        self._cut = cut
        self._living: set[Life] = set()
        self._last_death = 0.0
        self.outcome = Outcome()

    async def run(self) -> Outcome:
        """Work, be killed, recover, and be judged."""
        began = time.monotonic()
        slots = [asyncio.create_task(self._keep_alive(slot)) for slot in range(self._replicas)]
        storm = asyncio.create_task(self._storm())
        try:
            await self._work()
            await storm
            await self._office.until_quiet()
            if self.outcome.kills:  # else there is no death to count from
                self.outcome.quiet.append(time.monotonic() - self._last_death)
        except NotDone as error:
            self.outcome.verdict.wrong.append(str(error))
        finally:
            await ended(storm, *slots)
            await self.outcome.stop(*self._living)
        await self.outcome.judge(self._office)
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    # ---- lives and deaths ---------------------------------------------------------------------

    async def _keep_alive(self, slot: int) -> None:
        """Start the service whenever it is dead, and see that it dies again."""
        chance = random.Random(f"{self._seed}/lives/{slot}")
        # Where several serve, some are to be there while one is away.
        longest = _LONGEST_LIFE + _LONGER_BESIDE_OTHERS * (self._replicas - 1)
        died: float | None = None
        while True:
            is_last = self._left <= 0
            plan, seconds = (Plan(), None) if is_last else _end(chance, longest)
            self._left -= 0 if is_last else 1
            life = await self._nursery.bear(
                self._world.settings_file,
                self._world.environ,
                plan,
                hurries=self._replicas > 1,
            )
            self._living.add(life)
            await self._live(life, seconds, died)
            self._living.discard(life)
            died = life.died

    async def _live(self, life: Life, seconds: float | None, died: float | None) -> None:
        """See a life through; it ends after some seconds, or lasts where there are none."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                if not await life.is_ready(START_SECONDS):
                    await life.end_stuck("did not start")
                if life.ready is not None and died is not None:
                    self.outcome.back.append(life.ready - died)
                await life.ended.wait()
        if not life.ended.is_set():
            life.kill()
            await life.ended.wait()
        self._last_death = time.monotonic()
        self.outcome.died(life, self._office)

    async def _storm(self) -> None:
        """Have the bank, the chats and the database's connections go wrong now and then."""
        chance = random.Random(f"{self._seed}/weather")
        while self._is_stormy and self._left > 0:
            await asyncio.sleep(chance.uniform(0.3, 1.5))
            if self._cut is not None and chance.random() < 0.4:
                self.outcome.troubles["database: connection cut"] += await self._cut()
                continue
            what = await weather.strike(self._world, chance)
            self.outcome.troubles[what] += 1
            if what.endswith(weather.LOST):
                self._office.excuses.lost[what.partition(":")[0]] += 1
            self._office.excuses.ends.append(time.time())

    # ---- work ---------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Ask for payments as long as processes are to be killed, and see each through."""
        chance = random.Random(f"{self._seed}/work")
        under_way: set[asyncio.Task[None]] = set()
        number = 0
        try:
            while self._left > 0 or not number:
                while len(under_way) < _AT_ONCE:
                    number += 1
                    story = Story.by_chance(number, random.Random(f"{self._seed}/{number}"))
                    seeing = self._office.see_through(number, story)
                    under_way.add(asyncio.create_task(seeing))
                    await asyncio.sleep(chance.uniform(0, 0.5))
                done, under_way = await asyncio.wait(
                    under_way, timeout=1, return_when=asyncio.FIRST_COMPLETED
                )
                for each in done:
                    each.result()
            await asyncio.gather(*under_way)
        finally:
            for each in under_way:
                each.cancel()


async def ended(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks; raises what one of them died of before."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result


def _end(chance: random.Random, longest: float) -> tuple[Plan, float]:
    """Return where a life is to end: at a boundary, and else after some seconds."""
    if chance.random() < 0.35:
        return Plan(), chance.uniform(0.3, longest)
    group = chance.choice(GROUPS)
    return Plan(group=group, number=chance.randint(1, _REACH[group])), longest


def log_of(folder: Path, most: int = 4000) -> str:
    """Return the end of what the processes wrote."""
    file = folder / "service.log"
    return file.read_text(errors="replace")[-most:] if file.exists() else ""
