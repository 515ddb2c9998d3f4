"""Persons, their roles, and the chat identities by which they are known.

The directory comes from settings. An identity in a chat is linked to a person once and stored;
several identities are one person, who is told each thing once, in the chat of their choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from workflows import audit
from workflows.prepared import Prepared
from workflows.refusal import Refusal
from workflows.tables import chat_identity, chat_preference


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


_LINKED = Prepared(
    select(chat_identity.c.person_id, chat_identity.c.unlinked_at).where(
        chat_identity.c.chat == bindparam("chat"),
        chat_identity.c.external_id == bindparam("external_id"),
    )
)


def identified(
    connection: Connection, directory: Directory, chat: str, external_id: str
) -> Person | None:
    """Return the person behind a chat identity, or None when it is nobody's we know.

    Raises:
        Refusal: ``identity.unlinked``: an administrator took this identity back, whatever
            settings or the chat's own directory say of it.
    """
    row = _LINKED.row(connection, {"chat": chat, "external_id": external_id})
    if row is None:
        return directory.fixed(chat, external_id)
    person_id, unlinked_at = row
    if unlinked_at is not None:
        raise Refusal("identity.unlinked")
    return directory.fixed(chat, external_id) or directory.get(person_id)


def link(
    connection: Connection, person: Person, *, chat: str, external_id: str, now: datetime
) -> None:
    """Bind a chat identity to a person, until an administrator takes it back.

    Raises:
        Refusal: ``identity.taken`` when the identity, or the person in that chat, is bound
            already to another; ``identity.unlinked`` when it was taken back.
    """
    taken_back = connection.execute(
        select(chat_identity.c.external_id).where(
            _of(person, chat), chat_identity.c.unlinked_at.is_not(None)
        )
    ).first()
    if taken_back is not None:
        raise Refusal("identity.unlinked")
    fixed = (person.chat_ids or {}).get(chat)
    if fixed is not None and fixed != external_id:
        raise Refusal("identity.taken", chat=chat)
    try:
        with connection.begin_nested():
            _insert(connection, person, chat, external_id, now)
    except IntegrityError:
        raise Refusal("identity.taken", chat=chat) from None
    _record(connection, "person.linked", person, person.id, chat, now, external_id=external_id)


def unlink(connection: Connection, person: Person, *, chat: str, by: str, now: datetime) -> None:
    """Take a person's identity in a chat back, at once and until `allow_link`.

    Raises:
        Refusal: ``identity.none`` when the person has none there.
    """
    found = external_id(connection, person, chat)
    if found is None:
        raise Refusal("identity.none", name=person.name, chat=chat)
    changed = connection.execute(
        update(chat_identity)
        .where(chat_identity.c.chat == chat, chat_identity.c.external_id == found)
        .values(unlinked_at=now)
    )
    if not changed.rowcount:  # settings alone name it
        _insert(connection, person, chat, found, now, unlinked_at=now)
    _record(connection, "person.unlinked", person, by, chat, now, external_id=found)


def allow_link(
    connection: Connection, person: Person, *, chat: str, by: str, now: datetime
) -> None:
    """Let a person be linked anew in a chat from which they were unlinked.

    Raises:
        Refusal: ``identity.not_unlinked`` when they were not.
    """
    gone = connection.execute(
        delete(chat_identity).where(_of(person, chat), chat_identity.c.unlinked_at.is_not(None))
    )
    if not gone.rowcount:
        raise Refusal("identity.not_unlinked", name=person.name, chat=chat)
    _record(connection, "person.link_allowed", person, by, chat, now)


def external_id(connection: Connection, person: Person, chat: str) -> str | None:
    """Return the identity under which ``person`` is reached in ``chat``, if any."""
    row = connection.execute(
        select(chat_identity.c.external_id, chat_identity.c.unlinked_at).where(_of(person, chat))
    ).one_or_none()
    if row is not None:
        return None if row.unlinked_at is not None else str(row.external_id)
    return (person.chat_ids or {}).get(chat)


def linked_at(connection: Connection, person: Person, chat: str) -> datetime | None:
    """Return since when the person is linked in ``chat``; None where settings alone say so."""
    return connection.execute(
        select(chat_identity.c.linked_at).where(_of(person, chat))
    ).scalar_one_or_none()


def was_unlinked(connection: Connection, person: Person, chat: str) -> bool:
    """Whether an administrator took the person's identity in ``chat`` back."""
    found = connection.execute(
        select(chat_identity.c.external_id).where(
            _of(person, chat), chat_identity.c.unlinked_at.is_not(None)
        )
    ).first()
    return found is not None


