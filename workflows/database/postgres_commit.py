"""What became of a commit whose answer was lost with the connection."""

from __future__ import annotations

import time
from typing import Any

import psycopg

from workflows.database.base import OutcomeUnknown
from workflows.database.postgres_server import Session, session_of

_GRACE_SECONDS = 2.0
_PAUSE_SECONDS = 0.1
_FUTURE = "22023"


def was_committed(connection: psycopg.Connection[Any], xid: str, lost: Session, name: str) -> bool:
    """Ask over a new connection what became of a transaction.

    One that is still open is given a moment, then its session is ended: nobody will finish it,
    and it may hold the record's lock.

    Raises:
        OutcomeUnknown: this is not the server that it was asked to commit on, or too late.
        psycopg.Error: the new connection went too; ask again over another.
    """
    if lost.identity and session_of(connection).identity != lost.identity:
        raise _unknown(name, "another server answers now")
    began = time.monotonic()
    is_ended = False
    while True:
        try:
            row = connection.execute("SELECT pg_xact_status(%s::xid8)", [xid]).fetchone()
        except psycopg.Error as error:
            if error.sqlstate == _FUTURE:
                raise _unknown(name, "the server does not know of it") from error
            raise
        match row[0] if row else None:
            case "committed":
                return True
            case "aborted":
                return False
            case None:
                raise _unknown(name, "the server has forgotten it")
        if not is_ended and time.monotonic() - began > _GRACE_SECONDS:
            _end(connection, lost)
            is_ended = True
        if time.monotonic() - began > 5 * _GRACE_SECONDS:
            raise _unknown(name, "it is under way still")
        time.sleep(_PAUSE_SECONDS)


def _end(connection: psycopg.Connection[Any], lost: Session) -> None:
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid = %s AND backend_start = %s",
        [lost.pid, lost.started],
    )


def _unknown(name: str, why: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"{name}: the connection was lost during a commit, and what became of it cannot be told "
        f"({why}). Look whether it happened before you try again."
    )
