"""What people do to decide, beyond approving and rejecting, the same for Slack and Telegram."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox import slack, telegram
from tests.conformance.chat_hands import Hands, SlackHands, TelegramHands

PATIENCE = 30.0
_REVIEW = "Is this right?"


async def card(hands: Hands, name: str, *wanted: str) -> str:
    """Return a person's newest message with all of these words, without what parts links."""
    return plain(await hands.sees(name, *wanted))


def plain(text: str) -> str:
    """Return a text as it was before a chat made it harmless."""
    return html.unescape(text).replace("\u200b", "")


async def presses(hands: Hands, name: str, wanted: str, label: str) -> str:
    """Press a button of a private message with these words, yes to what it asks back.

    Returns what is said of it.
    """
    if isinstance(hands, SlackHands):
        message = await _slack_message(hands, name, wanted, label)
        return plain(await _said_in_slack(hands, name, message, label))
    assert isinstance(hands, TelegramHands)
    return plain(await _said_in_telegram(hands, name, wanted, label))


async def fills(hands: Hands, name: str, wanted: str, label: str, values: Mapping[str, str]) -> str:
    """Press a button, fill in the form that it opens by its labels, and submit it.

    Returns what is said of it: the first mistake, or the thanks.
    """
    if isinstance(hands, SlackHands):
        message = await _slack_message(hands, name, wanted, label)
        await _click(hands, name, message, label)
        view = await hands.world.person(name).wait_view()
        return await _submits_in_slack(hands, name, view, _by_label(view, values))
    assert isinstance(hands, TelegramHands)
    person = hands.world.on_telegram(name)
    there = await _telegram_message(hands, name, wanted, label)
    before = person.messages()[-1].message_id
    await person.press(there, label)
    return await _fills_in_telegram(hands, name, before, dict(values))


class Several:
    """The form on which several payments are approved, open before a person."""

    def __init__(self, hands: Hands, name: str) -> None:
        self._hands, self._name = hands, name
        self._view: slack.View | None = None
        self._message: telegram.Message | None = None

    async def open(self) -> str:
        """Open it from the list of what waits; return what it shows."""
        hands, name = self._hands, self._name
        await hands.types(name, "/approvals")
        if isinstance(hands, SlackHands):
            person = hands.world.person(name)
            message = await _slack_message(hands, name, "Approvals", "Approve several")
            await _click(hands, name, message, "Approve several")
            self._view = await person.wait_view()
            return slack.text_of(self._view).replace("\u200b", "")
        assert isinstance(hands, TelegramHands)
        phone = hands.world.on_telegram(name)
        listed = await _telegram_message(hands, name, "Approvals", "Approve several")
        before = phone.messages()[-1].message_id
        await phone.press(listed, "Approve several")
        self._message = await _asked(hands, name, before, "Payments to approve")
        return telegram.text_of(self._message).replace("\u200b", "")

    async def approve(self, ids: Sequence[str], code: str | None = None) -> str:
        """Tick exactly these orders, give a code, and return what is said of it."""
        hands, name = self._hands, self._name
        code = code or await hands.world.code(name)
        if isinstance(hands, SlackHands):
            assert self._view is not None
            person = hands.world.person(name)
            outcome = await person.submit(self._view, {"orders": list(ids), "code": code})
            if outcome.errors:
                return "\n".join(outcome.errors.values())
            self._view = person.views()[-1]
            return slack.text_of(self._view)
        assert isinstance(hands, TelegramHands)
        assert self._message is not None
        pad = await _ticks_on_telegram(hands, name, self._message, ids)
        return await hands.enters(name, pad, code)


# ---- Slack --------------------------------------------------------------------------------------


def _action(message: slack.Message | slack.View, label: str) -> Mapping[str, Any] | None:
    found = (
        element
        for block in message.all_blocks()
        if block["type"] == "actions"
        for element in block["elements"]
        if element["text"]["text"] == label
    )
    return next(found, None)


async def _slack_message(hands: SlackHands, name: str, wanted: str, label: str) -> slack.Message:
    person = hands.world.person(name)
    return await person.wait_message(
        lambda m: wanted in slack.text_of(m) and _action(m, label) is not None,
        person.dm,
        timeout=PATIENCE,
    )


async def _click(hands: SlackHands, name: str, message: slack.Message, label: str) -> None:
    action = _action(message, label)
    assert action is not None
    clicked = await hands.world.person(name).click(
        message, action["action_id"], action.get("value")
    )
    assert clicked.ok


