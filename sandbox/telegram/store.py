"""Telegram's memory, and the news of every change to it."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

from sandbox.telegram.model import BotConfig, File, Group, Json, Message, User

MOST_MESSAGES = 5_000
"""Messages kept in one chat; the oldest go first."""

MOST_FILE_BYTES = 128 * 1024 * 1024
"""Bytes of files kept in all; the oldest go first."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change:
    """Something happened.

    Attributes:
        chat: Where; None where it concerns no chat.
        users: Who may know; None where the chat's members may.
        message: The message as it is then, for messages, edits and deletions.
    """

    type: Literal["message", "edit", "delete", "typing", "chat"]
    chat: int | None = None
    users: frozenset[int] | None = None
    message: Message | None = None


Watcher = Callable[[Change], None]


class Signal:
    """Wakes all who wait, each time it is given."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def give(self) -> None:
        """Wake those who wait now."""
        self._event.set()
        self._event = asyncio.Event()

    def wait(self) -> Coroutine[Any, Any, Any]:
        """Wait until the signal is given next, counted from this call."""
        return self._event.wait()

    async def until(self, look: Callable[[], T | None], seconds: float) -> T:
        """Return what ``look`` finds, now or after a signal.

        Raises:
            TimeoutError: nothing was found within ``seconds``.
        """
        async with asyncio.timeout(seconds):
            while (found := look()) is None:
                await self.wait()
            return found


class Store:
    """People, groups, messages and files.

    Every change is announced to the watchers in the order in which it happened, and wakes those
    who wait in :meth:`until`.

    Attributes:
        started: Who has opened the chat with the bot.
        blocked: Who has blocked the bot.
        commands: The bot's menus: scope and language → commands.
    """

    def __init__(
        self,
        *,
        users: Iterable[User],
        groups: Iterable[Group],
        bot: BotConfig,
        now: Callable[[], datetime],
    ) -> None:
        self.bot = bot
        self.now = now
        self.users: dict[int, User] = {user.id: user for user in users}
        self.groups: dict[int, Group] = {group.id: deepcopy(group) for group in groups}
        self.started = {user.id for user in self.users.values() if user.has_started}
        self.blocked: set[int] = set()
        self.commands: dict[tuple[str, str], list[Json]] = {}
        self.files: OrderedDict[str, File] = OrderedDict()
        self.signal = Signal()
        self._messages: dict[int, OrderedDict[int, Message]] = {}
        self._last_ids: dict[int, int] = {}
        self._read: dict[tuple[int, int], int] = {}
        self._watchers: list[Watcher] = []
        self._serial = 0

    # ---- news ---------------------------------------------------------------------------------

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Tell ``watcher`` of every change from now on; call the result to stop."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)

    def announce(self, change: Change) -> None:
        """Tell the watchers and wake those who wait."""
        for watcher in tuple(self._watchers):
            watcher(change)
        self.signal.give()

    async def until(self, look: Callable[[], T | None], seconds: float) -> T:
        """Return what ``look`` finds, now or after a change.

        Raises:
            TimeoutError: nothing was found within ``seconds``.
        """
        return await self.signal.until(look, seconds)

    # ---- chats --------------------------------------------------------------------------------

    def members(self, chat_id: int) -> list[int]:
        """Return the people in a chat; nobody where there is no such chat."""
        if chat_id in self.users:
            return [chat_id]
        group = self.groups.get(chat_id)
        return list(group.members) if group is not None else []

    def chats_of(self, user_id: int) -> list[int]:
        """Return the ids of the chats a person sees: the bot's first, then groups."""
        groups = [
            group.id
            for group in self.groups.values()
            if user_id in group.members and group.migrated_to is None
        ]
        return [user_id, *groups]

    # ---- messages -----------------------------------------------------------------------------

    def new_message_id(self, chat_id: int) -> int:
        """Return the next message id.

        Private chats and groups draw on one series; every supergroup has its own.
        """
        group = self.groups.get(chat_id)
        series = chat_id if group is not None and group.is_supergroup else 0
        self._last_ids[series] = self._last_ids.get(series, 0) + 1
        return self._last_ids[series]

    def add(self, message: Message) -> Message:
        """Add a message and announce it."""
        self._serial += 1
        message.serial = self._serial
        kept = self._messages.setdefault(message.chat_id, OrderedDict())
        kept[message.message_id] = message
        while len(kept) > MOST_MESSAGES:
            kept.popitem(last=False)
        self._read[message.sender_id, message.chat_id] = message.message_id
        self.announce(Change("message", message.chat_id, message=deepcopy(message)))
        return message

    def changed(self, message: Message) -> None:
        """Announce that a stored message was changed in place."""
        self.announce(Change("edit", message.chat_id, message=deepcopy(message)))

    def delete(self, message: Message) -> None:
        """Remove a message and announce it."""
        self._messages[message.chat_id].pop(message.message_id, None)
        self.announce(Change("delete", message.chat_id, message=deepcopy(message)))

    def find(self, chat_id: int, message_id: int) -> Message | None:
        """Return the stored message itself, if it is there."""
        return self._messages.get(chat_id, OrderedDict()).get(message_id)

    def messages(self, chat_id: int) -> list[Message]:
        """Return a chat's messages themselves, oldest first."""
        return list(self._messages.get(chat_id, OrderedDict()).values())

    # ---- reading ------------------------------------------------------------------------------

    def mark_read(self, user_id: int, chat_id: int) -> None:
        """Note that a person has seen everything in a chat."""
        if there := self.messages(chat_id):
            self._read[user_id, chat_id] = there[-1].message_id
        self.announce(Change("chat", chat_id, users=frozenset({user_id})))

    def unread(self, user_id: int, chat_id: int) -> int:
        """Return how many messages of others a person has not seen."""
        last = self._read.get((user_id, chat_id), 0)
        return sum(
            1
            for message in self.messages(chat_id)
            if message.message_id > last and message.sender_id != user_id
        )

    # ---- files --------------------------------------------------------------------------------

    def keep(
        self, name: str, mime: str, content: bytes, *, width: int = 0, height: int = 0
    ) -> File:
        """Keep a file's content; let the oldest go where there is no room."""
        file = File(
            id=f"BQAC{secrets.token_urlsafe(24)}",
            unique_id=f"Ag{secrets.token_urlsafe(8)}",
            name=name[:255].replace("/", "_").replace("\x00", ""),
            mime=mime,
            size=len(content),
            width=width,
            height=height,
            content=content,
        )
        self.files[file.id] = file
        total = sum(kept.size for kept in self.files.values())
        for old in tuple(self.files.values()):
            if total <= MOST_FILE_BYTES or old is file:
                break
            total -= old.size
            del self.files[old.id]
        return file
