"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import postgres as postgres_

# A submission is judged on the same examples every time; anywhere else each run tries new ones.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgres_.Server]:
    """A real PostgreSQL server, started when the first test asks for it."""
    with postgres_.running() as server:
        yield server
