"""The last moment before a payment leaves: everything that allowed it must still hold.

Two steps, each one transaction: `release` prepares the instruction; `claim` says durably that it is
about to be sent, and is won by one alone. Both look at the whole again, because hours may lie
between them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select

from workflows import approvals, audit, freeze, instructions, orders, payees
from workflows.company import Company
from workflows.instructions import Stage
from workflows.orders import Order, OrderState
from workflows.policy import Facts
from workflows.tables import instruction

FENCE = timedelta(seconds=10)
"""Within which a won claim must be used: a process that was paused for longer sends nothing."""
FROZEN_FOR = timedelta(seconds=30)
"""How often it is looked whether a freeze was lifted."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an institution takes at most, over all replicas.

    Attributes:
        at_once: Calls under way.
        per_second: New ones.
    """

    at_once: int = 16
    per_second: int = 50


@dataclass(frozen=True, slots=True)
class Claim:
    """What came of wanting to send.

    Attributes:
        stage: `Stage.PREPARED` for whoever may send now; else where the instruction is.
        wait: Look again after this time, where nothing else is to be done.
    """

    stage: Stage
    wait: timedelta = timedelta(0)

    @property
    def is_won(self) -> bool:
        """Whether the payment is ours to send."""
        return self.stage is Stage.PREPARED and not self.wait


def release(
    connection: Connection,
    company: Company,
    order_id: str,
    *,
    service_of: Callable[[Order], str],
    now: datetime,
) -> Order:
    """Prepare an approved order for sending, if everything that allowed it still holds.

    ``service_of`` names the institution's product for it, which is kept from here on. What no
    longer holds fails the order, with the reason; an order past this point is left as it is, and
    so is one while everything is frozen. Returns the order as it stands.
    """
    order = orders.get(connection, order_id)
    if order.state != OrderState.APPROVED or freeze.present(connection) is not None:
        return order
    if (reason := no_longer_holds(connection, company, order)) is not None:
        instructions.fail(connection, order, reason, None, now)
        return orders.get(connection, order_id)
    prepared = {
        "order_id": order.id,
        "request_id": str(uuid.uuid4()),
        "service": service_of(order),
        "connector": order.connector,
        "state": str(Stage.PREPARED),
        "attempts": 0,
        "updated_at": now,
    }
    connection.execute(insert(instruction).values(**prepared))
    return orders.change(
        connection,
        order,
        OrderState.RELEASED,
        now=now,
        actor=audit.SYSTEM,
        kind="order.released",
        facts={
            "digest": order.digest,
            "end_to_end_id": order.end_to_end_id,
            "instruction": audit.told(prepared),
        },
    )


def no_longer_holds(connection: Connection, company: Company, order: Order) -> str | None:
    """Return the code of the first condition of the approval that is gone, or None."""
    if orders.digest_of(order) != order.digest:
        return "release.digest"
    own = company.accounts.get(order.account_id)
    if own is None or own.account.iban != order.debtor_iban or own.connector != order.connector:
        return "release.account"
    given = approvals.of_order(connection, order)
    if not approvals.assignment_of(company, order, given).is_complete:
        return "release.approvals"
    requester = company.directory.get(order.requester_id)
    if requester is None:
        return "release.requester"
    verdict = company.policy.evaluate(
        Facts(
            amount=order.amount,
            account=order.account_id,
            payee=payees.standing(connection, order.payee_id, order.creditor_iban),
            requester_roles=requester.roles,
        ),
        company.rates,
    )
    if not verdict.is_allowed:
        return "release.policy"
    if not approvals.assignment_for(company, order, verdict.slots, given).is_complete:
        return "release.policy"
    return None


def claim(
    connection: Connection,
    company: Company,
    order_id: str,
    *,
    allowance: Allowance,
    orphaned_after: timedelta,
    now: datetime,
) -> Claim:
    """Say durably that the instruction is about to be sent, if it may be.

    Only who wins may send. An instruction found in `Stage.SENDING` was cut off, or another replica
    is at it: after ``orphaned_after`` no call can be under way any more, and its order becomes
    ``unknown`` here. An order that is not released any more is not sent; one of which something no
    longer holds fails.
    """
    order = orders.get(connection, order_id)
    sent = instructions.find(connection, order_id)
    assert sent is not None
    if order.state != OrderState.RELEASED:
        return Claim(Stage.CLOSED)
    if sent.state == Stage.SENDING:
        assert sent.sent_at is not None
        left = sent.sent_at + orphaned_after - now
        if left > timedelta(0):
            return Claim(Stage.SENDING, min(left, orphaned_after))
        instructions.lost(connection, order_id, "interrupted", None, now=now)
        return Claim(Stage.SENDING)
    if sent.state != Stage.PREPARED:
        return Claim(Stage(sent.state))
    if freeze.present(connection) is not None:
        return Claim(Stage.PREPARED, FROZEN_FOR)
    if (reason := no_longer_holds(connection, company, order)) is not None:
        instructions.fail(connection, order, reason, None, now)
        return Claim(Stage.CLOSED)
    if wait := _turn(connection, order.connector, allowance, now):
        return Claim(Stage.PREPARED, wait)
    attempt = sent.attempts + 1
    written = instructions.write(
        connection, order_id, now, state=str(Stage.SENDING), attempts=attempt, sent_at=now
    )
    audit.append(
        connection,
        at=now,
        actor=audit.SYSTEM,
        kind="instruction.sending",
        subject=order_id,
        facts={"request_id": sent.request_id, "attempt": attempt, **written},
    )
    return Claim(Stage.PREPARED)


def _turn(
    connection: Connection, connector: str, allowance: Allowance, now: datetime
) -> timedelta | None:
    """Return how long to wait for a turn with the institution; None where there is one now."""
    busy = connection.execute(
        select(func.count()).where(
            instruction.c.connector == connector, instruction.c.state == str(Stage.SENDING)
        )
    ).scalar_one()
    if busy >= allowance.at_once:
        return timedelta(seconds=0.2)
    second = timedelta(seconds=1)
    started = connection.execute(
        select(func.count()).where(
            instruction.c.connector == connector,
            instruction.c.sent_at > now - second,
            instruction.c.sent_at <= now,
        )
    ).scalar_one()
    return second / 2 if started >= allowance.per_second else None


def is_stale(claimed_at: datetime, now: datetime) -> bool:
    """Whether a won claim is too old to be used: somebody may have taken it for lost by now."""
    return not timedelta(0) <= now - claimed_at < FENCE
