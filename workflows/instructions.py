"""What was sent for an order, and what is known of it: every change in one transaction.

The row says *before* the first byte leaves that it is being sent. Whoever finds it in that state
after a crash knows that it may have been acted upon, and asks; nobody ever sends it blindly again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, insert, select, update

from connectors import base
from workflows import audit, orders, second_factor
from workflows.company import Company
from workflows.in_force import not_in_force
from workflows.orders import Order, OrderState
from workflows.people import Person
from workflows.prepared import Prepared
from workflows.refusal import Refusal
from workflows.second_factor import Cipher
from workflows.tables import instruction, payment_order


class Stage(StrEnum):
    """Where an instruction is."""

    PREPARED = "prepared"
    """Nothing was sent, or the institution certainly did not act."""
    SENDING = "sending"
    """The call is under way; found after a crash, nobody knows what became of it."""
    ACKNOWLEDGED = "acknowledged"
    """The institution has it and gave a reference."""
    UNKNOWN = "unknown"
    """The answer was lost; the institution is being asked."""
    UNDECIDED = "undecided"
    """The institution cannot say; a person decides."""
    CLOSED = "closed"
    """Nothing more is asked about it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The stored state of an order's instruction; field for field the table ``instruction``."""

    order_id: str
    request_id: str
    service: str
    connector: str
    state: str
    attempts: int
    sent_at: datetime | None
    reference: str | None
    status: str | None
    waiting_for_person: str | None
    entry_reference: str | None
    cancel_asked_by: str | None
    updated_at: datetime


assert tuple(instruction.c.keys()) == tuple(each.name for each in fields(Sent))
_OF_ORDER = instruction.c.order_id == bindparam("order")
_BY_ORDER = Prepared(select(instruction).where(_OF_ORDER))
_WITH_ORDER = Prepared(
    select(payment_order, instruction)
    .outerjoin_from(payment_order, instruction, instruction.c.order_id == payment_order.c.id)
    .where(payment_order.c.id == bindparam("order"))
)
_STORE = Prepared(insert(instruction))


@cache
def _writing(names: tuple[str, ...]) -> Prepared:
    """Return the statement that writes these columns, each by a parameter ``new_…``."""
    new: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    return Prepared(update(instruction).where(_OF_ORDER).values(new))


def find(connection: Connection, order_id: str) -> Sent | None:
    """Return the instruction of an order, or None before its release."""
    row = _BY_ORDER.row(connection, {"order": order_id})
    return Sent(*row) if row else None


def load(connection: Connection, order_id: str) -> tuple[Order, Sent | None]:
    """Return an order and its instruction, which there is none of before its release.

    Raises:
        Refusal: ``order.unknown``.
    """
    row = _WITH_ORDER.row(connection, {"order": order_id})
    if row is None:
        raise Refusal("order.unknown", order=order_id[:16])
    of_order, of_instruction = row[: len(payment_order.c)], row[len(payment_order.c) :]
    return Order(*of_order), Sent(*of_instruction) if of_instruction[0] is not None else None


def prepare(
    connection: Connection, order: Order, *, request_id: str, service: str, now: datetime
) -> tuple[Sent, Mapping[str, Any]]:
    """Store the instruction of an order that is released; return the facts of its record too."""
    given: dict[str, Any] = {
        "order_id": order.id,
        "request_id": request_id,
        "service": service,
        "connector": order.connector,
        "state": str(Stage.PREPARED),
        "attempts": 0,
        "updated_at": now,
    }
    row = {**dict.fromkeys(instruction.c.keys()), **given}
    _STORE.run(connection, row)
    return Sent(**row), {"instruction": audit.told(given)}


def for_connector(company: Company, order: Order, sent: Sent, *, at: datetime) -> base.Instruction:
    """Return exactly what the approvers agreed to, as the connector takes it.

    Args:
        at: When it is, or was, sent. An execution date that had passed by then, because approvals
            or the institution's hours took longer, means as soon as possible.
    """
    account = company.accounts[order.account_id].account
    wanted = order.execution_date
    if wanted is not None and wanted < at.astimezone(ZoneInfo(account.timezone)).date():
        wanted = None
    return base.Instruction(
        order_id=order.id,
        end_to_end_id=order.end_to_end_id,
        request_id=sent.request_id,
        account=account,
        creditor=order.creditor,
        amount=order.amount,
        remittance_information=order.remittance,
        requested_execution_date=wanted,
        service=sent.service,
    )


