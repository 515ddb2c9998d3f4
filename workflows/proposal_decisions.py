"""Approving and rejecting proposals: distinct people, each with a second factor, on one digest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert

from workflows import audit, proposals, second_factor
from workflows.company import Company
from workflows.in_force import not_in_force
from workflows.people import Person
from workflows.proposals import Decision, Proposal, State, check_is_open, given_to, kind_of
from workflows.refusal import Refusal
from workflows.second_factor import Cipher
from workflows.tables import proposal_decision

LONGEST_REASON = 300
CHARTER = "charter"
"""The kind by which settings come into force: the only one that is decided while they are not."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision as it was made on a form.

    Attributes:
        digest: Of what the form showed.
        code: Of the person's second factor; an approval needs one.
        reason: For a rejection.
        has_acknowledged: Whether the person says to have seen what it warns of.
    """

    proposal_id: str
    digest: str
    decision: Decision
    code: str = ""
    reason: str = ""
    has_acknowledged: bool = False

    def __repr__(self) -> str:
        return f"Choice({self.proposal_id} {self.decision})"


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that counts.

    Attributes:
        proposal: As it stands after it.
        missing: How many more people have to approve.
    """

    proposal: Proposal
    missing: int


def decide(
    connection: Connection,
    company: Company,
    cipher: Cipher,
    person: Person,
    choice: Choice,
    *,
    now: datetime,
) -> Decided | Refusal:
    """Record a decision; the last missing approval applies the proposal, or finds it outdated.

    A refusal is *returned*, so that what it leaves behind (a failed factor, an attempt on one's
    own proposal) is committed with it. Codes: those of `admitted`, ``reject.reason_missing``, or
    the factor's.
    """
    found = admitted(connection, company, person, choice, now=now)
    if isinstance(found, Refusal):
        return found
    if choice.decision is Decision.REJECT:
        return _reject(connection, found, person, choice, now)
    if found.kind != CHARTER and (held := not_in_force(connection, company)) is not None:
        return held
    refusal = _unready(found, choice)
    if refusal is not None:
        return refusal
    verdict = second_factor.verify(connection, cipher, person.id, choice.code, now=now)
    if isinstance(verdict, Refusal):
        return verdict
    return _approve(connection, company, found, person, choice, now)


def admitted(
    connection: Connection, company: Company, person: Person, choice: Choice, *, now: datetime
) -> Proposal | Refusal:
    """Return the proposal if ``person`` may decide on it, else why not.

    Codes: ``proposal.unknown``, ``proposal.already``, ``proposal.closed``, ``proposal.expired``,
    ``proposal.own``, ``proposal.not_allowed``, ``proposal.changed`` or ``proposal.tampered``. An
    attempt on what is not theirs is put on the record.
    """
    try:
        found = proposals.get(connection, choice.proposal_id)
        _check(connection, company, person, found, choice, now)
    except Refusal as refusal:
        if refusal.code in _ON_RECORD:
            audit.append(
                connection,
                at=now,
                actor=person.id,
                kind="access.denied",
                subject=choice.proposal_id[:16],
                facts={"code": refusal.code, "decision": str(choice.decision)},
            )
        return refusal
    return found


_ON_RECORD = frozenset({"proposal.own", "proposal.not_allowed", "proposal.tampered"})


def _check(
    connection: Connection,
    company: Company,
    person: Person,
    found: Proposal,
    choice: Choice,
    now: datetime,
) -> None:
    if person.id in {each.person_id for each in given_to(connection, found.id)}:
        raise Refusal("proposal.already", proposal=found.id)
    check_is_open(found, now)
    if person.id == found.proposer_id:
        raise Refusal("proposal.own", proposal=found.id)
    if not proposals.may_decide(company, person, found):
        if not proposals.is_known(found):
            raise Refusal("proposal.unknown", proposal=found.id)
        roles = ", ".join(sorted(kind_of(found).roles(company)))
        raise Refusal("proposal.not_allowed", roles=roles)
    if found.digest != proposals.digest_of(found):
        raise Refusal("proposal.tampered", proposal=found.id)
    if choice.digest != found.digest:
        raise Refusal("proposal.changed", proposal=found.id)


def _unready(found: Proposal, choice: Choice) -> Refusal | None:
    """Return what else an approval needs, before a code is used up."""
    kind = kind_of(found)
    if (code := kind.missing(found)) is not None:
        return Refusal(code, proposal=found.id)
    if kind.must_acknowledge(found) and not choice.has_acknowledged:
        return Refusal("proposal.unacknowledged", field="acknowledge")
    return None


def _approve(
    connection: Connection,
    company: Company,
    found: Proposal,
    person: Person,
    choice: Choice,
    now: datetime,
) -> Decided:
    _store(
        connection, found, person, Decision.APPROVE, factor=second_factor.TOTP, reason=None, now=now
    )
    given = given_to(connection, found.id)
    left = proposals.missing(company, found, given)
    facts = {
        "digest": found.digest,
        "factor": second_factor.TOTP,
        "missing": left,
        "acknowledged": choice.has_acknowledged,
    }
    proposals.record(connection, "proposal.approved", found, person.id, now, facts)
    if left:
        return Decided(found, left)
    if kind_of(found).is_outdated(connection, found):
        return Decided(proposals.close(connection, found, State.OUTDATED, audit.SYSTEM, now), 0)
    kind_of(found).apply(connection, company, found, actor=person.id, now=now)
    by = proposals.standing(company, found, given)
    return Decided(proposals.close(connection, found, State.APPLIED, person.id, now, by=by), 0)


def _reject(
    connection: Connection, found: Proposal, person: Person, choice: Choice, now: datetime
) -> Decided | Refusal:
    reason = " ".join(choice.reason.split())[:LONGEST_REASON]
    if not reason:
        return Refusal("reject.reason_missing", field="reason")
    _store(connection, found, person, Decision.REJECT, factor="none", reason=reason, now=now)
    return Decided(
        proposals.close(connection, found, State.REJECTED, person.id, now, reason=reason), 0
    )


def _store(
    connection: Connection,
    found: Proposal,
    person: Person,
    decision: Decision,
    *,
    factor: str,
    reason: str | None,
    now: datetime,
) -> None:
    connection.execute(
        insert(proposal_decision).values(
            proposal_id=found.id,
            person_id=person.id,
            digest=found.digest,
            decision=str(decision),
            factor=factor,
            reason=reason,
            at=now,
        )
    )
