"""What people do with the payee register, the same for Slack and for Telegram."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from bot.messages import Messages
from sandbox import slack, telegram
from tests.conformance.chat_hands import Hands, SlackHands, TelegramHands
from tests.journeys.world import World
from workflows import proposals
from workflows.proposals import Proposal

_SAYS = partial(Messages.load().text, "en")
_LABELS = {
    "name": _SAYS("form.payee.name"),
    "iban": _SAYS("label.iban"),
    "bic": _SAYS("label.bic"),
    "country": _SAYS("payees.country"),
    "why": _SAYS("payees.why"),
    "contact": _SAYS("form.call_back.contact"),
    "number": _SAYS("form.call_back.number"),
    "when": _SAYS("form.call_back.when"),
    "note": _SAYS("form.call_back.note"),
    "acknowledge": _SAYS("form.proposal.acknowledge"),
    "reason": _SAYS("form.reject.reason"),
}
_ASKS = ("👉", "Is this right?")
PATIENCE = 30.0


async def newest(world: World) -> Proposal:
    """Return the proposal that was made last."""
    found: list[Proposal] = await world.read(proposals.open_ones)
    return max(found, key=lambda each: each.created_at)


async def fills(hands: Hands, name: str, wanted: str, label: str, values: Mapping[str, str]) -> str:
    """Press a button of a private message with these words, fill in the form it opens, submit it.

    Returns what is said of it: the first mistake, or the thanks. A code that is asked for and not
    given is the person's own.
    """
    if isinstance(hands, SlackHands):
        return await _fills_in_slack(hands, name, wanted, label, values)
    assert isinstance(hands, TelegramHands)
    return await _fills_in_telegram(hands, name, wanted, label, dict(values))


async def shown(hands: Hands, name: str, *wanted: str) -> str:
    """Return a person's newest message with all of these words, without what parts links."""
    return (await hands.sees(name, *wanted)).replace("\u200b", "")


def has_button(card: str, label: str) -> bool:
    """Whether a button with this label is seen in a message."""
    return f"[{label}]" in card or label in card.splitlines()


async def press_payee(hands: Hands, name: str, label: str, values: Mapping[str, str]) -> str:
    """Open a payee from a list of one, press a button of its card, and fill in what it opens."""
    if isinstance(hands, SlackHands):
        return await _press_payee_in_slack(hands, name, label, values)
    assert isinstance(hands, TelegramHands)
    person = hands.world.on_telegram(name)
    listed = await person.wait_message(
        lambda m: m.is_by_bot and telegram.text_of(m).startswith("Payees: "), person.chat
    )
    await person.press(listed, next(each.label for each in listed.all_buttons()))
    return await _fills_in_telegram(hands, name, "this register", label, dict(values))


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


async def _fills_in_slack(
    hands: SlackHands, name: str, wanted: str, label: str, values: Mapping[str, str]
) -> str:
    person = hands.world.person(name)
    message = await person.wait_message(
        lambda m: wanted in slack.text_of(m) and _action(m, label) is not None,
        person.dm,
        timeout=PATIENCE,
    )
    action = _action(message, label)
    assert action is not None
    assert (await person.click(message, action["action_id"], action.get("value"))).ok
    return await _submits_in_slack(hands, name, await person.wait_view(), values)


async def _press_payee_in_slack(
    hands: SlackHands, name: str, label: str, values: Mapping[str, str]
) -> str:
    person = hands.world.person(name)
    listed = await person.wait_message(
        lambda m: slack.text_of(m).startswith("Payees: "), person.dm, timeout=PATIENCE
    )
    opened = next(
        element
        for block in listed.all_blocks()
        if block["type"] == "actions"
        for element in block["elements"]
        if element["action_id"] == "payee"
    )
    assert (await person.click(listed, "payee", opened["value"])).ok
    card = await person.wait_view()
    assert "this register" in slack.text_of(card)
    action = _action(card, label)
    assert action is not None
    assert (await person.click(card, action["action_id"], action["value"])).ok
    form = await person.wait_view(lambda view: view.id != card.id)
    said = await _submits_in_slack(hands, name, form, values)
    for view in reversed(person.views()):
        await person.dismiss(view)
    return said


async def _submits_in_slack(
    hands: SlackHands, name: str, form: slack.View, values: Mapping[str, str]
) -> str:
    person = hands.world.person(name)
    asked = {block["block_id"] for block in form.all_blocks() if block["type"] == "input"}
    given = {key: value for key, value in values.items() if key in asked}
    if "code" in asked and "code" not in given:
        given["code"] = await hands.world.code(name)
    outcome = await person.submit(form, given)
    if outcome.errors:
        await person.dismiss(form)
        return "\n".join(outcome.errors.values())
    said = slack.text_of(person.views()[-1])
    await person.dismiss(person.views()[-1])
    return said


# ---- Telegram -----------------------------------------------------------------------------------


async def _fills_in_telegram(
    hands: TelegramHands, name: str, wanted: str, label: str, values: dict[str, str]
) -> str:
    person = hands.world.on_telegram(name)
    message = await person.wait_message(
        lambda m: (
            m.is_by_bot and wanted in telegram.text_of(m) and f"[{label}]" in telegram.text_of(m)
        ),
        person.chat,
        timeout=PATIENCE,
    )
    before = person.messages()[-1].message_id
    await person.press(message, label)
    asked = await _asks(hands, name, before)
    for _ in range(20):
        text = telegram.text_of(asked)
        if "❗" in text:
            await person.press(asked, "Cancel")
            return text
        if "[⌫]" in text:
            code = values.pop("code", "") or await hands.world.code(name)
            return await hands.enters(name, asked, code)
        if "Is this right?" in text and values:
            await person.press(asked, f"✎ {_LABELS[next(iter(values))]}")
            asked = await changed(hands, name, asked)
            continue
        if "Is this right?" in text:
            submit = next(each.label for each in asked.all_buttons())
            await person.press(asked, submit)
            return await _outcome(hands, name, asked)
        asked = await _answers(hands, name, asked, values)
    raise AssertionError(text)


async def _asks(hands: TelegramHands, name: str, after: int) -> telegram.Message:
    person = hands.world.on_telegram(name)
    return await person.wait_message(
        lambda m: (
            m.is_by_bot
            and m.message_id > after
            and any(each in telegram.text_of(m) for each in _ASKS)
        ),
        person.chat,
        timeout=PATIENCE,
    )


async def _answers(
    hands: TelegramHands, name: str, asked: telegram.Message, values: dict[str, str]
) -> telegram.Message:
    person = hands.world.on_telegram(name)
    question = next(
        line.removeprefix("👉 ") for line in asked.text.splitlines() if line.startswith("👉")
    )
    field = next(key for key, label in _LABELS.items() if label == question)
    value = values.pop(field, "")
    if field == "acknowledge":
        await person.press(asked, _SAYS("form.proposal.acknowledged"))
        return await changed(hands, name, asked)
    if value:
        said = await person.say(value)
        return await _asks(hands, name, said.message_id)
    await person.press(asked, _SAYS("dialogue.skip"))
    return await changed(hands, name, asked)


async def changed(hands: TelegramHands, name: str, before: telegram.Message) -> telegram.Message:
    """Return a message once it is not what it was."""
    person = hands.world.on_telegram(name)
    async with asyncio.timeout(PATIENCE):
        while (now := person.latest(before)) is None or now.text == before.text:
            await asyncio.sleep(0.01)
    return now


async def _outcome(hands: TelegramHands, name: str, review: telegram.Message) -> str:
    return telegram.text_of(await changed(hands, name, review))
