"""Cards about orders, in the reader's language.

Everything a person reads comes from the catalogue; this module decides which facts go where.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from bot.cards import Action, Card, Fact, Tone
from bot.reader import Reader, masked, reader_for, spaced
from bot.recurring_words import progress_lines, stop_action, terms_facts
from workflows import approvals, instructions
from workflows.approvals import Approval, Decision
from workflows.company import Company
from workflows.instructions import Sent, Stage
from workflows.leaves import NOBODY_AWAY, Away, Leave
from workflows.orders import Order, OrderState
from workflows.payee_history import MOST_COUNTED, PayeeHistory
from workflows.policy import Kind, Slot
from workflows.questions import Question, open_ones
from workflows.running import Running

__all__ = [
    "OrderView",
    "Reader",
    "answer_action",
    "bank_asks",
    "execution_line",
    "history_lines",
    "invoice_facts",
    "kind_facts",
    "masked",
    "order_card",
    "reader_for",
    "reason_line",
    "risk_lines",
    "spaced",
    "state_line",
    "undecided",
    "when_lines",
]


@dataclass(frozen=True, slots=True)
class OrderView:
    """Everything a card about an order may show, read in one go.

    Attributes:
        questions: What was asked about it, oldest first.
        told_too: Who was told of it because it waits in vain.
        history: What was paid to the same account before; None once it matters no more.
        away: Who is on leave now.
        leaves: Of those for whom somebody else approved, by who did.
        series: How far the series has come that it is of.
        series_stoppers: Who may end that: who asked for it, and who approved it.
    """

    order: Order
    given: tuple[Approval, ...]
    sent: Sent | None
    matched_on: str | None = None
    has_receipt: bool = False
    questions: tuple[Question, ...] = ()
    told_too: tuple[str, ...] = ()
    history: PayeeHistory | None = None
    away: Away = NOBODY_AWAY
    leaves: Mapping[str, Leave] = field(default_factory=dict)
    series: Running | None = None
    series_stoppers: frozenset[str] = frozenset()


_UNRELEASED = (OrderState.PENDING, OrderState.APPROVED)
_MOST_ANSWERS = 3
_TONES = {
    OrderState.PENDING: Tone.WAITING,
    OrderState.APPROVED: Tone.MOVING,
    OrderState.RELEASED: Tone.MOVING,
    OrderState.SUBMITTED: Tone.MOVING,
    OrderState.SETTLED: Tone.GOOD,
    OrderState.UNKNOWN: Tone.ALARM,
    OrderState.RETURNED: Tone.ALARM,
    OrderState.FAILED: Tone.BAD,
    OrderState.REJECTED: Tone.BAD,
    OrderState.EXPIRED: Tone.BAD,
    OrderState.CANCELLED: Tone.NEUTRAL,
}


def order_card(reader: Reader, view: OrderView, *, is_channel: bool = False) -> Card:
    """Return the card of an order as ``reader`` should see it.

    Buttons are offered to those who could use them; whether a click counts is decided anew when
    it comes.
    """
    order = view.order
    say = reader.say
    return Card(
        title=say("order.title", amount=reader.money(order.amount), payee=order.creditor_name),
        tone=_TONES[OrderState(order.state)],
        facts=(
            Fact(say("label.state"), state_line(reader, view)),
            Fact(say("label.amount"), reader.money(order.amount)),
            Fact(say("label.payee"), f"{order.creditor_name}\n{masked(order.creditor_iban)}"),
            Fact(say("label.account"), _account_line(reader, order)),
            Fact(say("label.reference"), order.remittance or say("nothing")),
            Fact(say("label.execution"), execution_line(reader, order)),
            *terms_facts(reader, order),
            *kind_facts(reader, order),
            *invoice_facts(reader, order),
            Fact(say("label.requested_by"), _requested_line(reader, order)),
            Fact(say("label.order"), order.id),
        ),
        lines=(
            *_slot_lines(reader, view),
            *question_lines(reader, view),
            *_history_for(reader, view),
            *risk_lines(reader, order),
            *_bank_lines(reader, view),
            *(progress_lines(reader, view.series) if order.repeats else ()),
        ),
        notes=_notes(reader, order),
        actions=_actions(reader, view, is_channel=is_channel),
    )


def state_line(reader: Reader, view: OrderView) -> str:
    """Return where an order stands, in a few words."""
    order = view.order
    say = reader.say
    if order.state == OrderState.UNKNOWN and view.sent and view.sent.state == Stage.UNDECIDED:
        return say("state.undecided")
    if (
        order.state == OrderState.SUBMITTED
        and view.sent
        and view.sent.waiting_for_person is not None
    ):
        return say("state.waiting_at_bank")
    if order.state == OrderState.SETTLED and view.matched_on:
        return say("state.settled_and_matched")
    return say(f"state.{order.state}")


def _account_line(reader: Reader, order: Order) -> str:
    own = reader.company.accounts.get(order.account_id)
    name = own.name if own else order.account_id
    return f"{name}\n{masked(order.debtor_iban)}"


def execution_line(reader: Reader, order: Order) -> str:
    """Return when an order is to be executed."""
    if order.execution_date is None:
        return reader.say("execution.soonest")
    return reader.messages.date(reader.language, order.execution_date)


def when_lines(reader: Reader, order: Order) -> list[str]:
    """Return when an order is to be executed, and of which series it is, where that is said."""
    dated = [execution_line(reader, order)] if order.execution_date is not None else []
    return [*dated, *(each.value for each in terms_facts(reader, order))]


def kind_facts(reader: Reader, order: Order) -> list[Fact]:
    """Return what sort of payment it is, where it is not just one."""
    if order.kind == Kind.SINGLE:
        return []
    return [Fact(reader.say("label.kind"), reader.say(f"kind.{order.kind}"))]


def invoice_facts(reader: Reader, order: Order) -> list[Fact]:
    """Return what is attached to an order, if anything."""
    return [
        Fact(reader.say("label.invoice"), f"{each.name}\n{_size(each.size)}")
        for each in order.files
    ]


def _size(count: int) -> str:
    return (
        f"{max(1, round(count / 1024))} KB"
        if count < 1024 * 1024
        else f"{count / 1024 / 1024:.1f} MB"
    )


def _requested_line(reader: Reader, order: Order) -> str:
    return f"{reader.name(order.requester_id)}\n{reader.instant(order.created_at)}"


def _slot_lines(reader: Reader, view: OrderView) -> list[str]:
    """Return a line for each slot by stage, filled or waiting, and who is out of it, and why."""
    order, say = view.order, reader.say
    assignment = approvals.assignment_of(reader.company, order, view.given)
    lines = [
        say("slot.rejected", name=reader.name(each.person_id), reason=each.reason or "")
        for each in view.given
        if each.decision == Decision.REJECT
    ]
    stages = sorted({slot.stage for slot in order.policy_verdict.slots})
    filled = list(assignment.filled)
    for number, stage in enumerate(stages):
        shown = _filled_lines(reader, view, stage, filled)
        if order.state == OrderState.PENDING:
            missing = [slot for slot in assignment.missing if slot.stage == stage]
            key = "slot.missing" if stage <= assignment.stage else "slot.later"
            shown += [say(key, role=reader.role(slot.who), count=slot.count) for slot in missing]
            shown += _absent_lines(reader, view, missing)
        if shown and len(stages) > 1:
            lines.append(say("slot.stage" if number == 0 else "slot.then", stage=stage))
        lines += shown
    return [*lines, *_out_lines(reader, view)]


def _filled_lines(
    reader: Reader, view: OrderView, stage: int, filled: list[tuple[str, str]]
) -> list[str]:
    """Return the lines of a stage's filled slots, and take these out of ``filled``."""
    lines = []
    given = {each.person_id: each for each in view.given}
    for slot in view.order.policy_verdict.slots:
        mine = [each for each in filled if each[0] == slot.who] if slot.stage == stage else []
        for role, person in mine[: slot.count]:
            filled.remove((role, person))
            lines.append(_filled_line(reader, role, given[person], view.leaves.get(person)))
    return lines


