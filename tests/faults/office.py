"""The people of the company at work: payments seen through from the request to the receipt."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass

from tests.faults import judge
from tests.faults.colleagues import FINAL, UNDECIDED, Colleague, NotDone, colleague
from tests.faults.company import STAFF, World
from tests.faults.judge import Verdict, Wish
from tests.faults.judge_chats import Chats, Excuses, judge_chats

PATIENCE_SECONDS = 120.0
_QUIET_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Story:
    """A payment, as it is meant to go.

    Attributes:
        end: ``paid``, ``rejected`` or ``withdrawn``; the last may come too late.
        pause: Seconds between the last approval and the withdrawal.
    """

    minor: int
    asker: str
    approvers: tuple[str, ...]
    decider: str = "carl"
    end: str = "paid"
    pause: float = 0.0

    @classmethod
    def by_chance(cls, number: int, chance: random.Random) -> Story:
        """Return any story; its amount is that of no other number."""
        is_large = chance.random() < 0.4
        approvers = [chance.choice(("bea", "dora")), *(["carl"] if is_large else [])]
        end = chance.choices(("paid", "rejected", "withdrawn"), (80, 8, 12))[0]
        if end == "rejected":
            approvers = approvers[:1]
        chance.shuffle(approvers)
        return cls(
            minor=(200_000 if is_large else 10_000) + number * 101,
            asker=chance.choice(("amara", "tomo")),
            approvers=tuple(approvers),
            decider=chance.choice(("dora", "carl")),
            end=end,
            pause=chance.uniform(0, 0.3),
        )


class Office:
    """Everybody at work.

    Attributes:
        wishes: The payments that were seen through.
        excuses: Why a chat may have been told something twice.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.wishes: list[Wish] = []
        self.excuses = Excuses()
        self._colleagues: dict[str, Colleague] = {name: colleague(world, name) for name in STAFF}

    async def see_through(self, number: int, story: Story) -> None:
        """Ask for a payment, approve it, and wait for its end; raises `NotDone`."""
        reference = f"INV-{number}"
        asker = self._colleagues[story.asker]
        line = f"{story.minor // 100}.{story.minor % 100:02} EUR to ACME GmbH"
        order_id = await asker.asks(line, reference, PATIENCE_SECONDS)
        for name in story.approvers:
            if story.end == "rejected":
                await self._colleagues[name].rejects(order_id, asker, PATIENCE_SECONDS)
            else:
                await self._colleagues[name].approves(order_id, asker, PATIENCE_SECONDS)
        if story.end == "withdrawn":
            await asyncio.sleep(story.pause)
            await asker.withdraws(order_id)
        await self._until_final(asker, order_id, reference, story.decider)
        approved = {each.name for each in self._colleagues.values() if order_id in each.approved}
        self.wishes.append(Wish(reference, order_id, story.minor, story.end, frozenset(approved)))

    async def _until_final(
        self, asker: Colleague, order_id: str, reference: str, decider: str
    ) -> None:
        """Wait until the card says how it ended; where the bank cannot say, somebody does."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not (state := asker.state(order_id)).startswith(FINAL):
            if time.monotonic() > until:
                raise NotDone(f"{order_id} stays at {state!r}")
            if state == UNDECIDED:
                await self._colleagues[decider].decides(
                    order_id,
                    reference,
                    lambda: asker.state(order_id) != UNDECIDED,
                    PATIENCE_SECONDS,
                )
            await asyncio.sleep(0.03)

    async def until_quiet(self) -> None:
        """Wait until the service has nothing more to do; raises `NotDone`."""
        until = time.monotonic() + _QUIET_SECONDS
        while left := await self.world.read(judge.unfinished):
            if time.monotonic() > until:
                raise NotDone("it does not get quiet: " + "; ".join(left[:5]))
            await asyncio.sleep(0.1)

    async def judged(self) -> tuple[Verdict, Chats]:
        """Compare the ledger, the orders, the record and the chats."""
        verdict = await self.world.read(
            lambda connection: judge.judge(connection, self.world, self.wishes)
        )
        chats = await self.world.read(
            lambda connection: judge_chats(connection, self.world, self.excuses)
        )
        return verdict, chats
