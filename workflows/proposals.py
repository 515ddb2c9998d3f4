"""Changes that take a quorum before they are in force: proposed by one person, agreed to by others.

What is proposed is a JSON document that holds all that is needed to apply it, and what there was
before. Each approval is of its digest, with a second factor; the last one that is needed applies
it in the same transaction. Where the subject is not what it was when it was proposed, nothing is
applied: the proposal is outdated.

What kinds there are, who decides on them and what they do is told by `Kind`; nothing here knows.
Deciding is `workflows.proposal_decisions`.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, insert, select, true, update

from workflows import audit, canonical
from workflows.company import Company
from workflows.people import Person
from workflows.refusal import Refusal
from workflows.tables import proposal, proposal_decision

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_ID_LENGTH = 10
_MOST_OPEN = 50
"""So many of one person may be open at once."""
_MOST_READ = 1000


class State(StrEnum):
    """Where a proposal stands; all but the first are its end."""

    OPEN = "open"
    APPLIED = "applied"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    OUTDATED = "outdated"


class Decision(StrEnum):
    """What one may say to a proposal."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that waits for its quorum, or did.

    Attributes:
        kind: Name of its `Kind`.
        subject: What it would change, such as a payee's id.
        content: JSON: all that is needed to apply it, and what was before.
        digest: `digest_of` what approvals are of.
        reason: Why it was rejected.
    """

    id: str
    kind: str
    subject: str
    content: str
    digest: str
    proposer_id: str
    state: str
    reason: str | None
    created_at: datetime
    expires_at: datetime
    closed_at: datetime | None

    @property
    def data(self) -> Mapping[str, Any]:
        """The content, parsed."""
        found: dict[str, Any] = json.loads(self.content)
        return found

    @property
    def is_open(self) -> bool:
        """Whether it still waits."""
        return self.state == State.OPEN


@dataclass(frozen=True, slots=True)
class Given:
    """One person's stored decision."""

    proposal_id: str
    person_id: str
    digest: str
    decision: str
    factor: str
    reason: str | None
    at: datetime


_FIELDS = tuple(each.name for each in fields(Proposal))
assert tuple(proposal.c.keys()) == _FIELDS
assert tuple(proposal_decision.c.keys()) == tuple(each.name for each in fields(Given))


class Kind(ABC):
    """What there is to know of one kind of proposals.

    Attributes:
        name: As it is stored and told.
        lasts: How long one waits for its quorum.
    """

    name: str
    lasts: timedelta = timedelta(days=7)

    @abstractmethod
    def roles(self, company: Company) -> frozenset[str]:
        """Return the roles that may propose and approve."""

    @abstractmethod
    def quorum(self, company: Company, found: Proposal) -> int:
        """Return how many people approve it, besides who proposed it."""

    def may_decide(self, company: Company, person: Person, found: Proposal) -> bool:
        """Whether a person who did not propose it is one of those who decide on it."""
        del found
        return bool(person.roles & self.roles(company))

    @abstractmethod
    def is_outdated(self, connection: Connection, found: Proposal) -> bool:
        """Whether the subject is not what it was when this was proposed."""

    @abstractmethod
    def apply(
        self,
        connection: Connection,
        company: Company,
        found: Proposal,
        *,
        actor: str,
        now: datetime,
    ) -> None:
        """Make it so, in the caller's transaction."""

    def missing(self, found: Proposal) -> str | None:
        """Return the code of what has to be there before anybody can approve, if anything."""
        del found
        return None

    def must_acknowledge(self, found: Proposal) -> bool:
        """Whether it warns of something that approvers have to say they have seen."""
        del found
        return False


_KINDS: dict[str, Kind] = {}


def add_kind(kind: Kind) -> None:
    """Make a kind known to `decide`."""
    _KINDS[kind.name] = kind


def kind_of(found: Proposal) -> Kind:
    """Return what a proposal's kind means.

    Raises:
        LookupError: nobody told of it.
    """
    return _KINDS[found.kind]


def is_known(found: Proposal) -> bool:
    """Whether this version knows what a proposal's kind means."""
    return found.kind in _KINDS


# ---- reading ------------------------------------------------------------------------------------


def digest_of(found: Proposal) -> str:
    """Return the SHA-256 (hex) over the RFC 8785 form of what is agreed to."""
    matter = {
        "id": found.id,
        "kind": found.kind,
        "subject": found.subject,
        "content": json.loads(found.content),
    }
    return hashlib.sha256(canonical.dumps(matter)).hexdigest()


def find(connection: Connection, proposal_id: str) -> Proposal | None:
    """Return a proposal, or None where there is none."""
    row = connection.execute(select(proposal).where(proposal.c.id == proposal_id)).one_or_none()
    return Proposal(*row) if row is not None else None


