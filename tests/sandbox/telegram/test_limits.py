"""Flood limits and faults, and the client's own ways of living with them."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from telegram.error import NetworkError, RetryAfter
from telegram.ext import AIORateLimiter, ApplicationBuilder

from sandbox.telegram import ApiError
from sandbox.telegram.limits import IN_GROUP, IN_PRIVATE, OVER_ALL, Limits
from tests.sandbox.telegram.conftest import ANA, BEN, FINANCE, TOKEN, Bench, Tick, png

# The client warns that it will tell the time to wait in another type one day.
pytestmark = pytest.mark.filterwarnings("ignore:.*Deprecated since version v22.2")


def allowed(limits: Limits, *chats: int) -> int:
    """Return how many messages pass before one is refused."""
    for count in range(1_000):
        try:
            limits.check_sending(chats[count % len(chats)])
        except ApiError:
            return count
    return 1_000


def wait(limits: Limits, chat: int) -> int:
    with pytest.raises(ApiError) as caught:
        limits.check_sending(chat)
    return caught.value.parameters["retry_after"]


def test_a_private_chat_takes_a_message_a_second_after_a_burst() -> None:
    tick = Tick()
    limits = Limits(tick)
    assert allowed(limits, 1) == IN_PRIVATE
    assert wait(limits, 1) == 1
    assert allowed(limits, 2) == IN_PRIVATE
    tick.seconds += 1
    assert allowed(limits, 1) == 1
    tick.seconds += 3600
    assert allowed(limits, 1) == IN_PRIVATE


def test_a_group_takes_twenty_a_minute() -> None:
    tick = Tick()
    limits = Limits(tick)
    assert allowed(limits, -1) == IN_GROUP
    assert wait(limits, -1) == 3
    tick.seconds += 60
    assert allowed(limits, -1) == IN_GROUP


def test_thirty_a_second_over_all() -> None:
    tick = Tick()
    limits = Limits(tick)
    assert allowed(limits, *range(1, 500)) == OVER_ALL
    assert wait(limits, 900) == 1
    tick.seconds += 1
    assert allowed(limits, *range(1_000, 1_500)) == OVER_ALL
    limits.is_on = False
    assert allowed(limits, 1) == 1_000


async def test_what_is_refused_is_not_sent(bench: Bench) -> None:
    bot = await bench.bot()
    for number in range(IN_PRIVATE):
        await bot.send_message(ANA, str(number))
    with pytest.raises(RetryAfter) as caught:
        await bot.send_photo(ANA, png(5, 5))
    assert caught.value._retry_after == timedelta(seconds=1)
    assert len(bench.person(ANA).messages()) == IN_PRIVATE
    # Changing what stands there is not counted.
    await bot.edit_message_text("x", ANA, 1)
    bench.tick.seconds += 1
    await bot.send_photo(ANA, png(5, 5))


async def test_any_method_can_be_refused(bench: Bench) -> None:
    bench.telegram.limits.force("editMessageText", 1, 7)
    response = await bench.http.post(f"/bot{TOKEN}/editmessagetext", json={})
    assert response.headers["Retry-After"] == "7"
    assert response.json() == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 7",
        "parameters": {"retry_after": 7},
    }
    (call,) = bench.telegram.calls("editMessageText")
    assert (call.ok, call.error_code) == (False, 429)
    assert "is empty" in await bench.refusal("editMessageText")


async def test_the_clients_rate_limiter_tries_again(bench: Bench) -> None:
    builder = ApplicationBuilder().token(TOKEN).base_url(f"{bench.telegram.api_url}bot")
    app = builder.rate_limiter(AIORateLimiter(max_retries=2)).updater(None).build()
    bench.telegram.limits.force("sendMessage", retry_after=1)
    await app.initialize()
    bench.stack.push_async_callback(app.shutdown)
    started = time.monotonic()
    await app.bot.send_message(BEN, "once")
    assert time.monotonic() - started > 1
    assert [message.text for message in bench.person(BEN).messages()] == ["once"]
    assert [call.error_code for call in bench.telegram.calls("sendMessage")] == [429, None]


async def test_server_errors_come_before_anything_is_done(bench: Bench) -> None:
    bot = await bench.bot()
    bench.telegram.faults.server_errors = 2
    for words in ("Internal Server Error", "Bad Gateway"):
        with pytest.raises(NetworkError, match=words):
            await bot.send_message(ANA, "x")
    await bench.updates()
    assert bench.person(ANA).messages() == []
    await bot.send_message(ANA, "x")


async def test_an_answer_can_be_lost(bench: Bench) -> None:
    bot = await bench.bot()
    bench.telegram.faults.drop_after = 2
    await bot.get_me()
    for send in (bot.send_message(ANA, "one"), bot.send_document(FINANCE, b"x", filename="two")):
        with pytest.raises(NetworkError, match=r"RemoteProtocolError|ReadError"):
            await send
    await bot.send_message(ANA, "three")
    assert [message.text for message in bench.person(ANA).messages()] == ["one", "three"]
    assert bench.newest(ANA, FINANCE).document is not None


async def test_an_answer_can_come_late(bench: Bench) -> None:
    bot = await bench.bot()
    bench.telegram.faults.slow = 0.2
    with pytest.raises(NetworkError, match="Timed out"):
        await bot.send_message(ANA, "x", read_timeout=0.05)
    assert bench.newest().text == "x"
    assert await bench.updates() == []
