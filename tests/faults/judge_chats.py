"""Whether every card in the chats shows how things ended, and every line was told.

What should be seen is worked out from the database and the record; what is seen comes from the
chats' own stores. A chat that took a message and could not say so before the process died gets it
once more, since neither chat can be asked: such doubles are counted, and each must be explained by
an end of a process, or a lost answer, right after it was posted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from bot import posted, story, views, wording
from bot.cards import Card
from bot.messages import Messages
from bot.slack import render as slack_render
from bot.telegram import render as telegram_render
from bot.wording import Reader
from sandbox import slack, telegram
from tests.faults.company import CHANNEL, GROUP, NUMBERS, STAFF, World, user_id
from workflows import audit, orders
from workflows.audit import Entry
from workflows.orders import Order, OrderState

_EXPLAINED_WITHIN = 3.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A message of the service's, in either chat.

    Attributes:
        at: When it was posted (seconds since the epoch).
        place: Conversation.
        under: The message it stands under; empty where it stands by itself.
        shows: What it shows, comparable with `_shown`.
    """

    id: str
    place: str
    at: float
    text: str
    under: str
    shows: Any
    file: str = ""


@dataclass
class Excuses:
    """Why something may have been said twice.

    Attributes:
        ends: When processes ended, or the line to a chat was cut (seconds since the epoch).
        lost: How many answers were lost after a chat had acted, by chat.
    """

    ends: list[float] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)

    def take(self, chat: str, at: float) -> bool:
        """Whether there is an excuse for a double of what was posted at a moment."""
        if any(0 <= end - at <= _EXPLAINED_WITHIN for end in self.ends):
            return True
        self.lost[chat] -= 1
        return self.lost[chat] >= 0


@dataclass
class Chats:
    """What was found.

    Attributes:
        wrong: What people see that is not so, or do not see.
        doubles: Messages that are there once more than they should be, all explained.
        stale: How many of those are cards that show something old, since nobody knows of them.
        cards: How many cards were looked at.
    """

    wrong: list[str] = field(default_factory=list)
    doubles: Counter[str] = field(default_factory=Counter)
    stale: int = 0
    cards: int = 0


def judge_chats(connection: Connection, world: World, excuses: Excuses) -> Chats:
    """Compare what both chats show with what they should."""
    found = Chats()
    messages = {"slack": list(_slack(world)), "telegram": list(_telegram(world))}
    for order in orders.in_states(connection, *OrderState):
        entries = audit.of_subject(connection, order.id)
        for chat, seen in messages.items():
            _Place(connection, world, found, chat, seen, excuses).judge(order, entries)
    return found


