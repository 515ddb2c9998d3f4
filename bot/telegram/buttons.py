"""What a message's buttons mean: opaque, for one person, each good for one press.

Telegram gives back at most 64 bytes per button, readable to the client. So a button carries the
name of its message and a random word; what it means is here. A press that was done uses up every
word of its message and the message is drawn again with new ones: an old screen, a double press, a
copy of the message or somebody else finds nothing.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, WebAppInfo

from bot.cards import Action
from bot.telegram.render import BUTTON, cut, neutral
from workflows.tables import telegram_deep_link, telegram_message

KEPT_FOR = timedelta(days=90)
_PREFIX = "m"
_WORD_BYTES = 9
_ROW = 2
_SHORT_LABEL = 18


class Op(StrEnum):
    """What a button does."""

    ACT = "act"
    CONFIRM = "confirm"
    BACK = "back"
    PAGE = "page"
    URL = "url"
    APP = "app"


@dataclass(frozen=True, slots=True)
class Key:
    """One button: its label, what it does, and the word that stands for it."""

    op: Op
    label: str
    value: str = ""
    action: str = ""
    style: str = ""
    word: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A message of ours: its pages, its actions, and which of them are on show.

    Attributes:
        page: Index of the page on show.
        asking: Index of the action whose question is being asked, or None.
        keys: The buttons, by rows.
    """

    pages: tuple[str, ...]
    actions: tuple[Action, ...] = ()
    page: int = 0
    asking: int | None = None
    keys: tuple[tuple[Key, ...], ...] = field(default=())

    @property
    def html(self) -> str:
        """What the message says now."""
        text = self.pages[self.page]
        if self.asking is None:
            return text
        question = cut(self.actions[self.asking].confirm, 300)
        return f"{text}\n\n❓ <b>{neutral(question)}</b>"

    def drawn(self) -> Sheet:
        """Return the sheet with fresh keys."""
        return replace(self, keys=tuple(tuple(map(_fresh, row)) for row in self._rows()))

    def key(self, word: str) -> Key | None:
        """Return the button that ``word`` stands for, if it is on show."""
        return next((each for row in self.keys for each in row if word == each.word), None)

    def with_words_of(self, before: Sheet) -> Sheet:
        """Return the sheet with the words of an earlier one for what has the same meaning."""
        known = {_meaning(key): key.word for row in before.keys for key in row}
        rows = (
            tuple(replace(key, word=known.get(_meaning(key), key.word)) for key in row)
            for row in self.keys
        )
        return replace(self, keys=tuple(rows))

    def _rows(self) -> list[list[Key]]:
        if self.asking is not None:
            asked = self.actions[self.asking]
            return [
                [Key(Op.ACT, asked.label, asked.value, asked.id, "danger")],
                [Key(Op.BACK, "✕")],
            ]
        rows: list[list[Key]] = []
        for index, action in enumerate(self.actions):
            key = _key(action, index)
            fits = rows and len(rows[-1]) < _ROW and not _is_link(key) and not _is_link(rows[-1][0])
            if fits and all(len(each.label) <= _SHORT_LABEL for each in (*rows[-1], key)):
                rows[-1].append(key)
            else:
                rows.append([key])
        if len(self.pages) > 1:
            rows.append(self._page_keys())
        return rows

    def _page_keys(self) -> list[Key]:
        last = len(self.pages) - 1
        here = Key(Op.PAGE, f"{self.page + 1} / {last + 1}", str(self.page))
        back = [Key(Op.PAGE, "‹", str(self.page - 1))] if self.page else []
        on = [Key(Op.PAGE, "›", str(self.page + 1))] if self.page < last else []
        return [*back, here, *on]


@dataclass(frozen=True, slots=True)
class Press:
    """What a press means.

    Attributes:
        key: The button; None where its word is not, or no longer, one of its message's.
        name: Of the message, where it is one of ours, for this person; it is to be drawn again.
    """

    key: Key | None = None
    name: str = ""


def compose(
    connection: Connection,
    chat_id: int,
    pages: Sequence[str],
    actions: Sequence[Action],
    *,
    now: datetime,
    message_id: int | None = None,
) -> tuple[str, Sheet]:
    """Store what a message will say and its buttons mean; return its name and its sheet.

    A message that stands already (``message_id``) keeps its name, and the words of buttons that
    mean what they meant: whoever taps just when the news comes is understood. Nothing is stored of
    a new message without buttons.
    """
    sheet = Sheet(tuple(pages), tuple(actions)).drawn()
    name = secrets.token_urlsafe(9)
    before = current(connection, chat_id, message_id) if message_id is not None else None
    if before is not None:
        name, sheet = before[0], sheet.with_words_of(before[1])
        connection.execute(delete(telegram_message).where(telegram_message.c.id == name))
    has_meaning = any(not _is_link(key) for row in sheet.keys for key in row)
    if has_meaning or message_id is not None:
        connection.execute(
            insert(telegram_message).values(
                id=name,
                chat_id=chat_id,
                # In a group anybody may turn pages, and there is nothing else to press.
                user_id=max(chat_id, 0),
                message_id=message_id,
                content=_packed(sheet),
                created_at=now,
            )
        )
    return name, sheet


def placed(connection: Connection, name: str, chat_id: int, message_id: int) -> None:
    """Note where a composed message stands, and under which id."""
    connection.execute(
        update(telegram_message)
        .where(telegram_message.c.id == name)
        .values(chat_id=chat_id, message_id=message_id)
    )


def current(connection: Connection, chat_id: int, message_id: int) -> tuple[str, Sheet] | None:
    """Return what a message is to look like by now: its name and its sheet."""
    row = connection.execute(
        select(telegram_message).where(
            telegram_message.c.chat_id == chat_id, telegram_message.c.message_id == message_id
        )
    ).first()
    return (row.id, _unpacked(row.content)) if row is not None else None


