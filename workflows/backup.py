"""A copy of the company's records while the service runs, proved to be whole."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from workflows import audit
from workflows.database import SQLITE_FILE, WORKFLOWS_SCHEMA, DatabaseError
from workflows.database.disk import copy_file
from workflows.database.schema import revision

DUMP_MAGIC = b"PGDMP"


class BackupError(Exception):
    """No backup was made; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a backup holds.

    Attributes:
        version: Of its tables.
        entries: How far its record goes.
        head: Hash of the newest entry.
    """

    version: str
    entries: int
    head: str


def make(where: Path | str, target: Path, *, programs: Path | None = None) -> Contents:
    """Write a backup of the database at ``where`` into a new file, and check it.

    Args:
        where: As `workflows.database.database_at` takes it.
        programs: Folder of pg_dump; None looks along PATH.

    Raises:
        BackupError: there is none; nothing is left of an attempt.
        DatabaseError: the database cannot be read, or pg_dump is missing.
    """
    if target.exists():
        raise BackupError(f"{target} exists already. Name a new file.")
    part = target.with_name(f"{target.name}.unchecked")
    try:
        if isinstance(where, Path):
            found = _of_file(where / SQLITE_FILE, part)
        else:
            found = _of_server(where, part, programs)
        # A link is never made over a file that came meanwhile.
        os.link(part, target)
    except FileExistsError:
        raise BackupError(f"{target} exists already. Name a new file.") from None
    except OSError as error:
        raise BackupError(f"{target} cannot be written ({error.strerror}).") from error
    finally:
        part.unlink(missing_ok=True)
    return found


def _of_file(source: Path, part: Path) -> Contents:
    if not source.exists():
        raise BackupError(f"there is no database {source} yet.")
    try:
        copy_file(source, part)
    except sqlite3.Error as error:
        raise BackupError(f"{source} cannot be copied to {part.parent} ({error}).") from error
    return contents_of_file(part)


def contents_of_file(path: Path) -> Contents:
    """Check a file that nobody uses, entry by entry; raises `BackupError`."""
    engine = create_engine(
        f"sqlite:///file:{quote(str(path))}?mode=ro&immutable=1&uri=true", poolclass=NullPool
    )
    try:
        with engine.connect() as connection:
            result = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
            if result != "ok":
                raise BackupError(f"{path} is damaged ({result}).")
            return _contents(connection, str(path))
    except DBAPIError as error:
        raise BackupError(f"{path} is no usable database ({error.orig}).") from error
    finally:
        engine.dispose()


def _of_server(url: str, part: Path, programs: Path | None) -> Contents:
    from workflows.database.postgres_errors import unreachable  # noqa: PLC0415 (see the factory)
    from workflows.database.postgres_programs import Programs  # noqa: PLC0415
    from workflows.database.postgres_server import Server  # noqa: PLC0415

    server = Server(url)
    engine = create_engine("postgresql+psycopg://", creator=server.connect, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            # The dump and the check see the same: what is checked is what is in the file.
            connection.exec_driver_sql("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout TO 0")
            found = _contents(connection, server.name)
            snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
            version = connection.connection.driver_connection.info.server_version  # type: ignore[union-attr]
            dumping = Programs(programs, server.conninfo, version)
            _private(part)
            dumping.dump(part, snapshot=snapshot, without=WORKFLOWS_SCHEMA)
    except (psycopg.Error, DBAPIError) as error:
        raise unreachable(error, server.name) from error
    finally:
        engine.dispose()
    return found


def _contents(connection: Connection, name: str) -> Contents:
    try:
        version = revision(connection, name)
    except DatabaseError as error:
        raise BackupError(str(error)) from error
    if version is None:
        raise BackupError(f"{name} is empty.")
    found = audit.verify(connection)
    if not found.is_intact:
        raise BackupError(
            f"the record in {name} is not what was written: entry {found.broken_at} "
            f"{found.problem}. Run `countersign audit verify`, and keep your older backups."
        )
    return Contents(version, found.entries, found.head)


def _private(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL | os.O_CLOEXEC, 0o600))
