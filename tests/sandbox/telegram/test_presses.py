"""Buttons: pressing them, and being answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from telegram import (
    Bot,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
    Update,
)
from telegram.error import BadRequest
from telegram.ext import CallbackQueryHandler

from sandbox.telegram import Press
from tests.sandbox.telegram.conftest import ANA, BEN, CLEO, FINANCE, Bench, keyboard

TOO_OLD = "Query is too old and response timeout expired or query id is invalid"

Answer = Callable[[CallbackQuery], Awaitable[Any]]


class Pressed:
    """A client that notes what was pressed and answers as told."""

    def __init__(self, answer: Answer | None = None) -> None:
        self.queries: list[CallbackQuery] = []
        self.answer = answer

    async def take(self, update: Update, context: Any) -> None:
        assert update.callback_query is not None
        self.queries.append(update.callback_query)
        if self.answer is not None:
            await self.answer(update.callback_query)

    @property
    def data(self) -> list[str | None]:
        return [query.data for query in self.queries]


async def connected(bench: Bench, answer: Answer | None = None) -> tuple[Pressed, Bot]:
    pressed = Pressed(answer)
    app = await bench.poll(CallbackQueryHandler(pressed.take))
    return pressed, app.bot


async def test_a_press_is_told_and_answered(bench: Bench) -> None:
    pressed, bot = await connected(bench, lambda query: query.answer("Done", show_alert=True))
    sent = await bot.send_message(FINANCE, "Pay?", reply_markup=keyboard({"Yes, pay": "y:1"}))
    ben = bench.person(BEN)
    press = await ben.press(bench.newest(BEN, FINANCE), "Yes, pay")
    assert press == Press(answered=True, text="Done", is_alert=True)
    assert ben.toasts == ["Done"]
    assert bench.person(ANA).toasts == []
    (query,) = pressed.queries
    assert (query.from_user.id, query.data) == (BEN, "y:1")
    assert isinstance(query.message, Message)
    assert (query.message.message_id, query.message.text) == (sent.message_id, "Pay?")
    assert query.message.reply_markup is not None
    assert query.chat_instance


async def test_a_label_is_found_exactly_or_by_the_one_part_that_fits(bench: Bench) -> None:
    pressed, bot = await connected(bench, lambda query: query.answer())
    markup = keyboard({"1": "one", "10": "ten"}, {"✅ Approve": "a", "✕": "x"}, {"✕": "z"})
    await bot.send_message(ANA, "x", reply_markup=markup)
    ana, seen = bench.person(ANA), bench.newest()
    for label in ("1", "10", "Approve", "✕"):
        assert await ana.press(seen, label) == Press(answered=True)
    await ana.press(seen, "✕", data="z")
    assert pressed.data == ["one", "ten", "a", "x", "z"]
    for label, data in (("Reject", None), ("", None), ("✕", "nonsense")):
        with pytest.raises(LookupError, match=r"there are: .*Approve"):
            await ana.press(seen, label, data=data)


async def test_a_press_that_is_not_answered(bench: Bench) -> None:
    pressed, bot = await connected(bench)
    await bot.send_message(ANA, "x", reply_markup=keyboard({"Go": "go"}))
    press = await bench.person(ANA).press(bench.newest(), "Go", timeout=0.05)
    assert press == Press(answered=False)
    assert pressed.data == ["go"]


async def test_an_answer_comes_once_and_in_time(bench: Bench) -> None:
    pressed, bot = await connected(bench)
    await bot.send_message(ANA, "x", reply_markup=keyboard({"Go": "go"}))
    ana, seen = bench.person(ANA), bench.newest()
    for _ in "12":
        await ana.press(seen, "Go", timeout=0.02)
    first, second = pressed.queries
    assert await first.answer("a" * 200)
    with pytest.raises(BadRequest, match=TOO_OLD):
        await first.answer()
    with pytest.raises(BadRequest, match="Message_too_long"):
        await second.answer("a" * 201)
    bench.clock.advance(seconds=15.1)
    with pytest.raises(BadRequest, match=TOO_OLD):
        await second.answer()
    with pytest.raises(BadRequest, match=TOO_OLD):
        await bot.answer_callback_query("12345")
    assert ana.toasts == ["a" * 200]


async def test_an_answer_may_open_a_deep_link_to_the_bot(bench: Bench) -> None:
    link = "https://t.me/acme_pay_bot?start=x"
    pressed, bot = await connected(bench, lambda query: query.answer(url=link))
    await bot.send_message(ANA, "x", reply_markup=keyboard({"Go": "go"}))
    assert (await bench.person(ANA).press(bench.newest(), "Go")).url == link
    await bench.person(ANA).press(bench.newest(), "Go", timeout=0)
    words = await bench.refusal("answerCallbackQuery", callback_query_id="1", url="https://x.test")
    assert "query is too old" in words
    pressed.answer = None
    await bench.person(ANA).press(bench.newest(), "Go", timeout=0.02)
    with pytest.raises(BadRequest, match="Url_invalid"):
        await pressed.queries[-1].answer(url="https://acme.test")


async def test_a_stale_screen(bench: Bench) -> None:
    pressed, bot = await connected(bench, lambda query: query.answer())
    sent = await bot.send_message(ANA, "one", reply_markup=keyboard({"Old": "old"}))
    ana, seen = bench.person(ANA), bench.newest()
    await bot.edit_message_text("two", ANA, sent.message_id, reply_markup=keyboard({"New": "new"}))
    with pytest.raises(LookupError, match="no button 'Old'"):
        await ana.press(seen, "Old")
    await ana.press(seen, "New")
    await ana.press(seen, "Old", is_stale=True)
    assert pressed.data == ["new", "old"]

    await bot.delete_message(ANA, sent.message_id)
    with pytest.raises(LookupError, match="gone"):
        await ana.press(seen, "Old")
    await ana.press(seen, "Old", is_stale=True)
    gone = pressed.queries[-1].message
    assert gone is not None
    assert not gone.is_accessible
    assert (gone.message_id, gone.chat.id) == (sent.message_id, ANA)


async def test_forged_presses(bench: Bench) -> None:
    pressed, bot = await connected(bench, lambda query: query.answer("no"))
    await bot.send_message(ANA, "x", reply_markup=keyboard({"Go": "go"}))
    ana, seen = bench.person(ANA), bench.newest()
    assert (await ana.press_data(seen, "made up")).text == "no"
    assert (await ana.press_raw(ANA, 99, "nowhere")).text == "no"
    assert pressed.data == ["made up", "nowhere"]
    # Another person's private chat is not in reach, whatever the client.
    with pytest.raises(PermissionError):
        await bench.person(BEN).press_raw(ANA, seen.message_id, "go")
    with pytest.raises(LookupError):
        await bench.person(BEN).press(seen, "Go")
    with pytest.raises(PermissionError):
        await bench.person(CLEO).press_raw(FINANCE, 1, "go")


async def test_presses_of_two_people_at_once(bench: Bench) -> None:
    pressed, bot = await connected(bench, lambda query: query.answer(str(query.from_user.id)))
    await bot.send_message(FINANCE, "x", reply_markup=keyboard({"Go": "go"}))
    seen = bench.newest(ANA, FINANCE)
    ana, ben = await asyncio.gather(
        bench.person(ANA).press(seen, "Go"), bench.person(BEN).press(seen, "Go")
    )
    assert (ana.text, ben.text) == (str(ANA), str(BEN))
    assert len(pressed.queries) == 2


async def test_links_lead_somewhere_without_the_bot_hearing_of_it(bench: Bench) -> None:
    bot = await bench.bot()
    link = "https://t.me/acme_pay_bot?start=abc"
    markup = InlineKeyboardMarkup([[InlineKeyboardButton("Open", url=link)]])
    await bot.send_message(FINANCE, "x", reply_markup=markup)
    ben = bench.person(BEN)
    assert await ben.press(bench.newest(BEN, FINANCE), "Open") == Press(False, url=link)
    assert await bench.updates() == []
    opened = await ben.open_link(link)
    assert (opened.chat_id, opened.text) == (BEN, "/start abc")
    for elsewhere in (
        "https://t.me/other_bot?start=abc",
        "https://acme.test/acme_pay_bot",
        "http://t.me/acme_pay_bot",
    ):
        with pytest.raises(LookupError):
            await ben.open_link(elsewhere)
