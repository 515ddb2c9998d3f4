"""Presses of buttons that wait for an answer.

Source: Bot API, "CallbackQuery" and "answerCallbackQuery"; that an answer must come within some 15
seconds, once, is what the servers are known to enforce.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.telegram.args import Args
from sandbox.telegram.model import bad_request
from sandbox.telegram.store import Store

ANSWERABLE_FOR = timedelta(seconds=15)
MOST_TEXT = 200
MOST_KEPT = 1_000


@dataclass(slots=True)
class Query:
    """A press.

    Attributes:
        id: The callback query's id.
        is_answered: Whether the bot has answered; ``text``, ``is_alert`` and ``url`` are how.
    """

    id: str
    user_id: int
    asked_at: datetime
    is_answered: bool = False
    text: str = ""
    is_alert: bool = False
    url: str = ""


class Queries:
    """Keeps presses until they are answered or too old.

    Attributes:
        toasts: Who was told what, over the chat: user id → texts.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[str, Query] = OrderedDict()
        self.toasts: dict[int, list[str]] = {}

    def new(self, user_id: int) -> Query:
        """Return a new press."""
        query = Query(str(secrets.randbelow(10**18) + 10**18), user_id, self._store.now())
        self._kept[query.id] = query
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return query

    def answer(self, args: Args) -> bool:
        """Answer a press, as ``answerCallbackQuery`` does."""
        text = args.text("text")
        query = self._kept.get(args.text("callback_query_id"))
        if query is None or query.is_answered or self._is_late(query):
            raise bad_request(
                "query is too old and response timeout expired or query ID is invalid"
            )
        if len(text) > MOST_TEXT:
            raise bad_request("MESSAGE_TOO_LONG")
        url = args.text("url")
        if url and not url.startswith(f"https://t.me/{self._store.bot.username}?start="):
            raise bad_request("URL_INVALID")
        query.text, query.is_alert, query.url = text, args.flag("show_alert"), url
        query.is_answered = True
        if text:
            self.toasts.setdefault(query.user_id, []).append(text)
        self._store.signal.give()
        return True

    def _is_late(self, query: Query) -> bool:
        return self._store.now() - query.asked_at > ANSWERABLE_FOR