class _Place:
    """One order in one chat."""

    def __init__(
        self,
        connection: Connection,
        world: World,
        found: Chats,
        chat: str,
        seen: Sequence[Seen],
        excuses: Excuses,
    ) -> None:
        self._connection = connection
        self._company = world.company
        self._messages = Messages.load()
        self._found = found
        self._chat = chat
        self._seen = seen
        self._excuses = excuses

    def judge(self, order: Order, entries: Sequence[Entry]) -> None:
        """Look at everything about one order."""
        known = posted.of_subject(self._connection, self._chat, order.id)
        for audience in self._expected(order):
            if audience not in known:
                self._wrong(order, audience, "has no card")
        view = views.order_view(self._connection, self._company, order)
        standing = {}
        for audience, card in known.items():
            self._found.cards += 1
            standing[card.channel, card.message_id] = audience
            reader = self._reader(audience)
            is_channel = audience.startswith("channel:")
            wanted = wording.order_card(reader, view, is_channel=is_channel)
            message = self._message(card.channel, card.message_id)
            if message is None:
                self._wrong(order, audience, "has a card that is not there")
            elif message.shows != self._shown(wanted):
                self._wrong(order, audience, f"has a card that shows {message.text!r}")
            under = [m for m in self._seen if (m.place, m.under) == (card.channel, card.message_id)]
            self._lines(order, audience, reader, under, entries)
            self._receipt(order, audience, under)
        self._no_others(order, standing)

    def _expected(self, order: Order) -> Iterator[str]:
        """Return who must have a card here, however quickly it all went."""
        if STAFF[order.requester_id][2] == self._chat:
            yield f"person:{order.requester_id}"

    def _lines(
        self,
        order: Order,
        audience: str,
        reader: Reader,
        under: Sequence[Seen],
        entries: Sequence[Entry],
    ) -> None:
        """See that every line was told under a card, and none without need twice."""
        is_told_all = audience == f"person:{order.requester_id}" or audience.startswith("channel:")
        wanted: Counter[str] = Counter()
        for entry in entries:
            if entry.kind == "receipt.stored":
                continue
            text = story.line(reader, entry)
            if text is not None and (is_told_all or story.is_told_to_all(entry.kind)):
                wanted[self._plain(text)] += 1
        there = [message for message in under if not message.file]
        told = Counter(message.text for message in there)
        for text, times in wanted.items():
            if told[text] < times and is_told_all:
                self._wrong(order, audience, f"was not told {text!r}")
        for text, times in told.items():
            if times > wanted[text]:
                same = [m for m in there if m.text == text]
                self._double(order, audience, "line", same, times - wanted[text])

    def _receipt(self, order: Order, audience: str, under: Sequence[Seen]) -> None:
        if audience != f"person:{order.requester_id}" and not audience.startswith("channel:"):
            return
        files = [message for message in under if message.file == f"{order.id}.pdf"]
        wanted = 1 if order.state == OrderState.SETTLED else 0
        if len(files) < wanted:
            self._wrong(order, audience, "has no receipt")
        if len(files) > wanted:
            self._double(order, audience, "receipt", files, len(files) - wanted)

    def _no_others(self, order: Order, standing: Mapping[tuple[str, str], str]) -> None:
        """Count cards of the order that nobody keeps true any more."""
        state = self._messages.text("en", f"state.{order.state}")
        marks = (order.id, "Policy:", "Requested by")
        for message in self._seen:
            is_card = not message.under and all(mark in message.text for mark in marks)
            if is_card and (message.place, message.id) not in standing:
                self._double(order, message.place, "card", [message], 1)
                self._found.stale += state not in message.text

    def _double(
        self, order: Order, audience: str, what: str, same: Sequence[Seen], times: int
    ) -> None:
        explained = [each for each in same if self._excuses.take(self._chat, each.at)]
        if len(explained) < times:
            self._wrong(order, audience, f"has a {what} once more than it should, for no reason")
        self._found.doubles[f"{what} in {self._chat}"] += times

    # ---- what they share ----------------------------------------------------------------------

    def _wrong(self, order: Order, audience: str, what: str) -> None:
        self._found.wrong.append(f"{self._chat}: {audience} {what} of {order.id}")

    def _reader(self, audience: str) -> Reader:
        kind, _, name = audience.partition(":")
        person = self._company.directory.get(name) if kind == "person" else None
        return wording.reader_for(self._messages, self._company, person)

    def _message(self, place: str, message_id: str) -> Seen | None:
        return next((m for m in self._seen if (m.place, m.id) == (place, message_id)), None)

    def _shown(self, card: Card) -> Any:
        if self._chat == "slack":
            return _bare(slack_render.card_blocks(card))
        return telegram_render.pages(telegram_render.card_lines(card))[0]

    def _plain(self, text: str) -> str:
        if self._chat == "slack":
            return slack_render.neutral(text)
        return "\n".join(telegram_render.plain(part).html for part in text.split("\n"))


def _slack(world: World) -> Iterator[Seen]:
    workspace = world.workspace
    direct = [workspace.store.im_with(user_id(name)).id for name in STAFF]
    for place in (CHANNEL, *direct):
        for message in workspace.store.messages(place):
            if not message.is_by_app or message.ephemeral_to:
                continue
            files = [workspace.store.files[each].name for each in message.files]
            text = message.text if message.is_reply else slack.text_of(message)
            yield Seen(
                id=message.ts,
                place=place,
                at=float(message.ts),
                text=text,
                under=(message.thread_ts or "") if message.is_reply else "",
                shows=_bare(message.blocks or []),
                file=files[0] if files else "",
            )


def _telegram(world: World) -> Iterator[Seen]:
    for place in (GROUP, *NUMBERS.values()):
        for message in world.telegram.store.messages(place):
            if message.is_by_bot:
                yield Seen(
                    id=str(message.message_id),
                    place=str(place),
                    at=message.date.timestamp(),
                    text=message.html if message.reply_to else telegram.text_of(message),
                    under=str(message.reply_to or ""),
                    shows=message.html,
                    file=message.file.name if message.file else "",
                )


def _bare(blocks: Sequence[Any]) -> list[Any]:
    """Return blocks without what Slack adds to them."""
    return [{key: value for key, value in block.items() if key != "block_id"} for block in blocks]