def not_sent(
    connection: Connection,
    order_id: str,
    error: base.ConnectorError,
    *,
    now: datetime,
    give_up_after: timedelta,
) -> Order:
    """Note that the institution certainly did not act; after ``give_up_after`` the order fails."""
    order = orders.get(connection, order_id)
    sent = find(connection, order_id)
    assert sent is not None
    if order.state != OrderState.RELEASED:
        return order
    if now - order.updated_at >= give_up_after:
        fail(connection, order, error.code, error.detail, now)
        return orders.get(connection, order_id)
    written = write(connection, order_id, now, state=str(Stage.PREPARED))
    # Told once, not at every attempt: people need the news, not the noise.
    is_first = sent.attempts == 1
    audit.append(
        connection,
        at=now,
        actor=audit.SYSTEM,
        kind="instruction.not_sent" if is_first else "instruction.not_sent_again",
        subject=order_id,
        facts={"code": error.code, "detail": error.detail, **written},
    )
    return order


def lost(
    connection: Connection,
    order_id: str,
    code: str,
    detail: str | None,
    *,
    now: datetime,
    is_alarm: bool = False,
    since: datetime | None = None,
) -> None:
    """Note that the answer was lost or proves nothing: the order is ``unknown`` from now on.

    Unless its statement entry has told meanwhile what became of it. ``since`` is when it may have
    been sent, where that was not noted.
    """
    order = orders.get(connection, order_id)
    if order.state != OrderState.RELEASED:
        return
    sent = find(connection, order_id)
    assert sent is not None
    sent_at = {} if sent.sent_at or since is None else {"sent_at": since}
    written = write(connection, order_id, now, state=str(Stage.UNKNOWN), **sent_at)
    orders.change(
        connection,
        order,
        OrderState.UNKNOWN,
        now=now,
        actor=audit.SYSTEM,
        kind="order.unknown",
        facts={"code": code, "detail": detail, "alarm": is_alarm, **written},
        values={"reason_code": code, "reason_text": (detail or "")[:500] or None},
    )


def refused(connection: Connection, order_id: str, error: base.Refused, *, now: datetime) -> None:
    """Note the institution's final no."""
    order = orders.get(connection, order_id)
    if order.state != OrderState.RELEASED:
        return
    fail(connection, order, error.code, error.detail, now)


def ask_back(
    connection: Connection, person: Person, order_id: str, *, can_stop: bool, now: datetime
) -> Order:
    """Withdraw one's own payment that is on its way: at once while it is ours, else by asking.

    Args:
        can_stop: Whether the institution can be asked to stop it.

    Raises:
        Refusal: ``order.not_yours`` or ``order.too_late``.
    """
    order = orders.get(connection, order_id)
    sent = find(connection, order_id)
    if order.requester_id != person.id:
        raise Refusal("order.not_yours", order=order_id)
    if order.state == OrderState.RELEASED and sent is not None and sent.state == Stage.PREPARED:
        written = write(connection, order_id, now, state=str(Stage.CLOSED))
        return orders.change(
            connection,
            order,
            OrderState.CANCELLED,
            now=now,
            actor=person.id,
            kind="order.cancelled",
            facts=written,
        )
    if order.state != OrderState.SUBMITTED or not can_stop:
        raise Refusal("order.too_late", order=order_id, state=order.state)
    written = write(connection, order_id, now, cancel_asked_by=person.id)
    return orders.change(
        connection,
        order,
        OrderState.SUBMITTED,
        now=now,
        actor=person.id,
        kind="order.cancel_asked",
        facts=written,
    )


def not_stopped(
    connection: Connection, order_id: str, code: str, detail: str | None, *, now: datetime
) -> Order:
    """Note that the institution will not stop the payment: it goes on and is followed."""
    order = orders.get(connection, order_id)
    sent = find(connection, order_id)
    if sent is None or sent.cancel_asked_by is None or order.is_final:
        return order
    written = write(connection, order_id, now, cancel_asked_by=None)
    return orders.change(
        connection,
        order,
        OrderState(order.state),
        now=now,
        actor=audit.SYSTEM,
        kind="order.cancel_refused",
        facts={"code": code, "detail": detail, **written},
    )