def _filled_line(reader: Reader, role: str, mine: Approval, leave: Leave | None) -> str:
    """Return who filled a slot and when; and for whom, where it was not by their own roles."""
    facts = {
        "role": reader.role(role),
        "name": reader.name(mine.person_id),
        "at": reader.instant(mine.at),
    }
    if mine.on_behalf_of is None:
        return reader.say("slot.filled", **facts)
    principal = reader.name(mine.on_behalf_of)
    if leave is None:
        return reader.say("slot.filled_for", principal=principal, **facts)
    until = _day(reader, leave.ends_on)
    return reader.say("slot.filled_for_until", principal=principal, until=until, **facts)


def _absent_lines(reader: Reader, view: OrderView, missing: Sequence[Slot]) -> list[str]:
    """Return who is waited for by name and is on leave, and who may approve for them."""
    lines = []
    for leave in (view.away.of(slot.person) for slot in missing):
        if leave is None:
            continue
        facts = {"name": reader.name(leave.person_id), "until": _day(reader, leave.ends_on)}
        if leave.delegate_id is None:
            lines.append(reader.say("slot.on_leave", **facts))
        else:
            delegate = reader.name(leave.delegate_id)
            lines.append(reader.say("slot.on_leave_delegated", delegate=delegate, **facts))
    return lines


