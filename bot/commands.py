"""Every command, once, for all chats: who may, what it does, what it answers.

A command answers at once; what needs an institution comes later (`Reply.later`), so that a chat's
acknowledgment never waits for a bank.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection

from bot import (
    absences,
    forms,
    inbox_cards,
    pay_line,
    pictures,
    recurring,
    recurring_words,
    register,
    statement_cards,
    views,
)
from bot.cards import Action, Answer, Card, Download, Fact, Notice, Tone
from bot.digest_card import digest_card
from bot.pay_line import PayLine
from bot.services import Caller, Services
from bot.wording import Reader
from connectors.money import Money
from workflows import (
    audit,
    digest,
    freeze,
    linking,
    orders,
    payees,
    people,
    requests,
    second_factor,
)
from workflows.company import OwnAccount
from workflows.digest import Digest
from workflows.orders import Order
from workflows.people import Person
from workflows.refusal import Refusal
from workflows.requests import Payment
from workflows.visibility import may_see

FUNDS_PATIENCE = 1.2
"""Seconds a request waits for the bank to say what the account has."""

Later = Callable[[], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a command answers: something now, and perhaps something that follows.

    Attributes:
        now: Shown at once; where something follows, only if that takes long.
    """

    now: Answer
    later: Later | None = None


