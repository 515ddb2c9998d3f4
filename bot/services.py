"""What commands and interactions work with, and who is asking."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from bot.messages import Messages
from bot.reader import Reader, reader_for
from connectors.base import Connector
from workflows import audit, away
from workflows.clock import Clock
from workflows.company import Company
from workflows.database import Database
from workflows.dispatch import Dispatcher
from workflows.people import Person
from workflows.second_factor import Cipher
from workflows.statements import Collector


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a running bot that answer people.

    Attributes:
        public_url: Says where the web pages are reached from a browser, no final slash.
        chats: Names of the chats that are served, the one that is tried first at the front.
        telegram_link: Returns the deep link that hands a payload to the Telegram bot; None while
            there is no such bot, or its name is not known yet.
    """

    database: Database
    company: Company
    connectors: Mapping[str, Connector]
    collector: Collector
    dispatcher: Dispatcher
    cipher: Cipher
    messages: Messages
    clock: Clock
    public_url: Callable[[], str]
    chats: tuple[str, ...] = ("slack",)
    telegram_link: Callable[[str], str | None] = lambda payload: None

    def present(self, connection: Connection) -> Company:
        """Return the company with those who are away now."""
        return away.seen(connection, self.company, now=self.clock())

    def reader(self, caller: Caller) -> Reader:
        """Return how the caller reads."""
        return reader_for(self.messages, self.company, caller.person)

    async def denied(self, caller: Caller, code: str) -> None:
        """Put on the record that somebody asked for what is not theirs."""
        now = self.clock()
        await self.database.write(
            lambda connection: audit.append(
                connection,
                at=now,
                actor=caller.person.id,
                kind="access.denied",
                subject=caller.person.id,
                facts={"code": code, "chat": caller.chat},
            )
        )


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who typed or clicked, known to be a person of the company.

    Attributes:
        key: Identifies this very command, click or form; a redelivery has the same.
        identity: Who that is to the chat, in the chat's own terms.
        channel: Where it happened, in the chat's own terms; None for a form or a home page.
    """

    person: Person
    chat: str
    language: str
    key: str
    identity: str = ""
    channel: str | None = None
