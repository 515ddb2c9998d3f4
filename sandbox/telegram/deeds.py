"""What people do in Telegram, and what the bot is told of it.

Source: Bot API, "Update", "CallbackQuery", "ChatMemberUpdated"; Bot features, "Privacy mode": in
groups a bot gets commands, replies to it, what mentions it, and service messages.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from sandbox.telegram.entities import entity_text, with_found
from sandbox.telegram.model import File, Json, Message, Press, UpdateKind
from sandbox.telegram.posting import MOST_CAPTION, MOST_TEXT
from sandbox.telegram.queries import Queries, Query
from sandbox.telegram.store import Change, Store
from sandbox.telegram.stream import Stream
from sandbox.telegram.utf16 import units
from sandbox.telegram.wire import Wire, unix


class Deeds:
    """Carries out what people do.

    Whatever a person cannot do raises `LookupError` where it is not there for them,
    `PermissionError` where Telegram would not let them, and `ValueError` where it is too much.
    """

    def __init__(self, store: Store, wire: Wire, stream: Stream, queries: Queries) -> None:
        self._store = store
        self._wire = wire
        self._stream = stream
        self._queries = queries

    # ---- writing ------------------------------------------------------------------------------

    def say(
        self,
        user_id: int,
        chat_id: int,
        text: str = "",
        *,
        reply_to: int | None = None,
        **content: Any,
    ) -> Message:
        """Write a message; ``content`` may hold a document, a photo with a caption, a sticker."""
        self._check_may_write(user_id, chat_id)
        caption = str(content.pop("caption", "")).strip()
        message = Message(
            message_id=self._store.new_message_id(chat_id),
            chat_id=chat_id,
            sender_id=user_id,
            reply_to=reply_to,
            date=self._store.now(),
            caption=caption,
            entities=with_found(caption, []),
            **content,
        )
        if not message.file and not message.sticker:
            _set_text(message, text)
        elif units(caption) > MOST_CAPTION:
            raise ValueError("the caption is too long")
        return self._post(message)

    def edit(self, user_id: int, message: Message, text: str) -> None:
        """Change one's own message."""
        if message.sender_id != user_id or message.forward_of is not None:
            raise PermissionError("only one's own messages can be edited")
        self._check_may_write(user_id, message.chat_id)
        if message.file is None:
            _set_text(message, text)
        else:
            message.caption = text.strip()
            message.entities = with_found(message.caption, [])
        message.edit_date = self._store.now()
        message.edited = True
        self._store.changed(message)
        self._tell_message("edited_message", message)

    def forward(self, user_id: int, message: Message, chat_id: int) -> Message:
        """Send a copy of a message on; of its buttons only those that are links come along."""
        if message.is_protected:
            raise PermissionError("this message is protected from being forwarded")
        self._check_may_write(user_id, chat_id)
        rows = [[button for button in row if button.url] for row in message.buttons]
        copy = replace(
            message,
            message_id=self._store.new_message_id(chat_id),
            chat_id=chat_id,
            sender_id=user_id,
            is_by_bot=False,
            buttons=[row for row in rows if row],
            reply_to=None,
            forward_of=message.forward_of or message.sender_id,
            forward_date=message.forward_date or message.date,
            date=self._store.now(),
            edited=False,
            edit_date=None,
            markup=None,
            entities=[dict(entity) for entity in message.entities],
        )
        return self._post(copy)

    def start(self, user_id: int, payload: str) -> Message:
        """Press Start, or follow a deep link; one who had blocked the bot lets it in again."""
        if user_id in self._store.blocked:
            self.unblock(user_id)
        return self.say(user_id, user_id, f"/start {payload}".strip())

    def _post(self, message: Message) -> Message:
        if message.chat_id == message.sender_id:
            self._store.started.add(message.sender_id)
        self._store.add(message)
        self._tell_message("message", message)
        return message

    def _check_may_write(self, user_id: int, chat_id: int) -> None:
        if user_id not in self._store.members(chat_id):
            raise LookupError("not in that chat")
        group = self._store.groups.get(chat_id)
        if group is not None and group.migrated_to is not None:
            raise PermissionError("this group has become a supergroup")
        if chat_id == user_id and user_id in self._store.blocked:
            raise PermissionError("the bot is blocked: unblock it first")

    # ---- buttons ------------------------------------------------------------------------------

    async def press(
        self, user_id: int, chat_id: int, message_id: int, data: str, *, seconds: float
    ) -> Press:
        """Press a button, and wait for the bot's answer; a message may be gone by then."""
        if user_id not in self._store.members(chat_id):
            raise PermissionError("not in that chat: Telegram knows no such message there")
        group = self._store.groups.get(chat_id)
        if group is not None and not group.has_bot:
            return Press(answered=False)
        message = self._store.find(chat_id, message_id)
        query = self._queries.new(user_id)
        gone = self._wire.gone(chat_id, message_id)
        payload: Json = {
            "id": query.id,
            "from": self._wire.user(user_id),
            "message": self._wire.message(message) if message is not None else gone,
            "chat_instance": _instance(chat_id),
            "data": data,
        }
        self._stream.add("callback_query", payload, f"query:{user_id}")
        return await self._answer(query, seconds)

    async def _answer(self, query: Query, seconds: float) -> Press:
        try:
            await self._store.until(lambda: query.is_answered or None, seconds)
        except TimeoutError:
            return Press(answered=False)
        return Press(True, query.text, query.is_alert, query.url)

    # ---- the bot ------------------------------------------------------------------------------

    def block(self, user_id: int) -> None:
        """Block the bot."""
        if user_id not in self._store.blocked:
            self._store.blocked.add(user_id)
            self._tell_membership(user_id, user_id, "member", "kicked")

    def unblock(self, user_id: int) -> None:
        """Let the bot in again."""
        if user_id in self._store.blocked:
            self._store.blocked.discard(user_id)
            self._tell_membership(user_id, user_id, "kicked", "member")

    def membership(self, chat_id: int, before: str, after: str) -> None:
        """Tell the bot that somebody of a group has taken it in or thrown it out."""
        members = self._store.members(chat_id)
        self._tell_membership(members[0] if members else self._store.bot.id, chat_id, before, after)

    def joined(self, chat_id: int) -> None:
        """Post that the bot was taken into a group."""
        bot = self._wire.bot()
        self.service(chat_id, {"new_chat_members": [bot], "new_chat_member": bot})

    def service(self, chat_id: int, about: Json, *, user_id: int | None = None) -> Message:
        """Post a service message, as of somebody in a group."""
        members = self._store.members(chat_id)
        sender = user_id or (members[0] if members else self._store.bot.id)
        return self._post(
            Message(
                message_id=self._store.new_message_id(chat_id),
                chat_id=chat_id,
                sender_id=sender,
                date=self._store.now(),
                service=about,
            )
        )

    def _tell_membership(self, user_id: int, chat_id: int, before: str, after: str) -> None:
        self._store.announce(Change("chat", chat_id))
        payload: Json = {
            "chat": self._wire.chat(chat_id),
            "from": self._wire.user(user_id),
            "date": unix(self._store.now()),
            "old_chat_member": self._wire.bot_member(before),
            "new_chat_member": self._wire.bot_member(after),
        }
        self._stream.add("my_chat_member", payload, f"chat:{chat_id}")

    def _tell_message(self, kind: UpdateKind, message: Message) -> None:
        if self._is_for_bot(message):
            self._stream.add(kind, self._wire.message(message), f"chat:{message.chat_id}")

    def _is_for_bot(self, message: Message) -> bool:
        group = self._store.groups.get(message.chat_id)
        if group is None or message.service:
            return True
        if not group.has_bot:
            return False
        if message.reply_to is not None:
            replied = self._store.find(message.chat_id, message.reply_to)
            if replied is not None and replied.is_by_bot:
                return True
        return self._is_addressed(message)

    def _is_addressed(self, message: Message) -> bool:
        name = self._store.bot.username.lower()
        for entity in message.entities:
            words = entity_text(message.text or message.caption, entity).lower()
            _, _, named = words.partition("@")
            if entity["type"] == "bot_command" and named in ("", name):
                return True
            if entity["type"] == "mention" and named == name:
                return True
        return False


def with_file(file: File) -> Json:
    """Return what `Deeds.say` takes to send a file."""
    return {"photo": file} if file.width else {"document": file}


def _set_text(message: Message, text: str) -> None:
    text = text.strip()
    if not text:
        raise ValueError("an empty message cannot be sent")
    if units(text) > MOST_TEXT:
        raise ValueError("the message is too long")
    message.text = text
    message.entities = with_found(text, [])


def _instance(chat_id: int) -> str:
    return str(int.from_bytes(hashlib.sha256(str(chat_id).encode()).digest()[:8], "big"))
