"""What the bot is, which commands it offers, and what it may know of chats.

Source: Bot API, "getMe", "getChat", "setMyCommands", "BotCommandScope", "Determining list of
commands".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sandbox.telegram.args import Args
from sandbox.telegram.bot_api import Handler
from sandbox.telegram.model import ApiError, Json, bad_request
from sandbox.telegram.queries import Queries
from sandbox.telegram.store import Store
from sandbox.telegram.wire import Wire

MOST_COMMANDS = 100
MOST_DESCRIPTION = 256

_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_LANGUAGE = re.compile(r"[a-z]{2}")
_SIMPLE_SCOPES = (
    "default",
    "all_private_chats",
    "all_group_chats",
    "all_chat_administrators",
)
_CHAT_SCOPES = ("chat", "chat_administrators", "chat_member")
_WORDS = {"Name": ("name", 64), "Description": ("description", 512)}
_WORDS["ShortDescription"] = ("short_description", 120)


class BotMethods:
    """The methods about the bot itself."""

    def __init__(self, store: Store, wire: Wire, queries: Queries) -> None:
        self._store = store
        self._wire = wire
        self._queries = queries
        self._words: dict[tuple[str, str], str] = {}

    def table(self) -> dict[str, Handler]:
        """Return the methods by name."""
        table: dict[str, Handler] = {
            "getMe": self._me,
            "getChat": self._chat,
            "getChatMember": self._member,
            "getChatMemberCount": self._count,
            "setMyCommands": self._set_commands,
            "getMyCommands": self._get_commands,
            "deleteMyCommands": self._delete_commands,
            "answerCallbackQuery": self._queries.answer,
        }
        for name in _WORDS:
            table[f"setMy{name}"] = self._setter(name)
            table[f"getMy{name}"] = self._getter(name)
        return table

    def _me(self, args: Args) -> Json:
        del args
        return {
            **self._wire.bot(),
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }

    # ---- chats --------------------------------------------------------------------------------

    def _chat(self, args: Args) -> Json:
        chat_id = self._wire.reachable(args.value("chat_id"))
        gifts = dict.fromkeys(
            (
                "unlimited_gifts",
                "limited_gifts",
                "unique_gifts",
                "premium_subscription",
                "gifts_from_channels",
            ),
            False,
        )
        return {
            **self._wire.chat(chat_id),
            "accent_color_id": abs(chat_id) % 7,
            "max_reaction_count": 11,
            "accepted_gift_types": gifts,
        }

    def _member(self, args: Args) -> Json:
        chat_id = self._wire.reachable(args.value("chat_id"))
        user_id = args.number("user_id")
        if user_id == self._store.bot.id:
            return self._wire.bot_member("member")
        if user_id not in self._store.users:
            raise bad_request("user not found")
        is_in = user_id in self._store.members(chat_id)
        return {"user": self._wire.user(user_id), "status": "member" if is_in else "left"}

    def _count(self, args: Args) -> int:
        return len(self._store.members(self._wire.reachable(args.value("chat_id")))) + 1

    # ---- commands -----------------------------------------------------------------------------

    def _set_commands(self, args: Args) -> bool:
        commands = args.value("commands")
        if not isinstance(commands, list):
            raise bad_request("can't parse commands JSON object")
        if len(commands) > MOST_COMMANDS:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        self._store.commands[self._menu(args)] = [_command(each) for each in commands]
        return True

    def _get_commands(self, args: Args) -> list[Json]:
        return self._store.commands.get(self._menu(args), [])

    def _delete_commands(self, args: Args) -> bool:
        self._store.commands.pop(self._menu(args), None)
        return True

    def _menu(self, args: Args) -> tuple[str, str]:
        language = args.text("language_code")
        if language and not _LANGUAGE.fullmatch(language):
            raise bad_request("BOT_COMMANDS_LANG_CODE_INVALID")
        return self._scope(args.object("scope", "BotCommandScope")), language

    def _scope(self, scope: Json) -> str:
        kind = scope.get("type", "default")
        if kind in _SIMPLE_SCOPES:
            return str(kind)
        if kind not in _CHAT_SCOPES:
            raise bad_request("can't parse BotCommandScope: Unsupported type specified")
        chat_id = self._wire.reachable(scope.get("chat_id"))
        if kind == "chat_member":
            return f"{kind}:{chat_id}:{scope.get('user_id')}"
        return f"{kind}:{chat_id}"

    # ---- words --------------------------------------------------------------------------------

    def _setter(self, name: str) -> Handler:
        key, most = _WORDS[name]

        def set_words(args: Args) -> bool:
            if len(args.text(key)) > most:
                raise bad_request(f"{key} is too long")
            self._words[name, args.text("language_code")] = args.text(key)
            return True

        return set_words

    def _getter(self, name: str) -> Handler:
        key, _ = _WORDS[name]

        def get_words(args: Args) -> Json:
            fallback = self._store.bot.name if name == "Name" else ""
            return {key: self._words.get((name, args.text("language_code"))) or fallback}

        return get_words


def menu_for(store: Store, user_id: int, chat_id: int) -> list[Json]:
    """Return the commands a person is offered in a chat: the narrowest menu that is set."""
    language = store.users[user_id].language_code.partition("-")[0]
    for scope in _scopes(user_id, chat_id):
        for code in (language, ""):
            if menu := store.commands.get((scope, code)):
                return menu
    return []


def _scopes(user_id: int, chat_id: int) -> Iterator[str]:
    if chat_id < 0:
        yield f"chat_member:{chat_id}:{user_id}"
    yield f"chat:{chat_id}"
    yield "all_group_chats" if chat_id < 0 else "all_private_chats"
    yield "default"


def _command(value: Any) -> Json:
    if not isinstance(value, dict):
        raise _unreadable("expected an Object")
    name = str(value.get("command", "")).removeprefix("/")
    description = str(value.get("description", "")).strip()
    if not name:
        raise bad_request("command name must be non-empty")
    if not description:
        raise bad_request("command description must be non-empty")
    if len(description) > MOST_DESCRIPTION:
        raise bad_request(f"command description length must not exceed {MOST_DESCRIPTION}")
    if not _COMMAND.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    return {"command": name, "description": description}


def _unreadable(words: str) -> ApiError:
    return bad_request(f"can't parse BotCommand: {words}")
