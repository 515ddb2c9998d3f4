"""Reading what cards show: one read of the database per card."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypedDict

from sqlalchemy import Connection, select

from bot import proposal_cards
from bot.proposal_cards import ProposalView
from bot.wording import OrderView
from connectors.money import MAX_MINOR
from workflows import (
    approvals,
    away,
    instructions,
    orders,
    payee_history,
    questions,
    reminders,
    running,
    series,
    tables,
)
from workflows.company import Company
from workflows.orders import Order, OrderState
from workflows.people import Person
from workflows.running import Running


def order_view(connection: Connection, company: Company, order: Order) -> OrderView:
    """Return everything a card about ``order`` may show.

    Args:
        company: With those who are away now.
    """
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
    given = tuple(approvals.of_order(connection, order))
    by_delegates = [each for each in given if each.on_behalf_of]
    return OrderView(
        order=order,
        given=given,
        sent=instructions.find(connection, order.id),
        matched_on=booked.isoformat() if booked else None,
        has_receipt=has_receipt is not None,
        questions=() if order.is_final else questions.of_order(connection, order.id),
        told_too=() if order.is_final else reminders.told_too(connection, order),
        history=payee_history.of_order(connection, order) if matters else None,
        away=company.away,
        leaves={
            each.person_id: leave
            for each in by_delegates
            if (leave := away.behind(connection, company, each)) is not None
        },
        **_series(connection, order),
    )


class _SeriesOf(TypedDict, total=False):
    series: Running
    series_stoppers: frozenset[str]


def _series(connection: Connection, order: Order) -> _SeriesOf:
    """Return how far the series has come that an order is of, and who may end it."""
    if order.series_id is None and order.repeats is None:
        return {}
    first = orders.find(connection, order.series_id) if order.series_id else order
    at = running.find(connection, first.id) if first is not None else None
    if first is None or at is None:
        return {}
    return {"series": at, "series_stoppers": series.stoppers(connection, first)}


PAGE = 10
"""Orders on one page of an inbox."""
_LAST_PAGE = 999


@dataclass(frozen=True, slots=True)
class Sought:
    """Which of what waits for a person is looked for; all of it, if nothing is said.

    Attributes:
        above: From so much up, in minor units of the base currency.
        page: Counted from zero.
    """

    account: str = ""
    above: int = 0
    is_risky: bool = False
    page: int = 0

    @property
    def is_all(self) -> bool:
        """Whether it leaves nothing out."""
        return not (self.account or self.above or self.is_risky)

    @property
    def text(self) -> str:
        """What a button carries; `sought` reads it."""
        wanted = ""
        if self.account:
            wanted = f"account:{self.account}"
        elif self.above:
            wanted = f"above:{self.above}"
        elif self.is_risky:
            wanted = "risky:"
        return f"{self.page}:{wanted}"

    def at(self, page: int) -> Sought:
        """Return another page of the same."""
        return replace(self, page=page)

    def takes(self, company: Company, order: Order) -> bool:
        """Whether an order is among what is looked for; one without a rate counts as large."""
        if self.account:
            return order.account_id == self.account
        if self.above:
            base = company.rates.to_base(order.amount)
            return base is None or base.minor >= self.above
        return bool(order.risk_codes) if self.is_risky else True


ALL = Sought()


def sought(text: str) -> Sought:
    """Read what a button carries; what is none means all."""
    page, _, wanted = text.partition(":")
    name, _, value = wanted.partition(":")
    at = min(int(page), _LAST_PAGE) if page.isascii() and page.isdigit() else 0
    match name:
        case "account":
            return Sought(account=value[:64], page=at)
        case "above" if value.isascii() and value.isdigit():
            return Sought(above=min(int(value), MAX_MINOR), page=at)
        case "risky":
            return Sought(is_risky=True, page=at)
        case _:
            return Sought(page=at)


@dataclass(frozen=True, slots=True)
class Inbox:
    """What waits for a person, and what they asked for.

    Attributes:
        awaiting: Of what is looked for, one page.
        waiting: All that waits for their approval.
        found: How much of it is looked for.
    """

    awaiting: tuple[OrderView, ...]
    undecided: tuple[OrderView, ...]
    asked: tuple[OrderView, ...]
    waiting: tuple[Order, ...] = ()
    found: int = 0
    sought: Sought = ALL
    proposals: tuple[ProposalView, ...] = ()


def inbox(
    connection: Connection, company: Company, person: Person, looked_for: Sought = ALL
) -> Inbox:
    """Return a person's inbox: a page of what waits, and the newest of their own requests.

    Args:
        company: With those who are away now.
    """
    waiting = approvals.awaiting(connection, company, person)
    found = [each for each in waiting if looked_for.takes(company, each)]
    page = found[looked_for.page * PAGE :][:PAGE]
    return Inbox(
        awaiting=tuple(order_view(connection, company, order) for order in page),
        undecided=_undecided(connection, company, person) if looked_for.is_all else (),
        asked=tuple(
            order_view(connection, company, order)
            for order in orders.asked_by(connection, person.id, most=PAGE)
        ),
        waiting=tuple(waiting),
        found=len(found),
        sought=looked_for,
        proposals=proposal_cards.waiting_for(connection, company, person, most=PAGE)
        if looked_for.is_all
        else (),
    )


def _undecided(connection: Connection, company: Company, person: Person) -> tuple[OrderView, ...]:
    """Return payments of which a person must say what became of them."""
    if not person.roles & company.permissions.resolve:
        return ()
    found = [
        view
        for order in orders.in_states(connection, OrderState.UNKNOWN)
        if order.requester_id != person.id
        and (view := order_view(connection, company, order)).sent is not None
        and view.sent is not None
        and view.sent.state == instructions.Stage.UNDECIDED
    ]
    return tuple(found[:PAGE])
