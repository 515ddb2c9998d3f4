"""Whatever people do to an order, in whatever order: it is approved while its quorum is there."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial

import pytest

from tests.workflows.company import CIPHER, PEOPLE, Hands, Phones
from tests.workflows.test_approvals import LARGE, PEOPLE_BY_ID, Desk
from tests.workflows.test_policy_in_force import FAY, take_back, under
from workflows import approvals, requests, second_factor
from workflows.approvals import Decision
from workflows.database import Database
from workflows.orders import Order, OrderState
from workflows.record import verification
from workflows.refusal import Refusal

THREE = """
version: 1
rules:
  - name: Three
    require:
      - { role: controller }
      - { role: cfo, stage: 2 }
      - { role: controller, stage: 3 }
"""


@pytest.fixture
def desk(database: Database, hands: Hands, phones: Phones, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setitem(PEOPLE_BY_ID, "fay", FAY)
    made = Desk(database, hands, phones)
    made.company = under(THREE, [*PEOPLE, FAY])
    return made


async def amend(desk: Desk, order: Order, remittance: str) -> None:
    payment = replace(LARGE, is_no_duplicate=True, remittance=remittance)
    await desk.database.write(
        lambda c: requests.amend(
            c,
            desk.company,
            PEOPLE_BY_ID["amara"],
            order.id,
            payment,
            version=order.version,
            now=desk.hands(),
        )
    )


async def act(desk: Desk, order: Order, chance: random.Random) -> None:
    who = chance.choice(["bea", "carl", "dong", "fay"])
    match chance.choice(["approve"] * 5 + ["back"] * 3 + ["recuse", "amend"]):
        case "approve":
            await desk.decide(who, order)
        case "back":
            await take_back(desk, who, order)
        case "recuse":
            await desk.decide(who, order, Decision.RECUSE, reason="x")
        case "amend":
            await amend(desk, order, f"s{chance.random()}")


async def test_an_order_is_approved_while_its_quorum_is_there(desk: Desk) -> None:
    secret = desk.phones.secret("fay")
    await desk.database.write(
        lambda c: second_factor.enrol(c, CIPHER, "fay", secret, now=desk.hands())
    )
    for seed in range(10):
        chance = random.Random(seed)
        payment = replace(LARGE, is_no_duplicate=True, remittance=f"s{seed}")
        order = await desk.ask(payment)
        for _ in range(14):
            desk.hands.forward(seconds=60)
            try:
                await act(desk, await desk.now(order), chance)
            except Refusal:
                continue
            now = await desk.now(order)
            given = await desk.database.read(partial(approvals.of_order, order=now))
            is_complete = approvals.assignment_of(desk.company, now, given).is_complete
            assert (now.state == OrderState.APPROVED) is is_complete, seed
    assert (await desk.database.read(verification.verify)).findings == ()
