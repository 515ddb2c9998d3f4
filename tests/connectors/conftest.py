from __future__ import annotations

from pathlib import Path

import pytest

from tests.connectors.certificates import Identity, make_identity


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="session")
def authority(folder: Path) -> Identity:
    return make_identity(folder, "authority")


@pytest.fixture(scope="session")
def server_identity(folder: Path, authority: Identity) -> Identity:
    return make_identity(folder, "server", authority)


@pytest.fixture(scope="session")
def client_identity(folder: Path, authority: Identity) -> Identity:
    return make_identity(folder, "client", authority)


@pytest.fixture(scope="session")
def seal(folder: Path, authority: Identity) -> Identity:
    """Our certificate for signing."""
    return make_identity(folder, "seal", authority, use_rsa=True)


@pytest.fixture(scope="session")
def bank_seal(folder: Path, authority: Identity) -> Identity:
    """The bank's certificate for signing."""
    return make_identity(folder, "bank seal", authority, use_rsa=True)
