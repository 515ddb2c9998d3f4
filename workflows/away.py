"""Who is on leave at a moment, and who acts for them meanwhile. What follows from it is pure.

A delegate may approve by the roles of whoever they act for, and only by those: what was delegated
to somebody is not theirs to delegate, so a chain or a loop of delegations adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, select

from workflows.prepared import Prepared
from workflows.tables import delegation

if TYPE_CHECKING:
    from workflows.approvals import Approval
    from workflows.company import Company

_ZONES = timedelta(days=1)
"""No place on earth is further than this from the day in UTC."""


@dataclass(frozen=True, slots=True)
class Leave:
    """A person's absence.

    Attributes:
        delegate_id: Who acts for the person meanwhile; None where nobody does.
        starts_on: First day, in the person's own zone.
        ends_on: Last day, likewise.
        ended_at: When it ended before its last day was over.
        ended_by: Who ended it then.
    """

    id: str
    person_id: str
    delegate_id: str | None
    starts_on: date
    ends_on: date
    reason: str
    created_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None

    @property
    def was_revoked(self) -> bool:
        """Whether somebody else ended it: then nothing counts that was done by it."""
        return self.ended_by is not None and self.ended_by != self.person_id

    def lasts_at(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether the person, in whose zone it is counted, is away by it at a moment."""
        is_day = self.starts_on <= at.astimezone(zone).date() <= self.ends_on
        return is_day and self.created_at <= at and (self.ended_at is None or at < self.ended_at)

    def overlaps(self, starts_on: date, ends_on: date) -> bool:
        """Whether it has a day in common with a period."""
        return self.starts_on <= ends_on and starts_on <= self.ends_on


_FIELDS = tuple(each.name for each in fields(Leave))
assert tuple(delegation.c.keys()) == _FIELDS


@dataclass(frozen=True, slots=True)
class Away:
    """Everybody who is away at one moment, and who acts for whom.

    Attributes:
        leaves: By the person who is away.
    """

    leaves: Mapping[str, Leave]

    def principals(self, person_id: str) -> tuple[str, ...]:
        """Return for whom a person acts, by id; themselves not among them."""
        found = (each for each in self.leaves.values() if each.delegate_id == person_id)
        return tuple(sorted(each.person_id for each in found if each.person_id != person_id))

    def of(self, person_id: str) -> Leave | None:
        """Return the leave that a person is on, if any."""
        return self.leaves.get(person_id)


NOBODY_AWAY = Away({})

_AROUND = Prepared(
    select(delegation)
    .where(
        delegation.c.ended_at.is_(None),
        delegation.c.ends_on >= bindparam("earliest"),
        delegation.c.starts_on <= bindparam("latest"),
    )
    .order_by(delegation.c.created_at.desc(), delegation.c.id)
)


def zone_of(company: Company, person_id: str) -> ZoneInfo:
    """Return the zone in which a person's days are counted."""
    person = company.directory.get(person_id)
    return ZoneInfo(person.timezone) if person and person.timezone else company.timezone


def seen(connection: Connection, company: Company, *, now: datetime) -> Company:
    """Return the company with those who are away now: by the clock, each in their own zone."""
    today = now.date()
    around = {"earliest": today - _ZONES, "latest": today + _ZONES}
    rows = _AROUND.rows(connection, around)
    if not rows:
        return company if company.away is NOBODY_AWAY else replace(company, away=NOBODY_AWAY)
    found = (Leave(*row) for row in rows)
    now_away = [each for each in found if each.lasts_at(now, zone_of(company, each.person_id))]
    return replace(company, away=Away({each.person_id: each for each in now_away}))


def behind(connection: Connection, company: Company, given: Approval) -> Leave | None:
    """Return the leave by which an approval was given for somebody else, if it was in force then.

    One that was revoked since is none: nothing counts that was done by it.
    """
    rows = connection.execute(
        select(delegation).where(
            delegation.c.person_id == given.on_behalf_of,
            delegation.c.delegate_id == given.person_id,
        )
    )
    zone = zone_of(company, given.on_behalf_of or "")
    found = (Leave(*row) for row in rows)
    return next(
        (each for each in found if each.lasts_at(given.at, zone) and not each.was_revoked), None
    )
