"""What the bot's messages may hold, and how they come to stand in a chat.

Source: Bot API, "sendMessage", "ReplyParameters", "Updating messages".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.telegram.args import Args
from sandbox.telegram.entities import formatted
from sandbox.telegram.keyboards import Markup, read_markup
from sandbox.telegram.limits import Limits
from sandbox.telegram.model import File, Json, Message, bad_request
from sandbox.telegram.store import Store
from sandbox.telegram.utf16 import units
from sandbox.telegram.wire import Wire

MOST_TEXT = 4096
MOST_CAPTION = 1024

_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says.

    Attributes:
        html: The text as it was sent.
    """

    text: str = ""
    caption: str = ""
    entities: tuple[Json, ...] = ()
    html: str = ""
    document: File | None = None
    photo: File | None = None


def read_text(args: Args) -> Content:
    """Return the text of a call.

    Raises:
        ApiError: it is empty, too long, or its formatting cannot be read.
    """
    html = args.text("text")
    if not html.strip():
        raise bad_request("message text is empty")
    text, entities = formatted(html, args.text("parse_mode"), args.value("entities"))
    if not text:
        raise bad_request("message text is empty")
    if units(text) > MOST_TEXT:
        raise bad_request("message is too long")
    return Content(text=text, entities=tuple(entities), html=html)


def read_caption(source: Args | Json) -> Content:
    """Return the caption of a call, or of a media object in one.

    Raises:
        ApiError: it is too long, or its formatting cannot be read.
    """
    args = source if isinstance(source, Args) else Args(source)
    html = args.text("caption")
    caption, entities = formatted(html, args.text("parse_mode"), args.value("caption_entities"))
    if units(caption) > MOST_CAPTION:
        raise bad_request("message caption is too long")
    return Content(caption=caption, entities=tuple(entities), html=html)


class Posting:
    """Posts and changes the bot's messages."""

    def __init__(self, store: Store, wire: Wire, limits: Limits) -> None:
        self._store = store
        self._wire = wire
        self._limits = limits

    def send(self, args: Args, content: Content) -> Json:
        """Post a message where a call says; return it as it looks on the wire.

        Raises:
            ApiError: the chat is out of reach, the markup is wrong, or it is one too many.
        """
        markup = self._markup(args)
        chat_id = self._wire.reachable(args.value("chat_id"))
        reply_to = self._reply_to(args, chat_id)
        self._limits.check_sending(chat_id)
        message = Message(
            message_id=self._store.new_message_id(chat_id),
            chat_id=chat_id,
            sender_id=self._store.bot.id,
            is_by_bot=True,
            is_protected=args.flag("protect_content"),
            reply_to=reply_to,
            date=self._store.now(),
            markup=markup.other,
        )
        _fill(message, content, markup)
        return self._wire.message(self._store.add(message))

    def editable(self, args: Args) -> Message:
        """Return the stored message that a call is about.

        Raises:
            ApiError: there is none, or it is not the bot's.
        """
        chat_id = self._wire.reachable(args.value("chat_id"))
        if not args.text("message_id"):
            raise bad_request("message identifier is not specified")
        message = self._store.find(chat_id, args.number("message_id"))
        if message is None:
            raise bad_request("message to edit not found")
        if not message.is_by_bot or message.forward_of is not None:
            raise bad_request("message can't be edited")
        return message

    def replace(self, message: Message, content: Content, args: Args) -> Json:
        """Put other content in the place of a message's; without markup its keyboard goes.

        Raises:
            ApiError: nothing would change, or the markup is wrong.
        """
        markup = self._markup(args)
        if markup.other is not None:
            raise bad_request("inline keyboard expected")
        before = _seen(message)
        changed = Message(message.message_id, message.chat_id, message.sender_id)
        _fill(changed, content, markup)
        if _seen(changed) == before:
            raise bad_request(_NOT_MODIFIED)
        _fill(message, content, markup)
        message.edit_date = self._store.now()
        message.edited = True
        self._store.changed(message)
        return self._wire.message(message)

    def _markup(self, args: Args) -> Markup:
        is_private = args.number("chat_id") > 0
        return read_markup(args.value("reply_markup"), is_private=is_private)

    def _reply_to(self, args: Args, chat_id: int) -> int | None:
        given = args.object("reply_parameters", "reply parameters")
        if not given and args.has("reply_to_message_id"):
            given = {
                "message_id": args.number("reply_to_message_id"),
                "allow_sending_without_reply": args.flag("allow_sending_without_reply"),
            }
        if not given:
            return None
        message_id = given.get("message_id")
        if not isinstance(message_id, int):
            raise bad_request("can't parse reply parameters: message_id must be a Number")
        if self._store.find(chat_id, message_id) is not None:
            return message_id
        if given.get("allow_sending_without_reply"):
            return None
        raise bad_request("message to be replied not found")


def content_of(message: Message) -> Content:
    """Return what a stored message says."""
    return Content(
        text=message.text,
        caption=message.caption,
        entities=tuple(message.entities),
        html=message.html,
        document=message.document,
        photo=message.photo,
    )


def _fill(message: Message, content: Content, markup: Markup) -> None:
    message.text = content.text
    message.caption = content.caption
    message.entities = list(content.entities)
    message.html = content.html
    message.document = content.document
    message.photo = content.photo
    message.buttons = markup.buttons


def _seen(message: Message) -> tuple[Any, ...]:
    file = message.file
    return (
        message.text,
        message.caption,
        message.entities,
        message.buttons,
        file.content if file is not None else None,
        file.name if file is not None else None,
    )
