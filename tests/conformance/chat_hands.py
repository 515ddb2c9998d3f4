"""What a person does in a chat, whichever it is: the same words for Slack and for Telegram."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial

from bot.messages import Messages
from sandbox import slack, telegram
from tests.journeys.world import TREASURY, TREASURY_GROUP, World, buttons
from workflows.orders import Order

_SAYS = partial(Messages.load().text, "en")
FIELDS = {
    "account": _SAYS("label.account"),
    "amount": _SAYS("label.amount"),
    "payee": _SAYS("label.payee"),
    "name": _SAYS("form.pay.name"),
    "iban": _SAYS("form.pay.iban"),
    "reference": _SAYS("label.reference"),
    "date": _SAYS("label.execution"),
    "invoice": _SAYS("label.invoice"),
}
_SKIPS = {
    "payee": _SAYS("form.pay.payee_skip"),
    "date": _SAYS("execution.soonest"),
    "invoice": _SAYS("form.pay.invoice_skip"),
}


PATIENCE = 20.0


class Hands(ABC):
    """Everybody's hands in one chat."""

    chat: str

    def __init__(self, world: World) -> None:
        self.world = world

    @abstractmethod
    async def types(self, name: str, command: str) -> str:
        """Type a command and return what the person is answered, alone."""

    @abstractmethod
    async def sees(self, name: str, *wanted: str) -> str:
        """Return the newest private message with all of these words, once there is one."""

    @abstractmethod
    async def sees_in_channel(self, name: str, *wanted: str) -> str:
        """Return the newest message in the treasury's channel with all of these words."""

    @abstractmethod
    async def card(self, name: str, order: Order, *wanted: str) -> str:
        """Return a person's card of an order, once it has all of these words."""

    @abstractmethod
    async def asks_with_form(self, name: str, values: Mapping[str, str]) -> str:
        """Fill in the payment form and submit it; return what is said of it, mistakes or thanks."""

    @abstractmethod
    async def amends(self, name: str, order: Order, values: Mapping[str, str]) -> str:
        """Change one's own request; return what is said of it."""

    @abstractmethod
    async def approves(self, name: str, order: Order, code: str | None = None) -> str:
        """Approve from one's card with a code; return what is said of it."""

    @abstractmethod
    async def rejects(self, name: str, order: Order, reason: str) -> str:
        """Reject from one's card; return what is said of it."""

    @abstractmethod
    async def presses(self, name: str, wanted: str, label: str) -> str:
        """Press a button of the newest message with these words; return what is said of it."""

    @abstractmethod
    async def presses_channel_card(self, name: str, order: Order, label: str) -> str:
        """Press a button of the card in the treasury's channel; return what is said of it."""

    @abstractmethod
    async def received_file(self, name: str) -> bytes:
        """Return the file that came last."""


