"""``countersign run`` with Telegram: how it starts, what it logs, and what of the token is seen."""

from __future__ import annotations

import asyncio
import logging
import signal
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.journeys.telegram_hands import Phone, health, hurried, requested, rows, shown
from tests.journeys.test_service import ended, started
from tests.journeys.world import TELEGRAM_TOKEN, World, a_world
from workflows import audit

TELEGRAM = ("telegram",)
SECRET = TELEGRAM_TOKEN.partition(":")[2]
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"


async def until_answered(world: World, name: str) -> None:
    """Write until the service answers: its first second is its imports'."""
    phone = Phone(world, name)
    await world.telegram.wait_listening(20)
    said = await phone.account.say("/treasury whoami")
    await phone.sees("Known as", after=said)


async def test_the_token_is_in_no_log_whatever_happens(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        bea = Phone(world, "bea")
        await world.close()
        process = await started(world, tmp_path, TELEGRAM_TOKEN=TELEGRAM_TOKEN, PYTHONDEVMODE="1")
        try:
            await until_answered(world, "bea")
            world.telegram.faults.server_errors = 1
            await bea.account.send_file("invoice.pdf", PDF, "application/pdf")
            await bea.sees("could not be fetched")
            world.telegram.inject({"message": {"from": {"id": bea.account.id}, "text": 5}})
            await world.telegram.settle()
            world.telegram.has_rival = True
            await asyncio.sleep(0.3)
            world.telegram.has_rival = False
            await world.telegram.go_down()
            await asyncio.sleep(0.5)
            await world.telegram.come_back()
            await world.telegram.wait_listening(20)
        finally:
            process.send_signal(signal.SIGTERM)
        code, said = await ended(process)
        assert code == 0, said
        assert "telegram update" in said
        assert SECRET not in said
        assert not any(SECRET.encode() in each.read_bytes() for each in files_of(tmp_path))


def files_of(folder: Path) -> list[Path]:
    return [path for path in (folder / "data").rglob("*") if path.is_file()]


async def test_the_token_is_in_no_record_and_no_log_of_ours(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    hurried(monkeypatch)
    caplog.set_level(logging.DEBUG)
    for noisy in (
        "httpx",
        "httpcore",
        "telegram",
    ):  # which `countersign run` silences, as is seen above
        logging.getLogger(noisy).setLevel(logging.ERROR)
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea = Phone(world, "bea")
        world.telegram.faults.drop_after = 1
        world.telegram.limits.force("sendMessage", retry_after=1)
        assert "1 more approval" in await bea.approves(order)
        world.telegram.bot.token = "424242:BBanother-token-that-was-made-meanwhile"
        await asyncio.sleep(0.5)
        assert (await health(world)).status_code in (200, 503)
        entries = await world.read(lambda c: audit.after(c, 0, 10_000))
        assert SECRET not in repr(entries)
        everything = [rows(world, f"SELECT * FROM {name}") for name in TABLES]
        assert SECRET not in repr(everything)
    out, err = capfd.readouterr()
    assert "telegram" in out + err
    assert SECRET not in caplog.text + out + err


TABLES = ("telegram_update", "telegram_message", "telegram_deep_link", "audit_entry", "posted_card")


async def test_a_token_that_telegram_refuses_ends_the_start_with_the_remedy(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        await world.close()
        for token in (
            "424242:AAwrong-wrong-wrong-wrong-wrong-0123",
            "777:AAanother-bot-0123456789abc",
        ):
            process = await started(world, tmp_path, TELEGRAM_TOKEN=token)
            code, said = await ended(process)
            assert code == 1
            assert "telegram.bot_token" in said
            assert "@BotFather" in said
            assert token.partition(":")[2] not in said
            assert "Traceback" not in said


async def first_health(world: World) -> httpx.Response | None:
    """Return what the health page says, None until there is one."""
    if world.app is None or world.app.web is None:
        return None
    with suppress(httpx.TransportError):
        return await health(world)
    return None


async def test_telegram_unreachable_at_the_start_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried(monkeypatch)
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        await world.close()
        await world.telegram.go_down()
        opening = asyncio.create_task(world.open())
        async with asyncio.timeout(30):
            while (answer := await first_health(world)) is None:
                await asyncio.sleep(0.05)
        assert answer.status_code == 503
        assert answer.json()["chats"]["telegram"]["connected"] is False
        await world.telegram.come_back()
        await opening
        async with asyncio.timeout(30):
            while (await health(world)).status_code != 200:
                await asyncio.sleep(0.05)
        carl = Phone(world, "carl")
        assert "Carl Weiss" in shown(await carl.sends("/treasury whoami"))


async def test_slack_goes_on_while_telegram_is_down(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=("slack", "telegram")) as world:
        for name in ("bea", "carl"):
            assert (await world.person(name).command("/treasury here")).ok
        carl = Phone(world, "carl")
        await carl.sends("/treasury here", "comes to Telegram")
        await world.telegram.go_down()
        order = await world.pay()
        assert "1 more approval" in await world.approve("bea", order)
        await world.telegram.come_back()
        await carl.card(order, "Bea Lindqvist")
