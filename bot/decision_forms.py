"""Forms on which people decide about orders, in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.cards import Choice, Fact, Form, Input, InputKind
from bot.forms import acknowledgment, code_input, whole_facts
from bot.wording import (
    OrderView,
    Reader,
    history_lines,
    masked,
    risk_lines,
    spaced,
    when_lines,
)
from workflows import quorum
from workflows.bulk import MOST, Shown
from workflows.orders import Order
from workflows.questions import LONGEST, Question

LONGEST_REASON = 300
TICKS_AT_ONCE = 10
"""Choices of one input of ticks: Slack takes no more in one element."""


def token_of(order: Order) -> str:
    """Return what a form about an order brings back: exactly what it showed."""
    return f"{order.id}:{order.version}:{order.digest}"


def approval_form(reader: Reader, view: OrderView) -> Form:
    """Return the form on which a person sees payee and amount again, whole, and gives a code."""
    order, say = view.order, reader.say
    seen = (acknowledgment(reader),) if order.must_be_acknowledged else ()
    return Form(
        id="approve",
        title=say("form.approve.title"),
        submit=say("action.approve"),
        cancel=say("form.cancel"),
        token=token_of(order),
        facts=(
            *whole_facts(reader, order),
            *(Fact(say("label.history"), each) for each in history_lines(reader, view)),
        ),
        lines=(*acting_lines(reader, view), *risk_lines(reader, order)),
        inputs=(*seen, code_input(reader)),
    )


def acting_lines(reader: Reader, view: OrderView) -> tuple[str, ...]:
    """Return for whom the reader would approve, where it is not by their own roles."""
    person = reader.person
    if person is None:
        return ()
    company = replace(reader.company, away=view.away)
    whose = quorum.would_act_as(company, view.order, view.given, person)
    if whose is None or whose.id == person.id:
        return ()
    return (reader.say("form.approve.for", principal=whose.name),)


def rejection_form(reader: Reader, view: OrderView) -> Form:
    """Return the form on which a person says why not."""
    order, say = view.order, reader.say
    return Form(
        id="reject",
        title=say("form.reject.title"),
        submit=say("action.reject"),
        cancel=say("form.cancel"),
        token=token_of(order),
        facts=whole_facts(reader, order),
        inputs=(_words(reader, "reason", "form.reject.reason", say("form.reject.hint")),),
    )


def recusal_form(reader: Reader, view: OrderView) -> Form:
    """Return the form on which a person says that they have a conflict of interest."""
    order, say = view.order, reader.say
    return Form(
        id="recuse",
        title=say("form.recuse.title"),
        submit=say("form.recuse.submit"),
        cancel=say("form.cancel"),
        token=token_of(order),
        facts=_brief_facts(reader, order),
        inputs=(_words(reader, "reason", "form.recuse.reason", say("form.recuse.hint")),),
    )


def question_form(reader: Reader, view: OrderView) -> Form:
    """Return the form on which a person asks the requester something."""
    order, say = view.order, reader.say
    hint = say("form.ask.hint", name=reader.name(order.requester_id))
    return Form(
        id="ask",
        title=say("form.ask.title"),
        submit=say("form.ask.submit"),
        cancel=say("form.cancel"),
        token=token_of(order),
        facts=_brief_facts(reader, order),
        inputs=(_words(reader, "text", "form.ask.text", hint, LONGEST),),
    )


def answer_form(reader: Reader, order: Order, asked: Question) -> Form:
    """Return the form on which a requester answers a question."""
    say = reader.say
    return Form(
        id="answer",
        title=say("form.answer.title"),
        submit=say("form.answer.submit"),
        cancel=say("form.cancel"),
        token=f"{order.id}:{asked.seq}",
        facts=(
            *_brief_facts(reader, order),
            Fact(say("form.answer.question", name=reader.name(asked.person_id)), asked.text),
        ),
        inputs=(_words(reader, "text", "form.answer.text", say("form.answer.hint"), LONGEST),),
    )


def _words(
    reader: Reader, name: str, label: str, hint: str, longest: int = LONGEST_REASON
) -> Input:
    return Input(name, InputKind.LONG_TEXT, reader.say(label), hint=hint, longest=longest)


def _brief_facts(reader: Reader, order: Order) -> tuple[Fact, ...]:
    """Return enough to know which payment it is; nothing is agreed to here."""
    say = reader.say
    return (
        Fact(say("label.amount"), reader.money(order.amount)),
        Fact(say("label.payee"), f"{order.creditor_name}\n{masked(order.creditor_iban)}"),
        Fact(say("label.reference"), order.remittance or say("nothing")),
        Fact(say("label.requested_by"), reader.name(order.requester_id)),
        Fact(say("label.order"), f"{order.id} v{order.version}"),
    )


# ---- several at once ----------------------------------------------------------------------------


def bulk_form(
    reader: Reader,
    views: Sequence[OrderView],
    *,
    ticked: Sequence[str] | None = None,
    lines: tuple[str, ...] = (),
) -> Form:
    """Return the form that shows what waits, whole, and takes one code for what is ticked.

    Args:
        views: At most `workflows.bulk.MOST`.
        ticked: Orders that are ticked to begin with; those without a warning, if not given.
        lines: What to say first.
    """
    say, shown = reader.say, list(views[:MOST])
    if ticked is None:
        ticked = [view.order.id for view in shown if not _needs_a_look(view.order)]
    groups = [shown[start : start + TICKS_AT_ONCE] for start in range(0, len(shown), TICKS_AT_ONCE)]
    return Form(
        id="bulk",
        title=say("form.bulk.title"),
        submit=say("form.bulk.submit"),
        cancel=say("form.cancel"),
        token=",".join(token_of(view.order) for view in shown),
        facts=tuple(_bulk_fact(reader, view) for view in shown),
        lines=lines,
        inputs=(
            *(
                _ticks(reader, number, group, ticked, is_only=len(groups) == 1)
                for number, group in enumerate(groups)
            ),
            code_input(reader, "form.bulk.code_hint"),
        ),
    )


def bulk_name(number: int) -> str:
    """Return the name of an input of ticks."""
    return "orders" if number == 0 else f"orders_{number}"


def shown_in(token: str) -> list[Shown]:
    """Return the orders that a form showed."""
    found = []
    for each in token.split(",")[:MOST]:
        order_id, _, rest = each.partition(":")
        version, _, digest = rest.partition(":")
        if order_id and version.isascii() and version.isdigit():
            found.append(Shown(order_id[:16], int(version), digest[:64]))
    return found


def _needs_a_look(order: Order) -> bool:
    """Whether there is something to be looked at before it is approved."""
    return bool(order.risk_codes or order.files)


def _bulk_fact(reader: Reader, view: OrderView) -> Fact:
    order, say = view.order, reader.say
    mark = "⚠ " if order.risk_codes else ""
    told = [
        order.creditor_name,
        spaced(order.creditor_iban),
        say(
            "form.bulk.about",
            reference=order.remittance or say("nothing"),
            name=reader.name(order.requester_id),
        ),
        *when_lines(reader, order),
        *acting_lines(reader, view),
        *risk_lines(reader, order),
        *(say("form.bulk.file", file=each.name) for each in order.files),
    ]
    label = f"{mark}{order.id} v{order.version} · {reader.money(order.amount)}"
    return Fact(label, "\n".join(told))


def _ticks(
    reader: Reader,
    number: int,
    group: Sequence[OrderView],
    ticked: Sequence[str],
    *,
    is_only: bool,
) -> Input:
    choices = tuple(Choice(view.order.id, _tick_label(reader, view.order)) for view in group)
    first = number * TICKS_AT_ONCE + 1
    label = reader.say("form.bulk.orders")
    if not is_only:
        label = reader.say("form.bulk.orders_part", first=first, last=first + len(group) - 1)
    return Input(
        bulk_name(number),
        InputKind.TICKS,
        label,
        hint="" if number else reader.say("form.bulk.hint"),
        choices=choices,
        initial=",".join(each.value for each in choices if each.value in ticked),
        is_optional=True,
        skip=reader.say("form.bulk.none"),
    )


def _tick_label(reader: Reader, order: Order) -> str:
    mark = "⚠ " if _needs_a_look(order) else ""
    return f"{mark}{reader.money(order.amount)} · {order.id} · {order.creditor_name}"
