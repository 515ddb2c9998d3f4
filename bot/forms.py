"""Forms about orders, in the reader's language.

What is agreed to is shown whole here, nothing masked: it is what will be sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.cards import Choice, Fact, Form, Input, InputKind
from bot.wording import OrderView, Reader, execution_line, masked, risk_lines, spaced, state_line
from workflows.company import OwnAccount
from workflows.orders import Order
from workflows.requests import LONGEST_NAME, LONGEST_REMITTANCE


def approval_form(reader: Reader, view: OrderView) -> Form:
    """Return the form on which a person sees payee and amount again, whole, and gives a code."""
    order, say = view.order, reader.say
    return Form(
        id="approve",
        title=say("form.approve.title"),
        submit=say("action.approve"),
        cancel=say("form.cancel"),
        token=f"{order.id}:{order.version}:{order.digest}",
        facts=_whole_facts(reader, order),
        lines=tuple(risk_lines(reader, order)),
        inputs=(_code_input(reader),),
    )


def rejection_form(reader: Reader, view: OrderView) -> Form:
    """Return the form on which a person says why not."""
    order, say = view.order, reader.say
    return Form(
        id="reject",
        title=say("form.reject.title"),
        submit=say("action.reject"),
        cancel=say("form.cancel"),
        token=f"{order.id}:{order.version}:{order.digest}",
        facts=_whole_facts(reader, order),
        inputs=(
            Input(
                "reason",
                InputKind.LONG_TEXT,
                say("form.reject.reason"),
                hint=say("form.reject.hint"),
                longest=300,
            ),
        ),
    )


def resolution_form(reader: Reader, view: OrderView) -> Form:
    """Return the form on which a person says what became of a payment."""
    order, say = view.order, reader.say
    return Form(
        id="resolve",
        title=say("form.resolve.title"),
        submit=say("form.resolve.submit"),
        cancel=say("form.cancel"),
        token=f"{order.id}:{order.version}:{order.digest}",
        facts=(*_whole_facts(reader, order), Fact(say("label.end_to_end_id"), order.end_to_end_id)),
        lines=(say("form.resolve.lead"),),
        inputs=(
            Input(
                "outcome",
                InputKind.CHOICE,
                say("form.resolve.outcome"),
                choices=(
                    Choice("executed", say("form.resolve.executed")),
                    Choice("not_executed", say("form.resolve.not_executed")),
                ),
            ),
            Input(
                "note",
                InputKind.LONG_TEXT,
                say("form.resolve.note"),
                hint=say("form.resolve.note_hint"),
                longest=300,
            ),
            _code_input(reader),
        ),
    )


def outdated_form(reader: Reader, view: OrderView, text: str) -> Form:
    """Return what an old card's button answers: what changed, and the order as it is now."""
    say = reader.say
    return Form(
        id="outdated",
        title=say("form.outdated.title"),
        submit="",
        cancel=say("form.close"),
        facts=(
            Fact(say("label.state"), state_line(reader, view)),
            *_whole_facts(reader, view.order),
        ),
        lines=(text,),
    )


def _whole_facts(reader: Reader, order: Order) -> tuple[Fact, ...]:
    """Return payee and amount with nothing masked: this is what will be sent."""
    say = reader.say
    own = reader.company.accounts.get(order.account_id)
    facts = [
        Fact(say("label.amount"), reader.money(order.amount)),
        Fact(say("label.payee"), order.creditor_name),
        Fact(say("label.iban"), spaced(order.creditor_iban)),
        Fact(
            say("label.account"),
            f"{own.name if own else order.account_id}\n{spaced(order.debtor_iban)}",
        ),
        Fact(say("label.reference"), order.remittance or say("nothing")),
        Fact(say("label.execution"), execution_line(reader, order)),
        Fact(say("label.requested_by"), reader.name(order.requester_id)),
        Fact(say("label.order"), f"{order.id} v{order.version}"),
    ]
    if order.creditor_bic:
        facts.insert(3, Fact(say("label.bic"), order.creditor_bic))
    return tuple(facts)


