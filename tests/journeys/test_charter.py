"""Somebody edits the settings file: the running company notices, holds, and asks its people."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.app import App
from bot.settings import load
from sandbox.slack import text_of
from tests.conformance.chat_hands import SlackHands
from tests.conformance.register_hands import fills
from tests.journeys.telegram_hands import hurried
from tests.journeys.world import World, a_world
from workflows import in_force, payees
from workflows.orders import OrderState

DECIDED = 'payees = ["controller", "cfo"]\ncharter = ["controller", "cfo"]'
AMARA = 'roles = ["staff"]'
MULE = """
[[payees]]
id = "mule"
name = "Mule"
iban = "DE02120300000000202051"
trusted = true
"""


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    hurried(monkeypatch)


async def restarted(world: World, before: str, after: str, more: str = "") -> App:
    """Change the settings file and start the service anew."""
    await world.close()
    file = world.folder / "countersign.toml"
    text = file.read_text()
    assert text.count(before) >= 1
    file.write_text(f"{text.replace(before, after, 1)}\n{more}\n")
    return await again(world)


async def again(world: World) -> App:
    await world.close()
    world.app = App(load(world.folder / "countersign.toml", world.environ), clock=world.clock)
    await world.app.start()
    await world.workspace.wait_connected()
    return world.app


async def test_an_edited_file_holds_everything_until_people_agree(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        app = await restarted(world, 'payees = ["controller", "cfo"]', DECIDED)
        assert not app.is_held
        order = await world.pay()

        app = await restarted(world, AMARA, 'roles = ["staff", "cfo"]', MULE)
        assert app.is_held
        assert await world.read(lambda c: payees.get(c, "mule")) is None
        amara = app.services.company.directory.get("amara")
        assert amara is not None
        assert amara.roles == {"staff"}, "nobody gains by a file that was not agreed to"

        await world.approve("bea", order)
        await world.approve("carl", order)
        await asyncio.sleep(0.5)
        assert (await world.order()).state == OrderState.APPROVED
        assert world.bank.ledger == []

        carl = world.person("carl")
        card = await carl.wait_message(lambda m: "Other settings" in text_of(m), carl.dm)
        assert "amara · roles: staff → cfo; staff" in text_of(card)
        hands = SlackHands(world)
        for name in ("carl", "bea"):
            said = await fills(hands, name, "Other settings", "Approve", {})
            assert "Other settings" in said
        async with asyncio.timeout(30):
            await app.outdated.wait()

        app = await again(world)
        assert not app.is_held
        assert await world.read(lambda c: payees.get(c, "mule")) is not None
        await app.dispatcher.wake(order.id)  # it would look again by itself within half a minute
        await world.until("settled")
        assert len(world.bank.ledger) == 1


async def test_a_file_that_is_rejected_and_put_back(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        await restarted(world, 'payees = ["controller", "cfo"]', DECIDED)
        policy = world.folder / "policy.yml"
        agreed = policy.read_text()
        policy.write_text("version: 1\nrules: [{name: Anything, require: [{role: staff}]}]\n")
        app = await again(world)
        assert app.is_held
        hands = SlackHands(world)
        said = await fills(hands, "bea", "Other settings", "Reject", {"reason": "Not us"})
        assert "Other settings" in said
        assert app.is_held
        assert not await world.read(lambda c: in_force.is_in_force(c, app.company))
        policy.write_text(agreed)
        assert not (await again(world)).is_held
