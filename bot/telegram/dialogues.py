"""The dialogues under way, stored after every answer, so that a restart loses none.

They are encrypted: the first digits of a code may be among the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from bot.telegram import dialogue
from bot.telegram.dialogue import Dialogue
from workflows.refusal import Refusal
from workflows.second_factor import Cipher
from workflows.tables import telegram_dialogue

MOST_AT_ONCE = 5
"""Dialogues one person may have open; the oldest gives way."""


def save(connection: Connection, cipher: Cipher, under_way: Dialogue, *, now: datetime) -> None:
    """Store a dialogue in place of what it was before."""
    values = {
        "message_id": under_way.message_id,
        "content": cipher.encrypt(dialogue.packed(under_way), _owner(under_way.user_id)),
        "updated_at": now,
    }
    changed = connection.execute(
        update(telegram_dialogue).where(telegram_dialogue.c.id == under_way.id).values(**values)
    )
    if not changed.rowcount:
        connection.execute(
            insert(telegram_dialogue).values(id=under_way.id, user_id=under_way.user_id, **values)
        )


def find(
    connection: Connection, cipher: Cipher, name: str, user_id: int, *, since: datetime
) -> Dialogue | None:
    """Return a person's own dialogue; None where there is none, or it was left before ``since``."""
    row = connection.execute(
        select(telegram_dialogue).where(
            telegram_dialogue.c.id == name[:16],
            telegram_dialogue.c.user_id == user_id,
            telegram_dialogue.c.updated_at >= since,
        )
    ).one_or_none()
    return _read(cipher, row) if row is not None else None


def close(connection: Connection, name: str) -> bool:
    """Forget a dialogue; False when it was forgotten before."""
    gone = connection.execute(delete(telegram_dialogue).where(telegram_dialogue.c.id == name))
    return bool(gone.rowcount)


def close_all(connection: Connection, names: Sequence[str]) -> None:
    """Forget several dialogues."""
    connection.execute(delete(telegram_dialogue).where(telegram_dialogue.c.id.in_(names)))


def of_person(
    connection: Connection, cipher: Cipher, user_id: int, *, since: datetime
) -> list[Dialogue]:
    """Return a person's dialogues touched since then, the one touched last at the front."""
    rows = connection.execute(
        select(telegram_dialogue)
        .where(telegram_dialogue.c.user_id == user_id, telegram_dialogue.c.updated_at >= since)
        .order_by(telegram_dialogue.c.updated_at.desc())
    )
    return [found for row in rows if (found := _read(cipher, row)) is not None]


def left_before(
    connection: Connection, cipher: Cipher, instant: datetime
) -> tuple[list[Dialogue], list[str]]:
    """Return dialogues that nobody touched since ``instant``, and ids of what is none any more.

    Those must be closed too: as many as are looked at here would hide all the others behind them.
    """
    rows = connection.execute(
        select(telegram_dialogue)
        .where(telegram_dialogue.c.updated_at < instant)
        .order_by(telegram_dialogue.c.updated_at)
        .limit(100)
    ).all()
    read = {row.id: _read(cipher, row) for row in rows}
    found = [each for each in read.values() if each is not None]
    return found, [name for name, each in read.items() if each is None]


def _read(cipher: Cipher, row: Row[Any]) -> Dialogue | None:
    try:
        text = cipher.decrypt(row.content, _owner(row.user_id))
        found = dialogue.unpacked(text)
    except (Refusal, ValueError):  # another key, or written by another version: ask anew
        return None
    return replace(found, message_id=row.message_id)


def _owner(user_id: int) -> str:
    return f"telegram:{user_id}"
