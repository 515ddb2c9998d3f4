"""Linking a person to a chat that cannot vouch for anybody: a link that works once, and a factor.

Whoever opens the link claims it; only a code of the person's second factor makes the claim true,
so that a link that went astray gives nothing away. Wrong codes end the link, and lock nobody out.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, or_, select, update

from workflows import audit, people, second_factor
from workflows.people import Directory, Person
from workflows.refusal import Refusal
from workflows.second_factor import Cipher
from workflows.tables import link_token

LINK_LIFE = timedelta(minutes=15)
MOST_FAILURES = 5
"""After so many wrong codes a link is void."""


def begin(connection: Connection, person: Person, chat: str, *, by: str, now: datetime) -> str:
    """Return a token with which ``person`` can link ``chat``; earlier unused ones are void.

    It has 32 characters of ``A-Z a-z 0-9 _ -``, so that it fits a deep link.

    Raises:
        Refusal: ``identity.already`` when they are linked there; ``identity.unlinked`` when an
            administrator took it back.
    """
    if people.was_unlinked(connection, person, chat):
        raise Refusal("identity.unlinked")
    if people.is_bound(connection, person, chat):
        raise Refusal("identity.already", chat=chat)
    token = secrets.token_urlsafe(24)
    connection.execute(
        delete(link_token).where(
            link_token.c.person_id == person.id,
            link_token.c.chat == chat,
            link_token.c.used_at.is_(None),
        )
    )
    connection.execute(
        insert(link_token).values(
            token_hash=_hashed(token),
            person_id=person.id,
            chat=chat,
            expires_at=now + LINK_LIFE,
            failures=0,
        )
    )
    audit.append(
        connection,
        at=now,
        actor=by,
        kind="person.link_begun",
        subject=person.id,
        facts={"chat": chat},
    )
    return token


def claim(
    connection: Connection,
    directory: Directory,
    token: str,
    *,
    chat: str,
    external_id: str,
    now: datetime,
) -> Person:
    """Return whom a token links, keeping it for this identity alone from now on.

    Raises:
        Refusal: ``link.unknown``, ``link.used``, ``link.expired``, ``link.void``; ``identity.…``
            as `people.link`; or ``link.no_factor`` while the person has no factor to confirm it
            with.
    """
    person = _opened(connection, directory, token, chat, external_id, now)
    _check_free(connection, directory, person, chat, external_id)
    claimed = connection.execute(
        update(link_token)
        .where(
            link_token.c.token_hash == _hashed(token),
            or_(link_token.c.claimed_by.is_(None), link_token.c.claimed_by == external_id),
        )
        .values(claimed_by=external_id)
    )
    if not claimed.rowcount:
        raise Refusal("link.used")
    if not second_factor.is_enrolled(connection, person.id):
        raise Refusal("link.no_factor")
    return person


def confirm(
    connection: Connection,
    directory: Directory,
    cipher: Cipher,
    token: str,
    code: str,
    *,
    chat: str,
    external_id: str,
    now: datetime,
) -> Person | Refusal:
    """Link the identity that claimed the token, if the code is the person's.

    A refusal of the code is *returned*, so that the count of failures is committed; and so is one
    after a right code, which is used up all the same.

    Raises:
        Refusal: as `claim`.
    """
    person = _opened(connection, directory, token, chat, external_id, now)
    _check_free(connection, directory, person, chat, external_id)
    verdict = second_factor.verify(connection, cipher, person.id, code, now=now, counts=False)
    if isinstance(verdict, Refusal):
        is_wrong = verdict.code == "factor.wrong"
        return _failed(connection, person, token, chat, external_id, now) if is_wrong else verdict
    try:
        people.link(connection, person, chat=chat, external_id=external_id, now=now)
    except Refusal as refusal:  # somebody else was quicker
        return refusal
    connection.execute(
        update(link_token).where(link_token.c.token_hash == _hashed(token)).values(used_at=now)
    )
    return person


def _check_free(
    connection: Connection, directory: Directory, person: Person, chat: str, external_id: str
) -> None:
    """Raise ``identity.taken`` or ``identity.unlinked`` where the link could not be made."""
    holder = directory.fixed(chat, external_id)
    if holder is not None and holder.id != person.id:
        raise Refusal("identity.taken", chat=chat)
    people.check_free(connection, person, chat=chat, external_id=external_id)


def _failed(
    connection: Connection,
    person: Person,
    token: str,
    chat: str,
    external_id: str,
    now: datetime,
) -> Refusal:
    """Count a wrong code against the link: whoever types may be anybody who got hold of it."""
    mine = link_token.c.token_hash == _hashed(token)
    connection.execute(update(link_token).where(mine).values(failures=link_token.c.failures + 1))
    failures = connection.execute(select(link_token.c.failures).where(mine)).scalar_one()
    left = MOST_FAILURES - failures
    audit.append(
        connection,
        at=now,
        actor=f"{chat}:{external_id}"[:64],
        kind="person.link_failed",
        subject=person.id,
        facts={"chat": chat, "failures": failures, "void": left <= 0},
    )
    return Refusal("link.wrong", field="code", left=left) if left > 0 else Refusal("link.void")


def _opened(
    connection: Connection,
    directory: Directory,
    token: str,
    chat: str,
    external_id: str,
    now: datetime,
) -> Person:
    row = connection.execute(
        select(link_token).where(
            link_token.c.token_hash == _hashed(token), link_token.c.chat == chat
        )
    ).one_or_none()
    person = directory.get(row.person_id) if row is not None else None
    if row is None or person is None:
        raise Refusal("link.unknown")
    if row.used_at is not None or row.claimed_by not in (None, external_id):
        raise Refusal("link.used")
    if row.failures >= MOST_FAILURES:
        raise Refusal("link.void")
    if now >= row.expires_at:
        raise Refusal("link.expired")
    return person


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
