"""Files that people send in Telegram: invoices before, during and after, and lists of payments."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from sandbox.telegram import Message
from tests.journeys.telegram_hands import Phone, asked, hurried, requested, rows, shown, until
from tests.journeys.world import World, a_world
from workflows.orders import Order, OrderState, digest_of

TELEGRAM = ("telegram",)
REVIEW = "Is this right?"
PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n%%EOF\n"
ACTIVE = b"%PDF-1.7\n1 0 obj\n<< /S /JavaScript /JS (app.alert(1)) >>\nendobj\n%%EOF\n"
# The smallest picture that is one: 80 × 60, grey.
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0000b08003c005001011100ffd9")
TITLES = ("payee", "amount", "currency", "reference")
LINES = (
    ("ACME GmbH", "1250.00", "EUR", "INV-7"),
    ("acme-trading", "80.10", "USD", "INV-8"),
    ("acme", "20.00", "EUR", "INV-9"),
)


@pytest.fixture(autouse=True)
def pace(monkeypatch: pytest.MonkeyPatch) -> None:
    hurried(monkeypatch)


def a_csv(*lines: tuple[str, ...]) -> bytes:
    return "\n".join(",".join(line) for line in (TITLES, *lines)).encode()


def a_workbook(*lines: tuple[str, ...]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for line in (TITLES, *lines):
        sheet.append(list(line))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


async def answered(phone: Phone, question: Message) -> Message:
    """Answer everything but the invoice from the account on; return what is asked then."""
    await phone.press(question, "Operating EUR")
    await phone.becomes(question, "👉 Amount")
    payee = await phone.sends("500.00", "👉 Payee")
    await phone.press(payee, "ACME GmbH")
    await phone.becomes(payee, "👉 Reference")
    date = await phone.sends("INV-7", "👉 Execution date")
    await phone.press(date, "As soon as possible")
    return await phone.becomes(date, "👉 Invoice")


async def sent(phone: Phone, name: str, content: bytes, *wanted: str) -> Message:
    """Send a file and return the bot's answer with these words."""
    given = await phone.account.send_file(name, content)
    return await phone.sees(*wanted, after=given)


async def requested_from(phone: Phone, world: World, review: Message) -> Order:
    await phone.press(review, "Request")
    await phone.becomes(review, "is with its approvers")
    return (await asked(world))[-1]


async def handed_over(phone: Phone, order: Order) -> bytes:
    """Press the invoice's button of one's card; return the file that comes."""
    card = await phone.card(order, "[Invoice]")
    await phone.press(card, "Invoice")
    message = await phone.account.wait_message(
        lambda m: m.file is not None and order.id in (m.caption or ""), phone.chat, timeout=10
    )
    assert message.file is not None
    return phone.account.read_file(message.file.id)


# ---- invoices ---------------------------------------------------------------------------------


