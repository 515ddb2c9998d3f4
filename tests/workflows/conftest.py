"""What the workflow tests share: a real database with the company's payees in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from tests.workflows.company import ACME, CIPHER, PEOPLE, Hands, Phones
from workflows import payees, second_factor
from workflows.database import Database, SqliteDatabase


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def phones(hands: Hands) -> Phones:
    return Phones(hands)


@pytest.fixture
async def database(tmp_path: Path, hands: Hands, phones: Phones) -> AsyncIterator[Database]:
    opened = SqliteDatabase(tmp_path / "countersign.sqlite")
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
