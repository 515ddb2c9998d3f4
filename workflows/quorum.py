"""Who counts towards an order's quorum, by whose roles, and whether it can be reached. Pure.

Everybody counts once, and everybody's roles count once: by their own hand, or by that of who acts
for them while they are away (`workflows.away`). So a delegation moves who may say yes, and never
makes two of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from workflows.company import Company
from workflows.matching import Assignment, assign
from workflows.orders import Order
from workflows.people import Person
from workflows.policy import Slot


class Decision(StrEnum):
    """What an approver may say."""

    APPROVE = "approve"
    REJECT = "reject"
    RECUSE = "recuse"
    """I have a conflict of interest: neither yes nor no, and none of mine counts any more."""


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's stored decision on one version of an order.

    Attributes:
        stage: The newest stage that was open when it was given: it fills no slot of a later one.
        withdrawn_at: When it was taken back, and stopped to count.
        on_behalf_of: By whose roles it counts, where that is not the person's own.
        series_digest: What the person saw, where it was given on the first order of a series and
            for all of it.
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
    on_behalf_of: str | None = None
    series_digest: str | None = None

    @property
    def whose(self) -> str:
        """By whose roles it counts."""
        return self.on_behalf_of or self.person_id

    @property
    def is_standing(self) -> bool:
        """Whether it was not taken back."""
        return self.withdrawn_at is None


# ---- who may ------------------------------------------------------------------------------------


def acts_as(company: Company, person: Person, order: Order) -> tuple[Person, ...]:
    """Return by whose roles a person may decide on an order now: their own first.

    What was delegated to those they act for is not among them. Nobody decides on what they, or
    somebody they act for, asked for; nor in the name of somebody who could not decide themselves.
    """
    principals = company.away.principals(person.id)
    if is_excluded(person, order) or order.requester_id in principals:
        return ()
    others = (company.directory.get(each) for each in principals)
    return (person, *(each for each in others if each and not is_excluded(each, order)))


def is_excluded(person: Person, order: Order) -> bool:
    """Whether a person's roles can never count: of their own request, or of their payee."""
    return person.id == order.requester_id or person.id in order.policy_verdict.excluded


def may_approve(company: Company, person: Person, order: Order) -> bool:
    """Whether ``person`` could fill one of the order's slots, in whatever stage."""
    return _suit(acts_as(company, person, order), order.policy_verdict.slots)


def may_still_approve(
    company: Company, person: Person, order: Order, given: Sequence[Approval]
) -> bool:
    """Whether ``person`` has not decided, and somebody's roles that they may use are not used."""
    if has_decided(person, given):
        return False
    return _suit(free_for(company, person, order, given), order.policy_verdict.slots)


def _suit(people: Sequence[Person], slots: Sequence[Slot]) -> bool:
    return any(slot.suits(each.id, each.roles) for each in people for slot in slots)


def has_decided(person: Person, given: Sequence[Approval]) -> bool:
    """Whether there is a decision of a person's own hand that was not taken back."""
    return any(each.person_id == person.id and each.is_standing for each in given)


def free_for(
    company: Company, person: Person, order: Order, given: Sequence[Approval]
) -> list[Person]:
    """Return by whose roles a person may still decide: of who has decided they are used up."""
    mine = acts_as(company, person, order)
    if len(mine) <= 1:  # nobody is acted for: as it mostly is, of many people
        return list(mine)
    used = {each.person_id for each in given if each.is_standing}
    used |= counting(company, order, given).keys()
    return [each for each in mine if each.id == person.id or each.id not in used]


def able_in(
    company: Company, person: Person, order: Order, given: Sequence[Approval], stage: int
) -> list[Person]:
    """Return by whose roles a person can fill a slot that is open in ``stage``."""
    is_open = [slot for slot in order.policy_verdict.slots if slot.stage <= stage]
    return [each for each in free_for(company, person, order, given) if _suit([each], is_open)]


# ---- what counts --------------------------------------------------------------------------------


def counting(company: Company, order: Order, given: Sequence[Approval]) -> dict[str, Approval]:
    """Return the approvals of this very digest that count, by whose roles they count.

    Who said no, or that they have a conflict of interest, is not approved for by anybody else.
    """
    said_no = {
        each.person_id for each in given if each.decision != Decision.APPROVE and each.is_standing
    }
    found: dict[str, Approval] = {}
    for each in sorted(given, key=lambda each: each.on_behalf_of is not None):
        people = [company.directory.get(who) for who in (each.person_id, each.whose)]
        counts = (
            each.decision == Decision.APPROVE
            and each.is_standing
            and each.digest == order.digest
            and each.whose not in found
            and each.whose not in said_no
            and all(who is not None and not is_excluded(who, order) for who in people)
        )
        if counts:
            found[each.whose] = each
    return found


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
    """Return which of ``slots`` the approvals of this very digest fill, and by whose hand.

    Args:
        excluded: Whose approvals do not count, beside those whom the order excludes.
    """
    found = {
        whose: each
        for whose, each in counting(company, order, given).items()
        if excluded.isdisjoint((whose, each.person_id))
    }
    stages = {whose: each.stage for whose, each in found.items()}
    assignment = assign(slots, {whose: _roles(company, whose) for whose in found}, stages)
    by_hand = tuple((slot, found[whose].person_id) for slot, whose in assignment.filled)
    return replace(assignment, filled=by_hand)


def _roles(company: Company, person_id: str) -> frozenset[str]:
    person = company.directory.get(person_id)
    return person.roles if person is not None else frozenset()


