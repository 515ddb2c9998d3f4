"""Telegram's side of the wire: what comes in becomes a command, a press or an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from starlette.routing import Route
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    CallbackQuery,
    Message,
    Update,
    User,
)
from telegram.constants import ChatType
from telegram.error import BadRequest, TelegramError
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    ChatMemberHandler,
    ContextTypes,
    MessageHandler,
    filters,
)

from bot.cards import Notice, Tone
from bot.chat import ChatRefused, ChatUnavailable
from bot.commands import Commands
from bot.interactions import Interactions
from bot.services import Caller, Services
from bot.telegram import buttons, dialogue, mini_app, render
from bot.telegram.buttons import Op, Press
from bot.telegram.chat import CHAT, TelegramChat, refusals_sorted
from bot.telegram.conversations import Conversations
from bot.telegram.groups import Groups
from bot.telegram.inbox import Inbox, Raw
from bot.telegram.listener import Poller, Webhook
from bot.telegram.private import PrivateChats
from bot.telegram.strangers import Ration
from workflows import people
from workflows.people import Person
from workflows.refusal import Refusal

log = structlog.get_logger(__name__)

_GROUP_COMMANDS = ("balance", "pay", "approvals", "digest", "help")
_OWN_NAMES = ("start", "help")
_SWEEP_SECONDS = 30.0
_BLOCKED = ("kicked", "left")
_LINK_ANSWERS = 5
"""Times an hour that one who is nobody yet is told what is wrong with their link."""

Context = ContextTypes.DEFAULT_TYPE


class TelegramApp:
    """One bot, served by polling or by a webhook (`bot.chat.ChatApp`)."""

    def __init__(
        self,
        services: Services,
        commands: Commands,
        interactions: Interactions,
        chat: TelegramChat,
        *,
        application: Application[Any, Any, Any, Any, Any, Any],
        listening_bot: Bot,
        is_webhook: bool,
        digest_chat: int | None,
        expires_after: timedelta,
    ) -> None:
        self._services = services
        self._commands = commands
        self._interactions = interactions
        self._chat = chat
        self._answers = Ration("answers to strangers")
        self._link_answers = Ration("answers to links", _LINK_ANSWERS)
        self._application = application
        self._bot: Bot = application.bot
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_started = False
        self._listening_bot = listening_bot
        self._inbox = Inbox(services.database, services.clock, self._process, self._apologise)
        self._webhook = Webhook(self._bot, self._inbox, services.clock) if is_webhook else None
        self._poller = Poller(listening_bot, self._inbox, services.clock)
        self._polling = services.database.lease("telegram:poll")
        self._conversations = Conversations(
            services, interactions, chat, self._caller_of, expires_after=expires_after
        )
        self._private = PrivateChats(services, commands, chat, self._conversations, self._bot)
        self._groups = Groups(services, commands, chat, digest_chat=digest_chat)
        self._register()

    def _register(self) -> None:
        new = filters.UpdateType.MESSAGE
        add = self._application.add_handler
        add(CallbackQueryHandler(self._on_press))
        add(ChatMemberHandler(self._on_membership, ChatMemberHandler.MY_CHAT_MEMBER))
        add(MessageHandler(filters.StatusUpdate.MIGRATE, self._on_migration))
        add(MessageHandler(new & filters.COMMAND, self._on_command))
        private = filters.ChatType.PRIVATE
        add(MessageHandler(new & private & filters.TEXT, self._on_text))
        add(MessageHandler(new & private & (filters.Document.ALL | filters.PHOTO), self._on_file))
        add(MessageHandler(new & private & ~filters.StatusUpdate.ALL, self._on_other))
        add(MessageHandler(filters.UpdateType.EDITED_MESSAGE & private, self._on_edit))

    # ---- start and stop -----------------------------------------------------------------------

    async def start(self) -> None:
        """Learn who we are, tell Telegram our commands, and begin to listen."""
        with refusals_sorted():
            await self._connect()
        if self._services.dispatcher.takeover.is_alone:
            await self._inbox.reclaim()
        if self._webhook is None:
            self._spawn(self._polling.run(self._poll))
        self._spawn(self._inbox.run())
        self._spawn(self._tidy())
        self._is_started = True
        log.info("telegram", bot=self._bot.username, mode="webhook" if self._webhook else "polling")

    async def _poll(self) -> None:
        """Ask for updates while no other replica does: Telegram answers one at a time."""
        await self._poller.run()

    async def _connect(self) -> None:
        await self._application.initialize()
        await self._listening_bot.initialize()
        self._chat.username = self._bot.username
        await self._tell_commands()
        if self._webhook is not None:
            await self._webhook.set(self._services.public_url())
        else:
            await self._bot.delete_webhook()

    async def stop(self) -> None:
        """Take nothing more, then finish what was begun; the rest comes again at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._inbox.stop()
        await self._private.stop()
        self._conversations.stop()

    async def close(self) -> None:
        """Close the connections to Telegram."""
        with suppress(TelegramError):
            await self._application.shutdown()
        with suppress(TelegramError):
            await self._listening_bot.shutdown()

    def routes(self) -> list[Route]:
        """Return the web endpoints Telegram calls."""
        return [self._webhook.route()] if self._webhook is not None else []

    def deep_link(self, payload: str) -> str | None:
        """Return the link that opens the bot and hands it ``payload``; None before the start."""
        return self._chat.deep_link(payload)

    def opened_by(self, init_data: str) -> str | None:
        """Return who opened a page, as ``telegram:USER``; None where Telegram does not say so."""
        now = self._services.clock()
        user_id = mini_app.opened_by(init_data, self._bot.token, now=now)
        return f"{CHAT}:{user_id}" if user_id is not None else None

    @property
    def is_connected(self) -> bool:
        """Whether Telegram could deliver now."""
        if self._webhook is not None:
            return self._webhook.is_set
        # While another replica asks, we are as good as it is.
        return self._is_started and (self._poller.is_connected or not self._polling.is_held)

    @property
    def last_delivery(self) -> datetime | None:
        """When Telegram last truly delivered something."""
        source = self._webhook or self._poller
        return source.last_update

    async def _tell_commands(self) -> None:
        """Set the menu of commands, per language and kind of chat."""
        messages = self._services.messages
        for language in messages.languages:
            code = None if language == "en" else language.partition("_")[0]
            for names, scope in (
                (render.COMMANDS, BotCommandScopeAllPrivateChats()),
                (_GROUP_COMMANDS, BotCommandScopeAllGroupChats()),
            ):
                menu = [
                    BotCommand(name, messages.text(language, f"telegram.command.{name}"))
                    for name in names
                ]
                await self._bot.set_my_commands(menu, scope=scope, language_code=code)

    async def _tidy(self) -> None:
        """Close what was left half filled in, and forget what is long past."""
        while True:
            try:
                await self._conversations.sweep()
                await self._inbox.forget()
                forget = partial(buttons.forget, now=self._services.clock())
                await self._services.database.write(forget)
            except Exception:
                log.exception("telegram tidying")
            await asyncio.sleep(_SWEEP_SECONDS)

    # ---- what comes in ------------------------------------------------------------------------

    async def _process(self, raw: Raw) -> None:
        """Deal with one stored update; whatever goes wrong is raised to the inbox.

        The library's own loop would log an exception and call the update dealt with.
        """
        update = Update.de_json(dict(raw), self._bot)
        for group in self._application.handlers.values():
            for handler in group:
                check = handler.check_update(update)
                if check is None or check is False:
                    continue
                context = self._application.context_types.context.from_update(
                    update, self._application
                )
                await handler.handle_update(update, self._application, check, context)
                return

    async def _apologise(self, raw: Raw) -> None:
        """Tell whoever sent what could not be dealt with that it went wrong."""
        message = raw.get("message")
        query = raw.get("callback_query")
        source = message if isinstance(message, Mapping) else query
        sender = source.get("from") if isinstance(source, Mapping) else None
        user_id = sender.get("id") if isinstance(sender, Mapping) else None
        if isinstance(user_id, int):
            with suppress(ChatUnavailable, ChatRefused):
                notice = Notice(self._company_text("telegram.failed"), Tone.BAD)
                await self._private.tell(user_id, notice)

    async def _on_command(self, update: Update, context: Context) -> None:
        del context
        message, user = update.message, update.effective_user
        if message is None or user is None or message.text is None:
            return
        name, text = _command_of(message.text, self._bot.username)
        if name is None:
            return
        is_private = message.chat.type == ChatType.PRIVATE
        if not is_private and name not in (*self._commands.names, *_OWN_NAMES):
            return  # meant for another bot, or for nobody
        is_own = _is_written_by_sender(message)
        if name == "start" and text and is_private and is_own:
            await self._on_start(user, text, f"telegram:{update.update_id}")
            return
        caller = await self._known(update, message, user)
        if caller is None:
            return
        if not is_own:
            await self._private.say(caller, "telegram.forwarded", Tone.BAD)
        elif is_private:
            await self._private.run(caller, name, text)
        else:
            await self._groups.run(caller, message, name, text)

    async def _on_start(self, user: User, payload: str, key: str) -> None:
        """Follow a deep link: from a group, or to link a person."""
        pointer = await self._services.database.read(
            lambda connection: buttons.pointed(connection, payload)
        )
        try:
            if pointer is None:
                claimant = await self._interactions.claimant(payload, CHAT, str(user.id), key)
                form = self._interactions.ask_link(claimant, payload)
                await self._conversations.begin(claimant, form)
                return
            # A line typed in the group is asked for once, however often its link is followed; an
            # empty command is a new one each time.
            again = pointer.key if pointer.kind == "command" and pointer.value else ""
            caller = await self._caller_of(user.id, again or key)
        except Refusal as refusal:
            ration = self._link_answers if pointer is None else self._answers
            await self._refuse(user.id, refusal, ration)
            return
        if pointer.user_id not in (0, user.id):
            await self._private.say(caller, "telegram.not_yours", Tone.BAD)
        elif pointer.kind == "command":
            await self._private.run(caller, pointer.action, pointer.value)
        else:
            answer = await self._interactions.click(pointer.action, caller, pointer.value)
            await self._private.show(caller, answer)

    async def _on_text(self, update: Update, context: Context) -> None:
        del context
        message, user = update.message, update.effective_user
        if message is None or user is None or message.text is None:
            return
        if _looks_like_code(message.text) and await self._conversations.awaits_code(user.id):
            # Whatever it was meant for: a code that stood there for an answer would be read.
            await self._chat.remove(message.chat.id, message.message_id)
            notice = Notice(self._company_text("telegram.code_typed"), Tone.BAD)
            await self._private.tell(user.id, notice)
            return
        caller = await self._known(update, message, user)
        if caller is None:
            return
        if not await self._conversations.typed(caller, message.text):
            await self._private.say(caller, "telegram.hint")

    async def _on_file(self, update: Update, context: Context) -> None:
        """Take a file: as a form's answer where one waits for it, else as what it is."""
        del context
        message, user = update.message, update.effective_user
        if message is None or user is None:
            return
        caller = await self._known(update, message, user)
        if caller is None:
            return
        try:
            file = await self._chat.fetch(message)
            if not await self._conversations.given(caller, file):
                await self._private.show(
                    caller, await self._interactions.files.offered(caller, file)
                )
        except Refusal as refusal:
            await self._private.refused(caller, refusal)

    async def _on_other(self, update: Update, context: Context) -> None:
        """Say what cannot be taken: stickers, voices, places."""
        del context
        message, user = update.message, update.effective_user
        if message is None or user is None:
            return
        caller = await self._known(update, message, user)
        if caller is None:
            return
        await self._private.say(caller, "telegram.not_taken")

    async def _on_edit(self, update: Update, context: Context) -> None:
        """Do nothing about an edited message but say so: what was asked for stands as it was."""
        del context
        user = update.effective_user
        if user is None:
            return
        with suppress(Refusal):
            caller = await self._caller_of(user.id, f"telegram:{update.update_id}")
            await self._private.say(caller, "telegram.edited")

    async def _on_press(self, update: Update, context: Context) -> None:
        del context
        query = update.callback_query
        assert query is not None
        said: str | None = None
        is_alert = False
        try:
            said, is_alert = await self._press(query, f"telegram:{update.update_id}")
        except Refusal as refusal:
            text = self._services.messages.refusal(self._services.company.language, refusal)
            said, is_alert = render.cut(text, render.TOAST), True
        finally:
            await self._answer(query, said, is_alert)

    async def _press(self, query: CallbackQuery, key: str) -> tuple[str | None, bool]:
        """Do what a button asks for; return what to say over the chat, and how loudly."""
        data, message, user = query.data or "", query.message, query.from_user
        if message is None:
            return self._company_text("telegram.not_yours"), True
        chat_id, message_id = message.chat.id, message.message_id
        if data.startswith(f"{dialogue.PREFIX}:"):
            message_id = message_id if chat_id == user.id else 0
            return await self._conversations.pressed(user.id, message_id, data, key), False
        if chat_id == user.id:  # who is nobody any more does not even turn a page
            await self._caller_of(user.id, key)
        database = self._services.database
        find = partial(
            buttons.pressed, user_id=user.id, chat_id=chat_id, message_id=message_id, data=data
        )
        pressed = await database.read(find)
        said = await self._do(user, pressed, key)
        if pressed.name:
            # Not before it is done: after a crash the same press comes again, and means the same.
            await database.write(lambda connection: buttons.use_up(connection, pressed, message_id))
            with suppress(ChatUnavailable, ChatRefused):
                await self._chat.draw(chat_id, message_id)
        return said

    async def _do(self, user: User, pressed: Press, key: str) -> tuple[str | None, bool]:
        if pressed.key is None:
            known = "telegram.stale" if pressed.name else "telegram.not_yours"
            return self._company_text(known), not pressed.name
        if pressed.key.op is not Op.ACT:
            return None, False
        caller = await self._caller_of(user.id, key)
        answer = await self._interactions.click(pressed.key.action, caller, pressed.key.value)
        if isinstance(answer, Notice) and not answer.actions and (said := render.toast(answer)):
            return said, True
        await self._private.show(caller, answer)
        return None, False

    async def _answer(self, query: CallbackQuery, text: str | None, is_alert: bool) -> None:
        """Stop the button's clock; one that waited too long cannot be told any more."""
        try:
            await query.answer(text, show_alert=is_alert)
        except BadRequest as error:
            log.info("callback not answered", said=error.message)
        except TelegramError as error:
            log.warning("callback not answered", error=type(error).__name__)

    async def _on_migration(self, update: Update, context: Context) -> None:
        del context
        message = update.effective_message
        if message is None:
            return
        if message.migrate_to_chat_id is not None:
            await self._chat.migrated(message.chat.id, message.migrate_to_chat_id)
        elif message.migrate_from_chat_id is not None:
            await self._chat.migrated(message.migrate_from_chat_id, message.chat.id)

    async def _on_membership(self, update: Update, context: Context) -> None:
        """Note who blocked the bot, or lets it write again."""
        del context
        change = update.my_chat_member
        if change is None:
            return
        is_out = change.new_chat_member.status in _BLOCKED
        if change.chat.type != ChatType.PRIVATE:
            log.warning("telegram group", chat=change.chat.id, is_member=not is_out)
            return
        services, now = self._services, self._services.clock()
        try:
            person = await self._chat.person(change.from_user.id)
        except Refusal:
            return
        await services.database.write(
            lambda connection: people.set_reachable(connection, person, CHAT, not is_out, now=now)
        )

    # ---- what they share ----------------------------------------------------------------------

    async def _known(self, update: Update, message: Message, user: User) -> Caller | None:
        """Return who wrote a message; a stranger is told so in private, and in groups nothing."""
        try:
            return await self._caller_of(user.id, f"telegram:{update.update_id}")
        except Refusal as refusal:
            if message.chat.type == ChatType.PRIVATE:
                await self._refuse(user.id, refusal, self._answers)
            return None

    async def _refuse(self, user_id: int, refusal: Refusal, ration: Ration) -> None:
        """Tell a stranger why not, so often as ``ration`` has it."""
        now = self._services.clock()
        if ration.has_left(user_id, now):
            await self._private.refuse(user_id, refusal)
            ration.use(user_id, now)

    async def _caller_of(self, user_id: int, key: str) -> Caller:
        """Return who a Telegram user is; raises `Refusal` for a stranger."""
        person: Person = await self._chat.person(user_id)
        language = person.language or self._services.company.language
        return Caller(person, CHAT, language, key, str(user_id))

    def _company_text(self, key: str) -> str:
        return self._services.messages.text(self._services.company.language, key)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _command_of(text: str, username: str) -> tuple[str | None, str]:
    """Return a command's name and what follows it; None for one meant for another bot."""
    first, *rest = text.split(maxsplit=1)
    name, _, addressed = first.removeprefix("/").partition("@")
    if addressed and addressed.casefold() != username.casefold():
        return None, ""
    return name.lower()[:32], rest[0].strip() if rest else ""


def _is_written_by_sender(message: Message) -> bool:
    """Whether the sender's own words: what is passed on says what somebody else wanted."""
    return message.forward_origin is None and message.via_bot is None


def _looks_like_code(text: str) -> bool:
    squeezed = "".join(text.split())
    return len(squeezed) == dialogue.CODE_LENGTH and squeezed.isdigit()
