"""Forms about orders, in the reader's language.

What is agreed to is shown whole here, nothing masked: it is what will be sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.cards import Choice, Fact, Form, Input, InputKind
from bot.recurring_words import inputs as recurring_inputs
from bot.recurring_words import terms_facts
from bot.wording import (
    OrderView,
    Reader,
    execution_line,
    invoice_facts,
    kind_facts,
    masked,
    spaced,
    state_line,
)
from workflows.company import OwnAccount
from workflows.freeze import Freeze
from workflows.orders import Order
from workflows.policy import Kind
from workflows.requests import LONGEST_NAME, LONGEST_REMITTANCE


def resolution_form(reader: Reader, view: OrderView) -> Form:
    """Return the form on which a person says what became of a payment."""
    order, say = view.order, reader.say
    return Form(
        id="resolve",
        title=say("form.resolve.title"),
        submit=say("form.resolve.submit"),
        cancel=say("form.cancel"),
        token=f"{order.id}:{order.version}:{order.digest}",
        facts=(*whole_facts(reader, order), Fact(say("label.end_to_end_id"), order.end_to_end_id)),
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
            code_input(reader),
        ),
    )


def link_form(reader: Reader, chat: str, token: str) -> Form:
    """Return the form that links a chat to a person, once they have given their code.

    It does not say whom: the link may have gone astray.
    """
    say = reader.say
    chat_name = say(f"chat.{chat}")
    return Form(
        id="link",
        title=say("form.link.title", chat=chat_name),
        submit=say("form.link.submit"),
        cancel=say("form.cancel"),
        token=token,
        facts=(Fact(say("label.company"), reader.company.name),),
        lines=(say("form.link.lead", chat=chat_name),),
        inputs=(code_input(reader, "form.link.code_hint"),),
    )


def unfreeze_form(reader: Reader, freeze: Freeze, lines: tuple[str, ...] = ()) -> Form:
    """Return the form on which a person agrees, with a code, that payments leave again."""
    say = reader.say
    return Form(
        id="unfreeze",
        title=say("form.unfreeze.title"),
        submit=say("action.unfreeze"),
        cancel=say("form.cancel"),
        token=freeze.key,
        facts=(
            Fact(say("label.by"), reader.name(freeze.person_id)),
            Fact(say("label.when"), reader.instant(freeze.at)),
            Fact(say("label.reason"), freeze.reason or say("nothing")),
        ),
        lines=(*lines, say("form.unfreeze.lead", count=reader.company.unfreeze_quorum)),
        inputs=(code_input(reader, "form.unfreeze.code_hint"),),
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
            *whole_facts(reader, view.order),
        ),
        lines=(text,),
    )


def whole_facts(reader: Reader, order: Order) -> tuple[Fact, ...]:
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
        *terms_facts(reader, order),
        *kind_facts(reader, order),
        *invoice_facts(reader, order),
        Fact(say("label.requested_by"), reader.name(order.requester_id)),
        Fact(say("label.order"), f"{order.id} v{order.version}"),
    ]
    if order.creditor_bic:
        facts.insert(3, Fact(say("label.bic"), order.creditor_bic))
    return tuple(facts)


def acknowledgment(reader: Reader) -> Input:
    """Ask whether the warnings were read; where one thing is asked at a time, before the code."""
    say = reader.say
    return Input(
        "acknowledge",
        InputKind.CHOICE,
        say("form.proposal.acknowledge"),
        choices=(Choice("yes", say("form.proposal.acknowledged")),),
    )


def code_input(reader: Reader, hint: str = "form.code_hint") -> Input:
    """Return the input for the code of a second factor."""
    return Input(
        "code",
        InputKind.CODE,
        reader.say("form.code"),
        hint=reader.say(hint),
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
    invoice: str = ""
    invoice_label: str = ""
    kind: str = Kind.SINGLE
    every: str = ""
    until: str = ""
    is_of_series: bool = False


KINDS = (Kind.SINGLE, Kind.REFUND, Kind.PAYROLL)
"""What a payment may be asked for as."""
LIST_KINDS = (Kind.BATCH, Kind.PAYROLL)
INVOICE_TYPES = ("pdf", "png", "jpg", "jpeg")
LIST_TYPES = ("csv", "xlsx")


def pay_form(
    reader: Reader,
    accounts: Sequence[OwnAccount],
    draft: PayDraft | None = None,
    *,
    order_id: str = "",
    version: int = 0,
    ask_duplicate: bool = False,
    lines: tuple[str, ...] = (),
) -> Form:
    """Return the form that asks for a payment; with an ``order_id`` it changes that version."""
    say = reader.say
    draft = draft or PayDraft()
    inputs = [*_what_inputs(reader, accounts, draft), *_whom_inputs(reader, draft)]
    inputs += [*_when_inputs(reader, draft), _kind_input(reader, _kinds_for(draft), draft.kind)]
    if not draft.is_of_series:
        inputs += recurring_inputs(reader, draft.every, draft.until)
    inputs.append(_invoice_input(reader, draft))
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
        title=say("form.amend.title") if order_id else say("form.pay.title"),
        submit=say("form.amend.submit") if order_id else say("form.pay.submit"),
        cancel=say("form.cancel"),
        # A chat whose file inputs cannot be filled in to begin with keeps the file all the same.
        token=f"{order_id}:{version}:{draft.invoice}",
        lines=lines,
        inputs=tuple(inputs),
    )


def pay_token(token: str) -> tuple[str, int, str]:
    """Return a payment form's order, its version, and the file it began with; empty for none."""
    order_id, _, rest = token.partition(":")
    version, _, invoice = rest.partition(":")
    is_number = version.isascii() and version.isdigit()
    return order_id[:16], int(version) if is_number else 0, invoice[:24]


