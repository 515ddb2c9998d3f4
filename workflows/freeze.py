"""The brake: while it is on, nothing leaves, on any replica, whatever was approved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from workflows import audit, second_factor
from workflows.company import Company
from workflows.in_force import not_in_force
from workflows.people import Person
from workflows.prepared import Prepared
from workflows.refusal import Refusal
from workflows.second_factor import Cipher
from workflows.tables import freeze as table
from workflows.tables import freeze_consent

_ONE = 1
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Freeze:
    """Who stopped everything last, when and why."""

    person_id: str
    reason: str
    at: datetime

    @property
    def key(self) -> str:
        """What tells this freeze from every other: consent is given to what was shown."""
        return f"{self.person_id}@{self.at.isoformat()}"


_PRESENT = Prepared(select(table.c.person_id, table.c.reason, table.c.at).where(table.c.id == _ONE))


def present(connection: Connection) -> Freeze | None:
    """Return the freeze in force, or None."""
    row = _PRESENT.row(connection, {})
    return Freeze(*row) if row is not None else None


def begin(
    connection: Connection,
    person: Person,
    permitted: frozenset[str],
    reason: str,
    *,
    now: datetime,
) -> Freeze:
    """Stop all that leaves, from this commit on.

    Where a freeze is in force already, the reasons are joined and whoever agreed to lift it has
    to agree again: they did not know of this one.

    Raises:
        Refusal: ``freeze.not_allowed``.
    """
    if not person.roles & permitted:
        raise Refusal("freeze.not_allowed", roles=", ".join(sorted(permitted)))
    reason = " ".join(reason.split())
    if (found := present(connection)) is not None:
        reason = "; ".join(each for each in (reason, found.reason) if each)
    made = Freeze(person.id, reason[:_LONGEST_REASON], now)
    connection.execute(delete(table))
    connection.execute(delete(freeze_consent))
    connection.execute(
        insert(table).values(id=_ONE, person_id=made.person_id, reason=made.reason, at=now)
    )
    audit.append(
        connection,
        at=now,
        actor=person.id,
        kind="freeze.begun",
        subject="freeze",
        facts={"reason": made.reason},
    )
    return made


@dataclass(frozen=True, slots=True)
class Agreed:
    """Somebody wants the freeze lifted.

    Attributes:
        missing: How many more have to; none when payments leave again.
    """

    missing: int


def agree_to_lift(
    connection: Connection,
    company: Company,
    cipher: Cipher,
    person: Person,
    shown: str,
    code: str,
    *,
    now: datetime,
) -> Agreed | Refusal:
    """Count a person's consent, with their second factor; with the last one payments leave again.

    Consents are of distinct people and of this freeze; nobody's is counted who has lost the role.
    A refusal is *returned*, so that a failed factor is committed with it: ``freeze.none``,
    ``freeze.changed``, ``freeze.not_allowed``, ``freeze.already``, ``charter.held``, or one of the
    factor's.

    Args:
        shown: `Freeze.key` of what the person had before them.
    """
    found = present(connection)
    if found is None:
        return Refusal("freeze.none")
    if shown != found.key:
        return Refusal("freeze.changed")
    permitted = company.permissions.unfreeze
    if not person.roles & permitted:
        return Refusal("freeze.not_allowed", roles=", ".join(sorted(permitted)))
    given = _standing(connection, company)
    if person.id in given:
        return Refusal("freeze.already")
    if (held := not_in_force(connection, company)) is not None:
        return held
    verdict = second_factor.verify(connection, cipher, person.id, code, now=now)
    if isinstance(verdict, Refusal):
        return verdict
    connection.execute(insert(freeze_consent).values(person_id=person.id, at=now))
    given.append(person.id)
    missing = max(0, company.unfreeze_quorum - len(given))
    audit.append(
        connection,
        at=now,
        actor=person.id,
        kind="freeze.consent" if missing else "freeze.lifted",
        subject="freeze",
        facts={"by": given, "factor": second_factor.TOTP, "missing": missing},
    )
    if not missing:
        connection.execute(delete(table))
        connection.execute(delete(freeze_consent))
    return Agreed(missing)


def _standing(connection: Connection, company: Company) -> list[str]:
    """Return who has agreed and still may."""
    rows = connection.execute(select(freeze_consent.c.person_id).order_by(freeze_consent.c.at))
    people = (company.directory.get(each) for each in rows.scalars())
    return [each.id for each in people if each and each.roles & company.permissions.unfreeze]
