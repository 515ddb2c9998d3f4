"""Follows the record and keeps every posted card true.

The record is the outbox: nothing is posted for what was rolled back, and what could not be posted
is posted later, from a cursor that moves only when everything before it was dealt with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import Connection

from bot import (
    absence_words,
    absences,
    inbox_cards,
    pictures,
    posted,
    receipt_files,
    recurring,
    recurring_words,
    story,
    views,
    wording,
)
from bot.cards import Card, Home
from bot.chat import Chat, ChatRefused, ChatUnavailable
from bot.digest_card import digest_card
from bot.placing import Placer, hash_of
from bot.posted import Posted
from bot.proposal_notices import ProposalNotices
from bot.services import Services
from bot.wording import OrderView, Reader
from workflows import approvals, audit, digest, orders, people
from workflows.audit import Entry
from workflows.company import Company
from workflows.digest import Digest
from workflows.orders import Order, OrderState
from workflows.people import Person
from workflows.visibility import may_see

log = structlog.get_logger(__name__)

BATCH = 50
_IDLE_SECONDS = 5.0
_FIRST_RETRY, _LONGEST_RETRY = 1.0, 60.0
_UNFINISHED = (
    OrderState.PENDING,
    OrderState.APPROVED,
    OrderState.RELEASED,
    OrderState.SUBMITTED,
    OrderState.UNKNOWN,
)


class Notifier:
    """Posts and updates cards in one chat.

    Attributes:
        behind_since: When the oldest news that could not be delivered happened; None when all is.
    """

    def __init__(self, services: Services, chat: Chat, digest_channel: str | None) -> None:
        self._services = services
        self._chat = chat
        self._digest_channel = digest_channel
        self._placer = Placer(services, chat)
        self._proposals = ProposalNotices(services, chat, self._placer)
        self._cursor = f"notifier:{chat.name}"
        self.behind_since: datetime | None = None

    async def run(self) -> None:
        """Deliver news until cancelled; then somebody else does."""
        try:
            await self._follow()
        finally:
            self.behind_since = None

    async def _follow(self) -> None:
        committed = self._services.database.committed
        retry = _FIRST_RETRY
        while True:
            committed.clear()
            try:
                while await self.deliver():
                    retry = _FIRST_RETRY  # it got somewhere: the next trouble is a new one
                self.behind_since, retry = None, _FIRST_RETRY
            except ChatUnavailable as error:
                self.behind_since = self.behind_since or self._services.clock()
                wait = error.retry_after or retry
                log.warning("chat unavailable", chat=self._chat.name, error=str(error), wait=wait)
                await asyncio.sleep(wait)
                retry = min(_LONGEST_RETRY, retry * 2)
                continue
            except Exception:  # a fault of ours, with one entry: it is tried again, and seen
                self.behind_since = self.behind_since or self._services.clock()
                log.exception("news", chat=self._chat.name, wait=retry)
                await asyncio.sleep(retry)
                retry = min(_LONGEST_RETRY, retry * 2)
                continue
            try:
                await asyncio.wait_for(committed.wait(), _IDLE_SECONDS)
            except TimeoutError:
                continue

    async def deliver(self) -> bool:
        """Deliver the next entries of the record; False when there were none.

        Raises:
            ChatUnavailable: nothing is lost, the same entries come again.
        """
        database = self._services.database
        after = await database.read(lambda connection: audit.position(connection, self._cursor))
        entries = await database.read(lambda connection: audit.after(connection, after or 0, BATCH))
        if not entries:
            return False
        touched: dict[str, Order] = {}
        proposed: dict[str, None] = {}
        leaves: set[str] = set()
        for entry in entries:
            if story.is_about_proposal(entry.kind):
                proposed[entry.subject] = None
            order = await self._order_of(entry)
            if order is not None:
                touched[order.id] = order
                await self._tell(entry, order)
            await self._announce(entry)
            leaves.update(story.whose_leave(entry))
            for person_id in story.whose_leave(entry):
                await self._tell_delegate(entry, person_id)
                touched.update(await self._concerning(person_id))
            if entry.kind in story.ABOUT_IDENTITIES:
                await self._tell_person(entry)
                touched.update(await self._concerning(entry.subject))
                proposed.update(dict.fromkeys(await self._proposals.concerning(entry.subject)))
        for order_id in touched:
            await self._refresh(order_id)
        for proposal_id in proposed:
            await self._proposals.refresh(proposal_id)
        await self._refresh_homes(list(touched.values()), list(proposed), leaves)
        last = entries[-1].seq
        await database.write(lambda connection: audit.advance(connection, self._cursor, last))
        return True

    # ---- orders -------------------------------------------------------------------------------

    async def _order_of(self, entry: Entry) -> Order | None:
        if not story.is_about_order(entry.kind):
            return None
        return await self._services.database.read(
            lambda connection: orders.find(connection, entry.subject)
        )

    async def _refresh(self, order_id: str) -> None:
        """Post what is missing of an order's cards and update those that show something old."""
        view, known, audiences, hidden = await self._services.database.read(
            lambda connection: self._cards_to_be(connection, order_id)
        )
        for audience in hidden:
            await self._placer.withdraw(known.pop(audience), "card.hidden.title")
        for audience in audiences:
            await self._place(view, audience, known.get(audience))
        for audience in known.keys() - set(audiences):
            await self._place(view, audience, known[audience])

    def _cards_to_be(
        self, connection: Connection, order_id: str
    ) -> tuple[OrderView, dict[str, Posted], list[str], list[str]]:
        """Return an order, its cards in this chat, who should have one here, and who no longer.

        Those who should are the account's channel, and those of the people concerned who are at
        home in this chat; a card that stands already is kept true wherever its reader is at home,
        while they may see it.
        """
        services = self._services
        company = services.present(connection)
        view = views.order_view(connection, company, orders.get(connection, order_id))
        known = posted.of_subject(connection, self._chat.name, order_id)
        hidden = [
            card.audience
            for card in known.values()
            if not self._may_see(connection, company, view.order, card)
        ]
        concerned = self._concerned(view)
        directory = services.company.directory
        homes = people.home_chats(connection, directory, concerned, services.chats)
        here = [each.id for each in concerned if homes.get(each.id) == self._chat.name]
        channels = [f"channel:{each}" for each in self._channels(view.order)]
        return view, known, [*(f"person:{each}" for each in here), *channels], hidden

    def _channels(self, order: Order) -> list[str]:
        """Return where in this chat settings have an order's account shown, if anywhere."""
        own = self._services.company.accounts.get(order.account_id)
        channel = own.channels.get(self._chat.name) if own else None
        return [channel] if channel else []

    def _may_see(
        self, connection: Connection, company: Company, order: Order, card: Posted
    ) -> bool:
        """Whether who was once shown an order in this chat may be shown more of it there."""
        kind, _, name = card.audience.partition(":")
        if kind == "channel":
            return name in self._channels(order)
        person = company.directory.get(name)
        if person is None or not may_see(company, person, order):
            return False
        # It may stand with an account that was theirs before.
        return self._placer.stands_with(connection, person, card)

    def _concerned(self, view: OrderView) -> list[Person]:
        """Return requester, approvers, who asked something, and who may resolve it if need be."""
        company, order = replace(self._services.company, away=view.away), view.order
        found = [company.directory.get(order.requester_id)]
        found += approvals.approvers(company, order, view.given)
        asking = (company.directory.get(each.person_id) for each in view.questions)
        told = (company.directory.get(each) for each in view.told_too)
        found += [each for each in (*asking, *told) if each and may_see(company, each, order)]
        if wording.undecided(view):
            found += company.directory.holding(company.permissions.resolve)
        return list({each.id: each for each in found if each is not None}.values())

    async def _concerning(self, person_id: str) -> dict[str, Order]:
        """Return the unfinished orders that a person is, or was, shown."""

        def read(connection: Connection) -> dict[str, Order]:
            found = {}
            shown = posted.subjects_of(connection, self._chat.name, f"person:{person_id}")
            company = self._services.present(connection)
            for order in orders.in_states(connection, *_UNFINISHED):
                view = views.order_view(connection, company, order)
                if order.id in shown or person_id in {each.id for each in self._concerned(view)}:
                    found[order.id] = order
            return found

        return await self._services.database.read(read)

    async def _tell_person(self, entry: Entry) -> None:
        """Tell a person in this chat what became of their identity in another."""
        directory = self._services.company.directory
        person = directory.get(entry.subject)
        if person is None or entry.facts.get("chat") == self._chat.name:
            return
        card = story.identity_card(self._reader(f"person:{person.id}"), entry)
        if card is None:
            return
        address, since = await self._services.database.read(
            lambda connection: (
                people.external_id(connection, directory, person, self._chat.name),
                people.linked_at(connection, person, self._chat.name),
            )
        )
        # Who came here later knows what was before.
        if address is not None and (since is None or since < entry.at):
            await self._post_once(entry, f"person:{person.id}", address, card)

    async def _tell_delegate(self, entry: Entry, person_id: str) -> None:
        """Tell whoever acts for another from now on, or no more, in the chat they are told in."""
        directory, audience = self._services.company.directory, f"person:{person_id}"
        person = directory.get(person_id)
        card = absence_words.news_card(self._reader(audience), entry)
        if person is None or card is None or person_id != entry.facts["delegate"]:
            return
        is_here = await self._services.database.read(
            lambda connection: self._tells_here(connection, entry, audience)
        )
        if is_here:
            known = (await self._cards_of(_subject(entry))).get(audience)
            await self._placer.put(_subject(entry), audience, known, card)
            if audience in await self._cards_of(_subject(entry)):
                await self._remember_told(entry, audience)

    async def _place(self, view: OrderView, audience: str, known: Posted | None) -> None:
        reader = self._reader(audience)
        card = wording.order_card(reader, view, is_channel=audience.startswith("channel:"))
        if known is None and view.order.is_final and not self._is_requester(view, audience):
            return
        await self._placer.put(view.order.id, audience, known, card)

    @staticmethod
    def _is_requester(view: OrderView, audience: str) -> bool:
        return audience == f"person:{view.order.requester_id}"

    async def _tell(self, entry: Entry, order: Order) -> None:
        """Add the entry to the story under the requester's and the channel's card."""
        due, missing = await self._due(entry, order)
        if missing:
            await self._refresh(order.id)
            due, _ = await self._due(entry, order)
        for audience, card in due.items():
            await self._tell_one(entry, order, audience, card)

    async def _due(self, entry: Entry, order: Order) -> tuple[dict[str, Posted], bool]:
        """Return under which cards an entry is still to be told, and whether one is missing."""

        def read(connection: Connection) -> tuple[dict[str, Posted], bool]:
            _, known, audiences, hidden = self._cards_to_be(connection, order.id)
            due = {
                audience: card
                for audience, card in known.items()
                if audience not in hidden
                and self._concerns(entry, order, audience)
                and self._tells_here(connection, entry, audience)
            }
            # Killed between two cards, the rest of them must be there before the story goes on.
            wanted = {each for each in audiences if self._concerns(entry, order, each)}
            return due, not known or not wanted <= known.keys() - set(hidden)

        return await self._services.database.read(read)

    @staticmethod
    def _concerns(entry: Entry, order: Order, audience: str) -> bool:
        """Whether an entry is news for an audience: requester and channel, all, or some."""
        if (named := story.told_only_to(entry)) is not None:
            return audience in named
        is_mine = audience == f"person:{order.requester_id}" or audience.startswith("channel:")
        return is_mine or story.is_told_to_all(entry.kind)

    def _tells_here(self, connection: Connection, entry: Entry, audience: str) -> bool:
        """Whether this is the chat in which an audience is told an entry, and it was not yet."""
        told = posted.told_in(connection, entry.seq, audience)
        kind, _, name = audience.partition(":")
        if kind == "channel":
            return self._chat.name not in told
        company = self._services.company
        person = company.directory.get(name)
        if told or person is None:
            return False
        # Where they were at home when it happened: each chat decides so, whenever it comes to it.
        there = people.home_chats(
            connection, company.directory, [person], self._services.chats, as_of=entry.seq
        )
        home = there.get(person.id, self._chat.name)
        # They cannot be reached there any more perhaps, since the other one has gone past it.
        passed = audit.position(connection, f"notifier:{home}") or 0
        return home == self._chat.name or passed >= entry.seq

    async def _tell_one(self, entry: Entry, order: Order, audience: str, card: Posted) -> None:
        reader = self._reader(audience)
        try:
            if entry.kind == "receipt.stored":
                await self._hand_over_receipt(reader, order, card)
            elif (line := story.line(reader, entry)) is not None:
                actions = story.line_actions(reader, entry, order)
                await self._chat.reply(card.channel, card.message_id, line, actions)
            else:
                return
        except ChatRefused as error:
            log.warning("story refused", audience=audience, order=order.id, code=str(error))
        await self._remember_told(entry, audience)

    async def _hand_over_receipt(self, reader: Reader, order: Order, card: Posted) -> None:
        content = await receipt_files.pdf_of(self._services, reader, order.id)
        await self._chat.upload(
            card.channel,
            card.message_id,
            name=f"{order.id}.pdf",
            title=reader.say("receipt.file_title", order=order.id, payee=order.creditor_name),
            content=content,
        )

    # ---- digest and alarms --------------------------------------------------------------------

    async def _announce(self, entry: Entry) -> None:
        """Post what concerns the whole company in the digest channel."""
        if self._digest_channel is None:
            return
        audience = f"channel:{self._digest_channel}"
        reader = self._reader(audience)
        if entry.kind == "digest.due":
            composed = await self._composed(entry)
            card = digest_card(reader, composed)
            await self._post_once(entry, audience, self._digest_channel, card)
            await self._show_picture(entry, audience, reader, composed)
        elif (alarm := story.alarm_card(reader, entry)) is not None:
            await self._post_once(entry, audience, self._digest_channel, alarm)

    async def _show_picture(
        self, entry: Entry, audience: str, reader: Reader, composed: Digest
    ) -> None:
        """Show the digest's picture under its card, once."""
        card = (await self._cards_of(_subject(entry))).get(audience)
        told = partial(posted.told_in, seq=entry.seq, audience=audience)
        if card is None or self._chat.name in await self._services.database.read(told):
            return
        picture = await pictures.of_digest(self._services, reader, composed)
        try:
            await self._chat.picture(
                card.channel,
                card.message_id,
                name=picture.name,
                title=picture.title,
                content=picture.content,
            )
        except ChatRefused as error:
            log.error("picture refused", code=str(error), audience=audience, entry=entry.seq)
        await self._remember_told(entry, audience)

    async def _post_once(self, entry: Entry, audience: str, address: str, card: Card) -> None:
        subject = _subject(entry)
        if audience in await self._cards_of(subject):
            return
        try:
            where, message_id = await self._chat.post(address, card)
        except ChatRefused as error:
            log.error("news refused", code=str(error), audience=audience, entry=entry.seq)
            return
        await self._placer.remember(Posted(subject, audience, where, message_id, hash_of(card)))

    async def _composed(self, entry: Entry) -> Digest:
        company = self._services.company
        return await self._services.database.read(
            lambda connection: digest.compose(
                connection, company, now=entry.at, for_accounts=list(company.accounts)
            )
        )

    # ---- home pages ---------------------------------------------------------------------------

    async def show_home(self, person: Person) -> None:
        """Show a person's page now, and keep it up to date from here on."""
        await self._services.database.write(
            lambda connection: posted.remember_viewer(connection, self._chat.name, person.id),
            recorded=False,
        )
        await self._publish(person)

    async def _refresh_homes(
        self, touched: Sequence[Order], proposed: Sequence[str], leaves: Collection[str]
    ) -> None:
        """Show the pages anew of whom news are about.

        Args:
            leaves: Who is away from now on, or no longer, and who acts for them.
        """
        company = await self._services.database.read(self._services.present)
        concerned = {*(order.requester_id for order in touched), *leaves}
        for order in touched:
            concerned |= {
                person.id
                for person in company.directory
                if approvals.may_approve(company, person, order)
            }
        if proposed:  # whoever may decide on one has it on their page
            concerned |= {person.id for person in company.directory}
        viewers = await self._services.database.read(
            lambda connection: posted.viewers(connection, self._chat.name, concerned)
        )
        for person_id in viewers:
            person = company.directory.get(person_id)
            if person is None:
                continue
            try:
                await self._publish(person)
            except ChatRefused as error:
                log.warning("home refused", person=person_id, code=str(error))
            except (LookupError, ValueError, TypeError, AssertionError):  # a fault of ours
                log.exception("home", person=person_id)

    async def _publish(self, person: Person) -> None:
        home = await self.home_of(person)
        await self._chat.show_home(person, home)

    async def home_of(self, person: Person) -> Home:
        """Return a person's page: what waits for them, what they asked for, balances."""
        services = self._services
        reader = wording.reader_for(services.messages, services.company, person)
        accounts = services.company.visible_accounts(person)
        inbox = await services.database.read(
            lambda connection: views.inbox(connection, services.present(connection), person)
        )
        readings = await services.collector.known_balances(accounts) if accounts else []
        now, company = services.clock(), services.company
        leave, comes_again = await services.database.read(
            lambda connection: (
                absences.view_of(connection, company, person, now),
                recurring.views_of(connection, company, person),
            )
        )
        further = [replace(absence_words.leave_card(reader, leave), notes=())]
        if comes_again:
            further.append(recurring_words.series_card(reader, comes_again))
        return inbox_cards.home(reader, inbox, readings, now, further)

    # ---- what they share ----------------------------------------------------------------------

    def _reader(self, audience: str) -> Reader:
        return self._placer.reader(audience)

    async def _cards_of(self, subject: str) -> dict[str, Posted]:
        return await self._services.database.read(
            lambda connection: posted.of_subject(connection, self._chat.name, subject)
        )

    async def _remember_told(self, entry: Entry, audience: str) -> None:
        await self._services.database.write(
            lambda connection: posted.remember_told(
                connection, self._chat.name, entry.seq, audience
            )
        )


def _subject(entry: Entry) -> str:
    return f"entry:{entry.seq}"
