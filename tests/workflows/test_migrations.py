"""Tables made at once and tables brought up step by step are the same; old data comes along."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import (
    Connection,
    DateTime,
    Engine,
    MetaData,
    column,
    create_engine,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.exc import DBAPIError

from tests.postgres import Server
from workflows import audit, instructions, migrations, orders
from workflows.clock import system_clock
from workflows.database import DatabaseError, SqliteDatabase
from workflows.database.postgres import PostgresDatabase
from workflows.database.use import Use
from workflows.record import verification
from workflows.tables import SCHEMA, metadata, schema_version

DATA = Path(__file__).parent.parent / "data"
RELEASED = {f"000{number}": DATA / f"version-{number}.sql" for number in (1, 2, 3, 4)}


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = create_engine(f"sqlite:///{tmp_path / 'db.sqlite'}")
        yield made
        made.dispose()
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database() as name:
        made = create_engine(server.at(name).replace("postgresql:", "postgresql+psycopg:"))
        yield made
        made.dispose()


def described(connection: Connection) -> dict[str, Any]:
    """Return all there is to say of the tables, without the order of columns."""
    there = inspect(connection)
    return {
        name: {
            "columns": sorted(
                (each["name"], str(each["type"]), each["nullable"], each["default"])
                for each in there.get_columns(name)
            ),
            "key": there.get_pk_constraint(name)["constrained_columns"],
            "unique": sorted(
                (str(each["name"]), *each["column_names"])
                for each in there.get_unique_constraints(name)
            ),
            "indexes": sorted(
                (str(each["name"]), bool(each["unique"]), str(each["column_names"]))
                for each in there.get_indexes(name)
            ),
        }
        for name in there.get_table_names()
    }


def test_both_ways_of_making_the_tables_make_the_same(engine: Engine) -> None:
    with engine.begin() as connection:
        migrations.upgrade(connection, None)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert connection.execute(select(schema_version.c.version_num)).scalars().all() == [SCHEMA]
        by_steps = described(connection)
        metadata.drop_all(connection)
        metadata.create_all(connection)
        assert described(connection) == by_steps


def test_a_migration_that_fails_leaves_everything_as_it_was(engine: Engine) -> None:
    with engine.begin() as connection:
        migrations.upgrade(connection, None, "0001")
        connection.execute(text("CREATE TABLE home_viewer (chat text)"))  # in the way of 0003
        before = described(connection)
    with (
        engine.begin() as connection,
        _truly_begun(connection),
        pytest.raises(DBAPIError, match="home_viewer"),
    ):
        migrations.upgrade(connection, "0001")
    with engine.begin() as connection:
        assert described(connection) == before


@contextmanager
def _truly_begun(connection: Connection) -> Iterator[None]:
    """Begin before the first change of tables, as SQLite's driver would not, and undo all."""
    driver = connection.connection.driver_connection
    if isinstance(driver, sqlite3.Connection):
        driver.isolation_level = None
        driver.execute("BEGIN")
    yield
    connection.rollback()