def set_reachable(
    connection: Connection, person: Person, chat: str, is_reachable: bool, *, now: datetime
) -> None:
    """Note whether the chat lets us write to a person; requests go elsewhere while it does not."""
    since = None if is_reachable else now
    before = chat_identity.c.unreachable_since
    changed = connection.execute(
        update(chat_identity)
        .where(_of(person, chat), before.is_not(None) if is_reachable else before.is_(None))
        .values(unreachable_since=since)
    )
    if changed.rowcount:
        kind = "person.reachable" if is_reachable else "person.unreachable"
        _record(connection, kind, person, audit.SYSTEM, chat, now)


def prefer(connection: Connection, person: Person, chat: str, *, now: datetime) -> None:
    """Send a person's requests to ``chat`` from now on.

    Raises:
        Refusal: ``identity.none`` when the person is not linked there.
    """
    if external_id(connection, person, chat) is None:
        raise Refusal("identity.none", name=person.name, chat=chat)
    connection.execute(delete(chat_preference).where(chat_preference.c.person_id == person.id))
    connection.execute(insert(chat_preference).values(person_id=person.id, chat=chat))
    _record(connection, "person.preferred", person, person.id, chat, now)


def home_chats(
    connection: Connection, people: Iterable[Person], chats: Sequence[str]
) -> dict[str, str]:
    """Return, by person, the one chat in which each is told what concerns them.

    It is the chat they chose, where they can be reached in it; else the first of ``chats`` in
    which they can; else the first, whose own directory may know them.
    """
    wanted = {person.id: person for person in people}
    reachable: dict[str, set[str]] = {
        person.id: set(person.chat_ids or {}) for person in wanted.values()
    }
    barred: set[tuple[str, str]] = set()
    identities = connection.execute(
        select(chat_identity).where(chat_identity.c.person_id.in_(wanted))
    )
    for row in identities:
        if row.unlinked_at is None and row.unreachable_since is None:
            reachable[row.person_id].add(row.chat)
        else:
            reachable[row.person_id].discard(row.chat)
            barred.add((row.person_id, row.chat))
    chosen = connection.execute(
        select(chat_preference).where(chat_preference.c.person_id.in_(wanted))
    )
    preferred = {row.person_id: row.chat for row in chosen}
    homes: dict[str, str] = {}
    for person_id, there in reachable.items():
        order = [preferred.get(person_id, ""), *chats]
        found = next((chat for chat in order if chat in there and chat in chats), None)
        if found is None:
            found = next((chat for chat in chats if (person_id, chat) not in barred), None)
        if found is not None:
            homes[person_id] = found
    return homes


def _of(person: Person, chat: str) -> ColumnElement[bool]:
    return (chat_identity.c.chat == chat) & (chat_identity.c.person_id == person.id)


def _insert(
    connection: Connection,
    person: Person,
    chat: str,
    external: str,
    now: datetime,
    *,
    unlinked_at: datetime | None = None,
) -> None:
    connection.execute(
        insert(chat_identity).values(
            chat=chat,
            external_id=external,
            person_id=person.id,
            linked_at=now,
            unlinked_at=unlinked_at,
        )
    )


def _record(
    connection: Connection,
    kind: str,
    person: Person,
    actor: str,
    chat: str,
    now: datetime,
    **facts: str,
) -> None:
    audit.append(
        connection,
        at=now,
        actor=actor,
        kind=kind,
        subject=person.id,
        facts={"chat": chat, **facts},
    )
