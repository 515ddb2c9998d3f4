"""Being away: people say from when to when, and name somebody who acts for them if they want.

Without anybody to act for them it is theirs to say. With somebody it moves who may approve
payments, so it is a proposal (`workflows.proposals`) that administrators agree to, neither the
absent person nor the delegate among them, and nobody acts for anybody before. What a delegate may
do by it is told by `workflows.away` and `workflows.quorum`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, select, update

from workflows import approvals, audit, orders, proposals
from workflows.approvals import Decision
from workflows.away import zone_of
from workflows.company import Company
from workflows.leaves import Leave
from workflows.orders import OrderState
from workflows.people import Person
from workflows.proposals import Kind, Proposal
from workflows.refusal import Refusal
from workflows.tables import audit_entry, delegation
from workflows.visible_text import clean_text

LONGEST_REASON = 300
LONGEST = timedelta(days=366)
"""Between the first day and the last, and at most so far ahead."""
_UNRELEASED = (OrderState.PENDING, OrderState.APPROVED)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for.

    Attributes:
        starts_on: First day, in the person's own zone.
        ends_on: Last day, likewise.
        delegate_id: Who is to act for them; empty for nobody.
    """

    starts_on: date
    ends_on: date
    delegate_id: str = ""
    reason: str = ""


# ---- reading ------------------------------------------------------------------------------------


def find(connection: Connection, leave_id: str) -> Leave | None:
    """Return a leave, or None where there is none."""
    row = connection.execute(select(delegation).where(delegation.c.id == leave_id)).one_or_none()
    return Leave(*row) if row is not None else None


def of_person(
    connection: Connection, company: Company, person_id: str, now: datetime
) -> list[Leave]:
    """Return the leaves that a person is on, or will be, soonest first."""
    mine = _open_ones(connection, delegation.c.person_id == person_id)
    return [each for each in mine if not _is_over(company, each, now)]


def acting_for(
    connection: Connection, company: Company, person_id: str, now: datetime
) -> list[Leave]:
    """Return the leaves of others for whom a person acts, or will, soonest first."""
    theirs = _open_ones(connection, delegation.c.delegate_id == person_id)
    return [each for each in theirs if not _is_over(company, each, now)]


def delegations(connection: Connection, company: Company, now: datetime) -> list[Leave]:
    """Return the leaves for which somebody acts, or will, soonest first."""
    found = _open_ones(connection, delegation.c.delegate_id.is_not(None))
    return [each for each in found if not _is_over(company, each, now)]


def _is_over(company: Company, leave: Leave, now: datetime) -> bool:
    return leave.ends_on < now.astimezone(zone_of(company, leave.person_id)).date()


def _open_ones(connection: Connection, *conditions: ColumnElement[bool]) -> list[Leave]:
    rows = connection.execute(
        select(delegation)
        .where(delegation.c.ended_at.is_(None), *conditions)
        .order_by(delegation.c.starts_on, delegation.c.id)
    )
    return [Leave(*row) for row in rows]


def _overlapping(
    connection: Connection, person_id: str, starts_on: date, ends_on: date
) -> Leave | None:
    mine = _open_ones(connection, delegation.c.person_id == person_id)
    return next((each for each in mine if each.overlaps(starts_on, ends_on)), None)


# ---- going --------------------------------------------------------------------------------------


