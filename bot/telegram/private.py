"""The private chat with a person: commands run, and answers are shown, here and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import structlog
from telegram import Bot
from telegram.constants import ChatAction
from telegram.error import TelegramError

from bot.cards import Answer, Card, Download, Form, Notice, Tone
from bot.chat import ChatRefused
from bot.commands import Commands, Later
from bot.services import Caller, Services
from bot.telegram import render
from bot.telegram.chat import TelegramChat
from bot.telegram.conversations import Conversations
from workflows.refusal import Refusal

log = structlog.get_logger(__name__)


class PrivateChats:
    """What people are told in private."""

    def __init__(
        self,
        services: Services,
        commands: Commands,
        chat: TelegramChat,
        conversations: Conversations,
        bot: Bot,
    ) -> None:
        self._services = services
        self._commands = commands
        self._chat = chat
        self._conversations = conversations
        self._bot = bot
        self._asking: set[asyncio.Task[None]] = set()

    async def run(self, caller: Caller, name: str, text: str) -> None:
        """Run a command and show what it answers."""
        match name:
            case "start" | "help":
                name, text = "treasury", "help"
            case "cancel":
                if not await self._conversations.cancel_all(caller):
                    await self.say(caller, "telegram.nothing_open")
                return
        if name not in self._commands.names:
            await self.say(caller, "telegram.unknown_command", Tone.BAD)
            return
        reply = await self._commands.run(name, caller, text)
        if reply.later is None:
            await self.show(caller, reply.now)
        else:
            self._spawn(self._show_later(caller, reply.later))

    async def _show_later(self, caller: Caller, later: Later) -> None:
        with suppress(TelegramError):
            await self._bot.send_chat_action(int(caller.identity), ChatAction.TYPING)
        try:
            answer = await later()
        except Refusal as refusal:
            answer = self._commands.refused(caller, refusal)
        await self.show(caller, answer)

    async def show(self, caller: Caller, answer: Answer) -> None:
        """Show an answer."""
        user_id = int(caller.identity)
        match answer:
            case Form():
                await self._conversations.begin(caller, answer)
            case Card():
                pages = render.pages(render.card_lines(answer))
                await self._chat.send(user_id, pages, answer.actions)
            case Notice():
                await self.tell(user_id, answer)
            case Download():
                await self._chat.hand_over(user_id, answer)

    async def say(self, caller: Caller, key: str, tone: Tone = Tone.NEUTRAL) -> None:
        """Say a sentence of the catalogue, in the caller's language."""
        text = self._services.messages.text(caller.language, key)
        await self.tell(int(caller.identity), Notice(text, tone))

    async def tell(self, chat_id: int, notice: Notice) -> None:
        """Send a short answer."""
        await self._chat.send(chat_id, render.pages(render.notice_lines(notice)), notice.actions)

    async def refused(self, caller: Caller, refusal: Refusal) -> None:
        """Tell why not."""
        await self.tell(int(caller.identity), self._commands.refused(caller, refusal))

    async def refuse(self, chat_id: int, refusal: Refusal) -> None:
        """Tell a stranger, politely and in the company's language, that they are one."""
        text = self._services.messages.refusal(self._services.company.language, refusal)
        with suppress(ChatRefused):
            await self.tell(chat_id, Notice(text, Tone.BAD))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Answer behind the update's back: whoever asks a bank must not hold the next press up."""

        async def guarded() -> None:
            try:
                await work
            except Exception:
                log.exception("telegram late answer")

        task = asyncio.create_task(guarded())
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def stop(self) -> None:
        """Give late answers up."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
