"""The company's records: one SQLite file, or a PostgreSQL database for several replicas."""

from workflows.database.base import (
    Database,
    DatabaseError,
    DatabaseUnwritable,
    OutcomeUnknown,
    Work,
    appending,
    is_recorded,
    suppose_end,
    supposed_end,
)
from workflows.database.factory import (
    SQLITE_FILE,
    WORKFLOWS_FILE,
    WORKFLOWS_SCHEMA,
    database_at,
    open_database,
)
from workflows.database.lease import Lease
from workflows.database.postgres_errors import is_connection_lost
from workflows.database.sqlite import SqliteDatabase

__all__ = [
    "SQLITE_FILE",
    "WORKFLOWS_FILE",
    "WORKFLOWS_SCHEMA",
    "Database",
    "DatabaseError",
    "DatabaseUnwritable",
    "Lease",
    "OutcomeUnknown",
    "SqliteDatabase",
    "Work",
    "appending",
    "database_at",
    "is_connection_lost",
    "is_recorded",
    "open_database",
    "suppose_end",
    "supposed_end",
]
