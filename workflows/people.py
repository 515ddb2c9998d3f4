"""Persons, their roles, and the chat identities by which they are known.

The directory comes from settings. An identity in a chat is linked to a person once and stored;
several identities are one person.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from workflows import audit
from workflows.refusal import Refusal
from workflows.tables import chat_identity


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the company.

    Attributes:
        id: Short stable name, such as ``amara``; never reused.
        email: By which a chat's own directory knows the person.
        language: ``en``, ``zh_CN``, or None for the company's.
        timezone: IANA zone, or None for the company's.
        chat_ids: Identities fixed in settings, by chat.
    """

    id: str
    name: str
    email: str
    roles: frozenset[str]
    language: str | None = None
    timezone: str | None = None
    chat_ids: Mapping[str, str] | None = None


class Directory:
    """Everybody the company has named, by id, by e-mail and by fixed chat identity."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._by_id = {person.id: person for person in people}
        self._by_email = {person.email.casefold(): person for person in self._by_id.values()}
        self._by_chat = {
            (chat, external): person
            for person in self._by_id.values()
            for chat, external in (person.chat_ids or {}).items()
        }

    def __iter__(self) -> Iterator[Person]:
        return iter(self._by_id.values())

    def get(self, person_id: str) -> Person | None:
        """Return the person, or None when the directory no longer has them."""
        return self._by_id.get(person_id)

    def by_email(self, email: str) -> Person | None:
        """Return the person with this e-mail address, whatever its case."""
        return self._by_email.get(email.casefold())

    def fixed(self, chat: str, external_id: str) -> Person | None:
        """Return the person to whom settings give this chat identity."""
        return self._by_chat.get((chat, external_id))

    def holding(self, roles: frozenset[str]) -> list[Person]:
        """Return everybody with at least one of ``roles``, by id."""
        found = (person for person in self._by_id.values() if person.roles & roles)
        return sorted(found, key=lambda person: person.id)


_LINKED = select(chat_identity.c.person_id).where(
    chat_identity.c.chat == bindparam("chat"),
    chat_identity.c.external_id == bindparam("external_id"),
)


def identified(
    connection: Connection, directory: Directory, chat: str, external_id: str
) -> Person | None:
    """Return the person behind a chat identity, or None when it is nobody's we know."""
    if person := directory.fixed(chat, external_id):
        return person
    linked = connection.execute(
        _LINKED, {"chat": chat, "external_id": external_id}
    ).scalar_one_or_none()
    return directory.get(linked) if linked else None


def link(
    connection: Connection, person: Person, *, chat: str, external_id: str, now: datetime
) -> None:
    """Bind a chat identity to a person, for good.

    Raises:
        Refusal: ``identity.taken`` when the identity, or the person in that chat, is bound
            already to another.
    """
    try:
        with connection.begin_nested():
            connection.execute(
                insert(chat_identity).values(
                    chat=chat, external_id=external_id, person_id=person.id, linked_at=now
                )
            )
    except IntegrityError:
        raise Refusal("identity.taken", chat=chat) from None
    audit.append(
        connection,
        at=now,
        actor=person.id,
        kind="person.linked",
        subject=person.id,
        facts={"chat": chat, "external_id": external_id},
    )


def external_id(connection: Connection, person: Person, chat: str) -> str | None:
    """Return the identity under which ``person`` is reached in ``chat``, if any."""
    if person.chat_ids and chat in person.chat_ids:
        return person.chat_ids[chat]
    return connection.execute(
        select(chat_identity.c.external_id).where(
            chat_identity.c.chat == chat, chat_identity.c.person_id == person.id
        )
    ).scalar_one_or_none()
