"""Connections to one PostgreSQL database, each set up the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
import structlog
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from workflows.database.base import DatabaseError

log = structlog.get_logger(__name__)

OLDEST = 140000

# Advisory locks are numbers that an application gives a meaning to; 0x636f756e74 is "count".
RECORD_LOCK = 0x636F756E7401
"""Held by the one transaction that appends to the record."""
SETUP_LOCK = 0x636F756E7402
"""Held while tables are created or changed."""
USE_LOCK = 0x636F756E7403
"""Shared by every process that uses the tables; alone who changes or replaces them."""
LEASES = 0x636F756E
"""First half of the locks that are leases; the second is the name's hash."""

CHANNEL = "countersign"
"""On which replicas tell one another that something was recorded."""

_DEFAULTS: dict[str, Any] = {
    "connect_timeout": 10,
    "application_name": "countersign",
    # Of several hosts, the one that takes writes: a failover needs no new setting.
    "target_session_attrs": "read-write",
    # A network that swallows everything is noticed within half a minute.
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
_SETUP = """
SET timezone TO 'UTC';
SET lock_timeout TO '30s';
SET idle_in_transaction_session_timeout TO '30s';
SET default_transaction_isolation TO 'read committed';
SET tcp_keepalives_idle TO 10;
SET tcp_keepalives_interval TO 5;
SET tcp_keepalives_count TO 3;
SELECT set_config('synchronous_commit', 'on', false)
  WHERE current_setting('synchronous_commit') IN ('off', 'local')
"""
_IDENTITY = """
SELECT (SELECT system_identifier FROM pg_control_system())::text
       || '/' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)
"""


@dataclass(frozen=True, slots=True)
class Session:
    """Who serves a connection: enough to ask after it when it is gone.

    Attributes:
        pid: Of the server's process, and when that began.
        identity: Of the server and its timeline: another after a failover or a restore. Empty
            where the server does not say.
    """

    pid: int
    started: Any
    identity: str


class Server:
    """Where the database is, and how a connection to it begins.

    Attributes:
        conninfo: With the password, for the driver alone.
        name: For people; without user and password.
    """

    def __init__(self, url: str) -> None:
        try:
            given = conninfo_to_dict(url)
        except psycopg.ProgrammingError:  # its text has the address, with the password
            raise DatabaseError(
                "storage.database is no address of a PostgreSQL database. "
                "Write postgresql://user@host/database."
            ) from None
        self.conninfo = make_conninfo("", **{**_DEFAULTS, **given})
        host, port = given.get("host") or "localhost", given.get("port")
        at = f"{host}:{port}" if port else f"{host}"
        self.name = f"postgresql://{at}/{given.get('dbname') or given.get('user') or ''}"

    def connect(self) -> psycopg.Connection[Any]:
        """Return a new connection that commits by itself; raises `psycopg.Error`."""
        connection = psycopg.connect(self.conninfo, autocommit=True)
        connection.execute(_SETUP)
        return connection

    async def connect_async(self) -> psycopg.AsyncConnection[Any]:
        """Return a new connection for the event loop; raises `psycopg.Error`."""
        connection = await psycopg.AsyncConnection.connect(self.conninfo, autocommit=True)
        await connection.execute(_SETUP)
        return connection

    def check(self, connection: psycopg.Connection[Any]) -> None:
        """See that the server can keep what it is given; raises `DatabaseError`."""
        version = connection.info.server_version
        if version < OLDEST:
            raise DatabaseError(
                f"{self.name} is PostgreSQL {version // 10000}; version {OLDEST // 10000} or newer "
                "is needed."
            )
        (encoding,) = connection.execute("SHOW server_encoding").fetchone() or ("",)
        if encoding != "UTF8":
            raise DatabaseError(
                f"{self.name} stores text as {encoding}. Create the database with ENCODING 'UTF8'."
            )
        (fsync,) = connection.execute("SHOW fsync").fetchone() or ("",)
        if fsync != "on":
            log.error("database.fsync_off", database=self.name, meaning="a crash loses payments")


def session_of(connection: psycopg.Connection[Any]) -> Session:
    """Return who serves a connection that is in no transaction."""
    row = connection.execute(
        "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    ).fetchone()
    pid, started = row or (connection.info.backend_pid, None)
    try:
        (identity,) = connection.execute(_IDENTITY).fetchone() or ("",)
    except psycopg.DatabaseError:  # some hosted servers do not say
        if connection.closed:
            raise
        identity = ""
    return Session(pid, started, identity)
