"""A role gained after approving can complete a quorum; then nobody is left to be waited for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.workflows.company import PEOPLE, Hands, Phones
from tests.workflows.test_approvals import Desk
from workflows import completion
from workflows.database import Database
from workflows.orders import Order, OrderState
from workflows.people import Directory
from workflows.record import verification


@pytest.fixture
def desk(database: Database, hands: Hands, phones: Phones) -> Desk:
    return Desk(database, hands, phones)


async def completed(desk: Desk) -> list[Order]:
    now = desk.hands()
    return await desk.database.write(lambda c: completion.complete_due(c, desk.company, now=now))


async def both_controllers(desk: Desk) -> Order:
    """Have two controllers approve what takes a controller and a CFO."""
    order = await desk.ask()
    await desk.decide("bea", order)
    desk.hands.forward(seconds=60)
    await desk.decide("dong", order)
    return order


def promoted(desk: Desk) -> None:
    people = [
        replace(each, roles=each.roles | {"cfo"}) if each.id == "dong" else each for each in PEOPLE
    ]
    desk.company = replace(desk.company, directory=Directory(people))


async def test_it_moves_on_by_itself(desk: Desk) -> None:
    order = await both_controllers(desk)
    assert await completed(desk) == []
    promoted(desk)
    (found,) = await completed(desk)
    assert (found.id, found.state) == (order.id, OrderState.APPROVED)
    assert await completed(desk) == []
    assert (await desk.kinds(order.id))[-1] == completion.COMPLETED
    assert (await desk.database.read(verification.verify)).findings == ()


async def test_what_has_expired_does_not(desk: Desk) -> None:
    order = await both_controllers(desk)
    promoted(desk)
    desk.hands.forward(hours=72)
    assert await completed(desk) == []
    assert (await desk.now(order)).state == OrderState.PENDING
