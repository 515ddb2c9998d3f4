"""Approving and rejecting: distinct persons, each with a second factor, on exactly this payment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, insert, select

from workflows import audit, orders, second_factor
from workflows.company import Company
from workflows.orders import Order, OrderState
from workflows.people import Person
from workflows.policy import Assignment, Slot, assign
from workflows.prepared import Prepared
from workflows.refusal import Refusal
from workflows.second_factor import Cipher
from workflows.tables import approval


class Decision(StrEnum):
    """What an approver may say."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision as it was made on a form.

    Attributes:
        version: The order's version that the form showed.
        digest: The digest of what the form showed.
        code: Of the person's second factor; an approval needs one.
        reason: For a rejection.
    """

    order_id: str
    version: int
    digest: str
    decision: Decision
    code: str = ""
    reason: str = ""

    def __repr__(self) -> str:
        return f"Choice({self.order_id} v{self.version} {self.decision})"


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that counts.

    Attributes:
        order: As it stands after it.
        assignment: Which slots are filled by whom, and what is still missing.
    """

    order: Order
    assignment: Assignment


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


def of_order(connection: Connection, order: Order) -> list[Approval]:
    """Return the decisions on the order's present version, oldest first."""
    rows = _OF_VERSION.rows(connection, {"order": order.id, "version": order.version})
    return [Approval(*row) for row in rows]


def may_approve(company: Company, person: Person, order: Order) -> bool:
    """Whether ``person`` could fill one of the order's slots."""
    roles = {slot.role for slot in order.policy_verdict.slots}
    return person.id != order.requester_id and bool(person.roles & roles)


def approvers(company: Company, order: Order) -> list[Person]:
    """Return everybody who could fill one of the order's slots, by id."""
    return sorted(
        (person for person in company.directory if may_approve(company, person, order)),
        key=lambda person: person.id,
    )


def assignment_of(company: Company, order: Order, given: Sequence[Approval]) -> Assignment:
    """Return which slots the approvals fill, with the roles people have *now*."""
    return assignment_for(company, order, order.policy_verdict.slots, given)


def assignment_for(
    company: Company, order: Order, slots: Sequence[Slot], given: Sequence[Approval]
) -> Assignment:
    """Return which of ``slots`` the approvals of this very digest fill."""
    return assign(tuple(slots), _standing(company, order, given))


def awaiting(connection: Connection, company: Company, person: Person) -> list[Order]:
    """Return pending orders that wait for this person, soonest to expire first."""
    found = []
    for order in orders.in_states(connection, OrderState.PENDING):
        if not may_approve(company, person, order):
            continue
        given = of_order(connection, order)
        if person.id in {each.person_id for each in given}:
            continue
        # Not "is one of my roles missing": my coming may free somebody for another slot.
        standing = _standing(company, order, given)
        slots = order.policy_verdict.slots
        without = len(assign(slots, standing).filled)
        if len(assign(slots, {**standing, person.id: person.roles}).filled) > without:
            found.append(order)
    return sorted(found, key=lambda order: order.expires_at)


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
            ``order.expired``, ``approval.own_request``, ``approval.no_role`` or
            ``order.tampered``.
    """
    order = orders.get(connection, choice.order_id)
    given = of_order(connection, order)
    if choice.version == order.version and person.id in {each.person_id for each in given}:
        raise Refusal("approval.already", order=order.id)
    if order.state != OrderState.PENDING:
        raise Refusal("order.not_pending", order=order.id, state=order.state)
    if choice.version != order.version:
        raise Refusal("order.stale", order=order.id, version=order.version)
    if now >= order.expires_at:
        raise Refusal("order.expired", order=order.id, at=order.expires_at.isoformat())
    if person.id == order.requester_id:
        raise Refusal("approval.own_request", order=order.id)
    if not may_approve(company, person, order):
        wanted = sorted({slot.role for slot in order.policy_verdict.slots})
        raise Refusal("approval.no_role", order=order.id, roles=", ".join(wanted))
    if not choice.digest == order.digest == orders.digest_of(order):
        raise Refusal("order.tampered", order=order.id)
    return Admitted(order, tuple(given))


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
    found = admitted(connection, company, person, choice, now=now)
    if isinstance(found, Refusal):
        return found
    if choice.decision is Decision.REJECT:
        return _reject(connection, company, person, found.order, choice, now)
    verdict = second_factor.verify(connection, cipher, person.id, choice.code, now=now)
    if isinstance(verdict, Refusal):
        return verdict
    return _approve(connection, company, person, found, now)


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


_ON_RECORD = frozenset({"approval.own_request", "approval.no_role", "order.tampered"})


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
    _STORE.run(connection, {name: getattr(given, name) for name in _FIELDS})


def _approve(
    connection: Connection, company: Company, person: Person, found: Admitted, now: datetime
) -> Decided:
    order = found.order
    mine = Approval(
        order_id=order.id,
        version=order.version,
        person_id=person.id,
        digest=order.digest,
        decision=str(Decision.APPROVE),
        factor=second_factor.TOTP,
        reason=None,
        at=now,
    )
    _store(connection, mine)
    assignment = assignment_of(company, order, (*found.given, mine))
    to = OrderState.APPROVED if assignment.is_complete else OrderState.PENDING
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
        },
    )
    return Decided(after, assignment)


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
            and each.digest == order.digest
            and each.person_id != order.requester_id
        )
        if counts and person is not None:
            standing[person.id] = person.roles
    return standing
