"""What Telegram brings from strangers, from others' mouths, and into the wrong question."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.app import DATABASE
from bot.telegram import downloads, strangers
from bot.telegram.strangers import Ration
from sandbox.telegram import Message, wire
from sandbox.telegram.media_methods import MediaMethods
from tests.journeys.telegram_hands import (
    Phone,
    Watch,
    asked,
    having,
    hurried,
    requested,
    rows,
    shown,
    until,
)
from tests.journeys.world import LOBBY_GROUP, TELEGRAM_IDS, TREASURY_GROUP, World, a_world
from workflows import freeze

TELEGRAM = ("telegram",)
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n%%EOF\n"


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    hurried(monkeypatch)


async def handled(world: World) -> None:
    """Wait until everything that was said has been dealt with."""
    await world.telegram.settle()
    async with asyncio.timeout(30):
        while rows(world, "SELECT 1 FROM telegram_update WHERE done_at IS NULL"):
            await asyncio.sleep(0.02)


def by_bot(phone: Phone, chat: int | None = None) -> list[Message]:
    return [each for each in phone.account.messages(chat) if each.is_by_bot]


# ---- strangers ---------------------------------------------------------------------------------


async def test_a_stranger_is_answered_and_recorded_once_an_hour(tmp_path: Path) -> None:
    watch = Watch()
    async with a_world(tmp_path, chats=TELEGRAM, clock=watch) as world:
        order = await requested(world)
        sam = Phone(world, "sam")
        subject = f"telegram:{TELEGRAM_IDS['sam']}"
        await sam.account.start()
        for number in range(12):
            await sam.account.say(f"spam {number}" if number % 2 else "/balance")
        for command in ("/approvals", f"/payment {order.id}", "/pay", "/digest"):
            await sam.account.say(command)
        await handled(world)
        assert (await world.kinds(subject)) == ["access.denied"]
        (told,) = by_bot(sam)
        assert "do not know you" in shown(told)
        watch.move(minutes=61)
        await sam.account.say("/pay 1 EUR to ACME GmbH")
        await sam.account.say("and more")
        await handled(world)
        assert (await world.kinds(subject)) == ["access.denied"] * 2
        assert len(by_bot(sam)) == 2


async def test_a_stranger_gets_no_link_by_trying(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        sam = Phone(world, "sam")
        await sam.account.start()
        for number in range(12):
            await sam.account.start(f"guess{number}")
        await handled(world)
        assert 1 < len(by_bot(sam)) <= 6


async def test_what_groups_say_to_other_bots_is_not_ours(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        sam, carl = Phone(world, "sam"), Phone(world, "carl")
        for who in (sam, carl):
            await who.account.say("/weather Berlin", LOBBY_GROUP)
        await handled(world)
        assert await world.kinds(f"telegram:{TELEGRAM_IDS['sam']}") == []
        for text in ("/balance", "/pay 1 EUR to ACME GmbH", "/start", "/help"):
            await sam.account.say(text, LOBBY_GROUP)
        await handled(world)
        assert by_bot(sam, LOBBY_GROUP) == []
        assert by_bot(sam) == []
        await carl.account.say("/approvals", LOBBY_GROUP)
        await carl.sees("private", chat=LOBBY_GROUP)


def test_who_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "_MOST_KNOWN", 100)
    ration, now = Ration("answers"), datetime(2026, 1, 1, tzinfo=UTC)
    for user_id in range(1000):
        assert ration.has_left(user_id, now)
        ration.use(user_id, now)
        assert not ration.has_left(user_id, now)
    assert len(ration._had) == 100


# ---- words of others ---------------------------------------------------------------------------


async def test_a_line_passed_on_is_nobodys_command(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara, bea, ivy = (Phone(world, name) for name in ("amara", "bea", "ivy"))
        line = await ivy.account.say("/pay 900.00 EUR to ACME GmbH ref salary", LOBBY_GROUP)
        passed_on = await amara.account.forward(line)
        await amara.sees("Nothing was done with what you passed on", after=passed_on)
        stop = await ivy.account.say("/freeze ha ha", LOBBY_GROUP)
        passed_on = await bea.account.forward(stop)
        await bea.sees("Nothing was done with what you passed on", after=passed_on)
        assert await asked(world) == []
        assert await world.read(freeze.present) is None


async def test_what_another_bot_wrote_is_nobodys_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = wire._content

    def by_another(message: Message) -> dict[str, object]:
        other = {"id": 77, "is_bot": True, "first_name": "Other", "username": "other_bot"}
        return {**content(message), "via_bot": other}

    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        monkeypatch.setattr(wire, "_content", by_another)
        await amara.sends("/pay 900.00 EUR to ACME GmbH", "Nothing was done")
        assert await asked(world) == []


# ---- groups ------------------------------------------------------------------------------------


async def test_a_line_too_long_is_refused_in_groups_as_in_private(tmp_path: Path) -> None:
    """Cut to what is kept, it would ask for something else."""
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        line = "/pay 5.00 EUR to ACME GmbH" + " " * 385 + "on 2027-01-15 ref INV-77"
        await amara.sends(line, "400")
        said = await amara.account.say(line, LOBBY_GROUP)
        answer = await amara.sees("400", chat=LOBBY_GROUP, after=said)
        assert not list(answer.all_buttons())
        assert rows(world, "SELECT 1 FROM telegram_deep_link WHERE kind = 'command'") == []
        assert await asked(world) == []


async def test_balances_say_who_sees_them(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        carl = Phone(world, "carl")
        await carl.sends("/balance", "€100,000.00", "Only you see this.")
        await carl.account.say("/balance", TREASURY_GROUP)
        posted = await carl.sees("€100,000.00", chat=TREASURY_GROUP)
        assert "As of" in shown(posted)
        assert "Only you" not in shown(posted)


# ---- codes and files ---------------------------------------------------------------------------


async def test_a_typed_code_is_no_answer_to_another_question(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world)
        bea = Phone(world, "bea")
        pad = await bea.pad(order)
        question = await bea.sends("/pay", "👉 From account")
        await bea.press(question, "Operating EUR")
        await bea.becomes(question, "👉 Amount")
        for code in (await world.code("bea"), "541 908"):
            said = await bea.account.say(code)
            await bea.sees("Never type a code", "cancel the keypad", after=said)
            await until(lambda said=said: bea.account.latest(said) is None)  # type: ignore[misc]
        assert not having(bea, "541")
        await bea.becomes(question, "👉 Amount")
        # An amount that cannot be taken for one is one.
        await bea.sends("541908.00", "👉 Payee")
        await bea.press(pad, "Cancel")


async def test_a_file_is_offered_by_its_name(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        sent = await amara.account.send_file("INV-7.pdf", PDF, "application/pdf")
        question = await amara.sees("👉 From account", "INV-7.pdf", after=sent)
        await amara.press(question, "Operating EUR")
        await amara.becomes(question, "👉 Amount")
        payee = await amara.sends("5.00", "👉 Payee")
        await amara.press(payee, "ACME GmbH")
        reference = await amara.becomes(payee, "👉 Reference")
        await amara.press(reference, "Leave out")
        date = await amara.becomes(payee, "👉 Execution date")
        await amara.press(date, "As soon as possible")
        assert "Keep: INV-7.pdf" in shown(await amara.becomes(payee, "👉 Invoice"))


async def test_a_download_stops_where_it_is_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Telegram need not say how large a file is."""
    get_file = MediaMethods._get_file
    monkeypatch.setattr(
        MediaMethods,
        "_get_file",
        lambda self, args: {
            name: value for name, value in get_file(self, args).items() if name != "file_size"
        },
    )
    monkeypatch.setattr(downloads, "LARGEST_FILE", 1024 * 1024)
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        large = PDF + b" " * 2 * 1024 * 1024
        sent = await amara.account.send_file("large.pdf", large, "application/pdf")
        await amara.sees("at most 1 MB", after=sent)
        sent = await amara.account.send_file("small.pdf", PDF, "application/pdf")
        await amara.sees("👉 From account", "small.pdf", after=sent)


async def test_what_cannot_be_read_any_more_hides_nothing_behind_it(tmp_path: Path) -> None:
    """As after another key: as many as are looked at at once must not stop the others' closing."""
    watch = Watch()
    async with a_world(tmp_path, chats=TELEGRAM, clock=watch) as world:
        bea = Phone(world, "bea")
        question = await bea.sends("/pay", "👉 From account")
        await handled(world)
        with sqlite3.connect(world.folder / "data" / DATABASE, timeout=10) as connection:
            connection.executemany(
                "INSERT INTO telegram_dialogue VALUES (?, 1, NULL, x'00', ?)",
                [(f"old{number}", "2020-01-01 00:00:00.000000") for number in range(150)],
            )
        connection.close()
        watch.move(days=8)
        await bea.becomes(question, "half filled in")
        await until(lambda: not rows(world, "SELECT 1 FROM telegram_dialogue"))
