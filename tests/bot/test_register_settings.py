"""Settings of the payee register: what reaches the company, and a register nobody could change."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot import starter
from bot.settings import SettingsErrors, company_of, load
from tests.bot.test_settings import ENVIRON

PAYEES = 'payees = ["controller", "cfo"] '


@pytest.fixture
def path(tmp_path: Path) -> Path:
    starter.write(tmp_path)
    return tmp_path / "countersign.toml"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def refused(path: Path) -> str:
    with pytest.raises(SettingsErrors) as caught:
        load(path, ENVIRON)
    return str(caught.value)


def test_they_reach_the_company(path: Path) -> None:
    company = company_of(load(path, ENVIRON))
    assert company.permissions.payees == {"controller", "cfo"}
    assert (company.payees_quorum, company.payee_cool_off) == (1, timedelta(hours=24))
    edit(path, 'cool_off = "24h"', 'cool_off = "3d"')
    edit(path, "payees_quorum = 1", "payees_quorum = 2")
    company = company_of(load(path, ENVIRON))
    assert (company.payees_quorum, company.payee_cool_off) == (2, timedelta(days=3))


def test_nobody_changes_payees_where_settings_say_nothing_of_it(path: Path) -> None:
    edit(path, PAYEES, "# ")
    assert company_of(load(path, ENVIRON)).permissions.payees == frozenset()


def test_a_change_must_be_possible(path: Path) -> None:
    edit(path, PAYEES, 'payees = ["cfo"] ')
    said = refused(path)
    assert "1 people may change payees, and it takes 2" in said
    assert "lower payees_quorum" in said
    edit(path, 'payees = ["cfo"] ', PAYEES)
    edit(path, "payees_quorum = 1", "payees_quorum = 5")
    assert "it takes 6" in refused(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("payees_quorum = 1", "payees_quorum = 0", "greater than or equal to 1"),
        ("payees_quorum = 1", "payees_quorum = 6", "less than or equal to 5"),
        ('cool_off = "24h"', 'cool_off = "a day"', "no duration"),
        (PAYEES, 'payees = ["controler"] ', "nobody has the role controler"),
        ('# tags = ["utilities"]', 'tags = ["Utilities"]', "not written"),
        ('# tags = ["utilities"]', 'tags = ["a", "b", "c", "d", "e", "f"]', "at most 5"),
    ],
)
def test_a_mistake_is_named(path: Path, old: str, new: str, said: str) -> None:
    edit(path, old, new)
    assert said in refused(path)
