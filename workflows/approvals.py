"""Approving and rejecting: distinct persons, each with a second factor, on exactly this payment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from workflows import audit, away, orders, second_factor
from workflows.company import Company
from workflows.matching import Assignment
from workflows.orders import Order, OrderState
from workflows.people import Person
from workflows.prepared import Prepared
from workflows.quorum import (
    Approval,
    Decision,
    acts_as,
    approvers,
    assignment_for,
    assignment_of,
    awaited,
    can_be_reached,
    has_decided,
    is_excluded,
    leads_on,
    may_approve,
    may_still_approve,
    waits_for,
    would_act_as,
)
from workflows.refusal import Refusal
from workflows.second_factor import Cipher
from workflows.tables import approval, audit_entry

__all__ = [
    "Admitted",
    "Approval",
    "Choice",
    "Decided",
    "Decision",
    "acts_as",
    "admitted",
    "approve",
    "approvers",
    "assignment_for",
    "assignment_of",
    "awaited",
    "awaiting",
    "check",
    "decide",
    "is_excluded",
    "may_approve",
    "may_still_approve",
    "of_order",
    "put_where_it_belongs",
    "recuse",
    "take_back",
    "unacknowledged",
    "withdraw",
]


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision as it was made on a form.

    Attributes:
        version: The order's version that the form showed.
        digest: The digest of what the form showed.
        code: Of the person's second factor; an approval needs one.
        reason: For a rejection.
        has_acknowledged: Whether the person says to have seen what the order warns of.
    """

    order_id: str
    version: int
    digest: str
    decision: Decision
    code: str = ""
    reason: str = ""
    has_acknowledged: bool = False

    def __repr__(self) -> str:
        return f"Choice({self.order_id} v{self.version} {self.decision})"


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that counts.

    Attributes:
        order: As it stands after it.
        assignment: Which slots are filled by whom, and what is still missing.
        is_again: Whether an approval was taken back before: the order's workflow may be waiting,
            and is to be woken.
    """

    order: Order
    assignment: Assignment
    is_again: bool = False


_FIELDS = tuple(each.name for each in fields(Approval))
assert tuple(approval.c.keys()) == _FIELDS
_OF_VERSION = Prepared(
    select(approval)
    .where(approval.c.order_id == bindparam("order"), approval.c.version == bindparam("version"))
    .order_by(approval.c.at, approval.c.person_id)
)
_STORE = Prepared(insert(approval))
_MINE = (
    approval.c.order_id == bindparam("order"),
    approval.c.version == bindparam("version"),
    approval.c.person_id == bindparam("person"),
)
_FORGET = Prepared(delete(approval).where(*_MINE, approval.c.withdrawn_at.is_not(None)))
_TAKE_BACK = Prepared(update(approval).where(*_MINE).values(withdrawn_at=bindparam("at")))


def of_order(connection: Connection, order: Order) -> list[Approval]:
    """Return the decisions on the order's present version, oldest first."""
    rows = _OF_VERSION.rows(connection, {"order": order.id, "version": order.version})
    return [Approval(*row) for row in rows]


def awaiting(connection: Connection, company: Company, person: Person) -> list[Order]:
    """Return pending orders that wait for this person, soonest to expire first."""
    found = [
        order
        for order in orders.in_states(connection, OrderState.PENDING)
        if may_approve(company, person, order)
        and waits_for(company, order, of_order(connection, order), person)
    ]
    return sorted(found, key=lambda order: order.expires_at)


@dataclass(frozen=True, slots=True)
class Admitted:
    """An order a person may decide on, with the decisions there are on its version.

    Attributes:
        on_behalf_of: By whose roles the person would approve, where that is not their own.
    """

    order: Order
    given: tuple[Approval, ...]
    on_behalf_of: str | None = None


