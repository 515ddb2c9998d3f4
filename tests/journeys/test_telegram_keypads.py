"""Keypads that outlive what they were opened for, and codes that come another way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox.telegram import Message
from tests.journeys.telegram_hands import (
    PAD,
    Phone,
    Watch,
    data_of,
    dealt_with,
    hurried,
    requested,
    rows,
    shown,
    until,
)
from tests.journeys.world import World, a_world
from workflows import audit
from workflows.orders import Order, OrderState

TELEGRAM = ("telegram",)


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    hurried(monkeypatch)


async def _approved(world: World, order: Order) -> None:
    second = await Phone(world, "bea").pad(order)
    assert "1 more approval" in await Phone(world, "bea").taps(second)


async def _amended(world: World, order: Order) -> None:
    amara = Phone(world, "amara")
    card = await amara.card(order, "[Change]")
    await amara.press(card, "Change")
    review = await amara.sees("Is this right?", after=card)
    await amara.press(review, "✎ Amount")
    await amara.becomes(review, "👉 Amount")
    review = await amara.sends("1300.00", "Is this right?")
    await amara.press(review, "Save")
    await amara.becomes(review, "Earlier approvals no longer count")


async def _withdrawn(world: World, order: Order) -> None:
    amara = Phone(world, "amara")
    card = await amara.card(order, "[Withdraw]")
    await amara.press(card, "Withdraw")
    await amara.press(await amara.becomes(card, "❓"), "Withdraw")
    await world.until(OrderState.CANCELLED)


async def _rejected(world: World, order: Order) -> None:
    carl = Phone(world, "carl")
    await carl.press(await carl.card(order, "[Reject]"), "Reject")
    await carl.sees("👉 Why not")
    review = await carl.sends("Wrong invoice", "Is this right?")
    await carl.press(review, "Reject")
    await world.until(OrderState.REJECTED)


@pytest.mark.parametrize(
    ("happening", "answer", "approvals"),
    [
        (_approved, "already decided", 1),
        (_amended, "has changed since", 0),
        (_withdrawn, "not waiting for approval any more", 0),
        (_rejected, "not waiting for approval any more", 0),
    ],
)
async def test_a_keypad_whose_order_went_on_approves_nothing(
    tmp_path: Path,
    happening: Callable[[World, Order], Awaitable[None]],
    answer: str,
    approvals: int,
) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea = Phone(world, "bea")
        pad = await bea.pad(order)
        await happening(world, order)
        await bea.taps(pad, await world.code("bea"))
        said = await bea.sees(answer)
        assert "[⌫]" not in shown(said)
        assert (await world.kinds(order.id)).count("order.approval") == approvals
        assert not any("[⌫]" in shown(each) for each in bea.account.messages())
        # The old screen, if a client still shows it, has nothing to press.
        pressed = await bea.account.press(pad, "5", is_stale=True)
        assert "closed" in pressed.text
        assert world.bank.ledger == []


async def test_a_keypad_shows_nothing_of_what_has_changed_meanwhile(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea = Phone(world, "bea")
        pad = await bea.pad(order)
        await _amended(world, order)
        assert "€1,250.00" in shown(await bea.becomes(pad, PAD))
        await bea.taps(pad, await world.code("bea"))
        assert "€1,300.00" in shown(await bea.sees("has changed since"))
        again = await bea.pad(order)
        assert "€1,300.00" in shown(again)
        assert f"{order.id} v2" in shown(again)


async def test_a_cancelled_keypad_takes_no_more_digits(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea = Phone(world, "bea")
        pad = await bea.pad(order)
        for digit in (await world.code("bea"))[:5]:
            await bea.press(pad, digit)
        await bea.account.say("/cancel")
        await bea.becomes(pad, "cancelled. Nothing was asked for.")
        pressed = await bea.account.press(pad, "1", is_stale=True)
        assert "closed" in pressed.text
        other = await bea.pad(order)
        await bea.press(other, "Cancel")
        await bea.becomes(other, "cancelled")
        assert await world.kinds(order.id) == ["order.requested"]
        assert "No form is open" in shown(await bea.sends("/cancel"))


async def test_a_keypad_that_was_left_is_dropped(tmp_path: Path) -> None:
    watch = Watch()
    async with a_world(tmp_path, chats=TELEGRAM, clock=watch) as world:
        order = await requested(world)
        bea, carl = Phone(world, "bea"), Phone(world, "carl")
        pad, other = await bea.pad(order), await carl.pad(order)
        code = await world.code("bea")
        for digit in code[:5]:
            await bea.press(pad, digit)
        await dealt_with(world)
        watch.move(minutes=59)
        await carl.press(other, "1")  # whoever goes on keeps it open
        await dealt_with(world)
        watch.move(minutes=2)
        await bea.becomes(pad, "dropped, because it was left half filled in")
        pressed = await bea.account.press(pad, code[5], is_stale=True)
        assert "closed" in pressed.text
        assert rows(world, "SELECT user_id FROM telegram_dialogue") == [(carl.account.id,)]
        assert "[⌫]" in shown(await carl.becomes(other, "●"))


async def test_half_a_code_outlives_a_restart(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea = Phone(world, "bea")
        pad = await bea.pad(order)
        code = await world.code("bea")
        for digit in code[:4]:
            await bea.press(pad, digit)
        await bea.becomes(pad, "● ● ● ● ○ ○")
        await world.close()
        stored = (tmp_path / "data" / "countersign.sqlite").read_bytes()
        assert b"authenticator" not in stored  # the keypad's own words are encrypted with it
        await world.open()
        assert "1 more approval" in await bea.taps(pad, code[4:])


async def test_a_wrong_code_is_told_and_the_keypad_stays(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea = Phone(world, "bea")
        pad = await bea.pad(order)
        good = await world.code("bea")
        wrong = f"{(int(good) + 1) % 1_000_000:06}"
        assert "4 more tries" in await bea.taps(pad, wrong)
        fresh = await bea.becomes(pad, "○ ○ ○ ○ ○ ○")
        for digit in (*wrong[:3], "⌫", "⌫", "⌫", "⌫"):
            await bea.press(fresh, digit)
        assert "1 more approval" in await bea.taps(fresh, good)


# ---- codes that are typed ---------------------------------------------------------------------


async def test_a_typed_code_is_deleted_and_counts_for_nothing(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea = Phone(world, "bea")
        pad = await bea.pad(order)
        code = await world.code("bea")
        for text in (code, f"{code[:3]} {code[3:]}", f"  {code}  "):
            typed = await bea.account.say(text)
            await bea.account.wait_gone(typed)
            await bea.sees("Never type a code", after=typed)
        assert await world.kinds(order.id) == ["order.requested"]
        await until(lambda: not rows(world, "SELECT 1 FROM telegram_update WHERE payload NOT NULL"))
        entries = await world.read(lambda c: audit.after(c, 0, 10_000))
        assert code not in repr(entries)
        assert code not in "".join(shown(m) for m in bea.account.messages())
        assert "1 more approval" in await bea.taps(pad, code)


async def test_six_digits_are_an_answer_where_no_code_is_waited_for(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world, "80.00 EUR to ACME GmbH")
        bea = Phone(world, "bea")
        pad = await bea.pad(order)
        asked = await bea.sends("/pay", "👉 From account")
        await bea.press(asked, "Operating EUR")
        amount = await bea.becomes(asked, "👉 Amount")
        # While a keypad is open nobody can tell, so it is taken for the secret it may be.
        typed = await bea.account.say("123456")
        await bea.account.wait_gone(typed)
        assert "👉 Amount" in shown(await bea.becomes(amount, "👉"))
        await bea.press(pad, "Cancel")
        await bea.becomes(pad, "cancelled")
        payee = await bea.sends("123456", "👉 Payee")
        assert "▫️ Amount: 123456" in shown(payee)


async def test_no_button_of_a_keypad_tells_its_digit(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea = Phone(world, "bea")
        first, second = await bea.pad(order), await bea.pad(order)
        words: set[str] = set()
        for pad in (first, second):
            keys = list(pad.all_buttons())
            assert [each.label for each in keys[:10]] == list("1234567890")
            for each in keys:
                assert len(each.data.encode()) <= 64
                assert order.id not in each.data
            words |= _words(pad)
        assert len(words) == 2 * len(list(first.all_buttons()))
        # No two digits' words have anything in common by which they could be told apart, and a
        # mistake gives all of them anew.
        good = await world.code("bea")
        await bea.taps(second, f"{(int(good) + 1) % 1_000_000:06}")
        assert not words & _words(await bea.becomes(second, "❗"))
        stale = await bea.account.press_data(second, data_of(second, "5"))
        assert "had its day" in stale.text


def _words(message: Message) -> set[str]:
    return {each.data.rpartition(":")[2] for each in message.all_buttons()}
