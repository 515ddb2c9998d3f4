"""How the tables came to be what they are, step by step; only who changes them imports this.

To add a step: change `workflows.tables`, write ``versions/v0005_….py``, raise
`workflows.tables.SCHEMA`. A test holds both ways of making the tables against each other.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, insert, inspect

from workflows.tables import SCHEMA, schema_version


def upgrade(connection: Connection, found: str | None, to: str = SCHEMA) -> None:
    """Bring tables of version ``found`` (None: there are none) up to date.

    All of it happens in the caller's transaction, or nothing.
    """
    if found is not None and not inspect(connection).has_table(schema_version.name):
        schema_version.create(connection)
        connection.execute(insert(schema_version).values(version_num=found))
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, to)
