"""Where cards were posted, and what was told under them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from workflows.tables import home_viewer, posted_card, told


@dataclass(frozen=True, slots=True)
class Posted:
    """A card that stands in a chat.

    Attributes:
        audience: ``person:ID`` or ``channel:ID``.
        rendered: Hash of what it shows, so that nothing is sent that changes nothing.
    """

    subject: str
    audience: str
    channel: str
    message_id: str
    rendered: str


def of_subject(connection: Connection, chat: str, subject: str) -> dict[str, Posted]:
    """Return the cards about ``subject``, by audience."""
    rows = connection.execute(
        select(posted_card).where(posted_card.c.chat == chat, posted_card.c.subject == subject)
    )
    return {
        row.audience: Posted(row.subject, row.audience, row.channel, row.message_id, row.rendered)
        for row in rows
    }


def remember(connection: Connection, chat: str, posted: Posted, *, now: datetime) -> None:
    """Remember where a card stands, in place of what was remembered before."""
    connection.execute(
        delete(posted_card).where(
            posted_card.c.chat == chat,
            posted_card.c.subject == posted.subject,
            posted_card.c.audience == posted.audience,
        )
    )
    connection.execute(
        insert(posted_card).values(
            chat=chat,
            subject=posted.subject,
            audience=posted.audience,
            channel=posted.channel,
            message_id=posted.message_id,
            rendered=posted.rendered,
            posted_at=now,
        )
    )


def forget(connection: Connection, chat: str, posted: Posted) -> None:
    """Forget a card, of which nothing is kept true any more."""
    connection.execute(
        delete(posted_card).where(
            posted_card.c.chat == chat,
            posted_card.c.subject == posted.subject,
            posted_card.c.audience == posted.audience,
        )
    )


def subjects_of(connection: Connection, chat: str, audience: str) -> set[str]:
    """Return what ``audience`` has cards about."""
    rows = connection.execute(
        select(posted_card.c.subject).where(
            posted_card.c.chat == chat, posted_card.c.audience == audience
        )
    )
    return set(rows.scalars())


def remember_viewer(connection: Connection, chat: str, person_id: str) -> None:
    """Remember that a person looks at their own page in a chat."""
    there = connection.execute(select(home_viewer).where(*_viewer(chat, person_id))).first()
    if there is None:
        try:
            with connection.begin_nested():
                connection.execute(insert(home_viewer).values(chat=chat, person_id=person_id))
        except IntegrityError:  # another replica was quicker
            return


def viewers(connection: Connection, chat: str, people: Collection[str]) -> list[str]:
    """Return which of ``people`` look at their own page in a chat."""
    rows = connection.execute(
        select(home_viewer.c.person_id)
        .where(home_viewer.c.chat == chat, home_viewer.c.person_id.in_(people))
        .order_by(home_viewer.c.person_id)
    )
    return list(rows.scalars())


def _viewer(chat: str, person_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return home_viewer.c.chat == chat, home_viewer.c.person_id == person_id


def told_in(connection: Connection, seq: int, audience: str) -> set[str]:
    """Return the chats in which entry ``seq`` was told to ``audience`` already."""
    rows = connection.execute(
        select(told.c.chat).where(told.c.seq == seq, told.c.audience == audience)
    )
    return set(rows.scalars())


def remember_told(connection: Connection, chat: str, seq: int, audience: str) -> None:
    """Remember that entry ``seq`` was told to ``audience``."""
    connection.execute(insert(told).values(chat=chat, seq=seq, audience=audience))
