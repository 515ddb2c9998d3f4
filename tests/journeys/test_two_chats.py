"""Slack and Telegram together: one person in both is told each thing once, and cards stay equal."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sandbox import slack
from sandbox.telegram import Message
from tests.journeys.telegram_hands import PAD, Phone, having, hurried, requested, shown
from tests.journeys.world import TREASURY, TREASURY_GROUP, World, a_world
from workflows import audit
from workflows.orders import Order, OrderState

BOTH = ("slack", "telegram")


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    hurried(monkeypatch)


async def prefers(world: World, name: str, chat: str) -> None:
    """Have a person say where they want to be told, in that chat."""
    if chat == "telegram":
        await Phone(world, name).sends("/treasury here", "comes to Telegram")
    else:
        assert (await world.person(name).command("/treasury here")).ok
        assert "comes to Slack" in world.last(name)


async def on_slack(world: World, name: str, order: Order, *wanted: str) -> str:
    """Return a person's card in Slack, once it has all of these words."""
    person = world.person(name)

    def is_it(message: slack.Message) -> bool:
        text = slack.text_of(message)
        is_card = order.id in text and "Policy:" in text and not message.is_reply
        return is_card and all(each in text for each in wanted)

    return slack.text_of(await person.wait_message(is_it, person.dm, timeout=10))


def words(text: str) -> set[str]:
    """Return what a card says, without how its chat marks it up."""
    for mark in (":white_check_mark:", "✅", "*", "_", "\u200b"):
        text = text.replace(mark, "")
    parts = [part for line in text.replace("·", "\n").split("\n") for part in line.split(":")]
    return {part.strip() for part in parts if len(part.strip()) > 2}


async def test_one_payment_approved_half_here_and_half_there(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=BOTH) as world:
        await prefers(world, "bea", "slack")
        await prefers(world, "carl", "telegram")
        carl = Phone(world, "carl")
        order = await requested(world)
        await on_slack(world, "bea", order, "Waiting for approval")
        await carl.card(order, "Waiting for approval", "[Approve]")

        assert "1 more approval" in await world.approve("bea", order)
        # Whoever approves next sees it, wherever the first one was.
        await carl.card(order, "✓ controller: Bea Lindqvist")
        assert world.bank.ledger == []
        assert "has all its approvals" in await carl.approves(order)
        await world.until(OrderState.SETTLED)
        (paid,) = world.bank.ledger
        assert paid.end_to_end_id == order.end_to_end_id

        here = words(await on_slack(world, "bea", order, "Paid", "Carl Weiss"))
        there = words(shown(await carl.card(order, "Paid", "Carl Weiss")))
        assert here == there
        for fact in ("Paid", "€1,250.00", "ACME GmbH", "INV-7", order.id, "Amara Okafor"):
            assert any(fact in each for each in here), fact
            assert any(fact in each for each in there), fact
        group = await carl.sees(order.id, "Policy:", "Paid", chat=TREASURY_GROUP)
        channel = await world.person("carl").wait_message(
            lambda m: order.id in slack.text_of(m) and "Paid" in slack.text_of(m), TREASURY
        )
        for name in ("Bea Lindqvist", "Carl Weiss"):
            assert name in shown(group)
            assert name in slack.text_of(channel)
        factors = [e for e in await world.record(order.id) if e.kind == "order.approval"]
        assert [(e.actor, e.facts["factor"]) for e in factors] == [
            ("bea", "totp"),
            ("carl", "totp"),
        ]
        assert (await world.read(audit.verify)).is_intact


async def test_one_person_in_two_chats_is_one_person(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=BOTH) as world:
        order = await world.pay(who="bea")
        bea, carl = Phone(world, "bea"), Phone(world, "carl")
        # Who asked in one chat cannot approve in the other.
        card = await carl.sees(order.id, chat=TREASURY_GROUP)
        pressed = await bea.press(card, "Approve")
        sent = await bea.account.open_link(pressed.url)
        await bea.sees("yourself", after=sent)
        # Nor does anybody approve twice, or a code count twice.
        await prefers(world, "carl", "slack")
        pad = await _pad_from_group(carl, order)
        code = await world.code("carl")
        assert "1 more approval" in await world.approve("carl", order, code)
        await carl.taps(pad, code)
        await carl.sees("already decided")
        group = await carl.sees(order.id, "Carl Weiss", chat=TREASURY_GROUP)
        sent = await carl.account.open_link((await carl.press(group, "Approve")).url)
        await carl.sees("already decided", after=sent)
        assert (await world.kinds(order.id)).count("order.approval") == 1
        other = await world.pay("1300.00 EUR to ACME GmbH")
        pad = await _pad_from_group(carl, other)
        assert "used already" in await carl.taps(pad, code)


async def _pad_from_group(phone: Phone, order: Order) -> Message:
    group = await phone.sees(order.id, "[Approve]", chat=TREASURY_GROUP)
    sent = await phone.account.open_link((await phone.press(group, "Approve")).url)
    return await phone.sees(PAD, order.id, after=sent)


async def test_everybody_is_told_once_where_they_prefer(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=BOTH) as world:
        for name in ("bea", "carl", "dora", "amara"):
            await prefers(world, name, "slack" if name in ("bea", "amara") else "telegram")
        order = await world.pay()
        for name in ("bea", "amara"):
            await on_slack(world, name, order)
        for name in ("carl", "dora"):
            await Phone(world, name).card(order)
        await world.approve("bea", order)
        await Phone(world, "carl").card(order, "Bea Lindqvist")
        assert not having(Phone(world, "bea"), order.id)
        assert not having(Phone(world, "amara"), order.id)
        for name in ("carl", "dora"):
            there = world.person(name).messages(world.person(name).dm)
            assert not any(order.id in slack.text_of(m) for m in there)

        # Who moves takes along what waits, and what stands elsewhere is kept true.
        await prefers(world, "carl", "slack")
        await world.card("carl", order, with_button="approve")
        await prefers(world, "carl", "telegram")
        later = await world.pay("80.00 EUR to ACME GmbH", who="bea")
        await Phone(world, "dora").card(later)
        assert "has all its approvals" in await world.approve("carl", order)
        await Phone(world, "carl").card(order, "✓ CFO: Carl Weiss")
        assert len([m for m in having(Phone(world, "carl"), order.id) if "Policy:" in m]) == 1


async def test_the_button_offered_after_linking_does_the_same(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=BOTH, linked=("carl", "dora", "meilin", "amara")) as world:
        await prefers(world, "bea", "slack")
        bea = Phone(world, "bea")
        assert (await world.person("bea").command("/treasury link")).ok
        message = world.person("bea").messages()[-1]
        url = next(
            element["url"]
            for block in message.all_blocks()
            for element in block.get("elements", ())
            if str(element.get("url", "")).startswith("https://t.me/")
        )
        sent = await bea.account.open_link(url)
        pad = await bea.sees("[⌫]", after=sent)
        assert "You are Bea Lindqvist" in await bea.taps(pad)
        order = await world.pay()
        await on_slack(world, "bea", order)
        await asyncio.sleep(0.2)
        assert not having(bea, order.id)
        pressed = await bea.press(await bea.becomes(pad, "You are"), "Send my requests to Telegram")
        assert "comes to Telegram" in pressed.text
        await bea.card(order, "[Approve]")
        assert "1 more approval" in await bea.approves(order)
        await on_slack(world, "bea", order, "Bea Lindqvist")
