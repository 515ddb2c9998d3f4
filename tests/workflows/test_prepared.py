"""Prepared statements: what SQLAlchemy would have done, without it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import (
    Column,
    Connection,
    Insert,
    Integer,
    MetaData,
    Select,
    Table,
    Update,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError

from workflows.database import Database, SqliteDatabase
from workflows.prepared import Prepared
from workflows.tables import receipt, second_factor

NOON = datetime(2026, 11, 24, 12, 30, 0, 123_456, tzinfo=UTC)

STORE = Prepared(insert(receipt))
ALL = Prepared(select(receipt).order_by(receipt.c.order_id))
NEWEST = Prepared(select(receipt).order_by(receipt.c.order_id.desc()).limit(1))
COUNT = Prepared(select(func.count()).select_from(receipt))
MOVE = Prepared(
    update(receipt)
    .where(receipt.c.order_id == bindparam("order"), receipt.c.stored_at < bindparam("at"))
    .values(stored_at=bindparam("at"), reference=bindparam("order"), booked_on=None)
)
DROP = Prepared(delete(receipt).where(receipt.c.order_id == bindparam("order")))


def _receipt(order: str, **changed: object) -> dict[str, object]:
    return {
        "order_id": order,
        "reference": "R-7",
        "media_type": "text/plain",
        "content": b"\x00\xff",
        "sha256": "0" * 64,
        "booked_on": date(2026, 11, 23),
        "is_official": True,
        "stored_at": NOON,
        **changed,
    }


@pytest.fixture
async def database(empty_database: Database) -> AsyncIterator[Database]:
    await empty_database.open()
    yield empty_database
    await empty_database.close()


async def test_rows_are_what_sqlalchemy_returns(database: Database) -> None:
    def work(connection: Connection) -> None:
        for order in ("A", "B"):
            assert STORE.run(connection, _receipt(order)) == 1
        assert STORE.run(connection, _receipt("C", booked_on=None)) == 1
        expected = [tuple(row) for row in connection.execute(select(receipt).order_by("order_id"))]
        found = ALL.rows(connection, {})
        assert found == expected
        assert [[type(value) for value in row] for row in found] == [
            [type(value) for value in row] for row in expected
        ]
        assert dict(zip(receipt.c.keys(), found[0], strict=True)) == _receipt("A")
        assert NEWEST.row(connection, {}) == found[2]

    await database.write(work)


async def test_instants_are_stored_in_utc_and_come_back_aware(database: Database) -> None:
    away = NOON.astimezone(timezone(timedelta(hours=8)))

    def work(connection: Connection) -> None:
        STORE.run(connection, _receipt("A", stored_at=away))
        (row,) = ALL.rows(connection, {})
        assert row[-1] == NOON
        assert row[-1].tzinfo is UTC
        with pytest.raises(ValueError, match="naive"):
            STORE.run(connection, _receipt("B", stored_at=NOON.replace(tzinfo=None)))

    await database.write(work)
    assert await database.read(lambda c: c.execute(select(receipt.c.stored_at)).scalar()) == NOON


async def test_changes_are_counted(database: Database) -> None:
    later = NOON + timedelta(microseconds=1)

    def work(connection: Connection) -> None:
        STORE.run(connection, _receipt("A"))
        assert MOVE.run(connection, {"order": "A", "at": NOON}) == 0
        assert MOVE.run(connection, {"order": "A", "at": later}) == 1
        row = ALL.row(connection, {})
        assert row == tuple(_receipt("A", stored_at=later, reference="A", booked_on=None).values())
        assert DROP.run(connection, {"order": "B"}) == 0
        assert DROP.run(connection, {"order": "A"}) == 1
        assert ALL.row(connection, {}) is None

    await database.write(work)


async def test_a_missing_parameter_is_named(database: Database) -> None:
    with pytest.raises(KeyError, match="order"):
        await database.write(lambda c: DROP.run(c, {"at": NOON}))


async def test_the_drivers_errors_are_sqlalchemys_and_tell_no_value(database: Database) -> None:
    await database.write(lambda c: STORE.run(c, _receipt("A")))
    with pytest.raises(IntegrityError, match=r"UNIQUE constraint failed|duplicate key") as caught:
        await database.write(lambda c: STORE.run(c, _receipt("A", reference="secret")))
    assert "secret" not in str(caught.value)
    assert isinstance(caught.value.orig, sqlite3.IntegrityError | psycopg.IntegrityError)

    def drop_table(connection: Connection) -> None:
        receipt.drop(connection)
        STORE.run(connection, _receipt("B"))

    with pytest.raises(DBAPIError, match=r"no such table|does not exist"):
        await database.write(drop_table)
    assert await database.read(lambda c: COUNT.row(c, {})) == (1,)


async def test_work_that_fails_in_a_group_undoes_its_prepared_changes_alone(
    database: Database,
) -> None:
    def broken(connection: Connection) -> None:
        STORE.run(connection, _receipt("broken"))
        STORE.run(connection, _receipt("000"))  # a constraint fails inside the driver

    def store(order: str) -> asyncio.Future[int]:
        return asyncio.ensure_future(database.write(lambda c: STORE.run(c, _receipt(order))))

    await store("000")
    jobs = [store(f"{number:03}") for number in range(1, 50)]
    failing = asyncio.ensure_future(database.write(broken))
    jobs += [store(f"{number:03}") for number in range(50, 100)]
    assert await asyncio.gather(*jobs) == [1] * 99
    with pytest.raises(IntegrityError):
        await failing
    found = await database.read(lambda c: [row[0] for row in ALL.rows(c, {})])
    assert found == [f"{number:03}" for number in range(100)]


async def test_a_read_that_starts_with_one_is_one_snapshot(database: Database) -> None:
    is_read, may_go_on = threading.Event(), threading.Event()

    def work(connection: Connection) -> tuple[object, object]:
        before = COUNT.row(connection, {})
        is_read.set()
        assert may_go_on.wait(10)
        return before, COUNT.row(connection, {})

    reading = asyncio.create_task(database.read(work))
    await asyncio.to_thread(is_read.wait, 10)
    await database.write(lambda c: STORE.run(c, _receipt("X")))
    may_go_on.set()
    assert await reading == ((0,), (0,))
    assert await database.read(lambda c: COUNT.row(c, {})) == (1,)


async def test_one_statement_serves_several_databases(database: Database, tmp_path: Path) -> None:
    other = SqliteDatabase(tmp_path / "other.sqlite")
    await other.open()
    await other.write(lambda c: STORE.run(c, _receipt("A")))
    await database.write(lambda c: STORE.run(c, _receipt("B")))
    assert await other.read(lambda c: [row[0] for row in ALL.rows(c, {})]) == ["A"]
    assert await database.read(lambda c: [row[0] for row in ALL.rows(c, {})]) == ["B"]
    await other.close()


_STAMPED = Table(
    "stamped", MetaData(), Column("id", Integer), Column("at", Integer, onupdate=lambda: 7)
)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (update(_STAMPED).values(id=bindparam("id")), "computed"),
        (select(receipt).where(receipt.c.order_id.in_(["A", "B"])), "computed"),
        (insert(second_factor).returning(second_factor.c.last_step), "RETURNING"),
    ],
)
async def test_what_is_computed_at_each_call_is_refused(
    database: Database, statement: Select[Any] | Insert | Update, why: str
) -> None:
    with pytest.raises(AssertionError, match=why):
        await database.read(lambda c: Prepared(statement).rows(c, {"id": 1}))
