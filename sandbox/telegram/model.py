"""What the simulated Telegram is made of: people, groups, the bot, messages and files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Json = dict[str, Any]
"""A JSON object as it travels on the wire."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class User:
    """A person with a Telegram account.

    Attributes:
        id: The account's number; it is the id of the private chat with the bot, too.
        username: Without the ``@``; empty where the person chose none.
        language_code: IETF tag of the person's app.
        title: What the person does in the company; only the page shows it.
        totp_secret: Base32 secret in this person's authenticator app, if there is one.
        has_started: Whether the person has pressed Start in the bot's chat before.
    """

    id: int
    first_name: str
    last_name: str = ""
    username: str = ""
    language_code: str = "en"
    title: str = ""
    totp_secret: str | None = field(default=None, repr=False)
    has_started: bool = False

    @property
    def name(self) -> str:
        """The full name."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(slots=True)
class Group:
    """A group chat.

    Attributes:
        id: Negative; a supergroup's begins with ``-100``.
        members: User ids, without the bot's.
        has_bot: Whether the bot is a member.
        migrated_to: The supergroup this group has become, if it has.
    """

    id: int
    title: str
    members: list[int] = field(default_factory=list)
    has_bot: bool = True
    migrated_to: int | None = None

    @property
    def is_supergroup(self) -> bool:
        """Whether it is a supergroup."""
        return str(self.id).startswith("-100") and len(str(self.id)) > 11


@dataclass(slots=True)
class BotConfig:
    """The bot, as @BotFather made it.

    Attributes:
        token: ``<bot id>:<secret>``.
        username: Ends in ``bot``.
    """

    token: str = field(repr=False)
    username: str
    name: str

    @property
    def id(self) -> int:
        """The bot's own user id."""
        return int(self.token.partition(":")[0])


@dataclass(frozen=True, slots=True)
class Button:
    """A button of an inline keyboard.

    Attributes:
        data: What the bot is told when it is pressed.
        url: Where it leads.
        web_app: The Mini App it opens.
        style: ``primary``, ``success``, ``danger`` or empty.
        copies: What it puts on the clipboard.
    """

    label: str
    data: str = ""
    url: str = ""
    web_app: str = ""
    style: str = ""
    copies: str = ""


@dataclass(slots=True)
class File:
    """A file that was sent, kept in memory.

    Attributes:
        id: What the Bot API calls ``file_id``.
        unique_id: The same for all who see it.
        width: Pixels, for photos.
        path: Where it can be downloaded, once that was asked for.
    """

    id: str
    name: str
    mime: str
    size: int
    width: int = 0
    height: int = 0
    unique_id: str = ""
    content: bytes = field(default=b"", repr=False)
    path: str = ""


@dataclass(slots=True)
class Message:
    """A message.

    Attributes:
        text: Plain, after entities parsing; empty where the message carries a file.
        caption: The same under a file.
        entities: Of the text or the caption, offsets in UTF-16 units.
        html: The text or caption as it was sent.
        buttons: The inline keyboard, by rows.
        markup: A reply keyboard, its removal or a forced reply, as the bot sent it.
        reply_to: The id of the message it replies to.
        forward_of: The user id of whoever wrote the original; ``forward_date`` is when.
        service: What a service message is about, e.g. ``migrate_to_chat_id``.
        sticker: The emoji of a sticker.
        serial: Its place among the messages of all chats.
    """

    message_id: int
    chat_id: int
    sender_id: int
    is_by_bot: bool = False
    text: str = ""
    caption: str = ""
    entities: list[Json] = field(default_factory=list)
    html: str = ""
    buttons: list[list[Button]] = field(default_factory=list)
    document: File | None = None
    photo: File | None = None
    edited: bool = False
    is_protected: bool = False
    reply_to: int | None = None
    forward_of: int | None = None
    forward_date: datetime | None = None
    date: datetime = EPOCH
    service: Json = field(default_factory=dict)
    markup: Json | None = None
    sticker: str = ""
    edit_date: datetime | None = None
    serial: int = 0

    @property
    def file(self) -> File | None:
        """The document or photo, if it carries one."""
        return self.document or self.photo

    def all_buttons(self) -> Iterator[Button]:
        """Return its buttons, row by row."""
        for row in self.buttons:
            yield from row


@dataclass(frozen=True, slots=True)
class Press:
    """What came of pressing a button.

    Attributes:
        answered: Whether the bot answered the press in time.
        text: What the bot said over the chat.
        is_alert: Whether it has to be closed, rather than vanishing by itself.
        url: Where the button leads, or what the answer opens.
    """

    answered: bool
    text: str = ""
    is_alert: bool = False
    url: str = ""


UpdateKind = Literal["message", "edited_message", "callback_query", "my_chat_member"]


class ApiError(Exception):
    """A call is refused as Telegram refuses it.

    Attributes:
        code: HTTP status and ``error_code``.
        description: Telegram's words.
        parameters: ``retry_after`` or ``migrate_to_chat_id``.
    """

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(code, description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def __str__(self) -> str:
        return f"{self.code} {self.description}"

    def body(self) -> Json:
        """Return the answer's body."""
        body: Json = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            body["parameters"] = dict(self.parameters)
        return body


def bad_request(words: str, **parameters: int) -> ApiError:
    """Return a refusal with status 400."""
    return ApiError(400, f"Bad Request: {words}", **parameters)


def forbidden(words: str) -> ApiError:
    """Return a refusal with status 403."""
    return ApiError(403, f"Forbidden: {words}")


def text_of(message: Message) -> str:
    """Return all that a person reads in a message.

    The text or caption, then the buttons' labels in brackets, one a line, then a file's name.
    """
    lines = [message.text or message.caption or message.sticker]
    lines += [f"[{button.label}]" for button in message.all_buttons()]
    if message.file is not None:
        lines.append(message.file.name)
    return "\n".join(line for line in lines if line)
