"""Putting cards where people see them, keeping them up to date, taking them back."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import structlog
from sqlalchemy import Connection

from bot import posted, wording
from bot.cards import Card, Tone
from bot.chat import Chat, ChatRefused, PersonUnreachable
from bot.posted import Posted
from bot.services import Services
from bot.wording import Reader
from workflows import people
from workflows.people import Person

log = structlog.get_logger(__name__)


class Placer:
    """Puts cards into one chat and remembers where they stand."""

    def __init__(self, services: Services, chat: Chat) -> None:
        self._services = services
        self._chat = chat

    def reader(self, audience: str) -> Reader:
        """Return how an audience reads.

        Raises:
            LookupError: a person the directory no longer has: nobody reads in their place.
        """
        kind, _, name = audience.partition(":")
        company = self._services.company
        person = company.directory.get(name) if kind == "person" else None
        if kind == "person" and person is None:
            raise LookupError(f"nobody reads for {audience}")
        return wording.reader_for(self._services.messages, company, person)

    async def put(self, subject: str, audience: str, known: Posted | None, card: Card) -> None:
        """Post a card, or bring the one that stands up to date where it shows something else."""
        rendered = hash_of(card)
        if known is not None and known.rendered == rendered:
            return
        try:
            if known is not None and await self._chat.update(known.channel, known.message_id, card):
                await self.remember(replace(known, rendered=rendered))
                return
            channel = await self._channel(audience)
            if channel is None:
                return
            where, message_id = await self._chat.post(channel, card)
        except PersonUnreachable as error:
            log.warning("person unreachable", audience=audience, code=str(error))
            await self._set_unreachable(audience)
            return
        except ChatRefused as error:
            log.warning("card refused", audience=audience, subject=subject, code=str(error))
            return
        await self.remember(Posted(subject, audience, where, message_id, rendered))

    async def withdraw(self, card: Posted, title: str) -> None:
        """Put nothing in the place of a card whose audience may not see more of it.

        Args:
            title: Key of what stands there instead.
        """
        kind, _, name = card.audience.partition(":")
        services = self._services
        person = services.company.directory.get(name) if kind == "person" else None
        reader = wording.reader_for(services.messages, services.company, person)
        text = reader.say("card.hidden.line")
        gone = Card(title=reader.say(title), tone=Tone.NEUTRAL, lines=(text,))
        try:
            await self._chat.update(card.channel, card.message_id, gone)
        except ChatRefused as error:
            log.warning("card not withdrawn", audience=card.audience, code=str(error))
        await services.database.write(
            lambda connection: posted.forget(connection, self._chat.name, card)
        )

    async def remember(self, card: Posted) -> None:
        """Remember where a card stands."""
        now = self._services.clock()

        def write(connection: Connection) -> None:
            posted.remember(connection, self._chat.name, card, now=now)

        await self._services.database.write(write)

    def stands_with(self, connection: Connection, person: Person, card: Posted) -> bool:
        """Whether a person's card stands with the account that is theirs now."""
        directory = self._services.company.directory
        address = people.external_id(connection, directory, person, self._chat.name)
        return address is not None and self._chat.is_there(card.channel, address)

    async def _channel(self, audience: str) -> str | None:
        kind, _, name = audience.partition(":")
        if kind == "channel":
            return name
        person = self._services.company.directory.get(name)
        return await self._chat.address(person) if person else None

    async def _set_unreachable(self, audience: str) -> None:
        """Note that a person cannot be told here; the entry makes their other chat tell them."""
        person = self._services.company.directory.get(audience.removeprefix("person:"))
        if person is None:
            return
        now = self._services.clock()
        await self._services.database.write(
            lambda connection: people.set_reachable(
                connection, person, self._chat.name, False, now=now
            )
        )


def hash_of(card: Card) -> str:
    """Return what tells a card from any other that shows something else."""
    return hashlib.sha256(repr(card).encode()).hexdigest()
