"""Names and references: what is taken can be seen, character by character."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from bot.settings.values import PayeeName
from tests.workflows.lists import IBAN
from workflows import payment_files
from workflows.refusal import Refusal
from workflows.visible_text import clean_text

INVISIBLE = {
    "Hangul filler": "\u3164",
    "half-width filler": "\uffa0",
    "Choseong filler": "ACME\u115f",
    "Jungseong filler": "ACME\u1160",
    "Braille blank": "ACME GmbH" + "\u2800" * 40 + "Mallory",
    "Braille blank alone": "\u2800",
    "grapheme joiner": "ACME\u034f GmbH",
    "variation selector": "ACME\ufe0f GmbH",
    "supplementary variation selector": "ACME\U000e0100 GmbH",
    "Mongolian selector": "ACME\u180b GmbH",
    "Khmer inherent vowel": "ACME\u17b4 GmbH",
    "enclosing mark": "ACME 1\u20dd",
    "object": "ACME\ufffc",
    "zero-width space": "AC\u200bME",
    "soft hyphen": "AC\u00adME",
    "direction": "ACME\u202e GmbH",
    "unassigned ignorable": "ACME\U000e0fff",
}
REFUSED = {
    **{name: (text, "text.control") for name, text in INVISIBLE.items()},
    "heaped": ("A" + "\u0301\u030d\u0353" * 3, "text.marks"),
    "three": ("A\u0336\u0336\u0336", "text.marks"),
    "signs": ("-- (!) --", "text.no_letters"),
    "stars": ("***", "text.no_letters"),
}
TAKEN = (
    "ACME GmbH",
    "Société Générale & Fils",
    "林梅",
    "Nguyễn Thị Ánh",
    "บริษัท น้ำดื่ม",
    "Ö-Bau 24/7",
    "אבג 12",
    "한국은행",
    "क्षेत्र",
    "1&1",
)


def code_of(text: str, field: str = "name") -> str:
    try:
        clean_text(text, field=field, longest=70)
    except Refusal as refusal:
        assert refusal.field == field  # noqa: PT017
        return refusal.code
    return ""


@pytest.mark.parametrize(("text", "code"), REFUSED.values(), ids=REFUSED)
def test_a_name_that_is_not_what_it_seems(text: str, code: str) -> None:
    assert code_of(text) == code
    with pytest.raises(ValidationError):
        TypeAdapter(PayeeName).validate_python(text)
    rows = f"payee,amount,currency,iban\n{'x' if text[0] in '-*' else ''}{text},5.00,EUR,{IBAN}\n"
    (row,) = payment_files.read("list.csv", rows.encode()).rows
    assert bool(row.problems) == (code != "text.no_letters")


def test_a_name_in_a_list_has_a_letter() -> None:
    rows = f"payee,amount,currency,iban\n***,5.00,EUR,{IBAN}\n"
    (row,) = payment_files.read("list.csv", rows.encode()).rows
    assert [each.code for each in row.problems] == ["text.no_letters"]


@pytest.mark.parametrize("text", TAKEN)
def test_names_as_there_are(text: str) -> None:
    assert clean_text(f"  {text} ", field="name", longest=70) == unicodedata.normalize("NFC", text)
    assert TypeAdapter(PayeeName).validate_python(text) == unicodedata.normalize("NFC", text)


def test_references_may_be_signs_alone_and_names_may_be_missing() -> None:
    assert code_of("--", "reference") == ""
    assert code_of("") == ""
    assert code_of("x" * 71) == "text.too_long"


_DRAWN = frozenset("LMNPSZ")


@given(st.text(st.characters() | st.sampled_from("".join(INVISIBLE.values())), max_size=80))
@example("\u3164")
@example("a\u0301\u0301")
def test_what_is_taken_can_be_seen(text: str) -> None:
    try:
        taken = clean_text(text, field="name", longest=70)
    except Refusal:
        return
    assert taken == " ".join(taken.split())
    for each in taken:
        assert unicodedata.category(each)[0] in _DRAWN
        assert each == " " or not unicodedata.category(each).startswith("Z")
        assert each not in "\u2800\ufffc\u3164\uffa0\u115f\u1160\u034f\u17b4\u17b5"
        assert not "\ufe00" <= each <= "\ufe0f"
        assert not "\U000e0000" <= each <= "\U000e0fff"
    marks = "".join("m" if unicodedata.category(each)[0] == "M" else "." for each in taken)
    assert "mmm" not in marks
    assert not taken or any(map(str.isalnum, taken))
    assert clean_text(taken, field="name", longest=70) == taken
