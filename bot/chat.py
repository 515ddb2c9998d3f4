"""What the notifier needs of a chat, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from starlette.routing import Route

from bot.cards import Action, Card, Home
from workflows.people import Person


class ChatUnavailable(Exception):
    """The chat cannot be reached, or asks for patience; nothing was posted. Try later.

    Attributes:
        retry_after: Seconds the chat asked for; None where it did not say.
    """

    def __init__(self, code: str, retry_after: float | None = None) -> None:
        super().__init__(code)
        self.retry_after = retry_after


class ChatRefused(Exception):
    """The chat will never take this (no such channel, not a member): ``args[0]`` is its code."""


class PersonUnreachable(ChatRefused):
    """The person does not let the bot write to them; what concerns them has to go elsewhere."""


class NotAdmitted(Exception):
    """The chat will not have the bot until a person mends something; the text says what."""


class ChatApp(Protocol):
    """A chat's side of the wire: it hears people, and answers them."""

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            ChatUnavailable: it cannot be reached now; starting again later may do.
            NotAdmitted: a person must mend something first.
        """

    async def stop(self) -> None:
        """Take nothing more, and finish what was begun."""

    async def close(self) -> None:
        """Give connections back, once nobody posts any more."""

    def routes(self) -> list[Route]:
        """Return the web endpoints that the chat calls."""

    @property
    def is_connected(self) -> bool:
        """Whether the chat could deliver now."""

    @property
    def last_delivery(self) -> datetime | None:
        """When it last truly delivered something; None when never since the start."""


class Chat(Protocol):
    """A chat in which cards are posted and kept up to date.

    Every method raises `ChatUnavailable` or `ChatRefused`.
    """

    name: str

    async def address(self, person: Person) -> str | None:
        """Return where ``person`` is reached privately, or None when they are not in this chat."""

    def is_there(self, channel: str, address: str) -> bool:
        """Whether a private channel, as `post` gave it, is the one of an address.

        Asks nobody: True also where the chat cannot know.
        """

    async def post(self, channel: str, card: Card) -> tuple[str, str]:
        """Post a card; return the channel it is really in, and its id there."""

    async def update(self, channel: str, message_id: str, card: Card) -> bool:
        """Put a card in the place of an earlier one; False when that one is gone."""

    async def reply(
        self, channel: str, message_id: str, text: str, actions: Sequence[Action] = ()
    ) -> None:
        """Add a line to the story under a card."""

    async def upload(
        self, channel: str, message_id: str, *, name: str, title: str, content: bytes
    ) -> None:
        """Put a file under a card."""

    async def picture(
        self, channel: str, message_id: str, *, name: str, title: str, content: bytes
    ) -> None:
        """Show a picture (PNG) under a card."""

    async def show_home(self, person: Person, home: Home) -> None:
        """Refresh a person's own page, where the chat has one."""
