"""Updates: asking for them, confirming them, and what can go wrong with that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from telegram import Update
from telegram.error import Conflict, NetworkError
from telegram.ext import CommandHandler, MessageHandler, filters

from tests.sandbox.telegram.conftest import ANA, BEN, CLEO, Bench

BOTH = "terminated by other getUpdates request; make sure that only one bot instance is running"


def texts(updates: list[dict[str, Any]]) -> list[str]:
    return [update["message"]["text"] for update in updates]


class Heard:
    """What a real client's handlers were given."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    async def take(self, update: Update, context: Any) -> None:
        assert update.effective_message is not None
        self.texts.append(update.effective_message.text or "")
        await update.effective_message.reply_text(f"you said {self.texts[-1]}")


async def test_a_real_client_polls_and_answers(bench: Bench) -> None:
    heard = Heard()
    await bench.poll(CommandHandler("start", heard.take), MessageHandler(filters.TEXT, heard.take))
    cleo = bench.person(CLEO)
    await cleo.start("token-1")
    await cleo.say("hello")
    answer = await cleo.wait_message(lambda m: "hello" in m.text and m.is_by_bot)
    assert answer.text == "you said hello"
    await bench.telegram.settle()
    assert heard.texts == ["/start token-1", "hello"]


async def test_an_update_waits_until_it_is_confirmed(bench: Bench) -> None:
    ana = bench.person(ANA)
    for text in ("one", "two", "three"):
        await ana.say(text)
    first = await bench.updates()
    assert texts(first) == ["one", "two", "three"]
    assert [u["update_id"] for u in first] == list(
        range(first[0]["update_id"], first[0]["update_id"] + 3)
    )
    assert await bench.updates() == first
    assert texts(await bench.updates(limit=1)) == ["one"]
    assert texts(await bench.updates(offset=first[1]["update_id"])) == ["two", "three"]
    with pytest.raises(TimeoutError, match="message"):
        await bench.telegram.settle(0.01)
    assert await bench.updates(offset=first[2]["update_id"] + 1) == []
    await bench.telegram.settle()


async def test_a_negative_offset_forgets_what_came_before(bench: Bench) -> None:
    for text in ("one", "two", "three"):
        await bench.person(ANA).say(text)
    assert texts(await bench.updates(offset=-1)) == ["three"]
    assert texts(await bench.updates()) == ["three"]


async def test_what_an_update_says(bench: Bench) -> None:
    await bench.person(BEN).say("/pay 5 EUR")
    (update,) = await bench.updates()
    assert update["message"] == {
        "message_id": 1,
        "from": {
            "id": BEN,
            "is_bot": False,
            "first_name": "Ben",
            "last_name": "Okri",
            "language_code": "de-AT",
        },
        "chat": {"id": BEN, "type": "private", "first_name": "Ben", "last_name": "Okri"},
        "date": int(bench.clock.now.timestamp()),
        "text": "/pay 5 EUR",
        "entities": [{"type": "bot_command", "offset": 0, "length": 4}],
    }


async def test_a_long_question_is_answered_as_soon_as_there_is_news(bench: Bench) -> None:
    question = asyncio.create_task(bench.updates(timeout=30))
    await bench.telegram.wait_listening()
    await bench.person(ANA).say("news")
    assert texts(await question) == ["news"]
    assert not bench.telegram.is_listening


async def test_a_question_ends_without_news(bench: Bench) -> None:
    assert await bench.updates(timeout=-5) == []
    with pytest.raises(TimeoutError):
        await bench.telegram.wait_listening(0.01)


async def test_kinds_that_are_not_wanted_do_not_come(bench: Bench) -> None:
    ana = bench.person(ANA)
    await bench.updates(allowed_updates=["edited_message"])
    said = await ana.say("one")
    await ana.edit(said, "two")
    await bench.updates()  # The list stays where none is named.
    await ana.edit(said, "three")
    found = await bench.updates()
    assert [update["edited_message"]["text"] for update in found] == ["two", "three"]
    assert found[0]["edited_message"]["edit_date"]
    await bench.updates(allowed_updates=[])
    await ana.say("four")
    assert texts((await bench.updates())[2:]) == ["four"]


# ---- two who ask ---------------------------------------------------------------------------------