async def test_an_invoice_that_comes_first_begins_a_payment(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        first = await sent(amara, "INV-7.pdf", PDF, "New payment", "Invoice: INV-7.pdf")
        invoice = await answered(amara, first)
        await amara.press(invoice, "Keep: INV-7.pdf")
        order = await requested_from(amara, world, await amara.becomes(invoice, REVIEW))
        assert [each.name for each in order.files] == ["INV-7.pdf"]
        assert order.digest == digest_of(order)
        for name in ("amara", "bea"):
            assert await handed_over(Phone(world, name), order) == PDF
        pad = await Phone(world, "bea").pad(order)
        assert "INV-7.pdf" in shown(pad)


async def test_an_invoice_that_comes_meanwhile_waits_for_its_question(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        question = await amara.sends("/pay", "👉 From account")
        question = await sent(amara, "INV-7.pdf", PDF, "👉 From account", "INV-7.pdf")
        invoice = await answered(amara, question)
        # Another one takes its place; what cannot be taken changes nothing.
        await sent(amara, "trouble.pdf", ACTIVE, "⛔")
        await sent(amara, "program.pdf", b"MZ\x90\x00", "PDF, PNG and JPEG")
        review = await sent(amara, "INV-7b.pdf", PDF + b"\n", REVIEW, "INV-7b.pdf")
        assert "INV-7.pdf" not in shown(review)
        order = await requested_from(amara, world, review)
        assert await handed_over(amara, order) == PDF + b"\n"
        assert "[Invoice]" not in shown(invoice)


async def test_a_photo_is_an_invoice_too(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        invoice = await answered(amara, await amara.sends("/pay", "👉 From account"))
        given = await amara.account.send_photo(JPEG)
        review = await amara.sees(REVIEW, "photo.jpg", after=given)
        assert invoice.message_id < review.message_id
        order = await requested_from(amara, world, review)
        assert order.files[0].media_type == "image/jpeg"
        assert await handed_over(Phone(world, "bea"), order) == JPEG


async def test_an_invoice_that_comes_after_is_added_by_a_change(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        order = await requested(world, "500.00 EUR to ACME GmbH ref INV-7")
        amara, bea = Phone(world, "amara"), Phone(world, "bea")
        card = await amara.card(order, "[Change]")
        assert "[Invoice]" not in shown(card)
        await amara.press(card, "Change")
        await amara.sees(REVIEW, after=card)
        review = await sent(amara, "INV-7.pdf", PDF, REVIEW, "INV-7.pdf")
        await amara.press(review, "Save")
        await amara.becomes(review, "Earlier approvals no longer count")
        assert await handed_over(bea, order) == PDF
        assert (await asked(world))[0].version == 2
        # A file goes with one payment: the same again begins another.
        await sent(amara, "INV-7.pdf", PDF, "New payment", "INV-7.pdf")
        assert len(rows(world, "SELECT 1 FROM kept_file")) == 2


async def test_an_invoice_is_for_those_who_may_see_the_payment(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        ivy = Phone(world, "ivy")
        await sent(ivy, "INV-7.pdf", PDF, "Only staff can ask for payments")
        sam = Phone(world, "sam")
        await sent(sam, "INV-7.pdf", PDF, "do not know you")
        assert rows(world, "SELECT 1 FROM kept_file") == []
        assert "access.denied" in await world.kinds("ivy")


# ---- lists ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
async def test_a_list_becomes_payments(tmp_path: Path, ending: str) -> None:
    content = a_csv(*LINES) if ending == "csv" else a_workbook(*LINES)
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        question = await amara.sends("/pay file", "👉 File")
        confirm = await sent(amara, f"May.{ending}", content, "[Check]")
        assert await amara.account.wait_gone(question)
        await amara.press(confirm, "Check")
        summary = await amara.becomes(confirm, "[Request all]")
        for words in (f"May.{ending}", "€1,270.00", "$80.10", "€1,250.00 · ACME GmbH"):
            assert words in shown(summary)
        assert await asked(world) == []
        await amara.press(summary, "Request all")
        await amara.becomes(summary, "3 payments are requested")
        found = {(o.creditor_name, str(o.amount), o.remittance) for o in await asked(world)}
        assert found == {
            ("ACME GmbH", "1250.00 EUR", "INV-7"),
            ("ACME Trading Ltd", "80.10 USD", "INV-8"),
            ("ACME GmbH", "20.00 EUR", "INV-9"),
        }
        bea = Phone(world, "bea")
        for order in await asked(world):
            await bea.card(order, "[Approve]")


async def test_a_list_that_nobody_asked_for_is_checked_at_once(tmp_path: Path) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        # A payment under way is nobody's list, and a list nobody's invoice.
        question = await amara.sends("/pay", "👉 From account")
        summary = await sent(amara, "May.csv", a_csv(*LINES), "[Request all]")
        assert "May.csv" not in shown(await amara.becomes(question, "👉 From account"))
        assert await asked(world) == []
        await amara.press(summary, "Request all")
        await amara.becomes(summary, "3 payments are requested")
        # The same file again is the same payments, which have to be meant.
        again = await sent(amara, "May.csv", a_csv(*LINES), "[Request all]", "❓ 3 of them equal")
        await amara.press(again, "Request all")
        refused = await amara.becomes(again, "❗ ")
        assert len(await asked(world)) == 3
        await amara.press(refused, "☐ ")
        await amara.press(await amara.becomes(refused, "☑ "), "Request all")
        await amara.becomes(refused, "3 payments are requested")
        assert len(await asked(world)) == 6


async def test_every_mistake_of_a_list_is_named_by_its_line(tmp_path: Path) -> None:
    wrong = (
        ("acme", "12.345", "EUR", ""),
        ("acme", "10.00", "EUR", "INV-1"),
        ("Nobody Known", "10.00", "EUR", ""),
        ("acme", "10.00", "XXQ", ""),
        ("acme", "90000000.00", "EUR", ""),
        ("=cmd", "10.00", "EUR", ""),
    )
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        told = shown(await sent(amara, "May.csv", a_csv(*wrong), "5 mistakes")).splitlines()
        named = [line.partition(":")[0] for line in told if line.startswith("Line ")]
        assert named == ["Line 2", "Line 4", "Line 5", "Line 6", "Line 7"]
        # Many of them go on as many pages as it takes.
        many = [("_" * 69 + "x", "1.00", "EUR", "")] * 40
        first = await sent(amara, "June.csv", a_csv(*many), "40 mistakes")
        read = shown(first)
        if "1 / 2" in read:
            await amara.press(first, "›")
            read += shown(await amara.becomes(first, "2 / 2"))
        assert all(f"Line {number}: " in read for number in range(2, 17))
        assert "and 25 more." in read
        assert await asked(world) == []


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("May.csv", b"hello", "lacks these columns"),
        ("May.csv", a_csv(), "has no payments"),
        ("May.xlsx", b"PK\x03\x04 broken", "damaged"),
        ("May.pdf", PDF, "a CSV file or a workbook"),
        ("May", PDF, "a CSV file or a workbook"),
    ],
    ids=["columns", "empty", "damaged", "pdf", "nameless"],
)
async def test_what_is_no_list_is_refused_and_the_form_waits(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        question = await amara.sends("/pay file", "👉 File")
        await sent(amara, name, content, sentence)
        await amara.becomes(question, "👉 File")
        await sent(amara, "May.csv", a_csv(*LINES), "[Check]")
        assert rows(world, "SELECT name FROM kept_file") == [("May.csv",)]


async def test_a_list_beyond_the_funds_is_refused_whole(tmp_path: Path) -> None:
    lines = [("acme", f"{60_000 + number}.00", "EUR", "x") for number in range(2)]
    async with a_world(tmp_path, chats=TELEGRAM) as world:
        amara = Phone(world, "amara")
        await sent(amara, "May.csv", a_csv(*lines), "Operating EUR has not enough")
        await until(lambda: not rows(world, "SELECT 1 FROM telegram_dialogue"))
        assert await asked(world) == []
        found: list[Any] = rows(world, "SELECT name FROM kept_file WHERE order_id IS NULL")
        assert found == [("May.csv",)]
        assert OrderState.PENDING not in {each.state for each in await asked(world)}
