"""What SQLite's errors mean for whoever runs the service, and what to do about them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from workflows.database.base import DatabaseError, DatabaseUnwritable

_UNWRITABLE = {
    sqlite3.SQLITE_FULL: "its disk is full. Free some space; nothing was stored, nothing sent.",
    sqlite3.SQLITE_READONLY: (
        "it cannot be written: the file system is read-only, or its owner is another user. "
        "Mount it for writing, and let the service's user own the folder and all in it."
    ),
    sqlite3.SQLITE_IOERR: (
        "its disk does not take what is written. Look at the system's log for disk errors, and "
        "whether the disk is full or a limit on file sizes is reached."
    ),
}
_UNUSABLE = {
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened. Check that the folder exists, is writable, and is on a local disk."
    ),
    sqlite3.SQLITE_CORRUPT: (
        "is damaged. Stop the service, keep a copy of the folder, and restore a backup with "
        "`countersign restore`."
    ),
    sqlite3.SQLITE_NOTADB: (
        "is no SQLite database, or its beginning is damaged. Keep a copy of the folder, and "
        "restore a backup with `countersign restore`."
    ),
    sqlite3.SQLITE_BUSY: (
        "is being written by another program for longer than 30 seconds. End that program."
    ),
    sqlite3.SQLITE_PROTOCOL: (
        "cannot be locked. Put it on a local disk; network file systems lose data."
    ),
}


def explained(error: SQLAlchemyError, path: Path) -> DatabaseError | None:
    """Return an error of the disk or the file in words, or None for a mistake in a statement."""
    orig = error.orig if isinstance(error, DBAPIError) else None
    code = getattr(orig, "sqlite_errorcode", None)
    if not isinstance(code, int):
        return None
    primary = code & 0xFF
    found: DatabaseError | None = None
    if primary in _UNWRITABLE:
        found = DatabaseUnwritable(f"{path}: {_UNWRITABLE[primary]} ({orig})")
    elif primary in _UNUSABLE:
        found = DatabaseError(f"{path} {_UNUSABLE[primary]} ({orig})")
    if found is not None:
        found.__cause__ = error
    return found
