"""A bank that calls when a payment changes is asked at once, and believed in nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.journeys.world import World, a_world
from workflows.orders import OrderState

HOUR = "first_poll_seconds = 3600\nmax_poll_seconds = 3600"
NEVER = 10**6


async def test_a_call_comes_before_the_next_question(tmp_path: Path) -> None:
    async with a_world(
        tmp_path, pace=HOUR, hausbank="notifies = true", settles_after_polls=NEVER
    ) as world:
        order = await world.approved()
        await world.until("submitted")
        (payment,) = world.bank.payments.all.values()
        world.bank.settle(payment.id)

        await world.until("settled")  # an hour before anybody would have asked
        assert len(world.bank.ledger) == 1
        assert "order.settled" in await world.kinds(order.id)


def questions(world: World) -> int:
    """Return how often the bank was asked about a payment."""
    return sum(request.operation == "status" for request in world.bank.requests)


async def test_nobody_is_called_who_did_not_ask(tmp_path: Path) -> None:
    async with a_world(tmp_path, settles_after_polls=NEVER) as world:
        await world.approved()
        await world.until("submitted")
        (payment,) = world.bank.payments.all.values()
        assert payment.notice_uri is None


@pytest.mark.parametrize("status", ["ACSC", "RJCT"])
async def test_what_a_caller_says_is_not_believed(tmp_path: Path, status: str) -> None:
    async with a_world(
        tmp_path, pace=HOUR, hausbank="notifies = true", settles_after_polls=NEVER
    ) as world:
        await world.approved()
        await world.until("submitted")
        (payment,) = world.bank.payments.all.values()
        url = payment.notice_uri
        assert url is not None
        said = {"paymentId": payment.id, "transactionStatus": status}
        async with httpx.AsyncClient() as client:
            forged = await client.post(url[:-1] + ("0" if url[-1] != "0" else "1"), json=said)
            assert forged.status_code == 404
            assert questions(world) == 0
            true = await client.post(url, json=said)
            assert true.status_code == 204
        async with asyncio.timeout(30):
            while not questions(world):
                await asyncio.sleep(0.02)
        assert (await world.order()).state == OrderState.SUBMITTED


async def test_a_call_for_an_order_that_has_ended_changes_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path, hausbank="notifies = true") as world:
        order = await world.approved()
        await world.until("settled")
        before = await world.kinds(order.id)
        (payment,) = world.bank.payments.all.values()
        async with httpx.AsyncClient() as client:
            answer = await client.post(payment.notice_uri or "", json={})
        assert answer.status_code == 204
        assert (await world.kinds(order.id))[: len(before)] == before
        assert len(world.bank.ledger) == 1
