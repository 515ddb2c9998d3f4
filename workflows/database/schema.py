"""Which tables a database has, and whether this program can work with them."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from sqlalchemy import Connection, Integer, column, insert, inspect, select, table

from workflows.database.base import DatabaseError
from workflows.tables import SCHEMA, metadata, schema_version

UNFINISHED = "restore_unfinished"
"""A table that is there while a backup is being put back."""

log = structlog.get_logger(__name__)

_OLD = table("schema_info", column("version", Integer))


def prepare(
    connection: Connection,
    name: str,
    *,
    migrates: bool,
    is_put_back: bool = False,
    before_change: Callable[[str], None],
) -> str:
    """Create the tables of an empty database, or see that they are those of this program.

    Older ones are brought up to date where ``migrates``, after ``before_change``, which is given
    their version, saw that nobody uses them. The caller holds what keeps other processes from
    doing the same at the same time. Returns the version that they were of.

    Raises:
        DatabaseError: they are newer, or older and may not be changed, or not ours.
    """
    if not is_put_back and inspect(connection).has_table(UNFINISHED):
        raise DatabaseError(
            f"{name} is being restored, or that was cut off. If nobody is at it, drop the "
            "database, make it anew, and run `countersign restore` again."
        )
    found = revision(connection, name)
    if found is None:
        metadata.create_all(connection)
        connection.execute(insert(schema_version).values(version_num=SCHEMA))
        return SCHEMA
    if found == SCHEMA:
        return found
    if found > SCHEMA:
        raise DatabaseError(
            f"{name} has tables of version {found}, this program needs version {SCHEMA}. "
            "Start the version that wrote it, or restore a backup."
        )
    if not migrates:
        raise DatabaseError(
            f"{name} has tables of version {found}, this program needs version {SCHEMA}. "
            "Make a backup, stop the service everywhere, and run `countersign migrate`."
        )
    from workflows.migrations import upgrade  # noqa: PLC0415 (Alembic takes half a second)

    before_change(found)
    upgrade(connection, found)
    log.info("database.changed", database=name, was=found, version=SCHEMA)
    return found


def revision(connection: Connection, name: str) -> str | None:
    """Return the version of the tables, or None where there are none at all."""
    there = set(inspect(connection).get_table_names())
    if schema_version.name in there:
        found = connection.execute(select(schema_version.c.version_num)).scalar_one_or_none()
        if found is None:
            raise DatabaseError(f"{name} does not say of which version it is. Restore a backup.")
        return str(found)
    if _OLD.name in there:  # as versions 0.1.0 and before the first migration wrote it
        return f"{connection.execute(select(_OLD.c.version)).scalar_one():04}"
    if there:
        raise DatabaseError(
            f"{name} has tables that are not Countersign's ({', '.join(sorted(there)[:3])}). "
            "Name an empty database."
        )
    return None