def check(
    connection: Connection, company: Company, person: Person, choice: Choice, *, now: datetime
) -> Admitted:
    """Return the order a person may decide on, as they saw it.

    Raises:
        Refusal: ``order.unknown``, ``order.stale``, ``approval.already``, ``order.not_pending``,
            ``order.expired``, ``approval.own_request``, ``approval.acts_for_requester``,
            ``approval.excluded``, ``approval.no_role``, ``approval.not_yet``,
            ``approval.needed_later``, ``approval.decided_themselves`` or ``order.tampered``.
    """
    company = away.seen(connection, company, now=now)
    order = orders.get(connection, choice.order_id)
    given = of_order(connection, order)
    if choice.version == order.version and has_decided(person, given):
        raise Refusal("approval.already", order=order.id)
    if order.state != OrderState.PENDING:
        raise Refusal("order.not_pending", order=order.id, state=order.state)
    if choice.version != order.version:
        raise Refusal("order.stale", order=order.id, version=order.version)
    if now >= order.expires_at:
        raise Refusal("order.expired", order=order.id, at=order.expires_at.isoformat())
    if person.id == order.requester_id:
        raise Refusal("approval.own_request", order=order.id)
    if order.requester_id in company.away.principals(person.id):
        raise Refusal("approval.acts_for_requester", order=order.id)
    if is_excluded(person, order):
        raise Refusal("approval.excluded", order=order.id)
    if not may_approve(company, person, order):
        wanted = sorted({slot.who for slot in order.policy_verdict.slots})
        raise Refusal("approval.no_role", order=order.id, roles=", ".join(wanted))
    if not choice.digest == order.digest == orders.digest_of(order):
        raise Refusal("order.tampered", order=order.id)
    if choice.decision is not Decision.APPROVE:
        return Admitted(order, tuple(given))
    whose = _by_whose_roles(company, order, given, person)
    return Admitted(order, tuple(given), whose.id if whose.id != person.id else None)


def _by_whose_roles(
    company: Company, order: Order, given: Sequence[Approval], person: Person
) -> Person:
    """Return by whose roles a person approves: their own, or of somebody they act for.

    Refuses an approval whose stage is not open, or that would leave a later one to nobody.
    """
    stage = assignment_of(company, order, given).stage
    whose = would_act_as(company, order, given, person)
    if whose is None and not may_still_approve(company, person, order, given):
        names = ", ".join(each.name for each in acts_as(company, person, order)[1:])
        raise Refusal("approval.decided_themselves", order=order.id, names=names)
    if whose is None:
        raise Refusal("approval.not_yet", order=order.id, stage=stage)
    if not leads_on(company, order, given, person, whose, stage):
        raise Refusal("approval.needed_later", order=order.id)
    return whose


def decide(
    connection: Connection,
    company: Company,
    cipher: Cipher,
    person: Person,
    choice: Choice,
    *,
    now: datetime,
) -> Decided | Refusal:
    """Record a decision; the last missing approval makes the order approved.

    A refusal is *returned*, so that what it leaves behind (a failed factor, an attempt on one's
    own request) is committed with it.
    """
    if choice.decision is Decision.RECUSE:
        return recuse(connection, company, person, choice, now=now)
    found = admitted(connection, company, person, choice, now=now)
    if isinstance(found, Refusal):
        return found
    if choice.decision is Decision.REJECT:
        return _reject(connection, company, person, found.order, choice, now)
    if (refusal := unacknowledged(found.order, choice)) is not None:
        return refusal
    verdict = second_factor.verify(connection, cipher, person.id, choice.code, now=now)
    if isinstance(verdict, Refusal):
        return verdict
    return approve(connection, company, person, found, now=now)


def unacknowledged(order: Order, choice: Choice) -> Refusal | None:
    """Return why an approval does not count yet: nobody says that the warnings were seen."""
    if not order.must_be_acknowledged or choice.has_acknowledged:
        return None
    return Refusal("approval.unacknowledged", field="acknowledge", order=order.id)


def admitted(
    connection: Connection, company: Company, person: Person, choice: Choice, *, now: datetime
) -> Admitted | Refusal:
    """Return the order if ``person`` may make this choice, else why not.

    An attempt on what is not theirs is put on the record.
    """
    try:
        return check(connection, company, person, choice, now=now)
    except Refusal as refusal:
        _note_attempt(connection, person, choice, refusal, now)
        return refusal


_ON_RECORD = frozenset(
    {
        "approval.own_request",
        "approval.acts_for_requester",
        "approval.excluded",
        "approval.no_role",
        "order.tampered",
    }
)


def _note_attempt(
    connection: Connection, person: Person, choice: Choice, refusal: Refusal, now: datetime
) -> None:
    if refusal.code in _ON_RECORD:
        audit.append(
            connection,
            at=now,
            actor=person.id,
            kind="access.denied",
            subject=choice.order_id[:16],
            facts={"code": refusal.code, "decision": str(choice.decision)},
        )


