"""Approving and rejecting: distinct persons, each with a second factor, on exactly this payment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
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

from workflows import audit, orders, second_factor
from workflows.company import Company
from workflows.orders import Order, OrderState
from workflows.people import Person
from workflows.policy import Assignment, Slot, assign
from workflows.prepared import Prepared
from workflows.refusal import Refusal
from workflows.second_factor import Cipher
from workflows.tables import approval, audit_entry


class Decision(StrEnum):
    """What an approver may say."""

    APPROVE = "approve"
    REJECT = "reject"
    RECUSE = "recuse"
    """I have a conflict of interest: neither yes nor no, and none of mine counts any more."""


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


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's stored decision on one version of an order.

    Attributes:
        stage: The newest stage that was open when it was given: it fills no slot of a later one.
        withdrawn_at: When it was taken back, and stopped to count.
    """

    order_id: str
    version: int
    person_id: str
    digest: str
    decision: str
    factor: str
    reason: str | None
    at: datetime
    stage: int = 1
    withdrawn_at: datetime | None = None


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


def may_approve(company: Company, person: Person, order: Order) -> bool:
    """Whether ``person`` could fill one of the order's slots, in whatever stage."""
    return _fits(person, order, order.policy_verdict.slots)


def _fits(person: Person, order: Order, slots: Sequence[Slot]) -> bool:
    return not is_excluded(person, order) and any(
        slot.suits(person.id, person.roles) for slot in slots
    )


def is_excluded(person: Person, order: Order) -> bool:
    """Whether a person's approval can never count: of their own request, or of their payee."""
    return person.id == order.requester_id or person.id in order.policy_verdict.excluded


def approvers(company: Company, order: Order, given: Sequence[Approval]) -> list[Person]:
    """Return everybody who has decided or could fill a slot of a stage that is open, by id."""
    slots = order.policy_verdict.slots
    stage = assignment_of(company, order, given).stage
    is_open = tuple(slot for slot in slots if slot.stage <= stage)
    decided = {each.person_id for each in given}
    found = (
        person
        for person in company.directory
        if _fits(person, order, is_open)
        or (person.id in decided and may_approve(company, person, order))
    )
    return sorted(found, key=lambda person: person.id)


def assignment_of(company: Company, order: Order, given: Sequence[Approval]) -> Assignment:
    """Return which slots the approvals fill, with the roles people have *now*."""
    return assignment_for(company, order, order.policy_verdict.slots, given)


def assignment_for(
    company: Company,
    order: Order,
    slots: Sequence[Slot],
    given: Sequence[Approval],
    excluded: frozenset[str] = frozenset(),
) -> Assignment:
    """Return which of ``slots`` the approvals of this very digest fill.

    Args:
        excluded: Whose approvals do not count, beside those whom the order excludes.
    """
    standing = _standing(company, order, given)
    stages = {each.person_id: each.stage for each in given}
    counting = {who: roles for who, roles in standing.items() if who not in excluded}
    return assign(slots, counting, stages)


def awaiting(connection: Connection, company: Company, person: Person) -> list[Order]:
    """Return pending orders that wait for this person, soonest to expire first."""
    found = [
        order
        for order in orders.in_states(connection, OrderState.PENDING)
        if may_approve(company, person, order)
        and _waits_for(company, order, of_order(connection, order), person)
    ]
    return sorted(found, key=lambda order: order.expires_at)


def awaited(company: Company, order: Order, given: Sequence[Approval]) -> list[Person]:
    """Return whom a pending order waits for now, by id."""
    found = (
        person
        for person in company.directory
        if may_approve(company, person, order) and _waits_for(company, order, given, person)
    )
    return sorted(found, key=lambda person: person.id)


def _waits_for(company: Company, order: Order, given: Sequence[Approval], person: Person) -> bool:
    if _has_decided(person, given):
        return False
    # Not "is one of my roles missing": my coming may free somebody for another slot.
    before = assignment_of(company, order, given)
    after = _with(company, order, given, person, before.stage)
    return len(after.filled) > len(before.filled)


