"""What tests of Telegram alone have in common: phones, a clock to move, a database that refuses."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import structlog

from bot.app import DATABASE
from bot.telegram import app, conversations, inbox, listener
from sandbox.telegram import Message, Press, text_of
from sandbox.telegram import Person as Account
from tests.conformance.chat_hands import TelegramHands
from tests.journeys.world import World
from workflows import orders
from workflows.orders import Order

PATIENCE = 30.0
PAD = "Code of your authenticator"
NOT_YOURS = "not yours"


class Watch:
    """A clock that goes with the real one, and that a test sets ahead."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def move(self, **by: float) -> None:
        self._ahead += timedelta(**by)


def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses in which the bot waits for nothing but time to pass."""
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure([*structlog.get_config()["processors"][:-1], plain])  # a second faster
    monkeypatch.setattr(inbox, "_IDLE_SECONDS", 0.05)
    monkeypatch.setattr(inbox, "_REST_SECONDS", 0.05)
    monkeypatch.setattr(app, "_SWEEP_SECONDS", 0.1)
    monkeypatch.setattr(listener, "_CONFLICT_RETRY", 0.1)
    monkeypatch.setattr(listener, "_FIRST_RETRY", 0.1)
    monkeypatch.setattr(conversations, "_REDRAW_SECONDS", 0.05)


class Phone:
    """One person's Telegram."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._hands = TelegramHands(world)
        self.name = name
        self.account: Account = world.on_telegram(name)

    @property
    def chat(self) -> int:
        return self.account.chat

    async def sends(self, text: str, *wanted: str) -> Message:
        """Write to the bot; return its answer, the one with all of these words."""
        sent = await self.account.say(text)
        return await self.sees(*wanted, after=sent)

    async def sees(
        self, *wanted: str, chat: int | None = None, after: Message | None = None
    ) -> Message:
        """Return the newest message of the bot's with all of these words, once there is one."""

        def is_it(message: Message) -> bool:
            is_later = after is None or message.serial > after.serial
            return message.is_by_bot and is_later and all(each in shown(message) for each in wanted)

        where = self.chat if chat is None else chat
        return await self.account.wait_message(is_it, where, timeout=PATIENCE)

    async def becomes(self, message: Message, *wanted: str) -> Message:
        """Return a message as it is once it has all of these words."""

        def look() -> Message | None:
            now = self.account.latest(message)
            return now if now is not None and all(each in shown(now) for each in wanted) else None

        await until(lambda: look() is not None)
        found = look()
        assert found is not None
        return found

    async def card(self, order: Order, *wanted: str) -> Message:
        """Return the person's own card of an order, once it has all of these words."""
        return await self.sees(order.id, "Policy:", *wanted)

    async def press(self, message: Message, label: str) -> Press:
        return await self.account.press(message, label)

    async def pad(self, order: Order) -> Message:
        """Open the keypad on which an order is approved."""
        card = await self.card(order, "[Approve]")
        await self.press(card, "Approve")
        return await self.sees(PAD, "[⌫]", order.id, after=card)

    async def taps(self, pad: Message, code: str | None = None) -> str:
        """Tap a code, the person's own unless given; return what the message says then."""
        entered = code or await self._world.code(self.name)
        return await self._hands.enters(self.name, pad, entered)

    async def approves(self, order: Order) -> str:
        return await self.taps(await self.pad(order))


def shown(message: Message) -> str:
    """Return what is read in a message, without the marks that part what would be a link."""
    return text_of(message).replace("\u200b", "")


def having(phone: Phone, words: str, chat: int | None = None) -> list[str]:
    """Return what a person sees in a chat and has these words."""
    return [text for m in phone.account.messages(chat) if words in (text := shown(m))]


def data_of(message: Message, label: str) -> str:
    """Return what the bot is told when a button of a message is pressed."""
    return next(each.data for each in message.all_buttons() if label in each.label)


async def until(is_so: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while not is_so():
            await asyncio.sleep(0.01)


async def asked(world: World, who: str = "amara") -> list[Order]:
    """Return what a person has asked for, oldest first."""
    found: list[Order] = await world.read(lambda c: orders.asked_by(c, who))
    return found[::-1]


async def requested(
    world: World, line: str = "1250.00 EUR to ACME GmbH ref INV-7", who: str = "amara"
) -> Order:
    """Have a person ask for a payment by a line, and return it."""
    before = len(await asked(world, who))
    await world.on_telegram(who).say(f"/pay {line}")
    async with asyncio.timeout(PATIENCE):
        while len(found := await asked(world, who)) == before:
            await asyncio.sleep(0.01)
    return found[-1]


async def dealt_with(world: World) -> None:
    """Wait until every update that was delivered is done."""
    await world.telegram.settle(PATIENCE)
    await until(lambda: not rows(world, "SELECT 1 FROM telegram_update WHERE done_at IS NULL"))


async def recorded(world: World, subject: str, kind: str) -> None:
    """Wait until something is on the record."""
    async with asyncio.timeout(PATIENCE):
        while kind not in await world.kinds(subject):
            await asyncio.sleep(0.01)


async def health(world: World) -> httpx.Response:
    assert world.app is not None
    assert world.app.web is not None
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(f"{world.app.web.url}/health")


@contextmanager
def refusing(world: World, what: str) -> Iterator[None]:
    """Have the database refuse something, as a full disk would: ``INSERT ON payment_order``."""
    change(world, f"CREATE TRIGGER refused BEFORE {what} BEGIN SELECT RAISE(ABORT, 'full'); END")
    try:
        yield
    finally:
        change(world, "DROP TRIGGER refused")


def rows(world: World, query: str) -> list[tuple[object, ...]]:
    """Return what the database holds, as somebody sees who looks into the file."""
    path = world.folder / "data" / DATABASE
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        return connection.execute(query).fetchall()


def change(world: World, statement: str) -> None:
    """Change the database behind the service's back."""
    path = world.folder / "data" / DATABASE
    with closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as connection:
        connection.execute(statement)