def _store(connection: Connection, given: Approval) -> None:
    """Store a decision, in the place of one that the person took back."""
    _FORGET.run(
        connection,
        {"order": given.order_id, "version": given.version, "person": given.person_id},
    )
    _STORE.run(connection, {name: getattr(given, name) for name in _FIELDS})


def approve(
    connection: Connection,
    company: Company,
    person: Person,
    found: Admitted,
    *,
    now: datetime,
    facts: Mapping[str, Any] | None = None,
) -> Decided:
    """Record the approval of an order the person was admitted to, after their second factor.

    Args:
        facts: What else the record keeps of it.
    """
    order = found.order
    stage = assignment_of(company, order, found.given).stage
    mine = Approval(
        order_id=order.id,
        version=order.version,
        person_id=person.id,
        digest=order.digest,
        decision=str(Decision.APPROVE),
        factor=second_factor.TOTP,
        reason=None,
        at=now,
        stage=stage,
        on_behalf_of=found.on_behalf_of,
    )
    _store(connection, mine)
    others = [each for each in found.given if each.person_id != person.id]
    assignment = assignment_of(company, order, (*others, mine))
    after = put_where_it_belongs(
        connection,
        order,
        assignment,
        now=now,
        actor=person.id,
        kind="order.approval",
        facts={
            "factor": second_factor.TOTP,
            "stage": stage,
            **({"on_behalf_of": mine.on_behalf_of} if mine.on_behalf_of else {}),
            **(facts or {}),
        },
    )
    is_again = assignment.is_complete and _was_withdrawn(connection, order.id)
    return Decided(after, assignment, is_again)


def put_where_it_belongs(
    connection: Connection,
    order: Order,
    assignment: Assignment,
    *,
    now: datetime,
    actor: str,
    kind: str,
    facts: Mapping[str, Any] | None = None,
) -> Order:
    """Have an order be approved if all its slots are filled, else pending; return it then.

    Args:
        facts: What the record keeps of why, beside by whom slots are filled.
    """
    verdict, is_complete = order.policy_verdict, assignment.is_complete
    cools = is_complete and bool(verdict.cool_off)
    return orders.change(
        connection,
        order,
        OrderState.APPROVED if is_complete else OrderState.PENDING,
        now=now,
        actor=actor,
        kind=kind,
        facts={
            "digest": order.digest,
            "version": order.version,
            "policy_hash": verdict.policy_hash,
            "filled": [list(pair) for pair in assignment.filled],
            **(facts or {}),
        },
        values={"release_after": now + verdict.cool_off} if cools else {},
    )


_WITHDRAWN = "order.approval_withdrawn"
_WITHDRAWALS = Prepared(
    select(func.count())
    .select_from(audit_entry)
    .where(
        audit_entry.c.subject == bindparam("order"),
        audit_entry.c.kind == literal_column(f"'{_WITHDRAWN}'"),
    )
)


def _was_withdrawn(connection: Connection, order_id: str) -> bool:
    """Whether anybody ever took back an approval of an order."""
    row = _WITHDRAWALS.row(connection, {"order": order_id})
    return row is not None and row[0] > 0


def _reject(
    connection: Connection,
    company: Company,
    person: Person,
    order: Order,
    choice: Choice,
    now: datetime,
) -> Decided | Refusal:
    reason = " ".join(choice.reason.split())[:500]
    if not reason:
        return Refusal("reject.reason_missing", field="reason")
    mine = Approval(
        order_id=order.id,
        version=order.version,
        person_id=person.id,
        digest=order.digest,
        decision=str(Decision.REJECT),
        factor="none",
        reason=reason,
        at=now,
    )
    _store(connection, mine)
    rejected = orders.change(
        connection,
        order,
        OrderState.REJECTED,
        now=now,
        actor=person.id,
        kind="order.rejected",
        facts={"digest": order.digest, "version": order.version, "reason": reason},
        values={"reason_code": "rejected", "reason_text": reason},
    )
    return Decided(rejected, assignment_of(company, rejected, ()))


