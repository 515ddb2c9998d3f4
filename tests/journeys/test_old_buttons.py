"""Old buttons, links and forms do nothing but what was on show when they were made."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from connectors.money import Money
from sandbox.telegram import text_of
from tests.conformance.chat_hands import TelegramHands
from tests.journeys.telegram_hands import Phone, asked, hurried, requested, shown
from tests.journeys.world import ACME_IBAN, LOBBY_GROUP, TREASURY_GROUP, World, a_world
from workflows import audit, freeze, requests
from workflows.refusal import Refusal

TELEGRAM = ("telegram",)


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    hurried(monkeypatch)


async def _approve_link(world: World, order_id: str) -> str:
    """Return where the group's Approve button leads."""
    card = await Phone(world, "bea").sees(order_id, "[Approve]", chat=TREASURY_GROUP)
    return next(str(each.url) for each in card.all_buttons() if each.label == "Approve")


async def _amended_elsewhere(world: World, order_id: str) -> None:
    assert world.app is not None
    services = world.app.services
    amara = services.company.directory.get("amara")
    assert amara is not None
    other = requests.Payment(
        "operating-usd",
        Money.parse("777.00", "USD"),
        name="Somebody Else",
        iban="GB29NWBK60161331926819",
        remittance="CONFIDENTIAL",
    )
    await services.database.write(
        lambda c: requests.amend(
            c, services.company, amara, order_id, other, version=1, now=services.clock()
        )
    )


async def test_an_old_link_shows_nothing_to_who_may_not_see_the_payment(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        link = await _approve_link(world, order.id)
        await _amended_elsewhere(world, order.id)
        ivy = Phone(world, "ivy")
        followed = await ivy.account.open_link(link)
        answer = await ivy.sees("There is no payment", after=followed)
        everything = "\n".join(text_of(each) for each in ivy.account.messages())
        for secret in ("CONFIDENTIAL", "Somebody", "777", "GB29", ACME_IBAN[:8]):
            assert secret not in everything
        assert answer.is_by_bot
        entries = await world.read(lambda c: audit.after(c, 0, 1000))
        denied = [each for each in entries if each.kind == "access.denied"]
        assert [(each.actor, each.facts["code"]) for each in denied] == [("ivy", "order.unknown")]


async def test_who_may_see_it_is_shown_what_it_is_now(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        link = await _approve_link(world, order.id)
        await _amended_elsewhere(world, order.id)
        followed = await Phone(world, "carl").account.open_link(link)
        await Phone(world, "carl").sees("Out of date", "CONFIDENTIAL", after=followed)


async def test_an_empty_command_from_a_group_begins_a_new_payment_each_time(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara, hands = Phone(world, "amara"), TelegramHands(world)
        await amara.account.say("/pay", LOBBY_GROUP)
        pointed = await amara.account.wait_message(lambda m: m.is_by_bot, LOBBY_GROUP)
        link = next(str(each.url) for each in pointed.all_buttons())
        for amount, payee in (("500.00", "acme"), ("9100.00", "acme-trading")):
            followed = await amara.account.open_link(link)
            question = await amara.sees("👉", after=followed)
            answers = {"account": "operating-eur", "amount": amount, "payee": payee}
            await hands._answers("amara", question, answers)
        assert {order.amount_minor for order in await asked(world)} == {50_000, 910_000}


async def test_a_key_is_good_for_one_payment(tmp_path: Path) -> None:
    async with a_world(tmp_path, is_served=True) as world:
        assert world.app is not None
        services = world.app.services
        amara = services.company.directory.get("amara")
        assert amara is not None
        first = requests.Payment("operating-eur", Money.parse("500.00", "EUR"), payee_id="acme")
        for _ in range(2):  # told twice, asked once
            made = await services.database.write(
                lambda c: requests.request(
                    c, services.company, amara, first, key="k", now=services.clock()
                )
            )
        assert made.amount_minor == 50_000
        other = requests.Payment("operating-eur", Money.parse("9100.00", "EUR"), payee_id="acme")
        with pytest.raises(Refusal, match=r"request\.key_reused"):
            await services.database.write(
                lambda c: requests.request(
                    c, services.company, amara, other, key="k", now=services.clock()
                )
            )


async def test_a_change_whose_outcome_cannot_be_shown_is_made_once(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        amara = Phone(world, "amara")
        card = await amara.card(order, "[Change]")
        await amara.press(card, "Change")
        review = await amara.sees("Is this right?", after=card)
        await amara.press(review, "✎ Amount")
        await amara.becomes(review, "👉 Amount")
        review = await amara.sends("1300.00", "Is this right?")
        world.telegram.limits.force("editMessageText", times=4, retry_after=1)
        await amara.account.press(review, "Save", timeout=40)
        await amara.becomes(review, "Earlier approvals no longer count")
        assert (await world.order()).version == 2
        assert (await world.kinds(order.id)).count("order.amended") == 1


async def test_an_approval_whose_outcome_cannot_be_shown_is_told_later(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea = Phone(world, "bea")
        pad = await bea.pad(order)
        code = await world.code("bea")
        for digit in code[:5]:
            await bea.account.press(pad, digit)
        await asyncio.sleep(0.3)  # until the dots are drawn
        world.telegram.limits.force("editMessageText", times=4, retry_after=1)
        await bea.account.press(pad, code[5], timeout=40)
        await bea.becomes(pad, "1 more approval")
        assert (await world.kinds(order.id)).count("order.approval") == 1
        assert not any("went wrong" in shown(each) for each in bea.account.messages())


async def test_a_keypad_lifts_the_freeze_it_showed_and_no_other(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        bea, carl, dora = Phone(world, "bea"), Phone(world, "carl"), Phone(world, "dora")

        async def pad_of(phone: Phone, reason: str) -> str:
            said = await phone.sends(f"/freeze {reason}", reason)
            (label,) = [each.label for each in said.all_buttons()]
            await phone.press(said, label)
            return label

        await pad_of(bea, "monthly drill")
        old = await bea.sees("[⌫]", "monthly drill")
        await pad_of(carl, "REAL FRAUD")
        carls = await carl.sees("[⌫]", "REAL FRAUD", "monthly drill")
        for digit in await world.code("bea"):
            await bea.account.press(old, digit)
        await bea.becomes(old, "stopped once more", "REAL FRAUD")
        assert "One more" in await carl.taps(carls)

        # Whoever stops it once more takes back what was agreed to.
        await pad_of(dora, "still wrong")
        frozen = await world.read(freeze.present)
        assert frozen is not None
        assert frozen.reason == "still wrong; REAL FRAUD; monthly drill"
        doras = await dora.sees("[⌫]", "still wrong")
        assert "One more" in await dora.taps(doras)
        assert await world.read(freeze.present) is not None