async def test_the_second_of_two_questions_wins(bench: Bench) -> None:
    first = asyncio.create_task(bench.raw("getUpdates", timeout=30))
    await bench.telegram.wait_listening()
    second = asyncio.create_task(bench.updates(timeout=30))
    answer = await first
    assert (answer["error_code"], answer["description"]) == (409, f"Conflict: {BOTH}")
    await bench.person(ANA).say("x")
    assert texts(await second) == ["x"]


async def test_a_rival_always_wins(bench: Bench) -> None:
    bot = await bench.bot()
    question = asyncio.create_task(bot.get_updates(timeout=30))
    await bench.telegram.wait_listening()
    bench.telegram.has_rival = True
    with pytest.raises(Conflict, match=BOTH):
        await question
    with pytest.raises(Conflict):
        await bot.get_updates()
    assert bench.telegram.has_rival
    bench.telegram.has_rival = False
    assert await bot.get_updates() == ()


async def test_a_client_that_hung_up_is_no_rival(bench: Bench) -> None:
    bot = await bench.bot()
    question = asyncio.create_task(bot.get_updates(timeout=30))
    await bench.telegram.wait_listening()
    question.cancel()
    await asyncio.gather(question, return_exceptions=True)
    while bench.telegram.is_listening:
        await asyncio.sleep(0)
    await bench.person(ANA).say("x")
    assert len(await bot.get_updates(timeout=1)) == 1
    assert all(call.ok for call in bench.telegram.calls("getUpdates"))


# ---- trouble -------------------------------------------------------------------------------------


async def test_updates_come_again_when_asked(bench: Bench) -> None:
    heard = Heard()
    await bench.poll(MessageHandler(filters.TEXT, heard.take))
    for text in ("one", "two"):
        await bench.person(ANA).say(text)
    await bench.telegram.settle()
    bench.telegram.limits.is_on = False
    await bench.telegram.redeliver(2)
    await bench.telegram.settle()
    await bench.telegram.redeliver()
    await bench.telegram.settle()
    await bench.person(ANA).wait_message(lambda m: m.text == "you said two")
    await bench.person(ANA).say("three")
    await bench.person(ANA).wait_message(lambda m: m.text == "you said three")
    assert heard.texts == ["one", "two", "one", "two", "two", "three"]
    with pytest.raises(LookupError):
        await bench.telegram.redeliver(9)


@pytest.mark.parametrize("is_reversed", [False, True])
async def test_what_was_held_back_comes_once_in_the_order_asked_for(
    bench: Bench, is_reversed: bool
) -> None:
    heard = Heard()
    await bench.poll(MessageHandler(filters.TEXT, heard.take))
    bench.telegram.hold()
    for text in ("one", "two", "three"):
        await bench.person(ANA).say(text)
    await bench.telegram.settle()
    assert heard.texts == []
    await bench.telegram.release(reverse=is_reversed)
    await bench.person(ANA).say("four")
    await bench.person(ANA).wait_message(lambda m: m.text == "you said four")
    await bench.telegram.settle()
    assert len(heard.texts) == 4
    told = heard.texts[:3]
    assert told == (["three", "two", "one"] if is_reversed else ["one", "two", "three"])


async def test_anything_can_be_delivered(bench: Bench) -> None:
    update_id = bench.telegram.inject({"message": {"nonsense": True}, "update_id": 5})
    (found,) = await bench.updates()
    assert found == {"update_id": update_id, "message": {"nonsense": True}}


async def test_an_outage_and_its_end(bench: Bench) -> None:
    bot = await bench.bot()
    question = asyncio.create_task(bot.get_updates(timeout=30))
    await bench.telegram.wait_listening()
    await bench.telegram.go_down()
    with pytest.raises(NetworkError):
        await question
    with pytest.raises(NetworkError, match="ConnectError"):
        await bot.get_updates()
    assert not bench.telegram.is_listening
    await bench.person(ANA).say("still there?")
    await bench.telegram.come_back()
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.text == "still there?"


async def test_polls_that_fail(bench: Bench) -> None:
    bench.telegram.faults.poll_errors = 2
    assert (await bench.raw("getUpdates"))["error_code"] == 500
    assert (await bench.raw("getUpdates"))["error_code"] == 502
    assert await bench.updates() == []