def recuse(
    connection: Connection, company: Company, person: Person, choice: Choice, *, now: datetime
) -> Decided | Refusal:
    """Record that a person has a conflict of interest: they are out, also if it is amended.

    Whoever approved already takes that back by it, as long as the payment was not released. Where
    the others are a quorum without them, it stays approved.
    """
    reason = " ".join(choice.reason.split())[:500]
    if not reason:
        return Refusal("recuse.reason_missing", field="reason")
    company = away.seen(connection, company, now=now)
    order = orders.get(connection, choice.order_id)
    if (refusal := _cannot_step_out(connection, company, person, order, choice)) is not None:
        return refusal
    # Nor does anybody approve in their place.
    theirs = [
        each
        for each in of_order(connection, order)
        if person.id in (each.person_id, each.on_behalf_of)
        and each.decision == Decision.APPROVE
        and each.is_standing
    ]
    if theirs:
        order = take_back(connection, company, order, theirs, actor=person.id, now=now)
    mine = Approval(
        order_id=order.id,
        version=order.version,
        person_id=person.id,
        digest=order.digest,
        decision=str(Decision.RECUSE),
        factor="none",
        reason=reason,
        at=now,
    )
    _store(connection, mine)
    given = of_order(connection, order)
    after = orders.change(
        connection,
        order,
        OrderState(order.state),
        now=now,
        actor=person.id,
        kind="order.recused",
        facts={
            "digest": order.digest,
            "version": order.version,
            "reason": reason,
            "fillable": can_be_reached(company, order, given),
        },
    )
    return Decided(after, assignment_of(company, after, given))


def _cannot_step_out(
    connection: Connection, company: Company, person: Person, order: Order, choice: Choice
) -> Refusal | None:
    """Return why a person cannot be taken out of those who decide, if there is a reason."""
    if order.state not in (OrderState.PENDING, OrderState.APPROVED):
        return Refusal("order.too_late", order=order.id, state=order.state)
    if choice.version != order.version:
        return Refusal("order.stale", order=order.id, version=order.version)
    given = of_order(connection, order)
    if any(each.person_id == person.id and each.decision != Decision.APPROVE for each in given):
        return Refusal("approval.already", order=order.id)
    if is_excluded(person, order):
        return Refusal("approval.excluded", order=order.id)
    if not may_approve(company, person, order) and _mine(connection, order, person) is None:
        return Refusal("approval.no_role", order=order.id, roles="")
    return None


def _mine(connection: Connection, order: Order, person: Person) -> Approval | None:
    """Return a person's approval of the order's present version, if there is one that counts."""
    return next(
        (
            each
            for each in of_order(connection, order)
            if each.person_id == person.id
            and each.decision == Decision.APPROVE
            and each.withdrawn_at is None
        ),
        None,
    )


def withdraw(
    connection: Connection,
    company: Company,
    person: Person,
    order_id: str,
    version: int,
    *,
    now: datetime,
) -> Order:
    """Take one's own approval back, as long as the payment was not released.

    Approvals of later stages were given on the strength of it, and are taken back with it.

    Raises:
        Refusal: ``order.unknown``, ``order.stale``, ``approval.none`` or ``order.too_late``.
    """
    order = orders.get(connection, order_id)
    if order.version != version:
        raise Refusal("order.stale", order=order.id, version=order.version)
    if order.state not in (OrderState.PENDING, OrderState.APPROVED):
        raise Refusal("order.too_late", order=order.id, state=order.state)
    mine = _mine(connection, order, person)
    if mine is None:
        raise Refusal("approval.none", order=order.id)
    return take_back(connection, company, order, [mine], actor=person.id, now=now)


def take_back(
    connection: Connection,
    company: Company,
    order: Order,
    taken: Sequence[Approval],
    *,
    actor: str,
    now: datetime,
    facts: Mapping[str, Any] | None = None,
) -> Order:
    """Have approvals of a payment that was not released count no more; return it as it stands.

    Approvals of later stages were given on the strength of them, and are taken back with them.
    """
    people = {each.person_id for each in taken}
    given = [each for each in of_order(connection, order) if each.person_id not in people]
    stage = assignment_of(company, order, given).stage
    first = min(each.stage for each in taken)
    gone = people | {
        each.person_id
        for each in given
        if each.decision == Decision.APPROVE and each.is_standing and each.stage > min(stage, first)
    }
    for each in sorted(gone):
        row = {"order": order.id, "version": order.version, "person": each, "at": now}
        _TAKE_BACK.run(connection, row)
    left = [each for each in given if each.person_id not in gone]
    is_complete = assignment_of(company, order, left).is_complete
    to = OrderState(order.state) if is_complete else OrderState.PENDING
    return orders.change(
        connection,
        order,
        to,
        now=now,
        actor=actor,
        kind=_WITHDRAWN,
        facts={
            "digest": order.digest,
            "version": order.version,
            "withdrawn": sorted(gone),
            **(facts or {}),
        },
        values={} if is_complete else {"release_after": None},
    )
