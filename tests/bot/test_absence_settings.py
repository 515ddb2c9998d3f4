"""Settings of delegations: what reaches the company, and delegations nobody could agree to."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import starter
from bot.settings import company_of, load
from tests.bot.test_register_settings import edit, refused
from tests.bot.test_settings import ENVIRON

DELEGATIONS = 'delegations = ["cfo", "controller"] '
QUORUM = "delegations_quorum = 1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    starter.write(tmp_path)
    return tmp_path / "countersign.toml"


def test_they_reach_the_company(path: Path) -> None:
    company = company_of(load(path, ENVIRON))
    assert company.permissions.delegations == {"controller", "cfo"}
    assert company.delegations_quorum == 1
    edit(path, QUORUM, "delegations_quorum = 2")
    assert company_of(load(path, ENVIRON)).delegations_quorum == 2


def test_nobody_acts_for_anybody_where_settings_say_nothing_of_it(path: Path) -> None:
    edit(path, DELEGATIONS, "# ")
    assert company_of(load(path, ENVIRON)).permissions.delegations == frozenset()


def test_somebody_must_be_left_to_agree(path: Path) -> None:
    edit(path, DELEGATIONS, 'delegations = ["cfo"] ')
    said = refused(path)
    assert "1 people may agree to a delegation, and it takes 2" in said
    assert "lower delegations_quorum" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (QUORUM, "delegations_quorum = 0", "greater than or equal to 1"),
        (QUORUM, "delegations_quorum = 6", "less than or equal to 5"),
        (DELEGATIONS, 'delegations = ["controler"] ', "nobody has the role controler"),
    ],
)
def test_a_mistake_is_named(path: Path, old: str, new: str, said: str) -> None:
    edit(path, old, new)
    assert said in refused(path)
