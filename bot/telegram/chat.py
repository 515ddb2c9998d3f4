"""Posting in Telegram: the notifier's hands, and who a Telegram user is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError
from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, Message, ReplyParameters
from telegram.constants import ParseMode
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)

from bot.cards import Action, Card, Download, Home
from bot.chat import ChatRefused, ChatUnavailable, NotAdmitted, PersonUnreachable
from bot.files import LARGEST_FILE, Sent
from bot.telegram import buttons, render
from bot.telegram.buttons import Pointer, Sheet
from bot.telegram.downloads import download
from bot.telegram.strangers import Ration
from workflows import audit, people
from workflows.clock import Clock
from workflows.database import Database
from workflows.people import Directory, Person
from workflows.refusal import Refusal
from workflows.tables import telegram_group

CHAT = "telegram"
LARGEST_PICTURE = 10 * 1024 * 1024
"""Bytes (core.telegram.org/bots/api, "sendPhoto")."""

T = TypeVar("T")

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_GONE = ("message to edit not found", "message can't be edited", "message_id_invalid")
_NOBODY = ("chat not found", "user is deactivated", "peer_id_invalid")


def sort_error(error: TelegramError, *, is_private: bool) -> ChatUnavailable | ChatRefused:
    """Return what an error of the client means for who wanted to post."""
    text = error.message.lower()
    match error:
        case RetryAfter():
            wait = error.retry_after
            seconds = wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
            return ChatUnavailable("flood_control", seconds)
        case Forbidden() | BadRequest() if is_private and (
            isinstance(error, Forbidden) or any(each in text for each in _NOBODY)
        ):
            return PersonUnreachable(error.message)
        case Forbidden() | BadRequest():
            return ChatRefused(error.message)
        case _:  # no network, a server that fails, a token that a person must mend
            return ChatUnavailable(type(error).__name__)


@contextmanager
def refusals_sorted() -> Iterator[None]:
    """Turn errors of learning who we are into what `bot.chat.ChatApp.start` raises."""
    try:
        yield
    except InvalidToken:
        raise NotAdmitted(
            "Telegram refused the bot token. Check telegram.bot_token: @BotFather shows it with "
            "/mybots, API Token."
        ) from None  # the client's own text holds the token
    except TelegramError as error:
        raise ChatUnavailable(type(error).__name__) from error


class TelegramChat:
    """Telegram as the notifier sees it (`bot.chat.Chat`), and the directory of its users.

    Attributes:
        username: The bot's own name, without the @; empty until it is known.
    """

    name = CHAT

    def __init__(
        self,
        bot: Bot,
        database: Database,
        directory: Directory,
        clock: Clock,
        *,
        is_protected: bool = True,
    ) -> None:
        self._bot = bot
        self._database = database
        self._directory = directory
        self._clock = clock
        self._is_protected = is_protected
        self._denials = Ration("denials on the record")
        self.username = ""

    # ---- who ----------------------------------------------------------------------------------

    async def person(self, user_id: int) -> Person:
        """Return the person behind a Telegram user.

        Raises:
            Refusal: ``identity.not_linked`` or ``identity.unlinked``; it is on the record, once
                an hour for each, because nothing is ever taken off the record again.
        """
        identity = str(user_id)
        try:
            found = await self._database.read(
                lambda connection: people.identified(connection, self._directory, CHAT, identity)
            )
            if found is None:
                raise Refusal("identity.not_linked")
        except Refusal as refusal:
            await self._stranger(user_id, refusal.code)
            raise
        return found

    async def _stranger(self, user_id: int, code: str) -> None:
        now = self._clock()
        if not self._denials.has_left(user_id, now):
            return
        await self._database.write(
            lambda connection: audit.append(
                connection,
                at=now,
                actor=f"{CHAT}:{user_id}",
                kind="access.denied",
                subject=f"{CHAT}:{user_id}",
                facts={"code": code},
            )
        )
        self._denials.use(user_id, now)

    def deep_link(self, payload: str) -> str | None:
        """Return the link that opens the bot and hands it ``payload``."""
        return deep_link(self.username, payload) if self.username else None

    # ---- bot.chat.Chat ------------------------------------------------------------------------

    async def address(self, person: Person) -> str | None:
        """Return the person's private chat, which has the number of the person."""
        return await self._database.read(
            lambda connection: people.external_id(connection, self._directory, person, CHAT)
        )

    def is_there(self, channel: str, address: str) -> bool:
        """Whether a private chat is a person's: both have the same number."""
        return channel == address

    async def post(self, channel: str, card: Card) -> tuple[str, str]:
        """Post a card; what the buttons of a group's card do goes on in private."""
        chat_id = await self.current(int(channel))
        sent = await self.send(chat_id, render.pages(render.card_lines(card)), card.actions)
        return str(sent.chat_id), str(sent.message_id)

    async def send(
        self,
        chat_id: int,
        pages: Sequence[str],
        actions: Sequence[Action] = (),
        *,
        reply_to: int | None = None,
    ) -> Message:
        """Send a message with pages and buttons.

        Raises:
            ChatUnavailable, ChatRefused: nothing was sent, as far as we know.
        """
        name, text, keys = await self._composed(chat_id, pages, actions)
        sent = await self.send_drawn(chat_id, text, keys, reply_to=reply_to)
        where, message_id = sent.chat.id, sent.message_id
        await self._database.write(
            lambda connection: buttons.placed(connection, name, where, message_id)
        )
        return sent

    async def send_drawn(
        self,
        chat_id: int,
        text: str,
        keys: InlineKeyboardMarkup | None,
        *,
        reply_to: int | None = None,
    ) -> Message:
        """Send a message that is drawn already; errors as `send`."""

        async def sending(where: int) -> Message:
            return await self._bot.send_message(
                where,
                text,
                parse_mode=ParseMode.HTML,
                reply_markup=keys,
                link_preview_options=_NO_PREVIEW,
                protect_content=self._is_protected,
                reply_parameters=_under(reply_to if where == chat_id else None),
            )

        return await self._call(chat_id, sending)

    async def update(self, channel: str, message_id: str, card: Card) -> bool:
        """Put a card in the place of an earlier one; False when that one is gone."""
        chat_id, place = await self._place(channel, message_id)
        if place is None:
            return False
        pages = render.pages(render.card_lines(card))
        return await self.put(chat_id, place, pages, card.actions)

    async def put(
        self, chat_id: int, message_id: int, pages: Sequence[str], actions: Sequence[Action] = ()
    ) -> bool:
        """Put new pages and buttons in the place of a message's; False when it is gone."""
        await self._composed(chat_id, pages, actions, message_id)
        return await self.draw(chat_id, message_id)

    async def draw(self, chat_id: int, message_id: int) -> bool:
        """Make a message look as it should by now; False when it is gone.

        A press and the news of an order may both want to draw it, and Telegram may take them in
        any order: whoever has drawn looks whether it was the newest, and else draws again.
        """
        drawn: tuple[str, Sheet] | None = None
        while (found := await self._current(chat_id, message_id)) not in (None, drawn):
            assert found is not None
            name, sheet = drawn = found
            keys = buttons.markup(name, sheet)
            if not await self.redraw(chat_id, message_id, sheet.html, keys):
                return False
        return True

    async def _current(self, chat_id: int, message_id: int) -> tuple[str, Sheet] | None:
        return await self._database.read(
            lambda connection: buttons.current(connection, chat_id, message_id)
        )

    async def redraw(
        self, chat_id: int, message_id: int, text: str, keys: InlineKeyboardMarkup | None
    ) -> bool:
        """Draw a message anew; False when it is gone."""

        async def editing(where: int) -> bool:
            if where != chat_id:
                return False  # the group has moved; what stands there under this id is another
            await self._bot.edit_message_text(
                text,
                chat_id=where,
                message_id=message_id,
                parse_mode=ParseMode.HTML,
                reply_markup=keys,
                link_preview_options=_NO_PREVIEW,
            )
            return True

        try:
            return await self._call(chat_id, editing)
        except ChatRefused as error:
            said = str(error).lower()
            if "not modified" in said:
                return True
            if any(each in said for each in _GONE):
                return False
            raise

    async def remove(self, chat_id: int, message_id: int) -> None:
        """Delete a message; one that is gone already is no trouble."""

        async def deleting(where: int) -> object:
            return await self._bot.delete_message(where, message_id)

        try:
            await self._call(chat_id, deleting)
        except ChatRefused:
            return

    async def reply(
        self, channel: str, message_id: str, text: str, actions: Sequence[Action] = ()
    ) -> None:
        """Add a line to the story under a card."""
        chat_id, place = await self._place(channel, message_id)
        *before, last = render.pages([render.plain(part) for part in text.split("\n")])
        for page in before:
            await self.send(chat_id, [page], reply_to=place)
        await self.send(chat_id, [last], actions, reply_to=place)

    async def upload(
        self, channel: str, message_id: str, *, name: str, title: str, content: bytes
    ) -> None:
        """Put a file under a card."""
        chat_id, place = await self._place(channel, message_id)
        await self._send_document(chat_id, Download(name, title, content), place)

    async def hand_over(self, chat_id: int, file: Download) -> None:
        """Send a file, or show it where it is a picture that Telegram shows as one."""
        is_picture = file.name.endswith((".png", ".jpg")) and len(file.content) < LARGEST_PICTURE
        if is_picture:
            try:
                await self._send_photo(chat_id, file, None)
            except ChatRefused:  # such as one that is very long and narrow
                is_picture = False
        if not is_picture:
            await self._send_document(chat_id, file, None)

    async def _send_document(self, chat_id: int, file: Download, reply_to: int | None) -> None:
        """Send a file; it may be saved and passed on, as accountants must."""

        async def sending(where: int) -> object:
            return await self._bot.send_document(
                where,
                file.content,
                filename=file.name,
                caption=render.caption(file.title),
                parse_mode=ParseMode.HTML,
                reply_parameters=_under(reply_to if where == chat_id else None),
            )

        await self._call(chat_id, sending)

    async def fetch(self, message: Message) -> Sent:
        """Return the file of a message.

        Raises:
            Refusal: ``file.over_limit``, or ``file.unavailable``: Telegram does not hand it over.
        """
        photo = message.photo[-1] if message.photo else None
        found = message.document or photo
        assert found is not None
        if (found.file_size or 0) > LARGEST_FILE:
            raise Refusal("file.over_limit", megabytes=LARGEST_FILE // 1024 // 1024)
        content = await download(self._bot, found.file_id)
        if message.document is None:
            return Sent("photo.jpg", content, "image/jpeg")
        return Sent(message.document.file_name or "", content, message.document.mime_type or "")

    async def picture(
        self, channel: str, message_id: str, *, name: str, title: str, content: bytes
    ) -> None:
        """Show a picture under a card."""
        chat_id, place = await self._place(channel, message_id)
        await self._send_photo(chat_id, Download(name, title, content), place)

    async def _send_photo(self, chat_id: int, file: Download, reply_to: int | None) -> None:
        async def sending(where: int) -> object:
            return await self._bot.send_photo(
                where,
                file.content,
                filename=file.name,
                caption=render.caption(file.title),
                parse_mode=ParseMode.HTML,
                protect_content=self._is_protected,
                reply_parameters=_under(reply_to if where == chat_id else None),
            )

        await self._call(chat_id, sending)

    async def show_home(self, person: Person, home: Home) -> None:
        """Do nothing: Telegram has no home page; /approvals shows the same."""

    # ---- what they share ----------------------------------------------------------------------

    async def _composed(
        self,
        chat_id: int,
        pages: Sequence[str],
        actions: Sequence[Action],
        message_id: int | None = None,
    ) -> tuple[str, str, InlineKeyboardMarkup | None]:
        """Store what the buttons of a message will mean; return its name, text and keyboard."""
        now = self._clock()

        def write(connection: Connection) -> tuple[str, str, InlineKeyboardMarkup | None]:
            meant = actions if chat_id > 0 else self._pointing(connection, actions)
            name, sheet = buttons.compose(
                connection,
                chat_id,
                _with_addresses(pages, meant),
                [each for each in meant if not _is_written_out(each)],
                now=now,
                message_id=message_id,
            )
            return name, sheet.html, buttons.markup(name, sheet)

        return await self._database.write(write)

    def _pointing(self, connection: Connection, actions: Sequence[Action]) -> list[Action]:
        """Return actions as links into the private chat with whoever follows them."""
        now = self._clock()
        found = []
        for action in actions:
            if buttons.is_link(action):
                found.append(action)
                continue
            pointer = Pointer("click", action.id, action.value)
            link = self.deep_link(buttons.point(connection, pointer, now=now))
            if link is not None:
                found.append(Action(action.id, action.label, link, action.style))
        return found

    async def current(self, chat_id: int) -> int:
        """Return the id a group has now: one that became a supergroup has another."""
        if chat_id > 0:
            return chat_id
        found = await self._database.read(
            lambda connection: connection.execute(
                select(telegram_group.c.new_id).where(telegram_group.c.old_id == chat_id)
            ).scalar_one_or_none()
        )
        return int(found) if found is not None else chat_id

    async def _place(self, channel: str, message_id: str) -> tuple[int, int | None]:
        """Return where a card's chat is now, and the card's id there.

        A group that became a supergroup left its messages behind, and its numbers begin anew: None
        where there is none.
        """
        chat_id = int(channel)
        now = await self.current(chat_id)
        return now, int(message_id) if now == chat_id else None

    async def migrated(self, old_id: int, new_id: int) -> None:
        """Remember that a group has become a supergroup."""
        now = self._clock()

        def write(connection: Connection) -> None:
            try:
                with connection.begin_nested():
                    connection.execute(insert(telegram_group).values(old_id=old_id, new_id=new_id))
            except IntegrityError:  # both ends of the move tell of it
                return
            audit.append(
                connection,
                at=now,
                actor=audit.SYSTEM,
                kind="group.migrated",
                subject=f"{CHAT}:{old_id}",
                facts={"new_id": new_id},
            )

        await self._database.write(write)

    async def _call(self, chat_id: int, work: Callable[[int], Awaitable[T]]) -> T:
        try:
            try:
                return await work(chat_id)
            except ChatMigrated as moved:
                await self.migrated(chat_id, moved.new_chat_id)
                return await work(moved.new_chat_id)
        except TelegramError as error:
            raise sort_error(error, is_private=chat_id > 0) from error


def deep_link(username: str, payload: str) -> str:
    """Return the link that opens a bot and hands it ``payload`` (core.telegram.org/api/links)."""
    return f"https://t.me/{username}?start={payload}"


def _is_written_out(action: Action) -> bool:
    """Whether an address stands in the text: without TLS, Telegram takes none as a button."""
    return action.value.startswith("http://")


def _with_addresses(pages: Sequence[str], actions: Sequence[Action]) -> list[str]:
    written = [render.address(each.label, each.value) for each in actions if _is_written_out(each)]
    *before, last = pages
    return [*before, "\n\n".join([last, *written])]


def _under(message_id: int | None) -> ReplyParameters | None:
    if message_id is None:
        return None
    return ReplyParameters(message_id, allow_sending_without_reply=True)
