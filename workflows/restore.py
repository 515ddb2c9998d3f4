"""Puts a backup in the place of the company's database, so that nothing is sent twice.

Before anything else can use it, what is put back is marked (`workflows.restoring`), and what the
workflow engine knew is set aside: it would hold orders for done that are under way again. The
sweep at the next start begins a workflow for each.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, text

from workflows import audit, restoring
from workflows.backup import DUMP_MAGIC, BackupError, Contents, contents_of_file
from workflows.database import (
    SQLITE_FILE,
    WORKFLOWS_FILE,
    WORKFLOWS_SCHEMA,
    Database,
    DatabaseError,
    SqliteDatabase,
)
from workflows.database.disk import copy_file, synchronise
from workflows.database.schema import UNFINISHED
from workflows.database.use import Use
from workflows.restoring import Restored
from workflows.tables import SCHEMA


class RestoreError(Exception):
    """Nothing was put back; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class PutBack:
    """What was done.

    Attributes:
        found: What the backup does not know.
        aside: Files that were in the place before, under their new names.
    """

    found: Restored
    aside: tuple[Path, ...]


async def put_back(
    where: Path | str,
    folder: Path,
    source: Path,
    *,
    by: str,
    now: datetime,
    programs: Path | None = None,
) -> PutBack:
    """Put the backup ``source`` in the place of the database at ``where``.

    Args:
        where: As `workflows.database.database_at` takes it.
        folder: Of what is kept on this machine.
        programs: Folder of pg_restore; None looks along PATH.

    Raises:
        RestoreError: it must not or cannot be; what was there is there still.
        DatabaseError: the database cannot be used, or pg_restore is missing.
    """
    try:
        with source.open("rb") as file:
            is_dump = file.read(len(DUMP_MAGIC)) == DUMP_MAGIC
    except OSError as error:
        raise RestoreError(f"{source} cannot be read ({error.strerror}).") from error
    mark = partial(restoring.mark, by=by, now=now)
    if isinstance(where, Path):
        if is_dump:
            raise RestoreError(
                f"{source} is a backup of a PostgreSQL database: name one in storage.database."
            )
        return await _put_back_file(where, source, mark, now)
    if not is_dump:
        raise RestoreError(
            f"{source} is no backup of a PostgreSQL database. One of a file goes into "
            "storage.folder, without storage.database."
        )
    return PutBack(await _put_back_on_server(where, folder, source, mark, programs), ())


async def accept(where: Path | str, folder: Path, *, by: str, now: datetime) -> PutBack:
    """Do what `put_back` does after the copying, for a database that was put back by hand.

    Raises:
        DatabaseError: it cannot be used, or is in use.
    """
    mark = partial(restoring.mark, by=by, now=now)
    if isinstance(where, Path):
        database: Database = SqliteDatabase(where / SQLITE_FILE, is_put_back=True)
        found = await _marked(database, mark)
        return PutBack(found, tuple(_set_aside(where / WORKFLOWS_FILE, now)))
    return PutBack(await _marked(_server(where, folder), partial(_mark_on_server, mark=mark)), ())


async def _marked(database: Database, mark: Any) -> Restored:
    await database.open()
    try:
        found: Restored = await database.write(mark)
        intact = await database.read(audit.verify)
    finally:
        await database.close()
    if not intact.is_intact:
        raise DatabaseError(
            f"the record in {database.name} is not what was written: entry {intact.broken_at} "
            f"{intact.problem}. Restore an older backup."
        )
    return found


# ---- a file -----------------------------------------------------------------------------------


async def _put_back_file(folder: Path, source: Path, mark: Any, now: datetime) -> PutBack:
    try:
        given = contents_of_file(source)
    except BackupError as error:
        raise RestoreError(str(error)) from error
    if given.version > SCHEMA:
        raise RestoreError(
            f"{source} has tables of version {given.version}, this program knows {SCHEMA}. "
            "Restore it with the version that made it, or a newer one."
        )
    target = folder / SQLITE_FILE
    use = _alone_with(target)
    try:
        _compare(target, given)
        with TemporaryDirectory(prefix=".restoring-", dir=folder) as made:
            fresh = Path(made) / SQLITE_FILE
            copy_file(source, fresh)
            found = await _marked(SqliteDatabase(fresh), mark)
            _fold_in(fresh)
            aside = [*_set_aside(target, now), *_set_aside(folder / WORKFLOWS_FILE, now)]
            # The mark comes last: until it is there, nobody gets to use the file.
            for name in (SQLITE_FILE, f"{SQLITE_FILE}.head"):
                synchronise(Path(made) / name)
                (Path(made) / name).replace(folder / name)
            synchronise(folder)
    except (OSError, sqlite3.Error) as error:
        raise RestoreError(f"{folder} cannot be written ({error}).") from error
    finally:
        use.release()
    return PutBack(found, tuple(aside))


