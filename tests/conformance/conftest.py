from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conformance.berlin_group import SETUPS, BerlinGroupBank, Certificates
from tests.conformance.institution import Institution


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates.make(tmp_path_factory.mktemp("institutions"))


@pytest_asyncio.fixture(params=SETUPS)
async def institution(
    request: pytest.FixtureRequest, certificates: Certificates
) -> AsyncIterator[Institution]:
    opened = await BerlinGroupBank.open(SETUPS[request.param](certificates))
    yield opened
    await opened.close()
