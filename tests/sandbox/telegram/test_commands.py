"""Menus of commands, and what the bot says of itself."""

from __future__ import annotations

from typing import Any

import pytest
from telegram import (
    BotCommand,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeChatMember,
)
from telegram.error import BadRequest

from sandbox.telegram.bot_methods import menu_for
from tests.sandbox.telegram.conftest import ANA, BEN, FINANCE, Bench


def one(name: str) -> list[BotCommand]:
    return [BotCommand(name, f"About {name}")]


def menu(bench: Bench, user_id: int, chat: int) -> list[str]:
    return [each["command"] for each in menu_for(bench.telegram.store, user_id, chat)]


async def test_the_narrowest_menu_is_shown_in_ones_own_language(bench: Bench) -> None:
    bot = await bench.bot()
    assert menu(bench, ANA, ANA) == []
    steps: list[tuple[dict[str, Any], int, int]] = [
        ({}, ANA, ANA),
        ({"language_code": "de"}, BEN, BEN),
        ({"scope": BotCommandScopeAllPrivateChats()}, BEN, BEN),
        ({"scope": BotCommandScopeAllPrivateChats(), "language_code": "de"}, BEN, BEN),
        ({"scope": BotCommandScopeAllGroupChats()}, BEN, FINANCE),
        ({"scope": BotCommandScopeChat(FINANCE)}, BEN, FINANCE),
        ({"scope": BotCommandScopeChatMember(FINANCE, BEN)}, BEN, FINANCE),
    ]
    for number, (options, user_id, chat) in enumerate(steps):
        assert await bot.set_my_commands(one(f"step_{number}"), **options)
        assert menu(bench, user_id, chat) == [f"step_{number}"]
        assert await bot.get_my_commands(**options) == tuple(one(f"step_{number}"))
    assert menu(bench, ANA, ANA) == ["step_2"]
    assert menu(bench, ANA, FINANCE) == ["step_5"]
    await bot.delete_my_commands(scope=BotCommandScopeAllPrivateChats())
    assert menu(bench, ANA, ANA) == ["step_0"]
    assert await bot.get_my_commands(scope=BotCommandScopeAllPrivateChats()) == ()


@pytest.mark.parametrize(
    ("commands", "words"),
    [
        ([{"command": "Pay", "description": "x"}], "BOT_COMMAND_INVALID"),
        ([{"command": "x" * 33, "description": "x"}], "BOT_COMMAND_INVALID"),
        ([{"command": "", "description": "x"}], "command name must be non-empty"),
        ([{"command": "pay", "description": " "}], "command description must be non-empty"),
        (
            [{"command": "pay", "description": "x" * 257}],
            "command description length must not exceed 256",
        ),
        ([{"command": "pay", "description": "x"}] * 101, "BOT_COMMANDS_TOO_MUCH"),
        (["pay"], "can't parse BotCommand: expected an Object"),
        ("pay", "can't parse commands JSON object"),
    ],
)
async def test_commands_that_are_refused(bench: Bench, commands: Any, words: str) -> None:
    assert await bench.refusal("setMyCommands", commands=commands) == f"Bad Request: {words}"
    assert (await bench.raw("getMyCommands"))["result"] == []


async def test_scopes_and_languages_that_are_refused(bench: Bench) -> None:
    bot = await bench.bot()
    with pytest.raises(BadRequest, match="lang_code_invalid"):
        await bot.set_my_commands(one("pay"), language_code="german")
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.set_my_commands(one("pay"), scope=BotCommandScopeChat(42))
    words = await bench.refusal("setMyCommands", commands=[], scope={"type": "everywhere"})
    assert words == "Bad Request: can't parse BotCommandScope: Unsupported type specified"


async def test_names_and_descriptions(bench: Bench) -> None:
    bot = await bench.bot()
    assert (await bot.get_my_name()).name == "Paybot"
    assert await bot.set_my_name("Zahlbot", language_code="de")
    assert (await bot.get_my_name("de")).name == "Zahlbot"
    await bot.set_my_description("Pays")
    assert (await bot.get_my_description()).description == "Pays"
    await bot.set_my_short_description("P")
    assert (await bot.get_my_short_description()).short_description == "P"
    with pytest.raises(BadRequest, match="Name is too long"):
        await bot.set_my_name("x" * 65)
