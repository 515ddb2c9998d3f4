"""The last moment before a payment leaves: everything that allowed it must still hold.

Two steps: `release` prepares the instruction; `claim` says durably that it is about to be sent, and
is won by one alone. Both look at the whole again, because hours may lie between them. `depart` does
both in one transaction where nothing keeps the payment waiting.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, func, literal_column, select

from workflows import (
    approvals,
    audit,
    away,
    freeze,
    in_force,
    instructions,
    kept_files,
    orders,
    policy_facts,
    restoring,
    series,
)
from workflows.company import Company
from workflows.instructions import Sent, Stage
from workflows.orders import Order, OrderState
from workflows.payees import Profile
from workflows.policy import Verdict
from workflows.prepared import Prepared
from workflows.tables import instruction

_REQUESTS = uuid.UUID("6f0c4d3e-5b0a-4c57-9d0f-0b7b8b1f6a52")
FENCE = timedelta(seconds=10)
"""Within which a won claim must be used: a process that was paused for longer sends nothing."""
TAKEN_BACK_FOR = timedelta(minutes=5)
"""How often it is looked whether an order of which an approval was taken back is approved again."""
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
        order: Of which the claim is, as it stands now.
        sent: Its instruction as it was before the claim; None where it is not released.
    """

    stage: Stage
    order: Order
    sent: Sent | None = None
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
    so is one while everything is frozen. One that may have been sent before the database was put
    back is ``unknown`` at once. Returns the order as it stands.
    """
    order = orders.get(connection, order_id)
    return _released(connection, company, order, service_of, now)[0]


def _released(
    connection: Connection,
    company: Company,
    order: Order,
    service_of: Callable[[Order], str],
    now: datetime,
) -> tuple[Order, Sent | None]:
    """Return an approved order as it stands after `release`; its instruction if it is released."""
    if order.state != OrderState.APPROVED or is_held(connection, company):
        return order, None
    if _cools_for(connection, company, order, now):
        return order, None
    if (reason := no_longer_holds(connection, company, order)) is not None:
        instructions.fail(connection, order, reason, None, now)
        return orders.get(connection, order.id), None
    # The same for the order whenever it is released, also in a database that was put back.
    request_id = str(uuid.uuid5(_REQUESTS, order.end_to_end_id))
    sent, prepared = instructions.prepare(
        connection, order, request_id=request_id, service=service_of(order), now=now
    )
    released = orders.change(
        connection,
        order,
        OrderState.RELEASED,
        now=now,
        actor=audit.SYSTEM,
        kind="order.released",
        facts={"digest": order.digest, "end_to_end_id": order.end_to_end_id, **prepared},
    )
    since = restoring.may_have_left_since(connection, order)
    if since is None:
        return released, sent
    instructions.lost(connection, order.id, restoring.CODE, None, now=now, since=since)
    return orders.get(connection, order.id), None


def _cools_for(connection: Connection, company: Company, order: Order, now: datetime) -> timedelta:
    """Return how long an approved order waits, for its day or by policy; nothing if it may leave.

    As policy said when it was asked for and as it says now, whichever is longer: the payee may have
    changed meanwhile, and so may the policy.
    """
    waits = [] if order.release_after is None else [order.release_after - now]
    has_any = any(rule.cool_off for rule in company.policy.rules)
    verdict = _verdict_now(connection, company, order) if has_any else None
    if verdict is not None and verdict.cool_off:
        given = approvals.of_order(connection, order)
        approved_at = max(
            # One that was given for a whole series came to count when this payment was asked for.
            (
                order.created_at if each.series_digest else each.at
                for each in given
                if each.is_standing
            ),
            default=now,
        )
        waits.append(approved_at + verdict.cool_off - now)
    return max([due_in(company, order, now), *waits])


def due_in(company: Company, order: Order, now: datetime) -> timedelta:
    """Return how long it is until the day on which an order is to be executed begins.

    Until then it stays here, where it can still be stopped, and all that allows it is looked at
    when it leaves.
    """
    own = company.accounts.get(order.account_id)
    if order.execution_date is None or own is None:
        return timedelta(0)
    begins = datetime.combine(order.execution_date, time(), ZoneInfo(own.account.timezone))
    return max(timedelta(0), begins - now)


def _verdict_now(
    connection: Connection, company: Company, order: Order, known: Profile | None = None
) -> Verdict | None:
    """Return what policy asks of an order today; None where its requester is not there any more."""
    requester = company.directory.get(order.requester_id)
    if requester is None:
        return None
    # Limits count up to this order: a later one must not take from it what it was granted.
    facts = policy_facts.facts_of(
        connection, company, order, requester, until=order.versioned_at, known=known
    )
    return company.policy.evaluate(facts, policy_facts.rates_of(company, order))


def may_still_go(connection: Connection, company: Company, order: Order) -> bool:
    """Whether an order might be sent now: nothing is frozen, and what allowed it still holds."""
    return not is_held(connection, company) and no_longer_holds(connection, company, order) is None


def is_held(connection: Connection, company: Company) -> bool:
    """Whether nothing may leave: somebody froze it, or settings are not what was agreed to."""
    return freeze.present(connection) is not None or not in_force.is_in_force(connection, company)


def no_longer_holds(connection: Connection, company: Company, order: Order) -> str | None:
    """Return the code of the first condition of the approval that is gone, or None."""
    if orders.digest_of(order) != order.digest:
        return "release.digest"
    if not kept_files.are_whole(connection, order.files):
        return "release.attachment"
    own = company.accounts.get(order.account_id)
    if own is None or own.account.iban != order.debtor_iban or own.connector != order.connector:
        return "release.account"
    given = approvals.of_order(connection, order)
    if not approvals.assignment_of(company, order, given).is_complete:
        return "release.approvals"
    by_delegates = [each for each in given if each.on_behalf_of and each.is_standing]
    if not all(away.behind(connection, company, each) for each in by_delegates):
        return "release.approvals"
    known = policy_facts.profile_of(connection, company, order)
    verdict = _verdict_now(connection, company, order, known)
    if verdict is None:
        return "release.requester"
    if order.payee_id is not None and not known.is_active:
        return "release.payee"
    if not verdict.is_allowed:
        return "release.policy"
    if not series.still_covers(connection, company, order, given, verdict):
        return "release.series"
    now_asked = approvals.assignment_for(company, order, verdict.slots, given, verdict.excluded)
    return None if now_asked.is_complete else "release.policy"


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
    order, sent = instructions.load(connection, order_id)
    if order.state != OrderState.RELEASED:
        return Claim(Stage.CLOSED, order, sent)
    assert sent is not None
    if sent.state == Stage.SENDING:
        assert sent.sent_at is not None
        left = sent.sent_at + orphaned_after - now
        if left > timedelta(0):
            return Claim(Stage.SENDING, order, sent, min(left, orphaned_after))
        instructions.lost(connection, order_id, "interrupted", None, now=now)
        return Claim(Stage.SENDING, orders.get(connection, order_id), sent)
    if sent.state != Stage.PREPARED:
        return Claim(Stage(sent.state), order, sent)
    if is_held(connection, company):
        return Claim(Stage.PREPARED, order, sent, FROZEN_FOR)
    if (reason := no_longer_holds(connection, company, order)) is not None:
        instructions.fail(connection, order, reason, None, now)
        return Claim(Stage.CLOSED, orders.get(connection, order_id), sent)
    return _win(connection, order, sent, allowance, now)


def depart(
    connection: Connection,
    company: Company,
    order_id: str,
    *,
    service_of: Callable[[Order], str],
    closed_for: Callable[[Order], timedelta],
    allowance_of: Callable[[Order], Allowance],
    orphaned_after: timedelta,
    now: datetime,
) -> Claim:
    """Do `release` and `claim` together, as far as they are due.

    What both look at is looked at once: it is one transaction, and nothing changes within it.

    Args:
        closed_for: How long the institution takes no payments; nothing while it does.
        allowance_of: What the institution takes at most.
    """
    order, sent = instructions.load(connection, order_id)
    is_new = order.state == OrderState.APPROVED
    if is_new:
        order, sent = _released(connection, company, order, service_of, now)
    if order.state == OrderState.PENDING:  # an approval was taken back
        left = max(order.expires_at - now, timedelta(seconds=1))
        return Claim(Stage.PREPARED, order, None, min(left, TAKEN_BACK_FOR))
    if order.state == OrderState.APPROVED:  # frozen, or it still cools off
        # Not longer than that: it may be amended, and clocks may be corrected.
        wait = min(_cools_for(connection, company, order, now), TAKEN_BACK_FOR)
        return Claim(Stage.PREPARED, order, None, wait or FROZEN_FOR)
    if order.state == OrderState.RELEASED and sent is not None and sent.state == Stage.PREPARED:
        if wait := closed_for(order):
            return Claim(Stage.PREPARED, order, sent, wait)
        if is_new:
            return _win(connection, order, sent, allowance_of(order), now)
    return claim(
        connection,
        company,
        order_id,
        allowance=allowance_of(order),
        orphaned_after=orphaned_after,
        now=now,
    )


def _win(
    connection: Connection, order: Order, sent: Sent, allowance: Allowance, now: datetime
) -> Claim:
    """Claim a prepared instruction of which everything holds, if it is its turn."""
    if wait := _turn(connection, order.connector, allowance, now):
        return Claim(Stage.PREPARED, order, sent, wait)
    attempt = sent.attempts + 1
    written = instructions.write(
        connection, order.id, now, state=str(Stage.SENDING), attempts=attempt, sent_at=now
    )
    audit.append(
        connection,
        at=now,
        actor=audit.SYSTEM,
        kind="instruction.sending",
        subject=order.id,
        facts={"request_id": sent.request_id, "attempt": attempt, **written},
    )
    return Claim(Stage.PREPARED, order, sent)


_OF_CONNECTOR = instruction.c.connector == bindparam("connector")
# Every stage is named, so that the index leads to the second asked for whatever the stage.
_ANY_STAGE = instruction.c.state.in_([literal_column(f"'{stage}'") for stage in Stage])
_LOAD = Prepared(
    select(
        select(func.count())
        .select_from(instruction)
        .where(_OF_CONNECTOR, instruction.c.state == literal_column(f"'{Stage.SENDING}'"))
        .scalar_subquery(),
        select(func.count())
        .select_from(instruction)
        .where(
            _OF_CONNECTOR,
            _ANY_STAGE,
            instruction.c.sent_at > bindparam("since"),
            instruction.c.sent_at <= bindparam("now"),
        )
        .scalar_subquery(),
    )
)


def _turn(
    connection: Connection, connector: str, allowance: Allowance, now: datetime
) -> timedelta | None:
    """Return how long to wait for a turn with the institution; None where there is one now."""
    second = timedelta(seconds=1)
    since = {"since": now - second, "now": now}
    row = _LOAD.row(connection, {"connector": connector, **since})
    assert row is not None
    busy, started = row
    if busy >= allowance.at_once:
        return timedelta(seconds=0.2)
    return second / 2 if started >= allowance.per_second else None


def is_stale(claimed_at: datetime, now: datetime) -> bool:
    """Whether a won claim is too old to be used: somebody may have taken it for lost by now."""
    return not timedelta(0) <= now - claimed_at < FENCE