class SlackHands(Hands):
    """By slack-bolt over Socket Mode."""

    chat = "slack"

    async def types(self, name: str, command: str) -> str:
        person = self.world.person(name)
        before = len(person.messages())
        assert (await person.command(command)).ok
        async with asyncio.timeout(30):
            while len(person.messages()) == before and not person.views():
                await asyncio.sleep(0.01)
        if views := person.views():
            shown = slack.text_of(views[-1])
            await person.dismiss(views[-1])
            return shown
        return slack.text_of(person.messages()[-1])

    async def sees(self, name: str, *wanted: str) -> str:
        person = self.world.person(name)
        found = await person.wait_message(
            lambda m: all(each in slack.text_of(m) for each in wanted), person.dm, timeout=PATIENCE
        )
        return slack.text_of(found)

    async def sees_in_channel(self, name: str, *wanted: str) -> str:
        found = await self.world.person(name).wait_message(
            lambda m: all(each in slack.text_of(m) for each in wanted), TREASURY, timeout=PATIENCE
        )
        return slack.text_of(found)

    async def card(self, name: str, order: Order, *wanted: str) -> str:
        return await self.sees(name, order.id, *wanted)

    async def asks_with_form(self, name: str, values: Mapping[str, str]) -> str:
        person = self.world.person(name)
        assert (await person.command("/pay")).ok
        form = await person.wait_view()
        return await self._submits(name, form, values)

    async def _submits(self, name: str, form: slack.View, values: Mapping[str, str]) -> str:
        person = self.world.person(name)
        if "payee" in values:
            await person.suggest(form, "payee", values["payee"])
        outcome = await person.submit(form, values)
        if outcome.errors:
            await person.dismiss(form)
            return "\n".join(outcome.errors.values())
        shown = slack.text_of(person.views()[-1])
        await person.dismiss(person.views()[-1])
        return shown

    async def amends(self, name: str, order: Order, values: Mapping[str, str]) -> str:
        return await self._submits(name, await self.world.form(name, order, "amend"), values)

    async def approves(self, name: str, order: Order, code: str | None = None) -> str:
        form = await self.world.form(name, order)
        return await self._submits(name, form, {"code": code or await self.world.code(name)})

    async def rejects(self, name: str, order: Order, reason: str) -> str:
        form = await self.world.form(name, order, "reject")
        return await self._submits(name, form, {"reason": reason})

    async def presses(self, name: str, wanted: str, label: str) -> str:
        person = self.world.person(name)
        found = await person.wait_message(
            lambda m: wanted in slack.text_of(m) and bool(buttons(m)), person.dm
        )
        return await self._pressed(name, found, label)

    async def presses_channel_card(self, name: str, order: Order, label: str) -> str:
        card = await self.world.person(name).wait_message(
            lambda m: order.id in slack.text_of(m) and bool(buttons(m)), TREASURY
        )
        return await self._pressed(name, card, label)

    async def _pressed(self, name: str, message: slack.Message, label: str) -> str:
        person = self.world.person(name)
        action, value = next(
            (element["action_id"], element.get("value"))
            for block in message.all_blocks()
            if block["type"] == "actions"
            for element in block["elements"]
            if element["text"]["text"] == label
        )
        before = len(person.messages(message.channel))
        assert (await person.click(message, action, value)).ok
        async with asyncio.timeout(30):
            while len(person.messages(message.channel)) == before and not person.views():
                await asyncio.sleep(0.01)
        if views := person.views():
            shown = slack.text_of(views[-1])
            await person.dismiss(views[-1])
            return shown
        return slack.text_of(person.messages(message.channel)[-1])

    async def received_file(self, name: str) -> bytes:
        person = self.world.person(name)
        message = await person.wait_message(lambda m: bool(m.files), person.dm, timeout=PATIENCE)
        return person.read_file(message.files[0])


