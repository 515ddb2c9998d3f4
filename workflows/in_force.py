"""Whether the settings a process has are those that were agreed to (`workflows.charter`)."""

from __future__ import annotations

from sqlalchemy import Connection, select

from workflows.company import Company
from workflows.prepared import Prepared
from workflows.refusal import Refusal
from workflows.tables import charter

_HASH = Prepared(select(charter.c.hash))


def is_in_force(connection: Connection, company: Company) -> bool:
    """Whether the company's settings are what was agreed to.

    A company that was not held against any charter is (the tests' is none).
    """
    if not company.charter:
        return True
    row = _HASH.row(connection, {})
    return row is not None and row[0] == company.charter


def not_in_force(connection: Connection, company: Company) -> Refusal | None:
    """Return why nobody decides by these settings what is for good, where they do not count."""
    return None if is_in_force(connection, company) else Refusal("charter.held")
