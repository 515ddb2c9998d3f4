"""Names that people would take for others, however they are written."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workflows import lookalikes
from workflows.lookalikes import (
    ACCOUNT_REUSED,
    CONFUSABLES,
    LOOKALIKE,
    MIXED_SCRIPT,
    Known,
    cautions,
    is_mixed_script,
    look_alike,
    skeleton,
)

ACME = Known("ACME GmbH", "DE75512108001245126199", is_trusted=True)
OTHER = "FR1420041010050500013M02606"
TWINS: dict[str, list[str]] = {}
for _drawn, _taken in CONFUSABLES.items():
    TWINS.setdefault(_taken, []).append(_drawn)
names = st.text(min_size=1, max_size=70)


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("ACME GmbH", "АСМЕ GmbH"),  # Cyrillic
        ("ACME GmbH", "ΑCΜΕ GmbH"),  # Greek
        ("ACME GmbH", "ＡＣＭＥ ＧｍｂＨ"),  # fullwidth
        ("ACME GmbH", "𝐀𝐂𝐌𝐄 GmbH"),  # mathematical
        ("ACME GmbH", "ACMÉ"),
        ("ACME GmbH", "A. C. M. E. GmbH & Co. KG"),
        ("ACME GmbH", "ACMI GmbH"),
        ("ACME GmbH", "AMCE GmbH"),
        ("Arnold Maschinen", "Amold Maschinen"),
        ("Illumina", "lllumina"),
        ("Google Ireland Ltd", "G00gle Ireland Limited"),
        ("Müller AG", "Muller"),
        ("Neu & Söhne", "Neu und Sohne GmbH"),
        ("Lindqvist Bea", "Bea Lindqvist"),
        ("Norddeutsche Kabelwerke", "Nordeutsche Kabelwerk"),
        ("北京网络有限公司", "北京网络股份有限公司"),
    ],
)
def test_these_look_alike(name: str, like: str) -> None:
    assert look_alike(name, like)
    assert look_alike(like, name)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("ACME GmbH", "ACME Trading Ltd"),
        ("IBM", "ICM"),
        ("Weber AG", "Wagner AG"),
        ("北京网络有限公司", "上海银行有限公司"),
        ("GmbH", "AG"),
    ],
)
def test_these_do_not(name: str, other: str) -> None:
    assert not look_alike(name, other)


@pytest.mark.parametrize(
    ("name", "is_mixed"),
    [
        ("ACME GmbH", False),
        ("ACME Гmbh", True),
        ("АСМЕ GmbH", True),
        ("ООО Ромашка", False),
        ("ALPHA Ωmega", True),
        ("北京ABC有限公司", False),
        ("トヨタ自動車 Toyota", False),
        ("삼성전자 Samsung", False),
        ("ＡＣＭＥ", False),
        ("4711 & Co.", False),
    ],
)
def test_mixed_scripts(name: str, is_mixed: bool) -> None:
    assert is_mixed_script(name) is is_mixed


def codes(name: str, iban: str = OTHER, *known: Known) -> list[str]:
    return [each.code for each in cautions(name, iban, known or (ACME,))]


def test_what_is_warned_of() -> None:
    assert codes("Somebody Else SARL") == []
    assert codes("ACME GmbH", ACME.iban) == []
    assert codes("ACME GmbH") == [LOOKALIKE], "the same name, and another account"
    assert codes("ACMЕ GmbH") == [MIXED_SCRIPT, LOOKALIKE]
    assert codes("Somebody Else SARL", ACME.iban) == [ACCOUNT_REUSED]
    (said,) = cautions("Somebody Else SARL", ACME.iban, [ACME])
    assert said.params == {"name": "ACME GmbH"}
    assert codes("ACME AG", OTHER, Known("ACME GmbH", ACME.iban, is_trusted=False)) == []


def test_no_more_is_said_than_people_read() -> None:
    many = [Known(f"Payee {number}", OTHER, is_trusted=True) for number in range(50)]
    assert len(cautions("Somebody Else SARL", OTHER, many)) == 5


@given(names)
def test_a_skeleton_is_its_own_skeleton(name: str) -> None:
    assert skeleton(skeleton(name)) == skeleton(name)
    assert look_alike(name, name)


@given(names, names)
def test_looking_alike_goes_both_ways(one: str, other: str) -> None:
    assert look_alike(one, other) == look_alike(other, one)


@given(st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz "), min_size=3, max_size=40), st.data())
def test_confusable_letters_always_warn(name: str, data: st.DataObject) -> None:
    name = name.strip()
    drawn = "".join(data.draw(st.sampled_from([c, *TWINS.get(c, ())])) for c in name)
    assume(drawn != name and any(map(str.isalnum, name)))
    trusted = Known(name, ACME.iban, is_trusted=True)
    assert LOOKALIKE in codes(drawn, OTHER, trusted)


@given(st.text(st.sampled_from("acmetrdng"), min_size=8, max_size=40), st.data())
def test_one_letter_more_or_less_is_near(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name) - 1))
    assert look_alike(name, name[:place] + name[place + 1 :])
    assert look_alike(name, name[:place] + "x" + name[place:])


def test_the_table_says_nothing_of_plain_letters() -> None:
    plain = set("abcdefghjklmnopqrstuvwxyz246789")
    assert not plain & set(CONFUSABLES)
    for drawn, taken in CONFUSABLES.items():
        assert skeleton(f"x{drawn}x") == skeleton(f"x{taken}x"), ascii(drawn)
    assert lookalikes.skeleton("I") == lookalikes.skeleton("l")