def _day(reader: Reader, day: date) -> str:
    return reader.messages.date(reader.language, day)


def _out_lines(reader: Reader, view: OrderView) -> list[str]:
    """Return who is left out of the decision while there is one to make."""
    order, say = view.order, reader.say
    if order.state not in (OrderState.PENDING, OrderState.APPROVED):
        return []
    lines = [
        say("slot.recused", name=reader.name(each.person_id), reason=each.reason or "")
        for each in view.given
        if each.decision == Decision.RECUSE
    ]
    lines += [
        say("slot.withdrawn", name=reader.name(each.person_id), at=reader.instant(at))
        for each in view.given
        if (at := each.withdrawn_at) is not None
    ]
    left_out = sorted(order.policy_verdict.excluded - {order.requester_id})
    if left_out:
        lines.append(say("slot.excluded", names=", ".join(map(reader.name, left_out))))
    if order.state == OrderState.APPROVED and order.release_after is not None:
        lines.append(say("slot.cooling", at=reader.instant(order.release_after)))
    elif order.state == OrderState.APPROVED and order.execution_date is not None:
        lines.append(say("slot.scheduled", day=execution_line(reader, order)))
    return lines


def question_lines(reader: Reader, view: OrderView) -> list[str]:
    """Return the questions that wait for an answer."""
    return [
        reader.say("question.open", name=reader.name(each.person_id), text=each.text)
        for each in open_ones(view.questions)
    ]


def history_lines(reader: Reader, view: OrderView) -> list[str]:
    """Return what was paid to the same account before, in a line."""
    history, say = view.history, reader.say
    if history is None:
        return []
    last = history.last_on(reader.timezone)
    if last is None:
        return [say("history.first")]
    day = reader.messages.date(reader.language, last)
    count = f"{MOST_COUNTED}+" if history.count >= MOST_COUNTED else str(history.count)
    if history.count == 1 or history.range is None:
        amount = reader.money(history.newest.amount) if history.newest else ""
        key = "history.once" if history.count == 1 else "history.other"
        return [say(key, count=count, day=day, amount=amount)]
    low, high = map(reader.money, history.range)
    if low == high:
        return [say("history.same", count=count, day=day, amount=low)]
    return [say("history.usual", count=count, day=day, low=low, high=high)]


def _history_for(reader: Reader, view: OrderView) -> list[str]:
    """Return that line for somebody who decides; who asked knows, and a channel need not."""
    return history_lines(reader, view) if _is_judge(reader, view) else []


def _is_judge(reader: Reader, view: OrderView) -> bool:
    """Whether the reader is one of those who may approve the order, now or in a later stage."""
    person = reader.person
    return person is not None and approvals.may_approve(_present(reader, view), person, view.order)


def _present(reader: Reader, view: OrderView) -> Company:
    """Return the company with those who are away."""
    return replace(reader.company, away=view.away)


def risk_lines(reader: Reader, order: Order) -> list[str]:
    """Return what approvers should know while they can still act on it."""
    if order.is_final:
        return []
    found = (code.partition(":") for code in order.risk_codes)
    return [reader.say(f"risk.{code}", name=name) for code, _, name in found]


def _bank_lines(reader: Reader, view: OrderView) -> list[str]:
    order, sent = view.order, view.sent
    if order.state == OrderState.FAILED and order.reason_code:
        return [reason_line(reader, order.reason_code, order.reason_text or "")]
    if sent and order.state == OrderState.SUBMITTED and sent.waiting_for_person is not None:
        text = sent.waiting_for_person
        return [
            reader.say("order_bank.asks", text=text)
            if text
            else reader.say("order_bank.asks_silently")
        ]
    if order.state == OrderState.UNKNOWN:
        undecided = sent is not None and sent.state == Stage.UNDECIDED
        return [reader.say("unknown.undecided" if undecided else "unknown.enquiring")]
    return []


def bank_asks(reader: Reader, text: str) -> str:
    """Return what the bank wants a person to do, in its words where it gave any."""
    if text:
        return reader.say("order_bank.asks", text=text)
    return reader.say("order_bank.asks_silently")


def reason_line(reader: Reader, code: str, detail: str) -> str:
    """Return why an order failed, as a sentence."""
    return reader.messages.reason(reader.language, code, detail)


