"""What PostgreSQL's errors mean: run it again, connect again, or tell whoever runs the service."""

from __future__ import annotations

import psycopg
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from workflows.database.base import DatabaseError, DatabaseUnwritable

_AGAIN = frozenset({"40001", "40P01"})
"""The database chose this transaction to give way; run again, it goes through."""

_UNWRITABLE = {
    "53100": "its disk is full. Free some space; nothing was stored, nothing sent.",
    "25006": (
        "it is read-only: a standby, or default_transaction_read_only is set. Name the primary."
    ),
    "58030": "its disk does not take what is written. Look at the server's log.",
    "53200": "it is out of memory. Look at the server's log.",
}
_UNUSABLE = {
    "55P03": (
        "was locked by another replica or a person's session for longer than 30 seconds. "
        "Look for it in pg_stat_activity."
    ),
    "42501": "does not allow this. Let the role own the database or its schema.",
    "XX001": "is damaged. Restore a backup with `countersign restore`.",
    "XX002": "has a damaged index. Have it rebuilt with REINDEX, or restore a backup.",
    "57014": "ended a statement that took too long. Remove statement_timeout for this role.",
}


def orig(error: BaseException) -> psycopg.Error | None:
    """Return the driver's error behind ``error``, if there is one."""
    found = error.orig if isinstance(error, DBAPIError) else error
    return found if isinstance(found, psycopg.Error) else None


def without_values(context: ExceptionContext) -> None:
    """Take out of an error what the row contained: errors are logged, rows are confidential.

    The server adds it as a detail to the error's text.
    """
    found, shown = context.original_exception, context.sqlalchemy_exception
    if not isinstance(found, psycopg.Error) or not found.diag.message_primary:
        return
    found.args = (found.diag.message_primary,)
    if shown is not None:
        shown.args = (f"({type(found).__name__}) {found.diag.message_primary}",)


def gives_way(error: BaseException) -> bool:
    """Whether the same work succeeds when it is run again."""
    found = orig(error)
    return found is not None and found.sqlstate in _AGAIN


def is_connection_lost(error: BaseException) -> bool:
    """Whether a connection that was there broke, so that the same may succeed on another."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, DBAPIError) and found.connection_invalidated:
            return True
        driver = orig(found)
        if isinstance(driver, psycopg.OperationalError) and _is_end(driver):
            return True
        found = found.__cause__
    return False


def _is_end(error: psycopg.OperationalError) -> bool:
    """Whether it is an end by the server (class 57P, Operator Intervention) or of the line.

    A server that cannot be reached at all is neither: a person has to look.
    """
    if error.sqlstate is not None:
        return error.sqlstate.startswith(("57P", "08"))
    return any(each in str(error) for each in _BROKEN)


_BROKEN = ("closed the connection", "connection is lost", "connection is closed")


def explained(error: BaseException, name: str) -> BaseException:
    """Return an error of the server in words; a mistake in a statement is returned as it is."""
    found = orig(error)
    if found is None or isinstance(error, DatabaseError):
        return error
    state = found.sqlstate or ""
    words: DatabaseError | None = None
    if state in _UNWRITABLE:
        words = DatabaseUnwritable(f"{name}: {_UNWRITABLE[state]} ({_first_line(found)})")
    elif state in _UNUSABLE:
        words = DatabaseError(f"{name} {_UNUSABLE[state]} ({_first_line(found)})")
    elif not isinstance(error, SQLAlchemyError):
        words = DatabaseError(f"{name}: {_first_line(found)}")
    if words is None:
        return error
    words.__cause__ = error
    return words


def unreachable(error: BaseException, name: str) -> DatabaseError:
    """Return in words that no connection can be had."""
    found = DatabaseError(
        f"{name} cannot be reached ({_first_line(error)}). Check storage.database, that the server "
        "runs, that it accepts connections from here, and that user and database exist."
    )
    found.__cause__ = error
    return found


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
