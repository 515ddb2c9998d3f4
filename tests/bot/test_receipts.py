"""Receipts: complete, deterministic, and no letter of a name ever vanishes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.pdfbase.ttfonts import TTFontFile

from bot import fonts
from bot.messages import Messages
from bot.receipts import ReceiptFacts, Signature, render_pdf
from connectors.money import Money

MESSAGES = Messages.load(is_strict=True)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FACTS = ReceiptFacts(
    company="Kestrel Instruments GmbH",
    zone=ZoneInfo("Europe/Berlin"),
    order_id="P7K2M9QXA",
    version=2,
    state="settled",
    account_name="Operating EUR",
    debtor_iban="DE89370400440532013000",
    creditor_name="ACME Präzision GmbH",
    creditor_iban="FR1420041010050500013M02606",
    amount=Money(125000, "EUR"),
    remittance="INV-7",
    end_to_end_id="CS-P7K2M9QXA-0123456789",
    institution="nordbank",
    institution_reference="1234-5678-9abc",
    status="ACSC",
    booked_on=date(2026, 11, 23),
    requested=Signature("Mira Łukasiewicz", NOON),
    approvals=(
        Signature("Owen Price", NOON + timedelta(minutes=3), "controller", "totp"),
        Signature("Amara Okafor", NOON + timedelta(minutes=9), "cfo", "totp"),
    ),
    digest="3f" * 32,
    audit_seq=42,
    audit_hash="ab" * 32,
    evidence_media_type="application/json",
    evidence_sha256="9c" * 32,
    is_official=False,
)

needs_poppler = pytest.mark.skipif(
    shutil.which("pdftotext") is None,
    reason="reads PDFs back with pdftotext (Debian: poppler-utils and poppler-data)",
)


def text_of(facts: ReceiptFacts, language: str = "en") -> str:
    """What an independent reader finds in the rendered file, on one line."""
    read = subprocess.run(
        ["pdftotext", "-layout", "-enc", "UTF-8", "-", "-"],
        input=render_pdf(MESSAGES, language, facts),
        capture_output=True,
        check=True,
    )
    return " ".join(read.stdout.decode().split())


# ---- letters -----------------------------------------------------------------------------------


@given(st.text())
def test_every_character_is_drawn_or_named(text: str) -> None:
    runs = fonts.legible(text)
    shown = "".join(run.text for run in runs)
    for run in runs:
        assert all(fonts.draws(run.font, character) for character in run.text)
    for character in unicodedata.normalize("NFC", " ".join(text.splitlines())):
        assert character in shown or f"{ord(character):04X}" in shown


def test_what_a_font_draws_it_has() -> None:
    face = TTFontFile(str(Path(fonts.__file__).parent / "DejaVuSans.ttf"), charInfo=1)
    for code in range(sys.maxunicode + 1):
        if fonts.draws(fonts.TEXT, chr(code)):
            assert face.charToGlyph[code] > 0


@pytest.mark.parametrize(
    "name",
    [
        "Grüße & Söhne",
        "Łódź Ćwikła",
        "Dvořák Šťastný",
        "Ağaoğlu İş",
        "Ștefan Țânțar",
        "Nguyễn Ệ",
        "Ωμέγα Άλφα",
        "ООО «Ромашка»",
        "Київ Ґанок",
        "北京云帆科技有限公司",
        "臺灣積體電路",
        "カタカナ ひらがな",
        "€ £ ¥ ₺ ₽",
    ],
)
def test_names_of_the_world_are_drawn_whole(name: str) -> None:
    assert "".join(run.text for run in fonts.legible(name)) == name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ก", "[U+0E01]"),
        ("a שלום b", "a [U+05E9 05DC 05D5 05DD] b"),
        ("\u202eevil", "[U+202E]evil"),
        ("zero\u200bwidth", "zero[U+200B]width"),
        ("\U0002cb4e", "[U+2CB4E]"),
        ("\ud800", "[U+D800]"),
        ("tab\tand\x00null", "tab[U+0009]and[U+0000]null"),
        ("two\nlines", "two lines"),
        ("e\u0301", "é"),
        ("", ""),
    ],
)
def test_what_cannot_be_drawn_is_named(text: str, shown: str) -> None:
    assert "".join(run.text for run in fonts.legible(text)) == shown


# ---- the document ------------------------------------------------------------------------------


@pytest.mark.parametrize("language", MESSAGES.languages)
def test_the_same_facts_give_the_same_bytes(language: str) -> None:
    first = render_pdf(MESSAGES, language, FACTS)
    assert first.startswith(b"%PDF-1.")
    others = [replace(FACTS, creditor_name=f"王{n} Київ") for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda facts: render_pdf(MESSAGES, language, facts), others))
    assert [render_pdf(MESSAGES, language, facts) for facts in others] == drawn
    assert len(set(drawn)) == len(others)
    assert render_pdf(MESSAGES, language, FACTS) == first


def test_it_is_the_same_in_another_process() -> None:
    source = (
        "import sys; from tests.bot.test_receipts import *;"
        "sys.stdout.buffer.write(render_pdf(MESSAGES, 'zh_CN', FACTS))"
    )
    other = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert other.stdout == render_pdf(MESSAGES, "zh_CN", FACTS)


@needs_poppler
def test_it_tells_the_whole_payment() -> None:
    text = text_of(FACTS)
    for told in (
        "Payment confirmation",
        "Kestrel Instruments GmbH",
        "ACME Präzision GmbH",
        "€1,250.00",
        "Paid",
        "P7K2M9QXA, version 2",
        "INV-7",
        "CS-P7K2M9QXA-0123456789",
        "1234-5678-9abc",
        "ACSC",
        "23 Nov 2026",
        "Mira Łukasiewicz 23 Nov 2026, 13:00 UTC+01:00",
        "Owen Price – controller 23 Nov 2026, 13:03 UTC+01:00, authenticator code",
        "Amara Okafor – CFO 23 Nov 2026, 13:09 UTC+01:00, authenticator code",
        "No. 42",
        "3f" * 32,
        "ab" * 32,
        "9c" * 32,
        "It is not a document issued by the bank.",
    ):
        assert told in text


@needs_poppler
def test_in_chinese() -> None:
    facts = replace(FACTS, creditor_name="北京云帆科技有限公司", is_official=True)
    text = text_of(facts, "zh_CN")
    for told in ("付款确认单", "北京云帆科技有限公司", "首席财务官", "银行已就此笔付款出具回单"):
        assert told in text
    assert "并非银行出具" not in text


@needs_poppler
def test_account_numbers_are_masked_unless_they_are_asked_for() -> None:
    masked = text_of(FACTS)
    assert "DE89 •••• 3000" in masked
    assert "FR14 •••• 2606" in masked
    whole = text_of(replace(FACTS, shows_whole_accounts=True))
    assert "DE89 3704 0044 0532 0130 00" in whole
    assert "FR14 2004 1010 0505 0001 3M02 606" in whole


@needs_poppler
@pytest.mark.parametrize(
    "hostile",
    [
        "<b>bold</b> & <font size=99>",
        "</para><img src='file:///etc/passwd'/>",
        "{amount} %s {0}",
        "]]>&#0;<!--",
    ],
)
def test_text_is_text(hostile: str) -> None:
    assert hostile in text_of(replace(FACTS, creditor_name=hostile, institution=hostile))


@needs_poppler
def test_long_texts_and_many_approvers_go_on_over_pages() -> None:
    facts = replace(
        FACTS,
        creditor_name="汉" * 70,
        remittance="Y" * 140,
        amount=Money(10**17, "KWD"),
        booked_on=None,
        approvals=FACTS.approvals * 30,
    )
    text = text_of(facts)
    assert text.count("汉") == 70
    assert text.count("Y") == 140
    assert text.count("Owen Price") == 30
    assert "Page 4" in text


@given(
    st.builds(
        replace,
        st.just(FACTS),
        creditor_name=st.text(max_size=70),
        remittance=st.text(max_size=140),
        company=st.text(max_size=60),
        institution_reference=st.text(max_size=60),
    )
)
def test_no_text_can_break_it(facts: ReceiptFacts) -> None:
    assert render_pdf(MESSAGES, "en", facts).startswith(b"%PDF-1.")