def _notes(reader: Reader, order: Order) -> tuple[str, ...]:
    why = reader.say("order.rules", rules=" · ".join(order.policy_verdict.matched))
    if order.state == OrderState.PENDING:
        return (why, reader.say("order.expires", at=reader.instant(order.expires_at)))
    return (why,)


def _actions(reader: Reader, view: OrderView, *, is_channel: bool) -> tuple[Action, ...]:
    order, say, person = view.order, reader.say, reader.person
    value = f"{order.id}:{order.version}"
    found: list[Action] = []
    if order.state == OrderState.PENDING and (is_channel or _may_still_decide(reader, view)):
        found += [
            Action("approve", say("action.approve"), value, "primary"),
            Action("reject", say("action.reject"), value, "danger"),
        ]
    is_mine = person is not None and person.id == order.requester_id
    if is_mine:
        found += _requester_actions(reader, view, value)
    elif order.state in _UNRELEASED:
        found += _judge_actions(reader, view, value, is_channel=is_channel)
    if order.files:
        found.append(Action("invoice", say("action.invoice"), value))
    if _may_stop(reader, view):
        found.append(stop_action(reader, order))
    if _may_resolve(reader, view, is_channel=is_channel):
        found.append(Action("resolve", say("action.resolve"), value, "primary"))
    return tuple(found)


def _may_stop(reader: Reader, view: OrderView) -> bool:
    """Whether more of a series comes that the reader may end; not before it was approved."""
    person, at = reader.person, view.series
    if person is None or at is None or at.next_on is None:
        return False
    if view.order.repeats and view.order.state == OrderState.PENDING:
        return False
    may_freeze = bool(person.roles & reader.company.permissions.freeze)
    return may_freeze or person.id in view.series_stoppers


def _requester_actions(reader: Reader, view: OrderView, value: str) -> list[Action]:
    say, order = reader.say, view.order
    found = [
        answer_action(reader, order, each.seq, each.person_id)
        for each in open_ones(view.questions)[:_MOST_ANSWERS]
    ]
    if order.state == OrderState.PENDING:
        found.append(Action("amend", say("action.amend"), value))
    if _may_be_withdrawn(reader, view):
        found.append(
            Action("cancel", say("action.cancel"), value, "danger", say("action.cancel_confirm"))
        )
    return found


def answer_action(reader: Reader, order: Order, seq: int, asker_id: str) -> Action:
    """Return the button with which a requester answers a question."""
    label = reader.say("action.answer", name=reader.name(asker_id))
    return Action("answer", label, f"{order.id}:{seq}", "primary")


def _judge_actions(
    reader: Reader, view: OrderView, value: str, *, is_channel: bool
) -> list[Action]:
    """Return what else those may do who are asked to decide, or have decided."""
    say, person = reader.say, reader.person
    found = [Action("ask", say("action.ask"), value)]
    if is_channel or person is None:
        return found
    mine = next((each for each in view.given if each.person_id == person.id), None)
    has_approved = (
        mine is not None and mine.decision == Decision.APPROVE and mine.withdrawn_at is None
    )
    if has_approved:
        confirm = say("action.take_back_confirm")
        found.insert(0, Action("take_back", say("action.take_back"), value, "danger", confirm))
    if _is_judge(reader, view) and view.history is not None and view.history.count > 1:
        found.append(Action("history", say("action.history"), value))
    if has_approved or _may_still_decide(reader, view):
        found.append(Action("recuse", say("action.recuse"), value))
    return found


def _may_be_withdrawn(reader: Reader, view: OrderView) -> bool:
    """Whether nothing was sent yet, or the institution can still be asked to stop it."""
    order, sent = view.order, view.sent
    if order.state in (OrderState.PENDING, OrderState.APPROVED):
        return True
    if sent is None or sent.cancel_asked_by is not None:
        return False
    if order.state == OrderState.RELEASED:
        return sent.state == Stage.PREPARED
    is_under_way = order.state == OrderState.SUBMITTED
    return is_under_way and order.connector in reader.company.stoppable


def _may_still_decide(reader: Reader, view: OrderView) -> bool:
    person = reader.person
    return person is not None and approvals.may_still_approve(
        _present(reader, view), person, view.order, view.given
    )


def _may_resolve(reader: Reader, view: OrderView, *, is_channel: bool) -> bool:
    if view.sent is None or view.sent.state != Stage.UNDECIDED:
        return False
    person = reader.person
    return is_channel or (
        person is not None
        and bool(person.roles & reader.company.permissions.resolve)
        and person.id != view.order.requester_id
    )


def undecided(view: OrderView) -> bool:
    """Whether a person must say what became of the payment."""
    return view.sent is not None and view.sent.state == instructions.Stage.UNDECIDED
