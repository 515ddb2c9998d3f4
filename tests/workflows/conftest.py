"""What the workflow tests share: a real database with the company's payees in it, of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.postgres import Server
from tests.workflows.company import ACME, CIPHER, PEOPLE, Hands, Phones
from workflows import payees, second_factor
from workflows.database import Database, SqliteDatabase
from workflows.database.postgres import PostgresDatabase


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def phones(hands: Hands) -> Phones:
    return Phones(hands)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database that is not open yet."""
    if request.param == "sqlite":
        yield SqliteDatabase(tmp_path / "countersign.sqlite")
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database() as name:
        yield PostgresDatabase(server.at(name))


@pytest.fixture
async def database(
    empty_database: Database, hands: Hands, phones: Phones
) -> AsyncIterator[Database]:
    opened = empty_database
    await opened.open()
    await opened.write(lambda c: payees.register(c, [ACME], now=hands()))
    for person in PEOPLE:
        await opened.write(
            partial(
                second_factor.enrol,
                cipher=CIPHER,
                person_id=person.id,
                secret=phones.secret(person.id),
                now=hands(),
            )
        )
    yield opened
    await opened.close()