def begin(
    connection: Connection,
    company: Company,
    person: Person,
    wish: Wish,
    *,
    key: str,
    now: datetime,
) -> Leave | Proposal:
    """Have a person be away, or propose that somebody acts for them; the same ``key`` does it once.

    Raises:
        Refusal: ``absence.past``, ``absence.backwards``, ``absence.too_long``,
            ``absence.too_far``, ``absence.overlaps``, ``delegation.off``, ``delegation.self``,
            ``delegation.unknown``, ``delegation.nobody_decides``, those of `clean_text` and of
            `proposals.make`.
    """
    leave_id = proposals.minted("L", f"{person.id}\n{key}")
    there = find(connection, leave_id)
    if there is not None:
        return there
    reason = clean_text(wish.reason, field="reason", longest=LONGEST_REASON)
    if not wish.delegate_id:
        _check_days(connection, company, person.id, wish, now)
        made = Leave(leave_id, person.id, None, wish.starts_on, wish.ends_on, reason, now)
        _store(connection, made, "absence.begun", person.id, now, {})
        return made
    made_before = proposals.find(connection, proposals.minted("Q", f"{person.id}\n{key}"))
    if made_before is not None:
        return made_before
    _check_days(connection, company, person.id, wish, now)
    _check_delegate(company, person, wish.delegate_id)
    content = {
        "person": person.id,
        "delegate": wish.delegate_id,
        "starts_on": wish.starts_on.isoformat(),
        "ends_on": wish.ends_on.isoformat(),
        "reason": reason,
    }
    return proposals.make(connection, KIND, person.id, person.id, content, key=key, now=now)


def _check_days(
    connection: Connection, company: Company, person_id: str, wish: Wish, now: datetime
) -> None:
    today = now.astimezone(zone_of(company, person_id)).date()
    if wish.starts_on < today:
        raise Refusal("absence.past", field="from", today=today.isoformat())
    if wish.ends_on < wish.starts_on:
        raise Refusal("absence.backwards", field="until")
    if wish.starts_on - today > LONGEST:
        raise Refusal("absence.too_far", field="from", days=LONGEST.days)
    if wish.ends_on - wish.starts_on >= LONGEST:
        raise Refusal("absence.too_long", field="until", days=LONGEST.days)
    other = _overlapping(connection, person_id, wish.starts_on, wish.ends_on)
    if other is not None:
        raise Refusal(
            "absence.overlaps",
            field="from",
            starts_on=other.starts_on.isoformat(),
            ends_on=other.ends_on.isoformat(),
        )


def _check_delegate(company: Company, person: Person, delegate_id: str) -> None:
    if not company.permissions.delegations:
        raise Refusal("delegation.off", field="delegate")
    if delegate_id == person.id:
        raise Refusal("delegation.self", field="delegate")
    if company.directory.get(delegate_id) is None:
        raise Refusal("delegation.unknown", field="delegate", who=delegate_id[:64])
    able = company.directory.holding(company.permissions.delegations)
    deciding = [each for each in able if each.id not in (person.id, delegate_id)]
    if len(deciding) < company.delegations_quorum:
        raise Refusal("delegation.nobody_decides", field="delegate")


class Delegation(Kind):
    """Proposals that somebody acts for a person who is away."""

    name = "delegation"

    def roles(self, company: Company) -> frozenset[str]:
        """Return the roles that settings let decide; anybody proposes their own."""
        return company.permissions.delegations

    def quorum(self, company: Company, found: Proposal) -> int:
        """Return what settings say."""
        del found
        return company.delegations_quorum

    def may_decide(self, company: Company, person: Person, found: Proposal) -> bool:
        """Whether it is an administrator, and neither who is away nor who would act for them."""
        data = found.data
        is_party = person.id in (data["person"], data["delegate"])
        return not is_party and super().may_decide(company, person, found)

    def is_outdated(self, connection: Connection, found: Proposal) -> bool:
        """Whether the person is away on some of these days already."""
        starts_on, ends_on = days_of(found.data)
        return _overlapping(connection, found.subject, starts_on, ends_on) is not None

    def apply(
        self,
        connection: Connection,
        company: Company,
        found: Proposal,
        *,
        actor: str,
        now: datetime,
    ) -> None:
        """Have the delegate act for the person on these days."""
        del company
        data = found.data
        starts_on, ends_on = days_of(data)
        made = Leave(
            id=proposals.minted("L", found.id),
            person_id=data["person"],
            delegate_id=data["delegate"],
            starts_on=starts_on,
            ends_on=ends_on,
            reason=data["reason"],
            created_at=now,
        )
        _store(connection, made, "delegation.begun", actor, now, {"proposal": found.id})


KIND = Delegation()
proposals.add_kind(KIND)


def days_of(data: Mapping[str, Any]) -> tuple[date, date]:
    """Return the first and the last day of what is proposed."""
    return date.fromisoformat(data["starts_on"]), date.fromisoformat(data["ends_on"])


