"""PostgreSQL when the wire is cut and the server chooses: nothing is lost, nothing done twice."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

import pytest
from sqlalchemy import Connection, text, update
from sqlalchemy.exc import DBAPIError

from tests.conformance.test_databases import append, keys, put, value
from tests.postgres import Server, running
from tests.postgres_proxy import Cut, Proxy
from workflows import audit
from workflows.database import DatabaseError, DatabaseUnwritable, OutcomeUnknown
from workflows.database.mark import WentBack
from workflows.database.postgres import PostgresDatabase
from workflows.tables import connector_state, schema_version


@pytest.fixture
def name(postgres: Server) -> Iterator[str]:
    with postgres.database() as made:
        yield made


@pytest.fixture
async def database(postgres: Server, name: str) -> AsyncIterator[PostgresDatabase]:
    opened = PostgresDatabase(postgres.at(name))
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def proxy(postgres: Server) -> Iterator[Proxy]:
    made = Proxy(postgres.socket)
    yield made
    made.close()


def through(proxy: Proxy, name: str, patience: float = 30.0) -> PostgresDatabase:
    url = f"postgresql://postgres@127.0.0.1:{proxy.port}/{name}?sslmode=disable"
    return PostgresDatabase(url, patience=patience)


@pytest.fixture
async def wired(proxy: Proxy, name: str) -> AsyncIterator[PostgresDatabase]:
    opened = through(proxy, name)
    await opened.open()
    yield opened
    await opened.close()


def end_own_session(connection: Connection) -> None:
    connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def fails_once(sqlstate: str, key: str) -> Callable[[Connection], str]:
    """Return work that the database makes give way the first time."""
    runs = iter(range(100))

    def work(connection: Connection) -> str:
        put(connection, key)
        if next(runs) == 0:
            connection.exec_driver_sql(
                f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'; END $$"
            )
        return key

    return work


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
async def test_work_that_had_to_give_way_is_run_again(
    database: PostgresDatabase, sqlstate: str, recorded: bool
) -> None:
    jobs = [database.write(partial(put, key=f"{n:02}"), recorded=recorded) for n in range(20)]
    jobs.insert(7, database.write(fails_once(sqlstate, "gave way"), recorded=recorded))
    await asyncio.gather(*jobs)
    assert await database.read(keys) == [*(f"{n:02}" for n in range(20)), "gave way"]


async def test_work_that_always_has_to_give_way_is_given_up(database: PostgresDatabase) -> None:
    runs = 0

    def work(connection: Connection) -> None:
        nonlocal runs
        runs += 1
        connection.exec_driver_sql(
            "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$"
        )

    with pytest.raises(DBAPIError, match="no"):
        await database.write(work)
    assert 1 < runs < 20


async def test_a_real_deadlock_ends_with_both_done(database: PostgresDatabase) -> None:
    for key in ("a", "b"):
        await database.write(partial(put, key=key))
    both = threading.Barrier(2, timeout=5)
    runs = {"ab": 0, "ba": 0}

    def work(connection: Connection, order: str) -> None:
        runs[order] += 1
        for number, key in enumerate(order):
            mine = connector_state.c.key == key
            connection.execute(
                update(connector_state).where(mine).values(value=connector_state.c.value + order)
            )
            if number == 0 and runs[order] == 1:
                both.wait()

    await asyncio.gather(
        *(database.write(partial(work, order=each), recorded=False) for each in runs)
    )
    assert sorted(runs.values()) == [1, 2]
    for key in ("a", "b"):
        assert sorted(await database.read(partial(value, key=key))) == sorted("0abba")


async def test_an_error_that_work_hides_fails_it(database: PostgresDatabase) -> None:
    def hides(connection: Connection) -> None:
        put(connection, "a")
        with pytest.raises(DBAPIError):
            put(connection, "a")

    with pytest.raises(DatabaseError, match="went on after an error"):
        await database.write(hides)
    await database.write(partial(put, key="b"))
    assert await database.read(keys) == ["b"]


@pytest.mark.parametrize("recorded", [True, False])
async def test_a_session_that_ends_before_the_commit_is_begun_anew(
    database: PostgresDatabase, recorded: bool
) -> None:
    runs = 0

    def work(connection: Connection) -> str:
        nonlocal runs
        runs += 1
        put(connection, "mine")
        if runs == 1:
            end_own_session(connection)
        return "done"

    jobs = [database.write(partial(put, key=f"{n:02}"), recorded=recorded) for n in range(10)]
    assert await database.write(work, recorded=recorded) == "done"
    await asyncio.gather(*jobs)
    assert runs == 2
    assert await database.read(keys) == [*(f"{n:02}" for n in range(10)), "mine"]


async def test_a_read_whose_session_ends_is_begun_anew(database: PostgresDatabase) -> None:
    await database.write(partial(put, key="k"))
    runs = 0

    def work(connection: Connection) -> list[str]:
        nonlocal runs
        runs += 1
        if runs == 1:
            end_own_session(connection)
        return keys(connection)

    assert await database.read(work) == ["k"]
    assert runs == 2


async def test_a_restart_of_the_server_is_not_noticed(
    database: PostgresDatabase, postgres: Server, name: str
) -> None:
    end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    for number in range(3):
        await database.write(partial(append, subject=f"{number}"))
        postgres.execute(end_all, [name])
        assert await database.read(lambda connection: audit.head(connection)[0]) == number + 1


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("cut", list(Cut))
async def test_a_connection_lost_during_the_commit(
    wired: PostgresDatabase, proxy: Proxy, cut: Cut, recorded: bool
) -> None:
    runs = 0

    def work(connection: Connection) -> int:
        nonlocal runs
        runs += 1
        put(connection, "k")
        return runs

    proxy.arm(cut)
    answered = await wired.write(work, recorded=recorded)
    assert proxy.cuts == 1
    assert answered == runs == (1 if cut is Cut.AFTER else 2)
    assert await wired.read(keys) == ["k"]


async def test_no_cut_of_many_makes_the_chain_longer_or_shorter(
    wired: PostgresDatabase, database: PostgresDatabase, proxy: Proxy
) -> None:
    async def cutting() -> None:
        for _ in range(6):
            for cut in (Cut.BEFORE, Cut.AFTER):
                proxy.arm(cut)
                await asyncio.sleep(0.03)

    jobs = [
        asyncio.create_task(each.write(partial(append, subject=f"{number}")))
        for number in range(100)
        for each in (wired, database)
    ]
    await cutting()
    numbers = await asyncio.gather(*jobs)
    for number in range(20):
        numbers.append(await wired.write(partial(append, subject=f"last-{number}")))
    assert proxy.cuts > 1
    assert sorted(numbers) == list(range(1, 221))
    assert (await database.read(audit.verify)).is_intact


async def test_what_is_away_for_a_while_is_waited_for(
    wired: PostgresDatabase, proxy: Proxy
) -> None:
    await wired.write(partial(put, key="before"))
    proxy.go_down()
    writing = asyncio.create_task(wired.write(partial(put, key="meanwhile")))
    reading = asyncio.create_task(wired.read(keys))
    await asyncio.sleep(0.5)
    assert not writing.done()
    assert not reading.done()
    proxy.come_up()
    async with asyncio.timeout(30):
        assert await writing == "meanwhile"
        assert "before" in await reading


async def test_what_is_away_for_long_is_told_and_comes_back(proxy: Proxy, name: str) -> None:
    database = through(proxy, name, patience=0.3)
    await database.open()
    proxy.go_down()
    with pytest.raises(DatabaseError, match="cannot be reached"):
        await database.write(partial(put, key="a"))
    began = time.monotonic()
    with pytest.raises(DatabaseError, match="cannot be reached"):
        await database.read(keys)
    assert time.monotonic() - began < 5
    proxy.come_up()
    await database.write(partial(put, key="b"))
    assert await database.read(keys) == ["b"]
    await database.close()


async def test_a_commit_that_nobody_can_be_asked_about_is_said_to_be_unknown(
    proxy: Proxy, name: str, postgres: Server
) -> None:
    database = through(proxy, name, patience=0.3)
    await database.open()
    proxy.arm(Cut.AFTER)

    def and_then_away(connection: Connection) -> None:
        put(connection, "k")
        proxy.refuse_new()

    with pytest.raises(OutcomeUnknown, match="what became of it"):
        await database.write(and_then_away)
    proxy.come_up()
    assert await database.read(keys) == ["k"]
    await database.close()


async def test_a_server_that_took_over_without_the_last_commits_is_found_out(
    wired: PostgresDatabase, proxy: Proxy, name: str
) -> None:
    """A standby that lacks what was committed looks like this: another server, an older record."""
    await wired.write(partial(append, subject="both have it"))
    with running() as other:
        other.execute(f"CREATE DATABASE {name}")
        standby = PostgresDatabase(other.at(name))
        await standby.open()
        await standby.close()

        def and_then_over(connection: Connection) -> None:
            append(connection, "lost")
            proxy.server = other.socket

        proxy.arm(Cut.AFTER)
        with pytest.raises(OutcomeUnknown, match="another server answers now"):
            await wired.write(and_then_over)
        with pytest.raises(WentBack, match="went back in time"):
            await wired.write(partial(append, subject="never"))
        with pytest.raises(WentBack, match="went back in time"):
            await wired.read(audit.head)


async def test_news_come_again_after_the_listener_was_cut_off(
    database: PostgresDatabase, wired: PostgresDatabase, proxy: Proxy
) -> None:
    proxy.go_down()
    await database.write(partial(append, subject="missed"))
    wired.committed.clear()
    proxy.come_up()
    await asyncio.wait_for(wired.committed.wait(), 10)
    wired.committed.clear()
    await database.write(partial(append, subject="heard"))
    await asyncio.wait_for(wired.committed.wait(), 10)


async def test_a_lease_is_lost_with_its_connection_and_the_next_one_has_it(
    database: PostgresDatabase, wired: PostgresDatabase, proxy: Proxy
) -> None:
    async with wired.lease("poller") as lease:
        waiting = asyncio.create_task(database.lease("poller").__aenter__())
        await asyncio.sleep(0.2)
        assert not waiting.done()
        proxy.go_down()
        await asyncio.wait_for(lease.lost.wait(), 10)
        assert not lease.is_held
        proxy.come_up()
        next_one = await asyncio.wait_for(waiting, 10)
        assert next_one.is_held
    await next_one.__aexit__(None, None, None)
    async with asyncio.timeout(30), wired.lease("poller") as again:
        assert again.is_held


async def test_replicas_that_start_together_make_the_tables_once(
    postgres: Server, name: str
) -> None:
    replicas = [PostgresDatabase(postgres.at(name)) for _ in range(4)]
    await asyncio.gather(*(each.open() for each in replicas))
    await asyncio.gather(*(each.write(partial(append, subject="x")) for each in replicas))
    for each in replicas:
        await each.close()


async def test_what_the_server_promises_is_not_less_than_it_should_be(
    postgres: Server, name: str
) -> None:
    postgres.execute(f"ALTER DATABASE {name} SET synchronous_commit TO off")
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_isolation TO serializable")
    database = PostgresDatabase(postgres.at(name))
    await database.open()

    def shown(connection: Connection, name: str) -> object:
        return connection.exec_driver_sql(f"SHOW {name}").scalar_one()

    for recorded in (True, False):
        write = partial(database.write, recorded=recorded)
        assert await write(partial(shown, name="synchronous_commit")) == "on"
        assert await write(partial(shown, name="transaction_isolation")) == "read committed"
    assert await database.read(partial(shown, name="transaction_isolation")) == "repeatable read"
    await database.close()


async def test_a_database_that_is_read_only_is_named(postgres: Server, name: str) -> None:
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only TO on")
    with pytest.raises(DatabaseError, match="read-only"):
        await PostgresDatabase(postgres.at(name)).open()


async def test_a_database_that_became_read_only_stores_nothing(
    database: PostgresDatabase,
) -> None:
    def work(connection: Connection) -> None:
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        put(connection, "k")

    with pytest.raises(DatabaseUnwritable, match="read-only"):
        await database.write(work)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u:s3cret@127.0.0.1:1/db", "cannot be reached"),
        ("postgresql://u:s3cret@[::1:1/db", "no address"),
    ],
)
async def test_what_cannot_be_reached_is_named_without_its_password(url: str, words: str) -> None:
    with pytest.raises(DatabaseError, match=words) as caught:
        await PostgresDatabase(url).open()
    assert "s3cret" not in str(caught.value)


async def test_a_database_that_is_not_there_is_named(postgres: Server) -> None:
    with pytest.raises(DatabaseError, match=r'database "nowhere" does not exist'):
        await PostgresDatabase(postgres.at("nowhere")).open()


async def test_a_replica_stops_when_its_tables_were_changed_behind_its_back(
    wired: PostgresDatabase, database: PostgresDatabase, proxy: Proxy
) -> None:
    proxy.go_down()
    await database.write(
        lambda connection: connection.execute(update(schema_version).values(version_num="9999"))
    )
    proxy.come_up()

    async def write_on() -> None:
        while True:
            await wired.write(partial(append, subject="x"))
            await asyncio.sleep(0.05)

    async with asyncio.timeout(30):
        with pytest.raises(DatabaseError, match="version 9999 now"):
            await write_on()
