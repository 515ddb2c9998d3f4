"""The database: one writer, all or nothing, durable when the await returns."""

from __future__ import annotations

import asyncio
import sqlite3
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, update

from workflows import audit
from workflows.clock import system_clock
from workflows.database import DatabaseError, SqliteDatabase
from workflows.tables import connector_state, schema_version


def _put(connection: Connection, key: str) -> str:
    connection.execute(insert(connector_state).values(connector="c", key=key, value="v"))
    return key


def _keys(connection: Connection) -> list[str]:
    return list(connection.execute(select(connector_state.c.key).order_by("key")).scalars())


async def test_waiting_work_shares_a_commit_and_a_failure_undoes_only_itself(
    tmp_path: Path,
) -> None:
    database = SqliteDatabase(tmp_path / "db.sqlite")
    await database.open()

    def broken(connection: Connection) -> str:
        _put(connection, "broken")
        raise RuntimeError("no")

    jobs = [database.write(partial(_put, key=f"{n:03}")) for n in range(200)]
    jobs.insert(50, database.write(broken))
    results = await asyncio.gather(*jobs, return_exceptions=True)
    assert [r for r in results if isinstance(r, Exception)] == [results[50]]
    assert await database.read(_keys) == [f"{n:03}" for n in range(200)]
    await database.close()


async def test_what_a_write_returned_is_on_the_disk(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "db.sqlite")
    await database.open()
    await database.write(lambda c: _put(c, "k"))
    with sqlite3.connect(tmp_path / "db.sqlite") as other:
        assert other.execute("select key from connector_state").fetchall() == [("k",)]
        assert other.execute("pragma journal_mode").fetchone() == ("wal",)
    await database.close()


async def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "db.sqlite")
    await database.open()
    await database.write(
        lambda c: c.execute(update(schema_version).values(version_num="0099")).rowcount
    )
    await database.close()
    with pytest.raises(DatabaseError, match="version 0099"):
        await SqliteDatabase(tmp_path / "db.sqlite").open()


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "db.sqlite").mkdir()
    with pytest.raises(DatabaseError, match="cannot be opened"):
        await SqliteDatabase(tmp_path / "db.sqlite").open()


async def test_a_read_cannot_write(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "db.sqlite")
    await database.open()
    await database.read(lambda c: _put(c, "k"))
    assert await database.read(_keys) == []
    await database.close()


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("update audit_entry set body = replace(body, 'x7', 'x8') where seq = 7", "hash"),
        ("update audit_entry set actor = 'mallory' where seq = 7", "actor"),
        ("delete from audit_entry where seq = 7", "missing"),
        ("update audit_entry set hash = previous_hash where seq = 7", "hash"),
    ],
)
async def test_an_altered_record_is_found(tmp_path: Path, damage: str, problem: str) -> None:
    database = SqliteDatabase(tmp_path / "db.sqlite")
    await database.open()
    for number in range(1, 11):
        facts = {"n": number}
        await database.write(
            partial(
                audit.append,
                at=system_clock(),
                actor="a",
                kind="k",
                subject=f"x{number}",
                facts=facts,
            )
        )
    intact = await database.read(audit.verify)
    assert intact.is_intact
    assert intact.entries == 10
    with sqlite3.connect(tmp_path / "db.sqlite") as other:
        other.execute(damage)
    found = await database.read(audit.verify)
    assert not found.is_intact
    assert found.broken_at == 7
    assert problem in (found.problem or "")
    await database.close()
