"""Forms as conversations: question by question, each answer still to be changed."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from sandbox.telegram import Message
from tests.conformance.chat_hands import SlackHands, TelegramHands
from tests.journeys.telegram_hands import (
    Phone,
    Watch,
    asked,
    dealt_with,
    having,
    hurried,
    requested,
    rows,
    shown,
)
from tests.journeys.world import EUR_IBAN, NEW_IBAN, TELEGRAM_IDS, a_world
from workflows import audit

TELEGRAM = ("telegram",)
REVIEW = "Is this right?"
SAID = {"language_code": "en", "is_bot": False, "first_name": "Amara"}


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    hurried(monkeypatch)


async def chosen(phone: Phone, question: Message, label: str, *wanted: str) -> Message:
    """Press an answer; return the dialogue once it has gone on."""
    await phone.press(question, label)
    return await phone.becomes(question, *wanted)


async def until_payee(phone: Phone) -> Message:
    """Begin a payment and answer until the payee is asked for."""
    first = await phone.sends("/pay", "👉 From account")
    await chosen(phone, first, "Operating EUR", "👉 Amount")
    return await phone.sends("500.00", "👉 Payee")


async def until_review(phone: Phone) -> Message:
    payee = await until_payee(phone)
    await chosen(phone, payee, "ACME GmbH", "👉 Reference")
    date = await phone.sends("INV-7", "👉 Execution date")
    invoice = await chosen(phone, date, "As soon as possible", "👉 Invoice")
    return await chosen(phone, invoice, "No invoice", REVIEW)


def buttons_of(message: Message) -> list[str]:
    return [each.label for each in message.all_buttons()]


async def test_a_payment_is_asked_for_and_every_answer_changed(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        first = await amara.sends("/pay", "👉 From account")
        assert [label[:15] for label in buttons_of(first)[:2]] == [
            "✓ Operating EUR",
            "Operating USD ·",
        ]
        amount = await chosen(amara, first, "Operating USD", "👉 Amount")
        assert "Operating USD" in shown(amount)
        payee = await amara.sends("500.00", "👉 Payee")
        assert await amara.account.wait_gone(first)
        assert [label for label in buttons_of(payee) if "ACME" in label]
        # Somebody is found by a part of the name, or is not.
        nobody = await amara.sends("Nobody Ltd", "👉 Payee", "Nobody is called like “Nobody Ltd”")
        assert "Somebody new" in buttons_of(nobody)
        found = await amara.sends("trad", "👉 Payee")
        assert [label for label in buttons_of(found) if "ACME" in label] == [
            "ACME Trading Ltd · GB29 •••• 6819"
        ]
        reference = await chosen(amara, found, "ACME Trading Ltd", "👉 Reference")
        # Back and on again, with what was said offered anew.
        back = await chosen(amara, reference, "‹ Back", "👉 Payee")
        again = await chosen(amara, back, "ACME Trading Ltd", "👉 Reference")
        date = await chosen(amara, again, "Leave out", "👉 Execution date")
        invoice = await chosen(amara, date, "As soon as possible", "👉 Invoice")
        review = await chosen(amara, invoice, "No invoice", REVIEW)
        for words in ("Operating USD", "Amount: 500.00", "ACME Trading Ltd", "Reference: —"):
            assert words in shown(review)

        review = await chosen(amara, review, "✎ From account", "👉 From account")
        review = await chosen(amara, review, "Operating EUR", REVIEW)
        await chosen(amara, review, "✎ Amount", "👉 Amount", "Keep: 500.00")
        kept = await chosen(amara, review, "Keep: 500.00", REVIEW)
        await chosen(amara, kept, "✎ Amount", "👉 Amount")
        review = await amara.sends("750.00", REVIEW)
        await chosen(amara, review, "✎ Reference", "👉 Reference")
        review = await amara.sends("INV-9 & more", REVIEW)
        await chosen(amara, review, "✎ Execution date", "👉 Execution date")
        wrong = await amara.sends("soon", "👉 Execution date", "❗")
        assert "soon" in shown(wrong)
        await chosen(amara, wrong, "‹ Back", REVIEW)
        await chosen(amara, wrong, "✎ Payee", "👉 Payee")
        name = await chosen(amara, wrong, "Somebody new", "👉 New payee: name")
        assert "ACME" not in shown(name)
        await amara.sends("Neu & Söhne", "👉 New payee: IBAN")
        bad = await amara.sends("FR14 2004", "👉 New payee: IBAN", "❗")
        assert REVIEW not in shown(bad)
        review = await amara.sends(NEW_IBAN, REVIEW)
        await amara.press(review, "Request")
        await amara.becomes(review, "is with its approvers")
        (order,) = await asked(world)
        assert (order.account_id, order.amount_minor) == ("operating-eur", 75_000)
        assert (order.creditor_name, order.creditor_iban) == ("Neu & Söhne", NEW_IBAN)
        assert order.remittance == "INV-9 & more"
        assert rows(world, "SELECT 1 FROM telegram_dialogue") == []


async def test_the_sentences_are_those_of_slacks_form(tmp_path: Path) -> None:
    new = {"name": "Neu GmbH", "iban": NEW_IBAN}
    async with a_world(tmp_path, chats=("slack", "telegram")) as world:
        assert (await world.person("amara").command("/treasury")).ok
        await Phone(world, "amara").sees("Your Slack account was linked")
        hands = (SlackHands(world), TelegramHands(world))
        for wrong in (
            {"amount": "12.345"},
            {"amount": "0"},
            {"amount": "1,250.00"},
            {"amount": "a lot"},
            {"amount": "-5"},
            {"amount": "900000.00"},
            {"date": "2020-01-01"},
            {"date": "2199-01-01"},
            {**new, "iban": "FR1420041010050500013M02607"},
            {**new, "iban": EUR_IBAN},
            {**new, "name": "Neu\u202eGmbH"},
        ):
            known = {"account": "operating-eur", "amount": "500.00"}
            values = {**known, **({} if "name" in wrong else {"payee": "acme"}), **wrong}
            in_slack, here = [await each.asks_with_form("amara", values) for each in hands]
            assert in_slack
            assert in_slack in here.replace("\u200b", ""), (wrong, in_slack, here)
        assert await asked(world) == []


async def test_an_equal_payment_has_to_be_meant(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        first = await requested(world, "500.00 EUR to ACME GmbH")
        amara = Phone(world, "amara")
        review = await until_review(amara)
        asking = await chosen(amara, review, "Request", first.id, "☐ I know of it")
        assert "INV-7" in shown(asking)
        # Not ticked, it is asked about again; ticked and unticked likewise.
        await amara.press(asking, "Request")
        asking = await amara.becomes(asking, "☐ I know of it")
        ticked = await chosen(amara, asking, "☐ I know of it", "☑ I know of it")
        unticked = await chosen(amara, ticked, "☑ I know of it", "☐ I know of it")
        assert await asked(world) == [first]
        ticked = await chosen(amara, unticked, "☐ I know of it", "☑ I know of it")
        await chosen(amara, ticked, "Request", "is with its approvers")
        _, second = await asked(world)
        assert second.remittance == "INV-7"
        assert "duplicate" in second.risk_codes


async def test_a_request_is_changed(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        amara = Phone(world, "amara")
        card = await amara.card(order, "[Change]")
        await amara.press(card, "Change")
        review = await amara.sees(REVIEW, after=card)
        for words in ("Change", "Amount: 1250.00", "ACME GmbH", "Reference: INV-7"):
            assert words in shown(review)
        await chosen(amara, review, "✎ Reference", "👉 Reference", "Keep: INV-7")
        review = await amara.sends("INV-8", REVIEW)
        await chosen(amara, review, "Save", "Earlier approvals no longer count")
        (changed,) = await asked(world)
        assert (changed.id, changed.version, changed.remittance) == (order.id, 2, "INV-8")
        # Somebody else's is nobody's to change, whichever way they come.
        assert "[Change]" not in shown(await Phone(world, "bea").card(order, "INV-8"))


async def test_several_forms_are_open_and_words_go_to_the_last(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        first, second = await until_payee(amara), await until_payee(amara)
        await chosen(amara, first, "ACME GmbH", "👉 Reference")
        await amara.sends("for the first", "👉 Execution date", "for the first", "ACME GmbH")
        assert "👉 Payee" in shown(await amara.becomes(second, "👉 Payee"))
        await chosen(amara, second, "ACME Trading Ltd", "👉 Reference")
        await amara.sends("for the second", "👉 Execution date", "ACME Trading Ltd")
        await amara.account.say("/cancel")
        await dealt_with(world)
        assert len(having(amara, "New payment: cancelled. Nothing was asked for.")) == 2
        assert rows(world, "SELECT 1 FROM telegram_dialogue") == []

        opened = [await amara.sends("/pay", "👉 From account") for _ in range(6)]
        await amara.becomes(opened[0], "dropped")
        await chosen(amara, opened[1], "Operating EUR", "👉 Amount")
        assert len(rows(world, "SELECT 1 FROM telegram_dialogue")) == 5


async def test_a_form_that_was_left_is_dropped_and_said_so(tmp_path: Path) -> None:
    watch = Watch()
    async with a_world(tmp_path, chats=TELEGRAM, clock=watch) as world:
        amara = Phone(world, "amara")
        payee = await until_payee(amara)
        await dealt_with(world)
        watch.move(hours=1, seconds=1)
        await amara.becomes(payee, "New payment", "dropped", "Nothing was asked for")
        await amara.sends("ACME", "Nothing waits for an answer")
        assert rows(world, "SELECT 1 FROM telegram_dialogue") == []
        assert await asked(world) == []


async def test_what_is_too_long_is_told(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        payee = await until_payee(amara)
        await chosen(amara, payee, "ACME GmbH", "👉 Reference")
        await amara.sends("x" * 141, "👉 Reference", "at most 140")
        await amara.sends("x" * 4000, "👉 Reference", "at most 140")
        date = await amara.sends("ü" * 140, "👉 Execution date")
        assert "ü" * 140 in shown(date)


# ---- what Telegram carries --------------------------------------------------------------------


async def test_no_button_tells_anything_and_none_is_there_twice(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        amara, bea = Phone(world, "amara"), Phone(world, "bea")
        review = await until_review(amara)
        await chosen(amara, review, "✎ From account", "👉 From account")
        carl = Phone(world, "carl")
        await carl.sends("/approvals", order.id)
        await bea.pad(order)
        seen: set[str] = set()
        for call in world.telegram.log:
            if call.method not in ("sendMessage", "editMessageText"):
                continue
            keyboard = (call.params.get("reply_markup") or {}).get("inline_keyboard", [])
            for data in [
                key["callback_data"] for row in keyboard for key in row if "url" not in key
            ]:
                assert len(data.encode()) <= 64
                for known in (order.id, "approve", "acme", "operating", "ACME", "500"):
                    assert known not in data
                word = data.split(":")[2]
                assert len(word) == 12
                seen.add(word)
        assert len(seen) > 40
        # A drawing gives all its buttons new words.
        now = await chosen(amara, review, "‹ Back", REVIEW)
        assert not seen & {each.data.split(":")[2] for each in now.all_buttons()}


async def test_a_long_story_is_read_page_by_page(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        assert world.app is not None
        services = world.app.services
        for number in range(14):  # as a bank asks for something, at length
            about = {"waiting_for_person": f"{number:02} " + "Please confirm & sign <here>. " * 12}
            write = partial(
                audit.append,
                at=services.clock(),
                actor=audit.SYSTEM,
                kind="order.status",
                subject=order.id,
                facts=about,
            )
            await services.database.write(write)
        carl = Phone(world, "carl")
        first = await carl.sends(f"/payment {order.id}", "What happened", "1 / 2")
        assert "[‹]" not in shown(first)
        second = await chosen(carl, first, "›", "2 / 2")
        assert "[›]" not in shown(second)
        whole = shown(first) + shown(second)
        assert [number for number in range(14) if f"{number:02} Please" not in whole] == []
        stale = await carl.account.press(first, "›", is_stale=True)
        assert "had its day" in stale.text
        back = await chosen(carl, second, "‹", "1 / 2")
        assert back.text == first.text
        # What is done from a page is done as from any card.
        await carl.press(back, "Approve")
        await carl.sees("[⌫]", order.id, after=first)
        assert not any(call.error_code == 400 for call in world.telegram.log)


async def test_whatever_cannot_be_taken_is_answered(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        payee = await until_payee(amara)
        sticker = await amara.account.send_sticker()
        await amara.sees("I can only read text", after=sticker)
        person, chat = {"id": amara.account.id, **SAID}, {"id": amara.chat, "type": "private"}
        file = {"file_id": "x", "file_unique_id": "y", "duration": 2}
        place = {"latitude": 52.5, "longitude": 13.4}
        for content in (
            {"voice": file},
            {"location": place},
            {"dice": {"emoji": "🎲", "value": 6}},
        ):
            before = await amara.sees("I can only read text")
            message = {"message_id": 9000, "date": 1, "from": person, "chat": chat, **content}
            world.telegram.inject({"message": message})
            await amara.sees("I can only read text", after=before)
        # The form goes on as if nothing had been said.
        await chosen(amara, payee, "ACME GmbH", "👉 Reference")
        stranger = TELEGRAM_IDS["sam"]
        await world.on_telegram("sam").send_sticker()
        await world.on_telegram("sam").wait_message(lambda m: "do not know you" in m.text, stranger)