def get(connection: Connection, proposal_id: str) -> Proposal:
    """Return a proposal.

    Raises:
        Refusal: ``proposal.unknown``.
    """
    found = find(connection, proposal_id)
    if found is None:
        raise Refusal("proposal.unknown", proposal=proposal_id[:16])
    return found


def open_ones(connection: Connection, kind: str | None = None) -> list[Proposal]:
    """Return what waits, of one kind or of all, soonest to expire first."""
    of_kind = proposal.c.kind == kind if kind is not None else true()
    rows = connection.execute(
        select(proposal)
        .where(proposal.c.state == State.OPEN, of_kind)
        .order_by(proposal.c.expires_at, proposal.c.id)
        .limit(_MOST_READ)
    )
    return [Proposal(*row) for row in rows]


def newest_about(connection: Connection, kind: str, subject: str) -> Proposal | None:
    """Return the newest proposal of a kind about a subject, whatever became of it."""
    row = connection.execute(
        select(proposal)
        .where(proposal.c.kind == kind, proposal.c.subject == subject)
        .order_by(proposal.c.created_at.desc())
        .limit(1)
    ).one_or_none()
    return Proposal(*row) if row is not None else None


def given_to(connection: Connection, proposal_id: str) -> list[Given]:
    """Return the decisions on a proposal, oldest first."""
    rows = connection.execute(
        select(proposal_decision)
        .where(proposal_decision.c.proposal_id == proposal_id)
        .order_by(proposal_decision.c.at, proposal_decision.c.person_id)
    )
    return [Given(*row) for row in rows]


def may_decide(company: Company, person: Person, found: Proposal) -> bool:
    """Whether a person is one of those who may approve or reject it.

    Nobody may where the kind is not known: a newer replica made it, and shows it.
    """
    kind = _KINDS.get(found.kind)
    if kind is None or person.id == found.proposer_id:
        return False
    return kind.may_decide(company, person, found)


def may_see(company: Company, person: Person, found: Proposal) -> bool:
    """Whether a person may see a proposal: theirs, or theirs to decide."""
    is_theirs = person.id == found.proposer_id and is_known(found)
    return is_theirs or may_decide(company, person, found)


def standing(company: Company, found: Proposal, given: Sequence[Given]) -> list[str]:
    """Return whose approvals of this very digest count, with the roles people have *now*."""
    people = [
        (each, company.directory.get(each.person_id))
        for each in given
        if each.decision == Decision.APPROVE and each.digest == found.digest
    ]
    return [each.person_id for each, who in people if who and may_decide(company, who, found)]


def missing(company: Company, found: Proposal, given: Sequence[Given]) -> int:
    """Return how many more people have to approve."""
    quorum = kind_of(found).quorum(company, found)
    return max(0, quorum - len(standing(company, found, given)))


def awaiting(connection: Connection, company: Company, person: Person) -> list[Proposal]:
    """Return what waits for this person, soonest to expire first."""
    return [
        each
        for each in open_ones(connection)
        if may_decide(company, person, each)
        and person.id not in {one.person_id for one in given_to(connection, each.id)}
    ]


# ---- proposing ----------------------------------------------------------------------------------


def minted(prefix: str, key: str) -> str:
    """Return an id that is the same for the same key: what comes twice is one thing."""
    number = int.from_bytes(hashlib.sha256(f"{prefix}\n{key}".encode()).digest())
    letters = ""
    for _ in range(_ID_LENGTH):
        number, place = divmod(number, len(_ALPHABET))
        letters += _ALPHABET[place]
    return prefix + letters


def check_may_propose(company: Company, person: Person, kind: Kind) -> None:
    """Refuse who may not propose.

    Raises:
        Refusal: ``proposal.not_allowed``.
    """
    permitted = kind.roles(company)
    if not person.roles & permitted:
        raise Refusal("proposal.not_allowed", roles=", ".join(sorted(permitted)))


def propose(
    connection: Connection,
    company: Company,
    kind: Kind,
    person: Person,
    subject: str,
    content: Mapping[str, Any],
    *,
    key: str,
    now: datetime,
) -> Proposal:
    """Store a proposal; the same ``key`` of the same person is the same proposal.

    Raises:
        Refusal: ``proposal.not_allowed``, ``proposal.open_already`` or ``proposal.too_many``.
    """
    check_may_propose(company, person, kind)
    return make(connection, kind, person.id, subject, content, key=key, now=now)


