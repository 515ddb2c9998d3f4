"""People: what they write, see and hold in their hands."""

from __future__ import annotations

import asyncio

import pyotp
import pytest

from sandbox.telegram import BotConfig, Telegram, text_of
from tests.sandbox.telegram.conftest import (
    ANA,
    BEN,
    CLEO,
    FINANCE,
    RANDOM,
    SECRET,
    TOKEN,
    Bench,
    keyboard,
)


async def test_what_people_write(bench: Bench) -> None:
    ana = bench.person(ANA)
    said = await ana.say("  /balance now  ")
    assert (said.text, said.chat_id, said.sender_id, said.is_by_bot) == (
        "/balance now",
        ANA,
        ANA,
        False,
    )
    assert said.date == bench.clock.now
    for text in (" ", "x" * 4097):
        with pytest.raises(ValueError, match="message"):
            await ana.say(text)
    bench.clock.advance(minutes=1)
    changed = await ana.edit(said, "/balance then")
    assert (changed.text, changed.edited) == ("/balance then", True)
    (first, second) = await bench.updates()
    assert second["edited_message"]["edit_date"] - first["message"]["date"] == 60
    file = await ana.send_file("x.txt", b"x", caption="one")
    assert (await ana.edit(file, "two")).caption == "two"


async def test_only_ones_own_messages_can_be_edited(bench: Bench) -> None:
    bot = await bench.bot()
    await bot.send_message(FINANCE, "x")
    theirs = await bench.person(BEN).say("hi", FINANCE)
    for message in (bench.newest(BEN, FINANCE), theirs):
        with pytest.raises(PermissionError):
            await bench.person(ANA).edit(message, "y")
    await bot.send_message(ANA, "x")
    gone = bench.newest()
    await bot.delete_message(ANA, gone.message_id)
    with pytest.raises(LookupError, match="gone"):
        await bench.person(ANA).edit(gone, "y")


async def test_a_forwarded_message_brings_only_its_links(bench: Bench) -> None:
    bot = await bench.bot()
    markup = keyboard({"Pay": "pay"})
    rows = [*markup.to_dict()["inline_keyboard"], [{"text": "Site", "url": "https://acme.test"}]]
    await bench.raw(
        "sendMessage",
        chat_id=ANA,
        text="/pay <b>5</b>",
        parse_mode="HTML",
        reply_markup={"inline_keyboard": rows},
    )
    copy = await bench.person(ANA).forward(bench.newest())
    assert (copy.forward_of, copy.sender_id, copy.is_by_bot) == (bot.id, ANA, False)
    assert text_of(copy) == "/pay 5\n[Site]"
    (told,) = await bot.get_updates()
    assert told.message is not None
    origin = told.message.forward_origin
    assert origin is not None
    assert origin.to_dict()["sender_user"]["id"] == bot.id
    bench.clock.advance(minutes=1)
    again = await bench.person(ANA).forward(copy, FINANCE)
    assert (again.forward_of, again.chat_id) == (bot.id, FINANCE)
    # A command is a command, wherever it comes from.
    assert (await bench.updates())[-1]["message"]["forward_origin"]["date"] == copy.date.timestamp()
    with pytest.raises(PermissionError):
        await bench.person(ANA).edit(copy, "/pay 500")


async def test_what_is_protected_cannot_be_forwarded(bench: Bench) -> None:
    bot = await bench.bot()
    await bot.send_message(ANA, "secret", protect_content=True)
    with pytest.raises(PermissionError, match="protected"):
        await bench.person(ANA).forward(bench.newest(), FINANCE)
    assert bench.person(ANA).messages(FINANCE) == []


async def test_waiting_for_messages(bench: Bench) -> None:
    bot = await bench.bot()
    ana = bench.person(ANA)
    waiting = asyncio.ensure_future(ana.wait_message(lambda m: "two" in text_of(m)))
    await bot.send_message(FINANCE, "one")
    await bot.send_message(FINANCE, "number two")
    assert (await waiting).chat_id == FINANCE
    assert (await ana.wait_message(lambda m: True)).text == "number two"
    with pytest.raises(TimeoutError, match=r"Ana Lima: no such message; there are:\n.*'one'"):
        await ana.wait_message(lambda m: "three" in m.text, FINANCE, timeout=0.01)
    with pytest.raises(TimeoutError):
        await ana.wait_message(lambda m: True, ANA, timeout=0.01)
    with pytest.raises(TimeoutError, match="still stands"):
        await ana.wait_gone(bench.newest(ANA, FINANCE), 0.01)
    gone = asyncio.ensure_future(ana.wait_gone(bench.newest(ANA, FINANCE)))
    await bot.delete_message(FINANCE, bench.newest(ANA, FINANCE).message_id)
    assert await gone


async def test_snapshots_do_not_change(bench: Bench) -> None:
    bot = await bench.bot()
    await bot.send_message(ANA, "one", reply_markup=keyboard({"A": "a"}))
    seen = bench.newest()
    seen.text = "forged"
    seen.buttons.clear()
    assert text_of(bench.newest()) == "one\n[A]"


def test_who_is_there(bench: Bench) -> None:
    assert [person.id for person in bench.telegram.people] == [ANA, BEN, CLEO]
    ana = bench.person(ANA)
    assert (ana.user.name, ana.chat, ana.has_started) == ("Ana Lima", ANA, True)
    with pytest.raises(KeyError):
        bench.person(5)
    assert TOKEN not in repr(BotConfig(TOKEN, "x_bot", "X"))
    assert SECRET not in repr(ana.user)
    assert bench.telegram.store.chats_of(ANA) == [ANA, FINANCE, RANDOM]


def test_the_phone(bench: Bench) -> None:
    ana, ben = bench.person(ANA), bench.person(BEN)
    assert ana.code() == pyotp.TOTP(SECRET).at(bench.clock.now)
    assert ana.seconds_left() == 30
    assert not ben.has_code
    with pytest.raises(LookupError):
        ben.code()
    with pytest.raises(ValueError, match="no secret"):
        ben.scan("otpauth://totp/x")
    ben.scan(f"otpauth://totp/Acme:ben?secret={SECRET}&issuer=Acme")
    assert ben.code() == ana.code()


async def test_listening_needs_a_start() -> None:
    telegram = Telegram([], bot=BotConfig(TOKEN, "x_bot", "X"))
    with pytest.raises(RuntimeError):
        await telegram.come_back()
    await telegram.stop()
