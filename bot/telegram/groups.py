"""Groups: they see what settings allow; everything else goes on in private, by a link."""

from __future__ import annotations

from telegram import Message

from bot import pay_line
from bot.cards import Action, Card, Notice
from bot.commands import Commands
from bot.services import Caller, Services
from bot.telegram import buttons, render
from bot.telegram.buttons import Pointer
from bot.telegram.chat import CHAT, TelegramChat
from workflows.company import OwnAccount
from workflows.refusal import Refusal


class Groups:
    """Commands typed in groups, and groups that become supergroups."""

    def __init__(
        self,
        services: Services,
        commands: Commands,
        chat: TelegramChat,
        *,
        digest_chat: int | None,
    ) -> None:
        self._services = services
        self._commands = commands
        self._chat = chat
        self._digest_chat = digest_chat

    async def run(self, caller: Caller, message: Message, name: str, text: str) -> None:
        """Answer a command in the group where the group may see the answer, else in private."""
        card = await self._shown(caller, message.chat.id, name, text)
        if card is not None:
            await self._chat.send(message.chat.id, render.pages(render.card_lines(card)))
        else:
            await self._point(caller, message, name, text)

    async def _shown(self, caller: Caller, group: int, name: str, text: str) -> Card | None:
        """Return what this group may see of a command's answer, if anything."""
        if name == "balance":
            seen = [
                own
                for own in self._services.company.visible_accounts(caller.person)
                if await self._is_shown_in(own, group)
            ]
            return await self._commands.balances_of(caller, seen) if seen else None
        if name == "digest" and await self._is_digest_chat(group):
            answer = (await self._commands.run(name, caller, text)).now
            return answer if isinstance(answer, Card) else None
        return None

    async def _point(self, caller: Caller, message: Message, name: str, text: str) -> None:
        """Offer to go on in private; the link is good for whoever typed the command alone."""
        command = "treasury" if name in ("start", "help") else name
        if command not in self._commands.names:
            return
        if len(text) > pay_line.LONGEST_LINE:  # cut, it could mean something else
            await self._refuse(caller, message)
            return
        pointer = Pointer(
            "command",
            command,
            text,
            user_id=int(caller.identity),
            key=caller.key,
        )
        now = self._services.clock()
        payload = await self._services.database.write(
            lambda connection: buttons.point(connection, pointer, now=now)
        )
        say = self._services.messages.text
        link = self._chat.deep_link(payload) or ""
        await self._chat.send(
            message.chat.id,
            render.pages(render.notice_lines(Notice(say(caller.language, "telegram.in_private")))),
            [Action("open", say(caller.language, "telegram.go_private"), link)],
            reply_to=message.message_id,
        )

    async def _refuse(self, caller: Caller, message: Message) -> None:
        """Refuse a line that is too long to be kept whole."""
        refusal = Refusal("line.too_long", longest=pay_line.LONGEST_LINE)
        await self._chat.send(
            message.chat.id,
            render.pages(render.notice_lines(self._commands.refused(caller, refusal))),
            reply_to=message.message_id,
        )

    async def _is_shown_in(self, own: OwnAccount, group: int) -> bool:
        named = own.channels.get(CHAT)
        return named is not None and await self._chat.current(int(named)) == group

    async def _is_digest_chat(self, group: int) -> bool:
        named = self._digest_chat
        return named is not None and await self._chat.current(named) == group