def released(version: str, path: Path) -> Path:
    """Write a database as a released version left it; what a WAL would hold is in it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(RELEASED[version].read_text(encoding="utf-8"))
        connection.execute("PRAGMA journal_mode=WAL")
    return path


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(path)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


ALL = ["approved", "failed", "pending", "pending", "rejected", "settled", "submitted", "unknown"]
STATES = [ALL, ["approved", "pending", "pending"]]
"""What the orders of a release are in: those of the newest were amended, and delegated."""
SENT = {"failed", "settled", "submitted", "unknown"}
ENTRIES = text("SELECT seq, body, hash FROM audit_entry ORDER BY seq")
Contents = tuple[list[tuple[Any, ...]], dict[str, str]]


def contents(path: Path) -> Contents:
    """Return the record's entries and the orders' digests, as the file has them."""
    with closing(sqlite3.connect(path)) as connection:
        entries = connection.execute(str(ENTRIES)).fetchall()
        digests = dict(connection.execute("SELECT id, digest FROM payment_order").fetchall())
    return entries, digests


def check_whole(connection: Connection, before: Contents) -> None:
    entries, digests = before
    found = orders.in_states(connection, *orders.OrderState)
    assert sorted(str(each.state) for each in found) in STATES
    for order in found:
        assert order.digest == digests[order.id] == orders.digest_of(order)
        assert order.files == ()
        sent = instructions.find(connection, order.id)
        assert (sent is not None) == (order.state in SENT)
        if sent is not None:
            assert sent.connector == order.connector
            assert sent.cancel_asked_by is None
    assert [tuple(row) for row in connection.execute(ENTRIES)] == entries
    assert audit.verify(connection).is_intact


def append(connection: Connection) -> int:
    return audit.append(connection, at=system_clock(), actor="a", kind="k", subject="x")


@pytest.mark.parametrize("version", RELEASED)
async def test_what_a_release_wrote_comes_up_whole(version: str, tmp_path: Path) -> None:
    path = released(version, tmp_path / "db.sqlite")
    before = contents(path)
    async with opened(path) as database:
        await database.read(partial(check_whole, before=before))
        assert await database.write(append) == len(before[0]) + 1
    async with opened(path) as database:
        report = await database.read(verification.verify)
        assert report.findings == ()
        assert report.entries == len(before[0]) + 1
    with closing(sqlite3.connect(path)) as after:
        assert after.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        names = [row[0] for row in after.execute("SELECT name FROM sqlite_master")]
        assert [name for name in names if name.startswith("_alembic")] == []


@pytest.mark.parametrize("version", RELEASED)
async def test_what_a_release_would_have_written_comes_up_whole_on_a_server(
    version: str, tmp_path: Path, postgres: Server
) -> None:
    path = released(version, tmp_path / "db.sqlite")
    before = contents(path)
    with postgres.database() as name:
        url = postgres.at(name)
        server = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with server.begin() as there, create_engine(f"sqlite:///{path}").connect() as here:
            migrations.upgrade(there, None, version)
            copy_rows(here, there)
        server.dispose()
        database = PostgresDatabase(url)
        await database.open()
        await database.read(partial(check_whole, before=before))
        assert await database.write(append) == len(before[0]) + 1
        await database.close()


def copy_rows(here: Connection, there: Connection) -> None:
    """Copy every row between two databases whose tables are of the same version."""
    tables = MetaData()
    tables.reflect(there)
    for table in tables.sorted_tables:
        if table.name == schema_version.name:
            continue
        kinds = {
            each.name: DateTime() if isinstance(each.type, DateTime) else each.type
            for each in table.columns
        }
        query = select(*(column(each, kind) for each, kind in kinds.items()))
        rows = [
            {
                key: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
                for key, value in row.items()
            }
            for row in here.execute(query.select_from(text(table.name))).mappings()
        ]
        if rows:
            there.execute(insert(table), rows)


async def test_a_copy_is_kept_of_what_was_there_before(tmp_path: Path) -> None:
    path = released("0001", tmp_path / "db.sqlite")
    before = contents(path)
    async with opened(path):
        pass
    kept = tmp_path / f"db.sqlite.before-{SCHEMA}"
    assert contents(kept) == before
    assert kept.stat().st_mode & 0o077 == 0
    async with opened(path) as database:
        await database.write(append)
    assert contents(kept) == before


async def test_older_tables_are_left_alone_where_settings_say_so(tmp_path: Path) -> None:
    path = released("0002", tmp_path / "db.sqlite")
    before = contents(path)
    with pytest.raises(DatabaseError, match=r"version 0002.*countersign migrate"):
        await SqliteDatabase(path, migrates=False).open()
    assert contents(path) == before
    async with opened(path):
        pass
    database = SqliteDatabase(path, migrates=False)
    await database.open()
    await database.close()


async def test_tables_that_are_in_use_are_not_changed(tmp_path: Path, postgres: Server) -> None:
    path = released("0002", tmp_path / "db.sqlite")
    use = Use(path)
    assert use.share(0)
    with pytest.raises(DatabaseError, match=r"version 0002 and is in use"):
        await SqliteDatabase(path).open()
    use.release()
    async with opened(path):
        pass

    with postgres.database() as name:
        running = PostgresDatabase(postgres.at(name))
        await running.open()
        older = update(schema_version).values(version_num="0002")
        await running.write(lambda connection: connection.execute(older).rowcount)
        with pytest.raises(DatabaseError, match=r"version 0002 and is in use"):
            await PostgresDatabase(postgres.at(name)).open()
        await running.close()


async def test_two_that_start_together_change_the_tables_once(tmp_path: Path) -> None:
    path = released("0001", tmp_path / "db.sqlite")
    both = [SqliteDatabase(path), SqliteDatabase(path)]
    results = await asyncio.gather(*(each.open() for each in both), return_exceptions=True)
    assert results == [None, None]
    assert [await each.write(append) for each in both] == [41, 42]
    for each in both:
        await each.close()