def pressed(
    connection: Connection, *, user_id: int, chat_id: int, message_id: int, data: str
) -> Press:
    """Return what a button means to the one who pressed it, where it stands."""
    prefix, _, rest = data.partition(":")
    name, _, word = rest.partition(":")
    if prefix != _PREFIX or not word:
        return Press()
    row = connection.execute(
        select(telegram_message).where(telegram_message.c.id == name[:16])
    ).one_or_none()
    is_here = row is not None and row.chat_id == chat_id and row.message_id in (None, message_id)
    if row is None or not is_here or row.user_id not in (0, user_id):
        return Press()
    return Press(_unpacked(row.content).key(word), name=row.id)


def use_up(connection: Connection, press: Press, message_id: int) -> None:
    """Give a message new words once a press of it was done; it shows what the press made of it."""
    row = connection.execute(
        select(telegram_message).where(telegram_message.c.id == press.name)
    ).one_or_none()
    if row is None:
        return
    sheet = _unpacked(row.content)
    if press.key is not None and sheet.key(press.key.word) is not None:
        sheet = _after(sheet, press.key)
    connection.execute(
        update(telegram_message)
        .where(telegram_message.c.id == row.id)
        # A message whose sending got no answer is found by the first press of its buttons.
        .values(content=_packed(sheet.drawn()), message_id=row.message_id or message_id)
    )


def markup(name: str, sheet: Sheet) -> InlineKeyboardMarkup | None:
    """Return a sheet's keys as Telegram takes them."""
    if not sheet.keys:
        return None
    return InlineKeyboardMarkup(
        [[_button(key, f"{_PREFIX}:{name}:{key.word}") for key in row] for row in sheet.keys]
    )


def forget(connection: Connection, *, now: datetime) -> None:
    """Drop what buttons of long ago meant."""
    connection.execute(
        delete(telegram_message).where(telegram_message.c.created_at < now - KEPT_FOR)
    )
    connection.execute(
        delete(telegram_deep_link).where(telegram_deep_link.c.created_at < now - KEPT_FOR)
    )


# ---- links from a group into private -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where a link leads: a button's action or a command. Authority is decided there, anew.

    Attributes:
        user_id: Whose link it is; 0 where anybody may follow it.
        key: Identifies what is asked for, however often the link is followed.
    """

    kind: str
    action: str
    value: str
    user_id: int = 0
    key: str = ""


def point(connection: Connection, pointer: Pointer, *, now: datetime) -> str:
    """Return the payload of a deep link that leads to ``pointer``; the same each time."""
    material = json.dumps(astuple(pointer)).encode()
    digest = urlsafe_b64encode(hashlib.sha256(material).digest()).decode()[:22]
    there = connection.execute(
        update(telegram_deep_link).where(telegram_deep_link.c.id == digest).values(created_at=now)
    )
    if not there.rowcount:
        connection.execute(
            insert(telegram_deep_link).values(id=digest, created_at=now, **asdict(pointer))
        )
    return f"g-{digest}"


def pointed(connection: Connection, payload: str) -> Pointer | None:
    """Return where a deep link's payload leads, if it is one of ours."""
    if not payload.startswith("g-"):
        return None
    row = connection.execute(
        select(telegram_deep_link).where(telegram_deep_link.c.id == payload[2:26])
    ).one_or_none()
    if row is None:
        return None
    return Pointer(row.kind, row.action, row.value, row.user_id, row.key)


# ---- what they share -----------------------------------------------------------------------------


def _key(action: Action, index: int) -> Key:
    if is_link(action):
        return Key(Op.APP if action.asks_opener else Op.URL, action.label, action.value)
    if action.confirm:
        return Key(Op.CONFIRM, action.label, str(index), style=action.style)
    return Key(Op.ACT, action.label, action.value, action.id, action.style)


def is_link(action: Action) -> bool:
    """Whether a button opens a page."""
    return action.value.startswith(("https://", "http://"))


def _meaning(key: Key) -> tuple[Op, str, str]:
    return key.op, key.action, key.value


def _is_link(key: Key) -> bool:
    return key.op in (Op.URL, Op.APP)


def _fresh(key: Key) -> Key:
    return replace(key, word="" if _is_link(key) else secrets.token_urlsafe(_WORD_BYTES))


def _after(sheet: Sheet, key: Key) -> Sheet:
    match key.op:
        case Op.CONFIRM:
            return replace(sheet, asking=int(key.value))
        case Op.PAGE:
            return replace(sheet, page=int(key.value))
        case _:
            return replace(sheet, asking=None)


def _button(key: Key, data: str) -> InlineKeyboardButton:
    label = cut(key.label, BUTTON)
    if key.op is Op.URL:
        return InlineKeyboardButton(label, url=key.value)
    if key.op is Op.APP:
        return InlineKeyboardButton(label, web_app=WebAppInfo(key.value))
    style = {"primary": "success", "danger": "danger"}.get(key.style)
    return InlineKeyboardButton(label, callback_data=data, style=style)


def _packed(sheet: Sheet) -> str:
    return json.dumps(asdict(sheet), ensure_ascii=False, separators=(",", ":"))


def _unpacked(text: str) -> Sheet:
    found: dict[str, Any] = json.loads(text)
    return Sheet(
        pages=tuple(found["pages"]),
        actions=tuple(Action(**each) for each in found["actions"]),
        page=found["page"],
        asking=found["asking"],
        keys=tuple(
            tuple(Key(**{**each, "op": Op(each["op"])}) for each in row) for row in found["keys"]
        ),
    )
