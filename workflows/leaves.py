"""Leaves of people and who acts for them meanwhile: what follows from them, whoever asks. Pure.

A delegate may approve by the roles of whoever they act for, and only by those: what was delegated
to somebody is not theirs to delegate, so a chain or a loop of delegations adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo


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
