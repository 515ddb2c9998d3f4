"""What goes wrong in Telegram by what people do: buttons that are not theirs, groups, blocking."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys import world as worlds
from tests.journeys.telegram_hands import (
    NOT_YOURS,
    PAD,
    Phone,
    asked,
    data_of,
    having,
    health,
    hurried,
    recorded,
    requested,
    shown,
    until,
)
from tests.journeys.world import LOBBY_GROUP, TREASURY_GROUP, a_world
from workflows.orders import OrderState

TELEGRAM = ("telegram",)


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    hurried(monkeypatch)


# ---- buttons in wrong places ------------------------------------------------------------------


async def test_cards_and_keypads_cannot_be_forwarded(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea = Phone(world, "bea")
        pad = await bea.pad(order)
        for message in (await bea.card(order), pad):
            with pytest.raises(PermissionError):
                await bea.account.forward(message, LOBBY_GROUP)


async def test_a_forwarded_card_is_nothing_but_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_settings = worlds.TELEGRAM_SETTINGS + "protect_content = false\n"
    monkeypatch.setattr(worlds, "TELEGRAM_SETTINGS", open_settings)
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea, carl = Phone(world, "bea"), Phone(world, "carl")
        card = await bea.card(order, "[Approve]")
        pad = await bea.pad(order)
        card = await bea.becomes(card, "[Approve]")
        approve, digit = data_of(card, "Approve"), data_of(pad, "5")
        for presser, where in ((bea, bea.chat), (bea, LOBBY_GROUP), (carl, LOBBY_GROUP)):
            for original, data in ((card, approve), (pad, digit)):
                copy = await bea.account.forward(original, where)
                assert copy.buttons == []
                pressed = await presser.account.press_raw(where, copy.message_id, data)
                assert pressed.answered
                assert "not yours" in pressed.text or "closed" in pressed.text
        assert [m for m in bea.account.messages() if "●" in m.text] == []
        assert "1 more approval" in await bea.taps(pad)


async def test_buttons_of_other_peoples_messages_do_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea, carl, amara = (Phone(world, name) for name in ("bea", "carl", "amara"))
        card = await bea.card(order, "[Approve]")
        theirs = await carl.card(order, "[Approve]")
        group = await bea.sees(order.id, chat=TREASURY_GROUP)
        approve = data_of(card, "Approve")
        for presser, chat, message in (
            (carl, carl.chat, card.message_id),
            (carl, carl.chat, theirs.message_id),
            (amara, amara.chat, card.message_id),
            (carl, TREASURY_GROUP, group.message_id),
            (bea, TREASURY_GROUP, group.message_id),
            (bea, LOBBY_GROUP, 1),
        ):
            pressed = await presser.account.press_raw(chat, message, approve)
            assert NOT_YOURS in pressed.text
            assert pressed.is_alert
        # A message of one's own has no part in another's.
        sent = await bea.sends("/approvals", "Approvals")
        pressed = await bea.account.press_data(sent, approve)
        assert NOT_YOURS in pressed.text
        assert not [m for m in bea.account.messages() if PAD in m.text]
        assert "1 more approval" in await bea.approves(order)


async def test_made_up_buttons_do_nothing(tmp_path: Path) -> None:
    made_up = (
        "x",
        "m:",
        "m::",
        "m:_:",
        "m:abc:def",
        "d:",
        "d::",
        "d:abc:def",
        "approve:1",
        "m" * 64,
    )
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea, sam = Phone(world, "bea"), Phone(world, "sam")
        card = await bea.card(order, "[Approve]")
        real = data_of(card, "Approve")
        before = len(bea.account.messages())
        for data in (*made_up, "d:" + "é" * 31, real[:-1], real + "x", real.replace("m:", "d:")):
            pressed = await bea.account.press_data(card, data)
            assert "not yours" in pressed.text or "closed" in pressed.text or "day" in pressed.text
            strange = await sam.account.press_raw(LOBBY_GROUP, 1, data)
            assert "not yours" in strange.text or "do not know you" in strange.text
        assert len(bea.account.messages()) == before
        assert await world.kinds(order.id) == ["order.requested"]


async def test_a_keypad_is_its_owners_alone(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea, carl = Phone(world, "bea"), Phone(world, "carl")
        pad = await bea.pad(order)
        five = data_of(pad, "5")
        for presser, chat in ((carl, carl.chat), (bea, LOBBY_GROUP), (carl, LOBBY_GROUP)):
            pressed = await presser.account.press_raw(chat, pad.message_id, five)
            assert "closed" in pressed.text
        assert "●" not in shown(await bea.becomes(pad, PAD))
        assert "1 more approval" in await bea.taps(pad)


async def test_an_old_screen_gets_the_new_one(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea = Phone(world, "bea")
        old = await bea.card(order, "[Approve]")
        await bea.press(old, "Approve")
        pads = len([m for m in bea.account.messages() if PAD in m.text])
        again = await bea.account.press(old, "Approve", is_stale=True)
        assert "had its day" in again.text
        assert not again.is_alert
        assert len([m for m in bea.account.messages() if PAD in m.text]) == pads == 1
        await bea.press(await bea.card(order), "Approve")
        await until(lambda: len([m for m in bea.account.messages() if PAD in m.text]) == 2)


# ---- edited messages --------------------------------------------------------------------------


async def test_editing_a_line_changes_nothing_and_says_so(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        line = await amara.account.say("/pay 1250.00 EUR to ACME GmbH ref INV-7")
        await amara.sees("is with its approvers", after=line)
        (order,) = await asked(world)
        await amara.account.edit(line, "/pay 9250.00 EUR to ACME GmbH ref INV-7")
        await amara.sees("Editing a message changes nothing")
        assert await asked(world) == [order]
        assert await world.kinds(order.id) == ["order.requested"]
        # Nor does it ask for what was first sent as something else, or by a stranger.
        plain = await amara.account.say("hello")
        await amara.sees("Nothing waits", after=plain)
        await amara.account.edit(plain, "/pay 70.00 EUR to ACME GmbH")
        await amara.sees("Editing a message changes nothing", after=plain)
        assert await asked(world) == [order]


async def test_editing_an_answer_changes_no_answer(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        first = await amara.sends("/pay", "👉 From account")
        await amara.press(first, "Operating EUR")
        await amara.becomes(first, "👉 Amount")
        typed = await amara.account.say("500.00")
        payee = await amara.sees("👉 Payee", after=typed)
        await amara.account.edit(typed, "900.00")
        await amara.sees("Editing a message changes nothing", after=payee)
        assert "500.00" in shown(await amara.becomes(payee, "👉 Payee"))


# ---- groups -----------------------------------------------------------------------------------


async def test_a_group_that_became_a_supergroup_is_followed(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        carl = Phone(world, "carl")
        await carl.sees(order.id, chat=TREASURY_GROUP)
        group = world.telegram.upgrade_group(TREASURY_GROUP)
        await recorded(world, f"telegram:{TREASURY_GROUP}", "group.migrated")
        assert "1 more approval" in await Phone(world, "bea").approves(order)
        await carl.sees("Bea Lindqvist approved", chat=group)
        card = await carl.sees(order.id, "Policy:", "Bea Lindqvist", chat=group)
        later = await requested(world, "80.00 EUR to ACME GmbH")
        await carl.sees(later.id, chat=group)
        assert world.app is not None
        await world.app.schedule.digest()
        await carl.sees("Daily digest", chat=group)
        assert (await world.kinds(f"telegram:{TREASURY_GROUP}")) == ["group.migrated"]
        # Commands typed there are answered as before, and the card's links lead on.
        await carl.account.say("/balance", group)
        await carl.sees("€100,000.00", chat=group)
        pressed = await carl.press(card, "Approve")
        await carl.account.open_link(pressed.url)
        assert "has all its approvals" in await carl.taps(await carl.sees(PAD, order.id))


async def test_a_move_that_nobody_told_of_is_found_out(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=("slack", "telegram")) as world:
        order = await world.pay()
        carl = Phone(world, "carl")
        old = await carl.sees(order.id, chat=TREASURY_GROUP)
        world.telegram.hold()
        group = world.telegram.upgrade_group(TREASURY_GROUP)
        card = await world.card("amara", order, with_button="cancel")
        assert (await world.person("amara").click(card, "cancel")).ok
        await carl.sees(order.id, "Cancelled", "Policy:", chat=group)
        assert world.app is not None
        await world.app.schedule.digest()
        await carl.sees("Daily digest", chat=group)
        await world.telegram.release()
        await world.telegram.settle()
        later = await world.pay("80.00 EUR to ACME GmbH")
        await carl.sees(later.id, chat=group)
        assert (await world.kinds(f"telegram:{TREASURY_GROUP}")) == ["group.migrated"]
        cards = [each for each in having(carl, "Daily digest", group) if "photo" not in each]
        assert len(cards) == 1
        assert "Waiting for approval" in shown(await carl.becomes(old, order.id))


async def test_messages_of_before_a_move_are_never_taken_for_those_after_it(tmp_path: Path) -> None:
    """A supergroup numbers its messages anew, so an old number is another message there."""
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        first = await requested(world, "70.00 EUR to ACME GmbH")
        carl, amara = Phone(world, "carl"), Phone(world, "amara")
        number = (await carl.sees(first.id, chat=TREASURY_GROUP)).message_id
        group = world.telegram.upgrade_group(TREASURY_GROUP)
        await recorded(world, f"telegram:{TREASURY_GROUP}", "group.migrated")
        while (await carl.account.say("Lunch?", group)).message_id < number - 1:
            pass
        second = await requested(world, "80.00 EUR to ACME GmbH")
        other = await carl.sees(second.id, chat=group)
        assert other.message_id == number
        card = await amara.card(first, "[Withdraw]")
        await amara.press(card, "Withdraw")
        await amara.press(await amara.becomes(card, "❓"), "Withdraw")
        moved = await carl.sees(first.id, "Cancelled", "Policy:", chat=group)
        assert moved.message_id != number
        story = await carl.sees("Amara Okafor withdrew", chat=group)
        assert story.reply_to != number
        still = carl.account.latest(other)
        assert still is not None
        assert still.text == other.text


async def test_a_group_that_threw_the_bot_out_and_took_it_back(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        carl, dora = Phone(world, "carl"), Phone(world, "dora")
        await carl.sees(order.id, chat=TREASURY_GROUP)
        world.telegram.remove_bot(TREASURY_GROUP)
        missed = await requested(world, "80.00 EUR to ACME GmbH")
        assert "1 more approval" in await Phone(world, "bea").approves(order)
        await dora.card(missed)
        await carl.card(order, "Bea Lindqvist")
        assert not having(carl, missed.id, TREASURY_GROUP)
        world.telegram.add_bot(TREASURY_GROUP)
        await world.telegram.settle()
        assert "has all its approvals" in await carl.approves(order)
        await carl.sees(order.id, "Paid", "Policy:", chat=TREASURY_GROUP)
        assert "has all its approvals" in await dora.approves(missed)
        await carl.sees(missed.id, "Policy:", "Dora Quist", chat=TREASURY_GROUP)
        for name in ("amara", "bea"):
            await Phone(world, name).card(order, "Paid")


# ---- blocking ---------------------------------------------------------------------------------


@pytest.mark.parametrize("is_told", [True, False])
async def test_whoever_blocks_the_bot_is_told_in_slack(tmp_path: Path, is_told: bool) -> None:
    async with a_world(tmp_path, chats=("slack", "telegram")) as world:
        bea, carl = Phone(world, "bea"), Phone(world, "carl")
        if not is_told:  # the bot finds out when it writes
            world.telegram.hold()
        await bea.account.block()
        await world.telegram.settle()
        order = await world.pay()
        await world.card("bea", order, with_button="approve")
        assert not having(bea, order.id)
        assert "1 more approval" in await world.approve("bea", order)
        await carl.card(order, "Bea Lindqvist")

        await bea.account.unblock()
        await world.telegram.release()
        await recorded(world, "bea", "person.reachable")
        kinds = [kind for kind in await world.kinds("bea") if "reachable" in kind]
        assert kinds == ["person.unreachable", "person.reachable"]
        bea_chose = await bea.sends("/treasury here", "comes to Telegram")
        later = await world.pay("80.00 EUR to ACME GmbH")
        await bea.sees(later.id, "[Approve]", after=bea_chose)
        assert "has all its approvals" in await bea.approves(later)


async def test_what_waits_comes_back_to_who_unblocks_the_bot(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        bea, carl, dora = (Phone(world, name) for name in ("bea", "carl", "dora"))
        await bea.account.block()
        order = await requested(world)
        await carl.card(order, "[Approve]")
        assert "1 more approval" in await dora.approves(order)
        await bea.account.unblock()
        await bea.card(order, "[Approve]", "Dora Quist")
        assert "has all its approvals" in await carl.approves(order)
        await world.until(OrderState.SETTLED)
        await bea.card(order, "Paid")
        assert len(world.bank.ledger) == 1


async def test_with_telegram_alone_everybody_but_who_blocks_is_told(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        bea, carl, meilin = (Phone(world, name) for name in ("bea", "carl", "meilin"))
        for blocking in (bea, Phone(world, "dora")):
            await blocking.account.block()
        await world.telegram.settle()
        order = await requested(world)
        await carl.sees(order.id, chat=TREASURY_GROUP)
        await Phone(world, "amara").card(order, "[Withdraw]")
        await meilin.sees(order.id, "[批准]")
        await carl.card(order, "[Approve]")
        assert not having(bea, order.id)
        assert (await health(world)).json()["chats"]["telegram"]["connected"]