def make(
    connection: Connection,
    kind: Kind,
    proposer_id: str,
    subject: str,
    content: Mapping[str, Any],
    *,
    key: str,
    now: datetime,
    may_repeat: bool = False,
) -> Proposal:
    """Store a proposal of whoever may make it; the same ``key`` is the same proposal.

    Args:
        may_repeat: Whether one that has ended is made anew, under another id.

    Raises:
        Refusal: ``proposal.open_already`` or ``proposal.too_many``.
    """
    proposal_id = minted("Q", f"{proposer_id}\n{key}")
    there = find(connection, proposal_id)
    if may_repeat and there is not None and not there.is_open:
        proposal_id = minted("Q", f"{proposer_id}\n{key}\n{now.isoformat()}")
        there = find(connection, proposal_id)
    if there is not None:
        return there
    same = (proposal.c.kind == kind.name, proposal.c.subject == subject)
    is_open = proposal.c.state == State.OPEN
    if other := connection.execute(select(proposal.c.id).where(is_open, *same)).scalar():
        raise Refusal("proposal.open_already", proposal=other)
    # Nobody keeps others, or the service itself, from proposing.
    mine = select(func.count()).where(is_open, proposal.c.proposer_id == proposer_id)
    if connection.execute(mine).scalar_one() >= _MOST_OPEN:
        raise Refusal("proposal.too_many", count=_MOST_OPEN)
    made = Proposal(
        id=proposal_id,
        kind=kind.name,
        subject=subject,
        content=canonical.dumps(content).decode(),
        digest="",
        proposer_id=proposer_id,
        state=str(State.OPEN),
        reason=None,
        created_at=now,
        expires_at=now + kind.lasts,
        closed_at=None,
    )
    made = replace(made, digest=digest_of(made))
    row = {name: getattr(made, name) for name in _FIELDS}
    connection.execute(insert(proposal).values(**row))
    facts = {"of": made.kind, "about": subject, "digest": made.digest, "row": audit.told(row)}
    record(connection, "proposal.made", made, proposer_id, now, facts)
    return made


def note(
    connection: Connection,
    found: Proposal,
    content: Mapping[str, Any],
    person: Person,
    *,
    factor: str,
    now: datetime,
) -> Proposal:
    """Add to what is proposed while nobody has approved; approvals are of what it is then."""
    assert found.is_open
    assert not given_to(connection, found.id)
    after = replace(found, content=canonical.dumps(content).decode())
    after = replace(after, digest=digest_of(after))
    written = _write(connection, after, content=after.content, digest=after.digest)
    facts = {"digest": after.digest, "factor": factor, **written}
    record(connection, "proposal.noted", after, person.id, now, facts)
    return after


# ---- ends ---------------------------------------------------------------------------------------


def check_is_open(found: Proposal, now: datetime) -> None:
    """Refuse what waits no longer.

    Raises:
        Refusal: ``proposal.closed`` or ``proposal.expired``.
    """
    if not found.is_open:
        raise Refusal("proposal.closed", proposal=found.id, standing=found.state)
    if now >= found.expires_at:
        raise Refusal("proposal.expired", proposal=found.id, at=found.expires_at.isoformat())


def withdraw(
    connection: Connection, person: Person, proposal_id: str, *, now: datetime
) -> Proposal:
    """Take one's own proposal back.

    Raises:
        Refusal: ``proposal.unknown``, ``proposal.not_yours``, ``proposal.closed`` or
            ``proposal.expired``.
    """
    found = get(connection, proposal_id)
    if found.proposer_id != person.id:
        raise Refusal("proposal.not_yours", proposal=found.id)
    check_is_open(found, now)
    return close(connection, found, State.WITHDRAWN, person.id, now)


def expire_due(connection: Connection, *, now: datetime) -> int:
    """Close what waited for too long; return how many there were."""
    due = [each for each in open_ones(connection) if now >= each.expires_at]
    for each in due:
        close(connection, each, State.EXPIRED, audit.SYSTEM, now)
    return len(due)


# ---- writing ------------------------------------------------------------------------------------


def close(
    connection: Connection,
    found: Proposal,
    state: State,
    actor: str,
    now: datetime,
    *,
    reason: str | None = None,
    by: Sequence[str] = (),
) -> Proposal:
    """Bring an open proposal to its end.

    Raises:
        Refusal: ``proposal.closed``.
    """
    after = replace(found, state=str(state), reason=reason, closed_at=now)
    written = _write(connection, after, state=after.state, reason=reason, closed_at=now)
    facts: dict[str, Any] = {"digest": found.digest, **written}
    if by:
        facts["by"] = list(by)
    record(connection, f"proposal.{state}", after, actor, now, facts)
    return after


def _write(connection: Connection, found: Proposal, **values: object) -> dict[str, Any]:
    """Change the row of an open proposal; return the facts that put it on the record."""
    changed = connection.execute(
        update(proposal)
        .where(proposal.c.id == found.id, proposal.c.state == State.OPEN)
        .values(**values)
    )
    if changed.rowcount != 1:
        raise Refusal("proposal.closed", proposal=found.id, standing=found.state)
    return {"row": audit.told(values)}


def record(
    connection: Connection,
    kind: str,
    found: Proposal,
    actor: str,
    now: datetime,
    facts: Mapping[str, Any],
) -> None:
    """Tell of a proposal."""
    audit.append(connection, at=now, actor=actor, kind=kind, subject=found.id, facts=facts)
