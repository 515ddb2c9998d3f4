"""A person with a Telegram account, as tests and the demo act through them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from copy import deepcopy
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import pyotp

from sandbox.telegram.deeds import Deeds, with_file
from sandbox.telegram.media_methods import keep_document, keep_photo
from sandbox.telegram.mini_app import MiniApps
from sandbox.telegram.model import Button, File, Message, Press, User, text_of
from sandbox.telegram.queries import Queries
from sandbox.telegram.store import Store

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds to wait for what should appear, unless told otherwise."""


class Person:
    """Acts in Telegram.

    What is returned are snapshots: they show what the person saw then, not what came after.
    Where no chat is named, it is the private one with the bot.

    Attributes:
        id: The account's number, and that of the private chat with the bot.
    """

    def __init__(
        self, user: User, store: Store, deeds: Deeds, queries: Queries, apps: MiniApps
    ) -> None:
        self.id = user.id
        self._store = store
        self._deeds = deeds
        self._queries = queries
        self._apps = apps
        self._secret = user.totp_secret

    @property
    def user(self) -> User:
        """The person's account."""
        return self._store.users[self.id]

    @property
    def chat(self) -> int:
        """The id of the private chat with the bot."""
        return self.id

    @property
    def has_started(self) -> bool:
        """Whether the person has opened the chat with the bot."""
        return self.id in self._store.started

    @property
    def is_blocking(self) -> bool:
        """Whether the person has blocked the bot."""
        return self.id in self._store.blocked

    # ---- writing ------------------------------------------------------------------------------

    async def say(
        self, text: str, chat: int | None = None, reply_to: Message | int | None = None
    ) -> Message:
        """Write a message; a command is text that begins with ``/``.

        Raises:
            LookupError: the person is not in that chat.
            PermissionError: the person has blocked the bot.
            ValueError: there is too little or too much of it.
        """
        replied = reply_to.message_id if isinstance(reply_to, Message) else reply_to
        return deepcopy(self._deeds.say(self.id, self._place(chat), text, reply_to=replied))

    async def start(self, payload: str = "") -> Message:
        """Press Start; one who had blocked the bot lets it in again."""
        return deepcopy(self._deeds.start(self.id, payload))

    async def open_link(self, url: str) -> Message:
        """Follow a deep link to the bot: ``https://t.me/<bot>?start=<payload>``.

        Raises:
            LookupError: it leads elsewhere.
        """
        parts = urlsplit(url)
        name = parts.path.strip("/").lower()
        is_there = parts.scheme == "https" and parts.hostname in ("t.me", "telegram.me")
        if not is_there or name != self._store.bot.username.lower():
            raise LookupError(f"{url} does not lead to the bot")
        return await self.start(parse_qs(parts.query).get("start", [""])[0])

    async def edit(self, message: Message, text: str) -> Message:
        """Change the text, or the caption, of one's own message.

        Raises:
            PermissionError: it is somebody else's.
            LookupError: it is gone.
        """
        stored = self._stored(message)
        self._deeds.edit(self.id, stored, text)
        return deepcopy(stored)

    async def forward(self, message: Message, chat: int | None = None) -> Message:
        """Send a copy of a message on.

        Raises:
            PermissionError: it is protected.
            LookupError: it is gone.
        """
        return deepcopy(self._deeds.forward(self.id, self._stored(message), self._place(chat)))

    async def send_file(
        self, name: str, content: bytes, mime: str = "", caption: str = "", chat: int | None = None
    ) -> Message:
        """Send a document."""
        file = keep_document(self._store, name, content, mime)
        return deepcopy(
            self._deeds.say(self.id, self._place(chat), caption=caption, **with_file(file))
        )

    async def send_photo(
        self, content: bytes, caption: str = "", chat: int | None = None
    ) -> Message:
        """Send a picture: PNG, JPEG or GIF.

        Raises:
            ApiError: it is none, or too big for one.
        """
        file = keep_photo(self._store, content)
        return deepcopy(
            self._deeds.say(self.id, self._place(chat), caption=caption, **with_file(file))
        )

    async def send_sticker(self, emoji: str = "👍", chat: int | None = None) -> Message:
        """Send a sticker."""
        return deepcopy(self._deeds.say(self.id, self._place(chat), sticker=emoji))

    async def block(self) -> None:
        """Block the bot."""
        self._deeds.block(self.id)

    async def unblock(self) -> None:
        """Let the bot in again."""
        self._deeds.unblock(self.id)

    # ---- buttons ------------------------------------------------------------------------------

    def press(
        self,
        message: Message,
        label: str,
        *,
        data: str | None = None,
        is_stale: bool = False,
        timeout: float = PATIENCE,
    ) -> Coroutine[Any, Any, Press]:
        """Press a button and wait for the bot's answer.

        Links and Mini Apps are not followed: their address is in the result.

        Args:
            message: The snapshot in which the person sees it.
            label: What stands on it, or a part of that where no other button has it.
            data: Tells buttons with the same label apart.
            is_stale: Press what the snapshot shows although the message may have changed since,
                or be gone, as a client does that has not heard of it.
            timeout: Real seconds to wait for the answer.

        Raises:
            LookupError: no such button is there now.
            PermissionError: the person is not in that chat.
        """
        return self._press(message, label, data, timeout, is_stale=is_stale)

    async def _press(
        self, message: Message, label: str, data: str | None, seconds: float, *, is_stale: bool
    ) -> Press:
        shown = message if is_stale else self._stored(message)
        button = _find(list(shown.all_buttons()), label, data)
        return await self.press_button(message, button, seconds=seconds)

    async def press_button(self, message: Message, button: Button, *, seconds: float) -> Press:
        """Press what stands under a message; see :meth:`press`."""
        if button.data:
            return await self._deeds.press(
                self.id, message.chat_id, message.message_id, button.data, seconds=seconds
            )
        if button.web_app:
            at = self._store.now()
            return Press(False, url=self._apps.address(button.web_app, self.user, at))
        return Press(False, text=button.copies, url=button.url)

    def press_data(
        self, message: Message, data: str, *, timeout: float = PATIENCE
    ) -> Coroutine[Any, Any, Press]:
        """Press a button that is not there, as a forged client can."""
        return self.press_raw(message.chat_id, message.message_id, data, timeout=timeout)

    def press_raw(
        self, chat_id: int, message_id: int, data: str, *, timeout: float = PATIENCE
    ) -> Coroutine[Any, Any, Press]:
        """Press anything under any message, as a forged client can.

        Raises:
            PermissionError: the person is not in that chat, which Telegram itself looks after.
        """
        return self._deeds.press(self.id, chat_id, message_id, data, seconds=timeout)

    @property
    def toasts(self) -> list[str]:
        """What the bot has said over the chat, oldest first."""
        return list(self._queries.toasts.get(self.id, ()))

    # ---- reading ------------------------------------------------------------------------------

    def messages(self, chat: int | None = None) -> list[Message]:
        """Return what the person sees in a chat, oldest first.

        Raises:
            LookupError: the person is not in that chat.
        """
        return deepcopy(self._store.messages(self._place(chat)))

    def latest(self, message: Message) -> Message | None:
        """Return a message as it is now; None if it is gone."""
        return deepcopy(self._store.find(message.chat_id, message.message_id))

    def wait_message(
        self,
        predicate: Callable[[Message], bool],
        chat: int | None = None,
        timeout: float = PATIENCE,
    ) -> Awaitable[Message]:
        """Return the newest message that satisfies ``predicate``, once there is one.

        Args:
            chat: Only in this chat; everywhere the person is, where it is None.
            timeout: Seconds to wait.

        Raises:
            TimeoutError: there was none; says what the person sees.
        """

        def look() -> Message | None:
            return next((m for m in reversed(self._visible(chat)) if predicate(m)), None)

        def seen() -> str:
            lines = [f"  {m.chat_id} {text_of(m)!r}" for m in self._visible(chat)[-10:]]
            return "\n".join(["no such message; there are:", *lines])

        return self._awaited(look, timeout, seen)

    def wait_gone(self, message: Message, timeout: float = PATIENCE) -> Awaitable[bool]:
        """Wait until a message is deleted.

        Raises:
            TimeoutError: it still stands.
        """

        def look() -> bool | None:
            return None if self._store.find(message.chat_id, message.message_id) else True

        return self._awaited(look, timeout, lambda: "the message still stands")

    async def _awaited(
        self, look: Callable[[], T | None], seconds: float, seen: Callable[[], str]
    ) -> T:
        try:
            return deepcopy(await self._store.until(look, seconds))
        except TimeoutError:
            raise TimeoutError(f"{self.user.name}: {seen()}") from None

    def _visible(self, chat: int | None) -> list[Message]:
        places = [chat] if chat is not None else self._store.chats_of(self.id)
        found = [message for place in places for message in self._store.messages(place)]
        return sorted(found, key=lambda message: message.serial)

    def read_file(self, file_id: str) -> bytes:
        """Return a file's content.

        Raises:
            LookupError: it is in none of the person's chats.
        """
        return self.file(file_id).content

    def file(self, file_id: str) -> File:
        """Return a file; errors as :meth:`read_file`."""
        for message in self._visible(None):
            if message.file is not None and message.file.id == file_id:
                return message.file
        raise LookupError("no such file in any of the person's chats")

    def _place(self, chat: int | None) -> int:
        place = self.id if chat is None else chat
        if self.id not in self._store.members(place):
            raise LookupError(f"{self.user.name} is not in chat {place}")
        return place

    def _stored(self, message: Message) -> Message:
        found = self._store.find(self._place(message.chat_id), message.message_id)
        if found is None:
            raise LookupError("this message is gone")
        return found

    # ---- the phone ----------------------------------------------------------------------------

    def scan(self, uri: str) -> None:
        """Scan an ``otpauth://`` QR code with the authenticator app on the phone.

        Raises:
            ValueError: it holds no secret.
        """
        secret = parse_qs(urlsplit(uri).query).get("secret", [""])[0]
        if not secret:
            raise ValueError("this QR code holds no secret")
        self._secret = secret

    def code(self) -> str:
        """Return the six digits the authenticator app shows now.

        Raises:
            LookupError: it has none for this person.
        """
        if self._secret is None:
            raise LookupError(f"{self.user.name} has enrolled no second factor")
        return pyotp.TOTP(self._secret).at(self._store.now())

    def seconds_left(self) -> int:
        """Return for how many seconds the code will be shown."""
        return 30 - int(self._store.now().timestamp()) % 30

    @property
    def has_code(self) -> bool:
        """Whether the authenticator app shows a code."""
        return self._secret is not None


def _find(buttons: Sequence[Button], label: str, data: str | None) -> Button:
    fitting = [button for button in buttons if data is None or button.data == data]
    exact = [button for button in fitting if button.label == label]
    similar = [button for button in fitting if label in button.label]
    if exact:
        return exact[0]
    if len(similar) == 1:
        return similar[0]
    there = [button.label for button in buttons]
    what = "several buttons" if similar else "no button"
    raise LookupError(f"{what} {label!r} there; there are: {there}")
