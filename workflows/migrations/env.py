"""Run by Alembic, with the connection that `workflows.migrations.upgrade` was given."""

from __future__ import annotations

from alembic import context

from workflows.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can undo a change of tables as well as PostgreSQL; Alembic would not ask it to.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
