"""Replicas: who lives, who takes over from whom, and what strikes once over all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dbos import DBOS

from tests.workflows.company import Hands, Phones
from tests.workflows.test_dispatch import PENDING, QUICK, SETTLED, Office
from workflows import firing, replicas
from workflows.database import Database
from workflows.dispatch import Dispatcher


@pytest.fixture
def office(database: Database, hands: Hands, phones: Phones, tmp_path: Path) -> Office:
    return Office(database, hands, phones, tmp_path)


@asynccontextmanager
async def served(office: Office, replica_id: str) -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher(
        office.database,
        office.company,
        {"bank": office.institution},
        office.hands,
        QUICK,
        replica_id=replica_id,
    )
    await dispatcher.start(office.folder / "dispatch.sqlite")
    try:
        await dispatcher.takeover.beat()
        yield dispatcher
    finally:
        await dispatcher.stop()


async def living(office: Office) -> list[str]:
    now = office.hands()
    return [each.id for each in await office.database.read(lambda c: replicas.living(c, now=now))]


async def beat(office: Office, replica_id: str) -> None:
    now = office.hands()
    await office.database.write(lambda c: replicas.beat(c, replica_id, now=now), recorded=False)


async def test_what_a_dead_replica_was_at_is_taken_over(office: Office) -> None:
    office.institution.answers = [PENDING]
    office.institution.statuses = [PENDING] * 100_000
    order = await office.approved()
    async with served(office, "first") as dispatcher:
        await dispatcher.begin(order.id)
        await office.until(order, "submitted")
    await beat(office, "first")  # it did not leave: it was killed
    async with served(office, "second") as dispatcher:
        office.institution.statuses = [SETTLED]
        await dispatcher.takeover.beat()
        assert await living(office) == ["first", "second"]
        await asyncio.sleep(0.2)
        assert (await office.now(order)).state == "submitted"
        office.hands.forward(seconds=60)
        await dispatcher.takeover.beat()
        assert await living(office) == ["second"]
        await office.until(order, "settled", kind="receipt.stored")
    assert office.institution.ledger == [order.end_to_end_id]


async def test_a_replica_that_stops_is_taken_over_at_once(office: Office) -> None:
    office.institution.answers = [PENDING]
    office.institution.statuses = [PENDING] * 100_000
    order = await office.approved()
    async with served(office, "first") as dispatcher:
        await dispatcher.begin(order.id)
        await office.until(order, "submitted")
    office.institution.statuses = [SETTLED]
    async with served(office, "second"):
        await office.until(order, "settled")


async def test_one_of_the_living_takes_over_and_a_slow_one_comes_back(office: Office) -> None:
    for name in ("a", "b", "slow"):
        await beat(office, name)
    office.hands.forward(seconds=60)
    for name in ("a", "b"):
        await beat(office, name)
    now = office.hands()
    claims = [
        await office.database.write(lambda c, by=by: replicas.claim_dead(c, by, now=now))  # type: ignore[misc]
        for by in ("a", "b")
    ]
    assert claims == ["slow", None]
    await beat(office, "slow")
    await office.database.write(lambda c: replicas.buried(c, "slow", "a"), recorded=False)
    assert await living(office) == ["a", "b", "slow"]
    # Whoever was to take over died, too: another one does.
    office.hands.forward(seconds=60)
    await beat(office, "b")
    later = office.hands()
    dead = {
        await office.database.write(lambda c: replicas.claim_dead(c, "b", now=later))
        for _ in range(2)
    }
    assert dead == {"a", "slow"}


async def test_a_workflow_of_an_older_version_begins_anew(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.institution.answers = [PENDING]
    office.institution.statuses = [PENDING] * 100_000
    order = await office.approved()
    with monkeypatch.context() as before:
        before.setattr("workflows.dispatch.WORKFLOW_VERSION", "dispatch-1")
        async with office.open() as dispatcher:
            await dispatcher.begin(order.id)
            await office.until(order, "submitted")
    office.institution.statuses = [SETTLED]
    async with office.open():
        await office.until(order, "settled")
    assert office.institution.ledger == [order.end_to_end_id]


async def test_a_firing_is_done_once_whoever_strikes(office: Office) -> None:
    done: list[str] = []

    async def job() -> None:
        done.append("x")

    firing.register("digest", job)
    at = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
    async with office.open():
        await asyncio.gather(*(firing.once("digest", at) for _ in range(3)))
        await firing.once("digest", at + timedelta(days=1))
        async with asyncio.timeout(30):
            while len(done) < 2:
                await asyncio.sleep(0.01)
        found = await DBOS.list_workflows_async(name="fire")
        assert sorted(each.workflow_id for each in found) == [
            "digest@2026-11-24T08:30:00+00:00",
            "digest@2026-11-25T08:30:00+00:00",
        ]
    async with office.open():
        await firing.once("digest", at)
        await asyncio.sleep(0.1)
    assert len(done) == 2
