"""Who may see an order."""

from __future__ import annotations

from workflows import approvals
from workflows.company import Company
from workflows.orders import Order
from workflows.people import Person


def may_see(company: Company, person: Person, order: Order) -> bool:
    """Whether a person may see an order: theirs, theirs to decide, or of an account they view."""
    own = company.accounts.get(order.account_id)
    return (
        person.id == order.requester_id
        or approvals.may_approve(company, person, order)
        or bool(person.roles & company.permissions.resolve)
        or (own is not None and bool(own.viewers & person.roles))
    )