_ONWARD = {
    base.Progress.PENDING: OrderState.SUBMITTED,
    base.Progress.SETTLED: OrderState.SETTLED,
    base.Progress.REFUSED: OrderState.FAILED,
    base.Progress.CANCELLED: OrderState.CANCELLED,
}


def learned(
    connection: Connection, order_id: str, outcome: base.Outcome, *, now: datetime
) -> Order:
    """Apply what the institution said of an instruction; return the order as it stands.

    News that is no news leaves no trace. An order that is final already (settled by its
    statement entry, say) stays as it is.
    """
    order, sent = load(connection, order_id)
    assert sent is not None
    if order.is_final:
        return order
    to = _ONWARD[outcome.progress]
    reference = outcome.reference or sent.reference
    if to is OrderState.SUBMITTED and reference is None:
        # It is there, but cannot be followed: keep asking under the end-to-end id.
        to = OrderState.UNKNOWN
    is_news = (
        to != order.state
        or outcome.status != sent.status
        or outcome.waiting_for_person != sent.waiting_for_person
    )
    if not is_news:
        return order
    written = write(
        connection,
        order_id,
        now,
        state=str(_stage_after(to)),
        reference=reference,
        status=outcome.status,
        waiting_for_person=outcome.waiting_for_person,
        entry_reference=outcome.entry_reference or sent.entry_reference,
    )
    return _follow_outcome(connection, order, to, outcome, written, now)


def _stage_after(state: OrderState) -> Stage:
    if state is OrderState.SUBMITTED:
        return Stage.ACKNOWLEDGED
    return Stage.CLOSED if state in orders.FINAL else Stage.UNKNOWN


def _follow_outcome(
    connection: Connection,
    order: Order,
    to: OrderState,
    outcome: base.Outcome,
    written: Mapping[str, Any],
    now: datetime,
) -> Order:
    kinds = {
        OrderState.SETTLED: "order.settled",
        OrderState.FAILED: "order.failed",
        OrderState.CANCELLED: "order.cancelled",
    }
    is_first = to is OrderState.SUBMITTED and order.state != OrderState.SUBMITTED
    values: dict[str, Any] = {}
    if to in (OrderState.FAILED, OrderState.CANCELLED):
        code = outcome.reason_code or (
            "bank.cancelled" if to is OrderState.CANCELLED else "bank.rejected"
        )
        values = {"reason_code": code[:64], "reason_text": (outcome.reason_text or "")[:500]}
    elif to is not OrderState.UNKNOWN:
        values = {"reason_code": None, "reason_text": None}
    return orders.change(
        connection,
        order,
        to,
        now=now,
        actor=audit.SYSTEM,
        kind=kinds.get(to, "order.submitted" if is_first else "order.status"),
        facts={
            "status": outcome.status,
            "reference": written["instruction"]["reference"],
            "waiting_for_person": outcome.waiting_for_person,
            "code": values.get("reason_code"),
            "detail": values.get("reason_text"),
            **written,
        },
        values=values,
    )


def booked(
    connection: Connection, order_id: str, entry_reference: str | None, *, now: datetime
) -> Order:
    """Note that the payment was found booked on a statement: it was made, whatever was said of it.

    An order that is not on its way (settled already, or never sent) stays as it is.
    """
    order = orders.get(connection, order_id)
    if order.state not in {OrderState.RELEASED, OrderState.SUBMITTED, OrderState.UNKNOWN}:
        return order
    reference = entry_reference[:128] if entry_reference else None
    written = write(
        connection,
        order_id,
        now,
        state=str(Stage.CLOSED),
        waiting_for_person=None,
        entry_reference=reference,
    )
    orders.change(
        connection,
        order,
        OrderState.SETTLED,
        now=now,
        actor=audit.SYSTEM,
        kind="order.settled",
        facts={"by_statement": True, "entry": reference, **written},
        values={"reason_code": None, "reason_text": None},
    )
    return orders.get(connection, order_id)


