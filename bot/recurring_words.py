"""What people read of payments that come again, and how they ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from bot.cards import Action, Card, Choice, Fact, Input, InputKind
from bot.reader import Reader, masked
from connectors.money import Money
from workflows.orders import Order
from workflows.policy import Approve
from workflows.recurrence import Every, Repeats
from workflows.refusal import Refusal
from workflows.running import Running

ONCE_ONLY = "no"
"""The answer of a form by which a payment does not come again."""


@dataclass(frozen=True, slots=True)
class SeriesView:
    """A series that goes on.

    Attributes:
        made: How many payments were asked for, the first among them.
    """

    first: Order
    at: Running
    made: int


def terms_facts(reader: Reader, order: Order) -> list[Fact]:
    """Return how an order comes again, or which payment of a series it is; else nothing."""
    say = reader.say
    recurrence = order.recurrence
    if order.series_id is not None and recurrence is None:
        number = say("series.number", number=order.occurrence or 0, first=order.series_id)
        return [Fact(say("label.repeats"), number)]
    if recurrence is None:
        return []
    is_once = order.policy_verdict.series is Approve.ONCE
    mode = say("series.once" if is_once else "series.each")
    return [Fact(say("label.repeats"), f"{terms(reader, order, recurrence)}\n{mode}")]


def terms(reader: Reader, order: Order, recurrence: Repeats) -> str:
    """Return how often an order comes again, until when, and what that is together."""
    count = len(order.due_dates)
    return reader.say(
        "series.terms",
        every=reader.say(f"series.every.{recurrence.every}"),
        until=reader.messages.date(reader.language, recurrence.until),
        count=count,
        total=reader.money(Money(order.amount_minor * count, order.currency)),
    )


def short_terms(reader: Reader, recurrence: Repeats) -> str:
    """Return how often something comes again, and until when."""
    return reader.say(
        "series.short",
        every=reader.say(f"series.every.{recurrence.every}"),
        until=reader.messages.date(reader.language, recurrence.until),
    )


def progress_lines(reader: Reader, at: Running | None) -> list[str]:
    """Return when the next payment of a series is due, or why none is."""
    if at is None:
        return []
    if at.next_on is not None:
        day = reader.messages.date(reader.language, at.next_on)
        return [reader.say("series.next", day=day)]
    return [ended_line(reader, at.ended or "")]


def ended_line(reader: Reader, code: str) -> str:
    """Return why no more of a series comes."""
    key = f"series.ended.{code}"
    if reader.messages.has(key):
        return reader.say(key)
    return reader.say("series.ended", reason=reader.messages.reason(reader.language, code, ""))


def stop_action(reader: Reader, order: Order, label: str = "") -> Action:
    """Return the button that ends a series."""
    say = reader.say
    confirm = say("action.stop_series_confirm")
    return Action("stop_series", label or say("action.stop_series"), order.id, "danger", confirm)


def series_card(reader: Reader, found: tuple[SeriesView, ...]) -> Card:
    """Return the payments that come again, with a button to stop each."""
    say = reader.say
    return Card(
        title=say("series.title"),
        lines=tuple(_line(reader, each) for each in found) or (say("series.none"),),
        actions=tuple(
            stop_action(reader, each.first, say("action.stop_this", order=each.first.id))
            for each in found
        ),
        notes=(say("series.note"),),
    )


def _line(reader: Reader, view: SeriesView) -> str:
    order, at = view.first, view.at
    recurrence = order.recurrence
    assert recurrence is not None
    return reader.say(
        "series.line",
        order=order.id,
        amount=reader.money(order.amount),
        payee=f"{order.creditor_name} · {masked(order.creditor_iban)}",
        terms=terms(reader, order, recurrence),
        made=view.made,
        next=reader.messages.date(reader.language, at.next_on) if at.next_on else "–",
    )


def inputs(reader: Reader, every: str, until: str) -> tuple[Input, Input]:
    """Ask whether a payment comes again, and until when."""
    say = reader.say
    choices = (
        Choice(ONCE_ONLY, say("series.every.no")),
        *(Choice(str(each), say(f"series.every.{each}")) for each in Every),
    )
    how_often = Input(
        "every",
        InputKind.CHOICE,
        say("label.repeats"),
        choices=choices,
        initial=every or ONCE_ONLY,
        is_asked=False,
    )
    end = Input(
        "until",
        InputKind.DATE,
        say("label.until"),
        hint=say("form.pay.until_hint"),
        initial=until,
        is_optional=True,
        is_asked=False,
        skip=say("series.every.no"),
    )
    return how_often, end


def asked_for(answers: Mapping[str, str], until: date | None) -> Repeats | None:
    """Return how a payment comes again, as a form or a line says it.

    Raises:
        Refusal: ``series.no_end``, ``series.no_interval`` or ``series.every_unknown``.
    """
    every = answers.get("every", "")
    if every in ("", ONCE_ONLY):
        if until is not None:
            raise Refusal("series.no_interval", field="every")
        return None
    if until is None:
        raise Refusal("series.no_end", field="until")
    try:
        return Repeats(Every(every), until)
    except ValueError:
        raise Refusal("series.every_unknown", field="every", text=every[:20]) from None