async def _said_in_slack(hands: SlackHands, name: str, message: slack.Message, label: str) -> str:
    person = hands.world.person(name)

    def answers() -> list[slack.Message]:  # and not a card that came meanwhile
        return [each for each in person.messages(message.channel) if each.ephemeral_to]

    before = len(answers())
    await _click(hands, name, message, label)
    async with asyncio.timeout(PATIENCE):
        while len(answers()) == before and not person.views():
            await asyncio.sleep(0.01)
    if views := person.views():
        await person.dismiss(views[-1])
        return slack.text_of(views[-1])
    return slack.text_of(answers()[-1])


def _by_label(view: slack.View, values: Mapping[str, str]) -> dict[str, str]:
    names = {
        block["label"]["text"]: block["block_id"]
        for block in view.all_blocks()
        if block["type"] == "input"
    }
    return {names[label]: value for label, value in values.items()}


async def _submits_in_slack(
    hands: SlackHands, name: str, view: slack.View, values: Mapping[str, str]
) -> str:
    person = hands.world.person(name)
    outcome = await person.submit(view, values)
    if outcome.errors:
        await person.dismiss(view)
        return "\n".join(outcome.errors.values())
    said = slack.text_of(person.views()[-1])
    await person.dismiss(person.views()[-1])
    return said


# ---- Telegram -----------------------------------------------------------------------------------


async def _telegram_message(
    hands: TelegramHands, name: str, wanted: str, label: str
) -> telegram.Message:
    person = hands.world.on_telegram(name)
    return await person.wait_message(
        lambda m: (
            m.is_by_bot
            and wanted in telegram.text_of(m).replace("\u200b", "")
            and f"[{label}]" in telegram.text_of(m)
        ),
        person.chat,
        timeout=PATIENCE,
    )


async def _said_in_telegram(hands: TelegramHands, name: str, wanted: str, label: str) -> str:
    person = hands.world.on_telegram(name)
    message = await _telegram_message(hands, name, wanted, label)
    before = person.messages()[-1].message_id
    pressed = await person.press(message, label)
    asking = person.latest(message)
    if asking is not None and "❓" in asking.text and "[✕]" in telegram.text_of(asking):
        pressed = await person.press(asking, label)
    if pressed.text:
        return pressed.text
    return telegram.text_of(await _newer(hands, name, before))


async def _newer(hands: TelegramHands, name: str, after: int) -> telegram.Message:
    person = hands.world.on_telegram(name)
    return await person.wait_message(
        lambda m: (
            m.is_by_bot
            and m.message_id > after
            and m.reply_to is None
            and "Policy:" not in m.text  # a card that came meanwhile
        ),
        person.chat,
        timeout=PATIENCE,
    )


async def _asked(hands: TelegramHands, name: str, after: int, *words: str) -> telegram.Message:
    person = hands.world.on_telegram(name)
    wanted = words or ("👉", _REVIEW)
    return await person.wait_message(
        lambda m: (
            m.is_by_bot
            and m.message_id > after
            and any(each in telegram.text_of(m) for each in wanted)
        ),
        person.chat,
        timeout=PATIENCE,
    )


async def _ticks_on_telegram(
    hands: TelegramHands, name: str, asked: telegram.Message, ids: Sequence[str]
) -> telegram.Message:
    """Tick exactly these orders, question after question, until a code is asked for."""
    phone = hands.world.on_telegram(name)

    def now() -> telegram.Message:
        found = phone.latest(asked)
        assert found is not None
        return found

    while "[⌫]" not in telegram.text_of(now()):
        for button in list(now().all_buttons()):
            is_wanted = any(each in button.label for each in ids)
            if button.label.startswith("☐" if is_wanted else "☑"):
                await phone.press(now(), button.label)
        ways = [each.label for each in now().all_buttons()]
        on = [each for each in ways if each.startswith("Go on")] or ["None of these"]
        await phone.press(now(), on[0])
    return now()


async def _fills_in_telegram(
    hands: TelegramHands, name: str, before: int, values: dict[str, str]
) -> str:
    person = hands.world.on_telegram(name)
    asked = await _asked(hands, name, before)
    for _ in range(10):
        text = telegram.text_of(asked)
        if "❗" in text:
            await person.press(asked, "Cancel")
            return text
        if _REVIEW in text:
            await person.press(asked, next(each.label for each in asked.all_buttons()))
            async with asyncio.timeout(PATIENCE):
                while (now := person.latest(asked)) is None or now.text == asked.text:
                    await asyncio.sleep(0.01)
            return telegram.text_of(now)
        question = next(
            line.removeprefix("👉 ") for line in asked.text.splitlines() if line.startswith("👉")
        )
        said = await person.say(values.pop(question))
        asked = await _asked(hands, name, said.message_id)
    raise AssertionError(text)
