"""Reading what cards show: one read of the database per card."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from bot import proposal_cards
from bot.proposal_cards import ProposalView
from bot.wording import OrderView
from workflows import approvals, instructions, orders, payee_history, questions, tables
from workflows.company import Company
from workflows.orders import Order, OrderState
from workflows.people import Person


def order_view(connection: Connection, order: Order) -> OrderView:
    """Return everything a card about ``order`` may show."""
    matched = connection.execute(
        select(tables.statement_entry.c.booking_date).where(
            tables.statement_entry.c.order_id == order.id
        )
    ).scalars()
    has_receipt = connection.execute(
        select(tables.receipt.c.order_id).where(tables.receipt.c.order_id == order.id)
    ).first()
    booked = next(iter(matched), None)
    matters = order.state in (OrderState.PENDING, OrderState.APPROVED)
    return OrderView(
        order=order,
        given=tuple(approvals.of_order(connection, order)),
        sent=instructions.find(connection, order.id),
        matched_on=booked.isoformat() if booked else None,
        has_receipt=has_receipt is not None,
        questions=() if order.is_final else questions.of_order(connection, order.id),
        history=payee_history.of_order(connection, order) if matters else None,
    )


@dataclass(frozen=True, slots=True)
class Inbox:
    """What waits for a person, and what they asked for."""

    awaiting: tuple[OrderView, ...]
    undecided: tuple[OrderView, ...]
    asked: tuple[OrderView, ...]
    proposals: tuple[ProposalView, ...] = ()


def inbox(connection: Connection, company: Company, person: Person, *, most: int = 10) -> Inbox:
    """Return a person's inbox; the newest ``most`` of their own requests."""
    undecided = []
    if person.roles & company.permissions.resolve:
        undecided = [
            view
            for order in orders.in_states(connection, OrderState.UNKNOWN)
            if order.requester_id != person.id
            and (view := order_view(connection, order)).sent is not None
            and view.sent is not None
            and view.sent.state == instructions.Stage.UNDECIDED
        ]
    return Inbox(
        awaiting=tuple(
            order_view(connection, order)
            for order in approvals.awaiting(connection, company, person)[:most]
        ),
        undecided=tuple(undecided[:most]),
        asked=tuple(
            order_view(connection, order)
            for order in orders.asked_by(connection, person.id, most=most)
        ),
        proposals=proposal_cards.waiting_for(connection, company, person, most=most),
    )
