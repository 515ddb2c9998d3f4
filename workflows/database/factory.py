"""The database that settings describe."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from workflows.database.base import Database
from workflows.database.sqlite import SqliteDatabase

SQLITE_FILE = "countersign.sqlite"
WORKFLOWS_FILE = "dispatch.sqlite"
"""Of the engine that walks orders (`workflows.dispatch`): where each of them is on its way."""
WORKFLOWS_SCHEMA = "dispatch"
"""The same, beside the company's tables on a server."""


def database_at(
    where: Path | str, *, migrates: bool = True, folder: Path | None = None
) -> Database:
    """Return the database at ``where``: a folder, or an address (``postgresql://…``).

    Args:
        migrates: Whether `Database.open` may bring older tables up to date.
        folder: Where a server's record is remembered on this machine; a file has that beside it.
    """
    if isinstance(where, str) and where.startswith(("postgresql://", "postgres://")):
        # Only who uses PostgreSQL pays for its driver.
        from workflows.database.postgres import PostgresDatabase  # noqa: PLC0415

        return PostgresDatabase(where, migrates=migrates, folder=folder)
    return SqliteDatabase(Path(where) / SQLITE_FILE, migrates=migrates)


@asynccontextmanager
async def open_database(
    where: Path | str, *, migrates: bool = True, folder: Path | None = None
) -> AsyncIterator[Database]:
    """Open the database at ``where`` for as long as the context lasts; raises `DatabaseError`."""
    database = database_at(where, migrates=migrates, folder=folder)
    await database.open()
    try:
        yield database
    finally:
        await database.close()
