"""Leave and delegation in both chats: the form, the agreement, the cards, and coming back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from sandbox import slack
from tests.conformance.absence_hands import goes, today
from tests.conformance.chat_hands import Hands, SlackHands, TelegramHands
from tests.conformance.register_hands import fills, has_button, newest, shown
from tests.journeys.telegram_hands import hurried
from tests.journeys.world import a_world
from workflows import audit
from workflows.orders import Order


@pytest.fixture(params=[SlackHands, TelegramHands], ids=["slack", "telegram"])
async def hands(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Hands]:
    made: type[Hands] = request.param
    hurried(monkeypatch)
    async with a_world(tmp_path, chats=(made.chat,)) as world:
        yield made(world)


def in_days(hands: Hands, days: int) -> date:
    return today(hands) + timedelta(days=days)


async def delegated(hands: Hands, days: int = 6) -> None:
    """Have Ivy act for the CFO, as Dora agreed."""
    said = await goes(hands, "carl", in_days(hands, days).isoformat(), "Ivy Intern")
    made = await newest(hands.world)
    assert made.id in said
    card = await shown(hands, "dora", made.id, "Ivy Intern acts for Carl Weiss")
    assert "CFO" in card
    assert has_button(card, "Approve")
    assert "in force" in await fills(hands, "dora", made.id, "Approve", {})


async def asked(hands: Hands, reference: str = "INV-7") -> Order:
    await hands.types("amara", f"/pay 1500.00 EUR to ACME GmbH ref {reference}")
    return await hands.world.order()


async def test_a_delegate_approves_and_the_card_says_for_whom(hands: Hands) -> None:
    await delegated(hands)
    await shown(hands, "ivy", "You act for Carl Weiss:")
    order = await asked(hands)
    card = await hands.card("ivy", order, "Approve")
    assert "ACME GmbH" in card
    if isinstance(hands, SlackHands):
        form = await hands.world.form("ivy", order)
        assert "in the place of Carl Weiss" in slack.text_of(form)
        await hands.world.person("ivy").dismiss(form)
    await hands.approves("ivy", order)
    card = await hands.card("dora", order, "Ivy Intern for Carl Weiss, on leave until")
    assert str(in_days(hands, 6).year) in card
    await hands.approves("dora", order)
    await hands.world.until("settled")
    assert (await hands.world.read(audit.verify)).is_intact


async def test_who_is_away_gets_no_new_cards_and_is_told_what_stands(hands: Hands) -> None:
    await delegated(hands)
    order = await asked(hands)
    await hands.card("ivy", order, "Approve")
    assert await silent(hands, "carl", order)
    said = await hands.types("carl", "/away")
    assert "Ivy Intern acts for you" in said
    assert "You act for Carl Weiss" in await hands.types("ivy", "/away")


async def silent(hands: Hands, name: str, order: Order) -> bool:
    """Whether somebody has no card of an order in their private messages."""
    world = hands.world
    if isinstance(hands, SlackHands):
        person = world.person(name)
        return all(order.id not in str(each.blocks) for each in person.messages(person.dm))
    return all(order.id not in each.text for each in world.on_telegram(name).messages())


async def test_i_am_back(hands: Hands) -> None:
    said = await goes(hands, "carl", in_days(hands, 2).isoformat())
    assert "noted as away" in said
    assert "You are away" in await hands.types("carl", "/away")
    assert "Welcome back" in await hands.presses("carl", "You are away", "I am back")
    assert "not away" in await hands.types("carl", "/away")


async def test_a_revoked_delegation_takes_the_approval_back(hands: Hands) -> None:
    await delegated(hands)
    order = await asked(hands)
    await hands.card("ivy", order, "Approve")
    await hands.approves("ivy", order)
    await hands.card("dora", order, "Ivy Intern for Carl Weiss")
    assert "Ivy Intern acts for Carl Weiss" in await hands.types("dora", "/away")
    said = await hands.presses("dora", "Revoke for Carl Weiss", "Revoke for Carl Weiss")
    if isinstance(hands, TelegramHands) and "Nobody acts" not in said:
        said = await hands.presses("dora", "Revoke that anybody", "Revoke for Carl Weiss")
    assert "Nobody acts for Carl Weiss" in said
    await shown(hands, "ivy", "You act for Carl Weiss no more")
    await hands.card("carl", order, "Approve")
    assert "order.approval_withdrawn" in await hands.world.kinds(order.id)


async def test_what_the_form_can_get_wrong(hands: Hands) -> None:
    assert "before the first" in await goes(hands, "carl", in_days(hands, -1).isoformat())
    assert "366 days" in await goes(hands, "carl", in_days(hands, 400).isoformat())


async def test_the_home_tab_tells_of_leave_and_of_what_comes_again(hands: Hands) -> None:
    if not isinstance(hands, SlackHands):
        return  # Telegram has no such page: `/away`, `/recurring` and `/approvals` say the same
    ivy = hands.world.person("ivy")
    await ivy.open_home()
    await ivy.wait_home(lambda view: "You are not away" in slack.text_of(view))
    await delegated(hands)
    await ivy.wait_home(lambda view: "You act for Carl Weiss" in slack.text_of(view))
    amara = hands.world.person("amara")
    await amara.open_home()
    until = in_days(hands, 60).isoformat()
    await hands.types("amara", f"/pay 90.00 EUR to ACME GmbH every month until {until}")
    page = await amara.wait_home(lambda view: "Payments that come again" in slack.text_of(view))
    assert (await hands.world.order()).id in slack.text_of(page)