class TelegramHands(Hands):
    """By python-telegram-bot's client, polling."""

    chat = "telegram"

    async def types(self, name: str, command: str) -> str:
        person = self.world.on_telegram(name)
        said = await person.say(command)
        return telegram.text_of(await self._after(name, said))

    async def _after(self, name: str, said: telegram.Message) -> telegram.Message:
        """Return the bot's answer to a message: not what it tells of orders meanwhile."""
        person = self.world.on_telegram(name)
        return await person.wait_message(
            lambda m: m.message_id > said.message_id and m.is_by_bot and not _is_news(m),
            person.chat,
            timeout=PATIENCE,
        )

    async def sees(self, name: str, *wanted: str) -> str:
        return telegram.text_of(await self._seen(name, *wanted))

    async def _seen(self, name: str, *wanted: str) -> telegram.Message:
        person = self.world.on_telegram(name)
        return await person.wait_message(
            lambda m: m.is_by_bot and all(each in telegram.text_of(m) for each in wanted),
            person.chat,
            timeout=PATIENCE,
        )

    async def sees_in_channel(self, name: str, *wanted: str) -> str:
        found = await self.world.on_telegram(name).wait_message(
            lambda m: all(each in telegram.text_of(m) for each in wanted),
            TREASURY_GROUP,
            timeout=PATIENCE,
        )
        return telegram.text_of(found)

    async def card(self, name: str, order: Order, *wanted: str) -> str:
        return await self.sees(name, order.id, *wanted)

    async def asks_with_form(self, name: str, values: Mapping[str, str]) -> str:
        person = self.world.on_telegram(name)
        said = await person.say("/pay")
        asked = await self._after(name, said)
        return await self._answers(name, asked, dict(values))

    async def _answers(self, name: str, asked: telegram.Message, values: dict[str, str]) -> str:
        """Answer question after question; return the first mistake, or the thanks at the end."""
        for _ in range(20):
            text = telegram.text_of(asked)
            if "❗" in text:
                await self.world.on_telegram(name).press(asked, "Cancel")
                return text
            if "Is this right?" in text:
                return await self._submits(name, asked)
            asked = await self._answers_one(name, asked, values)
        raise AssertionError(text)

    async def _answers_one(
        self, name: str, asked: telegram.Message, values: dict[str, str]
    ) -> telegram.Message:
        person = self.world.on_telegram(name)
        question = next(
            line.removeprefix("👉 ") for line in asked.text.splitlines() if line.startswith("👉")
        )
        field = next(key for key, label in FIELDS.items() if label == question)
        value = values.pop(field, "")
        if field == "account":
            label = self.world.app.company.accounts[value].name if self.world.app else ""
            await person.press(asked, _label(asked, label))
        elif field == "payee" and value:
            await person.press(asked, _label(asked, self._payee(value)))
        elif value:
            said = await person.say(value)
            return await self._after(name, said)
        else:
            await person.press(asked, _SKIPS.get(field, _SAYS("dialogue.skip")))
        return await self._changed(name, asked)

    def _payee(self, payee_id: str) -> str:
        return {"acme": "ACME GmbH", "acme-trading": "ACME Trading Ltd"}[payee_id]

    async def _changed(self, name: str, before: telegram.Message) -> telegram.Message:
        """Return the dialogue once it has moved on."""
        person = self.world.on_telegram(name)
        async with asyncio.timeout(30):
            while (now := person.latest(before)) is not None and now.text == before.text:
                await asyncio.sleep(0.01)
        return now if now is not None else person.messages()[-1]

    async def _submits(self, name: str, review: telegram.Message) -> str:
        person = self.world.on_telegram(name)
        label = next(each.label for each in review.all_buttons())
        await person.press(review, label)
        return telegram.text_of(await self._changed(name, review))

    async def amends(self, name: str, order: Order, values: Mapping[str, str]) -> str:
        person = self.world.on_telegram(name)
        card = await self._seen(name, order.id, "[Change]")
        await person.press(card, "Change")
        review = await self._seen(name, "Is this right?")
        for field, value in values.items():
            await person.press(review, f"✎ {FIELDS[field]}")
            await self._changed(name, review)
            said = await person.say(value)
            review = await self._after(name, said)
            if "❗" in review.text:
                return review.text
        return await self._submits(name, review)

    async def approves(self, name: str, order: Order, code: str | None = None) -> str:
        person = self.world.on_telegram(name)
        card = await self._seen(name, order.id, "[Approve]")
        await person.press(card, "Approve")
        pad = await self._seen(name, "Code of your authenticator", "[⌫]")
        return await self.enters(name, pad, code or await self.world.code(name))

    async def enters(self, name: str, pad: telegram.Message, code: str) -> str:
        """Tap a code; return what the message says then."""
        person = self.world.on_telegram(name)
        for digit in code:
            await person.press(pad, digit)

        def outcome() -> str | None:
            now = person.latest(pad)
            text = telegram.text_of(now) if now is not None else "gone"
            return text if "❗" in text or "[⌫]" not in text else None

        async with asyncio.timeout(30):
            while (said := outcome()) is None:
                await asyncio.sleep(0.01)
        return said

    async def rejects(self, name: str, order: Order, reason: str) -> str:
        person = self.world.on_telegram(name)
        card = await self._seen(name, order.id, "[Reject]")
        await person.press(card, "Reject")
        await self._seen(name, "👉 Why not")
        said = await person.say(reason)
        return await self._submits(name, await self._after(name, said))

    async def presses(self, name: str, wanted: str, label: str) -> str:
        person = self.world.on_telegram(name)
        found = await self._seen(name, wanted, f"[{label}]")
        pressed = await person.press(found, label)
        if pressed.text:
            return pressed.text
        return telegram.text_of(person.messages()[-1])

    async def presses_channel_card(self, name: str, order: Order, label: str) -> str:
        person = self.world.on_telegram(name)
        card = await person.wait_message(
            lambda m: order.id in telegram.text_of(m) and f"[{label}]" in telegram.text_of(m),
            TREASURY_GROUP,
        )
        pressed = await person.press(card, label)
        said = await person.open_link(pressed.url)
        return telegram.text_of(await self._after(name, said))

    async def received_file(self, name: str) -> bytes:
        person = self.world.on_telegram(name)
        message = await person.wait_message(lambda m: m.document is not None, timeout=PATIENCE)
        assert message.document is not None
        return person.read_file(message.document.id)


def _label(message: telegram.Message, part: str) -> str:
    return next(each.label for each in message.all_buttons() if part in each.label)


def _is_news(message: telegram.Message) -> bool:
    """Whether a message came by itself: a line under a card, or a card with its policy."""
    is_card = "Policy:" in message.text and "What happened" not in message.text
    return message.reply_to is not None or is_card