def _has_decided(person: Person, given: Sequence[Approval]) -> bool:
    return any(each.person_id == person.id and each.withdrawn_at is None for each in given)


def _with(
    company: Company, order: Order, given: Sequence[Approval], person: Person, stage: int
) -> Assignment:
    """Return the assignment as it would be with one more approval, given in ``stage``."""
    standing = {**_standing(company, order, given), person.id: person.roles}
    stages = {**{each.person_id: each.stage for each in given}, person.id: stage}
    return assign(order.policy_verdict.slots, standing, stages)


def leads_on(
    company: Company, order: Order, given: Sequence[Approval], person: Person, stage: int
) -> bool:
    """Whether the quorum can still be reached by the company's people after one more approval.

    Somebody who is the only one for a later stage must not spend themselves on an earlier one.
    """
    mine = Approval(
        order_id=order.id,
        version=order.version,
        person_id=person.id,
        digest=order.digest,
        decision=str(Decision.APPROVE),
        factor=second_factor.TOTP,
        reason=None,
        at=order.updated_at,
        stage=stage,
    )
    others = [each for each in given if each.person_id != person.id]
    return _can_be_reached(company, order, (*others, mine)) or not _can_be_reached(
        company, order, others
    )


@dataclass(frozen=True, slots=True)
class Admitted:
    """An order a person may decide on, with the decisions there are on its version."""

    order: Order
    given: tuple[Approval, ...]


def check(
    connection: Connection, company: Company, person: Person, choice: Choice, *, now: datetime
) -> Admitted:
    """Return the order a person may decide on, as they saw it.

    Raises:
        Refusal: ``order.unknown``, ``order.stale``, ``approval.already``, ``order.not_pending``,
            ``order.expired``, ``approval.own_request``, ``approval.excluded``,
            ``approval.no_role``, ``approval.not_yet``, ``approval.needed_later`` or
            ``order.tampered``.
    """
    order = orders.get(connection, choice.order_id)
    given = of_order(connection, order)
    if choice.version == order.version and _has_decided(person, given):
        raise Refusal("approval.already", order=order.id)
    if order.state != OrderState.PENDING:
        raise Refusal("order.not_pending", order=order.id, state=order.state)
    if choice.version != order.version:
        raise Refusal("order.stale", order=order.id, version=order.version)
    if now >= order.expires_at:
        raise Refusal("order.expired", order=order.id, at=order.expires_at.isoformat())
    if person.id == order.requester_id:
        raise Refusal("approval.own_request", order=order.id)
    if is_excluded(person, order):
        raise Refusal("approval.excluded", order=order.id)
    if not may_approve(company, person, order):
        wanted = sorted({slot.who for slot in order.policy_verdict.slots})
        raise Refusal("approval.no_role", order=order.id, roles=", ".join(wanted))
    if not choice.digest == order.digest == orders.digest_of(order):
        raise Refusal("order.tampered", order=order.id)
    if choice.decision is Decision.APPROVE:
        _check_stage(company, order, given, person)
    return Admitted(order, tuple(given))