def has_nothing(connection: Connection, order_id: str, *, now: datetime) -> Order:
    """Note the institution's proof that it has nothing: it may be sent."""
    order = orders.get(connection, order_id)
    if order.state != OrderState.UNKNOWN:
        return order
    written = write(connection, order_id, now, state=str(Stage.PREPARED))
    orders.change(
        connection,
        order,
        OrderState.RELEASED,
        now=now,
        actor=audit.SYSTEM,
        kind="order.not_received",
        facts=written,
        values={"reason_code": None, "reason_text": None},
    )
    return orders.get(connection, order_id)


def ask_person(connection: Connection, order_id: str, *, now: datetime) -> Order:
    """Note that the institution cannot say, so that a person must; told once."""
    order = orders.get(connection, order_id)
    sent = find(connection, order_id)
    assert sent is not None
    if order.state != OrderState.UNKNOWN or sent.state != Stage.UNKNOWN:
        return order
    written = write(connection, order_id, now, state=str(Stage.UNDECIDED))
    return orders.change(
        connection,
        order,
        OrderState.UNKNOWN,
        now=now,
        actor=audit.SYSTEM,
        kind="order.decision_needed",
        facts=written,
    )


def resolve(
    connection: Connection,
    company: Company,
    cipher: Cipher,
    person: Person,
    order_id: str,
    *,
    was_executed: bool,
    code: str,
    note: str,
    now: datetime,
) -> Order | Refusal:
    """Settle or fail an order of which the institution could not say what became of it.

    Nothing is ever sent again by this: a payment that was not made is asked for anew. Refusals
    are returned: ``resolve.not_allowed``, ``resolve.own_request``, ``resolve.not_needed``,
    ``resolve.note_missing``, ``charter.held``, or one of the second factor's.
    """
    order = orders.find(connection, order_id)
    sent = find(connection, order_id)
    if order is None:
        return Refusal("order.unknown", order=order_id[:16])
    if not person.roles & company.permissions.resolve:
        return Refusal("resolve.not_allowed", roles=", ".join(sorted(company.permissions.resolve)))
    if person.id == order.requester_id:
        return Refusal("resolve.own_request")
    if sent is None or order.state != OrderState.UNKNOWN or sent.state != Stage.UNDECIDED:
        return Refusal("resolve.not_needed", order=order.id, state=order.state)
    note = " ".join(note.split())[:500]
    if not note:
        return Refusal("resolve.note_missing", field="note")
    if (held := not_in_force(connection, company)) is not None:
        return held
    verdict = second_factor.verify(connection, cipher, person.id, code, now=now)
    if isinstance(verdict, Refusal):
        return verdict
    to = OrderState.SETTLED if was_executed else OrderState.FAILED
    written = write(connection, order_id, now, state=str(Stage.CLOSED))
    orders.change(
        connection,
        order,
        to,
        now=now,
        actor=person.id,
        kind="order.settled" if was_executed else "order.failed",
        facts={
            "by_person": True,
            "note": note,
            "factor": second_factor.TOTP,
            "digest": order.digest,
            **written,
        },
        values={
            "reason_code": "resolved.executed" if was_executed else "resolved.not_executed",
            "reason_text": note,
        },
    )
    return orders.get(connection, order_id)


def fail(
    connection: Connection, order: Order, code: str, detail: str | None, now: datetime
) -> None:
    """Fail an order of which certainly nothing was executed, with the reason."""
    written: Mapping[str, Any] = {}
    if find(connection, order.id) is not None:
        written = write(connection, order.id, now, state=str(Stage.CLOSED))
    orders.change(
        connection,
        order,
        OrderState.FAILED,
        now=now,
        actor=audit.SYSTEM,
        kind="order.failed",
        facts={"code": code, "detail": detail, **written},
        values={"reason_code": code[:64], "reason_text": (detail or "")[:500] or None},
    )


def write(connection: Connection, order_id: str, now: datetime, **values: Any) -> Mapping[str, Any]:
    """Change an instruction's row; return the facts that put it on the record.

    They belong in the entry of what changes for the order, in the same transaction.
    """
    written: Mapping[str, Any] = {**values, "updated_at": now}
    new = {f"new_{name}": value for name, value in written.items()}
    _writing(tuple(written)).run(connection, {"order": order_id, **new})
    return {"instruction": audit.told(written)}
