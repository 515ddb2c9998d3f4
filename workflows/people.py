"""Persons, their roles, and the chat identities by which they are known.

The directory comes from settings. An identity in a chat is linked to a person once and stored;
several identities are one person, who is told each thing once, in the chat of their choice.

Whose an identity is, is one rule everywhere. Whom an administrator unlinked has none in that chat,
whatever it is. Else the one that settings fix for a person is the only one they have. Else the
one that is linked counts, unless settings fix it for somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from workflows import audit
from workflows.prepared import Prepared
from workflows.refusal import Refusal
from workflows.tables import (
    chat_identity,
    chat_preference,
    chat_unreachable,
    enrolment,
    link_token,
)


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

    def fixed_id(self, chat: str) -> str | None:
        """Return the identity that settings give the person in a chat, if any."""
        return (self.chat_ids or {}).get(chat)


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
_UNLINKED = Prepared(
    select(chat_identity.c.unlinked_at).where(
        chat_identity.c.chat == bindparam("chat"),
        chat_identity.c.person_id == bindparam("person"),
    )
)


def identified(
    connection: Connection, directory: Directory, chat: str, external_id: str
) -> Person | None:
    """Return the person behind a chat identity, or None when it is nobody's we know.

    Raises:
        Refusal: ``identity.unlinked``: an administrator took the person's access to this chat
            back, whatever settings or the chat's own directory say.
    """
    person = directory.fixed(chat, external_id)
    if person is not None:
        if was_unlinked(connection, person, chat):
            raise Refusal("identity.unlinked")
        return person
    row = _LINKED.row(connection, {"chat": chat, "external_id": external_id})
    if row is None:
        return None
    person_id, unlinked_at = row
    if unlinked_at is not None:
        raise Refusal("identity.unlinked")
    person = directory.get(person_id)
    # Since then settings may have given them another one, such as that of a new phone.
    return person if person is not None and person.fixed_id(chat) is None else None


def check_free(connection: Connection, person: Person, *, chat: str, external_id: str) -> None:
    """Raise what `link` would, but for a race that it loses."""
    rows = connection.execute(
        select(chat_identity).where(
            chat_identity.c.chat == chat,
            (chat_identity.c.external_id == external_id) | (chat_identity.c.person_id == person.id),
        )
    ).all()
    if any(row.person_id == person.id and row.unlinked_at is not None for row in rows):
        raise Refusal("identity.unlinked")
    if rows or person.fixed_id(chat) not in (None, external_id):
        raise Refusal("identity.taken", chat=chat)


def link(
    connection: Connection, person: Person, *, chat: str, external_id: str, now: datetime
) -> None:
    """Bind a chat identity to a person, until an administrator takes it back.

    Raises:
        Refusal: ``identity.taken`` when the identity, or the person in that chat, is bound
            already; ``identity.unlinked`` when the person's was taken back.
    """
    check_free(connection, person, chat=chat, external_id=external_id)
    if not _insert(connection, person, chat, external_id, now):
        raise Refusal("identity.taken", chat=chat)
    _record(connection, "person.linked", person, person.id, chat, now, external_id=external_id)


def unlink(connection: Connection, person: Person, *, chat: str, by: str, now: datetime) -> None:
    """Bar a person from a chat, at once and until `allow_link`, under whatever identity.

    What they began and did not finish, a link or a new second factor, is void: whoever has their
    account may have begun it.

    Raises:
        Refusal: ``identity.none`` when the person has none there.
    """
    row, fixed = _row(connection, person, chat), person.fixed_id(chat)
    if not _is_bound(row, fixed):
        raise Refusal("identity.none", name=person.name, chat=chat)
    if row is not None:
        found = str(row.external_id)
        connection.execute(update(chat_identity).where(_of(person, chat)).values(unlinked_at=now))
    else:
        assert fixed is not None
        found = fixed
        if not _insert(connection, person, chat, found, now, unlinked_at=now):
            # It was linked to somebody else before settings fixed it for this person.
            found = f"settings:{person.id}"[:64]
            _insert(connection, person, chat, found, now, unlinked_at=now)
    facts = {"fixed": fixed} if fixed not in (None, found) else {}
    _record(connection, "person.unlinked", person, by, chat, now, external_id=found, **facts)
    for begun in (enrolment, link_token):
        mine = begun.c.person_id == person.id, begun.c.used_at.is_(None)
        connection.execute(delete(begun).where(*mine))
    connection.execute(delete(chat_unreachable).where(_unreachable(person, chat)))


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


def external_id(
    connection: Connection, directory: Directory, person: Person, chat: str
) -> str | None:
    """Return the identity under which ``person`` is reached in ``chat``, if any."""
    return _counting(directory, person, chat, _row(connection, person, chat))


def _counting(directory: Directory, person: Person, chat: str, row: Row[Any] | None) -> str | None:
    """Return a person's identity in a chat by the rule above; ``row`` is what is linked."""
    fixed = person.fixed_id(chat)
    if not _is_bound(row, fixed):
        return None
    if fixed is not None:
        return fixed
    assert row is not None
    return None if directory.fixed(chat, row.external_id) is not None else str(row.external_id)


