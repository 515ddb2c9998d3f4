"""Groups: they see what settings show them; everything else goes on between two."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.telegram import Message
from tests.journeys.telegram_hands import (
    PAD,
    Phone,
    asked,
    dealt_with,
    having,
    hurried,
    requested,
    rows,
    shown,
    until,
)
from tests.journeys.world import LOBBY_GROUP, TREASURY_GROUP, a_world

TELEGRAM = ("telegram",)
IN_PRIVATE = "This goes on between the two of us."


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    hurried(monkeypatch)


async def pointed(phone: Phone, command: str, group: int = LOBBY_GROUP) -> str:
    """Type a command in a group; return the link that is offered."""
    said = await phone.account.say(command, group)
    answer = await phone.sees(IN_PRIVATE, chat=group, after=said)
    assert answer.reply_to == said.message_id
    assert shown(answer) == f"{IN_PRIVATE}\n[Go on in private]"
    return (await phone.press(answer, "Go on in private")).url


async def followed(phone: Phone, link: str, *wanted: str) -> Message:
    sent = await phone.account.open_link(link)
    return await phone.sees(*wanted, after=sent)


async def test_a_group_sees_the_balances_of_its_own_accounts(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        carl, bea = Phone(world, "carl"), Phone(world, "bea")
        said = await carl.account.say("/balance", TREASURY_GROUP)
        seen = await bea.sees("€100,000.00", chat=TREASURY_GROUP, after=said)
        assert "Operating USD" in shown(seen)
        assert not having(carl, "€100,000.00")

        link = await pointed(carl, "/balance")
        assert not having(bea, "€100,000.00", LOBBY_GROUP)
        await followed(carl, link, "€100,000.00")
        # Whoever may see none sees none, here or there.
        amara = Phone(world, "amara")
        await followed(amara, await pointed(amara, "/balance"), "may not see")
        assert "access.denied" in await world.kinds("amara")


async def test_a_link_is_good_for_who_typed_the_command_alone(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        carl, amara, sam = (Phone(world, name) for name in ("carl", "amara", "sam"))
        link = await pointed(carl, "/balance")
        for other, words in ((amara, "not yours"), (Phone(world, "dora"), "not yours")):
            await followed(other, link, words)
            assert not having(other, "€100,000.00")
        await followed(sam, link, "do not know you")
        await followed(carl, link, "€100,000.00")
        payload = link.partition("start=")[2]
        assert payload[:2] == "g-"
        assert len(payload) <= 64
        await followed(carl, link.replace(payload, payload[:-1] + "_"), "not valid")
        await followed(carl, link.replace(payload, "g-"), "not valid")


async def test_a_line_in_a_group_asks_once_however_often_its_link_is_followed(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara, bea = Phone(world, "amara"), Phone(world, "bea")
        link = await pointed(amara, "/pay 80.00 EUR to ACME GmbH ref INV-7")
        assert await asked(world) == []
        await followed(bea, link, "not yours")
        assert await asked(world) == []
        await followed(amara, link, "is with its approvers")
        await followed(amara, link, "is with its approvers")
        await dealt_with(world)
        (order,) = await asked(world)
        assert (order.requester_id, order.remittance) == ("amara", "INV-7")
        # The same line once more is another wish, and is asked about.
        again = await pointed(amara, "/pay 80.00 EUR to ACME GmbH ref INV-7")
        assert again != link
        await followed(amara, again, "equal payment", order.id)
        assert await asked(world) == [order]
        # Nothing of it was said where others are.
        assert all("/pay" in text for text in having(bea, "ACME GmbH", LOBBY_GROUP))


async def test_forms_and_codes_never_come_into_a_group(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea, carl = Phone(world, "bea"), Phone(world, "carl")
        card = await carl.sees(order.id, "[Approve]", chat=TREASURY_GROUP)
        assert all(each.url and not each.data for each in card.all_buttons())
        for phone in (carl, bea):
            pressed = await phone.press(card, "Approve")
            pad = await followed(phone, pressed.url, PAD, order.id)
            assert await phone.taps(pad)
        await world.until("settled")
        await carl.sees(order.id, "Paid", "Policy:", chat=TREASURY_GROUP)
        # An old card's link shows what became of it.
        await followed(bea, pressed.url, order.id)
        for group in (TREASURY_GROUP, LOBBY_GROUP):
            assert not having(carl, PAD, group)
        amara = Phone(world, "amara")
        await followed(amara, await pointed(amara, "/pay"), "👉 From account")
        assert not having(amara, "👉", LOBBY_GROUP)


async def test_the_digest_is_for_its_own_group(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        carl = Phone(world, "carl")
        said = await carl.account.say("/digest", TREASURY_GROUP)
        await carl.sees("Daily digest", chat=TREASURY_GROUP, after=said)
        await followed(carl, await pointed(carl, "/digest"), "Daily digest")
        assert not having(carl, "Daily digest", LOBBY_GROUP)


async def test_commands_to_other_bots_and_talk_are_not_ours(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        before = len(amara.account.messages(LOBBY_GROUP))
        for text in ("/pay@other_bot 5 EUR to ACME", "/roll 6", "pay ACME", "123456"):
            await amara.account.say(text, LOBBY_GROUP)
        await dealt_with(world)
        link = await pointed(amara, "/pay@northwind_pay_bot 80.00 EUR to ACME GmbH")
        assert len(amara.account.messages(LOBBY_GROUP)) == before + 6
        await followed(amara, link, "is with its approvers")
        await until(lambda: len(rows(world, "SELECT 1 FROM payment_order")) == 1)


async def test_links_fit_and_say_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        carl = Phone(world, "carl")
        card = await carl.sees(order.id, "[Approve]", chat=TREASURY_GROUP)
        links = [each.url for each in card.all_buttons()]
        links.append(await pointed(carl, "/payment " + order.id, TREASURY_GROUP))
        for link in links:
            payload = link.partition("start=")[2]
            assert len(payload) == 24
            assert payload.replace("-", "").replace("_", "").isalnum()
            assert order.id not in link
        assert len(set(links)) == len(links)
        assert order.end_to_end_id in shown(await followed(carl, links[-1], "What happened"))
