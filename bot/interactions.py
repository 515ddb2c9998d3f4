"""Every button and every form, once, for all chats.

A click's meaning is the order's version and the person; authority is decided anew each time it
comes, from the database, never from what the button carried.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from sqlalchemy import Connection

from bot import forms, pay_line, views, wording
from bot.cards import (
    Accepted,
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
from bot.forms import PayDraft
from bot.services import Caller, Services
from bot.wording import OrderView, Reader
from workflows import approvals, instructions, orders, payees, requests
from workflows.approvals import Decided, Decision
from workflows.orders import Order, OrderState
from workflows.payees import Payee
from workflows.refusal import Refusal
from workflows.requests import Payment

Answers = Mapping[str, str]
"""What a form came back with: input name → text, choice's value or ISO date; empty when left so."""

_STALE = frozenset(
    {"order.stale", "order.not_pending", "order.expired", "order.tampered", "order.changed"}
)


class Interactions:
    """What clicks and submitted forms do."""

    def __init__(self, services: Services, commands: Commands) -> None:
        self._services = services
        self._commands = commands
        self._clicks: dict[str, Callable[[Caller, str], Awaitable[Answer]]] = {
            "approve": self.ask_approval,
            "reject": self.ask_rejection,
            "amend": self.ask_amendment,
            "cancel": self.cancel,
            "resolve": self.ask_resolution,
            "pay_again": self.pay_again,
            "pay": self.ask_payment,
            "show": self.show,
            "enrol": self.enrol,
        }
        self._forms: dict[str, Callable[[Caller, str, Answers], Awaitable[Submitted]]] = {
            "approve": self.approve,
            "reject": self.reject,
            "resolve": self.resolve,
            "pay": self.pay,
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

    # ---- buttons ------------------------------------------------------------------------------

    async def ask_approval(self, caller: Caller, value: str) -> Answer:
        """Show the approval form, or say why there is none for this person."""
        view = await self._checked(caller, value, Decision.APPROVE)
        if isinstance(view, Form):
            return view
        return forms.approval_form(self._reader(caller), view)

    async def ask_rejection(self, caller: Caller, value: str) -> Answer:
        """Show the rejection form, or say why there is none for this person."""
        view = await self._checked(caller, value, Decision.REJECT)
        if isinstance(view, Form):
            return view
        return forms.rejection_form(self._reader(caller), view)

    async def ask_resolution(self, caller: Caller, value: str) -> Answer:
        """Show the form that says what became of a payment."""
        view = await self._view(value)
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
        view = await self._view(value)
        order = view.order
        if order.requester_id != caller.person.id:
            raise Refusal("order.not_yours", order=order.id)
        if order.state != OrderState.PENDING:
            raise Refusal("order.not_pending", order=order.id, state=order.state)
        accounts = tuple(self._services.company.accounts.values())
        draft = await self._services.database.read(lambda connection: _draft(connection, order))
        return forms.pay_form(self._reader(caller), accounts, draft, token=order.id)

    async def ask_payment(self, caller: Caller, value: str) -> Answer:
        """Show the empty payment form."""
        del value
        return (await self._commands.pay(caller, "")).now

    async def cancel(self, caller: Caller, value: str) -> Answer:
        """Withdraw one's own request."""
        order_id, _ = _order_and_version(value)
        now = self._services.clock()
        order = await self._services.database.write(
            lambda connection: requests.cancel(connection, caller.person, order_id, now=now)
        )
        return Notice(self._reader(caller).say("cancelled", order=order.id), Tone.NEUTRAL)

    async def pay_again(self, caller: Caller, value: str) -> Answer:
        """Request a typed payment although an equal one was asked for lately."""
        return await self._commands.pay_by_line(caller, value, is_no_duplicate=True)

    async def show(self, caller: Caller, value: str) -> Answer:
        """Show one payment and its story."""
        order_id, _ = _order_and_version(value)
        return (await self._commands.payment(caller, order_id)).now

    async def enrol(self, caller: Caller, value: str) -> Answer:
        """Start the enrolment of a second factor."""
        del value
        return await self._commands.enrol(caller)

    # ---- forms --------------------------------------------------------------------------------

    async def approve(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Approve what the form showed, with the code it asked for."""
        return await self._decide(caller, token, Decision.APPROVE, code=answers.get("code", ""))

    async def reject(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Reject what the form showed, with a reason."""
        return await self._decide(caller, token, Decision.REJECT, reason=answers.get("reason", ""))

    async def _decide(
        self, caller: Caller, token: str, decision: Decision, *, code: str = "", reason: str = ""
    ) -> Submitted:
        services = self._services
        order_id, version, digest = _order_version_digest(token)
        choice = approvals.Choice(order_id, version, digest, decision, code, reason)
        now = services.clock()
        result = await services.database.write(
            lambda connection: approvals.decide(
                connection, services.company, services.cipher, caller.person, choice, now=now
            )
        )
        if isinstance(result, Refusal):
            raise result
        if result.order.state == OrderState.APPROVED:
            await services.dispatcher.begin(result.order.id)
        return Accepted(self._thanks(caller, result, decision))

    def _thanks(self, caller: Caller, result: Decided, decision: Decision) -> Notice:
        reader = self._reader(caller)
        facts = {
            "amount": reader.money(result.order.amount),
            "payee": result.order.creditor_name,
        }
        if decision is Decision.REJECT:
            return Notice(reader.say("thanks.rejected", **facts), Tone.BAD)
        if result.assignment.is_complete:
            return Notice(reader.say("thanks.complete", **facts), Tone.GOOD)
        missing = sum(slot.count for slot in result.assignment.missing)
        return Notice(reader.say("thanks.approved", missing=missing, **facts), Tone.GOOD)

    async def resolve(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Say what became of a payment of which the institution cannot."""
        services = self._services
        order_id, _, _ = _order_version_digest(token)
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

    async def pay(self, caller: Caller, token: str, answers: Answers) -> Submitted:
        """Request the payment on the form, or change the order it was opened for."""
        payment = self._payment(answers)
        if token:
            await self._amend(caller, token, payment)
            return Accepted(Notice(self._reader(caller).say("thanks.amended"), Tone.GOOD))
        order = await self._commands.request(caller, payment)
        text = self._reader(caller).say("thanks.requested", order=order.id)
        return Accepted(Notice(text, Tone.GOOD))

    async def _amend(self, caller: Caller, order_id: str, payment: Payment) -> None:
        services = self._services
        available = await self._commands.available(payment.account_id)
        complete = replace(payment, available=available)
        now = services.clock()
        await services.database.write(
            lambda connection: requests.amend(
                connection, services.company, caller.person, order_id, complete, now=now
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
        )

    async def suggest(self, caller: Caller, text: str) -> tuple[Choice, ...]:
        """Return payees for a search input."""
        if not caller.person.roles & self._services.company.permissions.request:
            return ()
        found = await self._services.database.read(
            lambda connection: payees.search(connection, text)
        )
        return tuple(Choice(each.id, _label(each)) for each in found)

    # ---- what they share ----------------------------------------------------------------------

    def _reader(self, caller: Caller) -> Reader:
        return self._commands.reader(caller)

    async def _view(self, value: str) -> OrderView:
        order_id, _ = _order_and_version(value)
        return await self._services.database.read(
            lambda connection: views.order_view(connection, orders.get(connection, order_id))
        )

    async def _checked(self, caller: Caller, value: str, decision: Decision) -> OrderView | Form:
        """Return the order if this person may decide on it, or what an old card answers.

        Raises:
            Refusal: this person may not decide on it.
        """
        services = self._services
        view = await self._view(value)
        _, version = _order_and_version(value)
        choice = approvals.Choice(view.order.id, version, view.order.digest, decision)
        now = services.clock()
        refusal = await services.database.write(
            lambda connection: approvals.admitted(
                connection, services.company, caller.person, choice, now=now
            )
        )
        if not isinstance(refusal, Refusal):
            return view
        if refusal.code in _STALE:
            text = self._reader(caller).refusal(refusal)
            return forms.outdated_form(self._reader(caller), view, text)
        raise refusal

    async def _invalid(
        self, caller: Caller, form: str, token: str, answers: Answers, refusal: Refusal
    ) -> Submitted:
        """Return a refusal where the person will see it."""
        text = self._reader(caller).refusal(refusal)
        if form == "pay" and refusal.code == "duplicate.recent":
            return Replace(await self._confirm_duplicate(caller, token, answers, text))
        if refusal.field is not None and refusal.field != "duplicate":
            return Invalid({refusal.field: text})
        if token and refusal.code in _STALE:
            view = await self._view(token)
            return Replace(forms.outdated_form(self._reader(caller), view, text))
        return Accepted(Notice(text, Tone.BAD))

    async def _confirm_duplicate(
        self, caller: Caller, token: str, answers: Answers, text: str
    ) -> Form:
        """Return the form again, with a box to tick by who means a second payment."""
        payee_id = answers.get("payee", "")
        payee = await self._services.database.read(
            lambda connection: payees.get(connection, payee_id)
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
        )
        accounts = tuple(self._services.company.accounts.values())
        return forms.pay_form(
            self._reader(caller),
            accounts,
            draft,
            token=token,
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
    )


def _order_and_version(value: str) -> tuple[str, int]:
    order_id, _, rest = value.partition(":")
    version, _, _ = rest.partition(":")
    return order_id[:16], int(version) if version.isascii() and version.isdigit() else 0


def _order_version_digest(token: str) -> tuple[str, int, str]:
    order_id, version = _order_and_version(token)
    return order_id, version, token.rpartition(":")[2]