def is_bound(connection: Connection, person: Person, chat: str) -> bool:
    """Whether the person has an identity in ``chat`` that would have to go before another."""
    return _is_bound(_row(connection, person, chat), person.fixed_id(chat))


def _is_bound(row: Row[Any] | None, fixed: str | None) -> bool:
    return fixed is not None if row is None else row.unlinked_at is None


def linked_at(connection: Connection, person: Person, chat: str) -> datetime | None:
    """Return since when the person is linked in ``chat``; None where settings alone say so."""
    return connection.execute(
        select(chat_identity.c.linked_at).where(_of(person, chat))
    ).scalar_one_or_none()


def was_unlinked(connection: Connection, person: Person, chat: str) -> bool:
    """Whether an administrator took the person's identity in ``chat`` back."""
    row = _UNLINKED.row(connection, {"chat": chat, "person": person.id})
    return row is not None and row[0] is not None


def set_reachable(
    connection: Connection, person: Person, chat: str, is_reachable: bool, *, now: datetime
) -> None:
    """Note whether the chat lets us write to a person; requests go elsewhere while it does not."""
    since = None if is_reachable else now
    before = chat_identity.c.unreachable_since
    row = update(chat_identity).where(_of(person, chat)).values(unreachable_since=since)
    if _is_by_settings(person, chat, _row(connection, person, chat)):
        changed = _set_fixed_reachable(connection, person, chat, since)
        if changed:
            connection.execute(row)  # of an identity before that, which the entry is about too
    else:
        unlike = before.is_not(None) if is_reachable else before.is_(None)
        changed = connection.execute(row.where(unlike)).rowcount > 0
    if changed:
        kind = "person.reachable" if is_reachable else "person.unreachable"
        _record(connection, kind, person, audit.SYSTEM, chat, now)


def _is_by_settings(person: Person, chat: str, row: Row[Any] | None) -> bool:
    """Whether no row is about the identity that the person has."""
    fixed = person.fixed_id(chat)
    return fixed is not None and (row is None or row.external_id != fixed)


def _set_fixed_reachable(
    connection: Connection, person: Person, chat: str, since: datetime | None
) -> bool:
    """Note it of whom settings name; False when it was noted already."""
    mine = _unreachable(person, chat)
    if since is None:
        return connection.execute(delete(chat_unreachable).where(mine)).rowcount > 0
    if connection.execute(select(chat_unreachable).where(mine)).first() is not None:
        return False
    try:
        with connection.begin_nested():
            values = {"chat": chat, "person_id": person.id, "since": since}
            connection.execute(insert(chat_unreachable).values(values))
    except IntegrityError:  # another replica was quicker
        return False
    return True