# ---- whom it waits for --------------------------------------------------------------------------


def approvers(company: Company, order: Order, given: Sequence[Approval]) -> list[Person]:
    """Return everybody who has decided or is asked to fill a slot of a stage that is open, by id.

    Who is away is not asked where those who are here can do it.
    """
    stage = assignment_of(company, order, given).stage
    spares = _spares_the_absent(company, order, given)
    decided = {each.person_id for each in given}
    found = (
        person
        for person in company.directory
        if (
            not (spares and company.away.of(person.id))
            and able_in(company, person, order, given, stage)
        )
        or (person.id in decided and may_approve(company, person, order))
    )
    return sorted(found, key=lambda person: person.id)


def awaited(company: Company, order: Order, given: Sequence[Approval]) -> list[Person]:
    """Return whom a pending order waits for now, by id; the absent only if nobody else can."""
    spares = _spares_the_absent(company, order, given)
    found = (
        person
        for person in company.directory
        if not (spares and company.away.of(person.id)) and waits_for(company, order, given, person)
    )
    return sorted(found, key=lambda person: person.id)


def _spares_the_absent(company: Company, order: Order, given: Sequence[Approval]) -> bool:
    return bool(company.away.leaves) and can_be_reached(company, order, given, by_those_here=True)


def waits_for(company: Company, order: Order, given: Sequence[Approval], person: Person) -> bool:
    """Whether a person's approval would fill a slot that nothing fills yet."""
    if not may_still_approve(company, person, order, given):
        return False
    # Not "is one of my roles missing": my coming may free somebody for another slot.
    before = assignment_of(company, order, given)
    return any(
        _grows(company, order, given, person, each, before)
        for each in free_for(company, person, order, given)
    )


def _grows(
    company: Company,
    order: Order,
    given: Sequence[Approval],
    person: Person,
    whose: Person,
    before: Assignment,
) -> bool:
    mine = supposed(order, person, whose, before.stage)
    return len(assignment_of(company, order, _with(given, mine)).filled) > len(before.filled)


def supposed(order: Order, person: Person, whose: Person, stage: int) -> Approval:
    """Return the approval that a person would give by somebody's roles."""
    return Approval(
        order_id=order.id,
        version=order.version,
        person_id=person.id,
        digest=order.digest,
        decision=str(Decision.APPROVE),
        factor="",
        reason=None,
        at=order.updated_at,
        stage=stage,
        on_behalf_of=whose.id if whose.id != person.id else None,
    )


def _with(given: Sequence[Approval], mine: Approval) -> list[Approval]:
    return [*(each for each in given if each.person_id != mine.person_id), mine]


# ---- whether it can be reached ------------------------------------------------------------------


def best_of(
    company: Company,
    order: Order,
    given: Sequence[Approval],
    person: Person,
    able: Sequence[Person],
) -> Person:
    """Return by whose roles a person should approve, of those by whose they can: their own, if
    that costs nothing.

    It would where the absent could then be acted for by nobody: whoever has approved by their own
    roles cannot approve by another's, too.
    """
    if len(able) == 1:
        return able[0]
    before = assignment_of(company, order, given)

    def cost(whose: Person) -> tuple[bool, bool, bool]:
        mine = _with(given, supposed(order, person, whose, before.stage))
        return (
            not can_be_reached(company, order, mine, by_those_here=True),
            not _grows(company, order, given, person, whose, before),
            not can_be_reached(company, order, mine),
        )

    return min(able, key=cost)


def would_act_as(
    company: Company, order: Order, given: Sequence[Approval], person: Person
) -> Person | None:
    """Return by whose roles a person would approve now; None if it is not their turn."""
    stage = assignment_of(company, order, given).stage
    able = able_in(company, person, order, given, stage)
    return best_of(company, order, given, person, able) if able else None


def leads_on(
    company: Company,
    order: Order,
    given: Sequence[Approval],
    person: Person,
    whose: Person,
    stage: int,
) -> bool:
    """Whether the quorum can still be reached by the company's people after one more approval.

    Somebody who is the only one for a later stage must not spend themselves on an earlier one.
    """
    mine = supposed(order, person, whose, stage)
    others = [each for each in given if each.person_id != person.id]
    return can_be_reached(company, order, (*others, mine)) or not can_be_reached(
        company, order, others
    )


def can_be_reached(
    company: Company, order: Order, given: Sequence[Approval], *, by_those_here: bool = False
) -> bool:
    """Whether the company still has the people to fill all slots.

    Args:
        by_those_here: Whether only by people who are not away, and who act for those who are.
    """
    counts = counting(company, order, given)
    spent = {each.person_id for each in given if each.is_standing}
    people = {whose: _roles(company, whose) for whose in counts}
    stages = {whose: each.stage for whose, each in counts.items()}
    for person in company.directory:
        if person.id in spent or (by_those_here and company.away.of(person.id)):
            continue
        free = [
            each
            for each in acts_as(company, person, order)
            if each.id not in counts and (each.id == person.id or each.id not in spent)
        ]
        # The absent come themselves or have somebody come: either way their roles are there once.
        usable = free if by_those_here else [each for each in free if each.id == person.id]
        # By their own id some are there already, by the hand of who acted for them.
        people[f"+{person.id}"] = frozenset[str]().union(
            *(each.roles | {f"@{each.id}"} for each in usable)
        )
    return assign(order.policy_verdict.slots, people, stages).is_complete
