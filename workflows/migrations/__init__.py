"""How the tables came to be what they are, step by step; only who changes them imports this."""

from __future__ import annotations

from sqlalchemy import Connection


def upgrade(connection: Connection, found: str) -> None:
    """Bring tables of version ``found`` up to date in the caller's transaction."""
    raise NotImplementedError
