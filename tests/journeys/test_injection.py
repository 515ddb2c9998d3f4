"""What people write is text to the end: nothing in names, references or file names takes effect."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox import slack, telegram
from sandbox.slack import FileToGive
from tests.journeys.telegram_hands import Phone, hurried
from tests.journeys.test_files import INVOICE, opened
from tests.journeys.test_telegram_files import PDF, TELEGRAM, requested_from, sent
from tests.journeys.world import NEW_IBAN, TREASURY, TREASURY_GROUP, World, a_world
from workflows.orders import Order

NAME = "<!channel> Neu *b* @here [x](https://evil.test)"
REFERENCE = "INV <https://evil.test|invoice> @everyone _i_ ~s~ `c` /freeze #tag &lt;b&gt;"
FILE = "<!here> *invoice* www.evil.test @bank.pdf"
LIVE = {"url", "mention", "text_link", "text_mention", "hashtag", "cashtag", "bot_command", "email"}


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    hurried(monkeypatch)


def marked(message: slack.Message) -> Iterator[str]:
    """Return the texts of a message that Slack reads as mark-up, its fallback among them."""
    yield message.text
    yield from _marked(message.all_blocks())


def _marked(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if part.get("type") == "mrkdwn":
            yield str(part["text"])
        for each in part.values():
            yield from _marked(each)
    elif isinstance(part, list):
        for each in part:
            yield from _marked(each)


def about(world: World, order: Order) -> list[slack.Message]:
    found = []
    for name in ("amara", "bea", "carl", "dora"):
        person = world.person(name)
        found += [*person.messages(person.dm), *person.messages(TREASURY)]
    return [each for each in found if order.id in slack.text_of(each)]


async def test_in_slack(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        form = await opened(world, "/pay", "pay")
        asked = {
            "account": "operating-eur",
            "amount": "1250.00",
            "name": NAME,
            "iban": NEW_IBAN,
            "reference": REFERENCE,
            "invoice": FileToGive(FILE, INVOICE),
        }
        outcome = await world.person("amara").submit(form, asked)
        assert outcome.ok, outcome
        order = await world.order()
        assert (order.creditor_name, order.remittance) == (NAME, REFERENCE)
        assert [each.name for each in order.files] == [FILE]
        await world.approve("carl", order)
        await world.card("bea", order)
        async with asyncio.timeout(30):
            while len(messages := about(world, order)) < 4:
                await asyncio.sleep(0.05)
        for message in messages:
            assert "<!channel> Neu" in slack.text_of(message).replace("\u200b", "")
            for text in marked(message):
                assert "<" not in text, text
                assert "*b*" not in text, text
                assert "_i_" not in text, text


async def test_in_telegram(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        question = await sent(amara, FILE, PDF, "New payment")
        await amara.press(question, "Operating EUR")
        await amara.becomes(question, "👉 Amount")
        payee = await amara.sends("1250.00", "👉 Payee")
        await amara.press(payee, "Somebody new")
        await amara.becomes(payee, "👉 New payee")
        await amara.sends(NAME, "👉 ")
        await amara.sends(NEW_IBAN, "👉 Reference")
        date = await amara.sends(REFERENCE, "👉 Execution date")
        await amara.press(date, "As soon as possible")
        invoice = await amara.becomes(date, "👉 Invoice")
        await amara.press(
            invoice, next(b.label for b in invoice.all_buttons() if "Keep" in b.label)
        )
        order = await requested_from(amara, world, await amara.becomes(invoice, "Is this right?"))
        assert (order.creditor_name, order.remittance) == (NAME, REFERENCE)
        seen = 0
        for name, chat in (("bea", None), ("carl", None), ("carl", TREASURY_GROUP)):
            phone = Phone(world, name)
            await phone.sees(order.id, "Policy:", chat=chat)
            for message in phone.account.messages(chat):
                if order.id in telegram.text_of(message):
                    seen += 1
                    assert not {each["type"] for each in message.entities} & LIVE
        assert seen >= 3
