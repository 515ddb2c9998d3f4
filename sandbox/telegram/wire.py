"""How things look on the wire.

Source: Bot API, "Available types".
"""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime

from sandbox.telegram.keyboards import wire_keyboard
from sandbox.telegram.model import File, Group, Json, Message, User, bad_request, forbidden
from sandbox.telegram.store import Store


class Wire:
    """Writes people, chats and messages as the Bot API does, and finds the chats calls name."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # ---- people and chats ---------------------------------------------------------------------

    def bot(self) -> Json:
        """Return the bot as a user."""
        bot = self._store.bot
        return {"id": bot.id, "is_bot": True, "first_name": bot.name, "username": bot.username}

    def user(self, user_id: int) -> Json:
        """Return a person, or the bot."""
        if user_id == self._store.bot.id:
            return self.bot()
        user = self._store.users[user_id]
        return {"id": user.id, "is_bot": False, **_name(user), "language_code": user.language_code}

    def chat(self, chat_id: int) -> Json:
        """Return a chat."""
        user = self._store.users.get(chat_id)
        if user is not None:
            return {"id": chat_id, "type": "private", **_name(user)}
        group = self._store.groups[chat_id]
        if group.is_supergroup:
            return {"id": chat_id, "type": "supergroup", "title": group.title}
        return {
            "id": chat_id,
            "type": "group",
            "title": group.title,
            "all_members_are_administrators": True,
        }

    def bot_member(self, status: str) -> Json:
        """Return the bot as a member of a chat."""
        member: Json = {"user": self.bot(), "status": status}
        if status == "kicked":
            member["until_date"] = 0
        return member

    def reachable(self, value: object) -> int:
        """Return the id of a chat that the bot may write to.

        Raises:
            ApiError: there is none, it has become another, or the bot may not.
        """
        store = self._store
        if value in (None, ""):
            raise bad_request("chat_id is empty")
        try:
            chat_id = int(str(value))
        except ValueError:
            raise bad_request("chat not found") from None
        if chat_id in store.users:
            if chat_id in store.blocked:
                raise forbidden("bot was blocked by the user")
            if chat_id not in store.started:
                raise forbidden("bot can't initiate conversation with a user")
            return chat_id
        group = store.groups.get(chat_id)
        if group is None:
            raise bad_request("chat not found")
        return self._open(group)

    def _open(self, group: Group) -> int:
        if group.migrated_to is not None:
            raise bad_request(
                "group chat was upgraded to a supergroup chat", migrate_to_chat_id=group.migrated_to
            )
        if not group.has_bot:
            kind = "supergroup" if group.is_supergroup else "group"
            raise forbidden(f"bot was kicked from the {kind} chat")
        return group.id

    # ---- messages -----------------------------------------------------------------------------

    def message(self, message: Message, *, is_nested: bool = False) -> Json:
        """Return a message; one that is replied to is shown without its own reply."""
        wire: Json = {
            "message_id": message.message_id,
            "from": self.user(message.sender_id),
            "chat": self.chat(message.chat_id),
            "date": unix(message.date),
        }
        if message.edit_date is not None:
            wire["edit_date"] = unix(message.edit_date)
        if message.forward_of is not None:
            wire |= self._origin(message)
        if message.is_protected:
            wire["has_protected_content"] = True
        if not is_nested and (replied := self._replied(message)) is not None:
            wire["reply_to_message"] = self.message(replied, is_nested=True)
        wire |= _content(message)
        wire |= deepcopy(message.service)
        if message.buttons:
            wire["reply_markup"] = wire_keyboard(message.buttons)
        return wire

    def gone(self, chat_id: int, message_id: int) -> Json:
        """Return a message that is not accessible any more."""
        return {"chat": self.chat(chat_id), "message_id": message_id, "date": 0}

    def _replied(self, message: Message) -> Message | None:
        if message.reply_to is None:
            return None
        return self._store.find(message.chat_id, message.reply_to)

    def _origin(self, message: Message) -> Json:
        assert message.forward_of is not None
        return {
            "forward_origin": {
                "type": "user",
                "sender_user": self.user(message.forward_of),
                "date": unix(message.forward_date or message.date),
            }
        }


def unix(moment: datetime) -> int:
    """Return a moment as Unix time."""
    return int(moment.timestamp())


def wire_document(file: File) -> Json:
    """Return a document."""
    return {
        "file_id": file.id,
        "file_unique_id": file.unique_id,
        "file_name": file.name,
        "mime_type": file.mime,
        "file_size": file.size,
    }


def wire_photo(file: File) -> list[Json]:
    """Return a photo's sizes; there is one."""
    return [
        {
            "file_id": file.id,
            "file_unique_id": file.unique_id,
            "width": file.width,
            "height": file.height,
            "file_size": file.size,
        }
    ]


def _content(message: Message) -> Json:
    wire: Json = {}
    if message.text:
        wire["text"] = message.text
    if message.caption:
        wire["caption"] = message.caption
    if message.entities:
        wire["entities" if message.text else "caption_entities"] = deepcopy(message.entities)
    if message.document is not None:
        wire["document"] = wire_document(message.document)
    if message.photo is not None:
        wire["photo"] = wire_photo(message.photo)
    if message.sticker:
        wire["sticker"] = _sticker(message)
    return wire


def _sticker(message: Message) -> Json:
    return {
        "file_id": f"CAAC{message.chat_id:x}-{message.message_id:x}",
        "file_unique_id": f"AgAD{message.message_id:x}",
        "type": "regular",
        "width": 512,
        "height": 512,
        "is_animated": False,
        "is_video": False,
        "emoji": message.sticker,
    }


def _name(user: User) -> Json:
    name: Json = {"first_name": user.first_name}
    if user.last_name:
        name["last_name"] = user.last_name
    if user.username:
        name["username"] = user.username
    return name
