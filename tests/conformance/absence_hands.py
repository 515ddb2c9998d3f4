"""What people do about being away, the same for Slack and for Telegram."""

from __future__ import annotations

from datetime import date
from functools import partial
from zoneinfo import ZoneInfo

from bot.messages import Messages
from sandbox import slack, telegram
from tests.conformance.chat_hands import Hands, SlackHands, TelegramHands
from tests.conformance.register_hands import PATIENCE, changed

_SAYS = partial(Messages.load().text, "en")
_BUTTON = _SAYS("action.absence")


def today(hands: Hands) -> date:
    """Return the day it is where the company is."""
    return hands.world.clock().astimezone(ZoneInfo("Europe/Berlin")).date()


async def goes(hands: Hands, name: str, until: str, delegate: str = "") -> str:
    """Say by ``/away`` that one is away from today on; return what is said of it.

    Args:
        until: Last day, as ISO date.
        delegate: Whole name of who acts meanwhile; nobody, if empty.
    """
    await hands.types(name, "/away")
    if isinstance(hands, SlackHands):
        return await _goes_in_slack(hands, name, until, delegate)
    assert isinstance(hands, TelegramHands)
    return await _goes_in_telegram(hands, name, until, delegate)


async def _goes_in_slack(hands: SlackHands, name: str, until: str, delegate: str) -> str:
    person = hands.world.person(name)
    card = await person.wait_message(
        lambda m: _BUTTON in slack.text_of(m), person.dm, timeout=PATIENCE
    )
    assert (await person.click(card, "absence")).ok
    form = await person.wait_view()
    given = {"until": until}
    if delegate:
        found = await person.suggest(form, "delegate", delegate[:4])
        given["delegate"] = next(
            each["value"] for each in found if each["text"]["text"] == delegate
        )
    outcome = await person.submit(form, given)
    if outcome.errors:
        await person.dismiss(form)
        return "\n".join(outcome.errors.values())
    said = slack.text_of(person.views()[-1])
    await person.dismiss(person.views()[-1])
    return said


async def _goes_in_telegram(hands: TelegramHands, name: str, until: str, delegate: str) -> str:
    person = hands.world.on_telegram(name)
    card = await person.wait_message(
        lambda m: m.is_by_bot and f"[{_BUTTON}]" in telegram.text_of(m),
        person.chat,
        timeout=PATIENCE,
    )
    before = person.messages()[-1].message_id
    await person.press(card, _BUTTON)
    asked = await person.wait_message(
        lambda m: m.is_by_bot and m.message_id > before and "👉" in m.text,
        person.chat,
        timeout=PATIENCE,
    )
    for _ in range(10):
        text = telegram.text_of(asked)
        if "❗" in text:
            await person.press(asked, _SAYS("form.cancel"))
            return text
        if "Is this right?" in text:
            await person.press(asked, _SAYS("form.absence.submit"))
            return telegram.text_of(await changed(hands, name, asked))
        asked = await _answers(hands, name, asked, until, delegate)
    raise AssertionError(text)


async def _answers(
    hands: TelegramHands, name: str, asked: telegram.Message, until: str, delegate: str
) -> telegram.Message:
    person = hands.world.on_telegram(name)
    question = next(
        line.removeprefix("👉 ") for line in asked.text.splitlines() if line.startswith("👉")
    )
    typed = {
        _SAYS("form.absence.from"): today(hands).isoformat(),
        _SAYS("form.absence.until"): until,
    }
    if question in typed:
        said = await person.say(typed[question])
        return await person.wait_message(
            lambda m: m.is_by_bot and m.message_id > said.message_id, person.chat, timeout=PATIENCE
        )
    if question == _SAYS("absence.delegate"):
        await person.press(asked, delegate or _SAYS("form.absence.nobody"))
    else:
        await person.press(asked, _SAYS("dialogue.skip"))
    return await changed(hands, name, asked)