class Commands:
    """The commands people type, by name without the slash."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._commands: dict[str, Callable[[Caller, str], Awaitable[Reply]]] = {
            "balance": self.balance,
            "pay": self.pay,
            "approvals": self.approvals,
            "payment": self.payment,
            "digest": self.digest,
            "freeze": self.freeze,
            "payees": self.payees,
            "away": self.away,
            "recurring": self.recurring,
            "treasury": self.treasury,
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The commands there are."""
        return tuple(self._commands)

    async def run(self, name: str, caller: Caller, text: str) -> Reply:
        """Run a command; a refusal becomes its sentence."""
        try:
            return await self._commands[name](caller, text.strip())
        except Refusal as refusal:
            return Reply(self.refused(caller, refusal))

    def refused(self, caller: Caller, refusal: Refusal) -> Notice:
        """Return a refusal as the caller should read it."""
        return Notice(self._services.reader(caller).refusal(refusal), Tone.BAD)

    # ---- /balance -----------------------------------------------------------------------------

    async def balance(self, caller: Caller, text: str) -> Reply:
        """Show live balances of the accounts the caller may see."""
        del text
        reader = self._services.reader(caller)
        accounts = self._services.company.visible_accounts(caller.person)
        if not accounts:
            await self._services.denied(caller, "balance.not_allowed")
            raise Refusal("balance.not_allowed")

        async def later() -> Answer:
            return await self.balances_of(caller, accounts, is_private=True)

        asking = Notice(reader.say("balance.asking", count=len(accounts)), Tone.MOVING)
        return Reply(asking, later)

    async def balances_of(
        self, caller: Caller, accounts: Sequence[OwnAccount], *, is_private: bool = False
    ) -> Card:
        """Return live balances of accounts, for the caller alone or where they may be shown."""
        readings = await self._services.collector.balances(accounts)
        now = self._services.clock()
        return statement_cards.balance_card(
            self._services.reader(caller), readings, now, is_private=is_private
        )

    # ---- /pay ---------------------------------------------------------------------------------

    async def pay(self, caller: Caller, text: str) -> Reply:
        """Open the payment form, or take a payment typed in one line."""
        company = self._services.company
        reader = self._services.reader(caller)
        await self.check_may_request(caller)
        if not text:
            return Reply(forms.pay_form(reader, tuple(company.accounts.values())))
        if text.casefold() in ("file", "list"):
            return Reply(forms.list_form(reader))
        return Reply(await self.pay_by_line(caller, text, is_no_duplicate=False))

    async def check_may_request(self, caller: Caller) -> None:
        """Refuse, on the record, who may not ask for payments.

        Raises:
            Refusal: ``request.not_allowed``.
        """
        permitted = self._services.company.permissions.request
        if not caller.person.roles & permitted:
            await self._services.denied(caller, "request.not_allowed")
            raise Refusal("request.not_allowed", roles=", ".join(sorted(permitted)))

    async def pay_by_line(self, caller: Caller, text: str, *, is_no_duplicate: bool) -> Answer:
        """Request a payment typed in one line; offer a way on where it needs one.

        Raises:
            Refusal: whatever is wrong with it, said with the line's own words.
        """
        line = pay_line.parse(text)
        own = requests.account_for(self._services.company, line.account, line.amount.currency)
        payment = await self._services.database.read(
            lambda connection: _payment_of(connection, line, own, is_no_duplicate=is_no_duplicate)
        )
        try:
            order = await self.request(caller, payment)
        except Refusal as refusal:
            if refusal.code != "duplicate.recent":
                raise
            again = Action("pay_again", self._services.reader(caller).say("action.pay_again"), text)
            notice = self.refused(caller, refusal)
            return Notice(notice.text, Tone.WAITING, (again,))
        return Notice(
            self._services.reader(caller).say("thanks.requested", order=order.id), Tone.GOOD
        )

    async def request(self, caller: Caller, payment: Payment) -> Order:
        """Store a request after asking the bank, briefly, whether the account has the money.

        Raises:
            Refusal: what is wrong with it.
        """
        services = self._services
        available = await self.available(payment.account_id)
        complete = replace(payment, available=available)
        now = services.clock()
        return await services.database.write(
            lambda connection: requests.request(
                connection,
                services.company,
                caller.person,
                complete,
                key=caller.key,
                now=now,
                origin_channel=caller.channel,
            )
        )

    async def available(self, account_id: str) -> Money | None:
        """Return what an account has, or None where the bank did not say in time."""
        own = self._services.company.accounts.get(account_id)
        if own is None:
            return None
        asking = asyncio.ensure_future(self._services.collector.balances([own]))
        # The answer is worth having even when it comes too late for this request.
        done, _ = await asyncio.wait({asking}, timeout=FUNDS_PATIENCE)
        if not done:
            return None
        (reading,) = asking.result()
        return reading.available if reading.is_fresh else None

    # ---- /approvals, /payment -----------------------------------------------------------------

    async def approvals(self, caller: Caller, text: str) -> Reply:
        """Show what waits for the caller, and what the caller asked for."""
        del text
        return Reply(await self.inbox(caller, views.ALL))

    async def inbox(self, caller: Caller, looked_for: views.Sought) -> Card:
        """Return a page of what waits for the caller."""
        services = self._services
        found = await services.database.read(
            lambda connection: views.inbox(
                connection, services.present(connection), caller.person, looked_for
            )
        )
        return inbox_cards.inbox_card(self._services.reader(caller), found)

    async def payment(self, caller: Caller, text: str) -> Reply:
        """Show one payment and its story."""
        if not text:
            raise Refusal("payment.which")
        services = self._services
        order_id = text.split(maxsplit=1)[0].upper().removeprefix("#")
        order, company = await services.database.read(
            lambda connection: (orders.find(connection, order_id), services.present(connection))
        )
        if order is None or not may_see(company, caller.person, order):
            # The same answer for both: who may not see it does not learn that it is there.
            raise Refusal("order.unknown", order=order_id[:16])
        view, story = await services.database.read(
            lambda connection: (
                views.order_view(connection, company, order),
                audit.of_subject(connection, order.id),
            )
        )
        reader = self._services.reader(caller)
        return Reply(statement_cards.story_card(reader, view, story))

    # ---- /digest ------------------------------------------------------------------------------

    async def digest(self, caller: Caller, text: str) -> Reply:
        """Show the daily digest as of now, of the accounts the caller may see."""
        del text
        composed = await self._digest_for(caller)
        reader = self._services.reader(caller)
        picture = Action("chart", reader.say("action.chart"))
        return Reply(replace(digest_card(reader, composed), actions=(picture,)))

    async def chart(self, caller: Caller) -> Download:
        """Return the digest as of now as a picture.

        Raises:
            Refusal: ``digest.not_allowed``.
        """
        composed = await self._digest_for(caller)
        return await pictures.of_digest(self._services, self._services.reader(caller), composed)

    async def _digest_for(self, caller: Caller) -> Digest:
        """Return the digest of what the caller may see; refuse, on the record, who may not."""
        services = self._services
        accounts = services.company.visible_accounts(caller.person)
        if not caller.person.roles & services.company.permissions.digest or not accounts:
            await self._services.denied(caller, "digest.not_allowed")
            raise Refusal("digest.not_allowed")
        now = services.clock()
        return await services.database.read(
            lambda connection: digest.compose(
                connection,
                services.company,
                now=now,
                for_accounts=[own.id for own in accounts],
            )
        )

    # ---- /freeze ------------------------------------------------------------------------------

    async def freeze(self, caller: Caller, text: str) -> Reply:
        """Stop everything that leaves, at once and on all replicas."""
        services = self._services
        permitted = services.company.permissions.freeze
        if not caller.person.roles & permitted:
            await self._services.denied(caller, "freeze.not_allowed")
        now = services.clock()
        found = await services.database.write(
            lambda connection: freeze.begin(connection, caller.person, permitted, text, now=now)
        )
        reader = self._services.reader(caller)
        said = reader.say("freeze.begun", name=reader.name(found.person_id), reason=found.reason)
        return Reply(Notice(said, Tone.ALARM, (self.unfreeze_action(reader),)))

    @staticmethod
    def unfreeze_action(reader: Reader) -> Action:
        """Return the button with which a freeze is lifted."""
        return Action("unfreeze", reader.say("action.unfreeze"))

    # ---- /payees ------------------------------------------------------------------------------

    async def payees(self, caller: Caller, text: str) -> Reply:
        """Show the payee register, or who in it has ``text`` in name or account."""
        return Reply(await register.listing(self._services, caller, text))

    # ---- /away --------------------------------------------------------------------------------

    async def away(self, caller: Caller, text: str) -> Reply:
        """Show when the caller is away and who acts for whom, with what can be done about it."""
        del text
        return Reply(await absences.card(self._services, caller))

    # ---- /recurring ---------------------------------------------------------------------------

    async def recurring(self, caller: Caller, text: str) -> Reply:
        """Show the payments that come again, of what the caller may see."""
        del text
        return Reply(await recurring.card(self._services, caller))

    # ---- /treasury ----------------------------------------------------------------------------

    async def treasury(self, caller: Caller, text: str) -> Reply:
        """Help; ``enrol`` a second factor; ``whoami``."""
        match text.lower().split():
            case []:
                return Reply(self._help(caller))
            case ["help"]:
                return Reply(self._help(caller))
            case ["enrol" | "enroll"]:
                return Reply(await self.enrol(caller))
            case ["whoami"] | ["who", "am", "i"]:
                return Reply(await self._whoami(caller))
            case ["link"]:
                return Reply(await self.link(caller))
            case ["here"]:
                return Reply(await self.prefer(caller, caller.chat))
            case ["unlink", who, chat]:
                return Reply(await self._unlink(caller, who, chat))
            case ["relink", who, chat]:
                return Reply(await self._allow_link(caller, who, chat))
            case _:
                raise Refusal("treasury.unknown", text=text[:40])

    async def enrol(self, caller: Caller) -> Notice:
        """Start the enrolment of a second factor: a page that opens once, for a short time."""
        services = self._services
        now = services.clock()
        address = services.public_url()
        # Telegram proves who opens a page to pages that are reached by https alone.
        proves_opener = caller.chat == "telegram" and address.startswith("https://")
        opener = f"telegram:{caller.identity}" if proves_opener else None
        token = await services.database.write(
            lambda connection: second_factor.begin_enrolment(
                connection, services.cipher, caller.person.id, now=now, opener=opener
            )
        )
        minutes = int(second_factor.ENROLMENT_LIFE.total_seconds() // 60)
        reader = self._services.reader(caller)
        link = Action(
            "open",
            reader.say("action.enrol"),
            f"{address}/enrol/{token}",
            asks_opener=proves_opener,
        )
        return Notice(reader.say("enrol.link", minutes=minutes), Tone.NEUTRAL, (link,))

    async def link(self, caller: Caller) -> Notice:
        """Start linking Telegram: a deep link that works once, for a short time."""
        services = self._services
        if services.telegram_link("") is None:
            raise Refusal("link.no_telegram")
        now = services.clock()
        token = await services.database.write(
            lambda connection: linking.begin(
                connection, caller.person, "telegram", by=caller.person.id, now=now
            )
        )
        minutes = int(linking.LINK_LIFE.total_seconds() // 60)
        reader = self._services.reader(caller)
        link = Action("open", reader.say("action.link"), services.telegram_link(token) or "")
        return Notice(reader.say("link.begun", minutes=minutes), Tone.NEUTRAL, (link,))

    async def prefer(self, caller: Caller, chat: str) -> Notice:
        """Send what concerns the caller to ``chat`` from now on."""
        services, reader = self._services, self._services.reader(caller)
        if chat not in services.chats:
            raise Refusal("chat.unknown", chat=chat[:20], known=", ".join(services.chats))
        now = services.clock()
        await services.database.write(
            lambda connection: people.prefer(connection, caller.person, chat, now=now)
        )
        return Notice(reader.say("link.preferred", chat=reader.say(f"chat.{chat}")), Tone.GOOD)

    async def _unlink(self, caller: Caller, who: str, chat: str) -> Notice:
        person = await self._administered(caller, who, chat)
        services, reader = self._services, self._services.reader(caller)
        now = services.clock()
        await services.database.write(
            lambda connection: people.unlink(
                connection, person, chat=chat, by=caller.person.id, now=now
            )
        )
        said = reader.say("link.unlinked", name=person.name, chat=reader.say(f"chat.{chat}"))
        return Notice(said, Tone.GOOD)

    async def _allow_link(self, caller: Caller, who: str, chat: str) -> Notice:
        person = await self._administered(caller, who, chat)
        services, reader = self._services, self._services.reader(caller)
        now = services.clock()
        await services.database.write(
            lambda connection: people.allow_link(
                connection, person, chat=chat, by=caller.person.id, now=now
            )
        )
        said = reader.say("link.allowed", name=person.name, chat=reader.say(f"chat.{chat}"))
        return Notice(said, Tone.GOOD)

    async def _administered(self, caller: Caller, who: str, chat: str) -> Person:
        """Return whom an administrator means.

        Raises:
            Refusal: the caller is none, or there is no such person or chat.
        """
        company = self._services.company
        if not caller.person.roles & company.permissions.admin:
            await self._services.denied(caller, "admin.not_allowed")
            raise Refusal("admin.not_allowed")
        person = company.directory.get(who) or company.directory.by_email(who)
        if person is None:
            raise Refusal("person.unknown", who=who[:64])
        if chat not in self._services.chats:
            known = ", ".join(self._services.chats)
            raise Refusal("chat.unknown", chat=chat[:20], known=known)
        return person

    def _help(self, caller: Caller) -> Card:
        reader = self._services.reader(caller)
        names = [
            "pay",
            "pay_line",
            "pay_file",
            "balance",
            "approvals",
            "payment",
            "digest",
            "payees",
            "away",
            "recurring",
            "enrol",
            "whoami",
        ]
        if caller.person.roles & self._services.company.permissions.freeze:
            names.append("freeze")
        if len(self._services.chats) > 1:
            names += ["link", "here"]
        if caller.person.roles & self._services.company.permissions.admin:
            names.append("unlink")
        return Card(
            title=reader.say("help.title"),
            lines=tuple(reader.say(f"help.{name}") for name in names),
            notes=(reader.say("help.note"),),
        )

    async def _whoami(self, caller: Caller) -> Card:
        services, person = self._services, caller.person
        enrolled = await services.database.read(
            lambda connection: second_factor.is_enrolled(connection, person.id)
        )
        reader = self._services.reader(caller)
        accounts = [own.name for own in services.company.visible_accounts(person)]
        say = reader.say
        return Card(
            title=say("whoami.title", name=person.name),
            facts=(
                Fact(say("whoami.person"), f"{person.id}\n{person.email}"),
                Fact(say("whoami.roles"), ", ".join(map(reader.role, sorted(person.roles)))),
                Fact(say("whoami.factor"), say("whoami.enrolled" if enrolled else "whoami.none")),
                Fact(say("whoami.accounts"), ", ".join(accounts) or say("nothing")),
            ),
        )


def _payment_of(
    connection: Connection, line: PayLine, own: OwnAccount, *, is_no_duplicate: bool
) -> Payment:
    payment = Payment(
        account_id=own.id,
        amount=line.amount,
        remittance=line.reference,
        execution_date=parsed_date(line.date),
        is_no_duplicate=is_no_duplicate,
        repeats=recurring_words.asked_for(
            {"every": line.every}, parsed_date(line.until, field="until")
        ),
    )
    if line.iban:
        return replace(payment, name=line.payee, iban=line.iban)
    return replace(payment, payee_id=payees.named(connection, line.payee).id)


def parsed_date(text: str, *, field: str = "date") -> date | None:
    """Return an ISO date, or None for an empty text.

    Raises:
        Refusal: ``date.malformed``.
    """
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal("date.malformed", field=field, text=text[:20]) from None