def _store(
    connection: Connection,
    made: Leave,
    kind: str,
    actor: str,
    now: datetime,
    facts: Mapping[str, Any],
) -> None:
    row = asdict(made)
    connection.execute(insert(delegation).values(**row))
    _tell(connection, made, kind, actor, now, {**facts, "row": audit.told(row)})


# ---- coming back --------------------------------------------------------------------------------


def end(
    connection: Connection, company: Company, person: Person, leave_id: str, *, now: datetime
) -> Leave:
    """End a leave before its last day is over: one's own, or as an administrator another's.

    What a delegate has approved by it counts on when the person themselves is back. When somebody
    else revokes it, it counts no more for payments that have not been released.

    Raises:
        Refusal: ``absence.unknown``, ``absence.not_yours`` or ``absence.over``.
    """
    found = find(connection, leave_id)
    if found is None:
        raise Refusal("absence.unknown")
    is_mine = found.person_id == person.id
    if not is_mine and not person.roles & company.permissions.delegations:
        raise Refusal("absence.not_yours")
    if found.ended_at is not None:
        raise Refusal("absence.over")
    kind = "absence" if found.delegate_id is None else "delegation"
    after = _close(connection, found, f"{kind}.{'ended' if is_mine else 'revoked'}", person.id, now)
    if after.was_revoked and after.delegate_id is not None:
        _take_back(connection, company, after, person.id, now)
    return after


def _close(connection: Connection, found: Leave, kind: str, actor: str, now: datetime) -> Leave:
    values = {"ended_at": now, "ended_by": None if actor == audit.SYSTEM else actor}
    connection.execute(update(delegation).where(delegation.c.id == found.id).values(**values))
    _tell(connection, found, kind, actor, now, {"row": audit.told(values)})
    after = find(connection, found.id)
    assert after is not None
    return after


def _take_back(
    connection: Connection, company: Company, revoked: Leave, actor: str, now: datetime
) -> None:
    """Void what a delegate has approved for somebody and is not released yet."""
    for order in orders.in_states(connection, *_UNRELEASED):
        given = [
            each
            for each in approvals.of_order(connection, order)
            if (each.person_id, each.on_behalf_of) == (revoked.delegate_id, revoked.person_id)
            and each.decision == Decision.APPROVE
            and each.is_standing
            and each.at >= revoked.created_at
        ]
        if given:
            facts = {"revoked": revoked.person_id}
            approvals.take_back(
                connection, company, order, given, actor=actor, now=now, facts=facts
            )


def tell_due(connection: Connection, company: Company, *, now: datetime) -> int:
    """Tell of leaves whose first day has come and close those whose last is over.

    Whether somebody is away is told by the clock; this is for those who are shown it. Returns how
    many there were.
    """
    count = 0
    for each in _open_ones(connection):
        zone = zone_of(company, each.person_id)
        today, since = now.astimezone(zone).date(), each.created_at.astimezone(zone).date()
        kind = "absence" if each.delegate_id is None else "delegation"
        if each.ends_on < today:
            _close(connection, each, f"{kind}.ended", audit.SYSTEM, now)
            count += 1
        elif since < each.starts_on <= today and not _was_told(connection, each, f"{kind}.started"):
            _tell(connection, each, f"{kind}.started", audit.SYSTEM, now, {})
            count += 1
    return count


def _was_told(connection: Connection, leave: Leave, kind: str) -> bool:
    """Whether it is on the record already that a leave's first day has come."""
    told = select(audit_entry.c.seq).where(
        audit_entry.c.subject == leave.id, audit_entry.c.kind == kind
    )
    return connection.execute(told).first() is not None


def _tell(
    connection: Connection,
    leave: Leave,
    kind: str,
    actor: str,
    now: datetime,
    facts: Mapping[str, Any],
) -> None:
    about = {"person": leave.person_id, "delegate": leave.delegate_id}
    audit.append(
        connection, at=now, actor=actor, kind=kind, subject=leave.id, facts={**about, **facts}
    )
