"""Updates that come twice, late, in the wrong order or broken; services that stop anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.telegram_hands import (
    PAD,
    Phone,
    Watch,
    asked,
    dealt_with,
    having,
    health,
    hurried,
    refusing,
    requested,
    rows,
    shown,
    until,
)
from tests.journeys.world import TELEGRAM_IDS, World, a_world
from workflows.orders import OrderState

TELEGRAM = ("telegram",)
LINE = "/pay 1250.00 EUR to ACME GmbH ref INV-7"
SORRY = "Something went wrong on our side"
ATTEMPTS = 3


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    hurried(monkeypatch)


# ---- again, and in another order --------------------------------------------------------------


@pytest.mark.parametrize("restarts", [False, True])
async def test_what_comes_twice_is_done_once(tmp_path: Path, restarts: bool) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:

        async def again(count: int) -> None:
            await dealt_with(world)
            if restarts:
                await world.close()
                await world.telegram.redeliver(count)
                await world.open()
            else:
                await world.telegram.redeliver(count)
            await dealt_with(world)

        amara, bea = Phone(world, "amara"), Phone(world, "bea")
        await amara.sends(LINE, "is with its approvers")
        await again(1)
        (order,) = await asked(world)
        assert len(having(amara, "is with its approvers")) == 1
        pad = await bea.pad(order)
        await again(1)
        assert len(having(bea, "[⌫]")) == 1
        code = await world.code("bea")
        for digit in code[:5]:
            await bea.press(pad, digit)
        await again(5)
        assert "1 more approval" in await bea.taps(pad, code[5])
        await again(6)
        assert (await world.kinds(order.id)).count("order.approval") == 1
        assert "has all its approvals" in await Phone(world, "carl").approves(order)
        await again(8)
        await world.until(OrderState.SETTLED)
        assert len(world.bank.ledger) == 1
        assert await world.kinds("bea") == ["factor.enrolled", "person.linked"]


async def test_what_comes_in_reverse_order_is_done_once_each(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        world.telegram.hold()
        for amount in ("70.00", "80.00", "90.00"):
            await amara.account.say(f"/pay {amount} EUR to ACME GmbH")
        await world.telegram.release(reverse=True)
        await dealt_with(world)
        found = {each.amount_minor for each in await asked(world)}
        assert found == {7000, 8000, 9000}
        # Digits in the wrong order are a wrong code, and no more than that.
        order = (await asked(world))[0]
        bea = Phone(world, "bea")
        pad = await bea.pad(order)
        world.telegram.hold()
        code = "012345"
        pressing = []
        for digit in code:
            pressing.append(asyncio.ensure_future(bea.press(pad, digit)))
            await asyncio.sleep(0)
        await world.telegram.release(reverse=True)
        await asyncio.gather(*pressing)
        await bea.becomes(pad, "❗")
        assert await world.kinds(order.id) == ["order.requested"]


async def test_nobody_waits_behind_somebody_elses_slow_question(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        carl, bea = Phone(world, "carl"), Phone(world, "bea")
        world.telegram.hold()
        for _ in range(30):
            await carl.account.say("/treasury whoami")
        await bea.account.say("/treasury whoami")
        await world.telegram.release()
        await bea.sees("Bea Lindqvist")
        assert len(having(carl, "Carl Weiss")) < 30
        await dealt_with(world)
        assert len(having(carl, "Carl Weiss")) == 30


# ---- stopped in the middle --------------------------------------------------------------------


async def test_a_dialogue_outlives_a_restart_with_every_answer(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        account = await amara.sends("/pay", "👉 From account")
        await amara.press(account, "Operating USD")
        await amara.becomes(account, "👉 Amount")
        payee = await amara.sends("500.00", "👉 Payee")
        await amara.press(payee, "ACME GmbH")
        reference = await amara.becomes(payee, "👉 Reference")
        await world.close()
        await amara.account.say("INV-9")  # while nobody listens
        await world.open()
        date = await amara.sees("👉 Execution date", after=reference)
        for answer in ("Operating USD", "Amount: 500.00", "ACME GmbH", "Reference: INV-9"):
            assert answer in shown(date)
        await amara.press(date, "As soon as possible")
        await amara.press(await amara.becomes(date, "👉 Invoice"), "No invoice")
        await amara.press(await amara.becomes(date, "Is this right?"), "Request")
        await amara.becomes(date, "is with its approvers")
        (order,) = await asked(world)
        assert (order.account_id, order.remittance) == ("operating-usd", "INV-9")


async def test_what_was_stored_and_not_begun_is_done_at_the_next_start(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        with refusing(world, "UPDATE OF attempts ON telegram_update"):
            await amara.account.say(LINE)
            await world.telegram.settle()
            assert await asked(world) == []
            await world.close()
        await world.open()
        await amara.sees("is with its approvers")
        await dealt_with(world)
        assert len(await asked(world)) == 1


@asynccontextmanager
async def cut_off(world: World) -> AsyncIterator[None]:
    """Have the service die between what an update does and the note that it is done."""
    await dealt_with(world)
    with refusing(world, "UPDATE OF done_at ON telegram_update"):
        yield
        await world.telegram.settle()
        await world.close()
    await world.open()
    await dealt_with(world)


async def test_what_was_done_and_not_noted_changes_nothing_again(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara, bea = Phone(world, "amara"), Phone(world, "bea")
        async with cut_off(world):
            await amara.sends(LINE, "is with its approvers")
        (order,) = await asked(world)

        pad = await bea.pad(order)
        code = await world.code("bea")
        async with cut_off(world):
            await bea.press(pad, code[0])
        await bea.becomes(pad, "● ○ ○ ○ ○ ○")
        assert "1 more approval" in await bea.taps(pad, code[1:])

        account = await amara.sends("/pay", "👉 From account")
        await amara.press(account, "Operating EUR")
        await amara.becomes(account, "👉 Amount")
        async with cut_off(world):
            await amara.sends("500.00", "👉 Payee")
        payee = await amara.sees("👉 Payee")
        assert "❗" not in shown(payee)
        assert "Amount: 500.00" in shown(payee)
        assert "ACME GmbH" in shown(payee)


async def test_a_press_that_was_cut_off_is_done_when_it_comes_again(tmp_path: Path) -> None:
    watch = Watch()
    async with a_world(tmp_path, chats=TELEGRAM, clock=watch) as world:
        order = await requested(world)
        amara = Phone(world, "amara")
        card = await amara.card(order, "[Withdraw]")
        await amara.press(card, "Withdraw")
        card = await amara.becomes(card, "❓")
        with refusing(world, "UPDATE OF state ON payment_order"):
            await amara.press(card, "Withdraw")
            await until(
                lambda: bool(rows(world, "SELECT 1 FROM telegram_update WHERE problem NOT NULL"))
            )
        assert (await world.order()).state == OrderState.PENDING
        watch.move(seconds=5)
        await world.until(OrderState.CANCELLED)
        await amara.card(order, "Cancelled")


# ---- what cannot be dealt with ----------------------------------------------------------------


def _poison() -> list[dict[str, Any]]:
    sender = {"id": TELEGRAM_IDS["carl"], "is_bot": False, "first_name": "Carl"}
    chat = {"id": TELEGRAM_IDS["carl"], "type": "private"}
    return [
        {"message": 5},
        {"message": {"from": sender}},
        {"message": {"message_id": 1, "date": "soon", "chat": chat, "from": sender, "text": "x"}},
        {"callback_query": {"id": "1", "from": sender}},
        {"callback_query": None, "message": [1, 2]},
        {"message": {"message_id": 2, "date": 1, "chat": chat, "from": sender, "text": "\ud83d"}},
        {"something_new": {"from": {"id": "nobody"}}},
        {},
    ]


async def test_updates_that_no_client_can_read_stop_nobody(tmp_path: Path) -> None:
    watch = Watch()
    async with a_world(tmp_path, chats=TELEGRAM, clock=watch) as world:
        for raw in _poison():
            world.telegram.inject(raw)
        await world.telegram.settle()
        order = await requested(world)
        assert "1 more approval" in await Phone(world, "bea").approves(order)
        assert (await health(world)).status_code == 200
        # Its sender waits until it is given up, is told, and is heard again.
        carl = Phone(world, "carl")
        waiting = await carl.account.say("/treasury whoami")
        hearing = asyncio.create_task(carl.sees("Carl Weiss", after=waiting))
        while not hearing.done():
            watch.move(seconds=30)
            await asyncio.sleep(0.1)
        await hearing
        assert having(carl, SORRY)
        await dealt_with(world)
        problems = rows(world, "SELECT problem FROM telegram_update WHERE problem NOT NULL")
        assert problems
        assert not rows(world, "SELECT 1 FROM telegram_update WHERE payload NOT NULL")


@pytest.mark.parametrize("is_press", [False, True])
async def test_what_keeps_failing_is_given_up_with_an_apology(
    tmp_path: Path, is_press: bool
) -> None:
    watch = Watch()
    async with a_world(tmp_path, chats=TELEGRAM, clock=watch) as world:
        amara = Phone(world, "amara")
        order = await requested(world, "80.00 EUR to ACME GmbH")
        card = await amara.card(order, "[Withdraw]")
        if is_press:
            await amara.press(card, "Withdraw")
            card = await amara.becomes(card, "❓")
        what = "UPDATE OF state ON payment_order" if is_press else "INSERT ON payment_order"
        with refusing(world, what):
            if is_press:
                await amara.press(card, "Withdraw")
            else:
                await amara.account.say(LINE)
            hearing = asyncio.create_task(amara.sees(SORRY))
            while not hearing.done():
                await asyncio.sleep(0.2)
                watch.move(seconds=30)
            await hearing
        await dealt_with(world)
        assert len(having(amara, SORRY)) == 1
        assert [each.state for each in await asked(world)] == [OrderState.PENDING]
        if is_press:
            await amara.press(await amara.card(order, "❓"), "Withdraw")
            await world.until(OrderState.CANCELLED)
        else:
            await amara.sends(LINE, "is with its approvers")


async def test_updates_that_cannot_be_stored_are_not_confirmed(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        with refusing(world, "INSERT ON telegram_update"):
            await amara.account.say(LINE)
            with pytest.raises(TimeoutError):
                await world.telegram.settle(0.5)
        await amara.sees("is with its approvers")
        await dealt_with(world)
        assert len(await asked(world)) == 1


# ---- two pollers ------------------------------------------------------------------------------


async def test_a_second_poller_is_told_of_and_loses_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea = Phone(world, "bea")
        await bea.pad(order)
        assert (await health(world)).status_code == 200
        world.telegram.has_rival = True
        await until_health(world, 503)
        assert (await health(world)).json()["chats"]["telegram"]["connected"] is False
        for amount in ("70.00", "80.00"):
            await Phone(world, "amara").account.say(f"/pay {amount} EUR to ACME GmbH")
        world.telegram.has_rival = False
        await until_health(world, 200)
        await dealt_with(world)
        assert [each.amount_minor for each in await asked(world)] == [125_000, 7000, 8000]
        assert "1 more approval" in await bea.taps(await bea.sees(PAD))


async def test_health_tells_at_once_after_a_quiet_start(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        await until_health(world, 200, seconds=3)


async def until_health(world: World, status: int, *, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while (await health(world)).status_code != status:
            await asyncio.sleep(0.02)