def _code_input(reader: Reader) -> Input:
    return Input(
        "code",
        InputKind.CODE,
        reader.say("form.code"),
        hint=reader.say("form.code_hint"),
        placeholder="123456",
        longest=7,
    )


@dataclass(frozen=True, slots=True)
class PayDraft:
    """What a payment form has in its fields to begin with."""

    amount: str = ""
    account: str = ""
    payee: str = ""
    payee_label: str = ""
    name: str = ""
    iban: str = ""
    reference: str = ""
    date: str = ""


def pay_form(
    reader: Reader,
    accounts: Sequence[OwnAccount],
    draft: PayDraft | None = None,
    *,
    token: str = "",
    ask_duplicate: bool = False,
    lines: tuple[str, ...] = (),
) -> Form:
    """Return the form that asks for a payment; with a ``token`` it changes that order."""
    say = reader.say
    draft = draft or PayDraft()
    inputs = [*_what_inputs(reader, accounts, draft), *_whom_inputs(reader, draft)]
    inputs += _when_inputs(reader, draft)
    if ask_duplicate:
        inputs.append(
            Input(
                "duplicate",
                InputKind.TICK,
                say("form.pay.duplicate"),
                choices=(Choice("yes", say("form.pay.duplicate_yes")),),
                is_optional=True,
            )
        )
    return Form(
        id="pay",
        title=say("form.amend.title") if token else say("form.pay.title"),
        submit=say("form.amend.submit") if token else say("form.pay.submit"),
        cancel=say("form.cancel"),
        token=token,
        lines=lines,
        inputs=tuple(inputs),
    )


def _what_inputs(reader: Reader, accounts: Sequence[OwnAccount], draft: PayDraft) -> list[Input]:
    """Ask from which account, and how much."""
    say = reader.say
    return [
        Input(
            "account",
            InputKind.CHOICE,
            say("label.account"),
            choices=tuple(
                Choice(own.id, f"{own.name} · {masked(own.account.iban)}") for own in accounts
            ),
            initial=draft.account or (accounts[0].id if accounts else ""),
        ),
        Input(
            "amount",
            InputKind.TEXT,
            say("label.amount"),
            hint=say("form.pay.amount_hint"),
            placeholder="1250.00",
            initial=draft.amount,
            longest=24,
        ),
    ]


def _whom_inputs(reader: Reader, draft: PayDraft) -> list[Input]:
    """Ask who is paid: somebody known, or a name and an account number."""
    say = reader.say
    return [
        Input(
            "payee",
            InputKind.SEARCH,
            say("label.payee"),
            hint=say("form.pay.payee_hint"),
            placeholder=say("form.pay.payee_placeholder"),
            initial=draft.payee,
            initial_label=draft.payee_label,
            is_optional=True,
        ),
        Input(
            "name",
            InputKind.TEXT,
            say("form.pay.name"),
            placeholder=say("form.pay.name_placeholder"),
            initial=draft.name,
            is_optional=True,
            longest=LONGEST_NAME,
        ),
        Input(
            "iban",
            InputKind.TEXT,
            say("form.pay.iban"),
            placeholder="DE00 0000 0000 0000 0000 00",
            initial=draft.iban,
            is_optional=True,
            longest=42,
        ),
    ]


def _when_inputs(reader: Reader, draft: PayDraft) -> list[Input]:
    """Ask what the payee reads, and when."""
    say = reader.say
    return [
        Input(
            "reference",
            InputKind.TEXT,
            say("label.reference"),
            hint=say("form.pay.reference_hint"),
            initial=draft.reference,
            is_optional=True,
            longest=LONGEST_REMITTANCE,
        ),
        Input(
            "date",
            InputKind.DATE,
            say("label.execution"),
            hint=say("form.pay.date_hint"),
            initial=draft.date,
            is_optional=True,
        ),
    ]