def _kinds_for(draft: PayDraft) -> tuple[Kind, ...]:
    """Return what a payment may be said to be; what it is already stays among them."""
    return (*KINDS, Kind.BATCH) if draft.kind == Kind.BATCH else KINDS


def _kind_input(reader: Reader, kinds: Sequence[Kind], chosen: str) -> Input:
    """Ask what sort of payment it is; where nothing else is said, the first of ``kinds``."""
    labels = {each: reader.say(f"kind.{each}") for each in kinds}
    if kinds == LIST_KINDS:
        labels[Kind.BATCH] = reader.say("kind.suppliers")
    return Input(
        "kind",
        InputKind.CHOICE,
        reader.say("label.kind"),
        choices=tuple(Choice(str(each), label) for each, label in labels.items()),
        initial=str(chosen if chosen in kinds else kinds[0]),
        is_asked=False,
    )


def kind_of(answers: Mapping[str, str]) -> Kind:
    """Return what a form says that a payment is; where it says nothing, a payment like others."""
    said = answers.get("kind", "")
    return Kind(said) if said in (*KINDS, *LIST_KINDS) else Kind.SINGLE


def order_and_version(value: str) -> tuple[str, int]:
    """Return the order and its version that a button or a form is about; 0 for none."""
    order_id, _, rest = value.partition(":")
    version, _, _ = rest.partition(":")
    return order_id[:16], int(version) if version.isascii() and version.isdigit() else 0


def order_version_digest(token: str) -> tuple[str, int, str]:
    """Return the order, version and digest that a form showed."""
    order_id, version = order_and_version(token)
    return order_id, version, token.rpartition(":")[2]


def _invoice_input(reader: Reader, draft: PayDraft) -> Input:
    say = reader.say
    hint = say("form.pay.invoice_hint")
    if draft.invoice_label:
        hint = say("form.pay.invoice_kept", file=draft.invoice_label)
    return Input(
        "invoice",
        InputKind.FILE,
        say("label.invoice"),
        hint=hint,
        initial=draft.invoice,
        initial_label=draft.invoice_label,
        is_optional=True,
        skip=say("form.pay.invoice_skip"),
        file_types=INVOICE_TYPES,
    )


def list_form(reader: Reader) -> Form:
    """Return the form that takes a list of payments as a file."""
    say = reader.say
    asked = Input(
        "list",
        InputKind.FILE,
        say("form.list.file"),
        hint=say("form.list.hint"),
        file_types=LIST_TYPES,
    )
    return Form(
        id="list",
        title=say("form.list.title"),
        submit=say("form.list.submit"),
        cancel=say("form.cancel"),
        lines=(say("form.list.lead"),),
        inputs=(asked,),
    )


def confirm_list_form(reader: Reader, token: str, facts: tuple[Fact, ...], equal: int) -> Form:
    """Return the form on which a person confirms a list that was checked.

    Args:
        equal: How many of its payments equal one that was asked for lately.
    """
    say = reader.say
    tick = Input(
        "duplicate",
        InputKind.TICK,
        say("form.list.equal", count=equal),
        choices=(Choice("yes", say("form.list.equal_yes")),),
    )
    return Form(
        id="list_confirm",
        title=say("form.list.title"),
        submit=say("form.list.confirm"),
        cancel=say("form.cancel"),
        token=token,
        facts=facts,
        lines=(say("form.list.each"),),
        inputs=(
            *((tick,) if equal else ()),
            _kind_input(reader, LIST_KINDS, Kind.BATCH),
        ),
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
            skip=say("form.pay.payee_skip"),
        ),
        Input(
            "name",
            InputKind.TEXT,
            say("form.pay.name"),
            placeholder=say("form.pay.name_placeholder"),
            initial=draft.name,
            is_optional=True,
            unless="payee",
            longest=LONGEST_NAME,
        ),
        Input(
            "iban",
            InputKind.TEXT,
            say("form.pay.iban"),
            placeholder="DE00 0000 0000 0000 0000 00",
            initial=draft.iban,
            is_optional=True,
            unless="payee",
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
            skip=say("execution.soonest"),
        ),
    ]
