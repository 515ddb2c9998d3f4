"""A Telegram that behaves as its Bot API documents, for tests and the demo."""

from sandbox.telegram.bot_api import Call
from sandbox.telegram.model import (
    ApiError,
    BotConfig,
    Button,
    File,
    Group,
    Message,
    Press,
    User,
    text_of,
)
from sandbox.telegram.person import Person
from sandbox.telegram.service import Telegram

__all__ = [
    "ApiError",
    "BotConfig",
    "Button",
    "Call",
    "File",
    "Group",
    "Message",
    "Person",
    "Press",
    "Telegram",
    "User",
    "text_of",
]