def prefer(connection: Connection, person: Person, chat: str, *, now: datetime) -> None:
    """Send a person's requests to ``chat`` from now on.

    Raises:
        Refusal: ``identity.none`` when the person is not linked there.
    """
    if not is_bound(connection, person, chat):
        raise Refusal("identity.none", name=person.name, chat=chat)
    connection.execute(delete(chat_preference).where(chat_preference.c.person_id == person.id))
    connection.execute(insert(chat_preference).values(person_id=person.id, chat=chat))
    _record(connection, "person.preferred", person, person.id, chat, now)


def home_chats(
    connection: Connection,
    directory: Directory,
    people: Iterable[Person],
    chats: Sequence[str],
    *,
    as_of: int | None = None,
) -> dict[str, str]:
    """Return, by person, the one chat in which each is told what concerns them.

    It is the chat they chose, where they can be reached in it; else the first of ``chats`` in
    which they can; else the first, whose own directory may know them.

    Args:
        as_of: Number of an entry of the record: the chat is the one they had chosen by then.
    """
    wanted = {person.id: person for person in people}
    linked = connection.execute(select(chat_identity).where(chat_identity.c.person_id.in_(wanted)))
    rows = {(row.person_id, row.chat): row for row in linked}
    gone = connection.execute(
        select(chat_unreachable).where(chat_unreachable.c.person_id.in_(wanted))
    )
    unreachable = {(row.person_id, row.chat) for row in gone}
    preferred = _preferred(connection, wanted, as_of)
    homes: dict[str, str] = {}
    for person in wanted.values():
        there, perhaps = [], []
        for chat in chats:
            row = rows.get((person.id, chat))
            if _counting(directory, person, chat, row) is None:
                perhaps += [chat] if row is None else []
            elif _is_by_settings(person, chat, row):
                there += [chat] if (person.id, chat) not in unreachable else []
            elif row is not None and row.unreachable_since is None:
                there.append(chat)
        if preferred.get(person.id) in there:
            homes[person.id] = preferred[person.id]
        elif there or perhaps:
            homes[person.id] = [*there, *perhaps][0]
    return homes


def _preferred(connection: Connection, wanted: Iterable[str], as_of: int | None) -> dict[str, str]:
    """Return the chats that people chose, now or as of an entry."""
    if as_of is None:
        chosen = connection.execute(
            select(chat_preference).where(chat_preference.c.person_id.in_(list(wanted)))
        )
        return {row.person_id: row.chat for row in chosen}
    return {
        person_id: str(entry.facts["chat"])
        for person_id in wanted
        for entry in audit.of_subject(connection, person_id)
        if entry.kind == "person.preferred" and entry.seq <= as_of
    }


def _of(person: Person, chat: str) -> ColumnElement[bool]:
    return (chat_identity.c.chat == chat) & (chat_identity.c.person_id == person.id)


def _unreachable(person: Person, chat: str) -> ColumnElement[bool]:
    return (chat_unreachable.c.chat == chat) & (chat_unreachable.c.person_id == person.id)


def _row(connection: Connection, person: Person, chat: str) -> Row[Any] | None:
    """Return what is linked of the person in a chat, or was taken back."""
    return connection.execute(select(chat_identity).where(_of(person, chat))).one_or_none()


def _insert(
    connection: Connection,
    person: Person,
    chat: str,
    external: str,
    now: datetime,
    *,
    unlinked_at: datetime | None = None,
) -> bool:
    """Store an identity; False when it, or the person in that chat, has a row already."""
    try:
        with connection.begin_nested():
            connection.execute(
                insert(chat_identity).values(
                    chat=chat,
                    external_id=external,
                    person_id=person.id,
                    linked_at=now,
                    unlinked_at=unlinked_at,
                )
            )
    except IntegrityError:
        return False
    return True


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
