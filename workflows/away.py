"""Who is on leave at a moment, as the database has it (`workflows.leaves`)."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, bindparam, select

from workflows.company import Company
from workflows.leaves import NOBODY_AWAY, Away, Leave
from workflows.prepared import Prepared
from workflows.quorum import Approval
from workflows.tables import delegation

_ZONES = timedelta(days=1)
"""No place on earth is further than this from the day in UTC."""


assert tuple(delegation.c.keys()) == tuple(each.name for each in fields(Leave))

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
