"""Telegram by webhook: only Telegram is heard, each update once, and a payment goes all the way."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.telegram.inbox import LARGEST
from tests.journeys import world as worlds
from tests.journeys.telegram_hands import (
    Phone,
    asked,
    dealt_with,
    having,
    health,
    hurried,
    requested,
    rows,
    shown,
)
from tests.journeys.world import TELEGRAM_IDS, TELEGRAM_TOKEN, TREASURY_GROUP, World, a_world

TELEGRAM = ("telegram",)
HEADER = "X-Telegram-Bot-Api-Secret-Token"
FIRST = 800_000_000
LINE = "/pay {}.00 EUR to ACME GmbH"


@pytest.fixture(autouse=True)
def public(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the service an address that is known beforehand, as a webhook needs."""
    hurried(monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f'[web]\nport = {port}\npublic_url = "http://127.0.0.1:{port}"\n'
    settings = worlds.SETTINGS.replace("[web]\nport = 0\n", address)
    monkeypatch.setattr(worlds, "SETTINGS", settings)


@dataclass
class Door:
    """The endpoint, as whoever found its address comes to it."""

    client: httpx.AsyncClient
    url: str
    secret: str

    async def post(self, body: Any, *, secret: str | None = None, **more: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {HEADER: self.secret if secret is None else secret, **more}
        return await self.client.post(self.url, content=content, headers=headers)


@asynccontextmanager
async def a_door(world: World) -> AsyncIterator[Door]:
    call = world.telegram.calls("setWebhook")[-1]
    async with httpx.AsyncClient(trust_env=False) as client:
        yield Door(client, call.params["url"], call.params["secret_token"])


def written(number: int, text: str, who: str = "amara") -> dict[str, Any]:
    """Return an update: somebody's message."""
    user = TELEGRAM_IDS[who]
    return {
        "update_id": FIRST + number,
        "message": {
            "message_id": 5000 + number,
            "date": 1,
            "from": {"id": user, "is_bot": False, "first_name": who},
            "chat": {"id": user, "type": "private"},
            "text": text,
            "entities": [{"type": "bot_command", "offset": 0, "length": text.find(" ")}],
        },
    }


async def test_a_supplier_is_paid_by_webhook(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM, telegram_mode="webhook") as world:
        order = await requested(world)
        bea, carl = Phone(world, "bea"), Phone(world, "carl")
        await carl.sees(order.id, chat=TREASURY_GROUP)
        assert "1 more approval" in await bea.approves(order)
        assert "has all its approvals" in await carl.approves(order)
        await world.until("settled")
        assert len(world.bank.ledger) == 1
        for name in ("amara", "bea", "carl"):
            await Phone(world, name).card(order, "Paid")
        answer = await health(world)
        assert answer.status_code == 200
        assert answer.json()["chats"]["telegram"]["last_delivery"] is not None
        assert not world.telegram.calls("getUpdates")
        # What was said while the service was away is heard when it is back.
        await world.close()
        await bea.account.say("/treasury whoami")
        await world.open()
        await bea.sees("You are Bea Lindqvist")


async def test_only_who_knows_the_secret_is_heard(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM, telegram_mode="webhook") as world:
        async with a_door(world) as door:
            update = written(1, LINE.format(70))
            right = door.secret
            assert len(right) == 64
            assert right not in TELEGRAM_TOKEN
            wrong = ("", "x", right[:-1], right + "0", right[::-1], right.upper())
            answers = [await door.post(update, secret=each) for each in wrong]
            answers.append(await door.client.post(door.url, json=update))
            answers.append(await door.post(b"not JSON", secret="x"))
            answers.append(await door.post(b"x" * (LARGEST + 1), secret="x"))
            odd = await door.client.post(
                door.url, json=update, headers=[(HEADER.encode(), b"\xff\xfe")]
            )
            seen = {
                (a.status_code, a.content, a.headers["content-length"]) for a in (*answers, odd)
            }
            assert seen == {(403, b"", "0")}
            assert (await door.client.get(door.url)).status_code == 405
        assert rows(world, "SELECT 1 FROM telegram_update") == []
        assert await asked(world) == []


async def test_what_is_no_update_is_refused(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM, telegram_mode="webhook") as world:
        async with a_door(world) as door:
            for body in (
                b"",
                b"{",
                b"\xff\xfe",
                b"5",
                b"[]",
                b"null",
                b'"x"',
                b"{}",
                b'{"update_id": "5"}',
                b'{"update_id": true}',
                b'{"update_id": 1.5}',
                b'{"update_id": -1}',
                b'{"update_id": %d}' % 2**63,
                b"[" * 100_000,
            ):
                assert (await door.post(body)).status_code == 400, body[:40]
            large = written(1, LINE.format(70) + " ref " + "x" * LARGEST)
            assert (await door.post(large)).status_code == 413
            assert (await door.post(written(2, LINE.format(80)))).status_code == 200
        await dealt_with(world)
        assert [each.amount_minor for each in await asked(world)] == [8000]


async def test_each_update_is_acted_on_once_and_in_order(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM, telegram_mode="webhook") as world:
        async with a_door(world) as door:
            first = written(1, LINE.format(70))
            answers = await asyncio.gather(*(door.post(first) for _ in range(6)))
            assert {answer.status_code for answer in answers} == {200}
            await dealt_with(world)
            assert (await door.post(first)).status_code == 200
            later = [written(number, LINE.format(70 + number)) for number in range(2, 7)]
            for update in later:
                await door.post(update)
            await dealt_with(world)
            wanted = [7000, *(7000 + 100 * number for number in range(2, 7))]
            assert [each.amount_minor for each in await asked(world)] == wanted
            # What comes twice is known after a restart, too.
            await world.close()
        await world.open()
        async with a_door(world) as door:
            for update in (first, *later):
                assert (await door.post(update)).status_code == 200
        await dealt_with(world)
        assert len(await asked(world)) == 6


async def test_what_the_service_could_not_store_comes_again(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM, telegram_mode="webhook") as world:
        amara = Phone(world, "amara")
        await world.close()
        await amara.account.say(LINE.format(70))
        await asyncio.sleep(0.2)
        await world.open()
        await amara.sees("is with its approvers")
        await dealt_with(world)
        assert len(having(amara, "is with its approvers")) == 1
        info = shown(await amara.sends("/treasury whoami", "Known as"))
        assert "Amara Okafor" in info


async def test_polling_takes_over_from_a_webhook_and_back(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM, telegram_mode="webhook") as world:
        amara = Phone(world, "amara")
        for mode in ("polling", "webhook", "polling"):
            await world.close()
            said = await amara.account.say("/treasury whoami")
            world.telegram_mode = mode
            await world.open()
            await amara.sees("You are Amara Okafor", after=said)
            assert (await health(world)).status_code == 200
