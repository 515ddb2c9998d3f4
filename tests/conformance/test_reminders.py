"""Reminders in both chats: under the card of whom a payment waits for, and of nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from bot import posted
from tests.conformance.chat_hands import Hands, SlackHands, TelegramHands
from tests.journeys.world import a_world
from workflows import reminders
from workflows.opening import Hours
from workflows.reminders import Reminders

WAITS, IN_VAIN = "still waits for you", "waits in vain for"
ALWAYS = Hours.parse("mon-sun 00:00-23:59")
AT_ONCE = Reminders(timedelta(0), 1, frozenset({"cfo"}))


@pytest.fixture(params=[SlackHands, TelegramHands], ids=["slack", "telegram"])
async def hands(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Hands]:
    made: type[Hands] = request.param
    async with a_world(tmp_path, chats=(made.chat,)) as world:
        yield made(world)


async def remind(hands: Hands) -> None:
    """Remind as the clockwork does, at whatever time of day this test runs."""
    assert hands.world.app is not None
    services = hands.world.app.services
    company = replace(services.company, business_hours=ALWAYS)
    now = services.clock()
    await services.database.write(lambda c: reminders.remind(c, company, AT_ONCE, now=now))


async def test_approvers_are_reminded_and_then_others_told(hands: Hands) -> None:
    await hands.types("amara", "/pay 90.00 EUR to ACME GmbH ref INV-7")
    order = await hands.world.order()
    await hands.card("bea", order)
    await remind(hands)
    await hands.sees("bea", WAITS)
    await remind(hands)
    entries = await hands.world.record(order.id)
    reminded, told = (
        next(each for each in entries if each.kind == kind)
        for kind in (reminders.REMINDED, reminders.ESCALATED)
    )
    assert reminded.facts["people"] == ["bea", "dora", "meilin"]
    assert told.facts["people"] == ["carl"]
    await hands.sees("carl", IN_VAIN, "Dora Quist")
    for entry, names in ((reminded, ("amara", "carl")), (told, ("amara", "bea"))):
        for name in names:
            assert not await hands.world.read(
                partial(posted.told_in, seq=entry.seq, audience=f"person:{name}")
            )
