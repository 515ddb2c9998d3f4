"""One suite over both databases: what the rest relies on, whichever it is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from tests.postgres import Server
from workflows import audit
from workflows.clock import system_clock
from workflows.database import Database, DatabaseError, SqliteDatabase, is_recorded
from workflows.database.postgres import PostgresDatabase
from workflows.tables import connector_state, schema_version

KINDS = ("sqlite", "postgresql")


@dataclass
class Place:
    """Where a database is; as many processes as a test wants open it."""

    make: Callable[[], Database]
    is_shared: bool
    opened: list[Database] = field(default_factory=list)

    async def open(self) -> Database:
        database = self.make()
        await database.open()
        self.opened.append(database)
        return database


@pytest.fixture(params=KINDS)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "sqlite":
        yield Place(lambda: SqliteDatabase(tmp_path / "db.sqlite"), is_shared=False)
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database() as name:
        yield Place(lambda: PostgresDatabase(server.at(name)), is_shared=True)


@pytest.fixture
async def place(where: Place) -> AsyncIterator[Place]:
    yield where
    for each in where.opened:
        await each.close()


@pytest.fixture
async def database(place: Place) -> Database:
    return await place.open()


def put(connection: Connection, key: str, value: str = "0") -> str:
    connection.execute(insert(connector_state).values(connector="c", key=key, value=value))
    return key


def keys(connection: Connection) -> list[str]:
    return list(connection.execute(select(connector_state.c.key).order_by("key")).scalars())


def value(connection: Connection, key: str) -> str:
    found = connection.execute(
        select(connector_state.c.value).where(connector_state.c.key == key)
    ).scalar_one()
    return str(found)


def append(connection: Connection, subject: str) -> int:
    return audit.append(connection, at=system_clock(), actor="a", kind="k", subject=subject)


@pytest.mark.parametrize("recorded", [True, False])
async def test_a_failure_undoes_its_own_work_alone(database: Database, recorded: bool) -> None:
    def broken(connection: Connection) -> str:
        put(connection, "broken")
        raise RuntimeError("no")

    def twice(connection: Connection) -> str:
        put(connection, "twice")
        return put(connection, "twice")

    jobs = [database.write(partial(put, key=f"{n:03}"), recorded=recorded) for n in range(200)]
    jobs.insert(50, database.write(broken, recorded=recorded))
    jobs.insert(0, database.write(twice, recorded=recorded))
    results = await asyncio.gather(*jobs, return_exceptions=True)
    failed = [each for each in results if isinstance(each, Exception)]
    assert [type(each) for each in failed] == [IntegrityError, RuntimeError]
    assert await database.read(keys) == [f"{n:03}" for n in range(200)]


async def test_work_may_go_on_after_an_error_inside_a_savepoint_of_its_own(
    database: Database,
) -> None:
    def work(connection: Connection) -> None:
        put(connection, "a")
        with pytest.raises(IntegrityError), connection.begin_nested():
            put(connection, "a")
        put(connection, "b")

    await database.write(work)
    assert await database.read(keys) == ["a", "b"]


async def test_the_record_goes_on_from_what_was_not_undone(database: Database) -> None:
    def broken(connection: Connection) -> None:
        append(connection, "undone")
        append(connection, "undone too")
        raise ZeroDivisionError

    def work(connection: Connection) -> list[int]:
        first = append(connection, "kept")
        with pytest.raises(ZeroDivisionError), connection.begin_nested():
            broken(connection)
        return [first, append(connection, "after"), append(connection, "last")]

    made, *_ = await asyncio.gather(
        database.write(work),
        database.write(broken),
        database.write(partial(append, subject="of another")),
        return_exceptions=True,
    )
    assert made == [1, 2, 3]
    entries = await database.read(lambda connection: audit.after(connection, 0))
    assert [each.subject for each in entries] == ["kept", "after", "last", "of another"]
    assert [each.seq for each in entries] == [1, 2, 3, 4]
    assert (await database.read(audit.verify)).is_intact


async def test_work_that_waits_shares_a_commit(database: Database) -> None:
    started, may_end = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        put(connection, "first")
        started.set()
        assert may_end.wait(10)

    first = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(started.wait, 10)
    others = [asyncio.create_task(database.write(partial(put, key=f"{n}"))) for n in range(9)]
    await asyncio.sleep(0.05)
    commits = 0
    tell = database.committed.set

    def count() -> None:
        nonlocal commits
        commits += 1
        tell()

    database.committed.set = count  # type: ignore[method-assign]
    may_end.set()
    await asyncio.gather(first, *others)
    assert commits == 1
    assert len(await database.read(keys)) == 10


async def test_a_read_is_one_snapshot(database: Database) -> None:
    is_read, may_go_on = threading.Event(), threading.Event()

    def look_twice(connection: Connection) -> tuple[list[str], list[str]]:
        before = keys(connection)
        is_read.set()
        assert may_go_on.wait(10)
        return before, keys(connection)

    await database.write(partial(put, key="old"))
    looking = asyncio.create_task(database.read(look_twice))
    await asyncio.to_thread(is_read.wait, 10)
    await database.write(partial(put, key="new"))
    may_go_on.set()
    assert await looking == (["old"], ["old"])
    assert await database.read(keys) == ["new", "old"]


async def test_a_read_changes_nothing(database: Database) -> None:
    await asyncio.gather(database.read(partial(put, key="k")), return_exceptions=True)
    assert await database.read(keys) == []


async def test_several_processes_at_once_make_one_chain_without_gaps(place: Place) -> None:
    databases = [await place.open() for _ in range(4)]
    numbers = await asyncio.gather(
        *(each.write(partial(append, subject=f"x{n}")) for n in range(50) for each in databases)
    )
    assert sorted(numbers) == list(range(1, 201))
    found = await databases[0].read(audit.verify)
    assert found.is_intact
    assert found.entries == 200


@pytest.mark.parametrize("recorded", [True, False])
async def test_compare_and_set_lets_one_win_each_time(place: Place, recorded: bool) -> None:
    databases = [await place.open() for _ in range(3)]
    await databases[0].write(partial(put, key="counter"))

    def raise_it(connection: Connection) -> bool:
        seen = value(connection, "counter")
        changed = connection.execute(
            update(connector_state)
            .where(connector_state.c.key == "counter", connector_state.c.value == seen)
            .values(value=str(int(seen) + 1))
        )
        return changed.rowcount == 1

    won = await asyncio.gather(
        *(each.write(raise_it, recorded=recorded) for _ in range(40) for each in databases)
    )
    assert await databases[0].read(partial(value, key="counter")) == str(sum(won))
    assert all(won) or not recorded


async def test_rows_are_claimed_once(place: Place) -> None:
    databases = [await place.open() for _ in range(3)]

    def fill(connection: Connection) -> None:
        for number in range(30):
            put(connection, f"{number:02}", "free")

    await databases[0].write(fill)

    def claim(connection: Connection) -> str | None:
        key = connection.execute(
            select(connector_state.c.key)
            .where(connector_state.c.value == "free")
            .order_by(connector_state.c.key)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).scalar()
        if key is not None:
            mine = connector_state.c.key == key
            connection.execute(update(connector_state).where(mine).values(value="taken"))
        return key

    claimed = await asyncio.gather(
        *(each.write(claim, recorded=False) for _ in range(12) for each in databases)
    )
    found = [key for key in claimed if key is not None]
    assert sorted(found) == [f"{number:02}" for number in range(30)]


async def test_only_a_recorded_write_may_append(database: Database) -> None:
    with pytest.raises(AssertionError, match="recorded"):
        await database.write(partial(append, subject="x"), recorded=False)
    with pytest.raises(AssertionError, match="recorded"):
        await database.read(partial(append, subject="x"))
    assert await database.write(is_recorded)
    assert not await database.write(is_recorded, recorded=False)
    assert await database.write(partial(append, subject="x")) == 1


async def test_a_commit_is_told_to_whoever_waits(place: Place) -> None:
    here = await place.open()
    there = await place.open() if place.is_shared else here
    for database in (here, there):
        database.committed.clear()
        await here.write(partial(append, subject="x"))
        await asyncio.wait_for(database.committed.wait(), 5)


async def test_a_caller_that_gives_up_changes_nothing_for_others(database: Database) -> None:
    jobs = [asyncio.create_task(database.write(partial(put, key=f"{n:02}"))) for n in range(20)]
    await asyncio.sleep(0)
    jobs[3].cancel()
    results = await asyncio.gather(*jobs, return_exceptions=True)
    assert sum(isinstance(each, BaseException) for each in results) == 1
    assert len(await database.read(keys)) in (19, 20)


async def test_a_lease_has_one_holder_at_a_time(place: Place) -> None:
    databases = [await place.open() for _ in range(3 if place.is_shared else 1)]
    holders, most, turns = 0, 0, 0

    async def serve(database: Database) -> None:
        nonlocal holders, most, turns
        async with database.lease("notifier:slack") as lease:
            assert lease.is_held
            assert not lease.lost.is_set()
            holders += 1
            turns += 1
            most = max(most, holders)
            await asyncio.sleep(0.05)
            holders -= 1
        assert not lease.is_held

    await asyncio.gather(*map(serve, databases))
    assert (most, turns) == (1, len(databases))


async def test_leases_of_other_names_are_others(database: Database) -> None:
    async with asyncio.timeout(30), database.lease("a") as one, database.lease("b") as other:
        assert one.is_held
        assert other.is_held


async def test_a_database_that_is_not_open_says_so(place: Place) -> None:
    database = await place.open()
    await database.close()
    with pytest.raises(DatabaseError, match="not open"):
        await database.write(partial(put, key="k"))
    with pytest.raises(DatabaseError, match="not open"):
        await database.read(keys)
    with pytest.raises(DatabaseError, match="not open"):
        await place.make().read(keys)


async def test_tables_of_a_newer_version_are_refused(place: Place) -> None:
    database = await place.open()

    def age(connection: Connection) -> None:
        connection.execute(update(schema_version).values(version_num="9999"))

    await database.write(age)
    with pytest.raises(DatabaseError, match=r"version 9999.*Start the version that wrote it"):
        await place.open()


async def test_a_database_of_somebody_else_is_refused(place: Place) -> None:
    database = await place.open()

    def make_it_theirs(connection: Connection) -> None:
        connection.exec_driver_sql("DROP TABLE alembic_version")

    await database.write(make_it_theirs)
    with pytest.raises(DatabaseError, match="not Countersign's"):
        await place.open()


async def test_everything_comes_back_as_it_was_stored(database: Database) -> None:
    text = "回单 “é” \N{SNOWMAN}\n\\x00 %s :x ?"

    def work(connection: Connection) -> Any:
        put(connection, text, text * 100)
        return value(connection, text)

    assert await database.write(work) == text * 100
    assert await database.read(partial(value, key=text)) == text * 100


async def test_an_error_does_not_tell_what_the_row_contained(database: Database) -> None:
    """Errors are logged; codes, names and account numbers are not."""
    row = {"connector": "c", "key": "DE89370400440532013000", "value": None}
    with pytest.raises(IntegrityError) as caught:
        await database.write(lambda c: c.execute(insert(connector_state).values(**row)))
    assert "DE8937" not in str(caught.value)
    assert "DE8937" not in repr(caught.value.orig)
    assert "value" in str(caught.value)