def _alone_with(target: Path) -> Use:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        use = Use(target)
        if not use.take_alone():
            raise RestoreError(f"{target} is in use. Stop the service, then restore.")
    except OSError as error:
        raise RestoreError(f"{target.parent} cannot be written ({error.strerror}).") from error
    return use


def _compare(present: Path, given: Contents) -> None:
    """Refuse to take the place of a database that knows more, or that cannot be compared."""
    if not present.exists():
        return
    aside = f"mv {present} {present}.aside  (and {present.name}-wal, {present.name}-shm with it)"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(present))}?mode=rw", uri=True)) as there:
            entries, last = there.execute("SELECT max(seq), max(at) FROM audit_entry").fetchone()
            row = there.execute(
                "SELECT hash FROM audit_entry WHERE seq = ?", [given.entries]
            ).fetchone()
    except sqlite3.Error as error:
        raise RestoreError(
            f"{present} cannot be read ({error}), so it may know more than the backup. Keep it, "
            f"out of the way:\n    {aside}\nThen restore again."
        ) from error
    if (entries or 0) > given.entries:
        raise RestoreError(
            f"{present} is newer than the backup: {entries - given.entries} entries more, the "
            f"last of {last} UTC. If it must not be used, keep it, out of the way:\n    {aside}\n"
            "Then restore again."
        )
    if entries == given.entries and row != (given.head,):
        raise RestoreError(
            f"{present} is of another company than the backup, or one of them was altered. Keep "
            f"it, out of the way:\n    {aside}\nThen restore again."
        )


def _fold_in(path: Path) -> None:
    """Have everything in the one file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _set_aside(path: Path, now: datetime) -> list[Path]:
    """Give a database's files other names; return those that there were."""
    stamp = f"replaced-{now:%Y%m%dT%H%M%SZ}"
    moved = []
    for ending in ("", "-wal", "-shm", "-journal"):
        here = path.with_name(path.name + ending)
        if here.exists():
            there = path.with_name(f"{path.name}.{stamp}{ending}")
            here.replace(there)
            moved.append(there)
    return moved


# ---- a server ---------------------------------------------------------------------------------


async def _put_back_on_server(
    url: str, folder: Path, source: Path, mark: Any, programs: Path | None
) -> Restored:
    import psycopg  # noqa: PLC0415 (only who uses PostgreSQL pays for its driver)

    from workflows.database.postgres_errors import unreachable  # noqa: PLC0415
    from workflows.database.postgres_programs import Programs  # noqa: PLC0415
    from workflows.database.postgres_server import Server  # noqa: PLC0415

    server = Server(url)
    try:
        with server.connect() as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LIMIT 1"
            ).fetchone()
            if tables is not None:
                raise RestoreError(
                    f"{server.name} has tables already. Make an empty database beside it "
                    "(createdb NAME), name that in storage.database, and restore again. Keep the "
                    "old one until you are sure."
                )
            # Until what comes is marked, nobody gets to use it.
            connection.execute(f"CREATE TABLE {UNFINISHED} (since timestamptz DEFAULT now())")
            programs_here = Programs(programs, server.conninfo, connection.info.server_version)
            try:
                programs_here.restore(source)
            except DatabaseError:
                connection.execute(f"DROP TABLE {UNFINISHED}")
                raise
    except psycopg.Error as error:
        raise unreachable(error, server.name) from error
    return await _marked(_server(url, folder), partial(_mark_on_server, mark=mark))


def _server(url: str, folder: Path) -> Database:
    from workflows.database.postgres import PostgresDatabase  # noqa: PLC0415

    return PostgresDatabase(url, folder=folder, is_put_back=True)


def _mark_on_server(connection: Connection, mark: Any) -> Restored:
    found: Restored = mark(connection)
    connection.execute(text(f"DROP SCHEMA IF EXISTS {WORKFLOWS_SCHEMA} CASCADE"))
    connection.execute(text(f"DROP TABLE IF EXISTS {UNFINISHED}"))
    return found
