"""Every button and every form, once, for all chats.

A click's meaning is the order's version and the person; authority is decided anew each time it
comes, from the database, never from what the button carried.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from sqlalchemy import Connection

from bot import absence_words, forms, pay_line, recurring_words, wording
from bot.absences import Absences
from bot.cards import (
    Accepted,
    Action,
    Answer,
    Choice,
    Form,
    Invalid,
    Notice,
    Replace,
    Submitted,
    Tone,
)
from bot.commands import Commands, parsed_date
from bot.decisions import STALE, Decisions
from bot.files import Files
from bot.forms import PayDraft
from bot.recurring import Recurring
from bot.register import Register
from bot.services import Caller, Services
from bot.wording import Reader
from workflows import (
    freeze,
    instructions,
    kept_files,
    linking,
    orders,
    payees,
    requests,
)
from workflows.orders import Order, OrderState
from workflows.payees import Payee
from workflows.refusal import Refusal
from workflows.requests import Payment
from workflows.visibility import may_see

Answers = Mapping[str, str]
"""What a form came back with: input name → text, choice's value or ISO date; empty when left so."""


class Interactions:
    """What clicks and submitted forms do.

    Attributes:
        files: What people send along.
    """

    def __init__(self, services: Services, commands: Commands) -> None:
        self._services = services
        self._commands = commands
        self.files = Files(services, commands)
        self._decisions = Decisions(services, commands)
        register = Register(services)
        absences = Absences(services)
        recurring = Recurring(services)
        self._clicks: dict[str, Callable[[Caller, str], Awaitable[Answer]]] = {
            "amend": self.ask_amendment,
            "cancel": self.cancel,
            "resolve": self.ask_resolution,
            "pay_again": self.pay_again,
            "pay": self.ask_payment,
            "show": self.show,
            "enrol": self.enrol,
            "prefer": self.prefer,
            "invoice": self.files.invoice,
            "chart": self.chart,
            "unfreeze": self.ask_unfreeze,
            **self._decisions.clicks,
            **register.clicks,
            **absences.clicks,
            **recurring.clicks,
        }
        self._forms: dict[str, Callable[[Caller, str, Answers], Awaitable[Submitted]]] = {
            "resolve": self.resolve,
            "pay": self.pay,
            "link": self.link,
            "unfreeze": self.unfreeze,
            "list": self.files.check_list,
            "list_confirm": self.files.request_list,
            **self._decisions.forms,
            **register.forms,
            **absences.forms,
        }

    @property
    def clicks(self) -> tuple[str, ...]:
        """Ids of the buttons there are."""
        return tuple(self._clicks)

    @property
    def forms(self) -> tuple[str, ...]:
        """Ids of the forms there are."""
        return tuple(self._forms)

    async def click(self, action: str, caller: Caller, value: str) -> Answer:
        """Do what a button asks for; a refusal becomes its sentence."""
        try:
            return await self._clicks[action](caller, value)
        except Refusal as refusal:
            return self._commands.refused(caller, refusal)

    async def submit(self, form: str, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Take a form; a refusal is shown beneath the input it is about."""
        try:
            return await self._forms[form](caller, token, answers)
        except Refusal as refusal:
            return await self._invalid(caller, form, token, answers, refusal)

    async def problem(self, form: str, caller: Caller, name: str, answers: Answers) -> str | None:
        """Return what is wrong with one answer of a form, as far as it can be told by itself.

        For chats that ask one thing after another; the form as a whole is checked in `submit`.
        """
        text = answers.get(name, "")
        try:
            match (form, name):
                case ("pay", "amount"):
                    own = self._services.company.accounts.get(answers.get("account", ""))
                    if own is not None:
                        pay_line.amount(text, own.account.currency)
                case ("pay" | "payee", "iban") if text:
                    requests.checked_iban(text)
                case ("pay", "date" | "until") | ("absence", "from" | "until"):
                    parsed_date(text)
        except Refusal as refusal:
            return self._reader(caller).refusal(refusal)
        return None

    # ---- buttons ------------------------------------------------------------------------------

    async def ask_resolution(self, caller: Caller, value: str) -> Answer:
        """Show the form that says what became of a payment."""
        view = await self._decisions.view(value)
        company = self._services.company
        if not caller.person.roles & company.permissions.resolve:
            roles = ", ".join(sorted(company.permissions.resolve))
            raise Refusal("resolve.not_allowed", roles=roles)
        if caller.person.id == view.order.requester_id:
            raise Refusal("resolve.own_request")
        if not wording.undecided(view):
            raise Refusal("resolve.not_needed", order=view.order.id, state=view.order.state)
        return forms.resolution_form(self._reader(caller), view)

    async def ask_amendment(self, caller: Caller, value: str) -> Answer:
        """Show the payment form filled with one's own pending request."""
        view = await self._decisions.view(value)
        order = view.order
        if order.requester_id != caller.person.id:
            raise Refusal("order.not_yours", order=order.id)
        if order.state != OrderState.PENDING:
            raise Refusal("order.not_pending", order=order.id, state=order.state)
        accounts = tuple(self._services.company.accounts.values())
        draft = await self._services.database.read(lambda connection: _draft(connection, order))
        return forms.pay_form(
            self._reader(caller), accounts, draft, order_id=order.id, version=order.version
        )

    async def ask_payment(self, caller: Caller, value: str) -> Answer:
        """Show the empty payment form."""
        del value
        return (await self._commands.pay(caller, "")).now

    async def cancel(self, caller: Caller, value: str) -> Answer:
        """Withdraw one's own request, or ask the institution to stop the payment."""
        order_id, _ = forms.order_and_version(value)
        services, reader = self._services, self._reader(caller)
        now = services.clock()

        def withdraw(connection: Connection) -> Order:
            order = orders.get(connection, order_id)
            if order.state not in (OrderState.RELEASED, OrderState.SUBMITTED):
                return requests.cancel(connection, caller.person, order_id, now=now)
            can_stop = order.connector in services.company.stoppable
            return instructions.ask_back(
                connection, caller.person, order_id, can_stop=can_stop, now=now
            )

        order = await services.database.write(withdraw)
        if order.state == OrderState.CANCELLED:
            return Notice(reader.say("cancelled", order=order.id), Tone.NEUTRAL)
        await services.dispatcher.wake(order.id)
        return Notice(reader.say("cancel_asked", order=order.id), Tone.MOVING)

    async def pay_again(self, caller: Caller, value: str) -> Answer:
        """Request a typed payment although an equal one was asked for lately."""
        return await self._commands.pay_by_line(caller, value, is_no_duplicate=True)

    async def show(self, caller: Caller, value: str) -> Answer:
        """Show one payment and its story."""
        order_id, _ = forms.order_and_version(value)
        return (await self._commands.payment(caller, order_id)).now

    async def chart(self, caller: Caller, value: str) -> Answer:
        """Show the digest as of now as a picture."""
        del value
        return await self._commands.chart(caller)

    async def enrol(self, caller: Caller, value: str) -> Answer:
        """Start the enrolment of a second factor."""
        del value
        return await self._commands.enrol(caller)

    async def prefer(self, caller: Caller, value: str) -> Answer:
        """Send what concerns the caller to the chat ``value`` from now on."""
        return await self._commands.prefer(caller, value)

    async def ask_unfreeze(self, caller: Caller, value: str) -> Answer:
        """Show the form on which a person agrees that payments leave again."""
        del value
        company = self._services.company
        found = await self._services.database.read(freeze.present)
        if found is None:
            raise Refusal("freeze.none")
        if not caller.person.roles & company.permissions.unfreeze:
            roles = ", ".join(sorted(company.permissions.unfreeze))
            raise Refusal("freeze.not_allowed", roles=roles)
        return forms.unfreeze_form(self._reader(caller), found)

    # ---- forms --------------------------------------------------------------------------------

    async def resolve(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Say what became of a payment of which the institution cannot."""
        services = self._services
        order_id, _, _ = forms.order_version_digest(token)
        now = services.clock()
        result = await services.database.write(
            lambda connection: instructions.resolve(
                connection,
                services.company,
                services.cipher,
                caller.person,
                order_id,
                was_executed=answers.get("outcome") == "executed",
                code=answers.get("code", ""),
                note=answers.get("note", ""),
                now=now,
            )
        )
        if isinstance(result, Refusal):
            raise result
        return Accepted(Notice(self._reader(caller).say("thanks.resolved"), Tone.GOOD))

    async def unfreeze(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Count a person's consent that payments leave again."""
        services = self._services
        now = services.clock()
        result = await services.database.write(
            lambda connection: freeze.agree_to_lift(
                connection,
                services.company,
                services.cipher,
                caller.person,
                token,
                answers.get("code", ""),
                now=now,
            )
        )
        if isinstance(result, Refusal):
            raise result
        reader = self._reader(caller)
        if result.missing:
            return Accepted(Notice(reader.say("freeze.agreed", missing=result.missing), Tone.GOOD))
        return Accepted(Notice(reader.say("freeze.lifted"), Tone.GOOD))

    async def claimant(self, token: str, chat: str, identity: str, key: str) -> Caller:
        """Return whoever holds a link's token as the person it names, to be proved by a code.

        Good for that form (`ask_link`, `link`) and for nothing else.

        Raises:
            Refusal: the link is void.
        """
        services = self._services
        now = services.clock()
        person = await services.database.write(
            lambda connection: linking.claim(
                connection,
                services.company.directory,
                token,
                chat=chat,
                external_id=identity,
                now=now,
            )
        )
        language = person.language or services.company.language
        return Caller(person, chat, language, key, identity)

    def ask_link(self, claimant: Caller, token: str) -> Form:
        """Return the form on which a link's claimant proves who they are."""
        return forms.link_form(self._reader(claimant), claimant.chat, token)

    async def link(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Link the identity that opened the link's token, with the code of whom it names."""
        services = self._services
        now = services.clock()
        person = await services.database.write(
            lambda connection: linking.confirm(
                connection,
                services.company.directory,
                services.cipher,
                token,
                answers.get("code", ""),
                chat=caller.chat,
                external_id=caller.identity,
                now=now,
            )
        )
        if isinstance(person, Refusal):
            raise person
        reader = wording.reader_for(services.messages, services.company, person)
        chat = reader.say(f"chat.{caller.chat}")
        prefer = Action("prefer", reader.say("action.prefer", chat=chat), caller.chat)
        said = reader.say("link.done", name=person.name, company=reader.company.name, chat=chat)
        return Accepted(Notice(said, Tone.GOOD, (prefer,) if len(services.chats) > 1 else ()))

    async def pay(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Request the payment on the form, or change the order it was opened for."""
        order_id, version, kept = forms.pay_token(token)
        payment = self._payment({"invoice": kept, **answers})
        if order_id:
            await self._amend(caller, order_id, version, payment)
            return Accepted(Notice(self._reader(caller).say("thanks.amended"), Tone.GOOD))
        order = await self._commands.request(caller, payment)
        text = self._reader(caller).say("thanks.requested", order=order.id)
        return Accepted(Notice(text, Tone.GOOD))

    async def _amend(self, caller: Caller, order_id: str, version: int, payment: Payment) -> None:
        services = self._services
        available = await self._commands.available(payment.account_id)
        complete = replace(payment, available=available)
        now = services.clock()
        await services.database.write(
            lambda connection: requests.amend(
                connection,
                services.company,
                caller.person,
                order_id,
                complete,
                version=version,
                now=now,
            )
        )

    def _payment(self, answers: Answers) -> Payment:
        """Read a payment form.

        Raises:
            Refusal: about the field that is wrong.
        """
        own = self._services.company.accounts.get(answers.get("account", ""))
        if own is None:
            raise Refusal("account.unknown", field="account", account=answers.get("account", ""))
        payee_id = answers.get("payee", "")
        name, iban = answers.get("name", "").strip(), answers.get("iban", "").strip()
        if payee_id and (name or iban):
            raise Refusal("payee.both", field="name")
        if not payee_id and not name and not iban:
            raise Refusal("payee.missing", field="payee")
        if not payee_id and not name:
            raise Refusal("payee.name_missing", field="name")
        if not payee_id and not iban:
            raise Refusal("payee.iban_missing", field="iban")
        return Payment(
            account_id=own.id,
            amount=pay_line.amount(answers.get("amount", ""), own.account.currency),
            payee_id=payee_id or None,
            name=name,
            iban=iban,
            remittance=answers.get("reference", ""),
            execution_date=parsed_date(answers.get("date", "")),
            is_no_duplicate=answers.get("duplicate") == "yes",
            files=(answers["invoice"],) if answers.get("invoice") else (),
            kind=forms.kind_of(answers),
            repeats=recurring_words.asked_for(
                answers, parsed_date(answers.get("until", ""), field="until")
            ),
        )

    async def suggest(self, caller: Caller, name: str, text: str) -> tuple[Choice, ...]:
        """Return what a search input of this name finds: who could act for one, or payees."""
        if name == "delegate":
            return absence_words.delegates(self._reader(caller), caller.person.id, text)
        if not caller.person.roles & self._services.company.permissions.request:
            return ()
        found = await self._services.database.read(
            lambda connection: payees.search(connection, text)
        )
        return tuple(Choice(each.id, _label(each)) for each in found)

    # ---- what they share ----------------------------------------------------------------------

    def _reader(self, caller: Caller) -> Reader:
        return self._services.reader(caller)

    async def _invalid(
        self, caller: Caller, form: str, token: str, answers: Answers, refusal: Refusal
    ) -> Submitted:
        """Return a refusal where the person will see it."""
        text = self._reader(caller).refusal(refusal)
        if form == "pay" and refusal.code == "duplicate.recent":
            return Replace(await self._confirm_duplicate(caller, token, answers, text))
        if refusal.field is not None and refusal.field != "duplicate":
            return Invalid({refusal.field: text})
        if refusal.code == "freeze.changed":
            return await self._freeze_changed(caller, text)
        about = forms.pay_token(token)[0] if form == "pay" else token
        if about and refusal.code in STALE:
            view = await self._decisions.view(about)
            company = await self._services.database.read(self._services.present)
            if may_see(company, caller.person, view.order):
                return Replace(forms.outdated_form(self._reader(caller), view, text))
        return Accepted(Notice(text, Tone.BAD))

    async def _freeze_changed(self, caller: Caller, text: str) -> Submitted:
        """Return the form for the freeze in force now, in place of one for another."""
        found = await self._services.database.read(freeze.present)
        if found is None:
            return Accepted(Notice(text, Tone.BAD))
        return Replace(forms.unfreeze_form(self._reader(caller), found, lines=(text,)))

    async def _confirm_duplicate(
        self, caller: Caller, token: str, answers: Answers, text: str
    ) -> Form:
        """Return the form again, with a box to tick by who means a second payment."""
        payee_id = answers.get("payee", "")
        order_id, version, kept = forms.pay_token(token)
        kept = answers.get("invoice", kept)
        payee, files = await self._services.database.read(
            lambda connection: (
                payees.get(connection, payee_id),
                kept_files.own(connection, caller.person, [kept] if kept else []),
            )
        )
        draft = PayDraft(
            amount=answers.get("amount", ""),
            account=answers.get("account", ""),
            payee=payee_id,
            payee_label=_label(payee) if payee else "",
            name=answers.get("name", ""),
            iban=answers.get("iban", ""),
            reference=answers.get("reference", ""),
            date=answers.get("date", ""),
            invoice=kept,
            invoice_label=files[0].name if files else "",
            kind=answers.get("kind", ""),
            every=answers.get("every", ""),
            until=answers.get("until", ""),
        )
        accounts = tuple(self._services.company.accounts.values())
        return forms.pay_form(
            self._reader(caller),
            accounts,
            draft,
            order_id=order_id,
            version=version,
            ask_duplicate=True,
            lines=(text,),
        )


def _label(payee: Payee) -> str:
    return f"{payee.name} · {wording.masked(payee.iban)}"


def _draft(connection: Connection, order: Order) -> PayDraft:
    """Return the payment form's fields for an order that is there already."""
    payee = payees.get(connection, order.payee_id) if order.payee_id else None
    return PayDraft(
        amount=f"{order.amount.decimal:f}",
        account=order.account_id,
        payee=payee.id if payee else "",
        payee_label=_label(payee) if payee else "",
        name="" if payee else order.creditor_name,
        iban="" if payee else wording.spaced(order.creditor_iban),
        reference=order.remittance,
        date=order.execution_date.isoformat() if order.execution_date else "",
        invoice=order.files[0].id if order.files else "",
        invoice_label=order.files[0].name if order.files else "",
        kind=order.kind,
        every=str(recurrence.every) if (recurrence := order.recurrence) else "",
        until=recurrence.until.isoformat() if recurrence else "",
        is_of_series=order.series_id is not None,
    )
