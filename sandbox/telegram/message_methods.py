"""Sending, changing and deleting text messages.

Source: Bot API, "sendMessage", "editMessageText", "editMessageCaption", "editMessageReplyMarkup",
"deleteMessage", "sendChatAction".
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sandbox.telegram.args import Args
from sandbox.telegram.bot_api import Handler
from sandbox.telegram.model import ApiError, Json, Message, bad_request
from sandbox.telegram.posting import Posting, content_of, read_caption, read_text
from sandbox.telegram.store import Change, Store
from sandbox.telegram.wire import Wire

DELETABLE_FOR = timedelta(hours=48)

_MEDIA = ("photo", "video", "voice", "document", "video_note")
_ACTIONS = frozenset(
    {"typing", "choose_sticker", "find_location"}
    | {f"upload_{kind}" for kind in _MEDIA}
    | {f"record_{kind}" for kind in ("video", "voice", "video_note")}
)


class MessageMethods:
    """The methods about messages without files."""

    def __init__(self, store: Store, wire: Wire, posting: Posting) -> None:
        self._store = store
        self._wire = wire
        self._posting = posting

    def table(self) -> dict[str, Handler]:
        """Return the methods by name."""
        return {
            "sendMessage": self._send,
            "editMessageText": self._edit_text,
            "editMessageCaption": self._edit_caption,
            "editMessageReplyMarkup": self._edit_markup,
            "deleteMessage": self._delete,
            "deleteMessages": self._delete_many,
            "sendChatAction": self._act,
        }

    def _send(self, args: Args) -> Json:
        return self._posting.send(args, read_text(args))

    def _edit_text(self, args: Args) -> Json:
        content = read_text(args)
        message = self._posting.editable(args)
        if message.file is not None:
            raise bad_request("there is no text in the message to edit")
        return self._posting.replace(message, content, args)

    def _edit_caption(self, args: Args) -> Json:
        content = read_caption(args)
        message = self._posting.editable(args)
        if message.file is None:
            raise bad_request("there is no caption in the message to edit")
        content = replace(content, document=message.document, photo=message.photo)
        return self._posting.replace(message, content, args)

    def _edit_markup(self, args: Args) -> Json:
        message = self._posting.editable(args)
        return self._posting.replace(message, content_of(message), args)

    def _delete(self, args: Args) -> bool:
        chat_id = self._wire.reachable(args.value("chat_id"))
        message = self._store.find(chat_id, args.number("message_id"))
        if message is None:
            raise bad_request("message to delete not found")
        self._check_deletable(message)
        self._store.delete(message)
        return True

    def _delete_many(self, args: Args) -> bool:
        chat_id = self._wire.reachable(args.value("chat_id"))
        ids: Any = args.value("message_ids")
        if not isinstance(ids, list) or not 1 <= len(ids) <= 100:
            raise bad_request("message identifiers are not specified")
        if not all(isinstance(message_id, int) for message_id in ids):
            raise bad_request("message identifier must be a Number")
        for message_id in ids:
            message = self._store.find(chat_id, message_id)
            if message is not None and self._is_deletable(message):
                self._store.delete(message)
        return True

    def _is_deletable(self, message: Message) -> bool:
        try:
            self._check_deletable(message)
        except ApiError:
            return False
        return True

    def _check_deletable(self, message: Message) -> None:
        """Check that the bot may delete a message: its own, or in private, and not an old one."""
        if self._store.now() - message.date > DELETABLE_FOR:
            raise bad_request("message can't be deleted for everyone")
        if not message.is_by_bot and message.chat_id < 0:
            raise bad_request("message can't be deleted")

    def _act(self, args: Args) -> bool:
        chat_id = self._wire.reachable(args.value("chat_id"))
        if args.text("action") not in _ACTIONS:
            raise bad_request("wrong parameter action in request")
        self._store.announce(Change("typing", chat_id))
        return True