def _check_stage(company: Company, order: Order, given: Sequence[Approval], person: Person) -> None:
    """Refuse an approval whose stage is not open, or that would leave a later one to nobody."""
    stage = assignment_of(company, order, given).stage
    is_open = [slot for slot in order.policy_verdict.slots if slot.stage <= stage]
    if not _fits(person, order, is_open):
        raise Refusal("approval.not_yet", order=order.id, stage=stage)
    if not leads_on(company, order, given, person, stage):
        raise Refusal("approval.needed_later", order=order.id)


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
    {"approval.own_request", "approval.excluded", "approval.no_role", "order.tampered"}
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
    )
    _store(connection, mine)
    others = [each for each in found.given if each.person_id != person.id]
    assignment = assignment_of(company, order, (*others, mine))
    to = OrderState.APPROVED if assignment.is_complete else OrderState.PENDING
    values: dict[str, object] = {}
    if assignment.is_complete and order.policy_verdict.cool_off:
        values["release_after"] = now + order.policy_verdict.cool_off
    after = orders.change(
        connection,
        order,
        to,
        now=now,
        actor=person.id,
        kind="order.approval",
        facts={
            "digest": order.digest,
            "version": order.version,
            "factor": second_factor.TOTP,
            "policy_hash": order.policy_verdict.policy_hash,
            "filled": [list(pair) for pair in assignment.filled],
            "stage": stage,
            **(facts or {}),
        },
        values=values,
    )
    is_again = assignment.is_complete and _was_withdrawn(connection, order.id)
    return Decided(after, assignment, is_again)


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

    Whoever approved already takes that back by it. Refusals are those of `decide`.
    """
    reason = " ".join(choice.reason.split())[:500]
    if not reason:
        return Refusal("recuse.reason_missing", field="reason")
    order = orders.get(connection, choice.order_id)
    if order.state == OrderState.APPROVED or _mine(connection, order, person):
        order = withdraw(connection, company, person, order.id, choice.version, now=now)
    found = admitted(connection, company, person, choice, now=now)
    if isinstance(found, Refusal):
        return found
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
    others = [each for each in found.given if each.person_id != person.id]
    given = (*others, mine)
    after = orders.change(
        connection,
        order,
        OrderState.PENDING,
        now=now,
        actor=person.id,
        kind="order.recused",
        facts={
            "digest": order.digest,
            "version": order.version,
            "reason": reason,
            "fillable": _can_be_reached(company, order, given),
        },
    )
    return Decided(after, assignment_of(company, after, given))


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


def _can_be_reached(company: Company, order: Order, given: Sequence[Approval]) -> bool:
    """Whether the company still has the people to fill all slots."""
    slots = order.policy_verdict.slots
    standing = _standing(company, order, given)
    spent = {each.person_id for each in given if each.withdrawn_at is None} - standing.keys()
    people = {
        each.id: each.roles
        for each in company.directory
        if each.id not in spent and _fits(each, order, slots)
    }
    stages = {each.person_id: each.stage for each in given if each.person_id in standing}
    return assign(slots, people, stages).is_complete


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
    given = [each for each in of_order(connection, order) if each.person_id != person.id]
    stage = assignment_of(company, order, given).stage
    gone = {person.id} | {
        each.person_id for each in _counting(given) if each.stage > min(stage, mine.stage)
    }
    for each in sorted(gone):
        facts = {"order": order.id, "version": order.version, "person": each, "at": now}
        _TAKE_BACK.run(connection, facts)
    left = [each for each in given if each.person_id not in gone]
    is_complete = assignment_of(company, order, left).is_complete
    to = OrderState(order.state) if is_complete else OrderState.PENDING
    return orders.change(
        connection,
        order,
        to,
        now=now,
        actor=person.id,
        kind=_WITHDRAWN,
        facts={"digest": order.digest, "version": order.version, "withdrawn": sorted(gone)},
        values={} if is_complete else {"release_after": None},
    )


def _counting(given: Sequence[Approval]) -> list[Approval]:
    return [
        each for each in given if each.decision == Decision.APPROVE and each.withdrawn_at is None
    ]


def _standing(
    company: Company, order: Order, given: Sequence[Approval]
) -> dict[str, frozenset[str]]:
    """Return the roles of everybody whose approval of this very digest counts now."""
    standing = {}
    for each in given:
        person = company.directory.get(each.person_id)
        counts = (
            person is not None
            and each.decision == Decision.APPROVE
            and each.withdrawn_at is None
            and each.digest == order.digest
            and not is_excluded(person, order)
        )
        if counts and person is not None:
            standing[person.id] = person.roles
    return standing
