"""Telegram with three people and a group, real python-telegram-bot clients, clocks that stand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.ext import Application, ApplicationBuilder, BaseHandler

from sandbox.telegram import BotConfig, Group, Message, Person, Telegram, User

TOKEN = "123456789:AAxb-for_tests-0123456789abcdefghij"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ANA, BEN, CLEO = 1001, 1002, 7_000_000_000
FINANCE, RANDOM = -501, -502

App = Application[Any, Any, Any, Any, Any, Any]


class Clock:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **parts: float) -> None:
        self.now += timedelta(**parts)


class Tick:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Bench:
    """A running Telegram and the means to connect bots to it."""

    telegram: Telegram
    clock: Clock
    tick: Tick
    stack: AsyncExitStack
    http: httpx.AsyncClient

    async def bot(self, token: str = TOKEN) -> Bot:
        """Return a client that knows who it is."""
        api = self.telegram.api_url
        bot = Bot(token, base_url=f"{api}bot", base_file_url=f"{api}file/bot")
        await bot.initialize()
        self.stack.push_async_callback(bot.shutdown)
        return bot

    async def poll(self, *handlers: BaseHandler[Any, Any, Any]) -> App:
        """Run an application that asks for updates."""
        api = self.telegram.api_url
        builder = ApplicationBuilder().token(TOKEN).base_url(f"{api}bot")
        app: App = builder.base_file_url(f"{api}file/bot").build()
        app.add_handlers(list(handlers))
        await app.initialize()
        await app.start()
        assert app.updater is not None
        await app.updater.start_polling(poll_interval=0.0)
        self.stack.push_async_callback(app.shutdown)
        self.stack.push_async_callback(app.stop)
        self.stack.push_async_callback(app.updater.stop)
        await self.telegram.wait_listening()
        return app

    async def raw(self, method: str, token: str = TOKEN, **params: Any) -> dict[str, Any]:
        """Call a method with a JSON body, as no careful client would."""
        response = await self.http.post(f"/bot{token}/{method}", json=params)
        body: dict[str, Any] = response.json()
        assert body["ok"] is (response.status_code == 200)
        assert body.get("error_code", 200) == response.status_code
        return body

    async def refusal(self, method: str, **params: Any) -> str:
        """Call a method and return Telegram's words of refusal."""
        return str((await self.raw(method, **params))["description"])

    async def updates(self, offset: int = 0, **params: Any) -> list[dict[str, Any]]:
        """Ask for updates at once."""
        found: list[dict[str, Any]]
        found = (await self.raw("getUpdates", offset=offset, **params))["result"]
        return found

    def person(self, user_id: int) -> Person:
        return self.telegram.person(user_id)

    def newest(self, user_id: int = ANA, chat: int | None = None) -> Message:
        """Return the last message of a chat."""
        return self.telegram.person(user_id).messages(chat)[-1]


def keyboard(*rows: dict[str, str]) -> InlineKeyboardMarkup:
    """Return a keyboard of label → data, a row each."""
    return InlineKeyboardMarkup(
        [
            [InlineKeyboardButton(label, callback_data=data) for label, data in row.items()]
            for row in rows
        ]
    )


def png(width: int, height: int) -> bytes:
    """Return the beginning of a picture, which is all that is looked at."""
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + size + b"\x08\x02\x00\x00\x00"


MakeBench = Callable[..., Awaitable[Bench]]


@pytest.fixture
async def make_bench() -> AsyncIterator[MakeBench]:
    async with AsyncExitStack() as stack:

        async def make(**options: Any) -> Bench:
            clock, tick = Clock(), Tick()
            telegram = Telegram(
                users=[
                    User(
                        ANA,
                        "Ana",
                        "Lima",
                        "ana_lima",
                        title="CFO",
                        totp_secret=SECRET,
                        has_started=True,
                    ),
                    User(BEN, "Ben", "Okri", language_code="de-AT", has_started=True),
                    User(CLEO, "Cleo", username="cleo"),
                ],
                groups=[
                    Group(FINANCE, "Finance", [ANA, BEN]),
                    Group(RANDOM, "Random", [ANA, CLEO], has_bot=False),
                ],
                bot=BotConfig(TOKEN, "acme_pay_bot", "Paybot"),
                now=clock,
                tick=tick,
                **options,
            )
            await telegram.start()
            stack.push_async_callback(telegram.stop)
            http = await stack.enter_async_context(
                httpx.AsyncClient(base_url=telegram.url, trust_env=False)
            )
            return Bench(telegram, clock, tick, stack, http)

        yield make


@pytest.fixture
async def bench(make_bench: MakeBench) -> Bench:
    return await make_bench()
